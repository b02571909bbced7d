//! Imports that other systems send to a running server: what is taken, what becomes of it, and what the sender sees.
//!
//! Everything goes through HTTP and GraphQL. Cases and codes are invented.

mod bodies;
mod examples;
mod jobs;
mod upsert;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use throughline::access::{Principal, Role};
use throughline::jobs::sources::Sources;
use throughline::jobs::{ImportJobs, Limits, Terms as ImportTerms};
use throughline_domain::fact::envelope::Position;
use throughline_gateway::Terms;
use tokio::task::JoinHandle;

use crate::app::{Answer, MST, SHPS, TestApp, test_caller, text};
use crate::wait::{PATIENCE, until};

/// A list of referrals, one row each: everything that the source has.
const LIST: &str = r#"mapping = 1
[source]
system = "council"
snapshot = "full"
purges = true
purge_most = 60
[read]
format = "csv"
[[table]]
name = "referrals"
[[record]]
table = "referrals"
id = "{ref}"
case = "{ref}"
[[record.fact]]
type = "referral_received"
on = "received"
area = "area"
"#;

/// A server that takes imports, and the folder in which it keeps them.
struct Server {
    folder: Arc<tempfile::TempDir>,
    imports: ImportJobs,
    router: Router,
    running: Option<JoinHandle<()>>,
}

impl Server {
    /// A server with these mappings, each a path and a text, which does not run its jobs yet.
    fn idle(app: &TestApp, mappings: &[(&str, &str)], limits: Limits) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, mapping) in mappings {
            let path = folder.path().join("mappings").join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("it is made");
            std::fs::write(path, mapping).expect("written");
        }
        Self::over(app, Arc::new(folder), limits, Terms::default())
    }

    /// A server with the mapping of the list for the second contract, which runs its jobs.
    fn with_list(app: &TestApp) -> Self {
        let mut server = Self::idle(app, &[("mst-essex/list.toml", LIST)], Limits::default());
        server.start(app);
        server
    }

    fn over(app: &TestApp, folder: Arc<tempfile::TempDir>, limits: Limits, terms: Terms) -> Self {
        let mappings = folder.path().join("mappings");
        let sources = if mappings.exists() { Sources::read(&mappings) } else { Ok(Sources::default()) };
        let sources = sources.unwrap_or_else(|errors| panic!("{errors:?}"));
        let taking = ImportTerms::of(&folder.path().join("imports"), sources, limits).expect("a folder");
        let imports = app.fresh.imports.clone().under(taking);
        let router = app.router_taking(&imports, terms);
        Self { folder, imports, router, running: None }
    }

    /// Begins to run jobs.
    fn start(&mut self, app: &TestApp) {
        self.running = Some(tokio::spawn(self.imports.clone().keep_running(app.fresh.recorder.clone())));
    }

    /// Stops in the middle of everything, as a process that ends.
    async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
            let _ = running.await;
        }
    }

    /// Another server over the same folder.
    fn again(self, app: &TestApp) -> Self {
        let mut server = Self::over(app, Arc::clone(&self.folder), Limits::default(), Terms::default());
        server.start(app);
        server
    }

    /// What is in the folder of bodies.
    fn bodies(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path().join("imports")).expect("the folder");
        let names = entries.map(|entry| entry.expect("a file").file_name().into_string().expect("text"));
        names.filter(|name| !name.ends_with(".results.csv")).collect()
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        TestApp::send_to(&self.router, request).await
    }

    /// Sends a body as a type.
    async fn post(&self, app: &TestApp, who: &Principal, source: &str, (of, body): (&str, impl Into<Body>)) -> Answer {
        let request = asking(app, who, "POST", &format!("/import/{source}")).header("content-type", of);
        self.send(request.body(body.into()).expect("a request")).await
    }

    /// Sends a list and waits for its job.
    async fn list(&self, app: &TestApp, rows: &str) -> Value {
        let sent = self.post(app, &council(), "list", ("text/csv", csv(rows))).await;
        assert_eq!(sent.status, StatusCode::ACCEPTED, "{}", sent.body);
        self.ended(app, &sent).await
    }

    /// The job of an answer, as it is now.
    async fn job(&self, app: &TestApp, sent: &Answer) -> Value {
        let request = asking(app, &council(), "GET", sent.header("location")).body(Body::empty());
        let answer = self.send(request.expect("a request")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.json()
    }

    /// The job of an answer, when it is over and the view shows what it recorded.
    async fn ended(&self, app: &TestApp, sent: &Answer) -> Value {
        let mut job = Value::Null;
        until("the import is over", async || {
            job = self.job(app, sent).await;
            !["waiting", "running"].contains(&text(&job["state"]).as_str())
        })
        .await;
        if let Some(position) = job["position"].as_i64() {
            assert!(app.fresh.views.passed(Position(position), PATIENCE).await, "the view does not follow the log");
        }
        job
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.abort();
        }
    }
}

/// A council's machine, for the second contract.
fn council() -> Principal {
    test_caller(Role::Integrator, "council", &[MST])
}

/// The machine of a council of the first contract.
fn other_council() -> Principal {
    test_caller(Role::Integrator, "other-council", &[SHPS])
}

/// A request with a token.
fn asking(app: &TestApp, who: &Principal, method: &str, path: &str) -> axum::http::request::Builder {
    let token = app.token(who);
    Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"))
}

/// Rows under the header of the list.
fn csv(rows: &str) -> String {
    format!("ref,received,area\n{rows}")
}

/// The counts of a job that are not zero.
fn counts(job: &Value) -> String {
    let counts = job["counts"].as_object().unwrap_or_else(|| panic!("no counts: {job}"));
    let words = ["recorded", "corrected", "alreadyThere", "refused", "unreadable", "missing", "retracted", "journeys"];
    let each = words.iter().filter(|word| counts[**word] != json!(0)).map(|word| format!("{word} {}", counts[*word]));
    let state = text(&job["state"]);
    std::iter::once(state).chain(each).collect::<Vec<_>>().join(" ")
}
