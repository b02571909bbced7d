//! Files of evidence in a bucket of an S3-compatible server, on both stores: uploaded in parts, resumed on a server that
//! was started again, downloaded, removed; and what the service says when the bucket is away.
//!
//! The server is moto, from the Python package index (`tests/s3`), on this machine.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use throughline::evidence::PART_SIZE;
use throughline::store::Dialect;

use crate::app::{SHPS, text};
use crate::private::site::{Answer, Serving, Site, exchange};
use crate::python::with_packages_of;

const BUCKET: &str = "evidence";
const PDF: &str = "application/pdf";
/// The server gives objects to signed requests only. It does not check the signature.
const SIGNED: &str = "authorization: AWS4-HMAC-SHA256 Credential=test/20180201/us-east-1/s3/aws4_request, \
    SignedHeaders=host, Signature=0\r\n";
/// What no object may contain.
const CANARY: &str = "canary 41be the client earns little";

/// The server, with an empty bucket. It is gone when the test is.
struct Bucket {
    child: Child,
    address: String,
}

impl Bucket {
    async fn new() -> Self {
        let python = tokio::task::spawn_blocking(|| with_packages_of("s3")).await.expect("it is installed");
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/s3/serve.py");
        let mut serving = Command::new(python);
        let serving = serving.arg(program).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = serving.spawn().expect("python starts");
        let mut address = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut address).expect("a line");
        let bucket = Self { child, address: address.trim().to_owned() };
        let made = bucket.ask("PUT", "").await;
        assert_eq!(made.status, 200, "{}", made.body);
        bucket
    }

    async fn ask(&self, method: &str, key: &str) -> Answer {
        exchange(&self.address, &format!("{method} /{BUCKET}/{key}"), SIGNED, b"").await
    }

    /// The names of the objects.
    async fn keys(&self) -> Vec<String> {
        let listed = self.ask("GET", "?list-type=2").await.body;
        let keys = listed.split("<Key>").skip(1).filter_map(|rest| rest.split_once("</Key>"));
        keys.map(|(key, _)| key.to_owned()).collect()
    }

    /// The variables by which the program finds it.
    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("THROUGHLINE_EVIDENCE", format!("s3://{BUCKET}/throughline")),
            ("AWS_ENDPOINT", format!("http://{}", self.address)),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
        ]
    }

    fn end(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.end();
    }
}

fn pdf(size: usize) -> Vec<u8> {
    let mut file = b"%PDF-1.7\n".to_vec();
    while file.len() < size {
        file.extend(format!("{CANARY} {}\n", file.len()).bytes());
    }
    file.truncate(size);
    file
}

/// Opens an upload; answers with its path.
async fn open(serving: &Serving, token: &str, journey: &str, size: usize) -> String {
    let opening = json!({ "journey": journey, "name": "tenancy.pdf", "type": PDF, "size": size }).to_string();
    let opened = serving.send("POST", "/evidence/uploads", token, opening.as_bytes()).await;
    assert_eq!(opened.status, 201, "{}", opened.body);
    opened.header("location").to_owned()
}

async fn put(serving: &Serving, token: &str, (path, part): (&str, usize), bytes: &[u8]) -> Answer {
    serving.send_as("PUT", &format!("{path}/parts/{part}"), token, PDF, bytes).await
}

async fn a_case(serving: &Serving, token: &str) -> String {
    let input = json!({ "contract": SHPS, "area": "brent", "occurredOn": "2018-02-01" });
    text(&serving.done(token, "receiveReferral", "journey { id }", input).await["journey"]["id"])
}

async fn files_in_a_bucket(dialect: Dialect) {
    let mut bucket = Bucket::new().await;
    let mut site = Site::on(dialect, "warn,throughline=info").await;
    site.variables = bucket.variables();
    let serving = site.serve().await;
    site.open_contract(&serving).await;
    let token = site.token("manager", "manager");
    let journey = a_case(&serving, &token).await;

    let step = usize::try_from(PART_SIZE).expect("a size");
    let file = pdf(2 * step + 1_000);
    let path = open(&serving, &token, &journey, file.len()).await;
    assert_eq!(put(&serving, &token, (&path, 3), &file[2 * step..]).await.status, 204);
    assert_eq!(put(&serving, &token, (&path, 1), &vec![b'x'; step]).await.status, 204);
    serving.end();

    // Another server continues from what is there. A part that is sent again replaces the one before.
    let serving = site.serve().await;
    let there: Value = serving.send("GET", &path, &token, b"").await.json();
    assert_eq!((&there["stored"], &there["state"]), (&json!([1, 3]), &json!("open")));
    for part in [1, 2] {
        let stored = put(&serving, &token, (&path, part), &file[(part - 1) * step..part * step]).await;
        assert_eq!(stored.status, 204, "{}", stored.body);
    }
    let completed = serving.send("POST", &format!("{path}/complete"), &token, b"").await;
    assert_eq!(completed.status, 200, "{}", completed.body);
    let keys = bucket.keys().await;
    assert_eq!(keys.len(), 3, "what was replaced is gone: {keys:?}");
    for key in &keys {
        assert!(key.starts_with("throughline/"), "{key}");
        let object = bucket.ask("GET", key).await;
        assert!(object.status == 200 && !object.body.contains("canary"), "{key} is readable");
    }

    let attach = json!({
        "journey": journey, "kind": "tenancy_agreement", "datedOn": "2018-02-10", "occurredOn": "2018-02-12",
        "upload": completed.json()["upload"], "acceptWarnings": ["EVIDENCE_SUPPORTS_NOTHING", "RECORDED_ALREADY"],
    });
    serving.done(&token, "attachEvidence", "journey { id }", attach).await;
    let document = "query($id: UUID!) { journey(id: $id) { evidence { file { link } } } }";
    let seen = serving.ask(&token, document, json!({ "id": journey })).await;
    let link = text(&seen["journey"]["evidence"][0]["file"]["link"]);
    let downloaded = serving.send("GET", &link, &token, b"").await;
    assert!(downloaded.status == 200 && downloaded.body.as_bytes() == file, "{} bytes", downloaded.body.len());

    // An upload that nobody attached can be removed, and its object with it.
    let small = pdf(1_000);
    let path = open(&serving, &token, &journey, small.len()).await;
    assert_eq!(put(&serving, &token, (&path, 1), &small).await.status, 204);
    assert_eq!(bucket.keys().await.len(), 4);
    assert_eq!(serving.send("DELETE", &path, &token, b"").await.status, 204);
    assert_eq!(bucket.keys().await, keys, "only the objects of the file are left");

    // While the bucket is away, files are neither taken nor given, and everything else works.
    bucket.end();
    let path = open(&serving, &token, &journey, small.len()).await;
    let refused = put(&serving, &token, (&path, 1), &small).await;
    assert!(refused.status == 503 && !refused.header("retry-after").is_empty(), "{} {}", refused.status, refused.body);
    let refused = serving.send("GET", &link, &token, b"").await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    a_case(&serving, &token).await;
    serving.end();
    site.place.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_kept_in_a_bucket_on_sqlite() {
    files_in_a_bucket(Dialect::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_kept_in_a_bucket_on_postgres() {
    files_in_a_bucket(Dialect::Postgres).await;
}
