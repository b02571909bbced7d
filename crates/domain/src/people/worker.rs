//! A worker: when they work here, their whole-time equivalent, and when they are away.
//!
//! Pure. A worker has only a label. Their workload follows from the caseload and is computed there.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::fact::Entry;
use crate::fact::Fact;
use crate::fact::History;
use crate::fact::consistency::Violation;
use crate::fact::consistency::{DatedFact, judged, shown};
use crate::fact::envelope::Occurred;
use crate::fact::event::{
    AbsenceRecorded, AssessmentScored, CapacitySet, Event, Quantity, WorkerJoined, WorkerLeft, WteSet,
};
use crate::fact::refusal::{Refusal, RefusalCode as Code};

/// A worker at a point in time: the fold of the facts of their stream.
#[derive(Debug, Clone, Default)]
pub struct Worker {
    /// The joining, with label and login.
    pub joined: Option<Entry<WorkerJoined>>,
    /// The first day on which they no longer work here.
    pub left: Option<Entry<WorkerLeft>>,
    /// Their whole-time equivalent, each value from its date on.
    pub wte: Vec<Entry<WteSet>>,
    /// The most open cases for one whole-time equivalent of this worker, each value from its date on.
    pub capacity: Vec<Entry<CapacitySet>>,
    /// Their absences, in order.
    pub absences: Vec<Entry<AbsenceRecorded>>,
    /// The results of supervision, in order.
    pub assessments: Vec<Entry<AssessmentScored>>,
}

impl Worker {
    /// Folds facts in order.
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

    /// The whole-time equivalent on this day: 0 before they join and from the day they left. None where no value was
    /// set.
    pub fn wte_on(&self, day: NaiveDate) -> Option<Quantity> {
        if self.is_here(day) {
            in_force(&self.wte, day).map(|set| set.wte)
        } else {
            self.joined.is_some().then_some(Quantity(Decimal::ZERO))
        }
    }

    /// The most open cases for one whole-time equivalent of this worker on this day. None where no value was set.
    pub fn capacity_on(&self, day: NaiveDate) -> Option<Quantity> {
        in_force(&self.capacity, day).map(|set| set.cases_per_wte)
    }
}

/// The last value set by this day, from facts in order.
pub(super) fn in_force<T>(series: &[Entry<T>], day: NaiveDate) -> Option<&T> {
    series.iter().rev().find(|entry| entry.occurred.earliest() <= day).map(|entry| &entry.details)
}

/// The invalid facts of a worker's stream, in order.
pub(crate) fn judge(facts: &[DatedFact<'_>]) -> Vec<Violation> {
    let first =
        |is: fn(&Event) -> bool| facts.iter().filter(|fact| is(fact.event)).min_by_key(|fact| fact.latest_version);
    let joined = first(|event| matches!(event, Event::WorkerJoined(_)));
    let left = first(|event| matches!(event, Event::WorkerLeft(_)));
    judged(facts, |fact| {
        let Some(joined) = joined else { return Some(Refusal::worker_not_found()) };
        match (fact.event, left) {
            (Event::WorkerJoined(_), _) => (joined.id != fact.id).then(|| exists(joined)),
            _ if fact.is_before(joined) => Some(before_joining(joined)),
            (Event::WorkerLeft(_), Some(left)) if left.id != fact.id => Some(has_left(left.occurred).at("worker")),
            (Event::WorkerLeft(_), _) | (_, None) => None,
            // An absence booked before the leaving was recorded has no days left, but is not a mistake.
            (Event::AbsenceRecorded(_), Some(left)) if fact.latest_version < left.latest_version => None,
            (_, Some(left)) => is_gone(fact.occurred, left.occurred).then(|| has_left(left.occurred).at("occurred_on")),
        }
        .map(|refusal| naming_the_end(refusal, left))
    })
}

fn naming_the_end(refusal: Refusal, left: Option<&DatedFact<'_>>) -> Refusal {
    if refusal.code == Code::WorkerLeft { refusal.naming(left.map(DatedFact::fact)) } else { refusal }
}

fn exists(joined: &DatedFact<'_>) -> Refusal {
    let message = "a worker with this id has already joined: use that worker, or use another id";
    Refusal::new(Code::WorkerExists, message).at("worker").naming([joined.fact()])
}

fn before_joining(joined: &DatedFact<'_>) -> Refusal {
    has_not_joined(joined.occurred).at("occurred_on").naming([joined.fact()])
}

fn has_not_joined(joined: Occurred) -> Refusal {
    let message = format!("the worker joined on {}: use that day or a later one, or correct that fact", shown(joined));
    Refusal::new(Code::BeforeJoining, message)
}

/// Whether a fact is certainly on or after the day the worker left.
fn is_gone(occurred: Occurred, left: Occurred) -> bool {
    occurred.earliest() >= left.latest()
}

fn has_left(left: Occurred) -> Refusal {
    let message = format!("the worker left on {}: use an earlier day, or name a current worker", shown(left));
    Refusal::new(Code::WorkerLeft, message).by("a worker leaves on the first day on which they no longer work here")
}

/// The refusal where a worker had not joined by the date of a fact that makes them a member of a team.
pub(crate) fn joins_after(worker: &History, occurred: Occurred) -> Option<Refusal> {
    let joined = Worker::fold(&worker.facts()).joined?.occurred;
    (occurred.latest() < joined.earliest()).then(|| has_not_joined(joined))
}

/// The refusal where a worker had left by the date of a fact that says they do something.
pub(crate) fn gone_by(worker: &History, occurred: Occurred) -> Option<Refusal> {
    let left = Worker::fold(&worker.facts()).left?.occurred;
    is_gone(occurred, left).then(|| has_left(left))
}
