//! Failures of one kind that repeat. The first is logged at once; while they go on, a line now and then says how
//! often; and one says that they are over.
//!
//! Each failure is counted once, by whoever met it first: a layer above that only passes it on says nothing.

use std::fmt::Debug;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tracing::Level;

/// How often it is said that failures go on. They are over once there was none for as long.
const EVERY: Duration = Duration::from_secs(10);

/// Failures of one kind, of the whole process.
pub struct Repeated {
    message: &'static str,
    level: Level,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// When the log last said something of it; none while there is nothing to say.
    said: Option<Instant>,
    /// How often it has happened since.
    since: u64,
    /// How often it has happened in all.
    total: u64,
    /// The newest of them, in words.
    newest: String,
}

/// What there is to say after a while.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    GoesOn { times: u64, newest: String },
    Over { total: u64 },
}

impl Repeated {
    /// Failures that keep somebody from something, with what the log says of them.
    pub const fn of(message: &'static str) -> Self {
        Self::at(Level::ERROR, message)
    }

    /// Failures that somebody should look at.
    pub const fn warning(message: &'static str) -> Self {
        Self::at(Level::WARN, message)
    }

    const fn at(level: Level, message: &'static str) -> Self {
        let state = State { said: None, since: 0, total: 0, newest: String::new() };
        Self { message, level, state: Mutex::new(state) }
    }

    /// It happened once.
    pub fn met(&'static self, error: &dyn Debug) {
        self.met_times(1, error);
    }

    /// It happened to so many at once.
    pub fn met_times(&'static self, times: u64, error: &dyn Debug) {
        let error = format!("{error:?}");
        if self.state().begins(times, &error, Instant::now()) {
            self.say(times, &error);
            // Whoever has no runtime does one thing and ends.
            if let Ok(runtime) = Handle::try_current() {
                runtime.spawn(self.count());
            }
        }
    }

    /// Says how often it happens until it is over.
    async fn count(&'static self) {
        loop {
            tokio::time::sleep(EVERY).await;
            let said = self.state().since(Instant::now());
            match said {
                Said::GoesOn { times, newest } => self.say(times, &newest),
                // What happened once has been said.
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
        self.state.lock().expect("nobody panics while counting")
    }
}

impl State {
    /// Takes failures in; whether they are the first. Where nothing was said of them for long nobody counts them any more:
    /// the runtime has ended.
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

    /// What happened since something was said.
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
    fn the_first_of_its_kind_is_said_and_the_others_are_counted_until_it_is_over() {
        let (repeated, begin) = (Repeated::of("it fails"), Instant::now());
        let (mut state, at) = (repeated.state(), |secs| begin + Duration::from_secs(secs));
        assert!(state.begins(1, "first", at(0)));
        assert!(!state.begins(7, "second", at(1)));
        assert!(!state.begins(400, "third", at(9)));
        assert_eq!(state.since(at(10)), Said::GoesOn { times: 407, newest: "third".to_owned() });
        assert!(!state.begins(1, "fourth", at(19)));
        assert_eq!(state.since(at(20)), Said::GoesOn { times: 1, newest: "fourth".to_owned() });
        assert_eq!(state.since(at(30)), Said::Over { total: 409 });
        assert!(state.begins(1, "fifth", at(31)), "it is over, and the next is another");
        assert_eq!(state.since(at(41)), Said::Over { total: 1 });
    }

    #[test]
    fn failures_that_nobody_counts_any_more_keep_nothing_from_the_log() {
        let (repeated, begin) = (Repeated::warning("it fails"), Instant::now());
        assert!(repeated.state().begins(1, "first", begin));
        assert!(!repeated.state().begins(1, "second", begin + EVERY));
        assert!(repeated.state().begins(1, "third", begin + 3 * EVERY));
    }
}
