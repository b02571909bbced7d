//! Admission: whether somebody may send a command at all, before anything is said about versions or facts.
//!
//! Who holds a case is told by its own stream, under the lock of the log's head: an assignment or a release acts on the
//! very next command. Who works with whom, who has left, whose subject somebody is and in which contracts a worker or team
//! is at home, is what the live view said when the command came in: it acts as soon as the view has passed it.
//!
//! Whatever the sender may not know of does not exist for them, whether a command is about it or only names it: it is said
//! before anything is said of versions, values or facts.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::{NotDone, StreamState, history};
use crate::access::policy::{Action, Denied, is_bound_to_cases, is_outside, policy};
use crate::access::relation::{Cases, Holders, KnownWorker, Relation, Standing};
use crate::access::{Principal, Scope};
use crate::contract::batch::command::BatchAct;
use crate::journey::History;
use crate::journey::command::{Command, not_found};
use crate::journey::event::{Event, KEYWORKER};
use crate::journey::people::worker::Worker;
use crate::journey::refusal::Refusal;
use crate::log::append::Streams;
use crate::log::envelope::{Envelope, EventId, JourneyId, StreamId, StreamKind, SubjectId, WorkerId};
use crate::store::StoreError;
use crate::views::Views;

/// What a command does, in the words of the policy. Whoever may state a fact may correct it and take it back, so an
/// amendment is judged by what the events say that it names; of an event that the stream does not have nothing is known.
fn actions(command: &Command, told: Option<&History>) -> Vec<Action> {
    let kind = command.stream().kind;
    let of_single = |single: &Command| match single {
        Command::ReceiveReferral(_) => vec![Action::ReceiveReferral],
        Command::OpenContract(_) | Command::PublishRulebook(_) => vec![Action::RuleContracts],
        Command::Batch(command) => vec![claiming(&command.act)],
        Command::State(stated) => vec![stating(kind, &stated.fact)],
        Command::CorrectFact(_) | Command::PatchFact(_) | Command::RetractFacts(_) if kind == StreamKind::Journey => {
            vec![Action::CorrectFacts]
        }
        Command::CorrectFact(correction) => vec![amending(kind, told, correction.target)],
        Command::PatchFact(patch) => vec![amending(kind, told, patch.target)],
        Command::RetractFacts(retraction) if retraction.targets.is_empty() => vec![Action::Amend],
        Command::RetractFacts(retraction) => {
            retraction.targets.iter().map(|target| amending(kind, told, *target)).collect()
        }
        Command::Together(_) => Vec::new(),
    };
    command.each().into_iter().flat_map(of_single).collect()
}

const fn claiming(act: &BatchAct) -> Action {
    match act {
        BatchAct::Open(..) | BatchAct::Submit(_) | BatchAct::Resubmit(_) | BatchAct::Withdraw(..) => {
            Action::ClaimOutcomes
        }
        BatchAct::Decide(..) => Action::DecideClaims,
        BatchAct::Pay(_) | BatchAct::Adjust(_) => Action::SettleClaims,
    }
}

/// What one does who amends what this event says; of an amendment, what it was said of.
fn amending(kind: StreamKind, told: Option<&History>, target: EventId) -> Action {
    let event = |id| told.and_then(|history| history.event(id)).map(|recorded| &recorded.event);
    let fact = match event(target) {
        Some(Event::FactCorrected(correction)) => event(correction.target),
        Some(Event::FactRetracted(retraction)) => event(retraction.target),
        fact => fact,
    };
    match (kind, fact) {
        (_, Some(fact)) => stating(kind, fact),
        (StreamKind::Worker | StreamKind::Team, None) => Action::ManageStaff,
        (_, None) => Action::Amend,
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
    match command {
        Command::OpenContract(_) => Refusal::contract_of_others(),
        _ if command.contract().is_some() => Refusal::contract_not_found(),
        _ => not_found(command.stream().kind),
    }
}

/// Who sends a command, and what they are to what it is about, as read when it came in.
#[derive(Debug, Clone)]
pub(super) struct Admission {
    pub(super) principal: Principal,
    standing: Standing,
    /// What they are to the subjects that it names, as far as the view knows them.
    to_subjects: BTreeMap<SubjectId, Relation>,
    /// The workers and teams that it names and that they may not know of.
    of_others: BTreeSet<StreamId>,
}

impl Admission {
    /// Reads what the view knows of the sender. Where no view is asked, in a rehearsal, a story that one hand tells or a
    /// file, the sender is taken to be at home in the whole contract and to know everybody.
    pub(super) async fn read(
        views: Option<&Views>,
        principal: Principal,
        on: NaiveDate,
        command: &Command,
    ) -> Result<Self, StoreError> {
        let (mut to_subjects, mut of_others) = (BTreeMap::new(), BTreeSet::new());
        let is_bound = is_bound_to_cases(principal.role);
        let Some(views) = views else {
            let at_home = KnownWorker::default();
            let standing = if is_bound { Standing::of_keyworker(on, at_home) } else { Standing::contract_wide(on) };
            return Ok(Self { principal, standing, to_subjects, of_others });
        };
        let live = views.live();
        let standing = live.standing(&principal, on).await?;
        let named = || std::iter::once(command.stream()).chain(command.names());
        if is_bound || principal.scope != Scope::Deployment {
            let subjects: Vec<SubjectId> =
                named().filter(|of| of.kind == StreamKind::Subject).map(|of| SubjectId(of.id)).collect();
            to_subjects = live.relations_to_subjects(&principal, on, &subjects).await?;
        }
        if principal.scope != Scope::Deployment {
            of_others = live.of_others(&principal.scope, &named().collect::<Vec<_>>()).await?;
        }
        // Nobody is hidden from themselves.
        if !of_others.is_empty()
            && let Some(own) = live.worker_of_login(&principal.subject, on).await?
        {
            of_others.remove(&StreamId::worker(own.worker));
        }
        Ok(Self { principal, standing, to_subjects, of_others })
    }

    /// Whether what a command names does not exist for the sender.
    pub(super) fn hides(&self, stream: StreamId) -> bool {
        is_outside(self.principal.role, self.to_people(stream))
    }

    /// What the sender is to a subject, worker or team. What the view does not know is nobody else's.
    fn to_people(&self, stream: StreamId) -> Relation {
        let to_subject = || self.to_subjects.get(&SubjectId(stream.id)).copied();
        match stream.kind {
            StreamKind::Subject => to_subject().unwrap_or(Relation::Unassigned),
            _ if self.of_others.contains(&stream) => Relation::Outside,
            _ => Relation::Team,
        }
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
            (kind, _) if kind.belongs_to_deployment() => {
                let is_there = history(streams, stream).is_some() || command.begins();
                if is_there { self.to_people(stream) } else { Relation::Outside }
            }
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
        let stream = command.stream();
        for action in actions(command, history(streams, stream)) {
            policy(&self.principal, action, relation).map_err(|denied| not_done(denied, unknown(command)))?;
        }
        // The id of a new journey or subject may be that of one which the sender may not know of: nothing is said of it.
        if let Command::ReceiveReferral(referral) = command
            && referral.register.is_some()
            && self.hides(StreamId::subject(referral.fact.subject))
        {
            return Err(NotDone::Refused(Refusal::subject_not_found().alone()));
        }
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

/// Whether somebody may still do what a command did the first time, and know of what its events are of. The log looks for
/// a replay before anything else; what it shows is for whoever may still see it. Of a command that amends, `told` is what
/// its stream tells.
pub(super) async fn still_may(
    views: Option<&Views>,
    (principal, on): (Principal, NaiveDate),
    (command, told): (&Command, &History),
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
    let people = events.iter().map(|event| event.stream).filter(|stream| stream.kind.belongs_to_deployment());
    let to_people = people.map(|stream| admission.to_people(stream)).max();
    let relation = match (within, to_journeys.max(to_people)) {
        (true, Some(relation)) => relation,
        (true, None) => Relation::Contract,
        (false, _) => Relation::Outside,
    };
    let mut actions = actions(command, Some(told));
    if !journeys.is_empty() {
        actions.push(Action::ReadJourneys);
    }
    let mut judged = actions.into_iter().map(|action| policy(&admission.principal, action, relation));
    let judged = judged.try_for_each(|verdict| verdict.map(drop));
    Ok(judged.map_err(|denied| not_done(denied, unknown(command))))
}

/// Whether a command amends what is recorded, so that its stream says whether somebody may.
pub(super) fn amends(command: &Command) -> bool {
    let amends =
        |single: &Command| matches!(single, Command::CorrectFact(_) | Command::PatchFact(_) | Command::RetractFacts(_));
    command.each().into_iter().any(amends)
}
