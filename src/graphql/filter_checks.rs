//! Filters may name only known codes, workers and teams. Otherwise a typing error would look like an empty list.
//!
//! All lists share these checks and messages. For an item that the caller may not see, the message is the same as for
//! one that does not exist.

use std::collections::BTreeSet;

use async_graphql::{Context, Result};
use chrono::NaiveDate;

use super::context::{OrFault as _, RequestContext as _};
use crate::queries;
use throughline_domain::contract::rulebook::CodeList;
use throughline_domain::contract::{Contract, Rulebook};
use throughline_domain::fact::envelope::{TeamId, WorkerId};
use throughline_gateway::Code;
use throughline_gateway::guard;

/// Refuses a code that no rulebook of these contracts lists. A rulebook without such a list accepts any code.
pub(super) fn code<'c>(
    contracts: impl IntoIterator<Item = &'c Contract>,
    what: &str,
    asked: Option<&str>,
    codes: impl Fn(&Rulebook) -> Option<Vec<String>>,
) -> Result<()> {
    let Some(asked) = asked else { return Ok(()) };
    let (mut known, mut is_any) = (BTreeSet::new(), true);
    for published in contracts.into_iter().flat_map(Contract::rulebooks) {
        let Some(codes) = codes(&published.rulebook) else { return Ok(()) };
        known.extend(codes);
        is_any = false;
    }
    if is_any || known.contains(asked) {
        return Ok(());
    }
    let remedy = match known.into_iter().collect::<Vec<_>>() {
        none if none.is_empty() => format!("the rulebook lists no {what}: leave it out"),
        known => format!("use one of {}", known.join(", ")),
    };
    Err(Code::BadUserInput.error(format!("there is no {what} {:?}: {remedy}", guard::shortened(asked))))
}

/// Refuses a service area that none of these contracts has.
pub(super) fn area<'c>(contracts: impl IntoIterator<Item = &'c Contract>, asked: Option<&str>) -> Result<()> {
    code(contracts, "area", asked, |rules| listed(rules, CodeList::Areas))
}

/// Refuses a cohort that none of these contracts has.
pub(super) fn cohort<'c>(contracts: impl IntoIterator<Item = &'c Contract>, asked: Option<&str>) -> Result<()> {
    code(contracts, "cohort", asked, |rules| listed(rules, CodeList::Cohorts))
}

/// Refuses an outcome that none of these contracts has.
pub(super) fn outcome<'c>(contracts: impl IntoIterator<Item = &'c Contract>, asked: Option<&str>) -> Result<()> {
    let outcomes = |rules: &Rulebook| Some(rules.outcomes.iter().map(|outcome| outcome.code.clone()).collect());
    code(contracts, "outcome", asked, outcomes)
}

/// The codes in a list of the rulebook; none if the rulebook accepts any.
pub(super) fn listed(rules: &Rulebook, list: CodeList) -> Option<Vec<String>> {
    rules.codes.listed(list).map(<[String]>::to_vec)
}

/// Refuses a contract outside the caller's scope, whether or not it exists.
pub(super) fn contract(ctx: &Context<'_>, asked: Option<&str>) -> Result<()> {
    let Some(asked) = asked else { return Ok(()) };
    let generation = &ctx.caller().generation;
    if ctx.in_scope(asked).and_then(|scoped| generation.contract_state(scoped)).is_some() {
        return Ok(());
    }
    let seen = generation.contract_states(&ctx.caller().principal.scope);
    let codes: Vec<&str> = seen.iter().filter_map(|contract| contract.code()).collect();
    let remedy = match codes.as_slice() {
        [] => "you have access to no contract".to_owned(),
        codes => format!("use one of {}", codes.join(", ")),
    };
    // The message is identical for a contract that exists.
    Err(Code::BadUserInput.error(format!("there is no such contract: {remedy}")))
}

/// Refuses a worker that the caller may not see, whether or not the id exists.
pub(super) async fn worker(ctx: &Context<'_>, asked: Option<WorkerId>) -> Result<()> {
    let Some(asked) = asked else { return Ok(()) };
    let caller = ctx.caller();
    let seen =
        queries::people::visible_workers(&caller.generation, &caller.principal.scope, &[asked]).await.or_fault()?;
    if seen.contains(&asked) {
        return Ok(());
    }
    Err(Code::BadUserInput.error(format!("there is no worker {asked}: use an id from `workers` of the contract")))
}

/// Refuses a team that the caller may not see, whether or not the id exists.
pub(super) async fn team(ctx: &Context<'_>, asked: Option<TeamId>) -> Result<()> {
    let Some(asked) = asked else { return Ok(()) };
    let caller = ctx.caller();
    let seen =
        queries::people::visible_teams(&caller.generation, &caller.principal.scope, &[asked]).await.or_fault()?;
    if seen.contains(&asked) {
        return Ok(());
    }
    Err(Code::BadUserInput.error(format!("there is no team {asked}: use an id from `teams`")))
}

/// Refuses a period that ends before it begins.
pub(super) fn days(what: &str, first: Option<NaiveDate>, last: Option<NaiveDate>) -> Result<()> {
    match (first, last) {
        (Some(first), Some(last)) if last < first => {
            Err(Code::BadUserInput.error(format!("{what} end before they begin: give the earlier day first")))
        }
        _ => Ok(()),
    }
}
