//! Standstill: whether the live view moves while the log grows.
//!
//! Pure, except for the lock around the last observation. The caller supplies the time and both positions.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use throughline_domain::fact::envelope::Position;

/// The most time that the live view may be behind the log without moving before it counts as standing still. A single
/// step takes less, even with much to catch up on a busy disk.
const PATIENCE: Duration = Duration::from_secs(10);

/// When the live view last moved, or had nothing to apply.
#[derive(Debug, Default)]
pub(super) struct Standstill {
    seen: Mutex<Option<(Position, Instant)>>,
}

impl Standstill {
    /// Records the positions of the view and the log. Returns how long the view has not moved, if it counts as standing
    /// still.
    pub(super) fn look(&self, view: Position, head: Position, now: Instant) -> Option<Duration> {
        let mut seen = self.seen.lock().expect("no panic while holding the last observation");
        if view >= head {
            *seen = None;
            return None;
        }
        let since = seen.filter(|(at, _)| *at == view).map_or(now, |(_, since)| since);
        *seen = Some((view, since));
        Some(now.duration_since(since)).filter(|still| *still >= PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_stands_still_when_it_has_not_moved_while_the_log_was_ahead() {
        let (standstill, begin) = (Standstill::default(), Instant::now());
        let at = |millis| begin + Duration::from_millis(millis);
        let look = |millis, view, head| standstill.look(Position(view), Position(head), at(millis));
        assert_eq!(look(0, 7, 7), None);
        assert_eq!(look(60_000, 7, 9), None, "there was nothing to take in before");
        assert_eq!(look(69_999, 7, 12), None);
        assert_eq!(look(70_000, 7, 12), Some(PATIENCE));
        assert_eq!(look(70_500, 8, 12), None, "it moves");
        assert_eq!(look(79_500, 9, 90), None, "it moves in long steps");
        assert_eq!(look(89_400, 9, 900), None);
        assert_eq!(look(89_500, 9, 900), Some(PATIENCE));
        assert_eq!(look(89_600, 900, 900), None);
        assert_eq!(look(90_000, 900, 901), None);
    }
}
