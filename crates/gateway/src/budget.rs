//! The limit of each caller over time, in units of `extensions.cost`. The full limit can be used at once, and refills
//! within a minute.
//!
//! It limits how much a single login takes from others. It must never refuse a caller because of what others used, and
//! it keeps only callers who used something recently.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use async_graphql::ServerError;

use crate::caller::CallerKey;
use crate::code::Code;

/// The limit of a caller per minute, unless `serve --budget` sets another: sixty of the most expensive requests.
pub const PER_MINUTE: u64 = 6_000_000;
/// The time in which an empty budget refills.
const MINUTE: Duration = Duration::from_mins(1);
/// The number of budgets above which full ones are dropped.
const USAGES_KEPT: usize = 1_000;

/// The budgets of all callers.
#[derive(Debug)]
pub struct Budget {
    /// The limit; none for no limit.
    per_minute: Option<u64>,
    /// By caller.
    usages: Mutex<HashMap<CallerKey, Usage>>,
}

/// The amount that a caller has used, and when it was calculated.
#[derive(Debug, Clone, Copy)]
struct Usage {
    spent: f64,
    at: Instant,
}

/// The caller has used too much, and may retry after this delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overspent {
    /// The delay after which the budget is sufficient.
    pub retry_after: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self::per_minute(PER_MINUTE)
    }
}

impl Budget {
    /// Sets the limit of each caller per minute. Zero means no limit.
    pub fn per_minute(limit: u64) -> Self {
        Self { per_minute: (limit > 0).then_some(limit), usages: Mutex::default() }
    }

    /// Uses part of the budget, unless it is insufficient. A cost above the whole limit needs a full budget.
    pub fn spend(&self, who: &CallerKey, cost: u64) -> Result<(), Overspent> {
        self.spend_at(who, cost, Instant::now())
    }

    #[expect(clippy::cast_precision_loss, reason = "beyond 2^52 a single unit does not matter")]
    fn spend_at(&self, who: &CallerKey, cost: u64, now: Instant) -> Result<(), Overspent> {
        let Some(limit) = self.per_minute else { return Ok(()) };
        let (limit, cost) = (limit as f64, cost.min(limit) as f64);
        let per_second = limit / MINUTE.as_secs_f64();
        let left_at = |usage: &Usage| (usage.spent - now.duration_since(usage.at).as_secs_f64() * per_second).max(0.0);
        let mut usages = self.usages.lock().expect("no code panics while it holds the lock");
        if usages.len() >= USAGES_KEPT {
            usages.retain(|_, usage| left_at(usage) > 0.0);
        }
        let usage = usages.entry(who.clone()).or_insert(Usage { spent: 0.0, at: now });
        *usage = Usage { spent: left_at(usage), at: now };
        let beyond = usage.spent + cost - limit;
        if beyond > 0.0 {
            return Err(Overspent { retry_after: Duration::from_secs_f64(beyond / per_second) });
        }
        usage.spent += cost;
        Ok(())
    }
}

impl From<Overspent> for ServerError {
    fn from(overspent: Overspent) -> Self {
        let message = "your login has reached its limit for now: try again after retryAfterMs, and request less or \
                       less often";
        Code::RateLimited.refusal_for_now(message, overspent.retry_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::tests::key;

    #[test]
    fn a_caller_over_the_limit_learns_when_to_retry_and_others_are_not_affected() {
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
    fn a_caller_has_one_budget() {
        let (budget, now) = (Budget::per_minute(60), Instant::now());
        assert_eq!(budget.spend_at(&key("zo\u{e9}"), 60, now), Ok(()));
        assert!(budget.spend_at(&key("zo\u{e9}"), 1, now).is_err());
        assert_eq!(budget.spend_at(&key("zoe"), 60, now), Ok(()));
    }

    #[test]
    fn a_cost_above_the_limit_needs_a_full_budget_and_zero_means_no_limit() {
        let (budget, now, ann) = (Budget::per_minute(60), Instant::now(), key("ann"));
        assert_eq!(budget.spend_at(&ann, 1_000, now), Ok(()));
        let refused = budget.spend_at(&ann, 1_000, now).expect_err("too much");
        assert_eq!(refused.retry_after, MINUTE);
        assert_eq!(budget.spend_at(&ann, 1_000, now + MINUTE), Ok(()));
        let boundless = Budget::per_minute(0);
        assert!((0..100).all(|_| boundless.spend_at(&ann, u64::MAX, now).is_ok()));
    }

    #[test]
    fn full_budgets_are_not_kept() {
        let (budget, now) = (Budget::per_minute(60), Instant::now());
        for nth in 0..USAGES_KEPT {
            assert_eq!(budget.spend_at(&key(&nth.to_string()), 1, now), Ok(()));
        }
        assert_eq!(budget.spend_at(&key("ann"), 1, now + MINUTE), Ok(()));
        assert_eq!(budget.usages.lock().expect("usages").len(), 1);
    }
}
