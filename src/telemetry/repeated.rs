//! Repeated failures of one kind. The first is logged at once. While they continue, a line every few seconds gives
//! their number. A last line says that they have ended.
//!
//! Each failure is counted once, by the code that met it first. A layer above that only passes the error on does not
//! log it.

use std::fmt::Debug;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tracing::Level;

/// The interval between log lines while failures continue. They have ended once none occurs for as long.
const EVERY: Duration = Duration::from_secs(10);

/// Failures of one kind in the whole process.
pub struct Repeated {
    message: &'static str,
    level: Level,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The time of the last log line about them. `None` while there is nothing to log.
    said: Option<Instant>,
    /// The number of failures since that line.
    since: u64,
    /// The total number of failures.
    total: u64,
    /// The newest failure, as text.
    newest: String,
}

/// What to log after an interval.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    GoesOn { times: u64, newest: String },
    Over { total: u64 },
}

impl Repeated {
    /// Failures that stop someone from working, with their log message. Logged as errors.
    pub const fn of(message: &'static str) -> Self {
        Self::at(Level::ERROR, message)
    }

    /// Failures that someone should look at. Logged as warnings.
    pub const fn warning(message: &'static str) -> Self {
        Self::at(Level::WARN, message)
    }

    const fn at(level: Level, message: &'static str) -> Self {
        let state = State { said: None, since: 0, total: 0, newest: String::new() };
        Self { message, level, state: Mutex::new(state) }
    }

    /// Counts one failure.
    pub fn met(&'static self, error: &dyn Debug) {
        self.met_times(1, error);
    }

    /// Counts several failures at once.
    pub fn met_times(&'static self, times: u64, error: &dyn Debug) {
        let error = format!("{error:?}");
        if self.state().begins(times, &error, Instant::now()) {
            self.say(times, &error);
            // Without a runtime, the process does one thing and ends.
            if let Ok(runtime) = Handle::try_current() {
                runtime.spawn(self.count());
            }
        }
    }

    /// Logs the number of failures until they end.
    async fn count(&'static self) {
        loop {
            tokio::time::sleep(EVERY).await;
            let said = self.state().since(Instant::now());
            match said {
                Said::GoesOn { times, newest } => self.say(times, &newest),
                // A single failure has already been logged.
                Said::Over { total: 1 } => return,
                Said::Over { total } => return tracing::info!(times = total, "no longer: {}", self.message),
            }
        }
    }

    fn say(&self, times: u64, error: &str) {
        if self.level == Level::ERROR {
            tracing::error!(error, times, "{}", self.message);
        } else {
            tracing::warn!(error, times, "{}", self.message);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while counting")
    }
}

impl State {
    /// Counts failures. Returns whether they are the first. If nothing was logged for long, the counting task has ended
    /// with its runtime.
    fn begins(&mut self, times: u64, error: &str, now: Instant) -> bool {
        error.clone_into(&mut self.newest);
        if self.said.is_some_and(|said| now.duration_since(said) < 3 * EVERY) {
            self.since += times;
            self.total += times;
            return false;
        }
        (self.said, self.since, self.total) = (Some(now), 0, times);
        true
    }

    /// The failures since the last log line.
    fn since(&mut self, now: Instant) -> Said {
        let times = std::mem::take(&mut self.since);
        if times == 0 {
            self.said = None;
            return Said::Over { total: self.total };
        }
        self.said = Some(now);
        Said::GoesOn { times, newest: self.newest.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_its_kind_is_logged_and_the_others_are_counted_until_it_is_over() {
        let (repeated, begin) = (Repeated::of("it fails"), Instant::now());
        let (mut state, at) = (repeated.state(), |secs| begin + Duration::from_secs(secs));
        assert!(state.begins(1, "first", at(0)));
        assert!(!state.begins(7, "second", at(1)));
        assert!(!state.begins(400, "third", at(9)));
        assert_eq!(state.since(at(10)), Said::GoesOn { times: 407, newest: "third".to_owned() });
        assert!(!state.begins(1, "fourth", at(19)));
        assert_eq!(state.since(at(20)), Said::GoesOn { times: 1, newest: "fourth".to_owned() });
        assert_eq!(state.since(at(30)), Said::Over { total: 409 });
        assert!(state.begins(1, "fifth", at(31)), "the failures have ended, so the next one is logged");
        assert_eq!(state.since(at(41)), Said::Over { total: 1 });
    }

    #[test]
    fn failures_after_the_counting_task_has_ended_are_logged_again() {
        let (repeated, begin) = (Repeated::warning("it fails"), Instant::now());
        assert!(repeated.state().begins(1, "first", begin));
        assert!(!repeated.state().begins(1, "second", begin + EVERY));
        assert!(repeated.state().begins(1, "third", begin + 3 * EVERY));
    }
}
