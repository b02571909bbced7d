//! Mutations: one for each fact. Each turns its input into a command and the result into a payload. Domain decisions
//! are made elsewhere.

mod access;
mod amend;
mod batch;
mod contract;
pub mod input;
pub mod input_path;
mod journey;
mod mutations;
mod offer;
pub mod payload;
mod people;
mod reveal;
pub mod upsert;

use async_graphql::{Context, MergedObject, Result};
use uuid::Uuid;

use super::context::RequestContext as _;
use super::import_orders::ImportMutations;
use super::query::visible;
use super::views::ViewMutations;
use super::webhook_orders::WebhookMutations;
use crate::graphql::scalars::Id;
use crate::record::{CommandRequest, RecordError, RecordedCommand};
use access::AccessMutations;
use amend::Amendments;
use batch::BatchMutations;
use contract::ContractMutations;
use input::amend::FactOwner;
use input::convert::{Conversion, IntoFact};
use input::{Stamp, When};
use input_path::SentInput;
use journey::JourneyMutations;
use offer::OfferMutations;
use payload::Outcome;
use people::PeopleMutations;
use reveal::RevealMutations;
use throughline_domain::command::Command;
use throughline_domain::contract::rulebook::canonical;
use throughline_domain::fact::envelope::StreamId;
use throughline_domain::fact::refusal::Refusal;
use throughline_gateway::Recorded;
use upsert::UpsertMutations;

/// The mutation root: one mutation for each fact that can be recorded. A refusal is data in the payload's `problems`,
/// not a GraphQL error.
#[derive(MergedObject, Default)]
pub struct Mutation(
    JourneyMutations,
    PeopleMutations,
    ContractMutations,
    BatchMutations,
    Amendments,
    ViewMutations,
    WebhookMutations,
    AccessMutations,
    RevealMutations,
    ImportMutations,
    UpsertMutations,
    OfferMutations,
);

/// The result of a mutation. A mutation that fails or is forbidden returns null and an error, so that the results of
/// the other mutations in the document are still returned.
pub type Answered<T> = Option<Result<T>>;

/// Waits for the result of a mutation. The future is boxed, because the future of the mutation root reserves space for
/// each mutation.
pub(super) fn answered<T>(result: impl Future<Output = Result<T>>) -> impl Future<Output = Answered<T>> {
    let result = Box::pin(result);
    async { Some(result.await) }
}

/// Records a fact in a stream of any kind.
async fn record_fact(
    ctx: &Context<'_>,
    stamp: Stamp,
    stream: StreamId,
    when: When,
    fact: impl IntoFact,
) -> Result<Outcome> {
    let mut conversion = Conversion::default();
    let fact = fact.into_fact(&mut conversion);
    let when = when.read(&mut conversion);
    record(ctx, stamp, conversion, Command::record_fact(stream, when, fact)).await
}

/// The same for the stream that the input names, if it names one. Returns the payload.
async fn record_fact_of(
    ctx: &Context<'_>,
    whose: Result<FactOwner, Vec<Refusal>>,
    (stamp, when): (Stamp, When),
    fact: impl IntoFact,
) -> Result<(Option<FactOwner>, Outcome)> {
    let whose = match whose {
        Ok(whose) => whose,
        Err(refusals) => return Ok((None, Outcome::refused(refusals, &SentInput::of(ctx)?))),
    };
    let outcome = record_fact(ctx, stamp, whose.stream(), when, fact).await?;
    Ok((Some(whose), outcome))
}

/// The id given in the input, or one derived from the command's id.
fn own_id(stamp: &Stamp, thing: &str, given: Option<Id>) -> Uuid {
    given.map_or_else(|| stamp.id_for(thing), |id| id.0)
}

/// Sends a command to the recorder, with the warnings found in the input, unless the input is invalid.
async fn record(ctx: &Context<'_>, stamp: Stamp, conversion: Conversion, command: Command) -> Result<Outcome> {
    record_as(ctx, stamp, conversion, command, SentInput::of(ctx)?).await
}

/// The same, with another path from the input to the payload.
async fn record_as(
    ctx: &Context<'_>,
    stamp: Stamp,
    mut conversion: Conversion,
    command: Command,
    sent: SentInput,
) -> Result<Outcome> {
    let expected = stamp.expected(&mut conversion);
    if let Err(refusals) = conversion.done() {
        return Ok(Outcome::refused(refusals, &sent));
    }
    let request = CommandRequest::new(ctx.caller().principal.clone(), stamp.command(), command)
        .with_body(body(ctx)?)
        .expecting(expected)
        .accepting(stamp.accept_warnings)
        .dry_run_if(stamp.dry_run);
    Outcome::of(answer_to(ctx, request).await?, &sent)
}

/// Sends a request to the recorder. The answer names no event that the caller may not see.
async fn answer_to(ctx: &Context<'_>, request: CommandRequest) -> Result<Result<RecordedCommand, RecordError>> {
    let mut answer = ctx.app().recorder.record(request).await;
    if let Ok(done) = &mut answer {
        Recorded::note(ctx);
        // The response is read from the view that was live when the request arrived. Another generation may have
        // replaced it since.
        done.shown &= *ctx.caller().generation.position().borrow() >= done.appended.position();
    }
    if let Err(RecordError::Conflict { since, .. }) = &mut answer {
        let visible = visible(ctx, since).await?;
        since.retain(|event| visible(event));
    }
    Ok(answer)
}

/// The keys of an input that are not part of its command.
const APART: [&str; 4] = ["commandId", "expectedVersion", "dryRun", "acceptWarnings"];

/// Whether null has its own meaning in this field of a mutation, different from leaving the field out.
fn clears(mutation: &str, key: &str) -> bool {
    match mutation {
        "correctFact" => ["occurredOn", "precision", "localTime"].contains(&key),
        "sealIdentity" => true,
        "moveAppointment" => ["time", "worker"].contains(&key),
        "changeSubscription" => key == "types",
        _ => false,
    }
}

/// The content that identifies a command: the name of the mutation and its input as sent.
///
/// Excluded are values that the server fills in (today, ids, the caller's worker), options on how to judge the
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
