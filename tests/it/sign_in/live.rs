//! A real provider, oidc-provider on Node.js: its access tokens are accepted, its rotation is picked up without a restart,
//! and a role that this deployment takes away is gone on the next request.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Once;

use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{accepted, who};
use crate::app::{SHPS, administrator, new_id, on_both_stores};
use crate::wait::PATIENCE;

/// The provider in its process, which ends with this.
struct Live {
    issuer: String,
    say: ChildStdin,
    said: mpsc::UnboundedReceiver<String>,
    client: reqwest::Client,
    process: Child,
}

impl Drop for Live {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/oidc")
}

/// Runs a program that comes with Node.js.
fn node(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder());
    command
}

static INSTALLED: Once = Once::new();

/// Installs the packages of the lock file, once.
fn install() {
    if folder().join("node_modules/oidc-provider").exists() {
        return;
    }
    let installed = node("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]).status();
    let installed = installed.unwrap_or_else(|error| {
        panic!("npm cannot be run ({error}): install Node.js 20 or later with npm (Debian: apt-get install nodejs npm)")
    });
    assert!(
        installed.success(),
        "npm ci failed in tests/oidc: check that the npm registry can be reached, and run it there"
    );
}

impl Live {
    async fn start() -> Self {
        INSTALLED.call_once(install);
        let process = node("node").arg("provider.mjs").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process =
            process.unwrap_or_else(|error| panic!("node cannot be run ({error}): install Node.js 20 or later"));
        let say = process.stdin.take().expect("its input");
        let lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let (hears, said) = mpsc::unbounded_channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| hears.send(line)));
        let client = reqwest::Client::new();
        let mut live = Self { issuer: String::new(), say, said, client, process };
        let said = live.hear().await;
        said["issuer"].as_str().expect("an issuer").clone_into(&mut live.issuer);
        live
    }

    async fn hear(&mut self) -> Value {
        loop {
            let line = tokio::time::timeout(PATIENCE, self.said.recv()).await.expect("a line in time");
            let line = line.expect("it runs: see standard error");
            // The provider's own advice is no answer.
            if line.starts_with('{') {
                return serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            }
        }
    }

    /// Replaces every signing key.
    async fn rotate(&mut self) {
        self.say.write_all(b"rotate\n").expect("it reads");
        assert!(self.hear().await["generation"].is_u64());
    }

    /// A token of a machine, signed with an algorithm.
    async fn token(&self, client: &str, algorithm: &str) -> String {
        let form = format!(
            "grant_type=client_credentials&client_id={client}&client_secret={client}-secret&scope=use\
             &resource=urn%3Athroughline%3A{algorithm}"
        );
        let request = self.client.post(format!("{}/token", self.issuer)).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.send().await.expect("an answer").text().await.expect("text");
        let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
        answer["access_token"].as_str().unwrap_or_else(|| panic!("no token: {answer}")).to_owned()
    }

    fn trusted(&self, further: &str) -> String {
        format!(
            "[[issuer]]\nurl = \"{}\"\naudience = \"throughline\"\nkeys_every_seconds = 0\n{further}\n",
            self.issuer
        )
    }
}

/// How the claims of this provider are read.
const CLAIMS: &str = "claims = { roles = \"roles\", contracts = \"groups\" }\nrole_names = { Manager = \"manager\" }";

#[tokio::test]
async fn tokens_of_a_real_provider_are_accepted_and_its_rotation_is_picked_up() {
    let live = tokio::sync::Mutex::new(Live::start().await);
    on_both_stores(async |app| {
        let mut live = live.lock().await;
        let server = app.router_trusting(&live.trusted(CLAIMS));
        for algorithm in ["RS256", "PS256", "ES256", "EdDSA"] {
            let data = accepted(&server, &live.token("tl-manager", algorithm).await).await;
            assert_eq!(data["viewer"], json!({ "subject": "tl-manager", "role": "manager" }), "{algorithm}");
            assert_eq!(data["contracts"], json!([{ "code": SHPS }]), "{algorithm}");
        }
        let stranger = live.token("tl-stranger", "RS256").await;
        assert_eq!(who(&server, &stranger).await.status, StatusCode::FORBIDDEN);
        let (head, rest) = stranger.split_at(stranger.len() - 8);
        let broken = format!("{head}{}", rest.chars().rev().collect::<String>());
        assert_eq!(who(&server, &broken).await.status, StatusCode::UNAUTHORIZED);

        let before = live.token("tl-manager", "ES256").await;
        live.rotate().await;
        accepted(&server, &live.token("tl-manager", "ES256").await).await;
        assert_eq!(who(&server, &before).await.status, StatusCode::UNAUTHORIZED);
    })
    .await;
}

#[tokio::test]
async fn a_role_that_is_taken_away_is_gone_on_the_next_request_of_a_real_token() {
    let live = Live::start().await;
    on_both_stores(async |app| {
        let server = app.router_trusting(&live.trusted("grants = \"deployment\""));
        let token = live.token("tl-stranger", "EdDSA").await;
        assert_eq!(who(&server, &token).await.status, StatusCode::FORBIDDEN);
        let grant = "mutation($input: GrantRoleInput!) { grantRole(input: $input) { grant { grant } } }";
        let input = json!({
            "commandId": new_id(), "login": "tl-stranger", "issuer": live.issuer, "role": "AUDITOR", "contracts": [SHPS],
        });
        let granted = app.ask(&administrator(), grant, json!({ "input": input })).await;
        assert_eq!(accepted(&server, &token).await["viewer"]["role"], "auditor");
        let revoke = "mutation($input: RevokeRoleInput!) { revokeRole(input: $input) { position } }";
        let input = json!({
            "commandId": new_id(), "grant": granted["grantRole"]["grant"]["grant"], "reason": "the contract ended",
        });
        app.ask(&administrator(), revoke, json!({ "input": input })).await;
        assert_eq!(who(&server, &token).await.status, StatusCode::FORBIDDEN);
    })
    .await;
}
