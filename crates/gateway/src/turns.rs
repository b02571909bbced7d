//! Turns: how many items of subscriptions are made at once, so that many who replay the log leave the machine to those who
//! write.
//!
//! A turn is taken for one item and given back when the item is made, before it is sent: a peer that reads slowly holds
//! none. Logins take turns about, whatever number of subscriptions each has.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::caller::CallerKey;

/// Items of one login that are in line for a turn at once.
const IN_LINE: usize = 2;
/// How many lines are kept before those that nobody stands in are thrown away.
const LINES: usize = 1_000;

/// The turns of one service.
#[derive(Debug)]
pub(super) struct Turns {
    all: Arc<Semaphore>,
    lines: Mutex<HashMap<CallerKey, Weak<Semaphore>>>,
}

/// The line of one login.
#[derive(Clone, Debug)]
pub(super) struct Line {
    all: Arc<Semaphore>,
    own: Arc<Semaphore>,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    // In the order in which they go back.
    _turn: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

impl Default for Turns {
    /// Half of the processors.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { all: Arc::new(Semaphore::new((processors / 2).max(1))), lines: Mutex::default() }
    }
}

impl Turns {
    /// The line in which a login stands.
    pub(super) fn line(&self, who: &CallerKey) -> Line {
        let mut lines = self.lines.lock().expect("nobody panics while holding the lines");
        if lines.len() >= LINES {
            lines.retain(|_, line| line.strong_count() > 0);
        }
        let line = lines.entry(who.clone()).or_default();
        let own = line.upgrade().unwrap_or_else(|| {
            let own = Arc::new(Semaphore::new(IN_LINE));
            *line = Arc::downgrade(&own);
            own
        });
        Line { all: Arc::clone(&self.all), own }
    }
}

impl Line {
    /// Waits for a turn.
    pub(super) async fn turn(&self) -> Turn {
        let place = Arc::clone(&self.own).acquire_owned().await.expect("no line is ever closed");
        let turn = Arc::clone(&self.all).acquire_owned().await.expect("turns never end");
        Turn { _turn: turn, _place: place }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::caller::tests::key;

    fn one_at_a_time() -> Turns {
        Turns { all: Arc::new(Semaphore::new(1)), lines: Mutex::default() }
    }

    #[test]
    fn a_turn_is_had_by_one_and_then_by_the_next() {
        let turns = one_at_a_time();
        let (ann, ben) = (turns.line(&key("ann")), turns.line(&key("ben")));
        let first = ann.turn().now_or_never().expect("free");
        assert!(ben.turn().now_or_never().is_none());
        drop(first);
        assert!(ben.turn().now_or_never().is_some());
    }

    #[tokio::test]
    async fn many_of_one_login_do_not_keep_another_waiting_for_all_of_them() {
        let turns = one_at_a_time();
        let (ann, ben) = (turns.line(&key("ann")), turns.line(&key("ben")));
        let held = ben.turn().await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let wait = |line: &Line, name: &'static str| {
            let (line, order) = (line.clone(), Arc::clone(&order));
            tokio::spawn(async move {
                let _turn = line.turn().await;
                order.lock().expect("an order").push(name);
            })
        };
        let mut waiting: Vec<_> = (0..20).map(|_| wait(&ann, "ann")).collect();
        tokio::task::yield_now().await;
        waiting.push(wait(&ben, "ben"));
        tokio::task::yield_now().await;
        drop(held);
        for waited in waiting {
            waited.await.expect("it has its turn");
        }
        let before_ben = order.lock().expect("an order").iter().position(|name| *name == "ben");
        assert!(before_ben.is_some_and(|before| before <= IN_LINE), "{before_ben:?}");
    }

    #[test]
    fn a_caller_stands_in_one_line_and_lines_that_nobody_stands_in_go() {
        let turns = one_at_a_time();
        let kept = turns.line(&key("zo\u{e9}"));
        assert!(Arc::ptr_eq(&kept.own, &turns.line(&key("zo\u{e9}")).own));
        for nth in 0..LINES {
            drop(turns.line(&key(&nth.to_string())));
        }
        assert_eq!(turns.lines.lock().expect("lines").len(), 2);
    }
}
