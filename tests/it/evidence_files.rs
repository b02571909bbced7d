//! Files of evidence, on both stores: uploads whole, in parts and resumed, what is refused, who may open a file, and
//! where its bytes are.

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use throughline::access::{Principal, Role};
use throughline::evidence::{EvidenceFiles, PART_SIZE, Removed};
use tower::ServiceExt as _;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::app::{
    Answer, SHPS, TestApp, keyworker, manager, new_id, on_both_stores_with_keys, other_manager, refusals, test_caller,
    text, with,
};
use crate::relations::set_team;

/// What no file of a store may contain.
const CANARY: &str = "canary 7f3a the client earns little";
pub(crate) const PDF: &str = "application/pdf";

/// What came back, with its bytes.
pub(crate) struct Bytes {
    pub(crate) status: StatusCode,
    headers: axum::http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Bytes {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// The status, and what a problem document says.
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{:?}", self.body);
        (self.status.as_u16(), text(&self.json()["detail"]))
    }
}

pub(crate) async fn send_to(router: Router, token: &str, method: &str, path: &str, body: Vec<u8>) -> Bytes {
    let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
    let response = router.oneshot(request.body(Body::from(body)).expect("a request")).await.expect("an answer");
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.map(|bytes| bytes.to_vec()).unwrap_or_default();
    Bytes { status: parts.status, headers: parts.headers, body }
}

async fn send(app: &TestApp, who: &Principal, method: &str, path: &str, body: Vec<u8>) -> Bytes {
    send_to(app.router(), &app.token(who), method, path, body).await
}

fn opening(journey: &str, name: &str, media: &str, size: usize) -> Vec<u8> {
    json!({ "journey": journey, "name": name, "type": media, "size": size }).to_string().into_bytes()
}

/// Opens an upload; answers with its path.
async fn open(app: &TestApp, who: &Principal, journey: &str, (name, media): (&str, &str), size: usize) -> String {
    let opened = send(app, who, "POST", "/evidence/uploads", opening(journey, name, media, size)).await;
    assert_eq!(opened.status, StatusCode::CREATED, "{:?}", String::from_utf8_lossy(&opened.body));
    let path = opened.header("location").to_owned();
    assert_eq!(path, format!("/evidence/uploads/{}", text(&opened.json()["upload"])));
    path
}

/// Uploads a file as a whole; answers with what completing it says.
pub(crate) async fn upload(app: &TestApp, who: &Principal, journey: &str, of: (&str, &str), file: &[u8]) -> Bytes {
    let path = open(app, who, journey, of, file.len()).await;
    let step = usize::try_from(PART_SIZE).expect("a size");
    for (index, part) in file.chunks(step).enumerate() {
        let stored = send(app, who, "PUT", &format!("{path}/parts/{}", index + 1), part.to_vec()).await;
        assert_eq!(stored.status, StatusCode::NO_CONTENT, "{:?}", String::from_utf8_lossy(&stored.body));
    }
    send(app, who, "POST", &format!("{path}/complete"), Vec::new()).await
}

fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    throughline_domain::fact::envelope::hex(digest.as_ref())
}

pub(crate) fn pdf(filling: &str, size: usize) -> Vec<u8> {
    let mut file = b"%PDF-1.7\n".to_vec();
    while file.len() < size {
        file.extend(filling.as_bytes());
        file.extend(file.len().to_string().as_bytes());
    }
    file.truncate(size);
    file
}

fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).expect("an entry");
        writer.write_all(content).expect("its bytes");
    }
    writer.finish().expect("an archive").into_inner()
}

/// Two keyworkers of different teams, and a case of the first.
async fn case(app: &TestApp) -> String {
    let (ann, bob) = (app.add_worker("kw-ann").await, app.add_worker("kw-bob").await);
    set_team(app, 1, "2017-04-01", &[&ann]).await;
    set_team(app, 2, "2017-04-01", &[&bob]).await;
    let journey = app.receive_referral("2018-02-01", "BR-1").await;
    app.take_on(&journey, &ann, "2018-02-02").await;
    journey
}

fn ann() -> Principal {
    keyworker("kw-ann")
}

fn bob() -> Principal {
    keyworker("kw-bob")
}

pub(crate) async fn attach(app: &TestApp, who: &Principal, journey: &str, further: Value) -> Value {
    let input = json!({
        "journey": journey, "kind": "tenancy_agreement", "datedOn": "2018-02-10", "occurredOn": "2018-02-12",
        "acceptWarnings": ["EVIDENCE_SUPPORTS_NOTHING", "RECORDED_ALREADY"],
    });
    app.tell(who, "attachEvidence", with(input, further)).await
}

const FILE: &str = "query($id: UUID!, $seconds: Int) { journey(id: $id) { evidence { sha256 \
     file { size type sha256 link(expiresIn: $seconds) thumbnail } } } }";

/// The first piece of evidence of a case that has a file, as somebody sees it.
async fn shown(app: &TestApp, who: &Principal, journey: &str, seconds: Option<u32>) -> Value {
    let asked = app.ask(who, FILE, json!({ "id": journey, "seconds": seconds })).await;
    asked["journey"]["evidence"][0]["file"].clone()
}

#[tokio::test]
async fn a_file_is_uploaded_attached_and_downloaded_as_it_was() {
    on_both_stores_with_keys(async |app| {
        let journey = case(app).await;
        let file = pdf(CANARY, 300_000);
        let completed = upload(app, &ann(), &journey, ("Tenancy, signed März.pdf", PDF), &file).await;
        assert_eq!(completed.status, StatusCode::OK, "{:?}", completed.json());
        let completed = completed.json();
        assert_eq!((&completed["state"], &completed["sha256"]), (&json!("complete"), &json!(sha256(&file))));
        assert_eq!((&completed["size"], &completed["type"]), (&json!(300_000), &json!(PDF)));
        let upload = json!({ "upload": completed["upload"] });
        let wrong = with(upload.clone(), json!({ "sha256": "ab".repeat(32) }));
        assert_eq!(refusals(&attach(app, &ann(), &journey, wrong).await), ["DIGEST_DIFFERS"]);
        let right = with(upload.clone(), json!({ "sha256": sha256(&file).to_uppercase() }));
        assert_eq!(refusals(&attach(app, &ann(), &journey, right).await), Vec::<String>::new());
        let shown = shown(app, &ann(), &journey, None).await;
        assert_eq!(
            (&shown["size"], &shown["type"], &shown["sha256"], &shown["thumbnail"]),
            (&json!(300_000), &json!(PDF), &json!(sha256(&file)), &Value::Null)
        );
        let link = text(&shown["link"]);
        let downloaded = send(app, &ann(), "GET", &link, Vec::new()).await;
        assert_eq!((downloaded.status, downloaded.body == file), (StatusCode::OK, true));
        assert_eq!(
            ["content-type", "content-length", "x-content-type-options", "cache-control", "content-security-policy"]
                .map(|name| downloaded.header(name)),
            [PDF, "300000", "nosniff", "no-store, private", "default-src 'none'; sandbox"]
        );
        let name = "attachment; filename=\"evidence.pdf\"; filename*=UTF-8''Tenancy%2C%20signed%20M%C3%A4rz.pdf";
        assert_eq!(downloaded.header("content-disposition"), name);
        let own = format!("/evidence/uploads/{}", text(&completed["upload"]));
        let removed = send(app, &ann(), "DELETE", &own, Vec::new()).await;
        assert_eq!(removed.problem().0, 409, "what a fact names stays");
    })
    .await;
}

#[tokio::test]
async fn an_upload_in_parts_continues_after_a_broken_connection_and_on_another_server() {
    on_both_stores_with_keys(async |app| {
        let journey = case(app).await;
        let step = usize::try_from(PART_SIZE).expect("a size");
        let file = pdf("page ", 2 * step + 1_000);
        let path = open(app, &ann(), &journey, ("long.pdf", PDF), file.len()).await;
        let part = |number: usize| format!("{path}/parts/{number}");
        let last = send(app, &ann(), "PUT", &part(3), file[2 * step..].to_vec()).await;
        assert_eq!(last.status, StatusCode::NO_CONTENT);
        // The connection breaks after some bytes.
        let pieces = [Ok(file[..1_000].to_vec()), Err(std::io::Error::other("the line broke"))];
        let body = Body::from_stream(futures_util::stream::iter(pieces));
        let broken = Request::put(part(1)).header("authorization", format!("Bearer {}", app.token(&ann())));
        let broken: Answer = app.send(broken.body(body).expect("a request")).await;
        assert_eq!(broken.status, StatusCode::BAD_REQUEST, "{}", broken.body);
        let short = send(app, &ann(), "PUT", &part(1), file[..1_000].to_vec()).await;
        assert_eq!(
            short.problem(),
            (400, format!("this part must have exactly {step} bytes: send the whole part again"))
        );
        let long = send(app, &ann(), "PUT", &part(3), file[2 * step - 1..].to_vec()).await;
        assert_eq!(long.problem().0, 400);
        for number in ["0", "4", "x", "-1"] {
            let none = send(app, &ann(), "PUT", &format!("{path}/parts/{number}"), vec![1]).await;
            assert_eq!(none.problem(), (404, "this file has parts 1 to 3".to_owned()), "{number}");
        }
        // Another server, which remembers nothing, continues from what is there.
        let another = || app.another();
        let there = send_to(another(), &app.token(&ann()), "GET", &path, Vec::new()).await.json();
        assert_eq!((&there["stored"], &there["parts"], &there["state"]), (&json!([3]), &json!(3), &json!("open")));
        let early = send_to(another(), &app.token(&ann()), "POST", &format!("{path}/complete"), Vec::new()).await;
        let missing = "these parts are missing: 1, 2: send them, then complete the upload";
        assert_eq!(early.problem(), (409, missing.to_owned()));
        // A part that is sent again replaces the one before.
        for bytes in [pdf("other ", step), file[..step].to_vec()] {
            let stored = send_to(another(), &app.token(&ann()), "PUT", &part(1), bytes).await;
            assert_eq!(stored.status, StatusCode::NO_CONTENT);
        }
        send(app, &ann(), "PUT", &part(2), file[step..2 * step].to_vec()).await;
        for _ in 0..2 {
            let completed = send(app, &ann(), "POST", &format!("{path}/complete"), Vec::new()).await;
            assert_eq!(completed.json()["sha256"], sha256(&file), "the second time too");
        }
        let late = send(app, &ann(), "PUT", &part(2), file[step..2 * step].to_vec()).await;
        assert_eq!(late.problem().0, 409);
        assert_eq!(objects(app).len(), 3, "what was replaced is gone");
        let completed = send(app, &ann(), "GET", &path, Vec::new()).await.json();
        attach(app, &ann(), &journey, json!({ "upload": completed["upload"] })).await;
        let link = text(&shown(app, &ann(), &journey, None).await["link"]);
        let downloaded = send_to(another(), &app.token(&ann()), "GET", &link, Vec::new()).await;
        assert!(downloaded.body == file, "{} bytes", downloaded.body.len());
    })
    .await;
}

/// The objects in the evidence store.
fn objects(app: &TestApp) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(app.fresh.files.path()).expect("the folder");
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

#[tokio::test]
async fn what_is_no_evidence_is_refused_and_nothing_of_it_stays() {
    on_both_stores_with_keys(async |app| {
        let journey = case(app).await;
        let open = async |name: &str, media: &str, size: usize| {
            send(app, &ann(), "POST", "/evidence/uploads", opening(&journey, name, media, size)).await.problem()
        };
        assert_eq!(open("../payslip.pdf", PDF, 10).await.0, 400);
        assert_eq!(open("a\u{202e}fdp.exe", PDF, 10).await.0, 400);
        assert_eq!(open("payslip.exe", PDF, 10).await.0, 400);
        assert_eq!(open("payslip.zip", "application/zip", 10).await.0, 415);
        assert_eq!(open("payslip.pdf", PDF, 0).await.0, 400);
        assert_eq!(open("payslip.pdf", PDF, 100 * 1024 * 1024 + 1).await.0, 413);
        for body in
            ["", "{", "{\"journey\": 7}", "[]", "{\"journey\":\"x\",\"name\":\"canary\",\"size\":1,\"type\":\"a\"}"]
        {
            let (status, detail) = send(app, &ann(), "POST", "/evidence/uploads", body.into()).await.problem();
            assert!(status == 400 && !detail.contains("canary"), "{body}: {detail}");
        }
        let docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        let types: (&str, &[u8]) = ("[Content_Types].xml", b"<Types/>");
        let document: (&str, &[u8]) = ("word/document.xml", b"<document/>");
        let bomb = archive(&[types, document, ("word/media/a.bin", &vec![0; 30 * 1024 * 1024])]);
        let leads_out = archive(&[types, document, ("../../up.xml", b"")]);
        let macros = archive(&[types, document, ("word/vbaProject.bin", b"x")]);
        for (of, file) in [
            (("letter.pdf", PDF), b"MZ\x90\0\x03\0\0\0 a program".to_vec()),
            (("letter.pdf", PDF), b"plain text".to_vec()),
            (("letter.txt", "text/plain"), b"<html><script>alert(1)</script>".to_vec()),
            (("letter.docx", docx), bomb),
            (("letter.docx", docx), leads_out),
            (("letter.docx", docx), macros),
            (("letter.docx", docx), pdf("page ", 500)),
        ] {
            let refused = upload(app, &ann(), &journey, of, &file).await;
            assert_eq!(refused.problem().0, 422, "{of:?}: {:?}", refused.json());
        }
        assert_eq!(objects(app), Vec::<PathBuf>::new());
        let good = upload(app, &ann(), &journey, ("letter.docx", docx), &archive(&[types, document])).await;
        assert_eq!(good.status, StatusCode::OK);
    })
    .await;
}

#[tokio::test]
async fn an_upload_is_its_senders_alone_and_for_their_own_cases() {
    on_both_stores_with_keys(async |app| {
        let journey = case(app).await;
        let elsewhere = app.journey_elsewhere().await;
        let path = open(app, &ann(), &journey, ("a.txt", "text/plain"), 5).await;
        let unknown = format!("/evidence/uploads/{}", new_id());
        let other_role = test_caller(Role::Manager, "kw-ann", &[SHPS]);
        for who in [&bob(), &manager(), &other_role, &other_manager()] {
            for (method, rest) in [("GET", ""), ("PUT", "/parts/1"), ("POST", "/complete"), ("DELETE", "")] {
                let theirs = send(app, who, method, &format!("{path}{rest}"), b"hello".to_vec()).await;
                let none = send(app, who, method, &format!("{unknown}{rest}"), b"hello".to_vec()).await;
                assert_eq!((theirs.status, &theirs.body), (none.status, &none.body), "{} {method}", who.subject);
                assert_eq!(none.status, StatusCode::NOT_FOUND);
            }
        }
        let of = |journey: &str| opening(journey, "a.txt", "text/plain", 5);
        let foreign = send(app, &ann(), "POST", "/evidence/uploads", of(&elsewhere)).await;
        let unknown = send(app, &ann(), "POST", "/evidence/uploads", of(&new_id())).await;
        assert_eq!((foreign.status, &foreign.body), (StatusCode::NOT_FOUND, &unknown.body));
        let not_held = send(app, &bob(), "POST", "/evidence/uploads", of(&journey)).await;
        assert_eq!(not_held.body, unknown.body);
        for role in [Role::Auditor, Role::Commissioner, Role::Administrator] {
            let who = test_caller(role, "reader", &[SHPS]);
            let denied = send(app, &who, "POST", "/evidence/uploads", of(&journey)).await;
            assert_eq!(denied.problem().0, 403, "{role}");
        }
        let anonymous = send_to(app.router(), "nonsense", "GET", &path, Vec::new()).await;
        assert_eq!(anonymous.status, StatusCode::UNAUTHORIZED);
        // An upload is attached by its sender, to its case, and when it is complete.
        let upload = json!({ "upload": path.rsplit('/').next() });
        assert_eq!(refusals(&attach(app, &ann(), &journey, upload.clone()).await), ["UPLOAD_NOT_COMPLETE"]);
        assert_eq!(refusals(&attach(app, &manager(), &journey, upload).await), ["UPLOAD_NOT_FOUND"]);
        // A few uploads may be open at a time.
        for _ in 1..20 {
            open(app, &ann(), &journey, ("a.txt", "text/plain"), 5).await;
        }
        let beyond = send(app, &ann(), "POST", "/evidence/uploads", of(&journey)).await;
        assert_eq!(beyond.problem().0, 429);
        assert_eq!(send(app, &ann(), "DELETE", &path, Vec::new()).await.status, StatusCode::NO_CONTENT);
        open(app, &ann(), &journey, ("a.txt", "text/plain"), 5).await;
    })
    .await;
}

#[tokio::test]
async fn a_link_opens_a_file_for_its_caller_alone_and_for_a_short_time() {
    on_both_stores_with_keys(async |app| {
        let journey = case(app).await;
        let completed = upload(app, &ann(), &journey, ("a.txt", "text/plain"), b"a letter").await.json();
        attach(app, &ann(), &journey, json!({ "upload": completed["upload"] })).await;
        let link = text(&shown(app, &ann(), &journey, Some(60)).await["link"]);
        let open = async |who: &Principal, link: &str| send(app, who, "GET", link, Vec::new()).await;
        assert_eq!(open(&ann(), &link).await.body, b"a letter");
        let as_manager = test_caller(Role::Manager, "kw-ann", &[SHPS]);
        let altered = link.replace("expires=1", "expires=2");
        let last = if link.ends_with('A') { "B" } else { "A" };
        let forged = format!("{}{last}", &link[..link.len() - 1]);
        let (_, query) = link.split_once('?').expect("a query");
        let other = format!("/evidence/files/{}?{query}", new_id());
        let bare = link.split_once('?').expect("a query").0.to_owned();
        let thumbnail = link.replace('?', "/thumbnail?");
        let refused = open(&bob(), &link).await;
        assert_eq!(refused.problem().0, 404);
        for (who, link) in [
            (&as_manager, &link),
            (&ann(), &altered),
            (&ann(), &forged),
            (&ann(), &other),
            (&ann(), &bare),
            (&ann(), &thumbnail),
        ] {
            assert_eq!(open(who, link).await.body, refused.body, "{link}");
        }
        let no_token = app.send(Request::get(&link).body(Body::empty()).expect("a request")).await;
        assert_eq!(no_token.status, StatusCode::UNAUTHORIZED);
        // Who may read the case and not open its files sees what there is, and no link.
        for role in [Role::Auditor, Role::Commissioner, Role::Integrator] {
            let seen = shown(app, &test_caller(role, "reader", &[SHPS]), &journey, None).await;
            assert_eq!((&seen["size"], &seen["link"]), (&json!(8), &Value::Null), "{role}");
        }
        assert!(shown(app, &manager(), &journey, None).await["link"].is_string());
        for seconds in [0, 301] {
            let wrong = app.answer(&ann(), FILE, json!({ "id": journey, "seconds": seconds })).await;
            assert_ne!(wrong.codes(), Vec::<String>::new(), "{seconds}");
        }
        app.it_is("2018-03-01T09:01:00Z");
        assert_eq!(open(&ann(), &link).await.body, refused.body, "it has ended");
        // A keyworker who loses the case loses its files at once.
        let link = text(&shown(app, &ann(), &journey, None).await["link"]);
        let bob_id = app.add_worker("kw-cat").await;
        app.done(
            &manager(),
            "assignWorker",
            json!({ "journey": journey, "worker": bob_id, "occurredOn": "2018-03-01" }),
        )
        .await;
        assert_eq!(open(&ann(), &link).await.body, refused.body);
    })
    .await;
}

#[tokio::test]
async fn a_photograph_has_a_small_picture() {
    on_both_stores_with_keys(async |app| {
        let journey = case(app).await;
        let mut photograph = Cursor::new(Vec::new());
        let picture = image::DynamicImage::ImageRgb8(image::RgbImage::new(1_200, 600));
        picture.write_to(&mut photograph, image::ImageFormat::Jpeg).expect("a photograph");
        let of = ("IMG_0001.JPG", "image/jpeg");
        let completed = upload(app, &ann(), &journey, of, &photograph.into_inner()).await.json();
        attach(app, &ann(), &journey, json!({ "upload": completed["upload"] })).await;
        let link = text(&shown(app, &ann(), &journey, None).await["thumbnail"]);
        let small = send(app, &ann(), "GET", &link, Vec::new()).await;
        assert_eq!((small.status, small.header("content-type")), (StatusCode::OK, "image/png"));
        let small = image::load_from_memory(&small.body).expect("a picture");
        assert_eq!((small.width(), small.height()), (320, 160));
    })
    .await;
}

/// Every file beneath a folder.
fn files_beneath(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files_beneath(&path) } else { vec![path] }).collect()
}

fn holds(bytes: &[u8], wanted: &str) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted.as_bytes())
}

/// The rows of the registry on Postgres: as text, and each name as the bytes that are stored (random ones, in no encoding).
async fn rows(app: &TestApp) -> Vec<(String, Vec<u8>)> {
    let mut conn = <sqlx::PgConnection as sqlx::Connection>::connect(app.fresh.url()).await.expect("the server");
    let all = "select f::text, f.name from evidence_files f";
    sqlx::query_as(all).fetch_all(&mut conn).await.expect("the rows")
}

#[tokio::test]
async fn neither_the_bytes_nor_the_name_of_a_file_are_anywhere_in_the_clear_and_without_the_key_it_is_gone() {
    on_both_stores_with_keys(async |app| {
        let journey = case(app).await;
        let file = pdf(CANARY, 200_000);
        let name = "Canary Surname payslip.pdf";
        let completed = upload(app, &ann(), &journey, (name, PDF), &file).await.json();
        attach(app, &ann(), &journey, json!({ "upload": completed["upload"] })).await;
        let mut searched = files_beneath(app.fresh.files.path());
        assert_eq!(searched.len(), 1);
        if let Some(database) = app.fresh.place().file() {
            searched.extend(files_beneath(database.parent().expect("its folder")));
        } else {
            let rows = rows(app).await;
            assert_eq!(rows.len(), 1);
            for (row, name) in &rows {
                assert!(!holds(row.as_bytes(), "Canary Surname") && !holds(name, "Canary Surname"));
            }
        }
        for path in searched {
            let bytes = std::fs::read(&path).expect("a file");
            for canary in [CANARY, "Canary Surname", "%PDF-1.7"] {
                assert!(!holds(&bytes, canary), "{}: {canary}", path.display());
            }
        }
        let subject = format!("{{ journey(id: \"{journey}\") {{ subject {{ id }} }} }}");
        let subject = text(&app.ask(&manager(), &subject, json!({})).await["journey"]["subject"]["id"]);
        let link = text(&shown(app, &ann(), &journey, None).await["link"]);
        let subject = throughline_domain::fact::envelope::SubjectId(subject.parse().expect("an id"));
        app.fresh.keys.destroy(subject).await.expect("destroyed");
        let gone = send(app, &ann(), "GET", &link, Vec::new()).await;
        assert_eq!(gone.problem().0, 410);
        let again = opening(&journey, "a.txt", "text/plain", 5);
        assert_eq!(send(app, &ann(), "POST", "/evidence/uploads", again).await.problem().0, 410);
    })
    .await;
}

#[tokio::test]
async fn a_damaged_object_is_a_clear_problem() {
    on_both_stores_with_keys(async |app| {
        let journey = case(app).await;
        let completed = upload(app, &ann(), &journey, ("a.txt", "text/plain"), b"a letter").await.json();
        attach(app, &ann(), &journey, json!({ "upload": completed["upload"] })).await;
        let link = text(&shown(app, &ann(), &journey, None).await["link"]);
        let object = objects(app).remove(0);
        let mut bytes = std::fs::read(&object).expect("an object");
        *bytes.last_mut().expect("bytes") ^= 1;
        std::fs::write(&object, &bytes).expect("written");
        let damaged = "the file is damaged in the evidence store: ask the operator to restore it from a backup";
        assert_eq!(send(app, &ann(), "GET", &link, Vec::new()).await.problem(), (500, damaged.to_owned()));
        std::fs::remove_file(&object).expect("removed");
        assert_eq!(send(app, &ann(), "GET", &link, Vec::new()).await.problem(), (500, damaged.to_owned()));
    })
    .await;
}

#[tokio::test]
async fn what_is_left_over_goes_after_a_day_and_evidence_stays() {
    on_both_stores_with_keys(async |app| {
        let journey = case(app).await;
        let kept = upload(app, &ann(), &journey, ("a.txt", "text/plain"), b"a letter").await.json();
        attach(app, &ann(), &journey, json!({ "upload": kept["upload"] })).await;
        upload(app, &ann(), &journey, ("b.txt", "text/plain"), b"forgotten").await;
        let path = open(app, &ann(), &journey, ("c.txt", "text/plain"), 5).await;
        send(app, &ann(), "PUT", &format!("{path}/parts/1"), b"hello".to_vec()).await;
        let (files, log): (&EvidenceFiles, _) = (&app.fresh.evidence, &app.fresh.log);
        app.it_is("2018-03-02T08:59:00Z");
        assert_eq!(files.remove_left_over(log).await.expect("a round"), Removed::default());
        app.it_is("2018-03-02T09:00:01Z");
        assert_eq!(files.remove_left_over(log).await.expect("a round"), Removed { files: 2, objects: 0 });
        assert_eq!(objects(app).len(), 1);
        assert_eq!(send(app, &ann(), "GET", &path, Vec::new()).await.problem().0, 404);
        let link = text(&shown(app, &ann(), &journey, None).await["link"]);
        assert_eq!(send(app, &ann(), "GET", &link, Vec::new()).await.body, b"a letter");
        assert_eq!(files.remove_left_over(log).await.expect("a round"), Removed::default());
    })
    .await;
}

#[tokio::test]
async fn a_backup_and_its_restore_keep_the_list_of_files() {
    use std::sync::Arc;

    use throughline::evidence::copy_registry;
    use throughline::store::Store;

    on_both_stores_with_keys(async |app| {
        let journey = case(app).await;
        let completed = upload(app, &ann(), &journey, ("a.txt", "text/plain"), b"a letter").await.json();
        attach(app, &ann(), &journey, json!({ "upload": completed["upload"] })).await;
        open(app, &ann(), &journey, ("b.txt", "text/plain"), 5).await;
        let directory = tempfile::tempdir().expect("a temporary directory");
        let copy = Arc::new(Store::make_file(&directory.path().join("copy.db")).await.expect("a file"));
        assert_eq!(copy_registry(app.fresh.log.store(), &copy).await.expect("copied"), 1, "not what is still open");
        let files = EvidenceFiles::beside(&copy, app.fresh.keys.clone(), Arc::clone(&app.fresh.clock));
        let files = files.at(&format!("file://{}", app.fresh.files.path().display())).expect("a folder");
        let journey = throughline_domain::fact::envelope::JourneyId(journey.parse().expect("an id"));
        let wanted = [(journey, text(&completed["sha256"]))];
        let file = files.files_of(&wanted).await.expect("found").remove(&wanted[0]).expect("the file");
        let opened = files.open_file(&file).await.expect("it opens");
        assert_eq!((opened.name.as_str(), opened.size), ("a.txt", 8));
        app.it_is("2018-04-01T09:00:00Z");
        let removed = files.remove_left_over(&app.fresh.log).await.expect("a round");
        assert_eq!((removed, objects(app).len()), (Removed::default(), 1));
        copy.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_full_or_missing_evidence_store_is_a_clear_problem_and_the_upload_continues_later() {
    on_both_stores_with_keys(async |app| {
        let journey = case(app).await;
        let path = open(app, &ann(), &journey, ("a.txt", "text/plain"), 5).await;
        let put = async || send(app, &ann(), "PUT", &format!("{path}/parts/1"), b"hello".to_vec()).await;
        assert_eq!(put().await.status, StatusCode::NO_CONTENT);
        let folder = app.fresh.files.path().to_owned();
        let aside = folder.with_extension("aside");
        std::fs::rename(&folder, &aside).expect("moved");
        std::fs::write(&folder, b"in the way").expect("written");
        let away = put().await;
        assert_eq!((away.problem().0, away.header("retry-after")), (503, "10"));
        std::fs::remove_file(&folder).expect("removed");
        std::fs::rename(&aside, &folder).expect("moved back");
        assert_eq!(put().await.status, StatusCode::NO_CONTENT);
        let completed = send(app, &ann(), "POST", &format!("{path}/complete"), Vec::new()).await;
        assert_eq!(completed.status, StatusCode::OK);
    })
    .await;
}

/// The most memory that a process has had, in bytes.
#[cfg(target_os = "linux")]
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the process is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") * 1024
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_of_a_hundred_megabytes_and_its_download_cost_little_memory() {
    use std::sync::Arc;

    use throughline::clock::{Chance, Clock};
    use throughline::deployment::Deployment;
    use throughline::store::Dialect;

    use crate::crash::Server;
    use crate::field::{Field, now};
    use crate::stores::Place;

    const SIZE: usize = 100 * 1024 * 1024;
    const GROWTH_MAX: u64 = 64 * 1024 * 1024;
    let (place, field) = (Place::on(Dialect::Sqlite).await, Field::of("large file"));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (clock, chance) = (Arc::new(Clock::standing_at(now())), Arc::new(Chance::System));
    let deployment = Deployment::open(place.url(), clock, chance).await.expect("it opens");
    let journey = field.journeys(&deployment.recorder, 1).await[0];
    deployment.close().await;
    let (mut child, server) = Server::start(&place, directory.path()).await;
    let client = reqwest::Client::builder().timeout(Duration::from_mins(2)).build().expect("a client");
    let url = |path: &str| format!("http://{}{path}", server.address);
    let asked = async |request: reqwest::RequestBuilder| {
        let answer = request.bearer_auth(&server.token).send().await.expect("an answer");
        let (status, body) = (answer.status(), answer.bytes().await.expect("a body"));
        assert!(status.is_success(), "{status} {}", String::from_utf8_lossy(&body[..body.len().min(500)]));
        body
    };
    let small = opening(&journey.to_string(), "small.txt", "text/plain", 5);
    asked(client.post(url("/evidence/uploads")).body(small)).await;
    let before = peak(child.id());
    let opened =
        asked(client.post(url("/evidence/uploads")).body(opening(&journey.to_string(), "a.pdf", PDF, SIZE))).await;
    let opened: Value = serde_json::from_slice(&opened).expect("JSON");
    let path = format!("/evidence/uploads/{}", text(&opened["upload"]));
    let step = usize::try_from(PART_SIZE).expect("a size");
    let file = pdf("a page of a long document ", SIZE);
    for (index, part) in file.chunks(step).enumerate() {
        asked(client.put(url(&format!("{path}/parts/{}", index + 1))).body(part.to_vec())).await;
    }
    let completed = asked(client.post(url(&format!("{path}/complete")))).await;
    let completed: Value = serde_json::from_slice(&completed).expect("JSON");
    assert_eq!(completed["sha256"], sha256(&file));
    let input = json!({
        "commandId": new_id(), "journey": journey, "kind": "tenancy_agreement", "datedOn": "2018-01-15",
        "upload": opened["upload"], "occurredOn": "2018-01-15", "acceptWarnings": ["EVIDENCE_SUPPORTS_NOTHING"],
    });
    let attach = "mutation($input: AttachEvidenceInput!) { attachEvidence(input: $input) { problems { message } \
                  journey { evidence { file { link } } } } }";
    let body = json!({ "query": attach, "variables": { "input": input } });
    let attached = asked(client.post(url("/graphql")).json(&body)).await;
    let attached: Value = serde_json::from_slice(&attached).expect("JSON");
    let link = &attached["data"]["attachEvidence"]["journey"]["evidence"][0]["file"]["link"];
    let downloaded = asked(client.get(url(link.as_str().unwrap_or_else(|| panic!("{attached}"))))).await;
    assert!(downloaded == file, "{} bytes", downloaded.len());
    let growth = peak(child.id()).saturating_sub(before);
    eprintln!("an upload of {SIZE} bytes and its download: {growth} bytes");
    assert!(growth <= GROWTH_MAX, "the server's memory grew by {growth} bytes");
    child.kill().expect("it is killed");
    child.wait().expect("it is gone");
    place.remove().await;
}

#[tokio::test]
async fn a_download_is_in_the_access_log_and_a_refused_one_is_not() {
    on_both_stores_with_keys(async |app| {
        let journey = case(app).await;
        let file = pdf(CANARY, 3_000);
        upload(app, &ann(), &journey, ("tenancy.pdf", PDF), &file).await;
        attach(app, &ann(), &journey, json!({ "sha256": sha256(&file) })).await;
        let log = "{ accessLog { nodes { login role kinds requestId } } }";
        let entries = async || {
            let administrator = test_caller(Role::Administrator, "administrator", &[]);
            app.ask(&administrator, log, json!({})).await["accessLog"]["nodes"].clone()
        };
        let seen = app.ask(&ann(), FILE, json!({ "id": journey })).await;
        let link = text(&seen["journey"]["evidence"][0]["file"]["link"]);
        assert_eq!(send(app, &bob(), "GET", &link, Vec::new()).await.status, StatusCode::NOT_FOUND);
        assert_eq!(entries().await, json!([]), "an upload, a link and a refusal open nothing");
        let got = send(app, &ann(), "GET", &link, Vec::new()).await;
        assert_eq!(got.body, file);
        let id = got.header("x-request-id").to_owned();
        let entry = json!({ "login": "kw-ann", "role": "keyworker", "kinds": ["EVIDENCE"], "requestId": id });
        assert_eq!(entries().await, json!([entry]));
    })
    .await;
}
