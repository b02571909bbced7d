//! `throughline export` of tables: files, their descriptions, and the page of exports.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use super::lines;
use crate::app::{SHPS, TestApp, on_both_stores, text};
use crate::tidy::File;

/// Runs `throughline export` beside the service.
async fn export(app: &TestApp, arguments: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_throughline"));
    program.args(["--database", app.fresh.url(), "export"]).args(arguments);
    tokio::task::spawn_blocking(move || program.output()).await.expect("it runs").expect("the program starts")
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().expect("a path of text").to_owned()
}

#[tokio::test]
async fn a_table_is_written_whole_with_its_description_and_replaces_an_earlier_file() {
    on_both_stores(async |app| {
        let case = app.receive_referral("2018-02-01", "BR-1").await;
        let folder = tempfile::tempdir().expect("a directory");
        let (file, schema) = (path(folder.path(), "journeys.ndjson"), path(folder.path(), "schema.json"));
        std::fs::write(&file, "earlier").expect("written");
        let asked = ["journeys", "--contract", SHPS, "--as-of", "2018-02-28", "--format", "ndjson", "--out", &file];
        let ran = export(app, &[&asked[..], &["--schema", &schema][..]].concat()).await;
        assert!(ran.status.success(), "{ran:?}");
        let rows = lines(&std::fs::read(&file).expect("a file"));
        assert_eq!((rows.len(), text(&rows[0]["journey"]), text(&rows[0]["reference"])), (1, case, "BR-1".to_owned()));
        let schema: Value = serde_json::from_slice(&std::fs::read(&schema).expect("a file")).expect("JSON");
        let columns: Vec<&str> =
            schema["x-columns"].as_array().expect("columns").iter().filter_map(Value::as_str).collect();
        let mut keys: Vec<&str> = rows[0].as_object().expect("an object").keys().map(String::as_str).collect();
        let mut sorted = columns.clone();
        keys.sort_unstable();
        sorted.sort_unstable();
        assert_eq!(keys, sorted);
        assert_eq!((&schema["x-as-of"], &schema["x-position"]), (&"2018-02-28".into(), &app.head().await.into()));
        assert!(columns.contains(&"first_housing_secured_on"), "{columns:?}");

        let hidden =
            export(app, &["journeys", "--contract", SHPS, "--format", "csv", "--out", "-", "--pseudonymous"]).await;
        assert!(hidden.status.success() && !String::from_utf8_lossy(&hidden.stdout).contains("BR-1"), "{hidden:?}");
        let printed = export(app, &["schema", "journeys", "--contract", SHPS]).await;
        let printed: Value = serde_json::from_slice(&printed.stdout).expect("JSON");
        assert_eq!(printed["properties"]["reference"]["type"], serde_json::json!(["string", "null"]));
    })
    .await;
}

#[tokio::test]
async fn an_export_that_cannot_be_made_leaves_no_file() {
    on_both_stores(async |app| {
        let folder = tempfile::tempdir().expect("a directory");
        let file = path(folder.path(), "journeys.parquet");
        let unknown = export(app, &["journeys", "--contract", "none", "--format", "parquet", "--out", &file]).await;
        assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");
        assert!(String::from_utf8_lossy(&unknown.stderr).contains("contract \"none\" is not open"), "{unknown:?}");
        let nowhere = path(folder.path(), "none/journeys.parquet");
        let refused = export(app, &["journeys", "--contract", SHPS, "--format", "parquet", "--out", &nowhere]).await;
        assert!(!refused.status.success());
        assert!(String::from_utf8_lossy(&refused.stderr).contains("cannot write the export"), "{refused:?}");
        assert_eq!(folder.path().read_dir().expect("it is there").count(), 0);
    })
    .await;
}

#[test]
fn the_page_of_exports_is_what_the_program_writes() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_throughline")).args(["export", "reference"]).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let page = File::at("docs/exports.md").text;
    assert_eq!(
        String::from_utf8(output.stdout).expect("text"),
        page,
        "run: throughline export reference > docs/exports.md"
    );
}
