//! A wrong clock: how it is noticed, and when it stops the recording of events.
//!
//! Every event carries the time at which it was recorded, from the clock of the machine that recorded it. On Postgres
//! the database has its own clock, and reading the head also reads its time, so no extra query is needed. An `SQLite`
//! file has no clock. There, only the newest event can show a wrong clock, and only one that is behind. Whichever clock
//! is wrong, no event is ever recorded at an earlier time than the event before it.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use super::Head;
use crate::clock::Clock;

/// A larger difference between the clocks is reported.
const NAMED: TimeDelta = TimeDelta::minutes(1);
/// A larger difference from the database's clock stops the recording.
const REFUSED: TimeDelta = TimeDelta::minutes(5);

/// A clock that is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockOff {
    /// How far it is ahead. Negative if it is behind.
    pub by: TimeDelta,
    /// What it was compared with.
    pub of: Witness,
}

/// What a clock is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Witness {
    /// The database's own clock.
    Database,
    /// The recording time of the newest event, which cannot be in the future.
    NewestEvent,
}

impl ClockOff {
    /// Whether this stops the recording. The newest event's time may itself be wrong, and stopping because of it would
    /// stop for good, so that is only reported.
    pub fn is_refused(&self) -> bool {
        self.of == Witness::Database && self.by.abs() > REFUSED
    }
}

impl fmt::Display for ClockOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if self.by < TimeDelta::zero() { "behind" } else { "ahead of" };
        let of = match self.of {
            Witness::Database => "the database's",
            Witness::NewestEvent => "the recording time of the newest event",
        };
        write!(f, "this server's clock is {} s {side} {of}", self.by.num_seconds().abs())
    }
}

impl Head {
    /// How far the machine's clock was off when it said `now`, if it was far enough off to be named. None for a simulated
    /// clock, which may show any time.
    pub fn clock_off(&self, clock: &Clock, now: DateTime<Utc>) -> Option<ClockOff> {
        self.compared(clock, now).filter(|off| off.by.abs() > NAMED)
    }

    /// What the machine's clock said, compared with the database's clock or the newest event.
    pub fn compared(&self, clock: &Clock, now: DateTime<Utc>) -> Option<ClockOff> {
        matches!(clock, Clock::Machine).then(|| self.compared_at(now))
    }

    fn compared_at(&self, now: DateTime<Utc>) -> ClockOff {
        match self.database_time {
            Some(time) => ClockOff { by: now - time, of: Witness::Database },
            None => ClockOff { by: (now - self.recorded_at).min(TimeDelta::zero()), of: Witness::NewestEvent },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_domain::fact::envelope::Position;

    fn head(recorded: i64, database: Option<i64>) -> Head {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).expect("an instant");
        Head { position: Position(1), recorded_at: at(recorded), epoch: 1, database_time: database.map(at) }
    }

    #[test]
    fn a_clock_is_compared_with_the_database_or_else_with_the_newest_event() {
        let now = DateTime::from_timestamp(10_000, 0).expect("an instant");
        for (recorded, database, by, of, is_refused) in [
            (9_000, Some(10_050), -50, Witness::Database, false),
            (9_000, Some(9_900), 100, Witness::Database, false),
            (9_000, Some(9_700), 300, Witness::Database, false),
            (9_000, Some(9_699), 301, Witness::Database, true),
            (99_000, Some(10_301), -301, Witness::Database, true),
            (99_000, Some(10_001), -1, Witness::Database, false),
            (99_000, None, -89_000, Witness::NewestEvent, false),
            (9_000, None, 0, Witness::NewestEvent, false),
        ] {
            let off = head(recorded, database).compared_at(now);
            assert_eq!((off.by, off.of), (TimeDelta::seconds(by), of), "{recorded} {database:?}");
            assert_eq!(off.is_refused(), is_refused, "{recorded} {database:?}");
        }
    }

    #[test]
    fn a_simulated_clock_is_never_off_and_a_machine_clock_is_reported_beyond_a_minute() {
        let far = head(0, Some(0));
        let now = Clock::Machine.now();
        assert_eq!(far.clock_off(&Clock::standing_at(far.recorded_at), now), None);
        assert_eq!(far.clock_off(&Clock::going_on_from(far.recorded_at), now), None);
        let off = far.clock_off(&Clock::Machine, now).expect("it is far from 1970");
        assert!(off.to_string().ends_with(" s ahead of the database's"), "{off}");
        let near = Head { database_time: Some(now), ..far };
        assert_eq!(near.clock_off(&Clock::Machine, now), None);
    }
}
