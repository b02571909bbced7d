//! Double funding in the API: claims in other contracts for the same days of the same person.
//!
//! If the other contract is in the caller's scope, its claim is named. Otherwise only the class and the days are shown,
//! and only to callers who submit, decide or pay claims. Double funding is flagged and excludes nothing.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_graphql::{Context, ID, Result, SimpleObject};
use chrono::NaiveDate;

use super::claim::ClaimStatus;
use super::context::{OrFault as _, RequestContext as _};
use super::journey::work::DayPeriod;
use crate::access::Scope;
use crate::access::policy::Action;
use crate::queries;
use crate::queries::claims::{Claim, Claims, ClaimsQuery, Purpose};
use throughline_domain::contract::Contract;
use throughline_domain::contract::outcome::funding::{Dismissed, Funded, double_funding};
use throughline_domain::contract::rulebook::Outcome;
use throughline_domain::fact::envelope::{ClaimId, JourneyId, Position};
use throughline_domain::fact::event::{Event, Period};
use throughline_domain::fact::refusal::{Refusal, RefusalCode};

/// A claim in another contract that may be paid for the same days of the same person.
#[derive(Debug, Clone, SimpleObject)]
pub struct DoubleFunding {
    /// The class of both outcomes.
    class: String,
    /// The code of the other contract. Null if it is not in your scope.
    contract: Option<String>,
    /// The id of the other claim. Null if its contract is not in your scope.
    claim: Option<ID>,
    /// The id of the case of the other claim. Null if its contract is not in your scope.
    journey_id: Option<ID>,
    /// The status of the other claim. Null if its contract is not in your scope.
    status: Option<ClaimStatus>,
    /// The days that both claims count.
    days: DayPeriod,
    #[graphql(skip)]
    both: Period,
}

impl DoubleFunding {
    /// The warning for a caller who submits or accepts a claim. `at` is the index of the claim in the input.
    pub(super) fn warning(&self, at: usize) -> Refusal {
        let Period { first, last } = self.both;
        let whose = self.contract.as_ref().map_or("another contract".to_owned(), |code| format!("the contract {code}"));
        let message = format!(
            "{whose} claims under {} for the same person from {first} to {last}: agree who pays, dismiss the double \
             funding, or accept this warning",
            self.class
        );
        Refusal::new(RefusalCode::DoubleFunding, message).at(format!("claims.{at}")).by("outcome.class").as_warning()
    }
}

/// The possible double funding of a claim.
pub(super) async fn of(ctx: &Context<'_>, contract_claims: &Claims, claim: &Claim) -> Result<Vec<DoubleFunding>> {
    Ok(among(ctx, contract_claims, &[claim]).await?.remove(&claim.claim).unwrap_or_default())
}

/// The possible double funding of these claims of one contract, by claim.
pub(super) async fn among(
    ctx: &Context<'_>,
    contract_claims: &Claims,
    claims: &[&Claim],
) -> Result<HashMap<ClaimId, Vec<DoubleFunding>>> {
    let code = contract_claims.contract.code().unwrap_or_default();
    let own: Vec<Funded<'_>> = claims.iter().filter_map(|claim| claim.funded(code)).collect();
    let classes: BTreeSet<&str> = own.iter().map(|of| of.class).collect();
    let mut found: HashMap<ClaimId, Vec<DoubleFunding>> = HashMap::new();
    if classes.is_empty() {
        return Ok(found);
    }
    let pays = [Action::ClaimOutcomes, Action::DecideClaims, Action::SettleClaims].iter().any(|act| ctx.may(*act));
    // Dismissals do not change claims, so cached claims of another contract may be older than a dismissal.
    let dismissed = |code: &str| {
        let contract = Scope::Deployment.contract(code).and_then(|scope| ctx.caller().generation.contract_state(scope));
        contract.map_or_else(Vec::new, |contract| {
            dismissed(&contract, contract_claims.asked.as_of, contract_claims.position)
        })
    };
    let of_own = dismissed(code);
    for row in queries::contracts::all(&ctx.caller().generation, &Scope::Deployment).await.or_fault()? {
        let is_seen = ctx.in_scope(&row.code).is_some();
        if row.code == code || !(is_seen || pays) {
            continue;
        }
        let Some(others) = others(ctx, contract_claims, &row.code, &classes).await? else { continue };
        let dismissed = of_own.iter().cloned().chain(dismissed(&row.code)).collect();
        for of in &own {
            let twice = twice(of, &row.code, &others, &dismissed);
            let shown = twice.into_iter().map(|of| if is_seen { of } else { of.without_names() });
            found.entry(of.claim).or_default().extend(shown);
        }
    }
    found.retain(|_, of| !of.is_empty());
    Ok(found)
}

/// The claims of another contract at the same point in time; none if it has no outcome in these classes.
async fn others(
    ctx: &Context<'_>,
    contract_claims: &Claims,
    code: &str,
    classes: &BTreeSet<&str>,
) -> Result<Option<Arc<Claims>>> {
    let generation = &ctx.caller().generation;
    let Some(scope) = Scope::Deployment.contract(code) else { return Ok(None) };
    let Some(contract) = generation.contract_state(scope) else { return Ok(None) };
    let is_alike = |outcome: &Outcome| outcome.class.as_deref().is_some_and(|class| classes.contains(class));
    let mut outcomes = contract.rulebooks().iter().flat_map(|published| &published.rulebook.outcomes);
    if !outcomes.any(is_alike) {
        return Ok(None);
    }
    let asked = ClaimsQuery { purpose: Purpose::Look, ..contract_claims.asked.clone() };
    let live = *generation.position().borrow();
    queries::claims::of_contract_at(generation, &ctx.app().log, scope, asked, contract_claims.position.min(live))
        .await
        .or_fault()
}

/// The dismissals of a contract up to the day, as known at a log position.
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

fn twice(own: &Funded<'_>, code: &str, others: &Claims, dismissed: &Dismissed) -> Vec<DoubleFunding> {
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
    /// The same without names, for a caller without access to the other contract.
    fn without_names(self) -> Self {
        Self { contract: None, claim: None, journey_id: None, status: None, ..self }
    }
}
