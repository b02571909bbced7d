//! Corrections and retractions: one way for the facts of a journey, subject, worker, team or contract.

use async_graphql::{Context, Object, Result};

use super::input::When;
use super::input::amend::{CorrectFactInput, RetractFactInput, Whose};
use super::input::reading::{Reading, States as _};
use super::payload::{AmendmentPayload, Outcome};
use super::sent::Sent;
use super::{Answered, answered, record, record_as};
use crate::graphql::context::{Asked as _, OrFault as _};
use crate::journey::command::{Command, CorrectFact, RetractFacts};
use crate::journey::{History, Recorded};
use crate::log::envelope::{EventId, Occurred, StreamId};

/// What may be said of facts that were recorded.
#[derive(Default)]
pub(super) struct Amendments;

/// What may be said of facts that were recorded.
#[Object]
impl Amendments {
    /// A fact was recorded wrongly: the whole fact as it should read takes its place, and the log keeps both.
    async fn correct_fact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: CorrectFactInput,
    ) -> Answered<AmendmentPayload> {
        answered(async {
            let sent = Sent::of(ctx)?.replacing(input.replacement.field());
            let whose = match Whose::of(input.journey, input.subject, input.worker, input.team, input.contract) {
                Ok(whose) => whose,
                Err(refusals) => return AmendmentPayload::of(ctx, None, Outcome::refused(refusals, &sent)).await,
            };
            let (stream, target) = (whose.stream(), EventId(input.target.0));
            let occurred = corrected_day(ctx, stream, target, input.when).await?;
            let mut reading = Reading::default();
            let replacement = reading.field("payload", |reading| input.replacement.stated(reading));
            let reason = input.reason;
            let command = Command::CorrectFact(CorrectFact { stream, target, occurred, replacement, reason });
            let outcome = record_as(ctx, input.stamp, reading, command, sent).await?;
            AmendmentPayload::of(ctx, Some(&whose), outcome).await
        })
        .await
    }

    /// Facts never were so: they go, with their corrections, all or none, and the log keeps that they were recorded.
    async fn retract_fact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: RetractFactInput,
    ) -> Answered<AmendmentPayload> {
        answered(async {
            let whose = match Whose::of(input.journey, input.subject, input.worker, input.team, input.contract) {
                Ok(whose) => whose,
                Err(refusals) => {
                    let outcome = Outcome::refused(refusals, &Sent::of(ctx)?);
                    return AmendmentPayload::of(ctx, None, outcome).await;
                }
            };
            let command = Command::RetractFacts(RetractFacts {
                stream: whose.stream(),
                targets: input.targets.iter().map(|target| EventId(target.0)).collect(),
                reason: input.reason,
            });
            let outcome = record(ctx, input.stamp, Reading::default(), command).await?;
            AmendmentPayload::of(ctx, Some(&whose), outcome).await
        })
        .await
    }
}

/// When a corrected fact was so: as the input says, and what it leaves out, as the fact reads now.
async fn corrected_day(ctx: &Context<'_>, stream: StreamId, target: EventId, when: When) -> Result<Occurred> {
    if when.occurred_on.is_none() {
        let mut history = History::default();
        for envelope in ctx.parts().log.stream(stream).await.or_fault()? {
            history.evolve(Recorded::decode(&envelope).or_fault()?);
        }
        if let Some(fact) = history.fact(target) {
            return Ok(when.instead_of(fact.occurred));
        }
    }
    Ok(when.occurred(ctx.deployment_today()))
}
