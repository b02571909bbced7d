//! Exports of tables: the time, the rows a second and the memory of a process that only exports.
//!
//! The rows are those of the generated contract on its last day: one for each journey, or eighteen contacts for each.

use anyhow::Result;

use super::child::{self, Exported};
use super::generate::{CONTRACT, LAST_DAY};
use super::ground::{Ground, size};
use super::report::{Figure, Limit, median, rate};
use crate::export::formats::Format;
use crate::export::tables::Table;
use crate::store::Dialect;

/// The default number of events in the log: those of 100,000 journeys.
const EVENTS: u64 = 2_500_000;
/// The most memory of an export, in mebibytes, whatever its size.
const MEMORY: f64 = 512.0;

/// A table in a format, with the names of its figures.
struct Measured {
    table: Table,
    format: Format,
    time: &'static str,
    memory: &'static str,
}

const MEASURED: [Measured; 4] = [
    Measured {
        table: Table::Journeys,
        format: Format::Parquet,
        time: "export of journeys, Parquet",
        memory: "peak memory of an export of journeys, Parquet",
    },
    Measured {
        table: Table::Journeys,
        format: Format::Xlsx,
        time: "export of journeys, XLSX",
        memory: "peak memory of an export of journeys, XLSX",
    },
    Measured {
        table: Table::Contacts,
        format: Format::Parquet,
        time: "export of contacts, Parquet",
        memory: "peak memory of an export of contacts, Parquet",
    },
    Measured {
        table: Table::Contacts,
        format: Format::Ndjson,
        time: "export of contacts, NDJSON",
        memory: "peak memory of an export of contacts, NDJSON",
    },
];

/// Runs all measurements on one store.
pub(super) async fn measure(ground: &Ground, store: Dialect) -> Result<Vec<Figure>> {
    let journeys = ground.journeys(EVENTS);
    let place = ground.log_of(store, journeys).await?;
    // The view is built before anything is measured, and a process of its own exports it.
    ground.deployed(&place).await?.close().await;
    let (size, day) = (size(journeys), LAST_DAY.to_string());
    let mut figures = Vec::new();
    for Measured { table, format, time, memory } in MEASURED {
        let file = ground.scratch(&format!("{}.{}", table.as_str(), format.as_str()));
        let file = file.to_string_lossy().into_owned();
        let names = (table.as_str(), format.as_str());
        let arguments =
            ["export", names.0, "--contract", CONTRACT, "--as-of", &day, "--format", names.1, "--out", &file];
        let mut runs: Vec<Exported> = Vec::new();
        for round in 0..=ground.rounds() {
            tracing::info!(round, of = ground.rounds(), table = names.0, format = names.1, "exporting");
            let run = child::an_export(&place.url, &arguments).await?;
            if round > 0 {
                runs.push(run);
            }
        }
        let seconds: Vec<f64> = runs.iter().map(|run| run.took.as_secs_f64()).collect();
        let per_second: Vec<f64> = runs.iter().map(|run| rate(run.rows, run.took)).collect();
        figures.push(Figure::new(time, "s", size, seconds).on(store).beside("rows a second", median(&per_second)));
        let peaks: Vec<f64> = runs.iter().filter_map(|run| run.memory).collect();
        if !peaks.is_empty() {
            figures.push(Figure::new(memory, "MiB", size, peaks).on(store).within(Limit::at_most(MEMORY)));
        }
    }
    Ok(figures)
}
