//! Mutations about the people around journeys: subjects, workers and teams.

use async_graphql::{Context, Object};

use super::input::amend::Whose;
use super::input::people::{
    AddWorkerInput, ApproveErasureInput, EndCoverInput, FillVacancyInput, GiveConsentInput, LeaveWorkerInput,
    LeavingFact, LiftHoldInput, LinkSubjectsInput, OpenVacancyInput, PlaceHoldInput, ProposeErasureInput,
    RecordAbsenceInput, RegisterSubjectInput, SetCapacityInput, SetTeamInput, SetWteInput, StartCoverInput,
    UnlinkSubjectsInput, WithdrawConsentInput,
};
use super::payload::{CapacityPayload, Outcome, SubjectPayload, TeamPayload, WorkerPayload};
use super::sent::Sent;
use super::{Answered, answered, own_id, state, state_of};
use crate::graphql::scalars::Date;
use throughline_domain::fact::envelope::{StreamId, SubjectId, TeamId, WorkerId};
use throughline_domain::fact::refusal::{Refusal, RefusalCode};

/// What may be recorded about subjects, workers and teams.
#[derive(Default)]
pub(super) struct PeopleMutations;

/// A mutation that states a dated fact about a subject.
macro_rules! of_subject {
    ($ctx:expr, $input:expr, $id:expr, $fact:expr) => {{
        let id = SubjectId($id);
        answered(async {
            let outcome = state($ctx, $input.stamp, StreamId::subject(id), $input.when, $fact).await?;
            SubjectPayload::of($ctx, id, outcome).await
        })
        .await
    }};
}

/// A mutation that states a dated fact about a worker.
macro_rules! of_worker {
    ($ctx:expr, $input:expr, $id:expr, $fact:expr) => {{
        let id = WorkerId($id);
        answered(async {
            let outcome = state($ctx, $input.stamp, StreamId::worker(id), $input.when, $fact).await?;
            WorkerPayload::of($ctx, id, outcome).await
        })
        .await
    }};
}

/// A mutation that states a dated fact about a team.
macro_rules! of_team {
    ($ctx:expr, $input:expr, $id:expr, $fact:expr) => {{
        let id = TeamId($id);
        answered(async {
            let outcome = state($ctx, $input.stamp, StreamId::team(id), $input.when, $fact).await?;
            TeamPayload::of($ctx, id, outcome).await
        })
        .await
    }};
}

/// What may be recorded about subjects, workers and teams.
#[Object]
impl PeopleMutations {
    /// A subject becomes known by pseudonym.
    async fn register_subject(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: RegisterSubjectInput,
    ) -> Answered<SubjectPayload> {
        let id = own_id(&input.stamp, "subject", input.subject);
        of_subject!(ctx, input, id, input.fact)
    }

    /// Two records are of the same subject: it is recorded of both, and undone by unlinking them.
    async fn link_subjects(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: LinkSubjectsInput,
    ) -> Answered<SubjectPayload> {
        of_subject!(ctx, input, input.subject.0, input.fact)
    }

    /// Two records are not of the same subject after all: it is recorded of both.
    async fn unlink_subjects(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: UnlinkSubjectsInput,
    ) -> Answered<SubjectPayload> {
        of_subject!(ctx, input, input.subject.0, input.fact)
    }

    /// The subject agrees that what is known of them is used for a purpose.
    async fn give_consent(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: GiveConsentInput,
    ) -> Answered<SubjectPayload> {
        of_subject!(ctx, input, input.subject.0, input.fact)
    }

    /// The subject no longer agrees.
    async fn withdraw_consent(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: WithdrawConsentInput,
    ) -> Answered<SubjectPayload> {
        of_subject!(ctx, input, input.subject.0, input.fact)
    }

    /// What is known of the subject must be kept, whatever is due to be erased. Whoever places a hold without sight of
    /// single cases, as an administrator does, is answered with the event and without the subject.
    async fn place_hold(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: PlaceHoldInput,
    ) -> Answered<SubjectPayload> {
        let hold = own_id(&input.stamp, "hold", input.hold);
        of_subject!(ctx, input, input.subject.0, input.fact.of(hold))
    }

    /// A hold no longer stands.
    async fn lift_hold(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: LiftHoldInput,
    ) -> Answered<SubjectPayload> {
        of_subject!(ctx, input, input.subject.0, input.fact)
    }

    /// Somebody proposes that what identifies the subject be erased. It is refused while a legal hold stands.
    async fn propose_erasure(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: ProposeErasureInput,
    ) -> Answered<SubjectPayload> {
        of_subject!(ctx, input, input.subject.0, input.fact)
    }

    /// Somebody other than the proposer agrees to an erasure. It is refused while a legal hold stands. This records the
    /// decision: nothing that identifies anybody is held here yet that could be erased by it.
    async fn approve_erasure(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: ApproveErasureInput,
    ) -> Answered<SubjectPayload> {
        of_subject!(ctx, input, input.subject.0, input.fact)
    }

    /// A keyworker or other member of staff joins. A login is one worker's at a time: who comes back is added anew once
    /// they have left.
    async fn add_worker(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: AddWorkerInput,
    ) -> Answered<WorkerPayload> {
        let id = own_id(&input.stamp, "worker", input.worker);
        of_worker!(ctx, input, id, input.fact)
    }

    /// A worker has left, or is going to: its date is the first day on which they no longer work here, the day after the
    /// last one. Their cases are unassigned from that day on, and nothing of theirs is dated on or after it; contacts and
    /// assignments of theirs that are recorded already are warned of (`WORKER_HAS_LATER_FACTS`).
    async fn leave_worker(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] mut input: LeaveWorkerInput,
    ) -> Answered<WorkerPayload> {
        if let (Some(last), Some(_)) = (input.last_day, input.when.occurred_on) {
            let message = format!("the last day {} and the first day after it are one thing: give one of them", last.0);
            let refusal = Refusal::new(RefusalCode::InvalidValue, message).at("last_day");
            return answered(async {
                let outcome = Outcome::refused(refusal.alone(), &Sent::of(ctx)?);
                WorkerPayload::of(ctx, WorkerId(input.worker.0), outcome).await
            })
            .await;
        }
        let first_day_after = input.last_day.and_then(|last| last.0.succ_opt()).map(Date);
        input.when.occurred_on = input.when.occurred_on.or(first_day_after);
        of_worker!(ctx, input, input.worker.0, LeavingFact { left: true })
    }

    /// A worker fills this much of a full-time post from a day on.
    async fn set_wte(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: SetWteInput,
    ) -> Answered<WorkerPayload> {
        of_worker!(ctx, input, input.worker.0, input.fact)
    }

    /// A worker is away from a day on: it lowers capacity, not WTE.
    async fn record_absence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: RecordAbsenceInput,
    ) -> Answered<WorkerPayload> {
        of_worker!(ctx, input, input.worker.0, input.fact)
    }

    /// A worker, or each member of a team, holds at most so many open cases from a day on.
    async fn set_capacity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: SetCapacityInput,
    ) -> Answered<CapacityPayload> {
        let whose = Whose::one_of([("worker", Whose::worker(input.worker)), ("team", Whose::team(input.team))]);
        answered(async {
            let (whose, outcome) = state_of(ctx, whose, (input.stamp, input.when), input.fact).await?;
            CapacityPayload::of(ctx, whose.as_ref(), outcome).await
        })
        .await
    }

    /// A team stands so from a day on: what it is called and everybody who is in it. The first setting begins it.
    async fn set_team(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: SetTeamInput,
    ) -> Answered<TeamPayload> {
        let id = own_id(&input.stamp, "team", input.team);
        of_team!(ctx, input, id, input.fact)
    }

    /// A post in the team is vacant.
    async fn open_vacancy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: OpenVacancyInput,
    ) -> Answered<TeamPayload> {
        let vacancy = own_id(&input.stamp, "vacancy", input.vacancy);
        of_team!(ctx, input, input.team.0, input.fact.of(vacancy))
    }

    /// A vacant post is filled.
    async fn fill_vacancy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: FillVacancyInput,
    ) -> Answered<TeamPayload> {
        of_team!(ctx, input, input.team.0, input.fact)
    }

    /// Somebody stands in for a member of the team who is away or has left, such as a therapist in waiting.
    async fn start_cover(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: StartCoverInput,
    ) -> Answered<TeamPayload> {
        let cover = own_id(&input.stamp, "cover", input.cover);
        of_team!(ctx, input, input.team.0, input.fact.of(cover))
    }

    /// A cover is over: its date is the first day without it.
    async fn end_cover(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: EndCoverInput,
    ) -> Answered<TeamPayload> {
        of_team!(ctx, input, input.team.0, input.fact)
    }
}
