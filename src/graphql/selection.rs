//! Conditions for claims: outcome, day of achievement, area, cohort, keyworker and team. Lists of claims, lists of
//! batches, and the claims of a batch use the same conditions.
//!
//! A selection narrows what a caller may see and never widens it.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::{Context, Result, SimpleObject};
use chrono::NaiveDate;

use super::context::{OrFault as _, RequestContext as _};
use super::filter_checks;
use super::journey::work::DayPeriod;
use super::people::Worker;
use super::point_in_time::KnownUpTo;
use super::team::Team;
use crate::access::InScope;
use crate::access::relation::Standing;
use crate::queries;
use crate::queries::claims::Claim;
use crate::queries::journeys::{HeldBy, JourneyFilter, Order, Population};
use crate::views::generation::Generation;
use throughline_domain::contract::Contract;
use throughline_domain::fact::envelope::JourneyId;
use throughline_domain::fact::event::{self, Period};

/// The number of cases read at a time.
const PAGE: u32 = 5_000;

/// Which claims a batch is for. A claim must match every condition that is given.
#[derive(SimpleObject)]
pub struct ClaimSelection {
    /// The codes of the outcomes. Empty: all outcomes.
    outcomes: Vec<String>,
    /// The period of achievement.
    achieved: Option<DayPeriod>,
    /// The service area, by code.
    area: Option<String>,
    /// The cohort, by code.
    cohort: Option<String>,
    /// The keyworker who holds the cases.
    keyworker: Option<Worker>,
    /// The team whose keyworkers hold the cases.
    team: Option<Team>,
}

impl ClaimSelection {
    pub(super) async fn of(ctx: &Context<'_>, of: &event::ClaimSelection) -> Result<Self> {
        let keyworker = match of.keyworker {
            Some(worker) => Worker::load(ctx, worker, KnownUpTo::ALL).await.transpose()?,
            None => None,
        };
        let team = of.team.map(|team| Team::as_of(team, ctx.deployment_today(), KnownUpTo::ALL));
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

/// The conditions for claims, with the cases of the keyworker or team.
#[derive(Debug, Clone, Default)]
pub(super) struct Selected {
    of: event::ClaimSelection,
    cases: Option<Arc<BTreeSet<JourneyId>>>,
}

impl Selected {
    /// The same for conditions from a client. A worker or team that they may not see is refused.
    pub(super) async fn asked(
        ctx: &Context<'_>,
        (generation, scope): (&Generation, InScope<'_>),
        read: (&Contract, NaiveDate),
        of: event::ClaimSelection,
    ) -> Result<Self> {
        filter_checks::worker(ctx, of.keyworker).await?;
        filter_checks::team(ctx, of.team).await?;
        Self::read(generation, scope, read, of).await
    }

    /// Reads the matching cases at the end of a day. A code that no rulebook version lists is refused.
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

    /// The conditions as text, for the name of a list.
    pub(super) fn name(&self) -> String {
        if self.of.is_empty() { String::new() } else { format!("{:?}", self.of) }
    }

    /// Whether no condition is given.
    pub(super) fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// Whether a claim with this day of achievement, if any, matches.
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

/// Every case that the keyworker or team holds. Access is checked elsewhere.
async fn held_cases(
    generation: &Generation,
    scope: InScope<'_>,
    (as_of, filter): (NaiveDate, &JourneyFilter),
) -> Result<BTreeSet<JourneyId>> {
    let standing = Standing::contract_wide(as_of);
    let (mut found, mut after) = (BTreeSet::new(), None);
    loop {
        let asked = (Population::Journeys, filter, Order::default());
        let page = queries::journeys::page(generation, scope.cases(&standing), as_of, asked, (after.as_ref(), PAGE))
            .await
            .or_fault()?;
        found.extend(page.rows.iter().map(|row| row.journey));
        after = page.rows.last().map(|row| row.place.clone());
        if !page.has_next {
            return Ok(found);
        }
    }
}

fn check(contract: &Contract, of: &event::ClaimSelection) -> Result<()> {
    filter_checks::area([contract], of.area.as_deref())?;
    filter_checks::cohort([contract], of.cohort.as_deref())?;
    of.outcomes.iter().try_for_each(|outcome| filter_checks::outcome([contract], Some(outcome)))?;
    filter_checks::days(
        "the days of achievement",
        of.achieved.map(|days| days.first),
        of.achieved.map(|days| days.last),
    )
}
