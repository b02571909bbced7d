//! The facts that other facts of a case depend on, and the facts whose dependencies are missing.
//!
//! Pure. Of two facts that exclude each other, the one recorded first is kept and the one recorded last is refused.

use std::collections::{BTreeSet, HashMap, HashSet};

use uuid::Uuid;

use crate::fact::consistency::Groundless;
use crate::fact::consistency::Stated;
use crate::fact::envelope::EventId;
use crate::fact::event::{Event, EventType, EvidenceAttached};
use crate::fact::refusal::Refusal;
use crate::fact::tracked::{self, Kind, Part, Thing};
use crate::journey::rules::alternation::{self, Closed};
use crate::journey::rules::refusals;

/// The facts that other facts depend on.
pub(super) struct Footing<'a> {
    facts: &'a [Stated<'a>],
    referral: Option<Stated<'a>>,
    /// The acceptance, decline or withdrawal of the referral.
    answer: Option<Stated<'a>>,
    /// The periods over which the case was closed, in order.
    closed: Vec<Closed<'a>>,
    begun: HashMap<Thing, Stated<'a>>,
    over: HashMap<Thing, Stated<'a>>,
    verified: HashMap<Thing, Stated<'a>>,
    /// The facts and spells that evidence may support. Retracted ones are left out.
    supportable: HashSet<Uuid>,
    /// The refusals of facts that must alternate.
    out_of_turn: HashMap<EventId, Refusal>,
}

impl<'a> Footing<'a> {
    pub(super) fn of(facts: &'a [Stated<'a>]) -> Self {
        let first = |of: &[EventType]| {
            facts.iter().filter(|fact| of.contains(&fact.event.event_type())).min_by_key(|fact| fact.said).copied()
        };
        let mut out_of_turn = HashMap::new();
        let closed = alternation::closes(facts, &mut out_of_turn);
        alternation::assignments(facts, &mut out_of_turn);
        alternation::plans(facts, &mut out_of_turn);
        let mut footing = Self {
            facts,
            referral: first(&[EventType::ReferralReceived]),
            answer: first(&[EventType::ReferralAccepted, EventType::ReferralDeclined, EventType::ReferralWithdrawn]),
            closed,
            begun: HashMap::new(),
            over: HashMap::new(),
            verified: HashMap::new(),
            supportable: facts.iter().map(|fact| fact.id.0).collect(),
            out_of_turn,
        };
        for fact in facts {
            let Some((thing, part)) = tracked::item_of(fact.event) else { continue };
            if let (Kind::Spell, Part::Begins) = (thing.kind, part) {
                footing.supportable.insert(thing.id);
            }
            let kept = match part {
                Part::Begins => &mut footing.begun,
                Part::GoesOn if thing.kind == Kind::Evidence => &mut footing.verified,
                Part::GoesOn => continue,
                Part::Ends => &mut footing.over,
            };
            let kept = kept.entry(thing).or_insert(*fact);
            *kept = kept.in_turn_of_saying(*fact).0;
        }
        footing
    }

    /// The invalid facts, in order.
    pub(super) fn judge(&self) -> Vec<Groundless> {
        let found = |fact: &Stated<'a>| self.refusal(fact).map(|refusal| Groundless { fact: fact.fact(), refusal });
        self.facts.iter().filter_map(found).collect()
    }

    /// Why this fact cannot be true with the others, if it cannot.
    fn refusal(&self, fact: &Stated<'a>) -> Option<Refusal> {
        let Some(referral) = &self.referral else { return Some(refusals::not_referred()) };
        if let Event::ReferralReceived(_) = fact.event {
            return (referral.id != fact.id).then(|| refusals::already_referred(referral));
        }
        self.after_answer(fact)
            .or_else(|| self.own(fact, referral))
            .or_else(|| self.out_of_turn.get(&fact.id).cloned())
            .or_else(|| self.while_closed(fact))
    }

    /// The requirements of the fact's own type.
    fn own(&self, fact: &Stated<'a>, referral: &Stated<'a>) -> Option<Refusal> {
        match fact.event {
            Event::ReferralAccepted(_) => self.second_answer(fact).or_else(|| before_referral(fact, referral)),
            Event::ReferralDeclined(_) | Event::ReferralWithdrawn(_) => self
                .second_answer(fact)
                .or_else(|| self.already_closed(fact))
                .or_else(|| before_referral(fact, referral)),
            Event::JourneyClosed(_) | Event::JourneyTransferred(_) | Event::JourneyReopened(_) => {
                self.turned_away_before(fact).or_else(|| before_referral(fact, referral))
            }
            Event::EligibilityAssessed(_)
            | Event::WorkerAssigned(_)
            | Event::WorkerReleased(_)
            | Event::EngagementStarted(_)
            | Event::AppointmentBooked(_)
            | Event::TaskSet(_)
            | Event::Disengaged(_) => before_referral(fact, referral).or_else(|| self.of_an_item(fact)),
            Event::EvidenceAttached(attached) => self.of_an_item(fact).or_else(|| self.unsupported(fact, attached)),
            _ => self.of_an_item(fact),
        }
    }

    /// A referral is accepted, declined or withdrawn only once.
    fn second_answer(&self, fact: &Stated<'a>) -> Option<Refusal> {
        self.answer.filter(|answer| answer.id != fact.id).map(|answer| refusals::answered(&answer))
    }

    /// The decline or withdrawal of the referral.
    fn turned_away(&self) -> Option<Stated<'a>> {
        self.answer.filter(|answer| !matches!(answer.event, Event::ReferralAccepted(_)))
    }

    /// A closed case cannot be declined or withdrawn, unless it was reopened.
    fn already_closed(&self, fact: &Stated<'a>) -> Option<Refusal> {
        let standing = self.closed.last().filter(|last| last.reopened.is_none() && last.close.said < fact.said);
        standing.map(|last| refusals::already_closed(&last.close))
    }

    /// A declined or withdrawn referral cannot be closed or reopened.
    fn turned_away_before(&self, fact: &Stated<'a>) -> Option<Refusal> {
        self.turned_away().filter(|answer| answer.said < fact.said).map(|answer| refusals::answered(&answer))
    }

    /// No fact may follow a decline or withdrawal.
    fn after_answer(&self, fact: &Stated<'a>) -> Option<Refusal> {
        let answer = self.turned_away().filter(|answer| answer.id != fact.id && fact.is_after(answer))?;
        let refusal = refusals::answered(&answer);
        // Another answer, or a close, is refused on any day.
        let on_any_day = matches!(
            fact.event,
            Event::ReferralAccepted(_)
                | Event::ReferralDeclined(_)
                | Event::ReferralWithdrawn(_)
                | Event::JourneyClosed(_)
                | Event::JourneyTransferred(_)
                | Event::JourneyReopened(_)
        );
        Some(if on_any_day { refusal } else { refusal.at("occurred_on") })
    }

    /// Facts that may not be dated while the case is closed.
    fn while_closed(&self, fact: &Stated<'a>) -> Option<Refusal> {
        if may_follow_a_close(fact.event) {
            return None;
        }
        let within = |closed: &&Closed<'a>| {
            fact.is_after(&closed.close) && closed.reopened.is_none_or(|reopened| fact.is_before(&reopened))
        };
        self.closed.iter().find(within).map(refusals::journey_closed)
    }

    /// A fact about a spell, appointment, task, risk or piece of evidence needs that item. Each item starts and ends
    /// once.
    fn of_an_item(&self, fact: &Stated<'a>) -> Option<Refusal> {
        let (thing, part) = tracked::item_of(fact.event)?;
        let Some(begun) = self.begun.get(&thing) else {
            return Some(refusals::not_found(thing.kind, self.open(thing.kind)));
        };
        if part == Part::Begins {
            return (begun.id != fact.id).then(|| refusals::exists(thing.kind, begun));
        }
        let over = self.over.get(&thing).filter(|over| over.id != fact.id);
        if part == Part::Ends
            && let Some(over) = over
        {
            return Some(refusals::already_over(thing.kind, over));
        }
        if fact.is_before(begun) || is_earlier_that_day(fact, begun) {
            return Some(refusals::before_it_began(thing.kind, part, begun));
        }
        if part == Part::Ends {
            return None;
        }
        let verified = self.verified.get(&thing).filter(|verified| verified.id != fact.id);
        match (thing.kind, over) {
            // A spell ends on the first day on which it no longer applies.
            (Kind::Spell, Some(over)) if fact.occurred.earliest() >= over.occurred.latest() => {
                Some(refusals::after_the_spell(over))
            }
            (Kind::Appointment, Some(over))
                if fact.is_after(over) || !fact.is_before(over) && over.said < fact.said =>
            {
                Some(refusals::already_over(Kind::Appointment, over))
            }
            (Kind::Evidence, _) if verified.is_some() => verified.map(refusals::already_verified),
            (Kind::Evidence, Some(over)) if fact.is_after(over) => Some(refusals::already_over(Kind::Evidence, over)),
            _ => None,
        }
    }

    /// The ids of the open items of one kind, in order.
    fn open(&self, kind: Kind) -> BTreeSet<Uuid> {
        let open = self.begun.keys().filter(|thing| thing.kind == kind && !self.over.contains_key(thing));
        open.map(|thing| thing.id).collect()
    }

    /// Evidence supports other facts or spells of the case that were not retracted.
    fn unsupported(&self, fact: &Stated<'a>, attached: &EvidenceAttached) -> Option<Refusal> {
        let stands = |id: &Uuid| *id != fact.id.0 && self.supportable.contains(id);
        attached.supports.iter().position(|id| !stands(id)).map(refusals::support_not_found)
    }
}

/// Whether a fact may be dated after the close. Closing ends the caseload, but later results of the client, and their
/// evidence, may still be recorded.
const fn may_follow_a_close(event: &Event) -> bool {
    matches!(
        event,
        Event::SpellStarted(_)
            | Event::SpellChanged(_)
            | Event::SpellEnded(_)
            | Event::EvidenceAttached(_)
            | Event::EvidenceWithdrawn(_)
            | Event::EvidenceVerified(_)
            | Event::EvidenceRejected(_)
            | Event::RiskRaised(_)
            | Event::RiskCleared(_)
            | Event::AchievementRecorded(_)
            | Event::MeasureRecorded(_)
            | Event::AssessmentScored(_)
            // An appointment or task that can no longer be kept or done may be cancelled.
            | Event::AppointmentCancelled(_)
            // `turns` decides whether these may follow a close.
            | Event::JourneyClosed(_)
            | Event::JourneyTransferred(_)
            | Event::JourneyReopened(_)
    )
}

fn before_referral(fact: &Stated<'_>, referral: &Stated<'_>) -> Option<Refusal> {
    fact.is_before(referral).then(|| refusals::before_referral(referral))
}

fn is_earlier_that_day(fact: &Stated<'_>, begun: &Stated<'_>) -> bool {
    fact.occurred.earliest() == begun.occurred.earliest()
        && fact.occurred.local_time().zip(begun.occurred.local_time()).is_some_and(|(this, begun)| this < begun)
}
