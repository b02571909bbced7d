//! Logins: no two workers who are here sign in by one.
//!
//! Who has, or had, a login is what the live view says, which a command waits for, a second at most, to pass all that was
//! recorded before it came; whether they still have it, their own streams tell under the lock of the log's head. What
//! nobody sees in this way is two commands under way at the same time, on one node or on two, that give one login to two
//! people, or a view that is further behind: both are accepted. Then the one who joined last is behind the login, of two
//! who joined on one day the one of the greater id, on every node and by every view alike; a correction of either's
//! joining, or the other's leaving, makes an end of it.

use std::time::Duration;

use chrono::NaiveDate;

use crate::log::LogError;
use crate::views::Views;
use throughline_domain::command::Command;
use throughline_domain::fact::History;
use throughline_domain::fact::envelope::{StreamId, StreamKind, WorkerId};
use throughline_domain::fact::event::Event;
use throughline_domain::fact::refusal::{Refusal, RefusalCode};
use throughline_domain::people::login::is_same;
use throughline_domain::people::worker::Worker;

/// How long a command waits for the view to pass what was recorded before it.
const PATIENCE: Duration = Duration::from_secs(1);

/// The login by which a command says that a worker signs in.
fn given(command: &Command) -> Option<&str> {
    let fact = match command {
        Command::State(stated) => &stated.fact,
        Command::CorrectFact(correction) => &correction.replacement,
        Command::PatchFact(patch) => return patch.login(),
        _ => return None,
    };
    match fact {
        Event::WorkerJoined(joined) => joined.login.as_deref(),
        _ => None,
    }
}

/// Everybody else whose login is, or was, one that a command gives to a worker, or gives back by retracting their leaving.
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
        let of_login = views.live().workers_of_login(given(single), WorkerId(own.id)).await?;
        namesakes.extend(of_login.into_iter().filter(|worker| worker.0 != own.id));
    }
    Ok(namesakes)
}

/// Refuses a login by which one of these signs in who has not left by a day.
pub(super) fn is_free<'h>(
    command: &Command,
    (namesakes, on): (&[WorkerId], NaiveDate),
    history: impl Fn(StreamId) -> Option<&'h History>,
) -> Result<(), Vec<Refusal>> {
    let told = |stream| history(stream).map(|history| Worker::fold(&history.facts())).unwrap_or_default();
    let login = |worker: &Worker| worker.joined.as_ref().and_then(|joined| joined.details.login.clone());
    let held = namesakes.iter().map(|worker| told(StreamId::worker(*worker)));
    let is_here = |worker: &Worker| worker.left.as_ref().is_none_or(|left| left.occurred.earliest() > on);
    let held: Vec<String> = held.filter(is_here).filter_map(|worker| login(&worker)).collect();
    if held.is_empty() {
        return Ok(());
    }
    let own = told(command.stream());
    for single in command.each() {
        let (wanted, path) = match single {
            Command::RetractFacts(retraction) => {
                let is_back = own.left.as_ref().is_some_and(|left| retraction.targets.contains(&left.event_id));
                (login(&own).filter(|_| is_back), "targets")
            }
            // What was said before may be said again.
            Command::CorrectFact(_) | Command::PatchFact(_) => {
                let is_theirs = |wanted: &&str| login(&own).is_some_and(|own| is_same(&own, wanted));
                let other = given(single).filter(|wanted| !is_theirs(wanted));
                (other.map(str::to_owned), "payload.login")
            }
            _ => (given(single).map(str::to_owned), "login"),
        };
        if wanted.is_some_and(|wanted| held.iter().any(|held| is_same(held, &wanted))) {
            let message = "somebody who has not left signs in by this login: give another, or record that they left";
            return Err(Refusal::new(RefusalCode::LoginTaken, message).at(path).alone());
        }
    }
    Ok(())
}
