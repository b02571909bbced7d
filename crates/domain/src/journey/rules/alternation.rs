//! Facts that must alternate, so that their order matters: closes and reopenings, assignments to a role, plans of a
//! kind.
//!
//! Pure. The facts are read in the order of the fold, where a date known only by its month counts as the first day of
//! the month.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;

use crate::fact::consistency::DatedFact;
use crate::fact::envelope::{EventId, WorkerId};
use crate::fact::event::{Event, KEYWORKER};
use crate::fact::refusal::Refusal;
use crate::journey::rules::refusals;

/// The refusals, by the fact that is refused.
type OutOfTurn = HashMap<EventId, Refusal>;

/// A period over which the case was closed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Closed<'a> {
    /// The close or transfer.
    pub(super) close: DatedFact<'a>,
    /// The reopening, if it was reopened.
    pub(super) reopened: Option<DatedFact<'a>>,
}

/// A case is closed, reopened, then closed again.
pub(super) fn closes<'a>(facts: &[DatedFact<'a>], out_of_turn: &mut OutOfTurn) -> Vec<Closed<'a>> {
    let mut stretches: Vec<Closed<'a>> = Vec::new();
    for fact in facts {
        match (fact.event, stretches.last_mut()) {
            (Event::JourneyClosed(_) | Event::JourneyTransferred(_), last) => match last {
                Some(Closed { close, reopened: None }) => {
                    let (first, second) = close.in_order_recorded(*fact);
                    out_of_turn.insert(second.id, refusals::already_closed(&first));
                    *close = first;
                }
                _ => stretches.push(Closed { close: *fact, reopened: None }),
            },
            (Event::JourneyReopened(_), None) => {
                out_of_turn.insert(fact.id, refusals::never_closed());
            }
            (Event::JourneyReopened(_), Some(last)) => match &mut last.reopened {
                Some(reopened) => {
                    let (first, second) = reopened.in_order_recorded(*fact);
                    out_of_turn.insert(second.id, refusals::reopened_already(&first));
                    *reopened = first;
                }
                none => *none = Some(*fact),
            },
            _ => {}
        }
    }
    stretches
}

/// The last fact under one name: a start or an end.
enum Turn<'a> {
    Begun(DatedFact<'a>),
    Ended(DatedFact<'a>),
}

/// Applies an end. Of two ends, the one recorded last is refused. An end without a start is always refused.
fn end<'a>(
    turn: Option<&mut Turn<'a>>,
    fact: &DatedFact<'a>,
    out_of_turn: &mut OutOfTurn,
    refusal: impl Fn(Option<&DatedFact<'a>>) -> Refusal,
) {
    match turn {
        None => {
            out_of_turn.insert(fact.id, refusal(None));
        }
        Some(Turn::Ended(end)) => {
            let (first, second) = end.in_order_recorded(*fact);
            out_of_turn.insert(second.id, refusal(Some(&first)));
            *end = first;
        }
        Some(turn) => *turn = Turn::Ended(*fact),
    }
}

/// The workers who hold the case in one role, including those whose assignment ends on a known day.
#[derive(Default)]
struct Holding<'a> {
    workers: HashMap<WorkerId, Turn<'a>>,
    limited: Vec<Limited<'a>>,
}

/// An assignment with an end date.
struct Limited<'a> {
    until: NaiveDate,
    worker: WorkerId,
    holds: DatedFact<'a>,
    /// The worker who holds the case again when this assignment ends.
    former: Option<(WorkerId, DatedFact<'a>)>,
}

impl<'a> Holding<'a> {
    /// Ends the assignments that have ended by a day.
    fn end_by(&mut self, day: NaiveDate) {
        self.limited.sort_by_key(|limited| limited.until);
        let over = self.limited.iter().take_while(|limited| limited.until <= day).count();
        for Limited { worker, holds, former, .. } in self.limited.drain(..over) {
            self.workers.insert(worker, Turn::Ended(holds));
            if let Some((former, held)) = former {
                self.workers.insert(former, Turn::Begun(held));
            }
        }
    }

    /// A keyworker with an end date gives the case back early.
    fn give_back(&mut self, worker: WorkerId) {
        self.limited.sort_by_key(|limited| limited.until);
        let Some(at) = self.limited.iter().position(|limited| limited.worker == worker) else { return };
        if let Some((former, held)) = self.limited.remove(at).former {
            self.workers.insert(former, Turn::Begun(held));
        }
    }

    /// One keyworker takes over the case from another, permanently or until a day.
    fn take_over(&mut self, worker: WorkerId, holds: DatedFact<'a>, until: Option<NaiveDate>) {
        let begun = |(worker, turn): (&WorkerId, &Turn<'a>)| match turn {
            Turn::Begun(held) => Some((*worker, *held)),
            Turn::Ended(_) => None,
        };
        let mut former = self.workers.iter().find_map(begun);
        self.workers.retain(|_, turn| matches!(turn, Turn::Ended(_)));
        let Some(until) = until else { return self.limited.clear() };
        // Assignments that would have ended by then no longer end on their own. Their former keyworker gets the case
        // back when this one ends.
        self.limited.sort_by_key(|limited| limited.until);
        let over = self.limited.iter().take_while(|limited| limited.until <= until).count();
        for ended in self.limited.drain(..over) {
            former = match (ended.former, former) {
                (None, Some((holder, _))) if holder == ended.worker => None,
                (again, held) => again.or(held),
            };
        }
        self.limited.push(Limited { until, worker, holds, former });
    }
}

/// A worker who already holds the case in a role cannot be assigned to it again, and only a worker who holds it can be
/// released. A case has one keyworker. Any other role may have several workers at once.
pub(super) fn assignments<'a>(facts: &[DatedFact<'a>], out_of_turn: &mut OutOfTurn) {
    let mut roles: HashMap<&str, Holding<'a>> = HashMap::new();
    for fact in facts {
        match fact.event {
            Event::WorkerAssigned(assigned) => {
                let holding = roles.entry(&assigned.role).or_default();
                holding.end_by(fact.occurred.earliest());
                let mut holds = *fact;
                if let Some(Turn::Begun(already)) = holding.workers.get(&assigned.worker) {
                    let (first, second) = already.in_order_recorded(*fact);
                    out_of_turn.insert(second.id, refusals::already_assigned(&first, &assigned.role));
                    holds = first;
                }
                if assigned.role == KEYWORKER {
                    holding.take_over(assigned.worker, holds, assigned.until);
                } else {
                    holding.limited.retain(|limited| limited.worker != assigned.worker);
                    let limited = |until| Limited { until, worker: assigned.worker, holds, former: None };
                    holding.limited.extend(assigned.until.map(limited));
                }
                holding.workers.insert(assigned.worker, Turn::Begun(holds));
            }
            Event::WorkerReleased(released) => {
                let mut holding = roles.get_mut(released.role.as_str());
                let turn = holding.as_mut().and_then(|holding| {
                    holding.end_by(fact.occurred.earliest());
                    holding.workers.get_mut(&released.worker)
                });
                let held = matches!(turn, Some(Turn::Begun(_)));
                end(turn, fact, out_of_turn, |already| refusals::not_assigned(&released.role, already));
                if let Some(holding) = holding.filter(|_| held && released.role == KEYWORKER) {
                    holding.give_back(released.worker);
                }
            }
            _ => {}
        }
    }
}

/// A plan can be reviewed and closed only while it is open. The plan of a kind that was agreed last is open until it is
/// closed.
pub(super) fn plans<'a>(facts: &[DatedFact<'a>], out_of_turn: &mut OutOfTurn) {
    let mut kinds: BTreeMap<&str, Turn<'a>> = BTreeMap::new();
    for fact in facts {
        match fact.event {
            Event::PlanAgreed(plan) => {
                kinds.insert(&plan.kind, Turn::Begun(*fact));
            }
            Event::PlanReviewed(review) if !matches!(kinds.get(review.kind.as_str()), Some(Turn::Begun(_))) => {
                out_of_turn.insert(fact.id, refusals::plan_not_found(&open(&kinds), None));
            }
            Event::PlanClosed(close) => {
                let others = open(&kinds);
                let turn = kinds.get_mut(close.kind.as_str());
                end(turn, fact, out_of_turn, |already| refusals::plan_not_found(&others, already));
            }
            _ => {}
        }
    }
}

/// The kinds that have an open plan.
fn open<'a>(kinds: &BTreeMap<&'a str, Turn<'_>>) -> Vec<&'a str> {
    kinds.iter().filter(|(_, turn)| matches!(turn, Turn::Begun(_))).map(|(kind, _)| *kind).collect()
}
