//! Several nodes on one log, and what befalls them: one is paused or killed, a clock is off, sessions are terminated,
//! the database is restarted, a signal comes at any moment. What was acknowledged is there once, and the others go on.

mod clocks;
mod cluster;
mod paused;
mod sessions;
mod soak;
mod stopped;
mod unread;
mod writers;

use std::ffi::OsStr;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;

use futures_util::FutureExt as _;
use serde_json::Value;
use throughline::clock::{Chance, Clock};
use throughline::deployment::Deployment;
use throughline_domain::fact::envelope::{CommandId, JourneyId};
use uuid::Uuid;

use crate::client::{self, Client};
use crate::crash::{self, Ledger, assert_all_is_there};
use crate::field::{Field, now};
use crate::reopened::assert_rebuilt_alike;
use crate::stores::Place;
use crate::wait::{PATIENCE, until};

/// The program, serving; it is gone when the test is.
struct Node {
    child: Child,
    address: String,
    token: String,
}

/// The program on a database, with a key in this directory and variables of its own.
fn program(url: &str, directory: &Path, variables: &[(&str, &OsStr)]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_throughline"));
    program.env("THROUGHLINE_DATABASE", url).env("THROUGHLINE_KEY", directory.join("key")).env("RUST_LOG", "info");
    program.envs(variables.iter().copied()).stdin(Stdio::null());
    program
}

/// A token of a manager, good for hours.
fn token(url: &str, directory: &Path, variables: &[(&str, &OsStr)]) -> String {
    let asked = ["token", "--role", "manager", "--subject", "tester", "--minutes", "600"];
    let said = program(url, directory, variables).args(asked).output().expect("a token");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).expect("a token is text").trim().to_owned()
}

impl Node {
    /// Starts it and waits until it is ready.
    async fn start(url: &str, directory: &Path, variables: &[(&str, &OsStr)]) -> Self {
        let token = token(url, directory, variables);
        Self::serve((url, directory), variables, token).await
    }

    /// The same with a token that was made before.
    async fn serve((url, directory): (&str, &Path), variables: &[(&str, &OsStr)], token: String) -> Self {
        let mut serve = program(url, directory, variables);
        serve.args(["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = serve.spawn().expect("the program starts");
        let address = crash::address(&mut child);
        let node = Self { child, address, token };
        until("it is ready", async || node.readiness().await.is_some_and(|(status, _)| status == 200)).await;
        node
    }

    /// Whether it is ready, in its own words; none where it does not answer.
    async fn readiness(&self) -> Option<(u16, Value)> {
        let mut client = Client::to(&self.address).await.ok()?;
        client.send(&client::ready()).await.ok()?;
        client.answer().await.ok()
    }

    /// Sends it a signal.
    fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Asks it to stop, and waits until it has.
    async fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        ended(&mut self.child).await
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Whoever stopped it in order has waited for it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a process of ours a signal; every shell can.
fn signal(child: &Child, name: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status().expect("a shell");
    assert!(sent.success(), "SIG{name} is sent");
}

/// Waits until a process of ours has ended.
async fn ended(child: &mut Child) -> ExitStatus {
    until("the process ends", async || child.try_wait().expect("a child").is_some()).await;
    child.wait().expect("it has ended")
}

/// A log with so many journeys.
async fn journeys(place: &Place, field: &Field, count: usize) -> Vec<JourneyId> {
    let (clock, chance) = (Arc::new(Clock::standing_at(now())), Arc::new(Chance::System));
    let deployment = Deployment::open(place.url(), clock, chance).await.expect("it opens");
    let journeys = field.journeys(&deployment.recorder, count).await;
    deployment.close().await;
    journeys
}

/// The URL of a Postgres place, whose sessions go by another name.
fn named(place: &Place, node: &str) -> (String, String) {
    let (before, name) = place.url().rsplit_once("application_name=").expect("a test has its own name");
    let name = format!("{name}_{node}");
    (format!("{before}application_name={name}"), name)
}

/// Every acknowledged command is in the log, and the view is one built anew.
async fn assert_nothing_is_missing_and_a_forgery_would_be(place: &Place, ledger: &Path) {
    let mut acknowledged = Ledger::read(ledger);
    assert_all_is_there(place, &acknowledged).await;
    assert_rebuilt_alike(place).await;

    // Control: an acknowledgement that was never given is missed.
    acknowledged.push(CommandId(Uuid::from_u128(7)));
    let missed = async { assert_all_is_there(place, &acknowledged).await };
    let missed = AssertUnwindSafe(missed).catch_unwind().await;
    assert!(missed.is_err(), "a forged acknowledgement is not missed");
}
