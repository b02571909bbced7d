//! A subject: a pseudonym, its links to other records of the same subject, and its consents, legal holds and erasures.
//!
//! Pure. What identifies a person is sealed; this module never sees it clear. It does not erase: it only says that two
//! people agreed to it, that no legal hold prevented it, and what may not follow it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use uuid::Uuid;

use super::login;
use crate::fact::Entry;
use crate::fact::Fact;
use crate::fact::History;
use crate::fact::consistency::Violation;
use crate::fact::consistency::{DatedFact, judged};
use crate::fact::envelope::{StreamId, SubjectId};
use crate::fact::event::{
    ConsentGiven, ConsentWithdrawn, DuplicateDismissed, ErasureApproved, ErasureProposed, Event, EventType,
    LegalHoldLifted, LegalHoldPlaced, SubjectErased, SubjectKind, SubjectRegistered, SubjectsLinked, SubjectsUnlinked,
};
use crate::fact::identity::Identity;
use crate::fact::refusal::{DependentFact, Refusal, RefusalCode as Code};
use crate::people::open_close::{Pairs, Part, Words, out_of_turn};
use crate::people::reveal;

/// A subject at a point in time: the fold of the facts of its stream.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    /// The registration, with the kind of subject.
    pub registered: Option<Entry<SubjectRegistered>>,
    /// The other records that were linked as the same subject.
    pub linked: BTreeSet<SubjectId>,
    /// The other records that look like the same subject and are not.
    pub dismissed: BTreeSet<SubjectId>,
    /// All consents, in the order in which they were given.
    pub consents: Vec<Consent>,
    /// All legal holds, in the order in which they were placed.
    pub holds: Vec<Hold>,
    /// All proposals to erase the identifying data of the subject, in order.
    pub erasures: Vec<Erasure>,
    /// The end of an erasure, from which on nothing identifies the subject.
    pub erased: Option<Entry<SubjectErased>>,
    /// Who the subject is, sealed.
    pub identity: Identity,
}

/// A consent of the subject to one use of their data.
#[derive(Debug, Clone)]
pub struct Consent {
    /// The purpose, and the date of the consent.
    pub given: Entry<ConsentGiven>,
    /// The withdrawal, if there is one.
    pub withdrawn: Option<Entry<ConsentWithdrawn>>,
}

/// A legal hold: a reason to keep the data of the subject.
#[derive(Debug, Clone)]
pub struct Hold {
    /// The reason, and the date from which the hold applies.
    pub placed: Entry<LegalHoldPlaced>,
    /// The date on which the hold was lifted, and the reason, if it was.
    pub lifted: Option<Entry<LegalHoldLifted>>,
}

/// A proposal to erase the identifying data of the subject.
#[derive(Debug, Clone)]
pub struct Erasure {
    /// The reason and date of the proposal.
    pub proposed: Entry<ErasureProposed>,
    /// The login of the person who proposed it.
    pub proposed_by: String,
    /// The approval by another person, if there is one.
    pub approved: Option<Entry<ErasureApproved>>,
    /// The login of the person who approved it.
    pub approved_by: Option<String>,
}

impl Subject {
    /// Folds facts in order.
    pub fn fold(facts: &[Fact<'_>]) -> Self {
        let mut subject = Self::default();
        for fact in facts {
            subject.apply(fact);
        }
        subject
    }

    /// Applies the next fact. An invalid fact changes nothing.
    fn apply(&mut self, fact: &Fact<'_>) {
        match fact.event {
            Event::SubjectRegistered(registered) => {
                self.registered.get_or_insert_with(|| Entry::of(fact, registered));
            }
            Event::SubjectsLinked(link) => {
                self.dismissed.remove(&link.with);
                self.linked.insert(link.with);
            }
            Event::SubjectsUnlinked(link) => {
                self.linked.remove(&link.with);
            }
            Event::DuplicateDismissed(dismissal) => {
                self.dismissed.insert(dismissal.other);
            }
            Event::ConsentGiven(given) if self.standing(&given.purpose).is_none() => {
                self.consents.push(Consent { given: Entry::of(fact, given), withdrawn: None });
            }
            Event::ConsentWithdrawn(withdrawn) => {
                if let Some(consent) = self.standing(&withdrawn.purpose) {
                    consent.withdrawn = Some(Entry::of(fact, withdrawn));
                }
            }
            Event::IdentitySealed(sealed) => self.identity.apply(fact, sealed),
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
            Event::SubjectErased(erased) => {
                self.erased.get_or_insert_with(|| Entry::of(fact, erased));
            }
            _ => {}
        }
    }

    /// The erasure that two people agreed on, if they did.
    pub fn approved(&self) -> Option<&Erasure> {
        self.erasures.iter().find(|erasure| erasure.approved.is_some())
    }

    /// The kind of subject. None before the registration.
    pub fn kind(&self) -> Option<SubjectKind> {
        self.registered.as_ref().map(|registered| registered.details.kind)
    }

    /// Whether the subject is a person or a family, whose data is about people.
    pub fn is_of_people(&self) -> bool {
        matches!(self.kind(), Some(SubjectKind::Person | SubjectKind::Family))
    }

    /// Whether an erasure was approved.
    pub fn is_to_be_erased(&self) -> bool {
        self.erasures.iter().any(|erasure| erasure.approved.is_some())
    }

    /// The legal holds that are not lifted by a day. A hold counts whatever its own date.
    pub fn holds_standing(&self, on: NaiveDate) -> impl Iterator<Item = &Hold> {
        let stands = move |hold: &&Hold| hold.lifted.as_ref().is_none_or(|lifted| lifted.occurred.latest() > on);
        self.holds.iter().filter(stands)
    }

    /// The consent to this purpose that is in force.
    fn standing(&mut self, purpose: &str) -> Option<&mut Consent> {
        self.consents.iter_mut().find(|consent| consent.given.details.purpose == purpose && consent.withdrawn.is_none())
    }
}

/// A range of days `[from, to)` over which a subject was linked with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// The other subject.
    pub with: SubjectId,
    /// The first day.
    pub from: NaiveDate,
    /// The first day without the link, if it ended.
    pub to: Option<NaiveDate>,
}

/// All links of a subject, on any day, read from its own stream only.
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
    is_final: false,
};

fn hold(event: &Event) -> Option<(Uuid, Part)> {
    match event {
        Event::LegalHoldPlaced(placed) => Some((placed.hold.0, Part::Begins)),
        Event::LegalHoldLifted(lifted) => Some((lifted.hold.0, Part::Ends)),
        _ => None,
    }
}

/// The invalid facts of a subject's stream, in order.
pub(crate) fn judge(facts: &[DatedFact<'_>]) -> Vec<Violation> {
    let registered = facts.iter().filter(|fact| is_registration(fact)).min_by_key(|fact| fact.latest_version);
    let holds = Pairs::of(facts, hold, HOLDS);
    let reveals = reveal::pairs(facts);
    let links = out_of_turn(facts, link, link_refused);
    let consents = out_of_turn(facts, consent, consent_refused);
    judged(facts, |fact| {
        let Some(registered) = registered else { return Some(Refusal::subject_not_found()) };
        match fact.event {
            Event::SubjectRegistered(_) => (registered.id != fact.id).then(|| exists(registered)),
            Event::DuplicateDismissed(dismissal) => dismissed_before(facts, fact, dismissal),
            Event::ErasureProposed(_) => proposal(facts, &holds, fact),
            Event::ErasureApproved(approved) => approval(facts, &holds, fact, approved),
            Event::SubjectErased(erased) => done(facts, fact, erased),
            Event::IdentitySealed(_) => decided_before(facts, fact).map(|_| already_erased()),
            Event::LegalHoldPlaced(_) => decided_before(facts, fact).map(nothing_left).or_else(|| holds.refusal(fact)),
            _ => holds.refusal(fact).or_else(|| reveals.refusal(fact)),
        }
        .or_else(|| links.get(&fact.id).cloned())
        .or_else(|| consents.get(&fact.id).cloned())
    })
}

const fn is_registration(fact: &DatedFact<'_>) -> bool {
    matches!(fact.event, Event::SubjectRegistered(_))
}

fn exists(registered: &DatedFact<'_>) -> Refusal {
    super::subject_exists().naming([registered.fact()])
}

fn link(event: &Event) -> Option<(SubjectId, Part)> {
    match event {
        Event::SubjectsLinked(link) => Some((link.with, Part::Begins)),
        Event::SubjectsUnlinked(link) => Some((link.with, Part::Ends)),
        _ => None,
    }
}

fn link_refused(part: Part, standing: Option<&DatedFact<'_>>) -> Refusal {
    let refusal = match (part, standing) {
        (Part::Begins, Some(link)) => {
            let message =
                format!("the two are already linked from {}: leave this out, or unlink them first", link.day());
            Refusal::new(Code::AlreadyLinked, message)
        }
        (_, Some(unlink)) => {
            let message = format!("the two were unlinked on {}: link them first, or use another date", unlink.day());
            Refusal::new(Code::NotLinked, message)
        }
        (_, None) => Refusal::new(Code::NotLinked, "the two are not linked on that day: link them first"),
    };
    refusal.at("with").naming(standing.map(DatedFact::fact))
}

/// A pair is dismissed once, unless it was linked since, and never while it is linked.
fn dismissed_before(facts: &[DatedFact<'_>], fact: &DatedFact<'_>, dismissal: &DuplicateDismissed) -> Option<Refusal> {
    let of_pair = |other: &&DatedFact<'_>| match other.event {
        Event::SubjectsLinked(link) => link.with == dismissal.other,
        Event::SubjectsUnlinked(link) => link.with == dismissal.other,
        Event::DuplicateDismissed(earlier) => earlier.other == dismissal.other,
        _ => false,
    };
    let earlier = facts.iter().filter(|other| other.latest_version < fact.latest_version).filter(of_pair);
    let last = earlier.max_by_key(|other| other.latest_version)?;
    let refusal = match last.event {
        Event::SubjectsLinked(_) => {
            let message = format!("the two are linked from {}: unlink them first", last.day());
            Refusal::new(Code::AlreadyLinked, message)
        }
        Event::DuplicateDismissed(_) => {
            let message = format!("this pair was already dismissed on {}: there is nothing to do", last.day());
            Refusal::new(Code::AlreadyDismissed, message)
        }
        _ => return None,
    };
    Some(refusal.at("other").naming([last.fact()]))
}

fn consent(event: &Event) -> Option<(&str, Part)> {
    match event {
        Event::ConsentGiven(given) => Some((&given.purpose, Part::Begins)),
        Event::ConsentWithdrawn(withdrawn) => Some((&withdrawn.purpose, Part::Ends)),
        _ => None,
    }
}

fn consent_refused(part: Part, standing: Option<&DatedFact<'_>>) -> Refusal {
    let refusal = match (part, standing) {
        (Part::Begins, Some(given)) => {
            let message =
                format!("this consent is in force from {}: correct that fact if its date is wrong", given.day());
            Refusal::new(Code::AlreadyConsented, message)
        }
        (_, Some(withdrawn)) => {
            let message = format!("this consent was withdrawn on {}: record a new consent first", withdrawn.day());
            Refusal::new(Code::NotConsented, message)
        }
        (_, None) => {
            Refusal::new(Code::NotConsented, "there is no consent to this purpose on that day: check the code")
        }
    };
    refusal.at("purpose").naming(standing.map(DatedFact::fact))
}

/// An erasure can be proposed once for each reason, until one is approved.
fn proposal(facts: &[DatedFact<'_>], holds: &Pairs<'_>, fact: &DatedFact<'_>) -> Option<Refusal> {
    let (Event::ErasureProposed(own), said) = (fact.event, fact.latest_version) else { return None };
    let again = |other: &&DatedFact<'_>| {
        other.latest_version < said
            && matches!(other.event, Event::ErasureProposed(other) if other.ground == own.ground)
    };
    if let Some(approved) = decided_before(facts, fact) {
        return Some(already_approved(approved));
    }
    if let Some(again) = facts.iter().find(again) {
        let message = format!("this erasure was already proposed on {}: another person can approve it", again.day());
        return Some(Refusal::new(Code::ErasureAlreadyProposed, message).at("ground").naming([again.fact()]));
    }
    under_legal_hold(holds, fact)
}

/// An approval names a proposal dated up to then, and only one erasure is approved.
fn approval(
    facts: &[DatedFact<'_>],
    holds: &Pairs<'_>,
    fact: &DatedFact<'_>,
    approval: &ErasureApproved,
) -> Option<Refusal> {
    let proposed = |other: &&DatedFact<'_>| {
        other.id == approval.proposal && matches!(other.event, Event::ErasureProposed(_)) && !fact.is_before(other)
    };
    if let Some(approved) = decided_before(facts, fact) {
        return Some(already_approved(approved));
    }
    if !facts.iter().any(|other| proposed(&other)) {
        let message = "this event did not propose an erasure by that day: name the event that proposed it";
        return Some(Refusal::new(Code::ErasureNotProposed, message).at("proposal"));
    }
    under_legal_hold(holds, fact)
}

fn already_approved(approved: &DatedFact<'_>) -> Refusal {
    let message = format!("an erasure was already approved on {}: there is nothing to do", approved.day());
    Refusal::new(Code::ErasureAlreadyApproved, message).naming([approved.fact()])
}

/// The fact by which the erasure of the subject was decided or done before this one, if it was.
fn decided_before<'f, 'a>(facts: &'f [DatedFact<'a>], fact: &DatedFact<'_>) -> Option<&'f DatedFact<'a>> {
    let decides = |event: &Event| matches!(event, Event::ErasureApproved(_) | Event::SubjectErased(_));
    facts.iter().find(|other| other.latest_version < fact.latest_version && decides(other.event))
}

fn already_erased() -> Refusal {
    let message = "the data of this subject was erased, and nothing more can be recorded that identifies them";
    Refusal::new(Code::SubjectErased, message)
}

fn nothing_left(approved: &DatedFact<'_>) -> Refusal {
    let message = format!("an erasure was already approved on {}: there is nothing left to keep", approved.day());
    Refusal::new(Code::ErasureAlreadyApproved, message).at("subject").naming([approved.fact()])
}

/// The end of an erasure is recorded once. If it names an approval, the subject has it.
fn done(facts: &[DatedFact<'_>], fact: &DatedFact<'_>, done: &SubjectErased) -> Option<Refusal> {
    let is_again = |other: &DatedFact<'_>| {
        other.latest_version < fact.latest_version && matches!(other.event, Event::SubjectErased(_))
    };
    if facts.iter().any(is_again) {
        return Some(already_erased());
    }
    let approves =
        |approval| facts.iter().any(|other| other.id == approval && matches!(other.event, Event::ErasureApproved(_)));
    (!done.approval.is_none_or(approves)).then(|| {
        let message = "this event did not approve an erasure: name the event that approved it";
        Refusal::new(Code::ErasureNotProposed, message).at("approval")
    })
}

/// Whether the erasure of a subject was decided or done. From then on nothing that identifies them is recorded.
pub(crate) fn is_erased(history: &History) -> bool {
    let decides = |event: &Event| matches!(event, Event::ErasureApproved(_) | Event::SubjectErased(_));
    history.events().iter().any(|recorded| decides(&recorded.event))
}

/// A legal hold that is known not to have been lifted prevents an erasure, whatever the dates of the two.
fn under_legal_hold(holds: &Pairs<'_>, fact: &DatedFact<'_>) -> Option<Refusal> {
    let stands = |(placed, lifted): &(&DatedFact<'_>, Option<&DatedFact<'_>>)| {
        placed.latest_version < fact.latest_version
            && lifted.is_none_or(|lifted| lifted.occurred.latest() > fact.occurred.earliest())
    };
    let standing: Vec<DependentFact> = holds.all().filter(stands).map(|(placed, _)| placed.fact()).collect();
    (!standing.is_empty()).then(|| {
        let message = "the subject is under a legal hold: lift the hold before any erasure";
        Refusal::new(Code::LegalHold, message).at("subject").naming(standing)
    })
}

/// Refuses an approval by the person who proposed it. An erasure needs two people.
pub(crate) fn approved_by_another(history: &History, fact: &Event, sender: &str) -> Result<(), Vec<Refusal>> {
    let Event::ErasureApproved(approval) = fact else { return Ok(()) };
    match history.event(approval.proposal) {
        Some(proposal) if login::is_same(&proposal.actor.subject, sender) => {
            let message = "you proposed this erasure: another person must approve it";
            let refusal = Refusal::new(Code::SamePerson, message).at("proposal");
            Err(refusal.by("an erasure needs two people: one proposes it and another approves it").alone())
        }
        _ => Ok(()),
    }
}

/// Refuses a correction that would give linked subjects different kinds.
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
    let message = "the subject is linked with a subject of its current kind: unlink them first";
    Err(Refusal::new(Code::FactHasDependents, message).at("kind").naming(links).alone())
}

/// The matching event for the stream of the other subject, where a fact is about two.
pub(crate) fn of_the_other(one: SubjectId, fact: &Event) -> Option<(StreamId, Event)> {
    let (other, mirrored) = match fact {
        Event::SubjectsLinked(link) => (link.with, SubjectsLinked { with: one, ..link.clone() }.into()),
        Event::SubjectsUnlinked(link) => (link.with, SubjectsUnlinked { with: one, ..link.clone() }.into()),
        Event::DuplicateDismissed(dismissal) => {
            (dismissal.other, DuplicateDismissed { other: one, ..dismissal.clone() }.into())
        }
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
    let message = "the two subjects are of different kinds, such as a person and a family: check the ids";
    Err(Refusal::new(Code::OtherKind, message).at("with").alone())
}

/// All subjects that can be reached over links. The smallest id of the group stands for the person.
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
