//! Leavings: what is recorded already of a worker from the day on which they leave.
//!
//! The live view says it when the command comes in. It is a warning, so that what is recorded meanwhile does not matter.

use chrono::NaiveDate;

use crate::journey::command::{Command, PatchFact};
use crate::journey::event::{Event, EventType};
use crate::journey::refusal::{Refusal, RefusalCode};
use crate::log::LogError;
use crate::log::envelope::{Envelope, StreamKind, WorkerId};
use crate::views::Views;
use crate::views::people::LaterFacts;

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

/// What deserves a second look where a worker leaves: contacts and assignments of theirs on that day or later.
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
    let LaterFacts { contacts, assignments, last_on } = views.live().later_facts_of(WorkerId(stream.id), day).await?;
    let Some(last_on) = last_on else { return Ok(None) };
    let message = format!(
        "{contacts} days with contacts and {assignments} assignments of theirs are dated on {day} or later, the last on \
         {last_on}: check the day, correct these, or accept this warning"
    );
    let rule = "domain §4: the day of leaving is the first day no longer here";
    Ok(Some(Refusal::new(RefusalCode::WorkerHasLaterFacts, message).at("occurred_on").by(rule).as_warning()))
}
