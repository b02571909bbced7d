//! When a delivery is tried again, and when it is given up.
//!
//! Pure: the time and the chance are passed in.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// The wait after the first failure. Each further one is three times as long.
const FIRST_WAIT: TimeDelta = TimeDelta::seconds(5);
/// The longest wait.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(8);
/// How long an event is tried before it is given up.
pub const GIVES_UP_AFTER: TimeDelta = TimeDelta::hours(72);
/// A wait is longer or shorter by up to this part of it, so that subscribers who failed together are not tried together.
const JITTER_PERCENT: i64 = 20;

/// What a receiver answered, as far as it decides what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It took the event.
    Taken,
    /// It wants no more events of this subscription (410).
    Gone,
    /// Anything else, or nothing.
    Failed {
        /// When it asked to be tried again, if it did.
        retry_after: Option<DateTime<Utc>>,
    },
}

/// What follows an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The next event.
    GoOn,
    /// The same event, then.
    Again(DateTime<Utc>),
    /// Nothing: the event was tried for long enough.
    GiveUp,
    /// Nothing: the receiver wants no more.
    Stop,
}

/// The failures of one event so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failures {
    /// How many attempts failed, with this one.
    pub attempts: i64,
    /// When the first of them failed.
    pub since: DateTime<Utc>,
}

/// What follows an attempt at this time. `chance` is any number.
pub fn next(answer: &Answer, failures: Failures, now: DateTime<Utc>, chance: u16) -> Next {
    let retry_after = match answer {
        Answer::Taken => return Next::GoOn,
        Answer::Gone => return Next::Stop,
        Answer::Failed { retry_after } => *retry_after,
    };
    let at_least = retry_after.map_or(TimeDelta::zero(), |at| at - now).min(LONGEST_WAIT);
    let wait = jittered(wait_after(failures.attempts), chance).max(at_least);
    let last = failures.since + GIVES_UP_AFTER;
    match now + wait {
        at if at <= last => Next::Again(at),
        // The last attempt is at the end of the time, however long the wait would be.
        _ if now < last => Next::Again(last),
        _ => Next::GiveUp,
    }
}

fn wait_after(attempts: i64) -> TimeDelta {
    let times = u32::try_from(attempts - 1).ok().and_then(|power| 3_i32.checked_pow(power));
    times.and_then(|times| FIRST_WAIT.checked_mul(times)).map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT))
}

fn jittered(wait: TimeDelta, chance: u16) -> TimeDelta {
    let span = wait.num_milliseconds() * JITTER_PERCENT / 100;
    let off = span * 2 * i64::from(chance) / i64::from(u16::MAX) - span;
    wait + TimeDelta::milliseconds(off)
}

/// Reads a `Retry-After` header: seconds, or an HTTP date.
pub fn retry_after(header: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let header = header.trim();
    match header.parse::<u64>() {
        Ok(seconds) => now.checked_add_signed(TimeDelta::from_std(Duration::from_secs(seconds)).ok()?),
        Err(_) => DateTime::parse_from_rfc2822(header).ok().map(|at| at.to_utc()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: Answer = Answer::Failed { retry_after: None };

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn waits_grow_to_eight_hours_and_end_after_three_days() {
        let (mut now, mut attempts, mut waits) = (at(0), 0, Vec::new());
        loop {
            attempts += 1;
            match next(&FAILED, Failures { attempts, since: at(0) }, now, u16::MAX / 2) {
                Next::Again(then) => {
                    waits.push((then - now).num_minutes());
                    now = then;
                }
                given_up => {
                    assert_eq!(given_up, Next::GiveUp);
                    break;
                }
            }
        }
        assert_eq!(waits[..8], [0, 0, 0, 2, 6, 20, 60, 182]);
        assert!(waits[8..waits.len() - 1].iter().all(|wait| (479..=480).contains(wait)), "{waits:?}");
        assert_eq!(now, at(0) + GIVES_UP_AFTER, "the last attempt is at the end of the third day");
    }

    #[test]
    fn chance_moves_a_wait_by_a_fifth_at_most() {
        let after = |chance| match next(&FAILED, Failures { attempts: 4, since: at(0) }, at(0), chance) {
            Next::Again(then) => (then - at(0)).num_milliseconds(),
            other => panic!("{other:?}"),
        };
        assert_eq!((after(0), after(u16::MAX)), (108_000, 162_000));
    }

    #[test]
    fn a_receiver_may_ask_for_a_longer_wait_but_not_for_a_shorter_or_an_endless_one() {
        let asked = |seconds| {
            let answer = Answer::Failed { retry_after: Some(at(seconds)) };
            match next(&answer, Failures { attempts: 1, since: at(0) }, at(0), u16::MAX / 2) {
                Next::Again(then) => (then - at(0)).num_seconds(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!((asked(120), asked(-60), asked(1), asked(1_000_000)), (120, 4, 4, 28_800));
    }

    #[test]
    fn after_a_success_comes_the_next_and_gone_stops() {
        let failures = Failures { attempts: 1, since: at(0) };
        assert_eq!(next(&Answer::Taken, failures, at(0), 0), Next::GoOn);
        assert_eq!(next(&Answer::Gone, failures, at(0), 0), Next::Stop);
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        assert_eq!(retry_after("120", at(5)), Some(at(125)));
        assert_eq!(retry_after("Thu, 01 Jan 1970 01:00:00 GMT", at(0)), Some(at(3_600)));
        for nonsense in ["", "soon", "-5", "18446744073709551615", "1.5"] {
            assert_eq!(retry_after(nonsense, at(0)), None, "{nonsense:?}");
        }
    }
}
