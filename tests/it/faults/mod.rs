//! Faults on the disk: power cuts, a full disk, writes and syncs that fail. What was acknowledged is there afterwards,
//! once, and each check is shown to find what it looks for.

mod disk;
mod power;
mod refused;
mod shim;
mod sync;
mod trace;

use std::collections::HashMap;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use throughline::clock::{Chance, Clock};
use throughline::deployment::Deployment;
use throughline::log::Log;
use throughline::store::{Mode, Store};
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{CommandId, Envelope, JourneyId, Position};
use uuid::Uuid;

use crate::client::{self, Client};
use crate::crash::Server;
use crate::field::{Field, now};
use crate::stores::Place;
use crate::wait::until;
use shim::Shim;

/// A command that was acknowledged, and how long the trace was when its answer came: a cut at any later moment keeps
/// it.
#[derive(Debug, Clone, Copy)]
struct Acknowledged {
    command: Uuid,
    mark: u64,
}

/// What a client hears of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// It is recorded.
    Acknowledged,
    /// The store is away, and when to ask again; whether it may be recorded.
    Unavailable { in_doubt: bool },
}

/// A contract with so many journeys; nobody serves it.
async fn with_journeys(place: &Place, field: &Field, count: usize) -> Vec<JourneyId> {
    let (clock, chance) = (Arc::new(Clock::standing_at(now())), Arc::new(Chance::System));
    let deployment = Deployment::open(place.url(), clock, chance).await.expect("it opens");
    let journeys = field.journeys(&deployment.recorder, count).await;
    deployment.close().await;
    journeys
}

/// The program behind a shim, its clients, and what they know.
struct Run<'a> {
    shim: &'a Shim,
    server: Server,
    journeys: &'a [JourneyId],
    field: &'a Field,
    directory: tempfile::TempDir,
}

impl<'a> Run<'a> {
    async fn start(place: &Place, shim: &'a Shim, field: &'a Field, journeys: &'a [JourneyId]) -> (Child, Self) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (child, server) = Server::start_as(place, directory.path(), |program| shim.preload(program)).await;
        (child, Self { shim, server, journeys, field, directory })
    }

    async fn client(&self) -> Client {
        Client::to(&self.server.address).await.expect("it listens")
    }

    /// Waits until it says with this status whether it is ready.
    async fn is_ready(&self, wanted: u16) {
        let is_so = async || {
            let mut client = self.client().await;
            client.send(&client::ready()).await.expect("it reads");
            client.answer().await.expect("it answers").0 == wanted
        };
        until(&format!("readyz says {wanted}"), is_so).await;
    }

    /// Logs a contact under this id, for which there is one journey.
    async fn log(&self, client: &mut Client, command: Uuid) -> std::io::Result<Heard> {
        let journey = self.journeys[usize::try_from(command.as_u128() % self.journeys.len() as u128).expect("few")];
        client.send(&client::log_contact(&self.server.token, journey, command)).await?;
        let (head, answer) = client.whole_answer().await?;
        if !answer["data"]["logContact"]["position"].is_null() {
            return Ok(Heard::Acknowledged);
        }
        let error = &answer["errors"][0]["extensions"];
        assert_eq!(error["code"], "UNAVAILABLE", "{answer}");
        assert!(head.contains("\r\nretry-after: "), "{head}");
        Ok(Heard::Unavailable { in_doubt: error["commandInDoubt"].as_bool().expect("it says whether it is in doubt") })
    }

    /// So many contacts from each of so many clients at once, and what they hear of each; a client that is not answered
    /// stops.
    async fn hear(&self, clients: usize, count: usize) -> Vec<(Acknowledged, Heard)> {
        let client = async || {
            let mut heard = Vec::new();
            let Ok(mut client) = Client::to(&self.server.address).await else { return heard };
            for _ in 0..count {
                let command = self.field.id();
                let Ok(of_it) = self.log(&mut client, command).await else { break };
                heard.push((Acknowledged { command, mark: self.shim.mark() }, of_it));
            }
            heard
        };
        futures_util::future::join_all((0..clients).map(|_| client())).await.concat()
    }

    /// Sends commands once more under their ids: all of them are acknowledged now.
    async fn repeat(&self, commands: impl IntoIterator<Item = Uuid>) -> Vec<Acknowledged> {
        let (mut client, mut acknowledged) = (self.client().await, Vec::new());
        for command in commands {
            let heard = self.log(&mut client, command).await.expect("it answers");
            assert_eq!(heard, Heard::Acknowledged, "{command}");
            acknowledged.push(Acknowledged { command, mark: self.shim.mark() });
        }
        acknowledged
    }

    /// So many contacts from so many clients at once, all of them acknowledged.
    async fn contacts(&self, clients: usize, count: usize) -> Vec<Acknowledged> {
        let sent = AtomicUsize::new(0);
        let client = async || {
            let (mut client, mut acknowledged) = (self.client().await, Vec::new());
            while sent.fetch_add(1, Ordering::Relaxed) < count {
                let command = self.field.id();
                let heard = self.log(&mut client, command).await.expect("it answers");
                assert_eq!(heard, Heard::Acknowledged);
                acknowledged.push(Acknowledged { command, mark: self.shim.mark() });
            }
            acknowledged
        };
        futures_util::future::join_all((0..clients).map(|_| client())).await.concat()
    }
}

/// Those that were acknowledged, of what was heard.
fn acknowledged(heard: &[(Acknowledged, Heard)]) -> Vec<Acknowledged> {
    heard.iter().filter(|(_, heard)| *heard == Heard::Acknowledged).map(|(known, _)| *known).collect()
}

/// The ids of the others.
fn unavailable(heard: &[(Acknowledged, Heard)]) -> Vec<Uuid> {
    heard.iter().filter(|(_, heard)| *heard != Heard::Acknowledged).map(|(known, _)| known.command).collect()
}

/// Ends the program at once.
fn kill(mut child: Child) {
    child.kill().expect("it is killed");
    child.wait().expect("it is gone");
}

/// Asks the program to end, and waits until it has.
fn end(mut child: Child) {
    let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("it is asked");
    assert!(asked.success());
    assert!(child.wait().expect("it ends").success(), "it ends in order");
}

/// The times that each command is in the log, if the log is whole: it opens, verifies, and leaves nothing out.
async fn look(place: &Place) -> Result<HashMap<CommandId, usize>, String> {
    let store = Store::open(place.url(), Mode::Write).await.map_err(|error| format!("it does not open: {error:?}"))?;
    let log = Log::open(Arc::new(store)).await.map_err(|error| format!("it does not open: {error:?}"))?;
    let looked = look_at(&log).await;
    log.store().close().await;
    looked
}

async fn look_at(log: &Log) -> Result<HashMap<CommandId, usize>, String> {
    let readable = |event: &Envelope| Recorded::decode(event).map(drop).map_err(Into::into);
    let verified = log.verify(readable).await.map_err(|error| format!("it cannot be verified: {error:?}"))?;
    if !verified.is_sound() {
        return Err(format!("{:?}", verified.findings));
    }
    let (mut times, mut last) = (HashMap::new(), Position::default());
    loop {
        let page = log.page(last, Position(i64::MAX)).await.map_err(|error| format!("it cannot be read: {error:?}"))?;
        let Some(newest) = page.last() else { return Ok(times) };
        let whole = (last.0 + 1..).zip(&page).all(|(expected, event)| event.position.0 == expected);
        if !whole {
            return Err(format!("a position is left out after {last}"));
        }
        last = newest.position;
        for event in page.iter().filter(|event| event.event_type == "ContactLogged") {
            *times.entry(event.command_id).or_default() += 1;
        }
    }
}

/// How many of these commands are not in the log; none may be there twice.
fn missing<'a>(
    times: &HashMap<CommandId, usize>,
    acknowledged: impl IntoIterator<Item = &'a Acknowledged>,
) -> Result<usize, String> {
    if let Some((command, times)) = times.iter().find(|(_, times)| **times > 1) {
        return Err(format!("{command} is in the log {times} times"));
    }
    let is_missing = |known: &&Acknowledged| !times.contains_key(&CommandId(known.command));
    Ok(acknowledged.into_iter().filter(is_missing).count())
}
