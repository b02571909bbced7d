//! A subscriber on Node.js, with the npm package standardwebhooks: it verifies what it is sent, and nothing that was
//! signed with another secret.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Once;

use serde_json::{Value, json};
use throughline::clock::Clock;
use tokio::sync::mpsc;

use super::receiver::Receiver;
use super::{Sending, feed, happen, subscribe, until_shown};
use crate::app::{SHPS, from_the_instant};
use crate::wait::PATIENCE;

/// The subscriber in its process, which ends with this.
struct Subscriber {
    url: String,
    say: ChildStdin,
    said: mpsc::UnboundedReceiver<Value>,
    process: Child,
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A program that comes with Node.js, in the folder of its packages.
fn node(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder());
    command
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/webhooks")
}

static INSTALLED: Once = Once::new();

/// Installs the packages of the lock file, once.
fn install() {
    if folder().join("node_modules/standardwebhooks").exists() {
        return;
    }
    let installed = node("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]).status();
    let installed = installed.unwrap_or_else(|error| panic!("npm cannot be run ({error}): install Node.js with npm"));
    assert!(installed.success(), "npm ci failed in tests/webhooks: check that the npm registry can be reached");
}

impl Subscriber {
    async fn start() -> Self {
        INSTALLED.call_once(install);
        let process = node("node").arg("receiver.mjs").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = process.unwrap_or_else(|error| panic!("node cannot be run ({error}): install Node.js"));
        let say = process.stdin.take().expect("its input");
        let lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let (hears, said) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            let line = |line: String| hears.send(serde_json::from_str(&line).expect("a line of JSON"));
            lines.map_while(Result::ok).try_for_each(line)
        });
        let mut subscriber = Self { url: String::new(), say, said, process };
        let ready = subscriber.hear().await;
        ready["url"].as_str().expect("its address").clone_into(&mut subscriber.url);
        subscriber
    }

    async fn hear(&mut self) -> Value {
        tokio::time::timeout(PATIENCE, self.said.recv()).await.expect("it says nothing").expect("it ended")
    }

    /// Gives it the secret with which it verifies from now on.
    async fn trusts(&mut self, secret: &str) {
        writeln!(self.say, "{}", json!({ "secret": secret })).expect("it reads");
        assert_eq!(self.hear().await, json!({ "ready": true }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_on_node_verifies_every_event_and_refuses_those_of_another_secret() {
    let now = Clock::Machine.now().to_rfc3339();
    from_the_instant(&now, async |app| {
        app.open_contract(SHPS).await;
        let begins = app.head().await;
        let mut node = Subscriber::start().await;
        let (sending, unused) = (Sending::begun(app), Receiver::with(&[]).await);
        let subscribed = subscribe(app, &unused, json!({ "url": node.url })).await;
        node.trusts("whsec_bm90IHRoZSBzZWNyZXQgb2YgdGhpcyBzdWJzY3JpcHRpb24=").await;
        happen(app, 2).await;
        let refused = node.hear().await;
        assert_eq!((&refused["verified"], refused["problem"].is_string()), (&json!(false), true), "{refused}");
        let seen = until_shown(app, &subscribed.id, "it is tried again", |seen| seen["attempts"] == 1).await;
        node.trusts(&subscribed.secrets[0]).await;
        app.it_is(seen["nextAttempt"].as_str().expect("a time"));
        for position in feed(app, begins).await {
            let taken = node.hear().await;
            let expected = (&json!(true), &json!(false), json!(format!("{position:019}")));
            assert_eq!((&taken["verified"], &taken["altered"], taken["sequence"].clone()), expected, "{taken}");
        }
        until_shown(app, &subscribed.id, "nothing waits", |seen| seen["lag"] == 0).await;
        sending.end().await;
    })
    .await;
}
