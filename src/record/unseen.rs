//! Work that is given to somebody who would never see it: the owner of a task or the worker of an appointment, on a case
//! that they do not see.
//!
//! Whose cases somebody sees is what the live view says when the command comes in (docs/decisions/0009). It is a warning,
//! so that what is recorded meanwhile does not matter.

use chrono::NaiveDate;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::access::{Principal, Role, Scope};
use crate::log::LogError;
use crate::views::Views;
use throughline_domain::command::{Command, PatchFact};
use throughline_domain::fact::envelope::{JourneyId, StreamId, StreamKind, WorkerId};
use throughline_domain::fact::event::{AppointmentBooked, AppointmentMoved, Event, EventType, TaskSet};
use throughline_domain::fact::path::Path;
use throughline_domain::fact::refusal::{Refusal, RefusalCode};
use throughline_domain::people::login;

/// Somebody whose work something is to be.
struct Named {
    stream: StreamId,
    worker: WorkerId,
    /// The day that it is for, where the command says it.
    day: Option<NaiveDate>,
    /// Where the command names them.
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

/// What a patch of such a fact says of whose work it is.
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
        Command::State(stated) => (stated.stream, of_fact(&stated.fact)?, false),
        Command::CorrectFact(correction) => (correction.stream, of_fact(&correction.replacement)?, true),
        Command::PatchFact(patch) => (patch.stream, of_patch(patch)?, true),
        _ => return None,
    };
    let path = if is_amended { beneath(field) } else { Path::from(field) };
    (stream.kind == StreamKind::Journey).then_some(Named { stream, worker, day, path })
}

/// What deserves a second look where work is given to somebody: that they see the case neither now nor on the day that it
/// is for. Who does not sign in is shown it by others.
pub(super) async fn warnings(
    views: &Views,
    (sender, today): (&Principal, NaiveDate),
    command: &Command,
) -> Result<Vec<Refusal>, LogError> {
    let mut warnings = Vec::new();
    for named in command.each().into_iter().filter_map(named) {
        if !sees(views, (sender, today), &named).await? {
            let message = "this worker does not see the case: assign them in a role, or accept this warning";
            let warning = Refusal::new(RefusalCode::WorkerDoesNotSeeCase, message).at(named.path);
            let rule = "domain §3: a keyworker sees their own cases and those of their team, and those that they cover";
            warnings.push(warning.by(rule).as_warning());
        }
    }
    Ok(warnings)
}

async fn sees(views: &Views, (sender, today): (&Principal, NaiveDate), named: &Named) -> Result<bool, LogError> {
    let live = views.live();
    let known = live.workers(&[named.worker]).await?;
    let Some(login) = known.into_iter().find_map(|worker| worker.login) else { return Ok(true) };
    if login::is_same(&login, &sender.subject) {
        return Ok(true);
    }
    let told = views.log().stream(named.stream).await?;
    let Some(contract) = told.first().and_then(|first| first.contract.as_deref()) else { return Ok(true) };
    let worker = Principal { subject: login, role: Role::Keyworker, scope: Scope::Deployment };
    let journey = (JourneyId(named.stream.id), contract);
    for day in [Some(today), named.day.filter(|day| *day > today)].into_iter().flatten() {
        if !live.readable(&worker, day, &[journey]).await?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}
