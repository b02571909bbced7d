//! Logins: no two current workers sign in with the same login.
//!
//! The live view says which workers have or had a login. A command waits at most a second until the view has applied
//! everything recorded before the command arrived. Whether those workers still have the login is read from their own
//! streams, under the lock of the log's head. Two cases are not noticed: two commands at the same time, on one node or
//! on two, that give one login to two workers; and a view that is further behind. Then both commands are accepted. The
//! worker who joined last has the login, and of two who joined on one day the one with the greater id, on every node
//! and in every view. To end this, correct the joining of one of them, or record that the other has left.

use std::time::Duration;

use chrono::NaiveDate;

use crate::log::LogError;
use crate::queries;
use crate::views::Views;
use throughline_domain::command::Command;
use throughline_domain::fact::History;
use throughline_domain::fact::envelope::{StreamId, StreamKind, WorkerId};
use throughline_domain::fact::event::Event;
use throughline_domain::fact::refusal::{Refusal, RefusalCode};
use throughline_domain::people::login::is_same;
use throughline_domain::people::worker::Worker;

/// The most time that a command waits until the view has applied what was recorded before it.
const PATIENCE: Duration = Duration::from_secs(1);

/// The login that a command gives to a worker.
fn given(command: &Command) -> Option<&str> {
    let fact = match command {
        Command::RecordFact(stated) => &stated.fact,
        Command::CorrectFact(correction) => &correction.replacement,
        Command::PatchFact(patch) => return patch.login(),
        _ => return None,
    };
    match fact {
        Event::WorkerJoined(joined) => joined.login.as_deref(),
        _ => None,
    }
}

/// All other workers who have or had the login that a command gives to a worker, or gives back by retracting a leaving.
pub(super) async fn namesakes(views: &Views, command: &Command) -> Result<Vec<WorkerId>, LogError> {
    let own = command.stream();
    let asks = |single: &&Command| given(single).is_some() || matches!(single, Command::RetractFacts(_));
    let asking: Vec<&Command> = command.each().into_iter().filter(asks).collect();
    if own.kind != StreamKind::Worker || asking.is_empty() {
        return Ok(Vec::new());
    }
    let head = views.log().head().await?.position;
    views.passed(head, PATIENCE).await;
    let mut namesakes = Vec::new();
    for single in asking {
        let of_login = queries::people::workers_of_login(&views.live(), given(single), WorkerId(own.id)).await?;
        namesakes.extend(of_login.into_iter().filter(|worker| worker.0 != own.id));
    }
    Ok(namesakes)
}

/// Refuses a login with which one of these workers signs in who has not left by a day.
pub(super) fn is_free<'h>(
    command: &Command,
    namesakes: &[WorkerId],
    on: NaiveDate,
    history: impl Fn(StreamId) -> Option<&'h History>,
) -> Result<(), Vec<Refusal>> {
    let worker_of = |stream| history(stream).map(|history| Worker::fold(&history.facts())).unwrap_or_default();
    let login = |worker: &Worker| worker.joined.as_ref().and_then(|joined| joined.details.login.clone());
    let held = namesakes.iter().map(|worker| worker_of(StreamId::worker(*worker)));
    let is_here = |worker: &Worker| worker.left.as_ref().is_none_or(|left| left.occurred.earliest() > on);
    let held: Vec<String> = held.filter(is_here).filter_map(|worker| login(&worker)).collect();
    if held.is_empty() {
        return Ok(());
    }
    let own = worker_of(command.stream());
    for single in command.each() {
        let (wanted, path) = match single {
            Command::RetractFacts(retraction) => {
                let is_back = own.left.as_ref().is_some_and(|left| retraction.targets.contains(&left.event_id));
                (login(&own).filter(|_| is_back), "targets")
            }
            // A login that the worker already had may be given again.
            Command::CorrectFact(_) | Command::PatchFact(_) => {
                let is_theirs = |wanted: &&str| login(&own).is_some_and(|own| is_same(&own, wanted));
                let other = given(single).filter(|wanted| !is_theirs(wanted));
                (other.map(str::to_owned), "payload.login")
            }
            _ => (given(single).map(str::to_owned), "login"),
        };
        if wanted.is_some_and(|wanted| held.iter().any(|held| is_same(held, &wanted))) {
            let message = "another worker signs in with this login: give another login, or record that the other \
                worker has left";
            return Err(Refusal::new(RefusalCode::LoginTaken, message).at(path).alone());
        }
    }
    Ok(())
}
