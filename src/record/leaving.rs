//! Leavings: what is recorded already of a worker from the day on which they leave.
//!
//! The live view says it when the command comes in. It is a warning, so that what is recorded meanwhile does not matter.

use chrono::NaiveDate;

use crate::log::LogError;
use crate::views::Views;
use crate::views::people::LaterFacts;
use throughline_domain::command::{Command, PatchFact};
use throughline_domain::fact::envelope::{Envelope, StreamKind, WorkerId};
use throughline_domain::fact::event::{Event, EventType};
use throughline_domain::fact::refusal::{Refusal, RefusalCode};

/// The first day on which a worker is no longer here, as a command says it.
fn said(command: &Command) -> Option<NaiveDate> {
    let (occurred, fact) = match command {
        Command::State(stated) => (stated.occurred, &stated.fact),
        Command::CorrectFact(correction) => (correction.occurred, &correction.replacement),
        _ => return None,
    };
    matches!(fact, Event::WorkerLeft(_)).then(|| occurred.latest())
}

/// The same of a correction that may name a leaving without saying so: it gives another day alone.
async fn moved(views: &Views, command: &Command) -> Result<Option<NaiveDate>, LogError> {
    let Command::PatchFact(PatchFact { stream, target, occurred, .. }) = command else { return Ok(None) };
    let Some(day) = occurred.on else { return Ok(None) };
    let told = views.log().stream(*stream).await?;
    let is_leaving = |event: &Envelope| event.event_id == *target && event.event_type == EventType::WorkerLeft.as_str();
    Ok(told.iter().any(is_leaving).then_some(day))
}

/// What deserves a second look where a worker leaves: what is recorded of them on that day or later.
pub(super) async fn warning(views: &Views, command: &Command) -> Result<Option<Refusal>, LogError> {
    let stream = command.stream();
    if stream.kind != StreamKind::Worker {
        return Ok(None);
    }
    let said = match command.each().into_iter().find_map(said) {
        Some(day) => Some(day),
        None => moved(views, command).await?,
    };
    let Some(day) = said else { return Ok(None) };
    let later = views.live().later_facts_of(WorkerId(stream.id), day).await?;
    let found = listed(&later);
    if found.is_empty() {
        return Ok(None);
    }
    let last = later.last_on.map(|last_on| format!(", the last on {last_on}")).unwrap_or_default();
    let message = format!(
        "of this worker there is, on {day} or later, {found}{last}: check the day, correct these, or accept this warning"
    );
    let rule = "domain §4: the day of leaving is the first day no longer here";
    Ok(Some(Refusal::new(RefusalCode::WorkerHasLaterFacts, message).at("occurred_on").by(rule).as_warning()))
}

/// What there is, each with how many, as a sentence lists it.
fn listed(later: &LaterFacts) -> String {
    let LaterFacts { contacts, assignments, appointments, tasks, covers, loans, last_on: _ } = *later;
    let all = [
        (contacts, "day with contacts", "days with contacts"),
        (assignments, "assignment", "assignments"),
        (appointments, "appointment to keep", "appointments to keep"),
        (tasks, "open task", "open tasks"),
        (covers, "cover in which they stand in", "covers in which they stand in"),
        (
            loans,
            "case that they hold for some days and that nobody would hold until these are over",
            "cases that they hold for some days and that nobody would hold until these are over",
        ),
    ];
    let some = all.into_iter().filter(|(count, ..)| *count > 0);
    let mut told: Vec<String> =
        some.map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many })).collect();
    match told.pop() {
        Some(last) if told.is_empty() => last,
        Some(last) => format!("{} and {last}", told.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_there_is_is_listed_one_or_many() {
        let none =
            LaterFacts { contacts: 0, assignments: 0, appointments: 0, tasks: 0, covers: 0, loans: 0, last_on: None };
        assert_eq!(listed(&none), "");
        assert_eq!(listed(&LaterFacts { contacts: 1, ..none }), "1 day with contacts");
        let two = LaterFacts { contacts: 2, assignments: 1, ..none };
        assert_eq!(listed(&two), "2 days with contacts and 1 assignment");
        let three = LaterFacts { covers: 1, tasks: 3, ..two };
        let expected = "2 days with contacts, 1 assignment, 3 open tasks and 1 cover in which they stand in";
        assert_eq!(listed(&three), expected);
    }
}
