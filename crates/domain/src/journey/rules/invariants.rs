//! The facts that other facts of a case depend on, and the facts whose dependencies are missing.
//!
//! Pure. Of two facts that exclude each other, the one recorded first is kept and the one recorded last is refused.

use std::collections::{BTreeSet, HashMap, HashSet};

use uuid::Uuid;

use crate::fact::consistency::DatedFact;
use crate::fact::consistency::Violation;
use crate::fact::envelope::EventId;
use crate::fact::event::{Event, EventType, EvidenceAttached};
use crate::fact::refusal::Refusal;
use crate::fact::tracked::{self, Kind, Lifecycle, TrackedItem};
use crate::journey::rules::alternation::{self, Closed};
use crate::journey::rules::refusals;

/// The facts that other facts depend on.
pub(super) struct Invariants<'a> {
    facts: &'a [DatedFact<'a>],
    referral: Option<DatedFact<'a>>,
    /// The acceptance, decline or withdrawal of the referral.
    answer: Option<DatedFact<'a>>,
    /// The periods over which the case was closed, in order.
    closed: Vec<Closed<'a>>,
    begun: HashMap<TrackedItem, DatedFact<'a>>,
    over: HashMap<TrackedItem, DatedFact<'a>>,
    verified: HashMap<TrackedItem, DatedFact<'a>>,
    /// The facts and spells that evidence may support. Retracted ones are left out.
    supportable: HashSet<Uuid>,
    /// The refusals of facts that must alternate.
    out_of_turn: HashMap<EventId, Refusal>,
}

impl<'a> Invariants<'a> {
    pub(super) fn of(facts: &'a [DatedFact<'a>]) -> Self {
        let first = |of: &[EventType]| {
            facts
                .iter()
                .filter(|fact| of.contains(&fact.event.event_type()))
                .min_by_key(|fact| fact.latest_version)
                .copied()
        };
        let mut out_of_turn = HashMap::new();
        let closed = alternation::closes(facts, &mut out_of_turn);
        alternation::assignments(facts, &mut out_of_turn);
        alternation::plans(facts, &mut out_of_turn);
        let mut invariants = Self {
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
            let Some((item, part)) = tracked::item_of(fact.event) else { continue };
            if let (Kind::Spell, Lifecycle::Begins) = (item.kind, part) {
                invariants.supportable.insert(item.id);
            }
            let kept = match part {
                Lifecycle::Begins => &mut invariants.begun,
                Lifecycle::Changes if item.kind == Kind::Evidence => &mut invariants.verified,
                Lifecycle::Changes => continue,
                Lifecycle::Ends => &mut invariants.over,
            };
            let kept = kept.entry(item).or_insert(*fact);
            *kept = kept.in_order_recorded(*fact).0;
        }
        invariants
    }

    /// The invalid facts, in order.
    pub(super) fn judge(&self) -> Vec<Violation> {
        let found = |fact: &DatedFact<'a>| self.refusal(fact).map(|refusal| Violation { fact: fact.fact(), refusal });
        self.facts.iter().filter_map(found).collect()
    }

    /// Why this fact cannot be true with the others, if it cannot.
    fn refusal(&self, fact: &DatedFact<'a>) -> Option<Refusal> {
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
    fn own(&self, fact: &DatedFact<'a>, referral: &DatedFact<'a>) -> Option<Refusal> {
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
    fn second_answer(&self, fact: &DatedFact<'a>) -> Option<Refusal> {
        self.answer.filter(|answer| answer.id != fact.id).map(|answer| refusals::answered(&answer))
    }

    /// The decline or withdrawal of the referral.
    fn turned_away(&self) -> Option<DatedFact<'a>> {
        self.answer.filter(|answer| !matches!(answer.event, Event::ReferralAccepted(_)))
    }

    /// A closed case cannot be declined or withdrawn, unless it was reopened.
    fn already_closed(&self, fact: &DatedFact<'a>) -> Option<Refusal> {
        let standing = self
            .closed
            .last()
            .filter(|last| last.reopened.is_none() && last.close.latest_version < fact.latest_version);
        standing.map(|last| refusals::already_closed(&last.close))
    }

    /// A declined or withdrawn referral cannot be closed or reopened.
    fn turned_away_before(&self, fact: &DatedFact<'a>) -> Option<Refusal> {
        self.turned_away()
            .filter(|answer| answer.latest_version < fact.latest_version)
            .map(|answer| refusals::answered(&answer))
    }

    /// No fact may follow a decline or withdrawal.
    fn after_answer(&self, fact: &DatedFact<'a>) -> Option<Refusal> {
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
    fn while_closed(&self, fact: &DatedFact<'a>) -> Option<Refusal> {
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
    fn of_an_item(&self, fact: &DatedFact<'a>) -> Option<Refusal> {
        let (item, part) = tracked::item_of(fact.event)?;
        let Some(begun) = self.begun.get(&item) else {
            return Some(refusals::not_found(item.kind, self.open(item.kind)));
        };
        if part == Lifecycle::Begins {
            return (begun.id != fact.id).then(|| refusals::exists(item.kind, begun));
        }
        let over = self.over.get(&item).filter(|over| over.id != fact.id);
        if part == Lifecycle::Ends
            && let Some(over) = over
        {
            return Some(refusals::already_over(item.kind, over));
        }
        if fact.is_before(begun) || is_earlier_that_day(fact, begun) {
            return Some(refusals::before_it_began(item.kind, part, begun));
        }
        if part == Lifecycle::Ends {
            return None;
        }
        let verified = self.verified.get(&item).filter(|verified| verified.id != fact.id);
        match (item.kind, over) {
            // A spell ends on the first day on which it no longer applies.
            (Kind::Spell, Some(over)) if fact.occurred.earliest() >= over.occurred.latest() => {
                Some(refusals::after_the_spell(over))
            }
            (Kind::Appointment, Some(over))
                if fact.is_after(over) || !fact.is_before(over) && over.latest_version < fact.latest_version =>
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
        let open = self.begun.keys().filter(|item| item.kind == kind && !self.over.contains_key(item));
        open.map(|item| item.id).collect()
    }

    /// Evidence supports other facts or spells of the case that were not retracted.
    fn unsupported(&self, fact: &DatedFact<'a>, attached: &EvidenceAttached) -> Option<Refusal> {
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
            // `alternation` decides whether these may follow a close.
            | Event::JourneyClosed(_)
            | Event::JourneyTransferred(_)
            | Event::JourneyReopened(_)
    )
}

fn before_referral(fact: &DatedFact<'_>, referral: &DatedFact<'_>) -> Option<Refusal> {
    fact.is_before(referral).then(|| refusals::before_referral(referral))
}

fn is_earlier_that_day(fact: &DatedFact<'_>, begun: &DatedFact<'_>) -> bool {
    fact.occurred.earliest() == begun.occurred.earliest()
        && fact.occurred.local_time().zip(begun.occurred.local_time()).is_some_and(|(this, begun)| this < begun)
}
