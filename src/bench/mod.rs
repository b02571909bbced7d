//! Measurements: what the service does in a second or a mebibyte, beside what it cannot do without, in the same run.
//!
//! `throughline bench` runs them and `make bench` all of them; docs/performance.md has the method and what came out. They
//! use the library as anybody does, but for the yardsticks, which go past it on purpose. Nothing that serves uses them, and
//! they touch no database but those they make.

mod append;
mod child;
mod claims;
mod client;
pub mod generate;
mod ground;
mod load;
mod naive;
mod over_http;
mod overload;
mod raw;
mod reads;
mod rebuild;
pub mod report;
mod try_out;
mod under_load;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use crate::store::Dialect;
pub use ground::Ground;
use report::{Figure, name_of};

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Durable appends, of the log alone and over HTTP.
    Append,
    /// Building the view anew: time and memory, and from start to ready.
    Rebuild,
    /// Work over HTTP while the view is built anew: whether anything fails, goes back or is seen half built.
    Load,
    /// More work over HTTP than the service can do, and work beside sockets that replay the log.
    Overload,
    /// Questions over HTTP: a page of cases, dashboards.
    Reads,
    /// Claims of a large contract, and a batch of as many as one may hold: time and memory.
    Claims,
    /// `throughline try` beside reading and parsing its file.
    Try,
}

impl What {
    /// Everything, in the order in which it is measured.
    pub const ALL: [Self; 7] =
        [Self::Append, Self::Rebuild, Self::Load, Self::Overload, Self::Reads, Self::Claims, Self::Try];
}

/// What is asked of a run.
#[derive(Debug, Clone)]
pub struct Asked {
    /// How many events the log is to have, more or less; each measurement has its own idea if left out.
    pub events: Option<u64>,
    /// How many rounds count; one before them only warms up.
    pub rounds: usize,
    /// On which stores.
    pub stores: Vec<Dialect>,
    /// A Postgres server on which schemas may be made.
    pub postgres: Option<String>,
    /// Where files are made.
    pub directory: PathBuf,
    /// Whether generated logs stay for the next run.
    pub keep: bool,
}

/// Measures one thing on every store that is asked for.
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
            What::Try => unreachable!("no store has to do with it"),
        };
        figures.extend(measured.with_context(|| format!("on {}", name_of(store)))?);
    }
    Ok(figures)
}
