//! Mutations on cases (journeys): one for each fact.

use async_graphql::{Context, Result};

use super::input::amend::FactOwner;
use super::input::appointment::{BookAppointmentInput, CancelAppointmentInput, MoveAppointmentInput};
use super::input::convert::Conversion;
use super::input::evidence::{AttachEvidenceInput, RejectEvidenceInput, VerifyEvidenceInput, WithdrawEvidenceInput};
use super::input::exit::{CloseJourneyInput, DisengageInput, ReopenJourneyInput, TransferJourneyInput};
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
use super::input_path::SentInput;
use super::mutations::mutations;
use super::payload::{AssessmentPayload, AssignmentsPayload, JourneyPayload, MeasurePayload, Outcome};
use super::{Answered, answered, own_id, record, record_fact, record_fact_of};
use crate::access::policy::Action;
use crate::graphql::context::{OrFault as _, RequestContext as _};
use crate::graphql::permission::{JourneyPermissions, Permission, outcome, work};
use crate::graphql::scalars::Id;
use crate::queries;
use throughline_domain::command::{AssignMany, Command, ReceiveReferral};
use throughline_domain::fact::envelope::{JourneyId, StreamId};
use throughline_domain::fact::event::{
    JourneyClosed, JourneyReopened, JourneyTransferred, ReferralAccepted, ReferralDeclined, ReferralWithdrawn,
};

/// The mutations on a case.
#[derive(Default)]
pub(super) struct JourneyMutations;

/// Records a dated fact about a case.
macro_rules! record_fact {
    ($ctx:expr, $input:expr, $fact:expr) => {{
        let id = JourneyId($input.journey.0);
        answered(async {
            let outcome = record_fact($ctx, $input.stamp, StreamId::journey(id), $input.when, $fact).await?;
            JourneyPayload::of($ctx, id, outcome).await
        })
        .await
    }};
}

mutations! {
    JourneyMutations,
    /// What you may record about a case: dated today or, if the case is closed, dated on or before the close.
    JourneyPermissions {
        /// Correct a fact.
        correct_fact: CorrectFacts;
        /// Retract facts that were recorded by mistake.
        retract_fact: CorrectFacts;
    }

    /// Records a referral. It opens a case for a new or an existing subject.
    receive_referral(ctx, input: ReceiveReferralInput) -> JourneyPayload {
        let id = JourneyId(own_id(&input.stamp, "journey", input.journey));
        let subject = own_id(&input.stamp, "subject", input.subject);
        let register = input.subject.is_none().then(|| input.subject_kind.into());
        answered(async {
            let mut conversion = Conversion::default();
            let command = Command::ReceiveReferral(ReceiveReferral {
                journey: id,
                contract: input.contract,
                when: input.when.read(&mut conversion),
                register,
                identity: input.identity.map(|identity| {
                    conversion.field("identity", |conversion| identity.read(conversion))
                }),
                fact: input.fact.of(subject).read(&mut conversion),
            });
            let outcome = record(ctx, input.stamp, conversion, command).await?;
            JourneyPayload::of(ctx, id, outcome).await
        })
        .await
    }

    /// Accepts the referral. The case joins the caseload.
    ["Accept the referral.", like ReferralAccepted {}]
    accept_referral(ctx, input: AcceptReferralInput) -> JourneyPayload {
        record_fact!(ctx, input, AcceptFact { accepted: true })
    }

    /// Declines the referral: the service does not take the client on.
    ["Decline the referral.", like ReferralDeclined { reason: String::new() }]
    decline_referral(ctx, input: DeclineReferralInput) -> JourneyPayload { record_fact!(ctx, input, input.fact) }

    /// Records that the referrer or the client withdrew the referral.
    ["Record that the referral was withdrawn.", like ReferralWithdrawn { reason: String::new() }]
    withdraw_referral(ctx, input: WithdrawReferralInput) -> JourneyPayload { record_fact!(ctx, input, input.fact) }

    /// Records an eligibility assessment. The facts found on that day are kept as they were, even if they change later.
    ["Assess eligibility.", like work()]
    assess_eligibility(ctx, input: AssessEligibilityInput) -> JourneyPayload { record_fact!(ctx, input, input.fact) }

    /// Assigns a worker to the case. A new keyworker replaces the former one from that day. If the keyworker would hold
    /// more cases than their slots or the contract allow, there is the warning `CASELOAD_LIMIT`.
    ["Assign a worker.", like work()]
    assign_worker(ctx, input: AssignWorkerInput) -> JourneyPayload { record_fact!(ctx, input, input.fact) }

    /// Assigns a worker to many cases of one contract at once, permanently or, with `until`, for a limited time. Either
    /// all cases are assigned or none. The `path` of a problem gives the index of the case in the list.
    assign_workers(ctx, input: AssignWorkersInput) -> AssignmentsPayload {
        let journeys: Vec<JourneyId> = input.journeys.iter().map(|id| JourneyId(id.0)).collect();
        answered(async {
            let outcome = assign_many(ctx, input, journeys.clone()).await?;
            AssignmentsPayload::of(ctx, &journeys, outcome).await
        })
        .await
    }

    /// Releases a worker from the case. The date is the first day on which they no longer hold the case.
    ["Release a worker.", like work()]
    release_worker(ctx, input: ReleaseWorkerInput) -> JourneyPayload { record_fact!(ctx, input, input.fact) }

    /// Books an appointment with the client.
    ["Book an appointment.", like work()]
    book_appointment(ctx, input: BookAppointmentInput) -> JourneyPayload {
        let appointment = own_id(&input.stamp, "appointment", input.appointment);
        record_fact!(ctx, input, input.fact.of(appointment))
    }

    /// Moves an appointment to another day, time, channel or worker.
    ["Move an appointment.", like work()]
    move_appointment(ctx, input: MoveAppointmentInput) -> JourneyPayload { record_fact!(ctx, input, input.fact) }

    /// Cancels an appointment.
    ["Cancel an appointment.", like outcome()]
    cancel_appointment(ctx, input: CancelAppointmentInput) -> JourneyPayload { record_fact!(ctx, input, input.fact) }

    /// Logs a contact or an attempted contact. Default worker: the worker with your login.
    ["Log a contact.", like work()]
    log_contact(ctx, input: LogContactInput) -> JourneyPayload {
        let mut input = input;
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
            let outcome = record_fact(ctx, input.stamp, StreamId::journey(id), input.when, input.fact).await?;
            JourneyPayload::of(ctx, id, outcome.spelt_otherwise(login, spelt.as_deref())).await
        })
        .await
    }

    /// Records that the client engages with the service.
    ["Record the start of engagement.", like work()]
    start_engagement(ctx, input: StartEngagementInput) -> JourneyPayload { record_fact!(ctx, input, input.fact) }

    /// Records that client and keyworker agreed a plan, such as a Personal Housing Plan.
    ["Agree a plan.", like work()]
    agree_plan(ctx, input: AgreePlanInput) -> JourneyPayload { record_fact!(ctx, input, input.fact) }

    /// Records that client and keyworker reviewed a plan.
    ["Review a plan.", like work()]
    review_plan(ctx, input: ReviewPlanInput) -> JourneyPayload { record_fact!(ctx, input, input.fact) }

    /// Closes a plan: it is no longer in use.
    ["Close a plan.", like work()]
    close_plan(ctx, input: ClosePlanInput) -> JourneyPayload { record_fact!(ctx, input, input.fact) }

    /// Sets a task with a due date.
    ["Set a task.", like work()]
    set_task(ctx, input: SetTaskInput) -> JourneyPayload {
        let task = own_id(&input.stamp, "task", input.task);
        record_fact!(ctx, input, input.fact.of(task))
    }

    /// Marks a task as done.
    ["Complete a task.", like work()]
    complete_task(ctx, input: CompleteTaskInput) -> JourneyPayload { record_fact!(ctx, input, input.fact) }

    /// Cancels a task.
    ["Cancel a task.", like work()]
    cancel_task(ctx, input: CancelTaskInput) -> JourneyPayload { record_fact!(ctx, input, input.fact) }

    /// Records an assessment score, from an instrument such as the SDQ, for a client or for a worker under supervision.
    ["Record an assessment score.", like outcome()]
    score_assessment(ctx, input: ScoreAssessmentInput) -> AssessmentPayload {
        let whose =
            FactOwner::one_of([("journey", FactOwner::journey(input.journey)), ("worker", FactOwner::worker(input.worker))]);
        answered(async {
            let (whose, outcome) = record_fact_of(ctx, whose, (input.stamp, input.when), input.fact).await?;
            AssessmentPayload::of(ctx, whose.as_ref(), outcome).await
        })
        .await
    }

    /// Records the start of a spell: a job, home, placement or course.
    ["Start a spell: a job, home, placement or course.", like outcome()]
    start_spell(ctx, input: StartSpellInput) -> JourneyPayload {
        let spell = own_id(&input.stamp, "spell", input.spell);
        record_fact!(ctx, input, input.fact.of(spell))
    }

    /// Changes the hours or attributes of a spell from a date. Values that are left out stay the same.
    ["Change a spell.", like outcome()]
    change_spell(ctx, input: ChangeSpellInput) -> JourneyPayload { record_fact!(ctx, input, input.fact) }

    /// Ends a spell. The date is the first day on which it no longer held: the day after its last day.
    ["End a spell.", like outcome()]
    end_spell(ctx, input: EndSpellInput) -> JourneyPayload { record_fact!(ctx, input, input.fact) }

    /// Records a measurement: of a client, such as attendance or earnings, or of a contract, such as spend.
    ["Record a measurement.", like outcome()]
    record_measure(ctx, input: RecordMeasureInput) -> MeasurePayload {
        let whose =
            FactOwner::one_of([("journey", FactOwner::journey(input.journey)), ("contract", FactOwner::contract(input.contract))]);
        answered(async {
            let (whose, outcome) = record_fact_of(ctx, whose, (input.stamp, input.when), input.fact).await?;
            MeasurePayload::of(ctx, whose.as_ref(), outcome).await
        })
        .await
    }

    /// Records an achievement of the client, such as a qualification.
    ["Record an achievement.", like outcome()]
    record_achievement(ctx, input: RecordAchievementInput) -> JourneyPayload { record_fact!(ctx, input, input.fact) }

    /// Records a risk for the client from a date.
    ["Raise a risk.", like outcome()]
    raise_risk(ctx, input: RaiseRiskInput) -> JourneyPayload {
        let risk = own_id(&input.stamp, "risk", input.risk);
        record_fact!(ctx, input, input.fact.of(risk))
    }

    /// Clears a risk. The date is the first day without it.
    ["Clear a risk.", like outcome()]
    clear_risk(ctx, input: ClearRiskInput) -> JourneyPayload { record_fact!(ctx, input, input.fact) }

    /// Attaches evidence for a claim. Upload its file first (`POST /evidence/uploads`) and name the upload, or give only
    /// the SHA-256 of a file that stays in another system. The log has only the digest.
    ["Attach evidence.", like outcome()]
    attach_evidence(ctx, input: AttachEvidenceInput) -> JourneyPayload { answered(attach(ctx, input)).await }

    /// Withdraws a piece of evidence. It no longer counts from that day.
    ["Withdraw evidence.", like outcome()]
    withdraw_evidence(ctx, input: WithdrawEvidenceInput) -> JourneyPayload { record_fact!(ctx, input, input.fact) }

    /// Records that a piece of evidence was checked and accepted.
    ["Verify evidence.", like outcome()]
    verify_evidence(ctx, input: VerifyEvidenceInput) -> JourneyPayload { record_fact!(ctx, input, input.fact) }

    /// Records that a piece of evidence was checked and has a defect. It no longer counts from that day.
    ["Reject evidence.", like outcome()]
    reject_evidence(ctx, input: RejectEvidenceInput) -> JourneyPayload { record_fact!(ctx, input, input.fact) }

    /// Records that the client has disengaged. The case stays on the caseload until it is closed.
    ["Record that the client has disengaged.", like work()]
    disengage(ctx, input: DisengageInput) -> JourneyPayload { record_fact!(ctx, input, input.fact) }

    /// Closes the case. It leaves the caseload; its spells may continue.
    ["Close the case.", like JourneyClosed { reason: String::new(), destination: None }]
    close_journey(ctx, input: CloseJourneyInput) -> JourneyPayload { record_fact!(ctx, input, input.fact) }

    /// Reopens a closed case. It is on the caseload again from that day.
    ["Reopen the case.", like JourneyReopened { reason: String::new() }]
    reopen_journey(ctx, input: ReopenJourneyInput) -> JourneyPayload { record_fact!(ctx, input, input.fact) }

    /// Transfers the case to another contract or service. It leaves the caseload. The receiving contract opens its own
    /// case.
    ["Transfer the case to another contract or service.", like JourneyTransferred { reason: String::new(), destination: String::new() }]
    transfer_journey(ctx, input: TransferJourneyInput) -> JourneyPayload { record_fact!(ctx, input, input.fact) }
}

/// Records a piece of evidence, with the digest of its upload, if it names one.
async fn attach(ctx: &Context<'_>, input: AttachEvidenceInput) -> Result<JourneyPayload> {
    let (id, mut fact) = (JourneyId(input.journey.0), input.fact);
    if let Some(upload) = input.upload {
        let (files, principal) = (&ctx.app().evidence, &ctx.caller().principal);
        let found = files.to_attach(principal, upload.0, id).await.or_fault()?;
        fact = match found.map_err(Box::new).and_then(|sha256| fact.with_digest_of(sha256)) {
            Ok(fact) => fact,
            Err(refusal) => {
                let outcome = Outcome::refused((*refusal).alone(), &SentInput::of(ctx)?);
                return JourneyPayload::of(ctx, id, outcome).await;
            }
        };
    }
    let evidence = own_id(&input.stamp, "evidence", input.evidence);
    let outcome = record_fact(ctx, input.stamp, StreamId::journey(id), input.when, fact.of(evidence)).await?;
    JourneyPayload::of(ctx, id, outcome).await
}

/// Sends the command that assigns many cases to a worker.
async fn assign_many(ctx: &Context<'_>, input: AssignWorkersInput, journeys: Vec<JourneyId>) -> Result<Outcome> {
    let mut conversion = Conversion::default();
    let fact = input.fact.read(&mut conversion);
    if input.stamp.expected_version.is_some() {
        let message = "expectedVersion cannot be used for several cases: leave it out";
        conversion.field("expected_version", |conversion| conversion.invalid(message));
    }
    let when = input.when.read(&mut conversion);
    record(ctx, input.stamp, conversion, Command::AssignMany(AssignMany { journeys, when, fact })).await
}
