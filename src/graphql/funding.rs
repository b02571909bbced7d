//! Double funding as clients read it: claims elsewhere for the same days of the same person.
//!
//! Of a contract in the caller's scope it names the claim. Of another contract it says the class and the days alone, and
//! that to nobody but those who claim, decide or pay. Nothing is excluded by it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_graphql::{Context, ID, Result, SimpleObject};
use chrono::NaiveDate;

use super::claim::ClaimStatus;
use super::context::{Asked as _, OrFault as _};
use super::journey::work::DayPeriod;
use crate::access::Scope;
use crate::access::policy::Action;
use crate::views::claims::{Asked, Claim, Claims, Purpose};
use throughline_domain::contract::Contract;
use throughline_domain::contract::outcome::funding::{Dismissed, Funded, double_funding};
use throughline_domain::contract::rulebook::Outcome;
use throughline_domain::fact::envelope::{ClaimId, JourneyId, Position};
use throughline_domain::fact::event::{Event, Period};
use throughline_domain::fact::refusal::{Refusal, RefusalCode};

/// A claim under another contract that seems to be paid for the same days of the same person.
#[derive(Debug, Clone, SimpleObject)]
pub struct DoubleFunding {
    /// The class of both outcomes.
    class: String,
    /// The other contract, by its code; none where it is not in your scope.
    contract: Option<String>,
    /// The other claim, by its id; none where its contract is not in your scope.
    claim: Option<ID>,
    /// The journey that the other claim is about, by its id; none where its contract is not in your scope.
    journey_id: Option<ID>,
    /// The status of the other claim; none where its contract is not in your scope.
    status: Option<ClaimStatus>,
    /// The days that both count.
    days: DayPeriod,
    #[graphql(skip)]
    both: Period,
}

impl DoubleFunding {
    /// What whoever submits or accepts a claim should look at first; `at` is its place among those that are named.
    pub(super) fn warning(&self, at: usize) -> Refusal {
        let Period { first, last } = self.both;
        let whose = self.contract.as_ref().map_or("another contract".to_owned(), |code| format!("the contract {code}"));
        let message = format!(
            "{whose} claims under {} for the same person from {first} to {last}: agree who pays, dismiss it, or accept \
             this warning",
            self.class
        );
        Refusal::new(RefusalCode::DoubleFunding, message).at(format!("claims.{at}")).by("outcome.class").as_warning()
    }
}

/// What other contracts seem to pay for the same as a claim.
pub(super) async fn of(ctx: &Context<'_>, told: &Claims, claim: &Claim) -> Result<Vec<DoubleFunding>> {
    Ok(among(ctx, told, &[claim]).await?.remove(&claim.claim).unwrap_or_default())
}

/// What other contracts seem to pay for the same as these claims of one contract, by claim.
pub(super) async fn among(
    ctx: &Context<'_>,
    told: &Claims,
    claims: &[&Claim],
) -> Result<HashMap<ClaimId, Vec<DoubleFunding>>> {
    let code = told.contract.code().unwrap_or_default();
    let own: Vec<Funded<'_>> = claims.iter().filter_map(|claim| claim.funded(code)).collect();
    let classes: BTreeSet<&str> = own.iter().map(|of| of.class).collect();
    let mut found: HashMap<ClaimId, Vec<DoubleFunding>> = HashMap::new();
    if classes.is_empty() {
        return Ok(found);
    }
    let pays = [Action::ClaimOutcomes, Action::DecideClaims, Action::SettleClaims].iter().any(|act| ctx.may(*act));
    // What is dismissed moves no claim: the answers may be older than it.
    let dismissed = |code: &str| {
        let contract = Scope::Deployment.contract(code).and_then(|scope| ctx.caller().generation.told(scope));
        contract.map_or_else(Vec::new, |contract| dismissed(&contract, told.asked.as_of, told.position))
    };
    let of_own = dismissed(code);
    for row in ctx.caller().generation.contracts(&Scope::Deployment).await.or_fault()? {
        let is_seen = ctx.in_scope(&row.code).is_some();
        if row.code == code || !(is_seen || pays) {
            continue;
        }
        let Some(others) = others(ctx, told, &row.code, &classes).await? else { continue };
        let dismissed = of_own.iter().cloned().chain(dismissed(&row.code)).collect();
        for of in &own {
            let twice = twice(of, (&row.code, &others), &dismissed);
            let shown = twice.into_iter().map(|of| if is_seen { of } else { of.without_names() });
            found.entry(of.claim).or_default().extend(shown);
        }
    }
    found.retain(|_, of| !of.is_empty());
    Ok(found)
}

/// The claims of another contract, from the same point of view; none where it has no outcome of these classes.
async fn others(ctx: &Context<'_>, told: &Claims, code: &str, classes: &BTreeSet<&str>) -> Result<Option<Arc<Claims>>> {
    let generation = &ctx.caller().generation;
    let Some(scope) = Scope::Deployment.contract(code) else { return Ok(None) };
    let Some(contract) = generation.told(scope) else { return Ok(None) };
    let is_alike = |outcome: &Outcome| outcome.class.as_deref().is_some_and(|class| classes.contains(class));
    let mut outcomes = contract.rulebooks().iter().flat_map(|published| &published.rulebook.outcomes);
    if !outcomes.any(is_alike) {
        return Ok(None);
    }
    let asked = Asked { purpose: Purpose::Look, ..told.asked.clone() };
    let live = *generation.position().borrow();
    generation.claims_at(&ctx.parts().log, scope, asked, told.position.min(live)).await.or_fault()
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
        let both = Period { first, last };
        DoubleFunding {
            class: of.class.to_owned(),
            contract: Some(code.to_owned()),
            claim: Some(ID(of.claim.to_string())),
            journey_id: Some(ID(of.journey.to_string())),
            status: Some(claim.status.into()),
            days: both.into(),
            both,
        }
    });
    found.collect()
}

impl DoubleFunding {
    /// The same, as whoever may not know of the other contract reads it.
    fn without_names(self) -> Self {
        Self { contract: None, claim: None, journey_id: None, status: None, ..self }
    }
}
