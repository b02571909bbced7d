//! Turns: the number of subscription items made at once. The limit leaves capacity for writers while many subscribers
//! replay the log.
//!
//! A turn is taken for one item and returned when the item is made, before it is sent: a peer that reads slowly holds
//! none. Logins take turns in rotation, however many subscriptions each has.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::caller::CallerKey;

/// The items of one login that may queue for a turn at once.
const QUEUED_MAX: usize = 2;
/// The number of queues above which empty ones are dropped.
const QUEUES_KEPT: usize = 1_000;

/// The turns of one service.
#[derive(Debug)]
pub(super) struct Turns {
    all: Arc<Semaphore>,
    queues: Mutex<HashMap<CallerKey, Weak<Semaphore>>>,
}

/// The queue of one login.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    all: Arc<Semaphore>,
    own: Arc<Semaphore>,
}

/// A turn, held until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    // Fields are dropped in this order.
    _turn: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

impl Default for Turns {
    /// Half of the processors.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { all: Arc::new(Semaphore::new((processors / 2).max(1))), queues: Mutex::default() }
    }
}

impl Turns {
    /// The queue of a login.
    pub(super) fn queue(&self, who: &CallerKey) -> Queue {
        let mut queues = self.queues.lock().expect("no code panics while it holds the lock");
        if queues.len() >= QUEUES_KEPT {
            queues.retain(|_, queue| queue.strong_count() > 0);
        }
        let queue = queues.entry(who.clone()).or_default();
        let own = queue.upgrade().unwrap_or_else(|| {
            let own = Arc::new(Semaphore::new(QUEUED_MAX));
            *queue = Arc::downgrade(&own);
            own
        });
        Queue { all: Arc::clone(&self.all), own }
    }
}

impl Queue {
    /// Waits for a turn.
    pub(super) async fn turn(&self) -> Turn {
        let place = Arc::clone(&self.own).acquire_owned().await.expect("a queue is never closed");
        let turn = Arc::clone(&self.all).acquire_owned().await.expect("the turns are never closed");
        Turn { _turn: turn, _place: place }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::caller::tests::key;

    fn one_at_a_time() -> Turns {
        Turns { all: Arc::new(Semaphore::new(1)), queues: Mutex::default() }
    }

    #[test]
    fn turns_are_taken_one_after_the_other() {
        let turns = one_at_a_time();
        let (ann, ben) = (turns.queue(&key("ann")), turns.queue(&key("ben")));
        let first = ann.turn().now_or_never().expect("free");
        assert!(ben.turn().now_or_never().is_none());
        drop(first);
        assert!(ben.turn().now_or_never().is_some());
    }

    #[tokio::test]
    async fn many_items_of_one_login_do_not_delay_another_login_behind_all_of_them() {
        let turns = one_at_a_time();
        let (ann, ben) = (turns.queue(&key("ann")), turns.queue(&key("ben")));
        let held = ben.turn().await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let wait = |queue: &Queue, name: &'static str| {
            let (queue, order) = (queue.clone(), Arc::clone(&order));
            tokio::spawn(async move {
                let _turn = queue.turn().await;
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
        assert!(before_ben.is_some_and(|before| before <= QUEUED_MAX), "{before_ben:?}");
    }

    #[test]
    fn a_caller_has_one_queue_and_empty_queues_are_dropped() {
        let turns = one_at_a_time();
        let kept = turns.queue(&key("zo\u{e9}"));
        assert!(Arc::ptr_eq(&kept.own, &turns.queue(&key("zo\u{e9}")).own));
        for nth in 0..QUEUES_KEPT {
            drop(turns.queue(&key(&nth.to_string())));
        }
        assert_eq!(turns.queues.lock().expect("queues").len(), 2);
    }
}
