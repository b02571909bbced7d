//! A subject: who is known by a pseudonym, under which other records, and what may be kept and used of them.
//!
//! Pure. Nothing that identifies anybody is recorded here. What an erasure takes away is not this module's to decide:
//! it says only that two people agreed to one, and that nothing held them back.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use uuid::Uuid;

use super::login;
use crate::fact::Entry;
use crate::fact::Fact;
use crate::fact::History;
use crate::fact::consistency::Groundless;
use crate::fact::consistency::{Stated, judged};
use crate::fact::envelope::{StreamId, SubjectId};
use crate::fact::event::{
    ConsentGiven, ConsentWithdrawn, ErasureApproved, ErasureProposed, Event, EventType, LegalHoldLifted,
    LegalHoldPlaced, SubjectKind, SubjectRegistered, SubjectsLinked, SubjectsUnlinked,
};
use crate::fact::refusal::{DependentFact, Refusal, RefusalCode as Code};
use crate::people::open_close::{Pairs, Part, Words, out_of_turn};

/// A subject at some point of view: what the facts of its stream, folded in order, amount to.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    /// Since when it is known, and what kind of subject it is.
    pub registered: Option<Entry<SubjectRegistered>>,
    /// The other records that somebody said are of the same subject.
    pub linked: BTreeSet<SubjectId>,
    /// Every consent, in the order in which they were given.
    pub consents: Vec<Consent>,
    /// Every hold, in the order in which they were placed.
    pub holds: Vec<Hold>,
    /// Every proposal to erase what identifies it, in order.
    pub erasures: Vec<Erasure>,
}

/// The subject agreed to a use of what is known of them.
#[derive(Debug, Clone)]
pub struct Consent {
    /// To what, and since when.
    pub given: Entry<ConsentGiven>,
    /// The withdrawal, if it was withdrawn.
    pub withdrawn: Option<Entry<ConsentWithdrawn>>,
}

/// A reason to keep what is known of the subject.
#[derive(Debug, Clone)]
pub struct Hold {
    /// Why, and since when it stands.
    pub placed: Entry<LegalHoldPlaced>,
    /// Since when it no longer does, and why.
    pub lifted: Option<Entry<LegalHoldLifted>>,
}

/// Somebody proposed to erase what identifies the subject.
#[derive(Debug, Clone)]
pub struct Erasure {
    /// On which ground, and when.
    pub proposed: Entry<ErasureProposed>,
    /// The login of whoever proposed it.
    pub proposed_by: String,
    /// When somebody else agreed, if somebody did.
    pub approved: Option<Entry<ErasureApproved>>,
    /// The login of whoever agreed.
    pub approved_by: Option<String>,
}

impl Subject {
    /// Folds facts that stand in order.
    pub fn fold(facts: &[Fact<'_>]) -> Self {
        let mut subject = Self::default();
        for fact in facts {
            subject.apply(fact);
        }
        subject
    }

    /// Takes the next fact; one that has no ground changes nothing.
    fn apply(&mut self, fact: &Fact<'_>) {
        match fact.event {
            Event::SubjectRegistered(registered) => {
                self.registered.get_or_insert_with(|| Entry::of(fact, registered));
            }
            Event::SubjectsLinked(link) => {
                self.linked.insert(link.with);
            }
            Event::SubjectsUnlinked(link) => {
                self.linked.remove(&link.with);
            }
            Event::ConsentGiven(given) if self.standing(&given.purpose).is_none() => {
                self.consents.push(Consent { given: Entry::of(fact, given), withdrawn: None });
            }
            Event::ConsentWithdrawn(withdrawn) => {
                if let Some(consent) = self.standing(&withdrawn.purpose) {
                    consent.withdrawn = Some(Entry::of(fact, withdrawn));
                }
            }
            Event::LegalHoldPlaced(placed) => self.holds.push(Hold { placed: Entry::of(fact, placed), lifted: None }),
            Event::LegalHoldLifted(lifted) => {
                let stands = |hold: &&mut Hold| hold.placed.details.hold == lifted.hold && hold.lifted.is_none();
                if let Some(hold) = self.holds.iter_mut().find(stands) {
                    hold.lifted = Some(Entry::of(fact, lifted));
                }
            }
            Event::ErasureProposed(proposed) => self.erasures.push(Erasure {
                proposed: Entry::of(fact, proposed),
                proposed_by: fact.original.actor.subject.clone(),
                approved: None,
                approved_by: None,
            }),
            Event::ErasureApproved(approved) => {
                let open = |one: &&mut Erasure| one.proposed.event_id == approved.proposal && one.approved.is_none();
                if let Some(erasure) = self.erasures.iter_mut().find(open) {
                    erasure.approved = Some(Entry::of(fact, approved));
                    erasure.approved_by = Some(fact.original.actor.subject.clone());
                }
            }
            _ => {}
        }
    }

    /// What kind of subject it is, once it is registered.
    pub fn kind(&self) -> Option<SubjectKind> {
        self.registered.as_ref().map(|registered| registered.details.kind)
    }

    /// The consent to this purpose that stands.
    fn standing(&mut self, purpose: &str) -> Option<&mut Consent> {
        self.consents.iter_mut().find(|consent| consent.given.details.purpose == purpose && consent.withdrawn.is_none())
    }
}

/// A stretch of days `[from, to)` over which a subject was linked with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// With whom.
    pub with: SubjectId,
    /// The first day.
    pub from: NaiveDate,
    /// The first day no longer, if it ended.
    pub to: Option<NaiveDate>,
}

/// Every stretch over which a subject was linked, whatever the day: what its stream alone says.
pub fn links(facts: &[Fact<'_>]) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    for fact in facts {
        let on = fact.occurred.earliest();
        let open = |with| links.iter().position(|link| link.with == with && link.to.is_none());
        match fact.event {
            Event::SubjectsLinked(link) if open(link.with).is_none() => {
                links.push(Link { with: link.with, from: on, to: None });
            }
            Event::SubjectsUnlinked(link) => {
                if let Some(at) = open(link.with) {
                    links[at].to = Some(on);
                }
            }
            _ => {}
        }
    }
    links.retain(|link| link.to.is_none_or(|to| link.from < to));
    links.sort();
    links
}

const HOLDS: Words = Words {
    field: "hold",
    begins: "was placed",
    ends: "was lifted",
    exists: Code::HoldExists,
    not_found: Code::HoldNotFound,
    over: Code::HoldAlreadyLifted,
};

fn hold(event: &Event) -> Option<(Uuid, Part)> {
    match event {
        Event::LegalHoldPlaced(placed) => Some((placed.hold.0, Part::Begins)),
        Event::LegalHoldLifted(lifted) => Some((lifted.hold.0, Part::Ends)),
        _ => None,
    }
}

/// The facts of a subject's stream that stand without ground, in their order.
pub(crate) fn judge(facts: &[Stated<'_>]) -> Vec<Groundless> {
    let registered = facts.iter().filter(|fact| is_registration(fact)).min_by_key(|fact| fact.said);
    let holds = Pairs::of(facts, hold, HOLDS);
    let links = out_of_turn(facts, link, link_refused);
    let consents = out_of_turn(facts, consent, consent_refused);
    judged(facts, |fact| {
        let Some(registered) = registered else { return Some(Refusal::subject_not_found()) };
        match fact.event {
            Event::SubjectRegistered(_) => (registered.id != fact.id).then(|| exists(registered)),
            Event::ErasureProposed(_) => proposal(facts, &holds, fact),
            Event::ErasureApproved(approved) => approval(facts, &holds, fact, approved),
            _ => holds.refusal(fact),
        }
        .or_else(|| links.get(&fact.id).cloned())
        .or_else(|| consents.get(&fact.id).cloned())
    })
}

const fn is_registration(fact: &Stated<'_>) -> bool {
    matches!(fact.event, Event::SubjectRegistered(_))
}

fn exists(registered: &Stated<'_>) -> Refusal {
    super::subject_exists().naming([registered.fact()])
}

fn link(event: &Event) -> Option<(SubjectId, Part)> {
    match event {
        Event::SubjectsLinked(link) => Some((link.with, Part::Begins)),
        Event::SubjectsUnlinked(link) => Some((link.with, Part::Ends)),
        _ => None,
    }
}

fn link_refused(part: Part, standing: Option<&Stated<'_>>) -> Refusal {
    let refusal = match (part, standing) {
        (Part::Begins, Some(link)) => {
            let message = format!("the two are linked from {}: nothing is to do, or unlink them first", link.day());
            Refusal::new(Code::AlreadyLinked, message)
        }
        (_, Some(unlink)) => {
            let message = format!("the two were unlinked on {}: link them first, or choose another date", unlink.day());
            Refusal::new(Code::NotLinked, message)
        }
        (_, None) => Refusal::new(Code::NotLinked, "the two are not linked on that day: link them first"),
    };
    refusal.at("with").naming(standing.map(Stated::fact))
}

fn consent(event: &Event) -> Option<(&str, Part)> {
    match event {
        Event::ConsentGiven(given) => Some((&given.purpose, Part::Begins)),
        Event::ConsentWithdrawn(withdrawn) => Some((&withdrawn.purpose, Part::Ends)),
        _ => None,
    }
}

fn consent_refused(part: Part, standing: Option<&Stated<'_>>) -> Refusal {
    let refusal = match (part, standing) {
        (Part::Begins, Some(given)) => {
            let message = format!("this consent stands from {}: correct that fact if the day was another", given.day());
            Refusal::new(Code::AlreadyConsented, message)
        }
        (_, Some(withdrawn)) => {
            let message = format!("this consent was withdrawn on {}: record that it was given again", withdrawn.day());
            Refusal::new(Code::NotConsented, message)
        }
        (_, None) => Refusal::new(Code::NotConsented, "no consent to this purpose stands on that day: check the code"),
    };
    refusal.at("purpose").naming(standing.map(Stated::fact))
}

/// An erasure is proposed once on each ground, until one is approved.
fn proposal(facts: &[Stated<'_>], holds: &Pairs<'_>, fact: &Stated<'_>) -> Option<Refusal> {
    let (Event::ErasureProposed(own), said) = (fact.event, fact.said) else { return None };
    let again = |other: &&Stated<'_>| {
        other.said < said && matches!(other.event, Event::ErasureProposed(other) if other.ground == own.ground)
    };
    let approved = |other: &&Stated<'_>| other.said < said && matches!(other.event, Event::ErasureApproved(_));
    if let Some(approved) = facts.iter().find(approved) {
        return Some(already_approved(approved));
    }
    if let Some(again) = facts.iter().find(again) {
        let message = format!("this was proposed on {}: somebody else may approve it", again.day());
        return Some(Refusal::new(Code::ErasureAlreadyProposed, message).at("ground").naming([again.fact()]));
    }
    held_back(holds, fact)
}

/// An approval names a proposal that stands before it, and nothing is approved twice.
fn approval(facts: &[Stated<'_>], holds: &Pairs<'_>, fact: &Stated<'_>, approval: &ErasureApproved) -> Option<Refusal> {
    let proposed = |other: &&Stated<'_>| {
        other.id == approval.proposal && matches!(other.event, Event::ErasureProposed(_)) && !fact.is_before(other)
    };
    let before = |other: &&Stated<'_>| other.said < fact.said && matches!(other.event, Event::ErasureApproved(_));
    if let Some(approved) = facts.iter().find(before) {
        return Some(already_approved(approved));
    }
    if !facts.iter().any(|other| proposed(&other)) {
        let message = "no erasure was proposed by this event, by that day: name the event that proposed it";
        return Some(Refusal::new(Code::ErasureNotProposed, message).at("proposal"));
    }
    held_back(holds, fact)
}

fn already_approved(approved: &Stated<'_>) -> Refusal {
    let message = format!("an erasure was approved on {}: nothing is to do", approved.day());
    Refusal::new(Code::ErasureAlreadyApproved, message).naming([approved.fact()])
}

/// A hold of which it is known that it is not over holds an erasure back, however either is dated.
fn held_back(holds: &Pairs<'_>, fact: &Stated<'_>) -> Option<Refusal> {
    let stands = |(placed, lifted): &(&Stated<'_>, Option<&Stated<'_>>)| {
        placed.said < fact.said && lifted.is_none_or(|lifted| lifted.occurred.latest() > fact.occurred.earliest())
    };
    let standing: Vec<DependentFact> = holds.all().filter(stands).map(|(placed, _)| placed.fact()).collect();
    (!standing.is_empty()).then(|| {
        let message = "a legal hold stands: nothing is erased before it is lifted";
        Refusal::new(Code::LegalHold, message).at("subject").naming(standing)
    })
}

/// Refuses an approval by the one who proposed it: an erasure is decided by two people.
pub(crate) fn approved_by_another(history: &History, fact: &Event, sender: &str) -> Result<(), Vec<Refusal>> {
    let Event::ErasureApproved(approval) = fact else { return Ok(()) };
    match history.event(approval.proposal) {
        Some(proposal) if login::is_same(&proposal.actor.subject, sender) => {
            let message = "you proposed this erasure: let somebody else approve it";
            let refusal = Refusal::new(Code::SamePerson, message).at("proposal");
            Err(refusal.by("domain §4: an erasure is decided by two people").alone())
        }
        _ => Ok(()),
    }
}

/// Refuses a correction that would make linked subjects be of different kinds.
pub(crate) fn keeps_its_links(history: &History, replacement: &Event) -> Result<(), Vec<Refusal>> {
    let Event::SubjectRegistered(registered) = replacement else { return Ok(()) };
    let facts = history.facts();
    let subject = Subject::fold(&facts);
    if subject.linked.is_empty() || subject.kind() == Some(registered.kind) {
        return Ok(());
    }
    let stands =
        |fact: &&Fact<'_>| matches!(fact.event, Event::SubjectsLinked(link) if subject.linked.contains(&link.with));
    let links = facts.iter().filter(stands).map(|fact| DependentFact {
        event_id: fact.original.event_id,
        event_type: EventType::SubjectsLinked,
        occurred: fact.occurred,
    });
    let message = "the subject is linked with one of its present kind: unlink them first";
    Err(Refusal::new(Code::FactHasDependents, message).at("kind").naming(links).alone())
}

/// What a link says of the other subject, in their own stream.
pub(crate) fn of_the_other(one: SubjectId, fact: &Event) -> Option<(StreamId, Event)> {
    let (other, mirrored) = match fact {
        Event::SubjectsLinked(link) => (link.with, SubjectsLinked { with: one, ..link.clone() }.into()),
        Event::SubjectsUnlinked(link) => (link.with, SubjectsUnlinked { with: one, ..link.clone() }.into()),
        _ => return None,
    };
    Some((StreamId::subject(other), mirrored))
}

/// Refuses to link subjects of different kinds.
pub(crate) fn may_be_linked(one: &History, other: &History) -> Result<(), Vec<Refusal>> {
    let kind = |history: &History| Subject::fold(&history.facts()).kind();
    if kind(one) == kind(other) {
        return Ok(());
    }
    let message = "the two are of different kinds, such as a person and a family: check the ids";
    Err(Refusal::new(Code::OtherKind, message).at("with").alone())
}

/// Everybody who can be reached over the links of each. The smallest id of such a group stands for the person
/// (domain.md §8).
pub fn reached(from: SubjectId, links: &BTreeMap<SubjectId, BTreeSet<SubjectId>>) -> BTreeSet<SubjectId> {
    let mut group = BTreeSet::from([from]);
    let mut next = vec![from];
    while let Some(subject) = next.pop() {
        for other in links.get(&subject).into_iter().flatten() {
            if group.insert(*other) {
                next.push(*other);
            }
        }
    }
    group
}
