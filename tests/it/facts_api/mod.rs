//! Every fact of a journey over the API, on both stores: a case, and the verbs of the worker who holds it.

mod corrected;
mod judged;
mod paths;
mod stated;
mod targets;

use serde_json::{Value, json};

use crate::app::{MST, TestApp, other_manager, test_caller, text, with};
use throughline::access::{Principal, Role};

/// A case of the other contract, whose rulebook has words for everything, held by `th-01`: its journey and worker.
async fn case(app: &TestApp) -> (String, String) {
    let worker = app.add_worker("th-01").await;
    let input = json!({ "contract": MST, "area": "mid", "occurredOn": "2018-01-02" });
    let journey = text(&app.done(&other_manager(), "receiveReferral", input).await["journey"]["id"]);
    let on = |input: Value| with(json!({ "journey": journey, "occurredOn": "2018-01-04" }), input);
    app.done(&other_manager(), "acceptReferral", on(json!({}))).await;
    app.done(&other_manager(), "assignWorker", on(json!({ "worker": worker }))).await;
    (journey, worker)
}

/// A case, and the verbs of the worker who holds it.
struct Work<'a> {
    app: &'a TestApp,
    journey: String,
    worker: String,
}

/// A manager; evidence is verified by another than the one who attached it.
fn who_does(mutation: &str) -> Principal {
    if mutation == "verifyEvidence" { test_caller(Role::Manager, "checker", &[MST]) } else { other_manager() }
}

impl<'a> Work<'a> {
    async fn on(app: &'a TestApp) -> Self {
        let (journey, worker) = case(app).await;
        Self { app, journey, worker }
    }

    fn input(&self, on: &str, input: Value) -> Value {
        with(json!({ "journey": self.journey, "occurredOn": on }), input)
    }

    /// Says that something was so on a day, which must be accepted and make one event; answers with the event's id.
    async fn so(&self, mutation: &str, on: &str, input: Value) -> String {
        let payload = self.app.done(&who_does(mutation), mutation, self.input(on, input)).await;
        assert_eq!(payload["events"].as_array().map(Vec::len), Some(1), "{payload:#}");
        text(&payload["events"][0]["id"])
    }

    /// The same, which must be refused with one problem and record nothing; answers with its code and path.
    async fn no(&self, mutation: &str, on: &str, input: Value) -> (String, Vec<String>) {
        let head = self.app.head().await;
        let payload = self.app.tell(&who_does(mutation), mutation, self.input(on, input)).await;
        assert_eq!(self.app.head().await, head, "a refused command moved the log: {payload:#}");
        let problems = payload["problems"].as_array().expect("problems");
        assert_eq!(problems.len(), 1, "{mutation}: {payload:#}");
        let path = problems[0]["path"].as_array().expect("a path").iter().map(text).collect();
        (text(&problems[0]["code"]), path)
    }

    /// What is read of the journey.
    async fn read(&self, fields: &str) -> Value {
        let document = format!("query($id: UUID!) {{ journey(id: $id) {{ {fields} }} }}");
        self.app.ask(&other_manager(), &document, json!({ "id": self.journey })).await["journey"].clone()
    }

    /// What was so at the end of a day.
    async fn read_as_of(&self, day: &str, fields: &str) -> Value {
        let document =
            format!("query($id: UUID!, $day: Date) {{ journey(id: $id, at: {{ asOf: $day }}) {{ {fields} }} }}");
        let variables = json!({ "id": self.journey, "day": day });
        self.app.ask(&other_manager(), &document, variables).await["journey"].clone()
    }
}

/// A code and the path that it is about.
fn at(code: &str, path: &[&str]) -> (String, Vec<String>) {
    (code.to_owned(), path.iter().map(|part| (*part).to_owned()).collect())
}
