//! Time and chance: the only code that reads the machine's clock or makes random bytes and ids.
//!
//! Nothing else may: a test, a demo or a simulation hands in its own.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use chrono::{DateTime, NaiveDate, SubsecRound, TimeDelta, Utc};
use chrono_tz::Tz;
use uuid::{Builder, Uuid};

/// Tells the time, to the microsecond.
#[derive(Debug)]
pub enum Clock {
    /// The machine's time.
    Machine,
    /// A story's time: it starts where it was set and goes on with the machine's from there.
    Story {
        /// What to add to the machine's time, in microseconds.
        ahead_micros: AtomicI64,
    },
    /// A time that moves only when it is set.
    Set {
        /// Microseconds since 1970.
        micros: AtomicI64,
    },
}

impl Clock {
    /// A clock that goes on from this instant.
    pub fn going_on_from(instant: DateTime<Utc>) -> Self {
        let ahead = instant.signed_duration_since(machine_time()).num_microseconds().unwrap_or(0);
        Self::Story { ahead_micros: AtomicI64::new(ahead) }
    }

    /// A clock that stands at this instant until it is set.
    pub fn standing_at(instant: DateTime<Utc>) -> Self {
        Self::Set { micros: AtomicI64::new(instant.timestamp_micros()) }
    }

    /// The time now.
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Self::Machine => machine_time(),
            Self::Story { ahead_micros } => {
                machine_time() + TimeDelta::microseconds(ahead_micros.load(Ordering::Relaxed))
            }
            Self::Set { micros } => {
                DateTime::from_timestamp_micros(micros.load(Ordering::Relaxed)).expect("only real instants are set")
            }
        }
    }

    /// Today's civil date in a zone.
    pub fn today(&self, zone: Tz) -> NaiveDate {
        self.now().with_timezone(&zone).date_naive()
    }

    /// Moves a clock that stands; any other goes by the machine and stays as it is.
    pub fn set(&self, instant: DateTime<Utc>) {
        if let Self::Set { micros } = self {
            micros.store(instant.timestamp_micros(), Ordering::Relaxed);
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
    /// Numbers that follow from a seed, for demos and tests.
    Seeded(Mutex<u64>),
}

impl Chance {
    /// Chance that repeats itself for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Mutex::new(seed))
    }

    /// Random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match self {
            Self::System => SystemRandom::new().fill(&mut bytes).expect("the system has random bytes"),
            Self::Seeded(state) => {
                let mut state = state.lock().expect("nobody panics while holding the seed");
                for chunk in bytes.chunks_mut(8) {
                    chunk.copy_from_slice(&split_mix(&mut state).to_le_bytes()[..chunk.len()]);
                }
            }
        }
        bytes
    }

    /// A time-ordered id (`UUIDv7`) of this instant.
    pub fn id_at(&self, instant: DateTime<Utc>) -> Uuid {
        let millis = u64::try_from(instant.timestamp_millis()).unwrap_or(0);
        Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
    }
}

/// One step of `SplitMix64`: small, even, and the same everywhere.
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

    #[test]
    fn late_in_the_evening_it_is_already_tomorrow_in_summer() {
        let at: DateTime<Utc> = "2022-03-31T23:30:00Z".parse().expect("an instant");
        let clock = Clock::standing_at(at);
        assert_eq!(clock.today(chrono_tz::Europe::London).to_string(), "2022-04-01");
    }
}
