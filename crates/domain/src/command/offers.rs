//! The write side of the referral inbox: partners offer referrals, and the service accepts, links or declines them.
//!
//! Pure. An accepted offer opens its case by the rules of any referral. Nothing here changes a case that is open.

use super::validate::{Rules, Validator};
use super::{Given, NewEvent, ReceiveReferral, RecordFact, When, erasure, receive, record_fact, registered, values};
use crate::fact::History;
use crate::fact::consistency::shown;
use crate::fact::envelope::{JourneyId, Occurred, OfferId, StreamId, SubjectId};
use crate::fact::event::{
    Event, IdentitySealed, OfferAccepted, OfferDeclined, OfferLinked, OfferWithdrawn, ReferralOffered, SubjectKind,
    SubjectsLinked,
};
use crate::fact::refusal::{Refusal, RefusalCode as Code};
use crate::offer::{Decision, Offer};
use crate::people::subject::Subject;
use crate::people::subject_exists;

/// Why the record of an offered person is linked to a known person.
const LINKED_BECAUSE: &str = "the referral that a partner offered is about this person";

/// A command about an offered referral.
#[derive(Debug, Clone, PartialEq)]
pub struct OfferCommand {
    /// The offer.
    pub offer: OfferId,
    /// The date: of the referral when it is offered, otherwise of the decision.
    pub when: When,
    /// What to do.
    pub act: OfferAct,
}

/// What to do with an offered referral.
#[derive(Debug, Clone, PartialEq)]
pub enum OfferAct {
    /// Offer it, or offer it again with changes.
    Offer(Box<OfferReferral>),
    /// Accept it: open a case for the offered person.
    Accept,
    /// Link it to a person whom the service knows, or to a case that is open.
    Link(LinkTo),
    /// Decline it.
    Decline(OfferDeclined),
    /// Withdraw it, as its partner.
    Withdraw(OfferWithdrawn),
}

impl OfferAct {
    /// Whether it offers a person, or makes the offered person one of the service's.
    pub const fn brings_a_person(&self) -> bool {
        matches!(self, Self::Offer(_) | Self::Accept | Self::Link(_))
    }
}

/// A referral that a partner offers.
#[derive(Debug, Clone, PartialEq)]
pub struct OfferReferral {
    /// The code of the contract.
    pub contract: String,
    /// Who the person is. What is left out stays as it was.
    pub identity: Option<IdentitySealed>,
    /// The offer.
    pub fact: ReferralOffered,
}

/// What an offered referral is linked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkTo {
    /// A person whom the service knows. It opens a case for them.
    Person(SubjectId),
    /// A case that is open. It opens no case.
    Case(JourneyId),
}

impl OfferCommand {
    /// The code of the contract that the command names.
    pub fn contract(&self) -> Option<&str> {
        match &self.act {
            OfferAct::Offer(new) => Some(&new.contract),
            _ => None,
        }
    }

    /// The area of the referral that the command offers.
    pub fn area(&self) -> Option<&str> {
        match &self.act {
            OfferAct::Offer(new) => Some(&new.fact.area),
            _ => None,
        }
    }

    /// The case that the command links the offer to.
    pub const fn linked_case(&self) -> Option<JourneyId> {
        match self.act {
            OfferAct::Link(LinkTo::Case(journey)) => Some(journey),
            _ => None,
        }
    }

    /// The other streams that the command depends on.
    pub(super) fn names(&self) -> Vec<StreamId> {
        let subject = StreamId::subject(self.offer.subject());
        let journey = StreamId::journey(self.offer.journey());
        match &self.act {
            OfferAct::Offer(new) => vec![StreamId::contract(&new.contract), subject],
            OfferAct::Accept => vec![subject, journey],
            OfferAct::Link(LinkTo::Person(person)) => vec![subject, journey, StreamId::subject(*person)],
            OfferAct::Link(LinkTo::Case(case)) => vec![subject, StreamId::journey(*case)],
            OfferAct::Decline(_) | OfferAct::Withdraw(_) => Vec::new(),
        }
    }
}

/// Decides a command about an offered referral.
pub(super) fn decide(
    history: &History,
    command: &OfferCommand,
    given: &Given<'_>,
) -> Result<Vec<NewEvent>, Vec<Refusal>> {
    if let OfferAct::Offer(new) = &command.act {
        return offer(history, command, new, given);
    }
    let offer = Offer::of(history);
    let waiting = Waiting { offer: &offer, offered: undecided(&offer)?, command, history, given };
    match &command.act {
        OfferAct::Offer(_) => Ok(Vec::new()),
        OfferAct::Accept => waiting.accept(),
        OfferAct::Link(LinkTo::Person(person)) => waiting.link_person(*person),
        OfferAct::Link(LinkTo::Case(case)) => waiting.link_case(*case),
        OfferAct::Decline(declined) => {
            waiting.turned_down(&declined.reason, declined.remark.as_deref(), declined.clone())
        }
        OfferAct::Withdraw(withdrawn) => waiting.turned_down(&withdrawn.reason, None, withdrawn.clone()),
    }
}

/// Records an offer with what is new in it. An offer without anything new makes no event.
fn offer(
    history: &History,
    command: &OfferCommand,
    new: &OfferReferral,
    given: &Given<'_>,
) -> Result<Vec<NewEvent>, Vec<Refusal>> {
    let OfferReferral { contract, identity, fact } = new;
    if given.contract.code() != Some(contract) {
        return Err(Refusal::contract_not_found().alone());
    }
    erasure::not_of_erased(fact.subject, given)?;
    let known = Offer::of(history);
    // Sent again without a date, it keeps the one that it has.
    let occurred = match (command.when, known.received()) {
        (When::Today { .. }, Some(received)) => received,
        (when, _) => when.decided_on(given.today),
    };
    let referral = Event::from(crate::fact::event::ReferralReceived {
        external_references: fact.external_references.clone(),
        ..fact.referral(fact.subject)
    });
    let identity = identity.clone().map(Event::from);
    let mut validator = Validator::new(given.today);
    validator.offered(fact);
    values(&mut validator, occurred, &referral, None, given);
    if let Some(identity) = &identity {
        validator.sealed_with(occurred, identity);
    }
    let subject = StreamId::subject(fact.subject);
    if known.offered.is_none() && given.knows(subject) {
        validator.refuse(subject_exists());
    }
    validator.done()?;
    let digest_before = known.details().and_then(|before| before.identity_digest.clone());
    let is_same_person = identity.is_none() || fact.identity_digest.is_some() && fact.identity_digest == digest_before;
    let fact = ReferralOffered { identity_digest: fact.identity_digest.clone().or(digest_before), ..fact.clone() };
    if is_same_person && known.details() == Some(&fact) && known.received() == Some(occurred) {
        return Ok(Vec::new());
    }
    let registered = known.offered.is_none().then(|| registered(fact.subject, occurred, SubjectKind::Person));
    let identified = identity.filter(|_| !is_same_person);
    let identified = identified.map(|event| NewEvent { stream: subject, contract: None, occurred, event });
    let stream = StreamId::offer(command.offer);
    let offered = NewEvent { stream, contract: Some(contract.clone()), occurred, event: fact.into() };
    Ok(std::iter::once(offered).chain(registered).chain(identified).collect())
}

/// The offer, if it waits for a decision.
fn undecided(offer: &Offer) -> Result<&ReferralOffered, Vec<Refusal>> {
    let Some(offered) = offer.details() else { return Err(not_found().alone()) };
    let Some(decided) = &offer.decision else { return Ok(offered) };
    let done = match &decided.decision {
        Decision::Accepted(_) => "accepted",
        Decision::Linked(_) => "linked to a known person",
        Decision::Declined(_) => "declined",
        Decision::Withdrawn(_) => "withdrawn by its partner",
    };
    let day = shown(decided.fact.occurred);
    let message = format!("this referral was already {done} on {day}: read it again before you do anything else");
    Err(Refusal::new(Code::OfferAlreadyDecided, message).at("offer").naming([decided.fact]).alone())
}

/// The refusal where an offer does not exist, or the sender may not know of it.
pub(super) fn not_found() -> Refusal {
    Refusal::new(Code::OfferNotFound, "there is no offered referral with this id: check the id").at("offer")
}

/// An offer that waits for a decision, and the decision.
struct Waiting<'a, 'g> {
    offer: &'a Offer,
    offered: &'a ReferralOffered,
    command: &'a OfferCommand,
    history: &'a History,
    given: &'a Given<'g>,
}

impl Waiting<'_, '_> {
    fn occurred(&self) -> Occurred {
        self.command.when.decided_on(self.given.today)
    }

    /// Checks the date of the decision.
    fn dated(&self) -> Validator {
        let (occurred, mut validator) = (self.occurred(), Validator::new(self.given.today));
        validator.occurred(occurred);
        if let Some(received) = self.offer.received().filter(|on| occurred.latest() < on.earliest()) {
            let day = shown(received);
            validator.invalid("occurred_on", format!("the referral is of {day}: use a date from that day on"));
        }
        validator
    }

    fn decided(&self, event: impl Into<Event>) -> NewEvent {
        let contract = self.history.contract().map(str::to_owned);
        NewEvent {
            stream: StreamId::offer(self.command.offer),
            contract,
            occurred: self.occurred(),
            event: event.into(),
        }
    }

    /// The events that open the case of the offer for this subject, by the rules of any referral.
    fn opening(&self, subject: SubjectId) -> Result<Vec<NewEvent>, Vec<Refusal>> {
        let journey = self.command.offer.journey();
        let received = self.offer.received().unwrap_or_else(|| self.occurred());
        let referral = ReceiveReferral {
            journey,
            contract: self.history.contract().unwrap_or_default().to_owned(),
            when: received.into(),
            register: None,
            identity: None,
            fact: self.offered.referral(subject),
        };
        let none = History::default();
        let known = (self.given.history)(StreamId::journey(journey)).unwrap_or(&none);
        receive(known, &referral, self.given)
    }

    fn accept(&self) -> Result<Vec<NewEvent>, Vec<Refusal>> {
        self.dated().done()?;
        let mut events = vec![self.decided(OfferAccepted { journey: self.command.offer.journey() })];
        events.extend(self.opening(self.offered.subject)?);
        Ok(events)
    }

    fn link_person(&self, person: SubjectId) -> Result<Vec<NewEvent>, Vec<Refusal>> {
        self.dated().done()?;
        if !self.given.knows(StreamId::subject(person)) {
            return Err(Refusal::subject_not_found().at("person").alone());
        }
        if person == self.offered.subject {
            let message = "this is the record of the offered person: accept the referral, or name the known person";
            return Err(Refusal::new(Code::SameSubject, message).at("person").alone());
        }
        let journey = self.command.offer.journey();
        let mut events = vec![self.decided(OfferLinked { subject: person, journey })];
        events.extend(self.opening(person)?);
        events.extend(self.same_person(person)?);
        Ok(events)
    }

    fn link_case(&self, journey: JourneyId) -> Result<Vec<NewEvent>, Vec<Refusal>> {
        self.dated().done()?;
        let case = (self.given.history)(StreamId::journey(journey));
        let case = case.filter(|case| case.contract() == self.history.contract()).map(History::journey);
        let Some((case, person)) = case.and_then(|case| case.subject().map(|person| (case, person))) else {
            return Err(Refusal::journey_not_found().at("journey").alone());
        };
        if case.closed().is_some() || case.turned_away().is_some() {
            let message = "this case is not open: link the referral to the person, which opens a new case";
            return Err(Refusal::new(Code::JourneyClosed, message).at("journey").alone());
        }
        let mut events = vec![self.decided(OfferLinked { subject: person, journey })];
        events.extend(self.same_person(person)?);
        Ok(events)
    }

    /// The events that link the record of the offered person with the known person, unless they are linked.
    fn same_person(&self, person: SubjectId) -> Result<Vec<NewEvent>, Vec<Refusal>> {
        let own = StreamId::subject(self.offered.subject);
        let Some(known) = (self.given.history)(own) else { return Err(Refusal::subject_not_found().alone()) };
        let is_linked = Subject::fold(&known.facts()).linked.contains(&person);
        if person == self.offered.subject || is_linked {
            return Ok(Vec::new());
        }
        let link = SubjectsLinked { with: person, reason: LINKED_BECAUSE.to_owned() };
        let command = RecordFact { stream: own, when: self.occurred().into(), fact: link.into() };
        record_fact(known, &command, self.given)
    }

    fn turned_down(
        &self,
        reason: &str,
        remark: Option<&str>,
        event: impl Into<Event>,
    ) -> Result<Vec<NewEvent>, Vec<Refusal>> {
        let mut validator = self.dated();
        let rules = Rules { contract: self.given.contract, on: self.occurred().earliest() };
        validator.turned_down(reason, remark, rules);
        validator.done()?;
        Ok(vec![self.decided(event)])
    }
}

#[cfg(test)]
mod tests;
