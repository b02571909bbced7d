//! A worker: when they work here, how much, and when they are away.
//!
//! Pure. A worker is a label. How much work they have is not theirs to say: that is the caseload's.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::fact::Entry;
use crate::fact::Fact;
use crate::fact::History;
use crate::fact::consistency::Groundless;
use crate::fact::consistency::{Stated, judged, shown};
use crate::fact::envelope::Occurred;
use crate::fact::event::{
    AbsenceRecorded, AssessmentScored, CapacitySet, Event, Quantity, WorkerJoined, WorkerLeft, WteSet,
};
use crate::fact::refusal::{Refusal, RefusalCode as Code};

/// A worker at some point of view: what the facts of their stream, folded in order, amount to.
#[derive(Debug, Clone, Default)]
pub struct Worker {
    /// When they joined, under which label and login.
    pub joined: Option<Entry<WorkerJoined>>,
    /// The first day on which they no longer worked here.
    pub left: Option<Entry<WorkerLeft>>,
    /// How much of a full-time post they fill, each value from its day on.
    pub wte: Vec<Entry<WteSet>>,
    /// How many open cases a whole-time equivalent of theirs holds at most, each value from its day on.
    pub capacity: Vec<Entry<CapacitySet>>,
    /// When they are away, in order.
    pub absences: Vec<Entry<AbsenceRecorded>>,
    /// What supervision found, in order.
    pub assessments: Vec<Entry<AssessmentScored>>,
}

impl Worker {
    /// Folds facts that stand in order.
    pub fn fold(facts: &[Fact<'_>]) -> Self {
        let mut worker = Self::default();
        for fact in facts {
            worker.apply(fact);
        }
        worker
    }

    fn apply(&mut self, fact: &Fact<'_>) {
        match fact.event {
            Event::WorkerJoined(joined) => {
                self.joined.get_or_insert_with(|| Entry::of(fact, joined));
            }
            Event::WorkerLeft(left) => {
                self.left.get_or_insert_with(|| Entry::of(fact, left));
            }
            Event::WteSet(set) => self.wte.push(Entry::of(fact, set)),
            Event::CapacitySet(set) => self.capacity.push(Entry::of(fact, set)),
            Event::AbsenceRecorded(absence) => self.absences.push(Entry::of(fact, absence)),
            Event::AssessmentScored(scored) => self.assessments.push(Entry::of(fact, scored)),
            _ => {}
        }
    }

    /// Whether they work here on this day.
    pub fn is_here(&self, on: NaiveDate) -> bool {
        let has_joined = self.joined.as_ref().is_some_and(|joined| joined.occurred.earliest() <= on);
        has_joined && self.left.as_ref().is_none_or(|left| on < left.occurred.earliest())
    }

    /// How much of a full-time post they fill on this day: 0 before they join and from the day they left on, and no
    /// value where nobody set one.
    pub fn wte_on(&self, day: NaiveDate) -> Option<Quantity> {
        if self.is_here(day) {
            in_force(&self.wte, day).map(|set| set.wte)
        } else {
            self.joined.is_some().then_some(Quantity(Decimal::ZERO))
        }
    }

    /// How many open cases a whole-time equivalent of theirs holds at most on this day, where that was set.
    pub fn capacity_on(&self, day: NaiveDate) -> Option<Quantity> {
        in_force(&self.capacity, day).map(|set| set.cases_per_wte)
    }
}

/// What was set last by this day, of what stands in order.
pub(super) fn in_force<T>(series: &[Entry<T>], day: NaiveDate) -> Option<&T> {
    series.iter().rev().find(|entry| entry.occurred.earliest() <= day).map(|entry| &entry.details)
}

/// The facts of a worker's stream that stand without ground, in their order.
pub(crate) fn judge(facts: &[Stated<'_>]) -> Vec<Groundless> {
    let first = |is: fn(&Event) -> bool| facts.iter().filter(|fact| is(fact.event)).min_by_key(|fact| fact.said);
    let joined = first(|event| matches!(event, Event::WorkerJoined(_)));
    let left = first(|event| matches!(event, Event::WorkerLeft(_)));
    judged(facts, |fact| {
        let Some(joined) = joined else { return Some(Refusal::worker_not_found()) };
        match (fact.event, left) {
            (Event::WorkerJoined(_), _) => (joined.id != fact.id).then(|| exists(joined)),
            _ if fact.is_before(joined) => Some(before_joining(joined)),
            (Event::WorkerLeft(_), Some(left)) if left.id != fact.id => Some(has_left(left.occurred).at("worker")),
            (Event::WorkerLeft(_), _) | (_, None) => None,
            // Leave booked before they gave notice: it has no day left, and is no mistake.
            (Event::AbsenceRecorded(_), Some(left)) if fact.said < left.said => None,
            (_, Some(left)) => is_gone(fact.occurred, left.occurred).then(|| has_left(left.occurred).at("occurred_on")),
        }
        .map(|refusal| naming_the_end(refusal, left))
    })
}

fn naming_the_end(refusal: Refusal, left: Option<&Stated<'_>>) -> Refusal {
    if refusal.code == Code::WorkerLeft { refusal.naming(left.map(Stated::fact)) } else { refusal }
}

fn exists(joined: &Stated<'_>) -> Refusal {
    let message = "a worker of this id has joined already: use that one, or give another id";
    Refusal::new(Code::WorkerExists, message).at("worker").naming([joined.fact()])
}

fn before_joining(joined: &Stated<'_>) -> Refusal {
    has_not_joined(joined.occurred).at("occurred_on").naming([joined.fact()])
}

fn has_not_joined(joined: Occurred) -> Refusal {
    let message =
        format!("the worker joined on {}: date this on or after that day, or correct that fact", shown(joined));
    Refusal::new(Code::BeforeJoining, message)
}

/// Whether a fact cannot have been so before the worker left.
fn is_gone(occurred: Occurred, left: Occurred) -> bool {
    occurred.earliest() >= left.latest()
}

fn has_left(left: Occurred) -> Refusal {
    let message =
        format!("the worker left on {}: date this before that day, or name somebody who is still here", shown(left));
    Refusal::new(Code::WorkerLeft, message).by("domain §4: the day of leaving is the first day no longer here")
}

/// Why a fact of this date may not say that the worker belongs somewhere: they had not joined by then.
pub(crate) fn joins_after(worker: &History, occurred: Occurred) -> Option<Refusal> {
    let joined = Worker::fold(&worker.facts()).joined?.occurred;
    (occurred.latest() < joined.earliest()).then(|| has_not_joined(joined))
}

/// Why a fact of this date may not say that the worker does something: they had left by then.
pub(crate) fn gone_by(worker: &History, occurred: Occurred) -> Option<Refusal> {
    let left = Worker::fold(&worker.facts()).left?.occurred;
    is_gone(occurred, left).then(|| has_left(left))
}
