//! Mutations about journeys: one for each fact.

use async_graphql::{Context, Object, Result};

use super::input::evidence::{AttachEvidenceInput, RejectEvidenceInput, VerifyEvidenceInput, WithdrawEvidenceInput};
use super::input::exit::{CloseJourneyInput, DisengageInput, ReopenJourneyInput, TransferJourneyInput};
use super::input::referral::{
    AcceptReferralInput, AssessEligibilityInput, AssignWorkerInput, DeclineReferralInput, ReceiveReferralInput,
    ReleaseWorkerInput, WithdrawReferralInput,
};
use super::input::spell::{ChangeSpellInput, EndSpellInput, StartSpellInput};
use super::input::work::{
    AgreePlanInput, CancelTaskInput, ClearRiskInput, ClosePlanInput, CompleteTaskInput, LogContactInput,
    RaiseRiskInput, RecordAchievementInput, RecordMeasureInput, ReviewPlanInput, ScoreAssessmentInput, SetTaskInput,
    StartEngagementInput,
};
use super::payload::{AssessmentPayload, JourneyPayload, MeasurePayload};
use super::{contract_today, own_id, record, state};
use crate::graphql::code::Code;
use crate::graphql::context::{Asked as _, OrFault as _};
use crate::graphql::scalars::Id;
use crate::journey::command::{Command, ReceiveReferral};
use crate::journey::event::{
    AchievementRecorded, AssessmentScored, ContactLogged, Disengaged, EligibilityAssessed, EngagementStarted,
    EvidenceRejected, EvidenceVerified, EvidenceWithdrawn, JourneyClosed, JourneyReopened, JourneyTransferred,
    MeasureRecorded, PlanAgreed, PlanClosed, PlanReviewed, ReferralAccepted, ReferralDeclined, ReferralWithdrawn,
    RiskCleared, SpellChanged, SpellEnded, TaskCancelled, TaskDone, WorkerAssigned, WorkerReleased,
};
use crate::log::envelope::{EvidenceId, JourneyId, RiskId, SpellId, StreamId, SubjectId, TaskId, WorkerId};

/// What may be recorded about a journey.
#[derive(Default)]
pub(super) struct JourneyMutations;

/// A mutation that states a dated fact about a journey.
macro_rules! state {
    ($ctx:expr, $input:expr, $fact:expr) => {{
        let id = JourneyId($input.journey.0);
        let outcome = state($ctx, $input.stamp, StreamId::journey(id), $input.when, $fact.into()).await?;
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
        let id = JourneyId(own_id(&input.stamp, "journey", input.journey));
        let subject = own_id(&input.stamp, "subject", input.subject);
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

    /// Whoever referred the client, or the client, takes the referral back.
    async fn withdraw_referral(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: WithdrawReferralInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, ReferralWithdrawn::from(input.fact))
    }

    /// Somebody judged whether the client is eligible; the facts of that day stay as they were found, whatever becomes
    /// of them later.
    async fn assess_eligibility(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: AssessEligibilityInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, EligibilityAssessed::from(input.fact))
    }

    /// A worker takes the case; a new keyworker releases the former that day.
    async fn assign_worker(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: AssignWorkerInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, WorkerAssigned::from(input.fact))
    }

    /// A worker no longer holds the case: its date is the first day on which they did not.
    async fn release_worker(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: ReleaseWorkerInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, WorkerReleased::from(input.fact))
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
            let own = ctx.caller().generation.worker_of_login(login, ctx.deployment_today()).await.or_fault()?;
            input.fact.worker = own.map(|own| Id(own.worker.0));
        }
        state!(ctx, input, ContactLogged::from(input.fact))
    }

    /// The client engages with the service.
    async fn start_engagement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: StartEngagementInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, EngagementStarted::from(input.fact))
    }

    /// Client and keyworker agreed a plan, such as a Personal Housing Plan.
    async fn agree_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: AgreePlanInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, PlanAgreed::from(input.fact))
    }

    /// Client and keyworker went through a plan again.
    async fn review_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: ReviewPlanInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, PlanReviewed::from(input.fact))
    }

    /// A plan no longer guides the work.
    async fn close_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: ClosePlanInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, PlanClosed::from(input.fact))
    }

    /// Something is to be done by a day.
    async fn set_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: SetTaskInput,
    ) -> Result<JourneyPayload> {
        let task = TaskId(own_id(&input.stamp, "task", input.task));
        state!(ctx, input, input.fact.of(task))
    }

    /// A task is done.
    async fn complete_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: CompleteTaskInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, TaskDone::from(input.fact))
    }

    /// A task is no longer to be done.
    async fn cancel_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: CancelTaskInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, TaskCancelled::from(input.fact))
    }

    /// A client, or a worker under supervision, was scored with an instrument such as the SDQ.
    async fn score_assessment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: ScoreAssessmentInput,
    ) -> Result<AssessmentPayload> {
        let fact = AssessmentScored::from(input.fact).into();
        match (input.journey, input.worker) {
            (Some(Id(journey)), None) => {
                let id = JourneyId(journey);
                let outcome = state(ctx, input.stamp, StreamId::journey(id), input.when, fact).await?;
                AssessmentPayload::of_journey(ctx, id, outcome).await
            }
            (None, Some(Id(worker))) => {
                let id = WorkerId(worker);
                let outcome = state(ctx, input.stamp, StreamId::worker(id), input.when, fact).await?;
                AssessmentPayload::of_worker(ctx, id, outcome).await
            }
            _ => Err(Code::BadUserInput.error("give exactly one of journey and worker: whoever was scored")),
        }
    }

    /// A job, home, placement or course began.
    async fn start_spell(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: StartSpellInput,
    ) -> Result<JourneyPayload> {
        let spell = SpellId(own_id(&input.stamp, "spell", input.spell));
        state!(ctx, input, input.fact.of(spell))
    }

    /// Hours or attributes of a spell are otherwise from a day on; what is left out stays as it was.
    async fn change_spell(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: ChangeSpellInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, SpellChanged::from(input.fact))
    }

    /// A spell no longer holds: its date is the first day on which it did not.
    async fn end_spell(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: EndSpellInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, SpellEnded::from(input.fact))
    }

    /// Something was measured: of a client, such as attendance or earnings, or of a contract, such as spend.
    async fn record_measure(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: RecordMeasureInput,
    ) -> Result<MeasurePayload> {
        let fact = MeasureRecorded::from(input.fact).into();
        match (input.journey, input.contract) {
            (Some(Id(journey)), None) => {
                let id = JourneyId(journey);
                let outcome = state(ctx, input.stamp, StreamId::journey(id), input.when, fact).await?;
                MeasurePayload::of_journey(ctx, id, outcome).await
            }
            (None, Some(code)) => {
                let outcome = state(ctx, input.stamp, StreamId::contract(&code), input.when, fact).await?;
                Ok(MeasurePayload::of_contract(ctx, &code, outcome))
            }
            _ => Err(Code::BadUserInput.error("give exactly one of journey and contract: what was measured")),
        }
    }

    /// The client achieved something, such as a qualification.
    async fn record_achievement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: RecordAchievementInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, AchievementRecorded::from(input.fact))
    }

    /// The client is at risk from a day on.
    async fn raise_risk(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: RaiseRiskInput,
    ) -> Result<JourneyPayload> {
        let risk = RiskId(own_id(&input.stamp, "risk", input.risk));
        state!(ctx, input, input.fact.of(risk))
    }

    /// A risk is over: its date is the first day without it.
    async fn clear_risk(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: ClearRiskInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, RiskCleared::from(input.fact))
    }

    /// Something shows that what is claimed was so: a document, kept elsewhere, by its digest.
    async fn attach_evidence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: AttachEvidenceInput,
    ) -> Result<JourneyPayload> {
        let evidence = EvidenceId(own_id(&input.stamp, "evidence", input.evidence));
        state!(ctx, input, input.fact.of(evidence))
    }

    /// A piece of evidence is taken back: it no longer counts from that day on.
    async fn withdraw_evidence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: WithdrawEvidenceInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, EvidenceWithdrawn::from(input.fact))
    }

    /// Somebody checked a piece of evidence and found it good.
    async fn verify_evidence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: VerifyEvidenceInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, EvidenceVerified::from(input.fact))
    }

    /// Somebody checked a piece of evidence and found a defect: it no longer counts from that day on.
    async fn reject_evidence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: RejectEvidenceInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, EvidenceRejected::from(input.fact))
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

    /// A closed case goes on: it is on the caseload again from that day on.
    async fn reopen_journey(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: ReopenJourneyInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, JourneyReopened::from(input.fact))
    }

    /// The case goes to another contract or service: it leaves the caseload, and the receiving contract begins its own
    /// journey.
    async fn transfer_journey(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: TransferJourneyInput,
    ) -> Result<JourneyPayload> {
        state!(ctx, input, JourneyTransferred::from(input.fact))
    }
}
