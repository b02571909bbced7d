//! Mutations about journeys: one for each fact, and how facts are corrected.

use async_graphql::{Context, Object, Result};
use chrono::NaiveDate;

use super::input::{
    AcceptReferralInput, AgreePlanInput, AssignWorkerInput, CloseJourneyInput, CorrectFactInput, DeclineReferralInput,
    DisengageInput, EndSpellInput, LogContactInput, ReceiveReferralInput, RetractFactInput, StartSpellInput, When,
};
use super::payload::JourneyPayload;
use super::{contract_today, deployment_today, record};
use crate::graphql::context::{Asked as _, OrFault as _};
use crate::graphql::scalars::Id;
use crate::journey::command::{Command, CorrectFact, ReceiveReferral, RetractFacts};
use crate::journey::event::{
    ContactLogged, Disengaged, JourneyClosed, PlanAgreed, ReferralAccepted, ReferralDeclined, SpellEnded,
    WorkerAssigned,
};
use crate::journey::{History, Recorded};
use crate::log::envelope::{EventId, JourneyId, Occurred, SpellId, StreamId, SubjectId};

/// What may be recorded about a journey.
#[derive(Default)]
pub(super) struct JourneyMutations;

/// A mutation that states a dated fact about a journey.
macro_rules! state {
    ($ctx:expr, $input:expr, $fact:expr) => {{
        let id = JourneyId($input.journey.0);
        let occurred = $input.when.occurred(today($ctx, id, &$input.when).await?);
        let command = Command::state(StreamId::journey(id), occurred, $fact);
        let outcome = record($ctx, $input.stamp, command).await?;
        JourneyPayload::of($ctx, id, outcome).await
    }};
}

/// What may be recorded about a journey.
#[Object]
impl JourneyMutations {
    /// A client is referred: the journey begins, with a new subject or a known one.
    async fn receive_referral(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: ReceiveReferralInput,
    ) -> Result<JourneyPayload> {
        let id = JourneyId(input.journey.map_or_else(|| input.stamp.id_for("journey"), |id| id.0));
        let subject = input.subject.map_or_else(|| input.stamp.id_for("subject"), |id| id.0);
        let register = input.subject.is_none().then(|| input.subject_kind.into());
        let today = contract_today(ctx, &input.contract).await?;
        let command = Command::ReceiveReferral(ReceiveReferral {
            journey: id,
            contract: input.contract,
            occurred: input.when.occurred(today),
            register,
            fact: input.fact.of(SubjectId(subject)),
        });
        let outcome = record(ctx, input.stamp, command).await?;
        JourneyPayload::of(ctx, id, outcome).await
    }

    /// The service takes the client on: the case joins the caseload.
    async fn accept_referral(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: AcceptReferralInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, ReferralAccepted {})
    }

    /// The service does not take the client on.
    async fn decline_referral(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: DeclineReferralInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, ReferralDeclined::from(input.fact))
    }

    /// A worker takes the case; a new keyworker releases the former that day.
    async fn assign_worker(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: AssignWorkerInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, WorkerAssigned::from(input.fact))
    }

    /// Somebody was, or tried to be, in touch. The worker is the one whose login makes the call, unless another is
    /// named.
    async fn log_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] mut input: LogContactInput,
    ) -> Result<JourneyPayload> {
        if input.fact.worker.is_none() {
            let login = &ctx.caller().principal.subject;
            let own = ctx.caller().generation.worker_of_login(login).await.or_fault()?;
            input.fact.worker = own.map(|own| Id(own.worker.0));
        }
        state!(ctx, input, ContactLogged::from(input.fact))
    }

    /// Client and keyworker agreed a plan, such as a Personal Housing Plan.
    async fn agree_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: AgreePlanInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, PlanAgreed::from(input.fact))
    }

    /// A job, home, placement or course began.
    async fn start_spell(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: StartSpellInput,
    ) -> Result<JourneyPayload> {
        let spell = SpellId(input.spell.map_or_else(|| input.stamp.id_for("spell"), |id| id.0));
        state!(ctx, input, input.fact.of(spell))
    }

    /// A spell no longer holds: its date is the first day on which it did not.
    async fn end_spell(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: EndSpellInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, SpellEnded::from(input.fact))
    }

    /// The client no longer engages: a dated mark, the case stays on the caseload until it is closed.
    async fn disengage(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: DisengageInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, Disengaged::from(input.fact))
    }

    /// The case is closed: it leaves the caseload, its spells may go on.
    async fn close_journey(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: CloseJourneyInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, JourneyClosed::from(input.fact))
    }

    /// A fact was recorded wrongly: the whole fact as it should read takes its place, and the log keeps both.
    async fn correct_fact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: CorrectFactInput,
    ) -> Result<JourneyPayload> {
        let id = JourneyId(input.journey.0);
        let occurred = corrected_day(ctx, id, EventId(input.target.0), input.when).await?;
        let command = Command::CorrectFact(CorrectFact {
            stream: StreamId::journey(id),
            target: EventId(input.target.0),
            occurred,
            replacement: input.replacement.into(),
            reason: input.reason,
        });
        let outcome = record(ctx, input.stamp, command).await?;
        JourneyPayload::of(ctx, id, outcome).await
    }

    /// Facts never were so: they go, with their corrections, all or none, and the log keeps that they were recorded.
    async fn retract_fact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: RetractFactInput,
    ) -> Result<JourneyPayload> {
        let id = JourneyId(input.journey.0);
        let command = Command::RetractFacts(RetractFacts {
            stream: StreamId::journey(id),
            targets: input.targets.iter().map(|target| EventId(target.0)).collect(),
            reason: input.reason,
        });
        let outcome = record(ctx, input.stamp, command).await?;
        JourneyPayload::of(ctx, id, outcome).await
    }
}

/// When a corrected fact was so: as the input says, and where it says nothing, as the fact reads now.
async fn corrected_day(ctx: &Context<'_>, id: JourneyId, target: EventId, when: When) -> Result<Occurred> {
    if when.occurred_on.is_none() {
        let mut history = History::default();
        for envelope in ctx.parts().log.stream(StreamId::journey(id)).await.or_fault()? {
            history.evolve(Recorded::decode(&envelope).or_fault()?);
        }
        if let Some(fact) = history.fact(target) {
            return Ok(fact.occurred);
        }
    }
    Ok(when.occurred(deployment_today(ctx)))
}

/// Today in the journey's contract, where no date was given and it matters.
async fn today(ctx: &Context<'_>, id: JourneyId, when: &When) -> Result<NaiveDate> {
    if when.occurred_on.is_some() {
        return Ok(deployment_today(ctx));
    }
    let envelopes = ctx.parts().log.stream(StreamId::journey(id)).await.or_fault()?;
    let code = envelopes.first().and_then(|first| first.contract.as_deref()).unwrap_or_default();
    contract_today(ctx, code).await
}
