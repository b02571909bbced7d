//! Work given to a worker who would never see it: the owner of a task or the worker of an appointment, on a case that
//! they may not see.
//!
//! The live view says whose cases a worker sees when the command arrives (docs/decisions/0009). It leads only to a
//! warning, so facts recorded meanwhile do not matter.

use chrono::NaiveDate;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Sender;
use crate::access::{Principal, Role, Scope};
use crate::log::LogError;
use crate::queries;
use crate::views::Views;
use throughline_domain::command::{Command, PatchFact};
use throughline_domain::fact::envelope::{JourneyId, StreamId, StreamKind, WorkerId};
use throughline_domain::fact::event::{AppointmentBooked, AppointmentMoved, Event, EventType, TaskSet};
use throughline_domain::fact::path::Path;
use throughline_domain::fact::refusal::{Refusal, RefusalCode};
use throughline_domain::people::login;

/// A worker who is given work.
struct Named {
    stream: StreamId,
    worker: WorkerId,
    /// The day of the work, if the command gives it.
    day: Option<NaiveDate>,
    /// The path of the worker in the command.
    path: Path,
}

fn of_fact(fact: &Event) -> Option<(WorkerId, Option<NaiveDate>, &'static str)> {
    match fact {
        Event::TaskSet(TaskSet { owner, due_on, .. }) => Some(((*owner)?, Some(*due_on), "owner")),
        Event::AppointmentBooked(AppointmentBooked { worker, scheduled_on, .. }) => {
            Some(((*worker)?, Some(*scheduled_on), "worker"))
        }
        Event::AppointmentMoved(AppointmentMoved { worker, scheduled_on, .. }) => {
            Some((worker.becomes()?, *scheduled_on, "worker"))
        }
        _ => None,
    }
}

/// The worker that a patch of such a fact names.
fn of_patch(patch: &PatchFact) -> Option<(WorkerId, Option<NaiveDate>, &'static str)> {
    let (field, day) = match patch.of? {
        EventType::TaskSet => ("owner", "due_on"),
        EventType::AppointmentBooked | EventType::AppointmentMoved => ("worker", "scheduled_on"),
        _ => return None,
    };
    Some((WorkerId(said(&patch.payload, field)?), said(&patch.payload, day), field))
}

fn said<T: DeserializeOwned>(payload: &Map<String, Value>, field: &str) -> Option<T> {
    payload.get(field).cloned().and_then(|value| serde_json::from_value(value).ok())
}

fn named(command: &Command) -> Option<Named> {
    let beneath = |field: &str| Path::from(field).beneath("payload");
    let (stream, (worker, day, field), is_amended) = match command {
        Command::RecordFact(stated) => (stated.stream, of_fact(&stated.fact)?, false),
        Command::CorrectFact(correction) => (correction.stream, of_fact(&correction.replacement)?, true),
        Command::PatchFact(patch) => (patch.stream, of_patch(patch)?, true),
        _ => return None,
    };
    let path = if is_amended { beneath(field) } else { Path::from(field) };
    (stream.kind == StreamKind::Journey).then_some(Named { stream, worker, day, path })
}

/// The warnings for work given to a worker who sees the case neither now nor on the day of the work. For a worker who
/// does not sign in, someone else shows them the work, so there is no warning.
pub(super) async fn warnings(views: &Views, sender: &Sender, command: &Command) -> Result<Vec<Refusal>, LogError> {
    let mut warnings = Vec::new();
    for named in command.each().into_iter().filter_map(named) {
        if !sees(views, sender, &named).await? {
            let message = "this worker does not see the case: assign them in a role, or accept this warning";
            let warning = Refusal::new(RefusalCode::WorkerDoesNotSeeCase, message).at(named.path);
            let rule = "a keyworker sees their own cases, those of their team, and those that they cover";
            warnings.push(warning.by(rule).as_warning());
        }
    }
    Ok(warnings)
}

async fn sees(views: &Views, sender: &Sender, named: &Named) -> Result<bool, LogError> {
    let live = views.live();
    let known = queries::people::workers(&live, &[named.worker]).await?;
    let Some(login) = known.into_iter().find_map(|worker| worker.login) else { return Ok(true) };
    if login::is_same(&login, &sender.principal.subject) {
        return Ok(true);
    }
    let events = views.log().stream(named.stream).await?;
    let Some(contract) = events.first().and_then(|first| first.contract.as_deref()) else { return Ok(true) };
    let worker = Principal { subject: login, role: Role::Keyworker, scope: Scope::Deployment };
    let journey = (JourneyId(named.stream.id), contract);
    for day in [Some(sender.today), named.day.filter(|day| *day > sender.today)].into_iter().flatten() {
        if !queries::caseload_scope::readable(&live, &worker, day, &[journey]).await?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}
