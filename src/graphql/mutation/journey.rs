//! Mutations about journeys: one for each fact.

use async_graphql::{Context, Object, Result};
use uuid::Uuid;

use super::input::amend::Whose;
use super::input::appointment::{BookAppointmentInput, CancelAppointmentInput, MoveAppointmentInput};
use super::input::evidence::{AttachEvidenceInput, RejectEvidenceInput, VerifyEvidenceInput, WithdrawEvidenceInput};
use super::input::exit::{CloseJourneyInput, DisengageInput, ReopenJourneyInput, TransferJourneyInput};
use super::input::reading::Reading;
use super::input::referral::{
    AcceptFact, AcceptReferralInput, AssessEligibilityInput, AssignWorkerInput, AssignWorkersInput,
    DeclineReferralInput, ReceiveReferralInput, ReleaseWorkerInput, WithdrawReferralInput,
};
use super::input::spell::{ChangeSpellInput, EndSpellInput, StartSpellInput};
use super::input::work::{
    AgreePlanInput, CancelTaskInput, ClearRiskInput, ClosePlanInput, CompleteTaskInput, LogContactInput,
    RaiseRiskInput, RecordAchievementInput, RecordMeasureInput, ReviewPlanInput, ScoreAssessmentInput, SetTaskInput,
    StartEngagementInput,
};
use super::payload::{AssessmentPayload, AssignmentsPayload, JourneyPayload, MeasurePayload, Outcome};
use super::{Answered, answered, contract_today, own_id, record, state, state_of, today};
use crate::graphql::context::{Asked as _, OrFault as _};
use crate::graphql::scalars::Id;
use throughline_domain::command::{AssignMany, Command, ReceiveReferral};
use throughline_domain::fact::envelope::{JourneyId, StreamId};

/// What may be recorded about a journey.
#[derive(Default)]
pub(super) struct JourneyMutations;

/// A mutation that states a dated fact about a journey.
macro_rules! state {
    ($ctx:expr, $input:expr, $fact:expr) => {{
        let id = JourneyId($input.journey.0);
        answered(async {
            let outcome = state($ctx, $input.stamp, StreamId::journey(id), $input.when, $fact).await?;
            JourneyPayload::of($ctx, id, outcome).await
        })
        .await
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
    ) -> Answered<JourneyPayload> {
        let id = JourneyId(own_id(&input.stamp, "journey", input.journey));
        let subject = own_id(&input.stamp, "subject", input.subject);
        let register = input.subject.is_none().then(|| input.subject_kind.into());
        answered(async {
            let mut reading = Reading::default();
            let today = contract_today(ctx, &input.contract).await?;
            let command = Command::ReceiveReferral(ReceiveReferral {
                journey: id,
                contract: input.contract,
                occurred: input.when.occurred(today, &mut reading),
                register,
                fact: input.fact.of(subject).read(&mut reading),
            });
            let outcome = record(ctx, input.stamp, reading, command).await?;
            JourneyPayload::of(ctx, id, outcome).await
        })
        .await
    }

    /// The service takes the client on: the case joins the caseload.
    async fn accept_referral(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: AcceptReferralInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, AcceptFact { accepted: true })
    }

    /// The service does not take the client on.
    async fn decline_referral(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: DeclineReferralInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Whoever referred the client, or the client, takes the referral back.
    async fn withdraw_referral(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: WithdrawReferralInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Somebody judged whether the client is eligible; the facts of that day stay as they were found, whatever becomes
    /// of them later.
    async fn assess_eligibility(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: AssessEligibilityInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// A worker takes the case; a new keyworker releases the former that day.
    async fn assign_worker(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: AssignWorkerInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// A worker takes many cases of one contract at once, for good or, with `until`, for some days: all of them or none. The
    /// `path` of a problem names the journey by its place in the list.
    async fn assign_workers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: AssignWorkersInput,
    ) -> Answered<AssignmentsPayload> {
        let journeys: Vec<JourneyId> = input.journeys.iter().map(|id| JourneyId(id.0)).collect();
        answered(async {
            let outcome = assign_many(ctx, input, journeys.clone()).await?;
            AssignmentsPayload::of(ctx, &journeys, outcome).await
        })
        .await
    }

    /// A worker no longer holds the case: its date is the first day on which they did not.
    async fn release_worker(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: ReleaseWorkerInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// A time is agreed at which the client is to be met.
    async fn book_appointment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: BookAppointmentInput,
    ) -> Answered<JourneyPayload> {
        let appointment = own_id(&input.stamp, "appointment", input.appointment);
        state!(ctx, input, input.fact.of(appointment))
    }

    /// An appointment is for another day, time, channel or worker.
    async fn move_appointment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: MoveAppointmentInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// An appointment will not take place.
    async fn cancel_appointment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: CancelAppointmentInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Somebody was, or tried to be, in touch. The worker is the one whose login makes the call, unless another is
    /// named.
    async fn log_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] mut input: LogContactInput,
    ) -> Answered<JourneyPayload> {
        let id = JourneyId(input.journey.0);
        answered(async {
            let login = &ctx.caller().principal.subject;
            let mut spelt = None;
            if input.fact.worker.is_none() {
                let own = ctx.caller().generation.worker_of_login(login, ctx.deployment_today()).await.or_fault()?;
                input.fact.worker = own.as_ref().map(|own| Id(own.worker.0));
                spelt = own.and_then(|own| own.login).filter(|own| own != login);
            }
            let outcome = state(ctx, input.stamp, StreamId::journey(id), input.when, input.fact).await?;
            JourneyPayload::of(ctx, id, outcome.spelt_otherwise(login, spelt.as_deref())).await
        })
        .await
    }

    /// The client engages with the service.
    async fn start_engagement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: StartEngagementInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Client and keyworker agreed a plan, such as a Personal Housing Plan.
    async fn agree_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: AgreePlanInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Client and keyworker went through a plan again.
    async fn review_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: ReviewPlanInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// A plan no longer guides the work.
    async fn close_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: ClosePlanInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Something is to be done by a day.
    async fn set_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: SetTaskInput,
    ) -> Answered<JourneyPayload> {
        let task = own_id(&input.stamp, "task", input.task);
        state!(ctx, input, input.fact.of(task))
    }

    /// A task is done.
    async fn complete_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: CompleteTaskInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// A task is no longer to be done.
    async fn cancel_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: CancelTaskInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// A client, or a worker under supervision, was scored with an instrument such as the SDQ.
    async fn score_assessment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: ScoreAssessmentInput,
    ) -> Answered<AssessmentPayload> {
        let whose =
            Whose::one_of([("journey", Whose::journey(input.journey)), ("worker", Whose::worker(input.worker))]);
        answered(async {
            let (whose, outcome) = state_of(ctx, whose, (input.stamp, input.when), input.fact).await?;
            AssessmentPayload::of(ctx, whose.as_ref(), outcome).await
        })
        .await
    }

    /// A job, home, placement or course began.
    async fn start_spell(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: StartSpellInput,
    ) -> Answered<JourneyPayload> {
        let spell = own_id(&input.stamp, "spell", input.spell);
        state!(ctx, input, input.fact.of(spell))
    }

    /// Hours or attributes of a spell are otherwise from a day on; what is left out stays as it was.
    async fn change_spell(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: ChangeSpellInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// A spell no longer holds: its date is the first day on which it did not.
    async fn end_spell(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: EndSpellInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Something was measured: of a client, such as attendance or earnings, or of a contract, such as spend.
    async fn record_measure(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: RecordMeasureInput,
    ) -> Answered<MeasurePayload> {
        let whose =
            Whose::one_of([("journey", Whose::journey(input.journey)), ("contract", Whose::contract(input.contract))]);
        answered(async {
            let (whose, outcome) = state_of(ctx, whose, (input.stamp, input.when), input.fact).await?;
            MeasurePayload::of(ctx, whose.as_ref(), outcome).await
        })
        .await
    }

    /// The client achieved something, such as a qualification.
    async fn record_achievement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: RecordAchievementInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// The client is at risk from a day on.
    async fn raise_risk(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: RaiseRiskInput,
    ) -> Answered<JourneyPayload> {
        let risk = own_id(&input.stamp, "risk", input.risk);
        state!(ctx, input, input.fact.of(risk))
    }

    /// A risk is over: its date is the first day without it.
    async fn clear_risk(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: ClearRiskInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Something shows that what is claimed was so: a document, kept elsewhere, by its digest.
    async fn attach_evidence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: AttachEvidenceInput,
    ) -> Answered<JourneyPayload> {
        let evidence = own_id(&input.stamp, "evidence", input.evidence);
        state!(ctx, input, input.fact.of(evidence))
    }

    /// A piece of evidence is taken back: it no longer counts from that day on.
    async fn withdraw_evidence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: WithdrawEvidenceInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Somebody checked a piece of evidence and found it good.
    async fn verify_evidence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: VerifyEvidenceInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Somebody checked a piece of evidence and found a defect: it no longer counts from that day on.
    async fn reject_evidence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: RejectEvidenceInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// The client no longer engages: a dated mark, the case stays on the caseload until it is closed.
    async fn disengage(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: DisengageInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// The case is closed: it leaves the caseload, its spells may go on.
    async fn close_journey(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: CloseJourneyInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// A closed case goes on: it is on the caseload again from that day on.
    async fn reopen_journey(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: ReopenJourneyInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// The case goes to another contract or service: it leaves the caseload, and the receiving contract begins its own
    /// journey.
    async fn transfer_journey(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: TransferJourneyInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }
}

/// Sends the command by which a worker takes many cases, today in their contract's zone where no date was given.
async fn assign_many(ctx: &Context<'_>, input: AssignWorkersInput, journeys: Vec<JourneyId>) -> Result<Outcome> {
    let mut reading = Reading::default();
    let fact = input.fact.read(&mut reading);
    if input.stamp.expected_version.is_some() {
        let message = "many cases have no version in common: leave it out";
        reading.field("expected_version", |reading| reading.invalid(message));
    }
    let first = StreamId::journey(journeys.first().copied().unwrap_or(JourneyId(Uuid::nil())));
    let occurred = input.when.occurred(today(ctx, first, &input.when).await?, &mut reading);
    record(ctx, input.stamp, reading, Command::AssignMany(AssignMany { journeys, occurred, fact })).await
}
