//! What analysts read exported tables with, `DuckDB` and pandas, finds the numbers of the boards in them.

use std::process::Command;

use chrono::NaiveDate;
use serde_json::{Value, json};
use throughline::demo::{Demo, SEED};
use throughline::export::formats::Format;
use throughline::export::tables::Table;
use throughline::store::Dialect;

use super::{Seen, day_of, played, sum};
use crate::python::{ran, with_packages_of};

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/analysts/read.py");

/// What every reader must find in the tables, from their lines.
async fn expected(seen: &Seen<'_>) -> Value {
    let (cases, contacts) = (seen.rows(Table::Journeys).await, seen.rows(Table::Contacts).await);
    let (claims, payments) = (seen.rows(Table::Claims).await, seen.rows(Table::Payments).await);
    let has = |rows: &[Value], column: &str| rows.iter().filter(|row| !row[column].is_null()).count();
    let first = cases.first().and_then(Value::as_object).expect("a case");
    let stages = first.keys().filter(|name| name.starts_with("first_") && name.ends_with("_on"));
    let stages: serde_json::Map<String, Value> = stages.map(|name| (name.clone(), json!(has(&cases, name)))).collect();
    let counted = contacts.iter().filter(|row| row["counts"] == true).count();
    json!({
        "journeys": [cases.len(), cases.len()],
        "stages": stages,
        "contacts": [contacts.len(), counted],
        "joined": counted,
        "received": sum(&payments, "received_amount").to_string(),
        "claims": [claims.len(), has(&claims, "achieved_on"), has(&claims, "submitted_on")],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn duckdb_and_pandas_find_the_numbers_of_the_boards_in_the_files() {
    let demo = Demo::of("mhep", SEED).expect("a pack");
    let fresh = played(Dialect::Sqlite, &demo).await;
    let seen = Seen::at(&fresh, &demo, demo.last_day, None).await;
    let folder = tempfile::tempdir().expect("a directory");
    for table in [Table::Journeys, Table::Contacts, Table::Claims, Table::Payments] {
        for format in [Format::Parquet, Format::Csv, Format::Ndjson] {
            let file = folder.path().join(format!("{}.{}", table.as_str(), format.as_str()));
            std::fs::write(file, seen.export(table, format).await).expect("written");
        }
    }
    let place = folder.path().to_owned();
    let printed = tokio::task::spawn_blocking(move || {
        ran(Command::new(with_packages_of("analysts")).arg(PROGRAM).arg(place), "see what it says")
    });
    let read: Value = serde_json::from_str(&printed.await.expect("it runs")).expect("JSON");
    let expected = expected(&seen).await;
    let found = read["found"].as_object().expect("readers");
    assert_eq!(found.len(), 4);
    for (reader, found) in found {
        assert_eq!(found, &expected, "{reader}");
    }
    assert_eq!(
        read["types"],
        json!({
            "occurred_on": "date32[day]", "recorded_at": "timestamp[us, tz=UTC]",
            "received_amount": "decimal128(18, 2)", "columns": true, "id": ["UUID"],
        })
    );
    let payments = seen.rows(Table::Payments).await;
    let days: Vec<NaiveDate> = payments.iter().filter_map(|row| day_of(row, "occurred_on")).collect();
    assert!(!days.is_empty() && days.iter().all(|on| *on <= demo.last_day), "the pack has batches by its last day");
    fresh.end().await;
}
