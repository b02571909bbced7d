//! Mutations: one for each fact. Each turns its input into a command and the answer into a payload, and decides nothing.

mod amend;
mod batch;
mod contract;
pub mod input;
mod journey;
pub mod payload;
mod people;
pub mod sent;

use async_graphql::{Context, MergedObject, Result};
use chrono::NaiveDate;
use uuid::Uuid;

use super::context::{Asked as _, OrFault as _};
use super::query::visible;
use super::views::ViewMutations;
use crate::graphql::scalars::Id;
use crate::record::{Instruction, NotDone};
use amend::Amendments;
use batch::BatchMutations;
use contract::ContractMutations;
use input::amend::Whose;
use input::reading::{Reading, States};
use input::{Stamp, When};
use journey::JourneyMutations;
use payload::Outcome;
use people::PeopleMutations;
use sent::Sent;
use throughline_domain::command::Command;
use throughline_domain::contract::rulebook::canonical;
use throughline_domain::fact::envelope::StreamId;
use throughline_domain::fact::refusal::Refusal;
use throughline_gateway::Recorded;

/// What may be recorded: one mutation for each fact. A refusal is data, in the payload's `problems`.
#[derive(MergedObject, Default)]
pub struct Mutation(JourneyMutations, PeopleMutations, ContractMutations, BatchMutations, Amendments, ViewMutations);

/// What a mutation answers. One that fails or that the caller may not do is null and leaves a mistake beside it, so that
/// what its neighbours in the document did is told all the same.
pub type Answered<T> = Option<Result<T>>;

/// Waits for the answer of a mutation. What it waits for is kept apart, for the one future of all mutations holds room for
/// each of them.
pub(super) fn answered<T>(telling: impl Future<Output = Result<T>>) -> impl Future<Output = Answered<T>> {
    let telling = Box::pin(telling);
    async { Some(telling.await) }
}

/// States a fact of any stream, today in its contract's zone where no date was given.
async fn state(ctx: &Context<'_>, stamp: Stamp, stream: StreamId, when: When, fact: impl States) -> Result<Outcome> {
    let mut reading = Reading::default();
    let fact = fact.stated(&mut reading);
    let occurred = when.occurred(today(ctx, stream, &when).await?, &mut reading);
    record(ctx, stamp, reading, Command::state(stream, occurred, fact)).await
}

/// The same of whichever thing the input names, where it names one; answers with it.
async fn state_of(
    ctx: &Context<'_>,
    whose: Result<Whose, Vec<Refusal>>,
    (stamp, when): (Stamp, When),
    fact: impl States,
) -> Result<(Option<Whose>, Outcome)> {
    let whose = match whose {
        Ok(whose) => whose,
        Err(refusals) => return Ok((None, Outcome::refused(refusals, &Sent::of(ctx)?))),
    };
    let outcome = state(ctx, stamp, whose.stream(), when, fact).await?;
    Ok((Some(whose), outcome))
}

/// The id that was given for a thing, or else one that follows from the command's.
fn own_id(stamp: &Stamp, thing: &str, given: Option<Id>) -> Uuid {
    given.map_or_else(|| stamp.id_for(thing), |id| id.0)
}

/// Sends a command to the write side, with what came along with it, unless something in the input cannot be meant.
async fn record(ctx: &Context<'_>, stamp: Stamp, reading: Reading, command: Command) -> Result<Outcome> {
    record_as(ctx, stamp, reading, command, Sent::of(ctx)?).await
}

/// The same, where the way to a field in the input is not that in the payload.
async fn record_as(
    ctx: &Context<'_>,
    stamp: Stamp,
    mut reading: Reading,
    command: Command,
    sent: Sent,
) -> Result<Outcome> {
    let expected = stamp.expected(&mut reading);
    if let Err(refusals) = reading.done() {
        return Ok(Outcome::refused(refusals, &sent));
    }
    let instruction = Instruction {
        principal: ctx.caller().principal.clone(),
        command_id: stamp.command(),
        body: body(ctx)?,
        expected,
        source: None,
        dry_run: stamp.dry_run,
        accept_warnings: stamp.accept_warnings.into_iter().collect(),
        command,
    };
    let mut answer = ctx.parts().recorder.record(instruction).await;
    if let Ok(done) = &mut answer {
        Recorded::note(ctx);
        // The answer is read from the view that was live when the request came; another may have taken its place.
        done.shown &= *ctx.caller().generation.position().borrow() >= done.appended.position();
    }
    if let Err(NotDone::Conflict { since, .. }) = &mut answer {
        let visible = visible(ctx, since).await?;
        since.retain(|event| visible(event));
    }
    Outcome::of(answer, &sent)
}

/// The keys of an input that are no part of its command.
const APART: [&str; 4] = ["commandId", "expectedVersion", "dryRun", "acceptWarnings"];

/// Whether null says something else in a mutation's field than leaving it out.
fn clears(mutation: &str, key: &str) -> bool {
    match mutation {
        "correctFact" => ["occurredOn", "precision", "localTime"].contains(&key),
        "moveAppointment" => ["time", "worker"].contains(&key),
        _ => false,
    }
}

/// What makes a command this one and no other: the mutation's name and its input as it was given.
///
/// Neither what the server filled in (today, ids, the caller's worker) nor what is said of how to judge it is part of
/// it, so that the same request sent a day later is still the same command; nor is the command's id, however it is
/// spelt.
pub(super) fn body(ctx: &Context<'_>) -> Result<Vec<u8>> {
    let field = ctx.field();
    let mut given = serde_json::Map::new();
    for (name, value) in field.arguments()? {
        let mut value = value.into_json()?;
        if let Some(input) = value.as_object_mut() {
            let says = |key: &str, value: &serde_json::Value| !value.is_null() || clears(field.name(), key);
            input.retain(|key, value| !APART.contains(&key.as_str()) && says(key, value));
        }
        given.insert(name.to_string(), value);
    }
    given.insert("mutation".to_owned(), field.name().into());
    Ok(canonical::json(&given.into()).into_bytes())
}

/// Today in the contract of this code, as far as the caller may know of it.
async fn contract_today(ctx: &Context<'_>, code: &str) -> Result<NaiveDate> {
    let Some(scoped) = ctx.in_scope(code) else { return Ok(ctx.deployment_today()) };
    let contract = ctx.caller().generation.told(scoped);
    Ok(contract.map_or_else(|| ctx.deployment_today(), |contract| ctx.today(&contract)))
}

/// Today in the contract of a stream, where no date was given and it matters.
async fn today(ctx: &Context<'_>, stream: StreamId, when: &When) -> Result<NaiveDate> {
    if when.occurred_on.is_some() || stream.kind.belongs_to_deployment() {
        return Ok(ctx.deployment_today());
    }
    let envelopes = ctx.parts().log.stream(stream).await.or_fault()?;
    let code = envelopes.first().and_then(|first| first.contract.as_deref()).unwrap_or_default();
    contract_today(ctx, code).await
}
