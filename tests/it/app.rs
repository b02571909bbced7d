//! The service as its clients meet it: the in-process router over a fresh store, with the field's verbs as methods.
//!
//! Everything goes through HTTP and GraphQL with a token; nothing here reaches behind them but to wait for the view.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use throughline::access::sign_in::SignIn;
use throughline::access::token::LocalKey;
use throughline::access::{Principal, Role, Scope};
use throughline::app::App;
use throughline::clock::{Chance, Clock};
use throughline::http::router;
use throughline::jobs::ImportJobs;
use throughline::keys::KeyStore;
use throughline::search::PeopleSearch;
use throughline::store::Dialect;
use throughline_domain::contract::rulebook::packs;
use throughline_domain::fact::envelope::Position;
use throughline_gateway::Terms;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::stores::{Fresh, STORES};
use crate::wait::PATIENCE;

/// The media type of an answer whose status tells what happened.
pub(crate) const GRAPHQL: &str = "application/graphql-response+json";
/// The contract of most tests, and another one that nobody of the first may know of.
pub(crate) const SHPS: &str = "shps";
pub(crate) const MST: &str = "mst-essex";
/// The day on which a test begins, and the instant: nine in the morning of a working day in winter.
pub(crate) const TODAY: &str = "2018-03-01";
const BEGINS: &str = "2018-03-01T09:00:00Z";

/// The service over one store.
pub(crate) struct TestApp {
    pub(crate) fresh: Fresh,
    pub(crate) key: LocalKey,
    router: Router,
    keys: tempfile::TempDir,
}

/// What came back over HTTP.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The codes of the top-level errors.
    pub(crate) fn codes(&self) -> Vec<String> {
        let body = self.json();
        let errors = body["errors"].as_array().into_iter().flatten();
        errors.map(|error| text(&error["extensions"]["code"])).collect()
    }

    /// What was asked for; errors fail the test.
    fn data(&self) -> Value {
        let body = self.json();
        assert!(self.status == StatusCode::OK && body["errors"].is_null(), "{}\n{}", self.status, self.body);
        body["data"].clone()
    }

    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a header of text"))
    }
}

/// Runs a test on each of the two stores, each time on a service of its own with both contracts open.
pub(crate) async fn on_both_stores(test: impl AsyncFn(&TestApp)) {
    from_the_instant(BEGINS, async |app: &TestApp| {
        for code in [SHPS, MST] {
            app.open_contract(code).await;
        }
        test(app).await;
    })
    .await;
}

/// The same with a key store, so that names and notes can be recorded.
pub(crate) async fn on_both_stores_with_keys(test: impl AsyncFn(&TestApp)) {
    for store in STORES {
        let _named = NamesTheStore(store);
        let app = TestApp::of(Fresh::with_keys(store, instant(BEGINS)).await).await;
        test(&app).await;
        app.fresh.end().await;
    }
}

/// Runs a test on each of the two stores, each time on an empty service of its own that begins at an instant.
pub(crate) async fn from_the_instant(begins: &str, test: impl AsyncFn(&TestApp)) {
    for store in STORES {
        let _named = NamesTheStore(store);
        let app = TestApp::on(store, begins).await;
        test(&app).await;
        app.fresh.end().await;
    }
}

fn key(keys: &tempfile::TempDir) -> LocalKey {
    LocalKey::read_or_make(&keys.path().join("test.key")).expect("a key")
}

/// The application over a store.
pub(crate) fn app_over(fresh: &Fresh) -> App {
    App {
        log: fresh.log.clone(),
        views: fresh.views.clone(),
        recorder: fresh.recorder.clone(),
        evidence: fresh.evidence.clone(),
        clock: Arc::clone(&fresh.clock),
        keys: fresh.keys.clone(),
        search: fresh.search.clone(),
        outbox: fresh.outbox.clone(),
        imports: fresh.imports.clone(),
    }
}

/// The routes of a server over a store.
fn served(fresh: &Fresh, keys: &tempfile::TempDir, terms: Terms) -> Router {
    router(app_over(fresh), Arc::new(key(keys)), terms)
}

fn asking(token: &str, document: &str, variables: &Value) -> Request<Body> {
    let body = json!({ "query": document, "variables": variables }).to_string();
    TestApp::post(token).body(Body::from(body)).expect("a request")
}

/// Says on which store a test failed.
struct NamesTheStore(Dialect);

impl Drop for NamesTheStore {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the test failed on {:?}", self.0);
        }
    }
}

/// A text of an answer.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// An instant.
pub(crate) fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

/// An id of our own making.
pub(crate) fn new_id() -> String {
    Uuid::from_bytes(Chance::System.bytes()).to_string()
}

/// A caller with this role and login who may see these contracts, or all contracts if none is named.
pub(crate) fn test_caller(role: Role, subject: &str, contracts: &[&str]) -> Principal {
    let scope = match contracts {
        [] => Scope::Deployment,
        some => Scope::Contracts(some.iter().map(|&code| code.to_owned()).collect()),
    };
    Principal { subject: subject.to_owned(), role, scope }
}

/// A manager of the first contract.
pub(crate) fn manager() -> Principal {
    test_caller(Role::Manager, "manager", &[SHPS])
}

/// A manager of the other contract.
pub(crate) fn other_manager() -> Principal {
    test_caller(Role::Manager, "other-manager", &[MST])
}

/// A keyworker of the first contract, by login.
pub(crate) fn keyworker(login: &str) -> Principal {
    test_caller(Role::Keyworker, login, &[SHPS])
}

/// An administrator of the deployment.
pub(crate) fn administrator() -> Principal {
    test_caller(Role::Administrator, "administrator", &[])
}

/// The codes of a payload's problems that stood in the way.
pub(crate) fn refusals(payload: &Value) -> Vec<String> {
    let problems = payload["problems"].as_array().unwrap_or_else(|| panic!("no payload: {payload}"));
    let errors = problems.iter().filter(|problem| problem["severity"] == "ERROR");
    errors.map(|problem| text(&problem["code"])).collect()
}

/// Two objects as one; of a key in both, the second counts.
pub(crate) fn with(mut one: Value, other: Value) -> Value {
    let Value::Object(other) = other else { panic!("not an object: {other}") };
    one.as_object_mut().expect("an object").extend(other);
    one
}

/// A made contact of a day.
pub(crate) fn call(journey: &str, on: &str) -> Value {
    json!({ "journey": journey, "channel": "phone", "twoWay": true, "occurredOn": on })
}

impl TestApp {
    async fn on(store: Dialect, begins: &str) -> Self {
        Self::over(Fresh::on(store, instant(begins)).await)
    }

    /// A service over this store, with both contracts open.
    pub(crate) async fn of(fresh: Fresh) -> Self {
        let app = Self::over(fresh);
        for code in [SHPS, MST] {
            app.open_contract(code).await;
        }
        app
    }

    fn over(fresh: Fresh) -> Self {
        let keys = tempfile::tempdir().expect("a temporary directory");
        let router = served(&fresh, &keys, Terms::default());
        Self { key: key(&keys), fresh, router, keys }
    }

    /// The routes of a server over the same log whose key store is away.
    pub(crate) fn without_keys(&self) -> Router {
        self.router_with(KeyStore::none())
    }

    /// The routes of a server over the same log with another key store.
    pub(crate) fn router_with(&self, keys: KeyStore) -> Router {
        let app = app_over(&self.fresh);
        let search = PeopleSearch::of(&self.fresh.log, &keys);
        let recorder = app.recorder.sealing_with(keys.clone()).looking_in(search.clone());
        let app = App { recorder, keys, search, ..app };
        router(app, Arc::new(key(&self.keys)), Terms::default())
    }

    /// A further server over the same log: it remembers nothing of what this one was asked.
    pub(crate) fn another(&self) -> Router {
        self.router_under(Terms::default())
    }

    /// The routes of a server over the same log with views of its own.
    pub(crate) fn router_over(&self, views: &throughline::views::Views) -> Router {
        let app = App { views: views.clone(), ..app_over(&self.fresh) };
        router(app, Arc::new(key(&self.keys)), Terms::default())
    }

    /// The routes of a server over the same log that takes imports, under terms.
    pub(crate) fn router_taking(&self, imports: &ImportJobs, terms: Terms) -> Router {
        let app = App { imports: imports.clone(), ..app_over(&self.fresh) };
        router(app, Arc::new(key(&self.keys)), terms)
    }

    /// The routes of a further server over the same log, under terms.
    pub(crate) fn router_under(&self, terms: Terms) -> Router {
        served(&self.fresh, &self.keys, terms)
    }

    /// The routes of a further server over the same log, which trusts these issuers besides the local key.
    pub(crate) fn router_trusting(&self, issuers: &str) -> Router {
        self.router_behind(issuers, &[])
    }

    /// The same, behind these proxies.
    pub(crate) fn router_behind(&self, issuers: &str, proxies: &[std::net::IpAddr]) -> Router {
        let file = self.keys.path().join("issuers.toml");
        std::fs::write(&file, issuers).expect("the folder takes files");
        let sign_in = SignIn::read(Some(Arc::new(key(&self.keys))), Some(&file)).expect("a file of issuers");
        router(app_over(&self.fresh), sign_in.behind(proxies), Terms::default())
    }

    /// Asks GraphQL of a server over this log with a token as it is.
    pub(crate) async fn ask_of_with(server: &Router, token: &str, document: &str, variables: Value) -> Answer {
        Self::send_to(server, asking(token, document, &variables)).await
    }

    /// The text of the signing key, for whoever forges tokens.
    pub(crate) fn key_pem(&self) -> String {
        std::fs::read_to_string(self.keys.path().join("test.key")).expect("the key file")
    }

    /// Moves the clock.
    pub(crate) fn it_is(&self, at: &str) {
        self.fresh.clock.set(instant(at));
    }

    /// Where the log stands.
    pub(crate) async fn head(&self) -> i64 {
        self.fresh.log.head().await.expect("the head").position.0
    }

    /// A token that is good for five minutes of the machine's time.
    pub(crate) fn token(&self, who: &Principal) -> String {
        self.key.issue(who, Clock::Machine.now(), TimeDelta::minutes(5), Uuid::nil())
    }

    /// The routes, to be served over a real connection.
    pub(crate) fn router(&self) -> Router {
        self.router.clone()
    }

    /// Sends any request.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        Self::send_to(&self.router, request).await
    }

    /// Sends any request to a server.
    pub(crate) async fn send_to(router: &Router, request: Request<Body>) -> Answer {
        let response = router.clone().oneshot(request).await.expect("the router answers");
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("the body");
        let body = String::from_utf8(bytes.to_vec()).expect("a body of text");
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// A request for GraphQL with this token, to be sent with a body.
    pub(crate) fn post(token: &str) -> axum::http::request::Builder {
        Request::post("/graphql")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .header("accept", GRAPHQL)
    }

    /// Asks GraphQL with a token as it is.
    pub(crate) async fn ask_with(&self, token: &str, document: &str, variables: Value) -> Answer {
        self.send(asking(token, document, &variables)).await
    }

    /// Asks GraphQL of a server over this log; errors fail the test.
    pub(crate) async fn ask_of(&self, server: &Router, who: &Principal, document: &str, variables: Value) -> Value {
        Self::send_to(server, asking(&self.token(who), document, &variables)).await.data()
    }

    /// Asks GraphQL, whatever comes of it.
    pub(crate) async fn answer(&self, who: &Principal, document: &str, variables: Value) -> Answer {
        self.ask_with(&self.token(who), document, variables).await
    }

    /// Asks GraphQL; errors fail the test.
    pub(crate) async fn ask(&self, who: &Principal, document: &str, variables: Value) -> Value {
        self.answer(who, document, variables).await.data()
    }

    /// Asks GraphQL of what was known then. The service answers once the view is built, or says when to ask again.
    pub(crate) async fn answer_as_known(&self, who: &Principal, document: &str, variables: Value) -> Answer {
        let asked = async {
            loop {
                let answer = self.answer(who, document, variables.clone()).await;
                if answer.codes().first().is_none_or(|code| code != "VIEW_BUILDING") {
                    return answer;
                }
                assert!(answer.json()["errors"][0]["extensions"]["retryAfterMs"].is_u64(), "{}", answer.body);
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.expect("the view is built")
    }

    /// The same; errors fail the test.
    pub(crate) async fn ask_as_known(&self, who: &Principal, document: &str, variables: Value) -> Value {
        self.answer_as_known(who, document, variables).await.data()
    }

    /// Sends a mutation with this input and a command id of its own, unless it has one; answers with the payload, as
    /// soon as the view shows what was recorded.
    pub(crate) async fn tell(&self, who: &Principal, mutation: &str, input: Value) -> Value {
        let answer = self.told(who, mutation, input).await;
        let body = answer.json();
        assert!(answer.status == StatusCode::OK && body["errors"].is_null(), "{}\n{}", answer.status, answer.body);
        let payload = body["data"][mutation].clone();
        if let Some(position) = payload["position"].as_i64() {
            assert!(self.fresh.views.passed(Position(position), PATIENCE).await, "the view does not follow the log");
        }
        payload
    }

    /// The same, whatever comes of it.
    pub(crate) async fn told(&self, who: &Principal, mutation: &str, input: Value) -> Answer {
        let input = with(json!({ "commandId": new_id() }), input);
        self.answer(who, &mutation_document(mutation), json!({ "input": input })).await
    }

    /// The same, which must be accepted.
    pub(crate) async fn done(&self, who: &Principal, mutation: &str, input: Value) -> Value {
        let payload = self.tell(who, mutation, input).await;
        assert!(refusals(&payload).is_empty(), "{mutation} was refused: {payload:#}");
        payload
    }

    /// Opens the contract of a pack that ships.
    pub(crate) async fn open_contract(&self, code: &str) {
        let rulebook = packs::pack(code).expect("a pack").text;
        let input = json!({ "code": code, "name": code, "startsOn": "2017-03-01", "rulebook": rulebook });
        self.done(&administrator(), "openContract", input).await;
    }

    /// A worker joins; answers with the id.
    pub(crate) async fn add_worker(&self, login: &str) -> String {
        let input = json!({ "label": login.to_uppercase(), "login": login, "occurredOn": "2017-03-01" });
        text(&self.done(&administrator(), "addWorker", input).await["worker"]["id"])
    }

    /// A referral to the first contract comes in; answers with the journey's id.
    pub(crate) async fn receive_referral(&self, on: &str, reference: &str) -> String {
        let input = json!({
            "contract": SHPS, "area": "brent", "occurredOn": on,
            "externalReferences": [{ "system": "council", "id": reference }],
        });
        text(&self.done(&manager(), "receiveReferral", input).await["journey"]["id"])
    }

    /// The service takes the client on, by a keyworker.
    pub(crate) async fn take_on(&self, journey: &str, worker: &str, on: &str) {
        self.done(&manager(), "acceptReferral", json!({ "journey": journey, "occurredOn": on })).await;
        let input = json!({ "journey": journey, "worker": worker, "occurredOn": on });
        self.done(&manager(), "assignWorker", input).await;
    }

    /// A journey of the other contract, taken on by nobody yet.
    pub(crate) async fn journey_elsewhere(&self) -> String {
        let input = json!({ "contract": MST, "area": "mid", "occurredOn": "2018-02-01" });
        let journey = text(&self.done(&other_manager(), "receiveReferral", input).await["journey"]["id"]);
        let input = json!({ "journey": journey, "occurredOn": "2018-02-02" });
        self.done(&other_manager(), "acceptReferral", input).await;
        journey
    }

    /// A contact is logged.
    pub(crate) async fn log_contact(&self, who: &Principal, input: Value) -> Value {
        self.done(who, "logContact", input).await
    }
}

/// The document that sends a mutation and asks for its whole payload.
fn mutation_document(mutation: &str) -> String {
    let thing = match mutation {
        "createSubscription" | "changeSubscription" | "replaySubscription" | "endSubscription" => {
            "subscription { id state version position } secrets"
        }
        "cancelImport" => "job { id state }",
        "upsertReferral" => "result journey { id reference version }",
        "addWorker" | "leaveWorker" | "recordAbsence" | "setWte" => "worker { id label }",
        "setTeam" | "startCover" | "endCover" => "team { id }",
        "setCapacity" => "worker { id } team { id }",
        "assignWorkers" => "journeys { id }",
        "registerSubject" | "sealIdentity" | "giveConsent" | "withdrawConsent" | "linkSubjects" | "unlinkSubjects"
        | "dismissDuplicate" | "placeHold" | "liftHold" | "proposeErasure" | "approveErasure" => "subject { id }",
        "openContract"
        | "publishRulebook"
        | "dismissDoubleFunding"
        | "closePeriod"
        | "issueNotice"
        | "assessKpi"
        | "publishTargets"
        | "recordCommentary"
        | "submitReport" => "contract { id code }",
        "openBatch" | "submitBatch" | "decideClaim" | "resubmitClaim" | "withdrawClaim" | "recordPayment"
        | "raiseAdjustment" => "batch { id state version }",
        "offerReferral" | "acceptOffer" | "linkOffer" | "declineOffer" | "withdrawOffer" => {
            "offer { id state version timesOffered changedSinceDecision journey { id } }"
        }
        _ => "journey { id reference version asOf daysSinceContact onCaseload }",
    };
    let (first, rest) = mutation.split_at(1);
    let input = format!("{}{rest}Input", first.to_uppercase());
    format!(
        "mutation($input: {input}!) {{ {mutation}(input: $input) {{ {thing} replayed position \
         events {{ id type version position }} problems {{ __typename code severity message path rule allowed \
         ... on Refusal {{ facts {{ event type }} }} \
         ... on VersionConflict {{ actualVersion events {{ id type version }} }} }} }} }}"
    )
}
