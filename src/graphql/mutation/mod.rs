//! Mutations: one for each fact. Each turns its input into a command and the result into a payload. Domain decisions
//! are made elsewhere.

mod amend;
mod batch;
mod contract;
pub mod input;
mod journey;
mod mutations;
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

/// The mutation root: one mutation for each fact that can be recorded. A refusal is data in the payload's `problems`,
/// not a GraphQL error.
#[derive(MergedObject, Default)]
pub struct Mutation(JourneyMutations, PeopleMutations, ContractMutations, BatchMutations, Amendments, ViewMutations);

/// The result of a mutation. A mutation that fails or is forbidden returns null and an error, so that the results of
/// the other mutations in the document are still returned.
pub type Answered<T> = Option<Result<T>>;

/// Waits for the result of a mutation. The future is boxed, because the future of the mutation root reserves space for
/// each mutation.
pub(super) fn answered<T>(result: impl Future<Output = Result<T>>) -> impl Future<Output = Answered<T>> {
    let result = Box::pin(result);
    async { Some(result.await) }
}

/// Records a fact in a stream of any kind. Without a date, the fact is dated today in the contract's time zone.
async fn state(ctx: &Context<'_>, stamp: Stamp, stream: StreamId, when: When, fact: impl States) -> Result<Outcome> {
    let mut reading = Reading::default();
    let fact = fact.stated(&mut reading);
    let occurred = when.occurred(today(ctx, stream, &when).await?, &mut reading);
    record(ctx, stamp, reading, Command::state(stream, occurred, fact)).await
}

/// The same for the stream that the input names, if it names one. Returns the payload.
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

/// The id given in the input, or one derived from the command's id.
fn own_id(stamp: &Stamp, thing: &str, given: Option<Id>) -> Uuid {
    given.map_or_else(|| stamp.id_for(thing), |id| id.0)
}

/// Sends a command to the recorder, with the warnings found in the input, unless the input is invalid.
async fn record(ctx: &Context<'_>, stamp: Stamp, reading: Reading, command: Command) -> Result<Outcome> {
    record_as(ctx, stamp, reading, command, Sent::of(ctx)?).await
}

/// The same, with another path from the input to the payload.
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
        // The response is read from the view that was live when the request arrived. Another generation may have
        // replaced it since.
        done.shown &= *ctx.caller().generation.position().borrow() >= done.appended.position();
    }
    if let Err(NotDone::Conflict { since, .. }) = &mut answer {
        let visible = visible(ctx, since).await?;
        since.retain(|event| visible(event));
    }
    Outcome::of(answer, &sent)
}

/// The keys of an input that are not part of its command.
const APART: [&str; 4] = ["commandId", "expectedVersion", "dryRun", "acceptWarnings"];

/// Whether null has its own meaning in this field of a mutation, different from leaving the field out.
fn clears(mutation: &str, key: &str) -> bool {
    match mutation {
        "correctFact" => ["occurredOn", "precision", "localTime"].contains(&key),
        "moveAppointment" => ["time", "worker"].contains(&key),
        _ => false,
    }
}

/// The content that identifies a command: the name of the mutation and its input as sent.
///
/// Excluded are values that the server filled in (today, ids, the caller's worker), options on how to judge the
/// command, and the command's id. The same request sent a day later is therefore still the same command.
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

/// Today in the contract with this code, if the caller may see the contract.
async fn contract_today(ctx: &Context<'_>, code: &str) -> Result<NaiveDate> {
    let Some(scoped) = ctx.in_scope(code) else { return Ok(ctx.deployment_today()) };
    let contract = ctx.caller().generation.contract_state(scoped);
    Ok(contract.map_or_else(|| ctx.deployment_today(), |contract| ctx.today(&contract)))
}

/// Today in the contract of a stream, if no date was given and the date matters.
async fn today(ctx: &Context<'_>, stream: StreamId, when: &When) -> Result<NaiveDate> {
    if when.occurred_on.is_some() || stream.kind.belongs_to_deployment() {
        return Ok(ctx.deployment_today());
    }
    let envelopes = ctx.parts().log.stream(stream).await.or_fault()?;
    let code = envelopes.first().and_then(|first| first.contract.as_deref()).unwrap_or_default();
    contract_today(ctx, code).await
}
