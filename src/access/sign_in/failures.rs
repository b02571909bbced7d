//! Failed sign-ins: how many there were from each address and for each name, and when there are too many.
//!
//! Kept in memory, for a minute, with a bound. A token that was accepted before is always read, so that nobody can lock
//! others out by sending tokens that are not valid. Where the server does not know the address, nothing is counted.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use throughline_gateway::Remote;

/// How long failures count.
const WINDOW: Duration = Duration::from_mins(1);
/// The most failures from one address within that time.
const OF_ADDRESS_MAX: u32 = 60;
/// The most failures from one address under one name.
const OF_NAME_MAX: u32 = 10;
/// The most addresses and names that are counted at the same time.
const COUNTED_MAX: usize = 10_000;
/// The most accepted tokens that are remembered.
const ACCEPTED_MAX: usize = 10_000;

/// The failed sign-ins of the last minute.
#[derive(Debug, Default)]
pub(super) struct Failures {
    state: Mutex<State>,
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct State {
    counts: HashMap<(Place, u64), Count>,
    accepted: HashSet<[u8; 32]>,
}

/// The network that failures are counted for: an address, or the first half of one in IPv6, which one customer has
/// whole.
type Place = IpAddr;

#[derive(Debug, Clone, Copy)]
struct Count {
    began: Instant,
    failed: u32,
}

impl Count {
    fn left(self, now: Instant) -> Duration {
        WINDOW.saturating_sub(now.saturating_duration_since(self.began))
    }
}

fn place(Remote(address): Remote) -> Place {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        address @ IpAddr::V4(_) => address,
    }
}

fn digest_of(token: &str) -> [u8; 32] {
    digest::digest(&digest::SHA256, token.as_bytes()).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

impl Failures {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves whole counts.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys under which a failure counts: the address, and the name at the address. The number 0 is that of the
    /// address itself.
    fn keys(&self, from: Option<Remote>, name: Option<&str>) -> [Option<((Place, u64), u32)>; 2] {
        let Some(place) = from.map(place) else { return [None, None] };
        let of_name = name.map(|name| ((place, self.hasher.hash_one(name).max(1)), OF_NAME_MAX));
        [Some(((place, 0), OF_ADDRESS_MAX)), of_name]
    }

    /// How long to wait before a token under this name is read again. None if it may be read now.
    pub(super) fn wait(&self, from: Option<Remote>, name: Option<&str>, token: &str) -> Option<Duration> {
        let (state, now) = (self.state(), Instant::now());
        let waits = self.keys(from, name).into_iter().flatten().filter_map(|(key, most)| {
            let count = state.counts.get(&key).filter(|count| count.failed >= most)?;
            Some(count.left(now)).filter(|left| !left.is_zero())
        });
        let longest = waits.max()?;
        (!state.accepted.contains(&digest_of(token))).then_some(longest)
    }

    /// Counts a failure. Returns whether it is the one with which the address has reached its limit.
    pub(super) fn count(&self, from: Option<Remote>, name: Option<&str>) -> bool {
        let (mut state, now) = (self.state(), Instant::now());
        let mut reached = false;
        for (key, most) in self.keys(from, name).into_iter().flatten() {
            if state.counts.len() >= COUNTED_MAX && !state.counts.contains_key(&key) {
                state.counts.retain(|_, count| !count.left(now).is_zero());
                if state.counts.len() >= COUNTED_MAX {
                    continue;
                }
            }
            let count = state.counts.entry(key).or_insert(Count { began: now, failed: 0 });
            if count.left(now).is_zero() {
                *count = Count { began: now, failed: 0 };
            }
            count.failed = count.failed.saturating_add(1);
            reached |= count.failed == most;
        }
        reached
    }

    /// Remembers a token that was accepted.
    pub(super) fn accepted(&self, token: &str) {
        let digest = digest_of(token);
        let mut state = self.state();
        if state.accepted.len() >= ACCEPTED_MAX {
            state.accepted.clear();
        }
        state.accepted.insert(digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(address: &str) -> Remote {
        Remote(address.parse().expect("an address"))
    }

    #[test]
    fn an_address_waits_after_too_many_failures_and_others_do_not() {
        let failures = Failures::default();
        let here = Some(remote("192.0.2.1"));
        for nth in 1..=OF_ADDRESS_MAX {
            assert_eq!(failures.wait(here, None, "t"), None);
            assert_eq!(failures.count(here, None), nth == OF_ADDRESS_MAX);
        }
        let wait = failures.wait(here, None, "t").expect("a wait");
        assert!(wait <= WINDOW && wait > WINDOW / 2, "{wait:?}");
        assert_eq!(failures.wait(Some(remote("192.0.2.2")), None, "t"), None);
        assert!(failures.wait(Some(remote("::ffff:192.0.2.1")), None, "t").is_some(), "the same address in IPv6");
    }

    #[test]
    fn a_name_waits_sooner_and_only_at_the_address_that_failed() {
        let failures = Failures::default();
        let (here, there) = (Some(remote("2001:db8:0:1::1")), Some(remote("2001:db8:0:2::1")));
        for _ in 0..OF_NAME_MAX {
            failures.count(here, Some("ann"));
        }
        assert!(
            failures.wait(Some(remote("2001:db8:0:1::99")), Some("ann"), "t").is_some(),
            "one customer has the network"
        );
        assert_eq!(failures.wait(here, Some("bob"), "t"), None);
        assert_eq!(failures.wait(there, Some("ann"), "t"), None, "nobody locks ann out from elsewhere");
    }

    #[test]
    fn a_token_that_was_accepted_is_always_read() {
        let (failures, here) = (Failures::default(), Some(remote("192.0.2.1")));
        failures.accepted("good");
        for _ in 0..OF_ADDRESS_MAX {
            failures.count(here, None);
            failures.count(None, None);
        }
        assert_eq!(failures.wait(here, None, "good"), None);
        assert!(failures.wait(here, None, "other").is_some());
        assert_eq!(failures.wait(None, None, "other"), None, "an unknown address");
    }
}
