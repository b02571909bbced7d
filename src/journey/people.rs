//! The people around journeys: subjects whom they are about and workers who hold them.
//!
//! Pure. These streams belong to the deployment, not to one contract. Nothing personal is recorded here: a subject is
//! a pseudonym, a worker a label.

use crate::journey::command::subject_exists;
use crate::journey::event::Event;
use crate::journey::ground::Groundless;
use crate::journey::refusal::{Refusal, RefusalCode};
use crate::journey::shape::Shape;
use crate::journey::stated::Stated;

/// Judges the values of a fact about a subject or worker.
pub(crate) fn shape(shape: &mut Shape, fact: &Event) {
    if let Event::WorkerJoined(joined) = fact {
        shape.worker(&joined.label, joined.login.as_deref());
    }
}

/// The facts of a subject's or worker's stream that stand without ground: what began it already.
pub(crate) fn judge(facts: &[Stated<'_>]) -> Vec<Groundless> {
    let first = facts.iter().min_by_key(|fact| fact.said).map(|first| first.id);
    let again = facts.iter().filter(|fact| Some(fact.id) != first);
    again.filter_map(|fact| begun(fact.event).map(|refusal| Groundless { fact: fact.fact(), refusal })).collect()
}

fn begun(again: &Event) -> Option<Refusal> {
    match again {
        Event::SubjectRegistered(_) => Some(subject_exists()),
        Event::WorkerJoined(_) => {
            let message = "a worker of this id has joined already: use that one, or give another id";
            Some(Refusal::new(RefusalCode::WorkerExists, message).at("worker"))
        }
        _ => None,
    }
}
