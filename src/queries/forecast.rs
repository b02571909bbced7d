//! Forecasts: the outcomes that are expected in the months ahead, from claims under way and what became of earlier ones.
//!
//! Both are the evaluation of claims, at the as-of date and at an earlier day, as known in one view. Spells are taken to
//! continue; that some do not is what the share of the past says.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Months as Back, NaiveDate};

use super::claims::{self, Claim, Claims, ClaimsQuery, Purpose};
use crate::access::InScope;
use crate::log::{Log, LogError};
use crate::views::generation::Generation;
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::outcome::State;
use throughline_domain::contract::rulebook::outcome::AchievedBy;
use throughline_domain::performance::forecast::{Expected, Past, Retention};
use throughline_domain::performance::fraction::OutOfRange;
use throughline_domain::performance::period::Month;

/// How many months before the as-of date the claims under way are looked up, in the order in which it is tried. The
/// first with enough of them is used.
const LOOK_BACK: [u32; 3] = [12, 6, 3];

/// A question for a forecast.
#[derive(Debug, Clone, Copy)]
pub struct ForecastQuery {
    /// The as-of date.
    pub as_of: NaiveDate,
    /// The date of the query.
    pub today: NaiveDate,
    /// The number of months. That of the as-of date is the first.
    pub months: u32,
}

/// The forecast of one outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeForecast {
    /// The outcome, by its code.
    pub outcome: String,
    /// Its title.
    pub title: String,
    /// The earlier day, and what became of the claims that were under way then. None if there were too few.
    pub past: Option<(NaiveDate, Retention)>,
    /// The months, in order.
    pub months: Vec<(Month, Expected)>,
}

/// Why a forecast cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ForecastError {
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A number is too large.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
}

/// The forecast of each outcome of single cases, in the order of the rulebook, for the service areas in scope.
pub async fn forecast(
    generation: &Generation,
    log: &Log,
    (scope, rulebook): (InScope<'_>, &Rulebook),
    asked: ForecastQuery,
) -> Result<Vec<OutcomeForecast>, ForecastError> {
    let claims_at = |as_of: NaiveDate| {
        let query = ClaimsQuery { as_of, today: asked.today, purpose: Purpose::Look };
        claims::of_contract(generation, log, scope, query)
    };
    let Some(now) = claims_at(asked.as_of).await? else { return Ok(Vec::new()) };
    let single = rulebook.outcomes.iter().filter(|outcome| matches!(outcome.achieved_by, AchievedBy::Journey(_)));
    let codes: Vec<&str> = single.clone().map(|outcome| outcome.code.as_str()).collect();
    let mut retentions: BTreeMap<String, (NaiveDate, Retention)> = BTreeMap::new();
    for back in LOOK_BACK {
        let missing: Vec<&str> = codes.iter().copied().filter(|code| !retentions.contains_key(*code)).collect();
        let Some(day) = asked.as_of.checked_sub_months(Back::new(back)).filter(|_| !missing.is_empty()) else { break };
        let Some(then) = claims_at(day).await? else { continue };
        for code in missing {
            if let Some(retention) = Retention::of(&past(&then, &now, (scope, code)))? {
                retentions.insert(code.to_owned(), (day, retention));
            }
        }
    }
    let forecasts = single.map(|outcome| {
        let past = retentions.get(&outcome.code).copied();
        let retention = past.as_ref().map(|(_, retention)| retention);
        let months = months(&now, (scope, &outcome.code), retention, asked)?;
        Ok(OutcomeForecast { outcome: outcome.code.clone(), title: outcome.title.clone(), past, months })
    });
    forecasts.collect()
}

/// The claims of an outcome of single cases in scope that are under way, each with the day on which it is achieved if
/// every spell continues.
fn maturing<'c>(
    claims: &'c Claims,
    (scope, code): (InScope<'c>, &'c str),
) -> impl Iterator<Item = (&'c Claim, NaiveDate)> {
    let is_in_scope =
        move |claim: &&Claim| scope.areas().is_none() || claim.area.as_deref().is_some_and(|area| scope.has_area(area));
    let of = claims.claims.iter().filter(move |claim| claim.outcome == code && claim.about.journey().is_some());
    of.filter(is_in_scope).filter_map(|claim| match claim.state {
        State::Maturing { earliest_on, .. } => Some((claim, earliest_on)),
        State::NotStarted { .. } | State::Reached(_) => None,
    })
}

/// What became by now of the claims of an outcome that were under way then, and whose day has come since.
fn past(then: &Arc<Claims>, now: &Arc<Claims>, of: (InScope<'_>, &str)) -> Vec<Past> {
    let as_of = now.asked.as_of;
    let due = maturing(then, of).filter(|(_, due_on)| *due_on <= as_of);
    let past = due.map(|(claim, due_on)| {
        let achieved_on = now.get(claim.claim).and_then(Claim::achieved_on);
        Past { due_on, is_achieved: achieved_on.is_some_and(|on| on <= as_of) }
    });
    past.collect()
}

fn months(
    now: &Arc<Claims>,
    of: (InScope<'_>, &str),
    retention: Option<&Retention>,
    asked: ForecastQuery,
) -> Result<Vec<(Month, Expected)>, OutOfRange> {
    let mut by_month: BTreeMap<Month, u64> = BTreeMap::new();
    for (_, earliest_on) in maturing(now, of) {
        *by_month.entry(Month::of(earliest_on)).or_default() += 1;
    }
    let months = (0..asked.months).filter_map(|ahead| Month::of(asked.as_of).ahead(ahead));
    let expected = |month: Month| {
        let maturing = by_month.get(&month).copied().unwrap_or(0);
        Ok((month, Expected::of(maturing, retention)?))
    };
    months.map(expected).collect()
}
