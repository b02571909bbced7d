//! Double funding as clients read it: claims elsewhere for the same days of the same person.
//!
//! It points at claims of contracts in the caller's scope and of no others. Nothing is excluded by it.

use async_graphql::{Context, ID, Result, SimpleObject};
use chrono::NaiveDate;

use super::claim::{self, ClaimStatus};
use super::context::{Asked as _, OrFault as _};
use super::journey::work::DayPeriod;
use crate::contract::Contract;
use crate::contract::outcome::funding::{Dismissed, Funded, double_funding};
use crate::journey::event::{Event, Period};
use crate::log::envelope::{JourneyId, Position};
use crate::views::claims::{Asked, Claim, Claims, Purpose};

/// A claim elsewhere that seems to be paid for the same.
#[derive(Debug, Clone, SimpleObject)]
pub struct DoubleFunding {
    /// The class of both outcomes.
    class: String,
    /// The other contract, by its code.
    contract: String,
    /// The other claim, by its id.
    claim: ID,
    /// The journey that the other claim is about, by its id.
    journey_id: ID,
    /// What has become of the other claim.
    status: ClaimStatus,
    /// The days that both count.
    days: DayPeriod,
}

/// What other contracts in the caller's scope seem to pay for the same as a claim.
pub(super) async fn of(ctx: &Context<'_>, told: &Claims, claim: &Claim) -> Result<Vec<DoubleFunding>> {
    let code = told.contract.code().unwrap_or_default();
    let Some(own) = claim.funded(code) else { return Ok(Vec::new()) };
    let (scope, generation) = (&ctx.caller().principal.scope, &ctx.caller().generation);
    let (mut found, as_of) = (Vec::new(), told.asked.as_of);
    // What is dismissed moves no claim: the answer may be older than it.
    let dismissed = |code: &str| {
        let contract = ctx.in_scope(code).and_then(|scope| generation.told(scope));
        contract.map_or_else(Vec::new, |contract| dismissed(&contract, as_of, told.position))
    };
    for row in generation.contracts(scope).await.or_fault()? {
        if row.code == code {
            continue;
        }
        let asked = Asked { purpose: Purpose::Look, ..told.asked.clone() };
        let Some(others) = claim::as_known(ctx, &row.code, told.position, asked).await? else { continue };
        let dismissed = dismissed(code).into_iter().chain(dismissed(&row.code)).collect();
        found.extend(twice(&own, (&row.code, &others), &dismissed));
    }
    Ok(found)
}

/// What seemed to be double funding of a contract and was dismissed by the day, as known at a position.
fn dismissed(contract: &Contract, as_of: NaiveDate, known: Position) -> Vec<(String, [JourneyId; 2])> {
    let facts = contract.history().facts_as_of(as_of).into_iter().filter(|fact| fact.original.position <= known);
    let dismissed = facts.filter_map(|fact| match fact.event {
        Event::DoubleFundingDismissed(of) => {
            Some((of.class.clone(), [of.journey.min(of.other), of.journey.max(of.other)]))
        }
        _ => None,
    });
    dismissed.collect()
}

fn twice(own: &Funded<'_>, (code, others): (&str, &Claims), dismissed: &Dismissed) -> Vec<DoubleFunding> {
    let theirs: Vec<(&Claim, Funded<'_>)> =
        others.of_person(own.person).filter_map(|claim| Some((claim, claim.funded(code)?))).collect();
    let funded: Vec<Funded<'_>> = std::iter::once(own.clone()).chain(theirs.iter().map(|(_, of)| of.clone())).collect();
    let pairs = double_funding(&funded, dismissed).into_iter().filter(|(one, _)| *one == 0);
    let found = pairs.map(|(_, other)| {
        let (claim, of) = &theirs[other - 1];
        let first = own.from.max(of.from);
        let last = own.to.min(of.to).pred_opt().unwrap_or(first);
        DoubleFunding {
            class: of.class.to_owned(),
            contract: code.to_owned(),
            claim: ID(of.claim.to_string()),
            journey_id: ID(of.journey.to_string()),
            status: claim.status.into(),
            days: Period { first, last }.into(),
        }
    });
    found.collect()
}
