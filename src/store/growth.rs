//! Growth: replaces Postgres sessions whose cached plans were made for much smaller tables.
//!
//! A session caches the plan of a prepared statement. A plan made for empty tables scans all rows: at two thousand rows
//! a lookup by key took a second, and callers that waited for a session timed out after half a minute. Postgres itself
//! notices the new sizes only when autovacuum runs, one or two minutes later. So a session older than the last doubling
//! in size is replaced. Doublings are rare.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// Below this growth, no plan is bad enough to matter.
const LITTLE: i64 = 200;

/// The size of the store, and the time of its last doubling.
#[derive(Debug)]
pub(crate) struct Growth {
    /// The size at the last doubling.
    planned: AtomicI64,
    doubled: Mutex<Instant>,
}

impl Default for Growth {
    fn default() -> Self {
        Self { planned: AtomicI64::new(0), doubled: Mutex::new(Instant::now()) }
    }
}

impl Growth {
    /// Records the current size.
    pub(crate) fn reaches(&self, size: i64) {
        let planned = self.planned.load(Ordering::Relaxed);
        if size > planned.saturating_mul(2).saturating_add(LITTLE)
            && self.planned.compare_exchange(planned, size, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            *self.doubled.lock().expect("no panic while holding the time") = Instant::now();
        }
    }

    /// Whether a session of this age began after the last doubling.
    pub(crate) fn is_planned_for(&self, age: Duration) -> bool {
        age <= self.doubled.lock().expect("no panic while holding the time").elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_from_before_a_doubling_is_replaced_and_one_from_after_it_is_kept() {
        let (growth, hour) = (Growth::default(), Duration::from_hours(1));
        for size in [1, 150, 200] {
            growth.reaches(size);
            assert_eq!(growth.planned.load(Ordering::Relaxed), 0, "{size} is little");
        }
        for (size, planned) in [(201, 201), (602, 201), (603, 603), (500, 603), (1_000_000, 1_000_000)] {
            growth.reaches(size);
            assert_eq!(growth.planned.load(Ordering::Relaxed), planned, "{size}");
        }
        assert!(growth.is_planned_for(Duration::ZERO) && !growth.is_planned_for(hour));
    }
}
