//! What may be sent, and what is refused before anything is imported: types, sizes, rates, rights and broken bodies.

use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use futures_util::stream;
use rust_xlsxwriter::Workbook;
use serde_json::{Value, json};
use throughline::access::Role;
use throughline::jobs::Limits;
use throughline_gateway::{Budget, Terms};

use super::{LIST, Server, asking, council, counts, csv, other_council};
use crate::app::{MST, SHPS, TestApp, on_both_stores, test_caller, text};

/// The mapping of the list for another format and system.
fn list_of(format: &str, more: &str) -> String {
    LIST.replace("\"csv\"", &format!("\"{format}\"\n{more}")).replace("\"council\"", &format!("\"council-{format}\""))
}

fn workbook(rows: &[[&str; 3]]) -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (row, cells) in rows.iter().enumerate() {
        for (column, cell) in cells.iter().enumerate() {
            let (row, column) = (u32::try_from(row).expect("few"), u16::try_from(column).expect("few"));
            sheet.write_string(row, column, *cell).expect("a cell");
        }
    }
    workbook.save_to_buffer().expect("a workbook")
}

/// An event that registers a subject.
fn event(nth: u32) -> Value {
    json!({
        "specversion": "1.0", "id": format!("1e582dfa-7468-5240-bcd8-{nth:012}"), "source": "partner",
        "type": "throughline.subject.subject_registered.v1", "time": "2018-01-05",
        "subject": format!("subject/75bc4ed3-d337-53b3-84ba-{nth:012}"),
        "data": { "payload": { "kind": "person" } },
    })
}

/// A body of several files, as `curl -F` sends it.
fn parts(files: &[(&str, &str)]) -> (String, String) {
    let part = |(name, content): &(&str, &str)| {
        format!(
            "--x1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/csv\r\n\r\n\
             {content}\r\n"
        )
    };
    let body: String = files.iter().map(part).collect();
    ("multipart/form-data; boundary=x1".to_owned(), format!("{body}--x1--\r\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_is_imported_and_the_same_again_adds_nothing() {
    const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    on_both_stores(async |app| {
        let (xml, json_list) = (list_of("xml", "record = \"all/one\""), list_of("json", ""));
        let xlsx = list_of("xlsx", "");
        let mappings = [
            ("mst-essex/list.toml", LIST),
            ("mst-essex/xml.toml", xml.as_str()),
            ("mst-essex/json.toml", json_list.as_str()),
            ("mst-essex/xlsx.toml", xlsx.as_str()),
        ];
        let mut server = Server::idle(app, &mappings, Limits::default());
        server.start(app);
        let one = json!([{ "ref": "J-1", "received": "2018-01-05", "area": "mid" }]).to_string();
        let line = json!({ "ref": "J-2", "received": "2018-01-05", "area": "mid" }).to_string();
        let xml = "<all><one><ref>X-1</ref><received>2018-01-05</received><area>mid</area></one></all>";
        let sheet = workbook(&[["ref", "received", "area"], ["W-1", "2018-01-05", "mid"]]);
        let (multipart, files) =
            parts(&[("a.csv", &csv("M-1,2018-01-05,mid\n")), ("b.csv", &csv("M-2,2018-01-05,mid"))]);
        let bodies: [(&str, &str, Vec<u8>, i64); 8] = [
            ("list", "text/csv; charset=utf-8", csv("C-1,2018-01-05,mid\n").into(), 1),
            ("list", &multipart, files.into(), 2),
            ("json", "application/json", one.into(), 1),
            ("json", "application/x-ndjson", line.into(), 1),
            ("xml", "application/xml", xml.into(), 1),
            ("xlsx", XLSX, sheet, 1),
            (MST, "application/cloudevents+json", event(1).to_string().into(), 1),
            ("list", "application/cloudevents-batch+json", json!([event(2), event(3)]).to_string().into(), 2),
        ];
        for (source, of, body, records) in bodies {
            let sent = server.post(app, &council(), source, (of, body.clone())).await;
            assert_eq!(sent.status, StatusCode::ACCEPTED, "{of}: {}", sent.body);
            let job = server.ended(app, &sent).await;
            assert_eq!(
                (&job["state"], &job["counts"]["recorded"]),
                (&json!("finished"), &json!(records)),
                "{of}: {job}"
            );
            let before = app.head().await;
            let again = server.post(app, &council(), source, (of, body)).await;
            let job = server.ended(app, &again).await;
            assert_eq!(
                (&job["counts"]["recorded"], &job["counts"]["alreadyThere"]),
                (&json!(0), &json!(records)),
                "{of}"
            );
            assert_eq!(app.head().await, before, "{of}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_judged_by_itself_and_never_sees_another_contract() {
    on_both_stores(async |app| {
        let elsewhere = app.receive_referral("2018-02-05", "BR-1").await;
        let server = Server::with_list(app);
        let contact = |id: u32, journey: &str| {
            json!({
                "specversion": "1.0", "id": format!("3e582dfa-7468-5240-bcd8-{id:012}"), "source": "partner",
                "type": "throughline.journey.referral_accepted.v1", "time": "2018-02-06",
                "subject": format!("journey/{journey}"), "data": { "payload": {} },
            })
        };
        let unknown = "99bc4ed3-d337-53b3-84ba-0f80d78336e8";
        let mut broken = event(9);
        broken["type"] = "throughline.journey.nothing.v1".into();
        let batch = json!([event(1), contact(2, &elsewhere), contact(3, unknown), broken]).to_string();
        let sent = server.post(app, &council(), MST, ("application/cloudevents-batch+json", batch)).await;
        let job = server.ended(app, &sent).await;
        assert_eq!(counts(&job), "finished recorded 1 refused 2 unreadable 1");
        let quarantined = job["quarantined"].as_array().expect("a list");
        let said = |at: usize| (&quarantined[at]["code"], &quarantined[at]["message"]);
        assert_eq!(said(0), said(1), "a case of another contract is like none");
        assert_eq!((&quarantined[2]["line"], &quarantined[2]["place"]), (&json!(4), &json!("type")));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_whole_body_of_its_type_leaves_no_job_and_no_file() {
    on_both_stores(async |app| {
        let server = Server::with_list(app);
        let broken = stream::iter([Ok("ref,received,area\nA-1,"), Err(std::io::Error::other("gone"))]);
        let (multipart, files) = parts(&[("a.csv", "ref")]);
        let bodies: [(&str, Body, StatusCode); 9] = [
            ("text/csv", Body::from_stream(broken), StatusCode::BAD_REQUEST),
            ("application/cloudevents+json", "{\"specversion\": \"1.0\"".into(), StatusCode::BAD_REQUEST),
            ("application/cloudevents+json", "[{}]".into(), StatusCode::BAD_REQUEST),
            ("application/cloudevents-batch+json", "{}".into(), StatusCode::BAD_REQUEST),
            (&multipart, files[..files.len() - 9].to_owned().into(), StatusCode::BAD_REQUEST),
            ("multipart/form-data", files.clone().into(), StatusCode::BAD_REQUEST),
            ("application/json", "[]".into(), StatusCode::UNSUPPORTED_MEDIA_TYPE),
            ("", "".into(), StatusCode::UNSUPPORTED_MEDIA_TYPE),
            ("text/html", "".into(), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ];
        for (of, body, status) in bodies {
            let answer = server.post(app, &council(), "list", (of, body)).await;
            assert_eq!(answer.status, status, "{of}: {}", answer.body);
            assert_eq!(answer.header("content-type"), "application/problem+json");
            if status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
                assert!(answer.header("accept-post").contains("text/csv, multipart/form-data"), "{of}");
            }
        }
        let zipped = asking(app, &council(), "POST", "/import/list").header("content-type", "text/csv");
        let zipped = zipped.header("content-encoding", "gzip").body(Body::from("x")).expect("a request");
        assert_eq!(server.send(zipped).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        let document = "{ importJobs(source: \"list\") { totalCount } }";
        let found = app.ask_of(&server.router, &council(), document, json!({})).await;
        assert_eq!(found["importJobs"]["totalCount"], 0);
        assert_eq!(server.bodies(), Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_what_the_mapping_says_fails_with_its_place() {
    on_both_stores(async |app| {
        let server = Server::with_list(app);
        let before = app.head().await;
        let sent =
            server.post(app, &council(), "list?file=today.csv", ("text/csv", "ref,received\nA-1,2018-01-05\n")).await;
        let job = server.ended(app, &sent).await;
        assert_eq!(job["state"], "failed");
        let reason = text(&job["reason"]);
        assert!(reason.starts_with("today.csv: line 1: ") && reason.contains("area"), "{reason}");
        assert_eq!(app.head().await, before);
        assert_eq!(server.bodies(), Vec::<String>::new());
        // The next one is not held up by it.
        assert_eq!(counts(&server.list(app, "A-1,2018-01-05,mid\n").await), "finished recorded 1 journeys 1");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_is_refused_and_says_when_to_send_again() {
    on_both_stores(async |app| {
        let limits = Limits { files: 1_000, events: 500, waiting: 1, receiving: 1 };
        let server = Server::idle(app, &[("mst-essex/list.toml", LIST)], limits);
        let large = "x".repeat(1_001);
        let answer = server.post(app, &council(), "list", ("text/csv", large.clone())).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", answer.body);
        // A body that does not say its length is counted as it arrives.
        let pieces = stream::iter((0..11).map(|_| Ok::<_, std::io::Error>("x".repeat(100))));
        let answer = server.post(app, &council(), "list", ("text/csv", Body::from_stream(pieces))).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        let events = ("application/cloudevents+json", large[..501].to_owned());
        assert_eq!(server.post(app, &council(), MST, events).await.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(server.bodies(), Vec::<String>::new());

        let first = server.post(app, &council(), "list", ("text/csv", csv("A-1,2018-01-05,mid\n"))).await;
        assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.body);
        let second = server.post(app, &council(), "list", ("text/csv", csv("A-2,2018-01-05,mid\n"))).await;
        assert_eq!(second.status, StatusCode::TOO_MANY_REQUESTS, "{}", second.body);
        assert!(second.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));

        let terms = Terms { budget: Arc::new(Budget::per_minute(150_000)), ..Terms::default() };
        let folder = Arc::new(tempfile::tempdir().expect("a folder"));
        let server = Server::over(app, folder, Limits::default(), terms);
        let mut answers = Vec::new();
        for nth in 1..=2 {
            let body = event(nth).to_string();
            answers.push(server.post(app, &council(), MST, ("application/cloudevents+json", body)).await);
        }
        assert_eq!((answers[0].status, answers[1].status), (StatusCode::ACCEPTED, StatusCode::TOO_MANY_REQUESTS));
        assert!(answers[1].header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_of_another_contract_is_like_none_and_other_roles_may_not_import() {
    on_both_stores(async |app: &TestApp| {
        let server = Server::with_list(app);
        let body = || ("text/csv", csv("A-1,2018-01-05,mid\n"));
        let foreign = server.post(app, &other_council(), "list", body()).await;
        let unknown = server.post(app, &council(), "nothing", body()).await;
        let of_contract = server.post(app, &other_council(), MST, body()).await;
        assert_eq!((foreign.status, &foreign.body), (StatusCode::NOT_FOUND, &unknown.body));
        assert_eq!((of_contract.status, &of_contract.body), (StatusCode::NOT_FOUND, &unknown.body));
        for role in [Role::Keyworker, Role::Commissioner, Role::Auditor, Role::Administrator] {
            let caller = test_caller(role, "caller", &[MST]);
            assert_eq!(server.post(app, &caller, "list", body()).await.status, StatusCode::FORBIDDEN, "{role}");
        }
        let manager = test_caller(Role::Manager, "manager", &[MST]);
        assert_eq!(server.post(app, &manager, "list", body()).await.status, StatusCode::ACCEPTED);
        let nobody = axum::http::Request::post("/import/list").header("content-type", "text/csv");
        let nobody = nobody.body(Body::from("x")).expect("a request");
        assert_eq!(server.send(nobody).await.status, StatusCode::UNAUTHORIZED);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_has_the_code_of_another_contract_does_not_hide_the_events_of_that_contract() {
    on_both_stores(async |app: &TestApp| {
        let mapping = format!("{MST}/{SHPS}.toml");
        let server = Server::idle(app, &[(mapping.as_str(), LIST)], Limits::default());
        let events = || ("application/cloudevents-batch+json", "[]");
        let sent = server.post(app, &other_council(), SHPS, events()).await;
        assert_eq!(sent.status, StatusCode::ACCEPTED, "{}", sent.body);
        assert_eq!(sent.json()["contract"], SHPS);
    })
    .await;
}
