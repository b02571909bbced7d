//! Authorization: whether a sender may send a command at all. This comes before any check of versions or facts.
//!
//! Who holds a case is read from the case's own stream, under the lock of the log's head: an assignment or a release
//! takes effect on the very next command. Who works with whom, who has left, whose subject someone is, and to which
//! contracts a worker or team belongs is read from the live view when the command arrives: a change takes effect as
//! soon as the view has applied it.
//!
//! Anything that the sender may not know does not exist for them, whether a command is about it or only names it. This
//! refusal comes before any about versions, values or facts.

mod reveals;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{RecordError, Sender, StreamState, history};
use crate::access::offers::OfferAccess;
use crate::access::policy::{Action, Denied, is_bound_to_cases, is_outside, policy};
use crate::access::relation::{Case, Cases, Holders, Relation, Standing};
use crate::access::{Principal, Role, Scope};
use crate::log::append::Streams;
use crate::log::{Log, LogError};
use crate::queries;
use crate::views::Views;
use throughline_domain::command::batches::{BatchAct, claim_not_found};
use throughline_domain::command::offers::{OfferAct, OfferCommand};
use throughline_domain::command::{Command, CorrectFact, RecordFact, not_found};
use throughline_domain::contract::batch::Batch;
use throughline_domain::fact::History;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{
    ClaimId, Envelope, EventId, JourneyId, StreamId, StreamKind, SubjectId, WorkerId,
};
use throughline_domain::fact::event::{Event, EventType, KEYWORKER, NoticeKind};
use throughline_domain::fact::refusal::{Refusal, RefusalCode};
use throughline_domain::offer::Offer;
use throughline_domain::people::login;
use throughline_domain::people::worker::Worker;

/// The actions of a command, in the terms of the access policy. A sender who may state a fact may also correct and
/// retract it, so an amendment is judged by the type of the events that it names. An event that the stream does not
/// have has no action.
fn actions(command: &Command, stream_history: Option<&History>) -> Vec<Action> {
    let kind = command.stream().kind;
    let of_single = |single: &Command| match single {
        Command::ReceiveReferral(_) => vec![Action::ReceiveReferral],
        Command::OpenContract(_) | Command::PublishRulebook(_) => vec![Action::RuleContracts],
        Command::Batch(command) => vec![claiming(&command.act)],
        Command::RecordFact(stated) => vec![stating(kind, &stated.fact)],
        Command::CorrectFact(_) | Command::PatchFact(_) | Command::RetractFacts(_) if kind == StreamKind::Journey => {
            vec![Action::CorrectFacts]
        }
        Command::CorrectFact(correction) => vec![amending(kind, stream_history, correction.target)],
        Command::PatchFact(patch) => vec![amending(kind, stream_history, patch.target)],
        Command::RetractFacts(retraction) if retraction.targets.is_empty() => vec![Action::Amend],
        Command::RetractFacts(retraction) => {
            retraction.targets.iter().map(|target| amending(kind, stream_history, *target)).collect()
        }
        Command::AssignMany(_) => vec![Action::RecordFacts],
        Command::Offer(command) => offering(&command.act),
        Command::Atomic(_) => Vec::new(),
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

/// The actions of a command about an offered referral. A link says which records are one person.
fn offering(act: &OfferAct) -> Vec<Action> {
    match act {
        OfferAct::Offer(_) | OfferAct::Withdraw(_) => vec![Action::OfferReferrals],
        OfferAct::Accept | OfferAct::Decline(_) => vec![Action::DecideOffers],
        OfferAct::Link(_) => vec![Action::DecideOffers, Action::LinkSubjects],
    }
}

/// The action of amending this event. If the event is itself an amendment, the action of its target.
fn amending(kind: StreamKind, stream_history: Option<&History>, target: EventId) -> Action {
    let event = |id| stream_history.and_then(|history| history.event(id)).map(|recorded| &recorded.event);
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
        (StreamKind::Subject, Event::IdentitySealed(_)) => Action::SealIdentity,
        (StreamKind::Subject, Event::IdentityRevealed(_)) => Action::RevealIdentity,
        (StreamKind::Subject, Event::RevealEnded(_)) => Action::EndReveal,
        (StreamKind::Subject, Event::ConsentGiven(_) | Event::ConsentWithdrawn(_)) => Action::RecordConsent,
        (StreamKind::Subject, Event::SubjectsLinked(_) | Event::SubjectsUnlinked(_) | Event::DuplicateDismissed(_)) => {
            Action::LinkSubjects
        }
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
        (StreamKind::Contract | StreamKind::Batch | StreamKind::Offer, _) => Action::RuleContracts,
        (StreamKind::Deployment, _) => Action::ManageAccess,
        (StreamKind::Import, _) => Action::RecordImports,
    }
}

/// The contracts that the facts of an import are about.
fn contracts_of_import(command: &Command) -> impl Iterator<Item = &str> {
    command.each().into_iter().filter_map(|single| match single {
        Command::RecordFact(stated) => stated.fact.contract_of_import(),
        _ => None,
    })
}

/// The refusal for a stream that the sender may not know: the same as for a stream that does not exist.
fn unknown(command: &Command) -> Refusal {
    match command {
        Command::OpenContract(_) => Refusal::contract_of_others(),
        _ if command.contract().is_some() => Refusal::contract_not_found(),
        _ => not_found(command.stream().kind),
    }
}

/// A command that was recorded before.
#[derive(Clone, Copy)]
pub(super) struct Earlier<'a> {
    pub(super) command: &'a Command,
    /// The history of its stream, if the command amends facts.
    pub(super) stream_history: &'a History,
    /// The events that it made.
    pub(super) events: &'a [Envelope],
}

/// The sender of a command and their relation to its subjects, as read when it arrived.
#[derive(Debug, Clone)]
pub(super) struct Authorization {
    pub(super) sender: Sender,
    standing: Standing,
    /// The sender's relation to the subjects that the command names, as far as the view knows them.
    to_subjects: BTreeMap<SubjectId, Relation>,
    /// The workers and teams that the command names and the sender may not know.
    of_others: BTreeSet<StreamId>,
    /// The claims that the command names and the sender may not know.
    hidden_claims: BTreeSet<ClaimId>,
    /// Whether the command reveals a subject for a contract in which the sender reads no case of it.
    reveals_another: bool,
}

impl Authorization {
    /// Reads what the view knows about the sender. Without a view (in a dry run, a sequence of commands from one
    /// source, or a file), the sender is taken to belong to the whole contract and to know everyone.
    pub(super) async fn read(views: Option<&Views>, sender: Sender, command: &Command) -> Result<Self, LogError> {
        let (principal, on) = (&sender.principal, sender.today);
        let (mut to_subjects, mut of_others) = (BTreeMap::new(), BTreeSet::new());
        let is_bound = is_bound_to_cases(principal.role);
        let Some(views) = views else {
            let standing = if is_bound { Standing::at_home(on) } else { Standing::contract_wide(on) };
            let hidden_claims = BTreeSet::new();
            return Ok(Self { sender, standing, to_subjects, of_others, hidden_claims, reveals_another: false });
        };
        let live = views.live();
        let standing = queries::caseload_scope::standing(&live, principal, on).await?;
        let named = || std::iter::once(command.stream()).chain(command.names());
        if is_bound || principal.scope != Scope::Deployment {
            let subjects: Vec<SubjectId> =
                named().filter(|of| of.kind == StreamKind::Subject).map(|of| SubjectId(of.id)).collect();
            to_subjects = queries::caseload_scope::relations_to_subjects(&live, principal, on, &subjects).await?;
        }
        if principal.scope != Scope::Deployment {
            of_others = queries::people::of_others(&live, &principal.scope, &named().collect::<Vec<_>>()).await?;
        }
        // Workers always see themselves.
        if !of_others.is_empty()
            && let Some(own) = queries::people::worker_of_login(&live, &principal.subject, on).await?
        {
            of_others.remove(&StreamId::worker(own.worker));
        }
        let hidden_claims = hidden_claims(views, principal, command).await?;
        let reveals_another = reveals::reveals_another(&live, principal, on, command).await?;
        Ok(Self { sender, standing, to_subjects, of_others, hidden_claims, reveals_another })
    }

    /// Refuses every command of a keyworker who is not a worker of the service or has left it.
    fn works_here(&self) -> Result<(), RecordError> {
        if self.standing.is_nobodys() {
            return Err(RecordError::Refused(Refusal::worker_unknown().alone()));
        }
        Ok(())
    }

    /// Whether something that a command names does not exist for the sender.
    pub(super) fn hides(&self, stream: StreamId) -> bool {
        is_outside(self.sender.principal.role, self.to_people(stream))
    }

    /// The sender's relation to a subject, worker or team. A stream unknown to the view belongs to no one else.
    fn to_people(&self, stream: StreamId) -> Relation {
        let to_subject = || self.to_subjects.get(&SubjectId(stream.id)).copied();
        match stream.kind {
            StreamKind::Subject => to_subject().unwrap_or(Relation::Unassigned),
            _ if self.of_others.contains(&stream) => Relation::Outside,
            _ => Relation::Team,
        }
    }

    /// Whether the sender's role may not send such a command at all, whatever it is about.
    pub(super) fn bars(&self, command: &Command) -> bool {
        let judged = |action| policy(&self.sender.principal, action, Relation::Contract);
        actions(command, None).into_iter().any(|action| matches!(judged(action), Err(Denied::Role { .. })))
    }

    pub(super) fn sees(&self, code: &str) -> bool {
        self.sender.principal.scope.contract(code).is_some()
    }

    /// Who holds the journey that a command is about, if that matters, and whether as keyworker.
    fn held_by(&self, stream: StreamId, streams: &Streams<'_, StreamState>) -> Vec<(WorkerId, bool)> {
        let Some(history) = history(streams, stream).filter(|_| stream.kind == StreamKind::Journey) else {
            return Vec::new();
        };
        let cases = self.standing.cases(history.contract().unwrap_or_default());
        if !matches!(cases, Cases::Held { .. }) {
            return Vec::new();
        }
        let held = history.journey().assignments.into_iter().filter(|held| held.is_on(self.standing.on()));
        held.map(|held| (held.worker, held.role == KEYWORKER)).collect()
    }

    /// The streams that say whether the holder of the journey is still here.
    pub(super) fn streams(&self, command: &Command, streams: &Streams<'_, StreamState>) -> Vec<StreamId> {
        let each = command.of_each_stream();
        let held = each.iter().flat_map(|command| self.held_by(command.stream(), streams));
        held.map(|(worker, _)| StreamId::worker(worker)).collect()
    }

    /// The sender's relation to the subject of a command.
    fn relation(&self, command: &Command, contract: Option<&str>, streams: &Streams<'_, StreamState>) -> Relation {
        let stream = command.stream();
        match (stream.kind, contract) {
            (StreamKind::Import, _) => {
                let is_ours = contracts_of_import(command).all(|code| self.sees(code));
                if is_ours { Relation::Contract } else { Relation::Outside }
            }
            (kind, _) if kind.belongs_to_deployment() => {
                let is_there = history(streams, stream).is_some() || command.begins();
                if is_there { self.to_people(stream) } else { Relation::Outside }
            }
            (StreamKind::Offer, Some(code)) if self.sees(code) => {
                history(streams, stream).map_or(Relation::Contract, |known| self.to_offer(known))
            }
            (_, Some(code)) if self.sees(code) => {
                let is_known = stream.kind == StreamKind::Journey && history(streams, stream).is_some();
                if is_known { self.to_journey(stream, code, streams) } else { Relation::Contract }
            }
            _ => Relation::Outside,
        }
    }

    /// The sender's relation to an offered referral. Only its partner withdraws it.
    fn to_offer(&self, known: &History) -> Relation {
        let offer = Offer::of(known);
        let (Some(contract), Some(offered)) = (known.contract(), offer.details()) else { return Relation::Outside };
        OfferAccess { contract, area: &offered.area, partner: &offered.partner }.relation(&self.sender.principal)
    }

    /// Whether the sender withdraws an offer that another partner sent.
    fn withdraws_of_another(&self, command: &Command, known: Option<&History>) -> bool {
        let Command::Offer(OfferCommand { act: OfferAct::Withdraw(_), .. }) = command else { return false };
        let offer = known.map(Offer::of).unwrap_or_default();
        offer.details().is_some_and(|offered| offered.partner != login::key(&self.sender.principal.subject))
    }

    /// Whether the case that an offer is linked to is in an area that the sender may not see.
    fn links_beyond_areas(&self, command: &Command, streams: &Streams<'_, StreamState>) -> bool {
        let Command::Offer(command) = command else { return false };
        let (Some(areas), Some(case)) = (self.sender.principal.scope.areas(), command.linked_case()) else {
            return false;
        };
        history(streams, StreamId::journey(case)).is_some_and(|case| !areas.contains(&area_of(case)))
    }

    fn to_journey(&self, stream: StreamId, contract: &str, streams: &Streams<'_, StreamState>) -> Relation {
        let mut holders = Holders::default();
        for (worker, as_keyworker) in self.held_by(stream, streams) {
            if !self.has_left(worker, streams) {
                let held = if as_keyworker { &mut holders.keyworkers } else { &mut holders.others };
                held.insert(worker);
            }
        }
        let area = match self.sender.principal.scope.areas() {
            Some(_) => history(streams, stream).map(area_of).unwrap_or_default(),
            None => String::new(),
        };
        self.standing.relation(Case { contract, area: &area, holders: &holders })
    }

    fn has_left(&self, worker: WorkerId, streams: &Streams<'_, StreamState>) -> bool {
        let left = |history: &History| Worker::fold(&history.facts()).left;
        let left = history(streams, StreamId::worker(worker)).and_then(left);
        left.is_some_and(|left| left.occurred.earliest() <= self.standing.on())
    }

    /// Whether the sender may send this command. What they may not know is refused as if it did not exist.
    pub(super) fn judge(
        &self,
        command: &Command,
        contract: Option<&str>,
        streams: &Streams<'_, StreamState>,
    ) -> Result<(), RecordError> {
        self.works_here()?;
        let Command::AssignMany(many) = command else { return self.judge_single(command, contract, streams) };
        if many.is_too_long() {
            return Ok(());
        }
        for (index, single) in command.of_each_stream().iter().enumerate() {
            let contract = history(streams, single.stream()).and_then(History::contract);
            self.judge_single(single, contract, streams).map_err(|error| match error {
                RecordError::Refused(refusals) => {
                    let at = |refusal: Refusal| refusal.at(format!("journeys.{index}"));
                    RecordError::Refused(refusals.into_iter().map(at).collect())
                }
                other => other,
            })?;
        }
        Ok(())
    }

    /// The judgement of a command about one stream.
    fn judge_single(
        &self,
        command: &Command,
        contract: Option<&str>,
        streams: &Streams<'_, StreamState>,
    ) -> Result<(), RecordError> {
        let relation = self.relation(command, contract, streams);
        let stream = command.stream();
        for action in actions(command, history(streams, stream)) {
            policy(&self.sender.principal, action, relation)
                .map_err(|denied| record_error(denied, unknown(command)))?;
        }
        // The id of a new journey or subject may already belong to one that the sender may not know. The refusal does
        // not reveal it.
        if let Command::ReceiveReferral(referral) = command
            && referral.register.is_some()
            && self.hides(StreamId::subject(referral.fact.subject))
        {
            return Err(RecordError::Refused(Refusal::subject_not_found().alone()));
        }
        if self.withdraws_of_another(command, history(streams, stream)) {
            return Err(RecordError::Refused(unknown(command).alone()));
        }
        if self.links_beyond_areas(command, streams) {
            return Err(RecordError::Refused(Refusal::journey_not_found().at("journey").alone()));
        }
        if let Some(refusals) = self.beyond_areas(command) {
            return Err(RecordError::Refused(refusals));
        }
        if let Some(refusal) = reveals::refused(self, command, history(streams, stream)) {
            return Err(RecordError::Refused(refusal.alone()));
        }
        if let Some(refusal) = self.notice_of_another_role(command, history(streams, stream)) {
            return Err(RecordError::Refused(refusal.alone()));
        }
        let taken = match history(streams, stream).and_then(History::contract) {
            Some(code) if !self.sees(code) => Err(Denied::Outside),
            Some(_) if stream.kind == StreamKind::Journey => {
                policy(&self.sender.principal, Action::ReadJourneys, relation).map(drop)
            }
            _ => Ok(()),
        };
        taken.map_err(|denied| record_error(denied, not_found(stream.kind)))
    }
}

impl Authorization {
    /// The refusal for a sender whose token is limited to areas, if the command is about another area: a referral
    /// there, or claims of cases there.
    fn beyond_areas(&self, command: &Command) -> Option<Vec<Refusal>> {
        let areas = self.sender.principal.scope.areas()?;
        let referral = command.each().into_iter().find_map(|single| match single {
            Command::ReceiveReferral(referral) => Some(&referral.fact),
            Command::RecordFact(RecordFact { fact: Event::ReferralReceived(referral), .. })
            | Command::CorrectFact(CorrectFact { replacement: Event::ReferralReceived(referral), .. }) => {
                Some(referral)
            }
            _ => None,
        });
        let moved_to = command.each().into_iter().find_map(|single| match single {
            Command::PatchFact(patch) if patch.of == Some(EventType::ReferralReceived) => patch.payload.get("area"),
            _ => None,
        });
        let offered = command.each().into_iter().find_map(|single| match single {
            Command::Offer(command) => command.area(),
            _ => None,
        });
        let area = referral.map(|referral| referral.area.as_str()).or_else(|| moved_to.and_then(Value::as_str));
        let area = area.or(offered);
        if area.is_some_and(|area| !areas.contains(area)) {
            return Some(Refusal::area_outside_scope(areas).alone());
        }
        if self.hidden_claims.is_empty() {
            return None;
        }
        Some(self.hidden_claims.iter().map(|claim| claim_not_found(*claim).at("claims")).collect())
    }

    /// The refusal for a sender whose role may not give a notice of this kind.
    fn notice_of_another_role(&self, command: &Command, stream_history: Option<&History>) -> Option<Refusal> {
        let (role, theirs) = (self.sender.principal.role, kinds_of_notice(self.sender.principal.role));
        let kind = notices_in(command, stream_history).into_iter().find(|kind| !theirs.contains(kind))?;
        let message =
            format!("a {role} may not give a notice of the kind {}: ask a commissioner to give it", kind.as_str());
        let allowed = theirs.iter().map(|kind| kind.as_str());
        Some(Refusal::new(RefusalCode::KindOfAnotherRole, message).at("kind").allowing(allowed))
    }
}

/// The kinds of notice that a role may give, correct and retract. Only those who pay may withhold money or terminate a
/// contract.
const fn kinds_of_notice(role: Role) -> &'static [NoticeKind] {
    use NoticeKind::{ImprovementPlan, PerformancePlan, ReferralChange, Termination, Withholding};
    match role {
        Role::Commissioner => &[ImprovementPlan, PerformancePlan, Withholding, ReferralChange, Termination],
        Role::Manager => &[ImprovementPlan, PerformancePlan, ReferralChange],
        Role::Keyworker | Role::Auditor | Role::Integrator | Role::Administrator => &[],
    }
}

/// The kinds of the notices that a command gives, corrects or retracts.
fn notices_in(command: &Command, stream_history: Option<&History>) -> Vec<NoticeKind> {
    let kind = |fact: &Event| match fact {
        Event::NoticeIssued(notice) => Some(notice.kind),
        _ => None,
    };
    let recorded = |target: &EventId| {
        stream_history.and_then(|stream_history| stream_history.fact(*target)).and_then(|fact| kind(fact.event))
    };
    let of_single = |single: &Command| match single {
        Command::RecordFact(stated) => kind(&stated.fact).into_iter().collect(),
        Command::CorrectFact(correction) => {
            recorded(&correction.target).into_iter().chain(kind(&correction.replacement)).collect()
        }
        Command::PatchFact(patch) => {
            let says = patch.payload.get("kind").filter(|_| patch.of == Some(EventType::NoticeIssued));
            let becomes = says.and_then(|kind| serde_json::from_value(kind.clone()).ok());
            recorded(&patch.target).into_iter().chain(becomes).collect()
        }
        Command::RetractFacts(retraction) => retraction.targets.iter().filter_map(recorded).collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    command.each().into_iter().flat_map(of_single).collect()
}

/// The service area of a journey.
fn area_of(history: &History) -> String {
    history.journey().referral.map(|referral| referral.details.area).unwrap_or_default()
}

/// The claims that a command decides on and that are outside the sender's areas.
async fn hidden_claims(views: &Views, principal: &Principal, command: &Command) -> Result<BTreeSet<ClaimId>, LogError> {
    let (Some(areas), Command::Batch(of)) = (principal.scope.areas(), command) else { return Ok(BTreeSet::new()) };
    let BatchAct::Decide(claims, _) = &of.act else { return Ok(BTreeSet::new()) };
    let stream_history = read_whole(views.log(), command.stream()).await?;
    let batch = Batch::of(&stream_history);
    let journey = |claim: &ClaimId| batch.line(*claim).and_then(|line| line.frozen.about.journey());
    let journeys: Vec<JourneyId> = claims.iter().filter_map(journey).collect();
    let known = queries::caseload_scope::areas_of(&views.live(), &journeys).await?;
    let is_theirs =
        |claim: &ClaimId| journey(claim).is_some_and(|id| known.get(&id).is_some_and(|of| areas.contains(of)));
    Ok(claims.iter().filter(|claim| !is_theirs(claim)).copied().collect())
}

fn record_error(denied: Denied, outside: Refusal) -> RecordError {
    match denied {
        Denied::Outside => RecordError::Refused(outside.alone()),
        Denied::Role { .. } | Denied::Areas { .. } | Denied::Contracts { .. } => RecordError::Denied(denied),
    }
}

/// Whether a sender may still do what a command did the first time, and may still know its events. The log looks for an
/// earlier recording first, but its result is only for senders who may still see it.
pub(super) async fn still_may(
    views: Option<&Views>,
    sender: Sender,
    recorded: Earlier<'_>,
) -> Result<Result<(), RecordError>, LogError> {
    let Earlier { command, stream_history, events } = recorded;
    let of_contracts = || events.iter().filter_map(|event| Some((event.stream, event.contract.as_deref()?)));
    let within = of_contracts().all(|(_, code)| sender.principal.scope.contract(code).is_some());
    let authorization = Authorization::read(views, sender, command).await?;
    if let Err(error) = authorization.works_here() {
        return Ok(Err(error));
    }
    let Sender { principal, today } = &authorization.sender;
    let journeys = of_contracts().filter(|(stream, _)| stream.kind == StreamKind::Journey);
    let journeys: Vec<(JourneyId, &str)> = journeys.map(|(stream, code)| (JourneyId(stream.id), code)).collect();
    let to_journeys = match views {
        Some(views) => {
            queries::caseload_scope::relations(&views.live(), principal, *today, &journeys).await?.into_values().max()
        }
        None => None,
    };
    let people = events.iter().map(|event| event.stream).filter(|stream| stream.kind.belongs_to_deployment());
    let to_people = people.map(|stream| authorization.to_people(stream)).max();
    let relation = match (within, to_journeys.max(to_people)) {
        (true, Some(relation)) => relation,
        (true, None) => Relation::Contract,
        (false, _) => Relation::Outside,
    };
    let mut actions = actions(command, Some(stream_history));
    if !journeys.is_empty() {
        actions.push(Action::ReadJourneys);
    }
    let mut judged = actions.into_iter().map(|action| policy(principal, action, relation));
    let judged = judged.try_for_each(|verdict| verdict.map(drop));
    Ok(judged.map_err(|denied| record_error(denied, unknown(command))))
}

/// Whether a command amends recorded facts, so that its stream is needed to judge it.
pub(super) fn amends(command: &Command) -> bool {
    let amends =
        |single: &Command| matches!(single, Command::CorrectFact(_) | Command::PatchFact(_) | Command::RetractFacts(_));
    command.each().into_iter().any(amends)
}

async fn read_whole(log: &Log, stream: StreamId) -> Result<History, LogError> {
    let mut stream_history = History::default();
    for envelope in log.stream(stream).await? {
        stream_history.evolve(Recorded::decode(&envelope).map_err(|error| LogError::Payload(Box::new(error)))?);
    }
    Ok(stream_history)
}
