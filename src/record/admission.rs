//! Admission: whether somebody may send a command at all, before anything is said about versions or facts.
//!
//! Who holds a case is told by its own stream, under the lock of the log's head: an assignment or a release acts on the
//! very next command. Who works with whom, who has left and whose subject somebody is, is what the live view said when
//! the command came in: it acts as soon as the view has passed it.

use chrono::NaiveDate;

use super::{NotDone, StreamState, history};
use crate::access::policy::{Action, Denied, is_bound_to_cases, policy};
use crate::access::relation::{Cases, Holders, KnownWorker, Relation, Standing};
use crate::access::{Principal, Scope};
use crate::contract::batch::command::BatchAct;
use crate::journey::History;
use crate::journey::command::{Command, not_found};
use crate::journey::event::{Event, KEYWORKER};
use crate::journey::people::worker::Worker;
use crate::journey::refusal::Refusal;
use crate::log::append::Streams;
use crate::log::envelope::{Envelope, JourneyId, StreamId, StreamKind, SubjectId, WorkerId};
use crate::store::StoreError;
use crate::views::Views;

/// What a single command does, in the words of the policy. Whoever may state a fact may correct it; what never was so is
/// taken back by whoever answers for the kind of stream.
fn action(command: &Command) -> Action {
    let kind = command.stream().kind;
    match command {
        Command::ReceiveReferral(_) => Action::ReceiveReferral,
        Command::OpenContract(_) | Command::PublishRulebook(_) => Action::RuleContracts,
        Command::Batch(command) => match command.act {
            BatchAct::Open(..) | BatchAct::Submit(_) | BatchAct::Resubmit(_) | BatchAct::Withdraw(..) => {
                Action::ClaimOutcomes
            }
            BatchAct::Decide(..) => Action::DecideClaims,
            BatchAct::Pay(_) | BatchAct::Adjust(_) => Action::SettleClaims,
        },
        Command::State(stated) => stating(kind, &stated.fact),
        Command::CorrectFact(_) | Command::RetractFacts(_) if kind == StreamKind::Journey => Action::CorrectFacts,
        Command::CorrectFact(correction) => stating(kind, &correction.replacement),
        Command::RetractFacts(_) | Command::Together(_) => match kind {
            StreamKind::Journey => Action::RecordFacts,
            StreamKind::Subject => Action::LinkSubjects,
            StreamKind::Worker | StreamKind::Team => Action::ManageStaff,
            StreamKind::Contract | StreamKind::Batch => Action::RuleContracts,
        },
    }
}

fn stating(kind: StreamKind, fact: &Event) -> Action {
    match (kind, fact) {
        (StreamKind::Journey, _) => Action::RecordFacts,
        (StreamKind::Worker | StreamKind::Team, _) => Action::ManageStaff,
        (StreamKind::Subject, Event::SubjectRegistered(_)) => Action::RegisterSubject,
        (StreamKind::Subject, Event::ConsentGiven(_) | Event::ConsentWithdrawn(_)) => Action::RecordConsent,
        (StreamKind::Subject, Event::SubjectsLinked(_) | Event::SubjectsUnlinked(_)) => Action::LinkSubjects,
        (StreamKind::Subject, _) => Action::RetainSubjects,
        (
            StreamKind::Contract,
            Event::CommentaryRecorded(_)
            | Event::PeriodClosed(_)
            | Event::ReportSubmitted(_)
            | Event::MeasureRecorded(_),
        ) => Action::AccountForContract,
        (
            StreamKind::Contract,
            Event::KpiAssessed(_)
            | Event::NoticeIssued(_)
            | Event::ActionAgreed(_)
            | Event::ActionCompleted(_)
            | Event::DoubleFundingDismissed(_),
        ) => Action::HoldToContract,
        (StreamKind::Contract | StreamKind::Batch, _) => Action::RuleContracts,
    }
}

/// What is said of a stream that the sender may not know of: the same as of one that is not there.
fn unknown(command: &Command) -> Refusal {
    if command.contract().is_some() { Refusal::contract_not_found() } else { not_found(command.stream().kind) }
}

/// Who sends a command, and what they are to what it is about, as read when it came in.
#[derive(Debug, Clone)]
pub(super) struct Admission {
    pub(super) principal: Principal,
    standing: Standing,
    to_subjects: Relation,
}

impl Admission {
    /// Reads what the view knows of the sender. Where no view is asked, in a rehearsal or a story that one hand tells, the
    /// sender is taken to be at home in the whole contract.
    pub(super) async fn read(
        views: Option<&Views>,
        principal: Principal,
        on: NaiveDate,
        command: &Command,
    ) -> Result<Self, StoreError> {
        let Some(views) = views else {
            let at_home = KnownWorker::default();
            let bound = is_bound_to_cases(principal.role);
            let standing = if bound { Standing::of_keyworker(on, at_home) } else { Standing::contract_wide(on) };
            return Ok(Self { principal, standing, to_subjects: Relation::Team });
        };
        let live = views.live();
        let standing = live.standing(&principal, on).await?;
        let sees_all = principal.scope == Scope::Deployment && !is_bound_to_cases(principal.role);
        let subjects = if sees_all { Vec::new() } else { subjects(command) };
        let to_subjects = live.relation_to_subjects(&principal, on, &subjects).await?;
        Ok(Self { principal, standing, to_subjects })
    }

    pub(super) fn sees(&self, code: &str) -> bool {
        self.principal.scope.contract(code).is_some()
    }

    /// Who holds the journey that a command is about, where that matters, and whether as keyworker.
    fn held_by(&self, command: &Command, streams: &Streams<'_, StreamState>) -> Vec<(WorkerId, bool)> {
        let stream = command.stream();
        if stream.kind != StreamKind::Journey || self.standing.cases() == Cases::All {
            return Vec::new();
        }
        let journey = history(streams, stream).map(History::journey).unwrap_or_default();
        let held = journey.assignments.into_iter().filter(|held| held.to.is_none());
        held.map(|held| (held.worker, held.role == KEYWORKER)).collect()
    }

    /// The streams that say whether whoever holds the journey is still here.
    pub(super) fn streams(&self, command: &Command, streams: &Streams<'_, StreamState>) -> Vec<StreamId> {
        self.held_by(command, streams).into_iter().map(|(worker, _)| StreamId::worker(worker)).collect()
    }

    /// What the sender is to what a command is about.
    fn relation(&self, command: &Command, contract: Option<&str>, streams: &Streams<'_, StreamState>) -> Relation {
        let stream = command.stream();
        match (stream.kind, contract) {
            (StreamKind::Subject, _) => self.to_subjects,
            (kind, _) if kind.belongs_to_deployment() => Relation::Contract,
            (_, Some(code)) if self.sees(code) => {
                let is_known = stream.kind == StreamKind::Journey && history(streams, stream).is_some();
                if is_known { self.to_journey(command, streams) } else { Relation::Contract }
            }
            _ => Relation::Outside,
        }
    }

    fn to_journey(&self, command: &Command, streams: &Streams<'_, StreamState>) -> Relation {
        let mut holders = Holders::default();
        for (worker, as_keyworker) in self.held_by(command, streams) {
            if !self.has_left(worker, streams) {
                let held = if as_keyworker { &mut holders.keyworkers } else { &mut holders.others };
                held.insert(worker);
            }
        }
        self.standing.relation(&holders)
    }

    fn has_left(&self, worker: WorkerId, streams: &Streams<'_, StreamState>) -> bool {
        let left = |history: &History| Worker::fold(&history.facts()).left;
        let left = history(streams, StreamId::worker(worker)).and_then(left);
        left.is_some_and(|left| left.occurred.earliest() <= self.standing.on())
    }

    /// Whether the sender may do this. What they may not know of is refused as if it were not there.
    pub(super) fn judge(
        &self,
        command: &Command,
        contract: Option<&str>,
        streams: &Streams<'_, StreamState>,
    ) -> Result<(), NotDone> {
        let relation = self.relation(command, contract, streams);
        for action in command.each().into_iter().map(action) {
            policy(&self.principal, action, relation).map_err(|denied| not_done(denied, unknown(command)))?;
        }
        // The id of a new journey may be that of one which the sender may not know of: nothing is said of that one.
        let stream = command.stream();
        let taken = match history(streams, stream).and_then(History::contract) {
            Some(code) if !self.sees(code) => Err(Denied::Outside),
            Some(_) if stream.kind == StreamKind::Journey => {
                policy(&self.principal, Action::ReadJourneys, relation).map(drop)
            }
            _ => Ok(()),
        };
        taken.map_err(|denied| not_done(denied, not_found(stream.kind)))
    }
}

fn not_done(denied: Denied, outside: Refusal) -> NotDone {
    match denied {
        Denied::Outside => NotDone::Refused(outside.alone()),
        Denied::Role { .. } => NotDone::Denied(denied),
    }
}

/// The subjects that a command is about, which are not new: its own and the one that this is linked with.
fn subjects(command: &Command) -> Vec<SubjectId> {
    let own = command.stream();
    if own.kind != StreamKind::Subject || action(command) == Action::RegisterSubject {
        return Vec::new();
    }
    let named = command.names().into_iter().filter(|named| named.kind == StreamKind::Subject);
    std::iter::once(own).chain(named).map(|stream| SubjectId(stream.id)).collect()
}

/// Whether somebody may still do what a command did the first time, and read the journeys that its events are of. The
/// log looks for a replay before anything else; what it shows is for whoever may still see it.
pub(super) async fn still_may(
    views: Option<&Views>,
    (principal, on): (Principal, NaiveDate),
    command: &Command,
    events: &[Envelope],
) -> Result<Result<(), NotDone>, StoreError> {
    let of_contracts = || events.iter().filter_map(|event| Some((event.stream, event.contract.as_deref()?)));
    let within = of_contracts().all(|(_, code)| principal.scope.contract(code).is_some());
    let admission = Admission::read(views, principal, on, command).await?;
    let journeys = of_contracts().filter(|(stream, _)| stream.kind == StreamKind::Journey);
    let journeys: Vec<(JourneyId, &str)> = journeys.map(|(stream, code)| (JourneyId(stream.id), code)).collect();
    let to_journeys = match views {
        Some(views) => views.live().relations(&admission.principal, on, &journeys).await?.into_values().max(),
        None => None,
    };
    let relation = if within { to_journeys.unwrap_or(admission.to_subjects) } else { Relation::Outside };
    let mut actions: Vec<Action> = command.each().into_iter().map(action).collect();
    if !journeys.is_empty() {
        actions.push(Action::ReadJourneys);
    }
    let mut judged = actions.into_iter().map(|action| policy(&admission.principal, action, relation));
    let judged = judged.try_for_each(|verdict| verdict.map(drop));
    Ok(judged.map_err(|denied| not_done(denied, unknown(command))))
}
