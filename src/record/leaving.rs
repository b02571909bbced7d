//! A worker who leaves: what is already recorded about them from that day on.
//!
//! The live view gives it when the command arrives. It leads only to a warning, so facts recorded meanwhile do not
//! matter.

use chrono::NaiveDate;

use super::ViewWarning;
use crate::log::LogError;
use crate::queries;
use crate::queries::people::LaterFacts;
use crate::views::Views;
use throughline_domain::command::{Command, PatchFact, When};
use throughline_domain::fact::envelope::{Envelope, Occurred, StreamKind, WorkerId};
use throughline_domain::fact::event::{Event, EventType};
use throughline_domain::fact::refusal::{Refusal, RefusalCode};

/// The first day on which a worker is no longer here, if the command says that they leave.
fn said(command: &Command) -> Option<When> {
    let (when, fact) = match command {
        Command::RecordFact(stated) => (stated.when, &stated.fact),
        Command::CorrectFact(correction) => (correction.occurred.into(), &correction.replacement),
        _ => return None,
    };
    matches!(fact, Event::WorkerLeft(_)).then_some(when)
}

/// The same for a correction that may be about a leaving without naming the type, because it gives only another date.
async fn moved(views: &Views, command: &Command) -> Result<Option<When>, LogError> {
    let Command::PatchFact(PatchFact { stream, target, occurred, .. }) = command else { return Ok(None) };
    let Some(day) = occurred.on else { return Ok(None) };
    let events = views.log().stream(*stream).await?;
    let is_leaving = |event: &Envelope| event.event_id == *target && event.event_type == EventType::WorkerLeft.as_str();
    Ok(events.iter().any(is_leaving).then(|| Occurred::on(day).into()))
}

/// The warnings if facts about a leaving worker are recorded on that day or later. A command without a date may be
/// decided today or, if midnight passes before, tomorrow: each day has its own warning.
pub(super) async fn warnings(views: &Views, today: NaiveDate, command: &Command) -> Result<Vec<ViewWarning>, LogError> {
    let stream = command.stream();
    if stream.kind != StreamKind::Worker {
        return Ok(Vec::new());
    }
    let said = match command.each().into_iter().find_map(said) {
        Some(when) => Some(when),
        None => moved(views, command).await?,
    };
    let days = match said {
        None => Vec::new(),
        Some(When::On(occurred)) => vec![(None, occurred)],
        Some(when @ When::Today { .. }) => {
            let days = std::iter::once(today).chain(today.succ_opt());
            days.map(|today| (Some(today), when.decided_on(today))).collect()
        }
    };
    let mut warnings = Vec::new();
    for (decided_on, occurred) in days {
        let warning = warning(views, WorkerId(stream.id), occurred.latest()).await?;
        warnings.extend(warning.map(|warning| ViewWarning { decided_on, warning }));
    }
    Ok(warnings)
}

async fn warning(views: &Views, worker: WorkerId, day: NaiveDate) -> Result<Option<Refusal>, LogError> {
    let later = queries::people::later_facts_of(&views.live(), worker, day).await?;
    let found = listed(&later);
    if found.is_empty() {
        return Ok(None);
    }
    let last = later.last_on.map(|last_on| format!(", the last on {last_on}")).unwrap_or_default();
    let message = format!(
        "this worker has, on {day} or later, {found}{last}: check the date, correct these facts, or accept this warning"
    );
    let rule = "the date of leaving is the first day on which the worker is no longer here";
    Ok(Some(Refusal::new(RefusalCode::WorkerHasLaterFacts, message).at("occurred_on").by(rule).as_warning()))
}

/// The facts found, each with its number, as a list in a sentence.
fn listed(later: &LaterFacts) -> String {
    let LaterFacts { contacts, assignments, appointments, tasks, covers, loans, last_on: _ } = *later;
    let all = [
        (contacts, "day with contacts", "days with contacts"),
        (assignments, "assignment", "assignments"),
        (appointments, "planned appointment", "planned appointments"),
        (tasks, "open task", "open tasks"),
        (covers, "cover of another worker", "covers of other workers"),
        (
            loans,
            "temporarily held case that no worker would hold until the end of that period",
            "temporarily held cases that no worker would hold until the end of those periods",
        ),
    ];
    let some = all.into_iter().filter(|(count, ..)| *count > 0);
    let mut parts: Vec<String> =
        some.map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many })).collect();
    match parts.pop() {
        Some(last) if parts.is_empty() => last,
        Some(last) => format!("{} and {last}", parts.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_facts_that_exist_are_listed_one_or_many() {
        let none =
            LaterFacts { contacts: 0, assignments: 0, appointments: 0, tasks: 0, covers: 0, loans: 0, last_on: None };
        assert_eq!(listed(&none), "");
        assert_eq!(listed(&LaterFacts { contacts: 1, ..none }), "1 day with contacts");
        let two = LaterFacts { contacts: 2, assignments: 1, ..none };
        assert_eq!(listed(&two), "2 days with contacts and 1 assignment");
        let three = LaterFacts { covers: 1, tasks: 3, ..two };
        let expected = "2 days with contacts, 1 assignment, 3 open tasks and 1 cover of another worker";
        assert_eq!(listed(&three), expected);
    }
}
