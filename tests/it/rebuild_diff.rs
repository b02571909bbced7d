//! `rebuild --diff` from the program itself: what a rebuild would change, and that it changes nothing.

use std::process::{Command as Program, Output, Stdio};

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, SqliteConnection};
use throughline::store::Dialect;
use throughline_domain::contract::rulebook::packs::pack;

use crate::app::instant;
use crate::deployment::{Deployment, JOURNEY, contact, record, record_a_case};
use crate::stores::STORES;

/// Tables by their titles, as the program prints them.
struct Printed {
    status: Option<i32>,
    tables: Vec<Value>,
    said: String,
}

impl Printed {
    fn of(output: &Output) -> Self {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let tables = serde_json::from_slice(&output.stdout).unwrap_or_default();
        Self { status: output.status.code(), tables, said }
    }

    /// The rows of the table whose title begins so.
    fn rows(&self, title: &str) -> &[Value] {
        let found = self.tables.iter().find(|table| table["title"].as_str().is_some_and(|of| of.starts_with(title)));
        found.and_then(|table| table["rows"].as_array()).map_or(&[], Vec::as_slice)
    }
}

fn diff(deployment: &Deployment, more: &[&str]) -> Printed {
    let mut program = Program::new(env!("CARGO_BIN_EXE_throughline"));
    program.args(["--database", deployment.url(), "rebuild", "--diff", "--exit-code", "--format", "json"]);
    Printed::of(&program.args(["--as-of", "2018-03-01"]).args(more).output().expect("the program runs"))
}

/// A further version of the rules that needs a shorter stay, and whose first row of days since contact ends a week
/// later.
fn draft() -> tempfile::NamedTempFile {
    let text = pack("shps").expect("it ships").text;
    let text = text.replace("version = \"2017-03\"", "version = \"2018-02\"");
    let text = text.replace("effective_from = 2017-03-01", "effective_from = 2018-02-01");
    let text = text.replacen("[7, 14, 21, 27]", "[10, 14, 21, 27]", 1);
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("it is written");
    file
}

/// Has the live view say that somebody else's area was meant, past everything that keeps it.
async fn tamper(deployment: &Deployment) {
    let change = "journey set area = 'nowhere'";
    match deployment.log.store().dialect() {
        Dialect::Sqlite => {
            let view = format!("{}-g1", deployment.url());
            let mut view = SqliteConnection::connect(&view).await.expect("the view opens");
            view.execute(AssertSqlSafe(format!("update {change}"))).await.expect("the owner may do anything");
            view.close().await.expect("it closes");
        }
        Dialect::Postgres => {
            let change = change.replace('\'', "''");
            let text = format!("do $$ begin execute format('update %I.{change}', current_schema() || '_g1'); end $$");
            deployment.behind_its_back(&text).await.expect("the owner may do anything");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_is_compared_with_the_live_view_and_changes_nothing() {
    for dialect in STORES {
        let deployment = Deployment::on(dialect).await;
        record_a_case(&deployment.recorder().await).await;
        let (digest, head) = (deployment.digest().await, deployment.log.head().await.expect("a head").position);

        // A server holds the database meanwhile.
        let alike = diff(&deployment, &[]);
        assert_eq!((alike.status, alike.tables.len()), (Some(0), 1), "on {dialect:?}: {}", alike.said);
        assert!(alike.said.contains("no differences"), "on {dialect:?}: {}", alike.said);
        let views = alike.rows("Views");
        assert_eq!([&views[0]["Digest"], &views[1]["Digest"]], [&digest, &digest], "on {dialect:?}");

        let rules = draft();
        let moved = diff(&deployment, &["--rulebook", rules.path().to_str().expect("a name")]);
        assert_eq!(moved.status, Some(1), "on {dialect:?}: {}", moved.said);
        assert_ne!(moved.rows("Views")[1]["Digest"], digest, "on {dialect:?}");
        assert_eq!(moved.rows("Rows that differ")[0]["Table"], "contract", "on {dialect:?}");
        assert_eq!(deployment.digest().await, digest, "on {dialect:?}: the live view stays");
        assert_eq!(deployment.log.head().await.expect("a head").position, head, "on {dialect:?}: nothing is published");

        tamper(&deployment).await;
        let mended = diff(&deployment, &[]);
        assert_eq!(mended.status, Some(1), "on {dialect:?}: {}", mended.said);
        let journeys = mended.rows("Journeys that differ");
        assert_eq!(journeys.len(), 1, "on {dialect:?}: {:?}", mended.tables);
        let told = [&journeys[0]["Journey"], &journeys[0]["Tables"], &journeys[0]["Because"]];
        assert_eq!(told, [&JOURNEY.to_string(), "journey", "rows do not match the log"], "on {dialect:?}");
        deployment.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_stopped_in_the_middle_leaves_nothing() {
    // A server holds the database meanwhile, so that what is asked for is built in a folder for temporary files.
    let deployment = Deployment::on(Dialect::Sqlite).await;
    let recorder = deployment.recorder().await;
    record_a_case(&recorder).await;
    deployment.clock.set(instant("2018-03-01T10:00:00Z"));
    record(&recorder, 0x99, contact("2018-02-28")).await;
    deployment.digest().await;
    let board = ["board", "--contract", "shps", "--known-at", "2018-03-01T09:00:00Z"];
    for asked in [&["rebuild", "--diff"][..], &board[..]] {
        let folder = tempfile::tempdir().expect("a folder");
        let is_empty = || std::fs::read_dir(folder.path()).expect("a folder").next().is_none();
        let mut program = Program::new(env!("CARGO_BIN_EXE_throughline"));
        program.args(["--database", deployment.url()]).args(asked).env("TMPDIR", folder.path());
        let mut child = program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        while is_empty() && child.try_wait().expect("a child").is_none() {
            tokio::task::yield_now().await;
        }
        let stopped = Program::new("kill").args(["-INT", &child.id().to_string()]).status().expect("it is told");
        let status = child.wait().expect("it ends");
        assert!(stopped.success() && status.code().is_some_and(|code| [0, 3].contains(&code)), "{asked:?}: {status}");
        assert!(is_empty(), "{asked:?} leaves something");
    }
    deployment.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_that_cannot_be_published_is_refused_and_nothing_is_compared() {
    let deployment = Deployment::on(Dialect::Sqlite).await;
    record_a_case(&deployment.recorder().await).await;
    deployment.digest().await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    let name = file.path().to_str().expect("a name").to_owned();
    for (text, wanted) in [
        (pack("shps").expect("it ships").text.to_owned(), "already published"),
        (pack("mhep").expect("it ships").text.to_owned(), "is not open: open it with"),
        ("grammar = 1".to_owned(), "write rulebook = 1"),
    ] {
        std::fs::write(file.path(), text).expect("it is written");
        let refused = diff(&deployment, &["--rulebook", &name]);
        assert_eq!((refused.status, refused.tables.len()), (Some(2), 0), "{}", refused.said);
        assert!(refused.said.contains(&name) && refused.said.contains(wanted), "{}", refused.said);
    }
    deployment.end().await;
}
