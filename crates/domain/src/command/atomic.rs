//! Decides several commands about one stream together: returns all of their events, or the refusals of the first
//! command that is refused.
//!
//! Pure. Each command is decided as if the ones before it were already recorded. No rules are added here.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Atomic, Given, NewEvent, decide};
use crate::fact::History;
use crate::fact::Recorded;
use crate::fact::envelope::{Actor, EventId};
use crate::fact::refusal::{Refusal, RefusalCode};

pub(super) fn decide_each(
    history: &History,
    atomic: &Atomic,
    given: &Given<'_>,
) -> Result<Vec<NewEvent>, Vec<Refusal>> {
    let Atomic { stream, commands } = atomic;
    if commands.is_empty() {
        let message = "the list of commands is empty: give at least one";
        return Err(Refusal::new(RefusalCode::MissingValue, message).at("commands").alone());
    }
    let mut history = history.clone();
    let mut events = Vec::new();
    for (index, command) in commands.iter().enumerate() {
        let path = format!("commands.{index}");
        if command.stream() != *stream {
            let message = "commands that are recorded together must be about one stream: send this command separately";
            return Err(Refusal::new(RefusalCode::InvalidValue, message).at(path).alone());
        }
        for event in decide(&history, command, given).map_err(|refusals| within(&path, refusals))? {
            if event.stream == *stream {
                history.evolve(foreseen(&history, &event));
            }
            events.push(event);
        }
    }
    Ok(events)
}

/// The refusals of one command, with paths that start at that command.
fn within(path: &str, refusals: Vec<Refusal>) -> Vec<Refusal> {
    let named = |refusal: Refusal| Refusal { path: Some(refusal.path.unwrap_or_default().beneath(path)), ..refusal };
    refusals.into_iter().map(named).collect()
}

/// An event as the later commands see it. The log will give it its id, time and actor, and no decision depends on them.
fn foreseen(history: &History, event: &NewEvent) -> Recorded {
    let version = history.version() + 1;
    Recorded {
        event_id: EventId(Uuid::from_u128(version.unsigned_abs().into())),
        position: history.position().next(),
        version,
        contract: event.contract.clone(),
        recorded_at: DateTime::<Utc>::UNIX_EPOCH,
        actor: Actor { subject: String::new(), role: String::new(), on_behalf_of: None },
        occurred: event.occurred,
        event: event.event.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;
    use crate::fact::envelope::{JourneyId, StreamId};
    use crate::fact::event::ReferralAccepted;
    use crate::fact::refusal::RefusalCode as Code;
    use crate::world::{
        FLAT, HOME, JOURNEY, accepted, closed, correct, ended, given, home, nth, on, referral, retract, state,
    };

    fn together(commands: impl Into<Vec<Command>>) -> Command {
        Command::Atomic(Atomic { stream: StreamId::journey(JOURNEY), commands: commands.into() })
    }

    #[test]
    fn each_command_is_decided_after_the_ones_before_it() {
        let command = together([
            state("2018-01-10", referral()),
            state("2018-01-11", home(HOME)),
            state("2018-01-20", ended(HOME)),
        ]);
        assert_eq!(command.stream(), StreamId::journey(JOURNEY));
        assert_eq!(command.each().len(), 3);
        assert_eq!(command.names(), state("2018-01-10", referral()).names());
        given([]).when(command).then([
            on("2018-01-10", referral()),
            on("2018-01-11", home(HOME)),
            on("2018-01-20", ended(HOME)),
        ]);
    }

    #[test]
    fn one_refused_command_refuses_them_all_and_is_named() {
        let late = together([state("2018-01-11", home(HOME)), state("2018-01-10", ended(HOME))]);
        let refusal = accepted().when(late).refused(Code::EndedBeforeStart);
        assert_eq!(refusal.path, Some("commands.1.occurred_on".into()));
        let again = together([state("2018-01-12", ReferralAccepted {})]);
        assert_eq!(accepted().when(again).refused(Code::AlreadyAccepted).path, Some("commands.0".into()));
        let closing = together([state("2018-01-20", closed()), state("2018-01-21", closed())]);
        accepted().when(closing).refused(Code::AlreadyClosed);
    }

    #[test]
    fn a_start_and_its_end_are_corrected_in_one_go() {
        let story =
            || given([on("2018-01-10", referral()), on("2018-01-11", home(HOME)), on("2018-01-20", ended(HOME))]);
        let moved = together([correct(2, "2018-01-21", home(HOME)), correct(3, "2018-01-25", ended(HOME))]);
        story().when(correct(2, "2018-01-21", home(HOME))).refused(Code::FactHasDependents);
        story().when(moved).refused(Code::FactHasDependents);
        let moved = together([correct(3, "2018-01-25", ended(HOME)), correct(2, "2018-01-21", home(HOME))]);
        story().when(moved).accepted();
        let reopened = together([retract(&[3]), state("2018-01-22", ended(HOME))]);
        let events = story().decide(&reopened).expect("accepted");
        assert_eq!(events.len(), 2, "a new end can be recorded once the other is retracted");
    }

    #[test]
    fn nothing_at_all_and_another_journey_are_refused() {
        accepted().when(together([])).refused(Code::MissingValue);
        let mut other = state("2018-01-11", home(FLAT));
        if let Command::RecordFact(start) = &mut other {
            start.stream = StreamId::journey(JourneyId(nth(0x11).0));
        }
        let refusal = accepted().when(together([other])).refused(Code::InvalidValue);
        assert_eq!(refusal.path, Some("commands.0".into()));
    }
}
