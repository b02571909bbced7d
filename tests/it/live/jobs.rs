//! The life of jobs: order, restart, cancelling, repetition, and other people's work meanwhile.

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::json;
use throughline::jobs::Limits;

use super::{LIST, Server, asking, council, counts, csv, other_council};
use crate::app::{MST, TestApp, call, on_both_stores, refusals, text};
use crate::wait::until;

/// So many rows, which take a while.
fn many(rows: usize) -> String {
    (0..rows).map(|nth| format!("N-{nth},2018-01-05,mid\n")).collect::<Vec<_>>().concat()
}

const MANY: usize = 3_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_recorded_the_same_again_adds_nothing_and_changes_are_corrections() {
    on_both_stores(async |app| {
        let server = Server::with_list(app);
        let job = server.list(app, "A-1,2018-01-05,mid\nA-2,2018-02-31,mid\nA-3,2018-01-07,nowhere\n").await;
        assert_eq!(counts(&job), "finished recorded 1 refused 1 unreadable 1 journeys 1");
        let quarantined = job["quarantined"].as_array().expect("a list");
        assert_eq!(quarantined.len(), 2);
        assert_eq!(
            (&quarantined[0]["line"], &quarantined[0]["record"], &quarantined[0]["place"]),
            (&json!(3), &json!("A-2"), &json!("received"))
        );
        assert_eq!(quarantined[1]["outcome"], "refused");
        assert_eq!(server.bodies(), Vec::<String>::new(), "what was sent is gone");

        let all = "A-1,2018-01-05,mid\nA-2,2018-01-06,mid\nA-3,2018-01-07,mid\n";
        assert_eq!(counts(&server.list(app, all).await), "finished recorded 2 alreadyThere 1 journeys 2");
        let before = app.head().await;
        assert_eq!(counts(&server.list(app, all).await), "finished alreadyThere 3");
        assert_eq!(app.head().await, before, "the same again records nothing");
        let changed = "A-1,2018-01-08,mid\nA-2,2018-01-06,mid\n";
        assert_eq!(counts(&server.list(app, changed).await), "finished corrected 1 alreadyThere 1 retracted 1");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_jobs_of_one_source_are_imported_in_the_order_in_which_they_were_sent() {
    on_both_stores(async |app| {
        let mut server = Server::idle(app, &[("mst-essex/list.toml", LIST)], Limits::default());
        let mut sent = Vec::new();
        for day in ["05", "06", "05"] {
            let body = csv(&format!("A-1,2018-01-{day},mid\n"));
            sent.push(server.post(app, &council(), "list", ("text/csv", body)).await);
        }
        for answer in &sent {
            assert_eq!((answer.status, text(&answer.json()["state"]).as_str()), (StatusCode::ACCEPTED, "waiting"));
        }
        server.start(app);
        let mut found = Vec::new();
        for answer in &sent {
            found.push(counts(&server.ended(app, answer).await));
        }
        // Back to the first value is a change of its own.
        assert_eq!(found, ["finished recorded 1 journeys 1", "finished corrected 1", "finished corrected 1"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_was_interrupted_is_done_after_the_restart_and_records_nothing_twice() {
    on_both_stores(async |app| {
        let mut server = Server::with_list(app);
        let before = app.head().await;
        let sent = server.post(app, &council(), "list", ("text/csv", csv(&many(MANY)))).await;
        until("some rows are recorded", async || app.head().await > before + 50).await;
        server.stop().await;
        let job = server.job(app, &sent).await;
        assert_eq!((text(&job["state"]).as_str(), &job["results"]), ("running", &json!(null)));
        assert_eq!(server.bodies().len(), 1, "the file waits for the restart");

        let server = server.again(app);
        let job = server.ended(app, &sent).await;
        let number = |name: &str| job["counts"][name].as_u64().expect("a count");
        assert_eq!((&job["state"], &job["attempts"]), (&json!("finished"), &json!(2)));
        assert_eq!(number("recorded") + number("alreadyThere"), MANY as u64);
        assert!(number("alreadyThere") > 0, "{job}");
        // Each row is a case: a subject and a referral. The source and its run are two further events.
        assert_eq!(app.head().await, before + 2 + 2 * i64::try_from(MANY).expect("a number"));
        assert_eq!(server.bodies(), Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyworker_records_while_an_import_is_running() {
    on_both_stores(async |app| {
        let worker = app.add_worker("kw-07").await;
        let journey = app.receive_referral("2018-02-05", "BR-1").await;
        app.take_on(&journey, &worker, "2018-02-06").await;
        let server = Server::with_list(app);
        let before = app.head().await;
        let sent = server.post(app, &council(), "list", ("text/csv", csv(&many(MANY)))).await;
        until("some rows are recorded", async || app.head().await > before + 50).await;
        let logged = app.log_contact(&crate::app::keyworker("kw-07"), call(&journey, "2018-02-28")).await;
        let job = server.ended(app, &sent).await;
        assert_eq!(job["counts"]["recorded"], json!(MANY));
        let contact = logged["position"].as_i64().expect("a position");
        assert!(contact < job["position"].as_i64().expect("a position"), "the contact did not wait for the import");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_cancelled_over_http_and_by_mutation_and_what_it_recorded_stays() {
    on_both_stores(async |app| {
        let mut server = Server::idle(app, &[("mst-essex/list.toml", LIST)], Limits::default());
        let waiting = server.post(app, &council(), "list", ("text/csv", csv("A-1,2018-01-05,mid\n"))).await;
        let running = server.post(app, &council(), "list", ("text/csv", csv(&many(MANY)))).await;
        let at =
            |method: &str, path: &str| asking(app, &council(), method, path).body(Body::empty()).expect("a request");
        let answer = server.send(at("DELETE", waiting.header("location"))).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
        let before = app.head().await;
        server.start(app);
        assert_eq!(counts(&server.ended(app, &waiting).await), "cancelled");
        until("some rows are recorded", async || app.head().await > before + 50).await;
        let id = text(&running.json()["id"]);
        let cancelled = app.done(&council(), "cancelImport", json!({ "job": id })).await;
        assert_eq!(cancelled["job"]["id"], json!(id));
        let job = server.ended(app, &running).await;
        assert_eq!(job["state"], "cancelled");
        assert!(app.head().await > before, "what was recorded stays");
        let runs = "{ importRuns(system: \"council\") { nodes { ended counts { recorded } } } }";
        let runs = app.ask(&council(), runs, json!({})).await["importRuns"]["nodes"].clone();
        assert_eq!(runs.as_array().map(Vec::len), Some(1), "a job that only waited was no run: {runs}");
        assert_eq!(runs[0]["ended"], "STOPPED");
        assert_eq!(runs[0]["counts"]["recorded"], job["counts"]["recorded"]);
        assert_eq!(server.bodies(), Vec::<String>::new());

        let again = server.send(at("DELETE", running.header("location"))).await;
        assert_eq!(again.status, StatusCode::CONFLICT);
        let again = app.tell(&council(), "cancelImport", json!({ "job": id })).await;
        assert_eq!(refusals(&again), ["IMPORT_ENDED"]);
        let unknown = app.tell(&council(), "cancelImport", json!({ "job": crate::app::new_id() })).await;
        let foreign = app.tell(&other_council(), "cancelImport", json!({ "job": id })).await;
        assert_eq!(
            (refusals(&unknown), &unknown["problems"]),
            (vec!["IMPORT_NOT_FOUND".to_owned()], &foreign["problems"])
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_twice_is_one_job_while_it_is_not_over_or_under_one_key() {
    on_both_stores(async |app| {
        let mut server = Server::idle(app, &[("mst-essex/list.toml", LIST)], Limits::default());
        let rows = csv("A-1,2018-01-05,mid\n");
        let first = server.post(app, &council(), "list", ("text/csv", rows.clone())).await;
        let same = server.post(app, &council(), "list", ("text/csv", rows.clone())).await;
        assert_eq!((same.status, same.header("location")), (StatusCode::OK, first.header("location")));
        let keyed = async |server: &Server, key: &str, rows: String| {
            let request = asking(app, &council(), "POST", "/import/list").header("content-type", "text/csv");
            let request = request.header("idempotency-key", key).body(Body::from(rows));
            server.send(request.expect("a request")).await
        };
        let other = keyed(&server, "k-1", rows.clone()).await;
        assert_eq!(other.status, StatusCode::ACCEPTED, "a new key is a new job");
        server.start(app);
        assert_eq!(counts(&server.ended(app, &first).await), "finished recorded 1 journeys 1");
        assert_eq!(counts(&server.ended(app, &other).await), "finished alreadyThere 1");
        let again = keyed(&server, "k-1", rows.clone()).await;
        assert_eq!((again.status, again.header("location")), (StatusCode::OK, other.header("location")));
        let changed = keyed(&server, "k-1", csv("A-2,2018-01-05,mid\n")).await;
        assert_eq!(changed.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", changed.body);
        assert_eq!(keyed(&server, "", rows.clone()).await.status, StatusCode::BAD_REQUEST);
        // Without a key, and after the end, it is a job that finds everything recorded.
        let later = server.post(app, &council(), "list", ("text/csv", rows)).await;
        assert_eq!(later.status, StatusCode::ACCEPTED);
        assert_eq!(counts(&server.ended(app, &later).await), "finished alreadyThere 1");
        assert_eq!(server.bodies(), Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_lists_imports_with_their_quarantine_and_another_contract_sees_none() {
    on_both_stores(async |app| {
        let server = Server::with_list(app);
        let first = server.list(app, "A-1,2018-01-05,mid\n").await;
        let second = server.list(app, "A-1,2018-01-05,mid\nA-2,x,mid\nA-3,y,mid\n").await;
        let document = "query($id: UUID!, $node: ID!) { importJobs(source: \"list\", first: 1) { totalCount nodes { id \
             source state sender contract { code } counts { recorded unreadable } results quarantine(first: 1) { \
             totalCount nodes { line record place message } pageInfo { hasNextPage } } } pageInfo { hasNextPage } } \
             importJob(id: $id) { id state attempts } node(id: $node) { id __typename } }";
        let variables = json!({ "id": first["id"], "node": first["id"] });
        let ask = async |who| app.ask_of(&server.router, &who, document, variables.clone()).await;
        let found = ask(council()).await;
        let jobs = &found["importJobs"];
        assert_eq!((&jobs["totalCount"], &jobs["pageInfo"]["hasNextPage"]), (&json!(2), &json!(true)));
        let newest = &jobs["nodes"][0];
        assert_eq!((&newest["id"], &newest["state"]), (&second["id"], &json!("FINISHED")));
        assert_eq!((&newest["contract"]["code"], &newest["sender"]), (&json!(MST), &json!("council")));
        assert_eq!(newest["quarantine"]["totalCount"], 2);
        assert_eq!(newest["quarantine"]["nodes"][0]["record"], "A-2");
        assert_eq!(found["importJob"]["id"], first["id"]);
        assert_eq!(found["node"]["__typename"], "ImportJob");
        let foreign = ask(other_council()).await;
        assert_eq!(foreign, json!({ "importJobs": null, "importJob": null, "node": null }));

        let results = text(&second["results"]);
        let request = asking(app, &council(), "GET", &results).body(Body::empty()).expect("a request");
        let file = server.send(request).await;
        assert_eq!((file.status, file.body.lines().count()), (StatusCode::OK, 4), "{}", file.body);
        assert!(file.body.contains("list.csv,3,referrals,A-2,unreadable,,,,received,"), "{}", file.body);
        for path in [results.as_str(), &format!("/import/jobs/{}", text(&second["id"])), "/import/jobs/none"] {
            let foreign = asking(app, &other_council(), "GET", path).body(Body::empty()).expect("a request");
            let unknown = asking(app, &council(), "GET", "/import/jobs/none").body(Body::empty()).expect("a request");
            let (foreign, unknown) = (server.send(foreign).await, server.send(unknown).await);
            assert_eq!((foreign.status, &foreign.body), (StatusCode::NOT_FOUND, &unknown.body), "{path}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_folder_takes_nothing_and_says_so() {
    on_both_stores(async |app: &TestApp| {
        let request = asking(app, &council(), "POST", "/import/mst-essex");
        let request = request.header("content-type", "application/cloudevents+json").body(Body::from("{}"));
        let answer = app.send(request.expect("a request")).await;
        assert_eq!(answer.status, StatusCode::NOT_IMPLEMENTED, "{}", answer.body);
        assert!(answer.body.contains("--import-folder"));
    })
    .await;
}
