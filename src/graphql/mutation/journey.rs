//! Mutations on cases (journeys): one for each fact.

use async_graphql::{Context, Object, Result};

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
use super::{Answered, answered, own_id, record, state, state_of};
use crate::graphql::context::{Asked as _, OrFault as _};
use crate::graphql::scalars::Id;
use crate::queries;
use throughline_domain::command::{AssignMany, Command, ReceiveReferral};
use throughline_domain::fact::envelope::{JourneyId, StreamId};

/// The mutations on a case.
#[derive(Default)]
pub(super) struct JourneyMutations;

/// Records a dated fact about a case.
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

/// The mutations on a case.
#[Object]
impl JourneyMutations {
    /// Records a referral. It opens a case for a new or an existing subject.
    async fn receive_referral(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: ReceiveReferralInput,
    ) -> Answered<JourneyPayload> {
        let id = JourneyId(own_id(&input.stamp, "journey", input.journey));
        let subject = own_id(&input.stamp, "subject", input.subject);
        let register = input.subject.is_none().then(|| input.subject_kind.into());
        answered(async {
            let mut reading = Reading::default();
            let command = Command::ReceiveReferral(ReceiveReferral {
                journey: id,
                contract: input.contract,
                when: input.when.read(&mut reading),
                register,
                fact: input.fact.of(subject).read(&mut reading),
            });
            let outcome = record(ctx, input.stamp, reading, command).await?;
            JourneyPayload::of(ctx, id, outcome).await
        })
        .await
    }

    /// Accepts the referral. The case joins the caseload.
    async fn accept_referral(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: AcceptReferralInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, AcceptFact { accepted: true })
    }

    /// Declines the referral: the service does not take the client on.
    async fn decline_referral(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: DeclineReferralInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Records that the referrer or the client withdrew the referral.
    async fn withdraw_referral(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: WithdrawReferralInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Records an eligibility assessment. The facts found on that day are kept as they were, even if they change later.
    async fn assess_eligibility(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: AssessEligibilityInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Assigns a worker to the case. A new keyworker replaces the former one from that day.
    async fn assign_worker(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: AssignWorkerInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Assigns a worker to many cases of one contract at once, permanently or, with `until`, for a limited time. Either
    /// all cases are assigned or none. The `path` of a problem gives the index of the case in the list.
    async fn assign_workers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: AssignWorkersInput,
    ) -> Answered<AssignmentsPayload> {
        let journeys: Vec<JourneyId> = input.journeys.iter().map(|id| JourneyId(id.0)).collect();
        answered(async {
            let outcome = assign_many(ctx, input, journeys.clone()).await?;
            AssignmentsPayload::of(ctx, &journeys, outcome).await
        })
        .await
    }

    /// Releases a worker from the case. The date is the first day on which they no longer hold the case.
    async fn release_worker(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: ReleaseWorkerInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Books an appointment with the client.
    async fn book_appointment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: BookAppointmentInput,
    ) -> Answered<JourneyPayload> {
        let appointment = own_id(&input.stamp, "appointment", input.appointment);
        state!(ctx, input, input.fact.of(appointment))
    }

    /// Moves an appointment to another day, time, channel or worker.
    async fn move_appointment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: MoveAppointmentInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Cancels an appointment.
    async fn cancel_appointment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: CancelAppointmentInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Logs a contact or an attempted contact. Default worker: the worker with your login.
    async fn log_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] mut input: LogContactInput,
    ) -> Answered<JourneyPayload> {
        let id = JourneyId(input.journey.0);
        answered(async {
            let login = &ctx.caller().principal.subject;
            let mut spelt = None;
            if input.fact.worker.is_none() {
                let own = queries::people::worker_of_login(&ctx.caller().generation, login, ctx.deployment_today())
                    .await
                    .or_fault()?;
                input.fact.worker = own.as_ref().map(|own| Id(own.worker.0));
                spelt = own.and_then(|own| own.login).filter(|own| own != login);
            }
            let outcome = state(ctx, input.stamp, StreamId::journey(id), input.when, input.fact).await?;
            JourneyPayload::of(ctx, id, outcome.spelt_otherwise(login, spelt.as_deref())).await
        })
        .await
    }

    /// Records that the client engages with the service.
    async fn start_engagement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: StartEngagementInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Records that client and keyworker agreed a plan, such as a Personal Housing Plan.
    async fn agree_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: AgreePlanInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Records that client and keyworker reviewed a plan.
    async fn review_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: ReviewPlanInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Closes a plan: it is no longer in use.
    async fn close_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: ClosePlanInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Sets a task with a due date.
    async fn set_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: SetTaskInput,
    ) -> Answered<JourneyPayload> {
        let task = own_id(&input.stamp, "task", input.task);
        state!(ctx, input, input.fact.of(task))
    }

    /// Marks a task as done.
    async fn complete_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: CompleteTaskInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Cancels a task.
    async fn cancel_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: CancelTaskInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Records an assessment score, from an instrument such as the SDQ, for a client or for a worker under supervision.
    async fn score_assessment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: ScoreAssessmentInput,
    ) -> Answered<AssessmentPayload> {
        let whose =
            Whose::one_of([("journey", Whose::journey(input.journey)), ("worker", Whose::worker(input.worker))]);
        answered(async {
            let (whose, outcome) = state_of(ctx, whose, (input.stamp, input.when), input.fact).await?;
            AssessmentPayload::of(ctx, whose.as_ref(), outcome).await
        })
        .await
    }

    /// Records the start of a spell: a job, home, placement or course.
    async fn start_spell(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: StartSpellInput,
    ) -> Answered<JourneyPayload> {
        let spell = own_id(&input.stamp, "spell", input.spell);
        state!(ctx, input, input.fact.of(spell))
    }

    /// Changes the hours or attributes of a spell from a date. Values that are left out stay the same.
    async fn change_spell(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: ChangeSpellInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Ends a spell. The date is the first day on which it no longer held: the day after its last day.
    async fn end_spell(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: EndSpellInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Records a measurement: of a client, such as attendance or earnings, or of a contract, such as spend.
    async fn record_measure(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: RecordMeasureInput,
    ) -> Answered<MeasurePayload> {
        let whose =
            Whose::one_of([("journey", Whose::journey(input.journey)), ("contract", Whose::contract(input.contract))]);
        answered(async {
            let (whose, outcome) = state_of(ctx, whose, (input.stamp, input.when), input.fact).await?;
            MeasurePayload::of(ctx, whose.as_ref(), outcome).await
        })
        .await
    }

    /// Records an achievement of the client, such as a qualification.
    async fn record_achievement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: RecordAchievementInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Records a risk for the client from a date.
    async fn raise_risk(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: RaiseRiskInput,
    ) -> Answered<JourneyPayload> {
        let risk = own_id(&input.stamp, "risk", input.risk);
        state!(ctx, input, input.fact.of(risk))
    }

    /// Clears a risk. The date is the first day without it.
    async fn clear_risk(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: ClearRiskInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Attaches evidence for a claim. The document stays in another system: only its SHA-256 digest is recorded here.
    async fn attach_evidence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: AttachEvidenceInput,
    ) -> Answered<JourneyPayload> {
        let evidence = own_id(&input.stamp, "evidence", input.evidence);
        state!(ctx, input, input.fact.of(evidence))
    }

    /// Withdraws a piece of evidence. It no longer counts from that day.
    async fn withdraw_evidence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: WithdrawEvidenceInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Records that a piece of evidence was checked and accepted.
    async fn verify_evidence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: VerifyEvidenceInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Records that a piece of evidence was checked and has a defect. It no longer counts from that day.
    async fn reject_evidence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: RejectEvidenceInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Records that the client has disengaged. The case stays on the caseload until it is closed.
    async fn disengage(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: DisengageInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Closes the case. It leaves the caseload; its spells may continue.
    async fn close_journey(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: CloseJourneyInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Reopens a closed case. It is on the caseload again from that day.
    async fn reopen_journey(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: ReopenJourneyInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }

    /// Transfers the case to another contract or service. It leaves the caseload. The receiving contract opens its own
    /// case.
    async fn transfer_journey(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: TransferJourneyInput,
    ) -> Answered<JourneyPayload> {
        state!(ctx, input, input.fact)
    }
}

/// Sends the command that assigns many cases to a worker.
async fn assign_many(ctx: &Context<'_>, input: AssignWorkersInput, journeys: Vec<JourneyId>) -> Result<Outcome> {
    let mut reading = Reading::default();
    let fact = input.fact.read(&mut reading);
    if input.stamp.expected_version.is_some() {
        let message = "expectedVersion cannot be used for several cases: leave it out";
        reading.field("expected_version", |reading| reading.invalid(message));
    }
    let when = input.when.read(&mut reading);
    record(ctx, input.stamp, reading, Command::AssignMany(AssignMany { journeys, when, fact })).await
}
