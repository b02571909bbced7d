//! Time and randomness: the only code that reads the machine's clock or makes random bytes and ids.
//!
//! Tests, demos and simulations pass in their own clock and randomness.

use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use chrono::{DateTime, NaiveDate, SubsecRound, TimeDelta, Utc};
use chrono_tz::Tz;
use tokio::sync::Notify;
use uuid::{Builder, Uuid};

/// A clock with microsecond precision.
#[derive(Debug)]
pub enum Clock {
    /// The machine's clock.
    Machine,
    /// A simulated clock: it starts at a given time and advances with the machine's clock.
    Story {
        /// The offset from the machine's time, in microseconds.
        ahead_micros: AtomicI64,
    },
    /// A clock that moves only when it is set.
    Set {
        /// Microseconds since 1970.
        micros: AtomicI64,
        /// Announces that the clock was set.
        moved: Notify,
    },
}

/// The longest sleep until a clock is read again: the machine may have been suspended, or its clock corrected.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

impl Clock {
    /// A clock that starts at this instant and advances.
    pub fn going_on_from(instant: DateTime<Utc>) -> Self {
        let ahead = instant.signed_duration_since(machine_time()).num_microseconds().unwrap_or(0);
        Self::Story { ahead_micros: AtomicI64::new(ahead) }
    }

    /// A clock that stays at this instant until it is set.
    pub fn standing_at(instant: DateTime<Utc>) -> Self {
        Self::Set { micros: AtomicI64::new(instant.timestamp_micros()), moved: Notify::new() }
    }

    /// The current time.
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Self::Machine => machine_time(),
            Self::Story { ahead_micros } => {
                machine_time() + TimeDelta::microseconds(ahead_micros.load(Ordering::Relaxed))
            }
            Self::Set { micros, .. } => {
                DateTime::from_timestamp_micros(micros.load(Ordering::Relaxed)).expect("only valid instants are set")
            }
        }
    }

    /// The time that other machines check, such as the time in a signature: the machine's time, unless the clock was
    /// set.
    pub fn time_for_others(&self) -> DateTime<Utc> {
        match self {
            Self::Machine | Self::Story { .. } => machine_time(),
            Self::Set { .. } => self.now(),
        }
    }

    /// Waits until the clock has reached an instant.
    pub async fn reached(&self, instant: DateTime<Utc>) {
        loop {
            let mut set = pin!(match self {
                Self::Set { moved, .. } => Some(moved.notified()),
                Self::Machine | Self::Story { .. } => None,
            });
            // From here on a move is not missed.
            if let Some(moved) = set.as_mut().as_pin_mut() {
                moved.enable();
            }
            let Ok(left) = (instant - self.now()).to_std() else { return };
            if left.is_zero() {
                return;
            }
            match set.as_mut().as_pin_mut() {
                Some(moved) => moved.await,
                None => tokio::time::sleep(left.min(LOOK_AGAIN)).await,
            }
        }
    }

    /// Today's civil date in a zone.
    pub fn today(&self, zone: Tz) -> NaiveDate {
        self.now().with_timezone(&zone).date_naive()
    }

    /// Sets a clock of the kind [`Clock::Set`]. Other clocks follow the machine's clock and do not change.
    pub fn set(&self, instant: DateTime<Utc>) {
        if let Self::Set { micros, moved } = self {
            micros.store(instant.timestamp_micros(), Ordering::Relaxed);
            moved.notify_waiters();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
fn machine_time() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

/// Makes random bytes and ids, from the system or reproducibly from a seed.
#[derive(Debug)]
pub enum Chance {
    /// The system's secure random numbers.
    System,
    /// Numbers derived from a seed, for demos and tests.
    Seeded(Mutex<u64>),
}

impl Chance {
    /// Randomness that is the same for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Mutex::new(seed))
    }

    /// Random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match self {
            Self::System => SystemRandom::new().fill(&mut bytes).expect("the system has random bytes"),
            Self::Seeded(state) => {
                let mut state = state.lock().expect("no panic while holding the seed");
                for chunk in bytes.chunks_mut(8) {
                    chunk.copy_from_slice(&split_mix(&mut state).to_le_bytes()[..chunk.len()]);
                }
            }
        }
        bytes
    }

    /// A time-ordered id (`UUIDv7`) for this instant.
    pub fn id_at(&self, instant: DateTime<Utc>) -> Uuid {
        let millis = u64::try_from(instant.timestamp_millis()).unwrap_or(0);
        Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
    }
}

/// One step of `SplitMix64`: small, evenly distributed, and the same on every platform.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_ids() {
        let at = DateTime::from_timestamp(1_519_894_800, 0).expect("an instant");
        let ids = |seed| {
            let chance = Chance::seeded(seed);
            [chance.id_at(at), chance.id_at(at)]
        };
        assert_eq!(ids(7), ids(7));
        assert_ne!(ids(7)[0], ids(7)[1]);
        assert_ne!(ids(7), ids(8));
        assert_eq!(ids(7)[0].get_version_num(), 7);
    }

    #[tokio::test]
    async fn a_clock_that_is_set_wakes_those_who_wait_for_the_instant_and_nobody_sooner() {
        let at: DateTime<Utc> = "2022-03-31T23:30:00Z".parse().expect("an instant");
        let clock = Clock::standing_at(at);
        clock.reached(at).await;
        let (waiting, setting) = (clock.reached(at + TimeDelta::hours(1)), async {
            for minutes in [30, 59, 60] {
                tokio::task::yield_now().await;
                clock.set(at + TimeDelta::minutes(minutes));
            }
        });
        tokio::join!(waiting, setting);
        assert_eq!(clock.now(), at + TimeDelta::hours(1));
    }

    #[test]
    fn late_in_the_evening_it_is_already_tomorrow_in_summer() {
        let at: DateTime<Utc> = "2022-03-31T23:30:00Z".parse().expect("an instant");
        let clock = Clock::standing_at(at);
        assert_eq!(clock.today(chrono_tz::Europe::London).to_string(), "2022-04-01");
    }
}
