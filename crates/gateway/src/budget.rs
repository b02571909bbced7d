//! What one caller may spend over time, in the figures of `extensions.cost`: so much at once, and as much again within a
//! minute.
//!
//! It bounds what a single login takes from everybody else. It must never refuse somebody for what others have spent,
//! and it remembers only those who have spent something lately.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use async_graphql::ServerError;

use crate::caller::CallerKey;
use crate::code::Code;

/// What a caller may spend within a minute, unless `serve --budget` says otherwise: sixty of the dearest requests.
pub const PER_MINUTE: u64 = 6_000_000;
/// The time in which a purse that is empty is full again.
const MINUTE: Duration = Duration::from_mins(1);
/// How many purses are kept before those that are full again are thrown away.
const PURSES: usize = 1_000;

/// The purses of all callers.
#[derive(Debug)]
pub struct Budget {
    /// What fits into a purse; none where nobody is limited.
    per_minute: Option<u64>,
    /// By caller.
    purses: Mutex<HashMap<CallerKey, Purse>>,
}

/// What somebody has spent, and when that was reckoned.
#[derive(Debug, Clone, Copy)]
struct Purse {
    spent: f64,
    at: Instant,
}

/// Somebody has spent too much, and may ask again after this long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overspent {
    /// After how long there will be enough.
    pub retry_after: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self::per_minute(PER_MINUTE)
    }
}

impl Budget {
    /// Lets everybody spend so much within a minute; as much as they like if it is nought.
    pub fn per_minute(limit: u64) -> Self {
        Self { per_minute: (limit > 0).then_some(limit), purses: Mutex::default() }
    }

    /// Spends, unless there is not enough. What costs more than a whole purse is had for a full one.
    pub fn spend(&self, who: &CallerKey, cost: u64) -> Result<(), Overspent> {
        self.spend_at(who, cost, Instant::now())
    }

    #[expect(clippy::cast_precision_loss, reason = "a budget is no account: far beyond 2^52 a unit does not matter")]
    fn spend_at(&self, who: &CallerKey, cost: u64, now: Instant) -> Result<(), Overspent> {
        let Some(limit) = self.per_minute else { return Ok(()) };
        let (limit, cost) = (limit as f64, cost.min(limit) as f64);
        let per_second = limit / MINUTE.as_secs_f64();
        let left_at = |purse: &Purse| (purse.spent - now.duration_since(purse.at).as_secs_f64() * per_second).max(0.0);
        let mut purses = self.purses.lock().expect("nobody panics while holding the purses");
        if purses.len() >= PURSES {
            purses.retain(|_, purse| left_at(purse) > 0.0);
        }
        let purse = purses.entry(who.clone()).or_insert(Purse { spent: 0.0, at: now });
        *purse = Purse { spent: left_at(purse), at: now };
        let beyond = purse.spent + cost - limit;
        if beyond > 0.0 {
            return Err(Overspent { retry_after: Duration::from_secs_f64(beyond / per_second) });
        }
        purse.spent += cost;
        Ok(())
    }
}

impl From<Overspent> for ServerError {
    fn from(overspent: Overspent) -> Self {
        let message = "you have asked for as much as one login may for now: ask again when retryAfterMs has passed, \
                       for less or less often";
        Code::RateLimited.refusal_for_now(message, overspent.retry_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::tests::key;

    #[test]
    fn who_has_spent_a_minute_s_worth_hears_when_to_come_back_and_nobody_else_does() {
        let (budget, now) = (Budget::per_minute(600), Instant::now());
        let (ann, ben) = (key("ann"), key("ben"));
        assert_eq!(budget.spend_at(&ann, 400, now), Ok(()));
        let refused = budget.spend_at(&ann, 300, now).expect_err("too much");
        assert_eq!(refused.retry_after, Duration::from_secs(10));
        assert_eq!(budget.spend_at(&ben, 600, now), Ok(()));
        assert!(budget.spend_at(&ann, 300, now + Duration::from_secs(9)).is_err());
        assert_eq!(budget.spend_at(&ann, 300, now + Duration::from_secs(10)), Ok(()));
    }

    #[test]
    fn a_caller_has_one_purse() {
        let (budget, now) = (Budget::per_minute(60), Instant::now());
        assert_eq!(budget.spend_at(&key("zo\u{e9}"), 60, now), Ok(()));
        assert!(budget.spend_at(&key("zo\u{e9}"), 1, now).is_err());
        assert_eq!(budget.spend_at(&key("zoe"), 60, now), Ok(()));
    }

    #[test]
    fn what_costs_more_than_a_purse_is_had_for_a_full_one_and_no_limit_is_none() {
        let (budget, now, ann) = (Budget::per_minute(60), Instant::now(), key("ann"));
        assert_eq!(budget.spend_at(&ann, 1_000, now), Ok(()));
        let refused = budget.spend_at(&ann, 1_000, now).expect_err("too much");
        assert_eq!(refused.retry_after, MINUTE);
        assert_eq!(budget.spend_at(&ann, 1_000, now + MINUTE), Ok(()));
        let boundless = Budget::per_minute(0);
        assert!((0..100).all(|_| boundless.spend_at(&ann, u64::MAX, now).is_ok()));
    }

    #[test]
    fn purses_that_are_full_again_are_not_kept() {
        let (budget, now) = (Budget::per_minute(60), Instant::now());
        for nth in 0..PURSES {
            assert_eq!(budget.spend_at(&key(&nth.to_string()), 1, now), Ok(()));
        }
        assert_eq!(budget.spend_at(&key("ann"), 1, now + MINUTE), Ok(()));
        assert_eq!(budget.purses.lock().expect("purses").len(), 1);
    }
}
