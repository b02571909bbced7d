//! Corrections and retractions of facts about a case, subject, worker, team or contract.

use async_graphql::{Context, Object};
use serde_json::{Map, Value};

use super::input::amend::{CorrectFactInput, FactOwner, Replacement, RetractFactInput};
use super::input::convert::Conversion;
use super::input::patch::Patches as _;
use super::input_path::SentInput;
use super::payload::{AmendmentPayload, Outcome};
use super::{Answered, answered, record, record_as};
use throughline_domain::command::{Command, PatchFact, RetractFacts};
use throughline_domain::fact::envelope::EventId;

/// The mutations that correct and retract facts.
#[derive(Default)]
pub(super) struct Amendments;

/// The mutations that correct and retract facts.
#[Object]
impl Amendments {
    /// Corrects a fact that was recorded wrongly. Fields that are left out stay the same; an explicit null clears a
    /// field. The event records the whole corrected fact, and the log keeps both versions.
    async fn correct_fact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: CorrectFactInput,
    ) -> Answered<AmendmentPayload> {
        answered(async {
            let sent = SentInput::of(ctx)?;
            let sent = match &input.replacement {
                Some(replacement) => sent.replacing(replacement.field()),
                None => sent,
            };
            let whose = match FactOwner::of(input.journey, input.subject, input.worker, input.team, input.contract) {
                Ok(whose) => whose,
                Err(refusals) => return AmendmentPayload::of(ctx, None, Outcome::refused(refusals, &sent)).await,
            };
            let mut conversion = Conversion::default();
            let of = input.replacement.as_ref().map(Replacement::of);
            let payload =
                input.replacement.map(|patch| conversion.field("payload", |conversion| patch.patched(conversion)));
            let command = Command::PatchFact(PatchFact {
                stream: whose.stream(),
                target: EventId(input.target.0),
                occurred: input.when.read(&mut conversion),
                of,
                payload: match payload {
                    Some(Value::Object(payload)) => payload,
                    _ => Map::new(),
                },
                reason: input.reason,
            });
            let outcome = record_as(ctx, input.stamp, conversion, command, sent).await?;
            AmendmentPayload::of(ctx, Some(&whose), outcome).await
        })
        .await
    }

    /// Retracts facts that were recorded by mistake, together with their corrections: all of them or none. The log
    /// keeps the events.
    async fn retract_fact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: RetractFactInput,
    ) -> Answered<AmendmentPayload> {
        answered(async {
            let whose = match FactOwner::of(input.journey, input.subject, input.worker, input.team, input.contract) {
                Ok(whose) => whose,
                Err(refusals) => {
                    let outcome = Outcome::refused(refusals, &SentInput::of(ctx)?);
                    return AmendmentPayload::of(ctx, None, outcome).await;
                }
            };
            let command = Command::RetractFacts(RetractFacts {
                stream: whose.stream(),
                targets: input.targets.iter().map(|target| EventId(target.0)).collect(),
                reason: input.reason,
            });
            let outcome = record(ctx, input.stamp, Conversion::default(), command).await?;
            AmendmentPayload::of(ctx, Some(&whose), outcome).await
        })
        .await
    }
}
