//! Corrections and retractions: one way for the facts of a journey, subject, worker, team or contract.

use async_graphql::{Context, Object, Result};

use super::input::When;
use super::input::amend::{CorrectFactInput, RetractFactInput, Whose};
use super::payload::AmendmentPayload;
use super::record;
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
    ) -> Result<AmendmentPayload> {
        let whose = Whose::of(input.journey, input.subject, input.worker, input.team, input.contract)?;
        let (stream, target) = (whose.stream(), EventId(input.target.0));
        let occurred = corrected_day(ctx, stream, target, input.when).await?;
        let field = input.replacement.field();
        let (replacement, reason) = (input.replacement.into(), input.reason);
        let command = Command::CorrectFact(CorrectFact { stream, target, occurred, replacement, reason });
        let outcome = record(ctx, input.stamp, command).await?.of_replacement(field);
        AmendmentPayload::of(ctx, &whose, outcome).await
    }

    /// Facts never were so: they go, with their corrections, all or none, and the log keeps that they were recorded.
    async fn retract_fact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: RetractFactInput,
    ) -> Result<AmendmentPayload> {
        let whose = Whose::of(input.journey, input.subject, input.worker, input.team, input.contract)?;
        let command = Command::RetractFacts(RetractFacts {
            stream: whose.stream(),
            targets: input.targets.iter().map(|target| EventId(target.0)).collect(),
            reason: input.reason,
        });
        let outcome = record(ctx, input.stamp, command).await?;
        AmendmentPayload::of(ctx, &whose, outcome).await
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
