//! Which claims are wanted: by outcome, day of achievement, area, cohort, keyworker and team. One form for lists of claims
//! and batches and for what a batch is for.
//!
//! It narrows what somebody may see and never widens it.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::{Context, Result, SimpleObject};
use chrono::NaiveDate;

use super::at::Known;
use super::code::Code;
use super::context::{Asked as _, OrFault as _};
use super::journey::work::DayPeriod;
use super::people::Worker;
use super::team::Team;
use crate::access::InScope;
use crate::access::relation::Standing;
use crate::contract::Contract;
use crate::contract::rulebook::CodeList;
use crate::journey::event::{self, Period};
use crate::log::envelope::JourneyId;
use crate::views::claims::Claim;
use crate::views::generation::Generation;
use crate::views::journeys::{HeldBy, JourneyFilter, Order, Population};

/// How many journeys are read at a time.
const PAGE: u32 = 5_000;

/// Which claims a batch is for. Everything given must fit.
#[derive(SimpleObject)]
pub struct ClaimSelection {
    /// Those of these outcomes, by code; empty: all.
    outcomes: Vec<String>,
    /// Those achieved on these days.
    achieved: Option<DayPeriod>,
    /// Those of this service area.
    area: Option<String>,
    /// Those of this cohort.
    cohort: Option<String>,
    /// Those of the cases of this keyworker.
    keyworker: Option<Worker>,
    /// Those of the cases of the keyworkers of this team.
    team: Option<Team>,
}

impl ClaimSelection {
    pub(super) async fn of(ctx: &Context<'_>, of: &event::ClaimSelection) -> Result<Self> {
        let keyworker = match of.keyworker {
            Some(worker) => Worker::load(ctx, worker, Known::ALL).await.transpose()?,
            None => None,
        };
        let team = of.team.map(|team| Team::as_of(team, ctx.deployment_today(), Known::ALL));
        Ok(Self {
            outcomes: of.outcomes.clone(),
            achieved: of.achieved.map(Into::into),
            area: of.area.clone(),
            cohort: of.cohort.clone(),
            keyworker,
            team,
        })
    }
}

/// Which claims are wanted, with the cases of the keyworker or team.
#[derive(Debug, Clone, Default)]
pub(super) struct Selected {
    of: event::ClaimSelection,
    cases: Option<Arc<BTreeSet<JourneyId>>>,
}

impl Selected {
    /// Reads whose cases are wanted at the end of a day. What no version of the rules lists is a mistake of the request.
    pub(super) async fn read(
        generation: &Generation,
        scope: InScope<'_>,
        (contract, as_of): (&Contract, NaiveDate),
        of: event::ClaimSelection,
    ) -> Result<Self> {
        check(contract, &of)?;
        let mut cases = None;
        if of.keyworker.is_some() || of.team.is_some() {
            let held = of.keyworker.map_or(HeldBy::Any, HeldBy::Keyworker);
            let filter = JourneyFilter { held, team: of.team, ..JourneyFilter::default() };
            cases = Some(Arc::new(held_cases(generation, scope, (as_of, &filter)).await?));
        }
        Ok(Self { of, cases })
    }

    /// What was asked, for the name of a list.
    pub(super) fn name(&self) -> String {
        if self.of.is_empty() { String::new() } else { format!("{:?}", self.of) }
    }

    /// Whether nothing is asked.
    pub(super) fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// Whether a claim that was achieved on this day, if it was, is one of those.
    pub(super) fn fits(&self, claim: &Claim, achieved_on: Option<NaiveDate>) -> bool {
        let within = |Period { first, last }: Period| achieved_on.is_some_and(|on| (first..=last).contains(&on));
        let is = |wanted: &Option<String>, has: &Option<Arc<str>>| {
            wanted.as_deref().is_none_or(|wanted| has.as_deref() == Some(wanted))
        };
        (self.of.outcomes.is_empty() || self.of.outcomes.contains(&claim.outcome))
            && self.of.achieved.is_none_or(within)
            && is(&self.of.area, &claim.area)
            && is(&self.of.cohort, &claim.cohort)
            && self.cases.as_ref().is_none_or(|cases| claim.about.journey().is_some_and(|of| cases.contains(&of)))
    }
}

/// Every case that somebody holds; whether the caller may see one is asked apart.
async fn held_cases(
    generation: &Generation,
    scope: InScope<'_>,
    (as_of, filter): (NaiveDate, &JourneyFilter),
) -> Result<BTreeSet<JourneyId>> {
    let standing = Standing::contract_wide(as_of);
    let (mut found, mut after) = (BTreeSet::new(), None);
    loop {
        let asked = (Population::Journeys, filter, Order::default());
        let page =
            generation.journeys(scope.cases(&standing), as_of, asked, (after.as_ref(), PAGE)).await.or_fault()?;
        found.extend(page.rows.iter().map(|row| row.journey));
        after = page.rows.last().map(|row| row.place.clone());
        if !page.has_next {
            return Ok(found);
        }
    }
}

fn check(contract: &Contract, of: &event::ClaimSelection) -> Result<()> {
    let unknown = |what: &str, code: &str, known: Vec<&str>| {
        Code::BadUserInput.error(format!("unknown {what} {code:?}: write one of {}", known.join(", ")))
    };
    for (what, list, code) in [("area", CodeList::Areas, &of.area), ("cohort", CodeList::Cohorts, &of.cohort)] {
        let Some(code) = code else { continue };
        let lists = || contract.rulebooks().iter().map(|published| published.rulebook.codes.listed(list));
        let is_known = lists().any(|listed| listed.is_none_or(|listed| listed.contains(code)));
        if !is_known {
            let known: BTreeSet<&str> = lists().flatten().flatten().map(String::as_str).collect();
            return Err(unknown(what, code, known.into_iter().collect()));
        }
    }
    let known = contract.outcome_codes();
    match of.outcomes.iter().find(|outcome| !known.contains(outcome.as_str())) {
        Some(outcome) => Err(unknown("outcome", outcome, known.into_iter().collect())),
        None if of.achieved.is_some_and(|days| days.last < days.first) => {
            Err(Code::BadUserInput.error("the days of achievement end before they begin: write the last day"))
        }
        None => Ok(()),
    }
}
