//! Tables for analysts, end to end on both stores: they agree with the boards, every format holds the same rows, and
//! nobody gets a row that they may not see.

mod analysts;
mod boards;
mod callers;
mod command_line;

use std::io::Write;
use std::sync::{Arc, Mutex};

use chrono::NaiveDate;
use serde_json::Value;
use throughline::access::Scope;
use throughline::access::relation::Standing;
use throughline::demo::Demo;
use throughline::export::formats::Format;
use throughline::export::run::run;
use throughline::export::table::{Export, Question};
use throughline::export::tables::Table;
use throughline::store::Dialect;
use throughline::views::generation::Generation;
use throughline::views::snapshots::KnownPart;
use throughline_domain::fact::envelope::Position;

use crate::app::app_over;
use crate::stores::Fresh;
use crate::wait::PATIENCE;

/// An output that can be read afterwards.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic while writing").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The year of a pack, recorded on a store.
async fn played(store: Dialect, demo: &Demo) -> Fresh {
    let fresh = Fresh::on(store, demo.continues_at).await;
    demo.play(&app_over(&fresh), |_| ()).await.expect("the year is recorded");
    fresh.clock.set(demo.continues_at);
    let head = fresh.log.head().await.expect("a head").position;
    assert!(fresh.views.passed(head, PATIENCE).await, "the view does not follow the log");
    fresh
}

/// A contract at a point in time.
#[derive(Clone)]
struct Seen<'a> {
    fresh: &'a Fresh,
    contract: &'a str,
    view: Arc<Generation>,
    as_of: NaiveDate,
    today: NaiveDate,
}

impl<'a> Seen<'a> {
    /// The contract as of a day, as known at a position, or now.
    async fn at(fresh: &'a Fresh, demo: &Demo, as_of: NaiveDate, known: Option<Position>) -> Self {
        let view = match known {
            None => fresh.views.live(),
            Some(upto) => {
                let part = KnownPart { upto: Some(upto), rulebooks_upto: upto };
                fresh.views.as_known(part, None).await.expect("the view is built")
            }
        };
        let today = demo.continues_at.with_timezone(&demo.zone).date_naive();
        Self { fresh, contract: demo.contract, view, as_of, today }
    }

    /// A table in a format, as somebody gets it who may see everything.
    async fn export(&self, table: Table, format: Format) -> Vec<u8> {
        let scope = Scope::Deployment;
        let standing = Standing::contract_wide(self.today);
        let question = Question {
            table,
            view: Arc::clone(&self.view),
            live: self.fresh.views.live(),
            scope: scope.contract(self.contract).expect("in scope"),
            standing: &standing,
            redactions: &[],
            as_of: self.as_of,
            today: self.today,
        };
        let export = Export::open(&self.fresh.log, question).await.expect("an export");
        let kept = Kept::default();
        let rows = run(export, format, Box::new(kept.clone())).await.expect("exported");
        let bytes = kept.0.lock().expect("no panic while writing").clone();
        if format == Format::Ndjson {
            assert_eq!(rows, bytes.split(|byte| *byte == b'\n').count() as u64 - 1);
        }
        bytes
    }

    /// The rows of a table.
    async fn rows(&self, table: Table) -> Vec<Value> {
        lines(&self.export(table, Format::Ndjson).await)
    }
}

/// The objects of NDJSON.
fn lines(bytes: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(bytes).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// The sum of the amounts in a column.
fn sum<'v>(rows: impl IntoIterator<Item = &'v Value>, column: &str) -> rust_decimal::Decimal {
    let amount =
        |row: &Value| row[column].as_str().map(|text| text.parse::<rust_decimal::Decimal>().expect("an amount"));
    rows.into_iter().filter_map(amount).sum()
}

/// The day in a column.
fn day_of(row: &Value, column: &str) -> Option<NaiveDate> {
    row[column].as_str().map(|text| text.parse().expect("a day"))
}
