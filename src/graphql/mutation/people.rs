//! Mutations on subjects, workers and teams.

use super::input::amend::FactOwner;
use super::input::identity::SealIdentityInput;
use super::input::people::{
    AddWorkerInput, ApproveErasureInput, DismissDuplicateInput, EndCoverInput, FillVacancyInput, GiveConsentInput,
    LeaveWorkerInput, LeavingFact, LiftHoldInput, LinkSubjectsInput, OpenVacancyInput, PlaceHoldInput,
    ProposeErasureInput, RecordAbsenceInput, RegisterSubjectInput, SetCapacityInput, SetTeamInput, SetWteInput,
    StartCoverInput, UnlinkSubjectsInput, WithdrawConsentInput,
};
use super::input_path::SentInput;
use super::mutations::mutations;
use super::payload::{CapacityPayload, Outcome, SubjectPayload, TeamPayload, WorkerPayload};
use super::{Answered, answered, own_id, record_fact, record_fact_of};
use crate::erasure::Erasures;
use crate::graphql::context::RequestContext as _;
use crate::graphql::scalars::Date;
use throughline_domain::fact::envelope::{StreamId, SubjectId, TeamId, WorkerId};
use throughline_domain::fact::refusal::{Refusal, RefusalCode};

/// The mutations on subjects, workers and teams.
#[derive(Default)]
pub(super) struct PeopleMutations;

/// Records a dated fact about a subject.
macro_rules! of_subject {
    ($ctx:expr, $input:expr, $id:expr, $fact:expr) => {{
        let id = SubjectId($id);
        answered(async {
            let outcome = record_fact($ctx, $input.stamp, StreamId::subject(id), $input.when, $fact).await?;
            SubjectPayload::of($ctx, id, outcome).await
        })
        .await
    }};
}

/// Records a dated fact about a worker.
macro_rules! of_worker {
    ($ctx:expr, $input:expr, $id:expr, $fact:expr) => {{
        let id = WorkerId($id);
        answered(async {
            let outcome = record_fact($ctx, $input.stamp, StreamId::worker(id), $input.when, $fact).await?;
            WorkerPayload::of($ctx, id, outcome).await
        })
        .await
    }};
}

/// Records a dated fact about a team.
macro_rules! of_team {
    ($ctx:expr, $input:expr, $id:expr, $fact:expr) => {{
        let id = TeamId($id);
        answered(async {
            let outcome = record_fact($ctx, $input.stamp, StreamId::team(id), $input.when, $fact).await?;
            TeamPayload::of($ctx, id, outcome).await
        })
        .await
    }};
}

mutations! {
    PeopleMutations

    /// Registers a subject under a pseudonym.
    register_subject(ctx, input: RegisterSubjectInput) -> SubjectPayload {
        let id = own_id(&input.stamp, "subject", input.subject);
        of_subject!(ctx, input, id, input.fact)
    }

    /// Records who a subject is: names, birth date, contact details, numbers and needs. It is stored sealed. A part that is
    /// left out stays as it was; null clears it.
    seal_identity(ctx, input: SealIdentityInput) -> SubjectPayload {
        of_subject!(ctx, input, input.subject.0, input.fact)
    }

    /// Links two records of the same subject. The link is recorded in both; `unlinkSubjects` undoes it.
    link_subjects(ctx, input: LinkSubjectsInput) -> SubjectPayload {
        of_subject!(ctx, input, input.subject.0, input.fact)
    }

    /// Unlinks two records that are not of the same subject. It is recorded in both.
    unlink_subjects(ctx, input: UnlinkSubjectsInput) -> SubjectPayload {
        of_subject!(ctx, input, input.subject.0, input.fact)
    }

    /// Dismisses a possible duplicate: the two records are not of the same person. It is recorded in both, and the pair is
    /// no longer proposed. A later `linkSubjects` supersedes it.
    dismiss_duplicate(ctx, input: DismissDuplicateInput) -> SubjectPayload {
        of_subject!(ctx, input, input.subject.0, input.fact)
    }

    /// Records the subject's consent to the use of their data for a purpose.
    give_consent(ctx, input: GiveConsentInput) -> SubjectPayload {
        of_subject!(ctx, input, input.subject.0, input.fact)
    }

    /// Records that the subject withdrew a consent.
    withdraw_consent(ctx, input: WithdrawConsentInput) -> SubjectPayload {
        of_subject!(ctx, input, input.subject.0, input.fact)
    }

    /// Places a legal hold: the subject's data must be kept, even if it is due to be erased. A caller who may not see
    /// single cases, such as an administrator, gets the event but not the subject in the result.
    place_hold(ctx, input: PlaceHoldInput) -> SubjectPayload {
        let hold = own_id(&input.stamp, "hold", input.hold);
        of_subject!(ctx, input, input.subject.0, input.fact.of(hold))
    }

    /// Lifts a legal hold.
    lift_hold(ctx, input: LiftHoldInput) -> SubjectPayload { of_subject!(ctx, input, input.subject.0, input.fact) }

    /// Proposes to erase the subject's identifying data. Refused while a legal hold is in place.
    propose_erasure(ctx, input: ProposeErasureInput) -> SubjectPayload {
        of_subject!(ctx, input, input.subject.0, input.fact)
    }

    /// Approves an erasure that another person proposed, and erases: names, notes and files of the subject can never be
    /// opened again. Cases, dates, figures and claims stay, under the pseudonym. Refused while a legal hold is in place.
    /// It cannot be undone. The answer comes when the erasure is done. If it cannot be finished now, the answer has the
    /// warning `ERASURE_UNFINISHED`, and the service finishes it later.
    approve_erasure(ctx, input: ApproveErasureInput) -> SubjectPayload {
        answered(async {
            let id = SubjectId(input.subject.0);
            let outcome = record_fact(ctx, input.stamp, StreamId::subject(id), input.when, input.fact).await?;
            let outcome = outcome.erased(&Erasures::of(ctx.app()), id).await;
            SubjectPayload::of(ctx, id, outcome).await
        })
        .await
    }

    /// Adds a keyworker or other member of staff. A login belongs to one worker at a time. To take back a worker who
    /// has left, add them again as a new worker.
    add_worker(ctx, input: AddWorkerInput) -> WorkerPayload {
        let id = own_id(&input.stamp, "worker", input.worker);
        of_worker!(ctx, input, id, input.fact)
    }

    /// Records that a worker has left or will leave. The date is the first day on which they no longer work here: the
    /// day after their last day. Their cases are unassigned from that day, and no fact of theirs can be dated on or
    /// after it. If contacts or assignments dated later are already recorded, the result has the warning
    /// `WORKER_HAS_LATER_FACTS`.
    leave_worker(ctx, input: LeaveWorkerInput) -> WorkerPayload {
        let mut input = input;
        if let (Some(last), Some(_)) = (input.last_day, input.when.occurred_on) {
            let message = format!("lastDay {} and occurredOn both give the date: give only one of them", last.0);
            let refusal = Refusal::new(RefusalCode::InvalidValue, message).at("last_day");
            return answered(async {
                let outcome = Outcome::refused(refusal.alone(), &SentInput::of(ctx)?);
                WorkerPayload::of(ctx, WorkerId(input.worker.0), outcome).await
            })
            .await;
        }
        let first_day_after = input.last_day.and_then(|last| last.0.succ_opt()).map(Date);
        input.when.occurred_on = input.when.occurred_on.or(first_day_after);
        of_worker!(ctx, input, input.worker.0, LeavingFact { left: true })
    }

    /// Sets the whole-time equivalent (WTE) of a worker from a date. 1 is a full-time post.
    set_wte(ctx, input: SetWteInput) -> WorkerPayload { of_worker!(ctx, input, input.worker.0, input.fact) }

    /// Records the absence of a worker from a date. An absence lowers capacity, not WTE.
    record_absence(ctx, input: RecordAbsenceInput) -> WorkerPayload {
        of_worker!(ctx, input, input.worker.0, input.fact)
    }

    /// Sets the capacity of a worker, or of each member of a team, from a date: the most open cases per whole-time
    /// equivalent.
    set_capacity(ctx, input: SetCapacityInput) -> CapacityPayload {
        let whose = FactOwner::one_of([("worker", FactOwner::worker(input.worker)), ("team", FactOwner::team(input.team))]);
        answered(async {
            let (whose, outcome) = record_fact_of(ctx, whose, (input.stamp, input.when), input.fact).await?;
            CapacityPayload::of(ctx, whose.as_ref(), outcome).await
        })
        .await
    }

    /// Sets a team's name and members from a date. The first call creates the team.
    set_team(ctx, input: SetTeamInput) -> TeamPayload {
        let id = own_id(&input.stamp, "team", input.team);
        of_team!(ctx, input, id, input.fact)
    }

    /// Records a vacant post in a team.
    open_vacancy(ctx, input: OpenVacancyInput) -> TeamPayload {
        let vacancy = own_id(&input.stamp, "vacancy", input.vacancy);
        of_team!(ctx, input, input.team.0, input.fact.of(vacancy))
    }

    /// Records that a vacant post is filled.
    fill_vacancy(ctx, input: FillVacancyInput) -> TeamPayload { of_team!(ctx, input, input.team.0, input.fact) }

    /// Starts a cover: a worker covers for a member of the team who is absent or has left, such as a therapist in
    /// waiting.
    start_cover(ctx, input: StartCoverInput) -> TeamPayload {
        let cover = own_id(&input.stamp, "cover", input.cover);
        of_team!(ctx, input, input.team.0, input.fact.of(cover))
    }

    /// Ends a cover. The date is the first day without it.
    end_cover(ctx, input: EndCoverInput) -> TeamPayload { of_team!(ctx, input, input.team.0, input.fact) }
}
