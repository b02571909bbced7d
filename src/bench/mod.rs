//! Measurements: the service's speed and memory use, compared in the same run with the least work that the task needs.
//!
//! `throughline bench` runs them, and `make bench` runs all of them. docs/performance.md describes the method and the
//! results. They use the library like any other caller, except for the baselines, which bypass it on purpose. The
//! service does not use this module, and it touches only databases that it creates.

mod append;
mod child;
mod claims;
mod client;
mod documents;
mod export;
pub mod generate;
mod ground;
mod import;
mod load;
mod naive;
mod over_http;
mod overload;
mod people;
mod raw;
mod reads;
mod rebuild;
pub mod report;
mod sealing;
mod try_out;
mod under_load;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use crate::import::read::Format;
use crate::store::Dialect;
pub use ground::Ground;
use report::{Figure, name_of};

/// A measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Durable appends, of the log alone and over HTTP.
    Append,
    /// Rebuilding the view: time and memory, and from start to ready.
    Rebuild,
    /// Work over HTTP while the view is rebuilt: whether any request fails, goes back in position or sees an incomplete
    /// view.
    Load,
    /// More work over HTTP than the service can do, and work beside sockets that replay the log.
    Overload,
    /// Queries over HTTP: a page of cases, dashboards.
    Reads,
    /// Claims of a large contract, and a batch of the largest size: time and memory.
    Claims,
    /// All reports of a contract, and boards by three dimensions: time, memory and growth.
    Documents,
    /// Tables for analysts as files: time and memory.
    Export,
    /// Imports by mapping: rows a second, memory, and growth.
    Import,
    /// Contacts with a sealed note and pages of names, compared with those without.
    Sealing,
    /// Searches for people by name.
    People,
    /// `throughline try`, compared with reading and parsing its file.
    Try,
}

impl What {
    /// Every measurement, in the order of running.
    pub const ALL: [Self; 12] = [
        Self::Append,
        Self::Rebuild,
        Self::Load,
        Self::Overload,
        Self::Reads,
        Self::Claims,
        Self::Documents,
        Self::Export,
        Self::Import,
        Self::Sealing,
        Self::People,
        Self::Try,
    ];
}

/// The options of a run.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The approximate number of events in the log. `None` for the default of each measurement.
    pub events: Option<u64>,
    /// The number of rows to import. `None` for the default.
    pub rows: Option<u64>,
    /// The formats to import. Empty: all.
    pub formats: Vec<Format>,
    /// The number of rounds that count. One round before them is a warm-up.
    pub rounds: usize,
    /// The stores to measure.
    pub stores: Vec<Dialect>,
    /// A Postgres server on which schemas may be created.
    pub postgres: Option<String>,
    /// The directory for files.
    pub directory: PathBuf,
    /// Whether generated logs are kept for the next run.
    pub keep: bool,
}

/// Runs one measurement on every requested store.
pub async fn measure(ground: &Ground, what: What) -> Result<Vec<Figure>> {
    if what == What::Try {
        return try_out::measure(ground);
    }
    let mut figures = Vec::new();
    for store in ground.stores() {
        let measured = match what {
            What::Append => append::measure(ground, store).await,
            What::Rebuild => rebuild::measure(ground, store).await,
            What::Load => under_load::measure(ground, store).await,
            What::Overload => overload::measure(ground, store).await,
            What::Reads => reads::measure(ground, store).await,
            What::Claims => claims::measure(ground, store).await,
            What::Documents => documents::measure(ground, store).await,
            What::Export => export::measure(ground, store).await,
            What::Import => import::measure(ground, store).await,
            What::Sealing => sealing::measure(ground, store).await,
            What::People => people::measure(ground, store).await,
            What::Try => unreachable!("this measurement uses no store"),
        };
        figures.extend(measured.with_context(|| format!("on {}", name_of(store)))?);
    }
    Ok(figures)
}
