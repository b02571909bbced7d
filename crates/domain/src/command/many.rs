//! Assigns one worker to many cases: to every case, or to none.
//!
//! Pure. Each case is decided as if it were assigned on its own. No rules are added here.

use std::collections::BTreeSet;

use super::{AssignMany, Given, NewEvent, RecordFact, record_fact, values};
use crate::command::validate::Validator;
use crate::fact::envelope::{JourneyId, StreamId};
use crate::fact::event::Event;
use crate::fact::refusal::{Refusal, RefusalCode};

/// The most cases that one command assigns.
const CASES_MAX: usize = 1_000;

impl AssignMany {
    /// Whether the command names more cases than allowed. It is then refused whatever the cases are.
    pub fn is_too_long(&self) -> bool {
        self.journeys.len() > CASES_MAX
    }
}

pub(super) fn assign(command: &AssignMany, given: &Given<'_>) -> Result<Vec<NewEvent>, Vec<Refusal>> {
    let AssignMany { journeys, when, fact } = command;
    let fact = Event::from(fact.clone());
    let mut validator = Validator::new(given.today);
    if !validator.at_most("journeys", journeys.len(), CASES_MAX) {
        return Err(validator.done().err().unwrap_or_default());
    }
    if journeys.is_empty() {
        validator.missing("journeys", "no case is named: name at least one case");
    }
    let mut named = BTreeSet::new();
    for (index, journey) in journeys.iter().enumerate() {
        if !named.insert(journey) {
            validator.invalid(&format!("journeys.{index}"), "this case appears twice: name each case once");
        }
    }
    // Problems with the worker or the dates are reported once, not for each case.
    values(&mut validator, when.decided_on(given.today), &fact, None, given);
    validator.done()?;
    let (mut events, mut refusals) = (Vec::new(), Vec::new());
    for (index, journey) in journeys.iter().enumerate() {
        let stated = RecordFact { stream: StreamId::journey(*journey), when: *when, fact: fact.clone() };
        match of_case(*journey, &stated, given) {
            Ok(assigned) => events.extend(assigned),
            Err(refused) => refusals.extend(refused.into_iter().map(|one| one.at(format!("journeys.{index}")))),
        }
    }
    if refusals.is_empty() { Ok(events) } else { Err(refusals) }
}

fn of_case(journey: JourneyId, stated: &RecordFact, given: &Given<'_>) -> Result<Vec<NewEvent>, Vec<Refusal>> {
    let history = (given.history)(StreamId::journey(journey));
    let history = history.ok_or_else(|| Refusal::journey_not_found().alone())?;
    if history.contract() != given.contract.code() {
        let message = "this case belongs to another contract than the first one: send a command for each contract";
        return Err(Refusal::new(RefusalCode::InvalidValue, message).alone());
    }
    record_fact(history, stated, given)
}
