//! What a filter names has to be known: a slip would read as nothing to do, nothing due and nobody there.
//!
//! One rule for every list, and one way to say it. Of what the caller may not see it is said that there is none, as of
//! what is nowhere.

use std::collections::BTreeSet;

use async_graphql::{Context, Result};
use chrono::NaiveDate;

use super::context::{Asked as _, OrFault as _};
use throughline_domain::contract::rulebook::CodeList;
use throughline_domain::contract::{Contract, Rulebook};
use throughline_domain::fact::envelope::{TeamId, WorkerId};
use throughline_gateway::Code;
use throughline_gateway::guard;

/// Refuses a code that is asked for and that no rulebook of these contracts knows; a rulebook that leaves the list out
/// takes any.
pub(super) fn code<'c>(
    contracts: impl IntoIterator<Item = &'c Contract>,
    (what, asked): (&str, Option<&str>),
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
        known => format!("write one of {}", known.join(", ")),
    };
    Err(Code::BadUserInput.error(format!("there is no {what} {:?}: {remedy}", guard::shortened(asked))))
}

/// Refuses a service area that none of these contracts has.
pub(super) fn area<'c>(contracts: impl IntoIterator<Item = &'c Contract>, asked: Option<&str>) -> Result<()> {
    code(contracts, ("area", asked), |rules| listed(rules, CodeList::Areas))
}

/// Refuses a cohort that none of these contracts has.
pub(super) fn cohort<'c>(contracts: impl IntoIterator<Item = &'c Contract>, asked: Option<&str>) -> Result<()> {
    code(contracts, ("cohort", asked), |rules| listed(rules, CodeList::Cohorts))
}

/// Refuses an outcome that none of these contracts has.
pub(super) fn outcome<'c>(contracts: impl IntoIterator<Item = &'c Contract>, asked: Option<&str>) -> Result<()> {
    let outcomes = |rules: &Rulebook| Some(rules.outcomes.iter().map(|outcome| outcome.code.clone()).collect());
    code(contracts, ("outcome", asked), outcomes)
}

/// The codes of a rulebook's list; none where it takes any.
pub(super) fn listed(rules: &Rulebook, list: CodeList) -> Option<Vec<String>> {
    rules.codes.listed(list).map(<[String]>::to_vec)
}

/// Refuses a contract that the caller cannot see, whether or not there is one of this code.
pub(super) fn contract(ctx: &Context<'_>, asked: Option<&str>) -> Result<()> {
    let Some(asked) = asked else { return Ok(()) };
    let generation = &ctx.caller().generation;
    if ctx.in_scope(asked).and_then(|scoped| generation.told(scoped)).is_some() {
        return Ok(());
    }
    let seen = generation.all_told(&ctx.caller().principal.scope);
    let codes: Vec<&str> = seen.iter().filter_map(|contract| contract.code()).collect();
    let remedy = match codes.as_slice() {
        [] => "you see no contract".to_owned(),
        codes => format!("write one of {}", codes.join(", ")),
    };
    // The same words for one that is there, letter by letter.
    Err(Code::BadUserInput.error(format!("there is no such contract: {remedy}")))
}

/// Refuses a worker of whom the caller cannot know, whether or not there is one of this id.
pub(super) async fn worker(ctx: &Context<'_>, asked: Option<WorkerId>) -> Result<()> {
    let Some(asked) = asked else { return Ok(()) };
    let caller = ctx.caller();
    let seen = caller.generation.visible_workers(&caller.principal.scope, &[asked]).await.or_fault()?;
    if seen.contains(&asked) {
        return Ok(());
    }
    Err(Code::BadUserInput.error(format!("there is no worker {asked}: take an id from `workers` of the contract")))
}

/// Refuses a team of which the caller cannot know, whether or not there is one of this id.
pub(super) async fn team(ctx: &Context<'_>, asked: Option<TeamId>) -> Result<()> {
    let Some(asked) = asked else { return Ok(()) };
    let caller = ctx.caller();
    let seen = caller.generation.visible_teams(&caller.principal.scope, &[asked]).await.or_fault()?;
    if seen.contains(&asked) {
        return Ok(());
    }
    Err(Code::BadUserInput.error(format!("there is no team {asked}: take an id from `teams`")))
}

/// Refuses days that end before they begin.
pub(super) fn days(what: &str, first: Option<NaiveDate>, last: Option<NaiveDate>) -> Result<()> {
    match (first, last) {
        (Some(first), Some(last)) if last < first => {
            Err(Code::BadUserInput.error(format!("{what} end before they begin: write the earlier day first")))
        }
        _ => Ok(()),
    }
}
