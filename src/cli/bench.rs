//! `bench`: runs measurements and prints them as a table or as lines of JSON. A figure that misses its limit is marked
//! as missed. It does not fail the command.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::commands::stop_signal;
use super::table::{self, Table, columns};
use super::terminal::{self, message};
use super::{BadFile, Ending, Format};
use crate::bench::report::{Figure, name_of, shown};
use crate::bench::{Asked, Ground, What, measure};
use crate::import::read::Format as Imported;
use crate::store::Dialect;

/// The measurements to run, and the stores to run them on.
#[derive(Debug, Args)]
pub(super) struct BenchArguments {
    /// The measurements to run. Default: all.
    #[arg(value_enum)]
    what: Vec<What>,
    /// The approximate number of events in the log. Default: 50,000 for appends; a million for a rebuild and for work
    /// during a rebuild; 2.5 million for reads and documents, with smaller logs beside it.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1_000..=1_000_000_000))]
    events: Option<u64>,
    /// The number of rows of an import. Default: a million. A tenth of them is imported too.
    #[arg(long, value_parser = clap::value_parser!(u64).range(100..=1_000_000))]
    rows: Option<u64>,
    /// The formats of files to import. Default: all.
    #[arg(long, value_enum)]
    format: Vec<ImportFormat>,
    /// The number of rounds that count. One round before them is a warm-up.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// The store to measure. Default: both.
    #[arg(long, value_enum)]
    store: Option<Store>,
    /// A Postgres server on which the bench may create schemas, such as `postgres://me@localhost/test`.
    #[arg(long, value_name = "URL", env = "THROUGHLINE_TEST_POSTGRES", hide_env_values = true)]
    postgres: Option<String>,
    /// The directory for files. Default: the system's temporary directory.
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Keep generated logs in that directory and on that server. The next run for the same size uses them again.
    #[arg(long)]
    keep: bool,
    /// Print one JSON object a line, one for each figure.
    #[arg(long)]
    json: bool,
}

/// A store, by its name on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Store {
    /// `SQLite`, in files.
    Sqlite,
    /// The Postgres server that `--postgres` names.
    Postgres,
}

/// The format of an imported file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ImportFormat {
    /// A text with rows.
    Csv,
    /// A workbook.
    Xlsx,
    /// Elements.
    Xml,
}

impl From<ImportFormat> for Imported {
    fn from(format: ImportFormat) -> Self {
        match format {
            ImportFormat::Csv => Self::Csv,
            ImportFormat::Xlsx => Self::Xlsx,
            ImportFormat::Xml => Self::Xml,
        }
    }
}

impl BenchArguments {
    /// The stores to measure. An error gives the reason why the store asked for is not available.
    fn stores(&self) -> Result<Vec<Dialect>, &'static str> {
        match (self.store, &self.postgres) {
            (Some(Store::Sqlite), _) => Ok(vec![Dialect::Sqlite]),
            (Some(Store::Postgres), Some(_)) => Ok(vec![Dialect::Postgres]),
            (Some(Store::Postgres), None) => Err("give a Postgres server to measure: --postgres URL"),
            (None, Some(_)) => Ok(vec![Dialect::Sqlite, Dialect::Postgres]),
            (None, None) => {
                message("Postgres is not measured: to measure it too, give a server with --postgres URL");
                Ok(vec![Dialect::Sqlite])
            }
        }
    }
}

pub(super) async fn run(arguments: BenchArguments) -> Result<Ending> {
    let stores = match arguments.stores() {
        Ok(stores) => stores,
        Err(wrong) => {
            message(wrong);
            return Ok(Ending::WrongUse);
        }
    };
    let asked = Asked {
        events: arguments.events,
        rows: arguments.rows,
        formats: arguments.format.into_iter().map(Imported::from).collect(),
        rounds: arguments.rounds.into(),
        stores,
        postgres: arguments.postgres,
        directory: arguments.directory.unwrap_or_else(std::env::temp_dir),
        keep: arguments.keep,
    };
    let directory = asked.directory.clone();
    let ground = Ground::prepare(asked).map_err(|source| BadFile {
        doing: "make files for --directory in",
        path: directory,
        source,
    })?;
    let what = if arguments.what.is_empty() { What::ALL.to_vec() } else { arguments.what };
    let ended = tokio::select! {
        ended = measured(&ground, &what, arguments.json) => ended,
        () = stop_signal() => Ok(()),
    };
    let cleared = ground.clear().await;
    ended.and(cleared)?;
    Ok(Ending::Done)
}

/// Runs the measurements in order and prints each result when it is available.
async fn measured(ground: &Ground, what: &[What], as_json: bool) -> Result<()> {
    for what in what {
        let figures = measure(ground, *what).await?;
        let mut out = terminal::out();
        if as_json {
            figures.iter().try_for_each(|figure| writeln!(out, "{}", figure.json()))?;
        } else {
            let name = what.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
            table::print(&mut out, &[table_of(name, &figures)], Format::Table)?;
        }
        out.flush()?;
    }
    Ok(())
}

fn table_of(title: String, figures: &[Figure]) -> Table {
    let heads = ["figure", "store", "events", "median", "lowest", "highest", "unit", "ratio", "against", "limit", ""];
    let row = |figure: &Figure| {
        let extreme = |fold: fn(f64, f64) -> f64| figure.rounds.iter().copied().reduce(fold).map(shown);
        let mut name = figure.name.to_owned();
        for (beside, value) in &figure.beside {
            name = format!("{name}; {beside} {}", shown(*value));
        }
        vec![
            name,
            figure.store.map(name_of).unwrap_or_default().to_owned(),
            figure.size.events.to_string(),
            shown(figure.ours()),
            extreme(f64::min).unwrap_or_default(),
            extreme(f64::max).unwrap_or_default(),
            figure.unit.to_owned(),
            figure.ratio().map(|ratio| format!("{} ×", shown(ratio))).unwrap_or_default(),
            figure.against.as_ref().map(|other| other.name.to_owned()).unwrap_or_default(),
            figure.limit.map(|limit| limit.words()).unwrap_or_default(),
            figure.verdict().map(|verdict| verdict.as_str().to_owned()).unwrap_or_default(),
        ]
    };
    Table { title, columns: columns(&heads), rows: figures.iter().map(row).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::report::{Limit, Size};

    #[test]
    fn a_missed_limit_is_marked_in_the_table() {
        let size = Size { journeys: 40, events: 1_000 };
        let figure = Figure::new("rebuild", "s", size, vec![3.0, 5.0, 4.0]).on(Dialect::Sqlite);
        let figure = figure.against("scan and write", &[1.0, 1.0, 1.0]).within(Limit::at_most_times(2.5));
        let table = table_of("rebuild".to_owned(), &[figure]);
        let row =
            ["rebuild", "SQLite", "1000", "4.00", "3.00", "5.00", "s", "4.00 ×", "scan and write", "≤ 2.5 ×", "missed"];
        assert_eq!(table.rows, [row.map(str::to_owned).to_vec()]);
    }
}
