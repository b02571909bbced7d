//! Imports in the API: the sources that send files, and the runs of their import.
//!
//! Only what the log says, and only of contracts that the caller may see. Files are named by their digests.

use std::collections::BTreeMap;

use async_graphql::{Context, Enum, Result, SimpleObject};

use super::bounds::PageLength;
use super::context::{OrFault as _, RequestContext as _};
use super::cursor::{Cursors, Parts};
use super::page::{self, Listed, More, Page};
use super::query::visible;
use super::scalars::{Instant, Position};
use crate::jobs::job::Counts;
use crate::log::LogError;
use crate::log::read::{Lane, PAGE_SIZE};
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{self, Envelope, StreamId};
use throughline_domain::fact::event::{self, Event, EventType};

/// What one set of files of a source holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "event::Holds")]
pub enum Holds {
    /// Every record of the source.
    Everything,
    /// Only what is new or changed.
    Changes,
}

/// What counts where a fact of a source was corrected here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "event::Leading")]
pub enum Leading {
    /// The correction.
    Correction,
    /// The source.
    Source,
}

/// How a run of an import ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "event::RunEnd")]
pub enum RunEnd {
    /// Every file was read to its end.
    Completed,
    /// A file or the log could not be read any further, or the import was cancelled. What was recorded before stays.
    Stopped,
}

/// A system whose files about a contract are imported, on the terms of its newest registration. The first run registers
/// it.
#[derive(Debug, Clone, SimpleObject)]
pub struct ImportSource {
    /// The name of the system, as its mapping states it.
    system: String,
    /// The contract, by code.
    contract: String,
    /// The system whose case numbers its files use: often itself.
    numbers: String,
    /// What one set of its files holds.
    holds: Holds,
    /// What counts where a fact was corrected here.
    leads: Leading,
    /// The most records of a hundred that are retracted because they are gone. Null: gone records are only reported.
    purge_most: Option<u8>,
    /// When these terms were recorded.
    registered_at: Instant,
}

/// What the log says of an import of files that has ended, whether they were sent as a job or imported on the command
/// line: files of one system, imported into one contract.
#[derive(Debug, Clone, SimpleObject)]
pub struct ImportRun {
    /// The position of the run in the log.
    position: Position,
    /// The name of the system, as its mapping states it.
    system: String,
    /// The contract, by code.
    contract: String,
    /// The SHA-256 of the mapping's text.
    mapping: String,
    /// The SHA-256 of each file, in order.
    files: Vec<String>,
    /// When the run began.
    started_at: Instant,
    /// When the run ended.
    finished_at: Instant,
    /// How it ended.
    ended: RunEnd,
    /// The number of records with each result.
    counts: ImportCounts,
}

/// The number of records of a run with each result.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub struct ImportCounts {
    /// Records that were new, or had new facts.
    recorded: u64,
    /// Records that differed from what was recorded.
    corrected: u64,
    /// Records that said nothing new.
    already_there: u64,
    /// Records that were refused.
    refused: u64,
    /// Rows and records that could not be read.
    unreadable: u64,
    /// Records that are gone, and stay as they were recorded.
    missing: u64,
    /// Records that are gone, and were retracted.
    retracted: u64,
}

impl From<event::ImportCounts> for ImportCounts {
    fn from(counts: event::ImportCounts) -> Self {
        let event::ImportCounts { recorded, corrected, there, refused, unreadable, missing, retracted } = counts;
        Self { recorded, corrected, already_there: there, refused, unreadable, missing, retracted }
    }
}

impl From<Counts> for ImportCounts {
    fn from(counts: Counts) -> Self {
        let of = |number: i64| u64::try_from(number).unwrap_or_default();
        let Counts { recorded, corrected, there, refused, unreadable, missing, retracted, journeys: _ } = counts;
        Self {
            recorded: of(recorded),
            corrected: of(corrected),
            already_there: of(there),
            refused: of(refused),
            unreadable: of(unreadable),
            missing: of(missing),
            retracted: of(retracted),
        }
    }
}

/// A list about imports as a whole.
#[derive(Debug, SimpleObject)]
pub struct ImportTotals {
    /// The number of entries on all pages.
    total_count: usize,
}

impl Listed for ImportSource {
    type Totals = ImportTotals;
    const PAGE: &'static str = "A page of sources, by name and contract.";
    const EDGE: &'static str = "A source with its cursor.";
    const ONE: &'static str = "source";
    const MANY: &'static str = "sources";
}

impl Listed for ImportRun {
    type Totals = ImportTotals;
    const PAGE: &'static str = "A page of runs, newest first.";
    const EDGE: &'static str = "A run with its cursor.";
    const ONE: &'static str = "run";
    const MANY: &'static str = "runs";
}

/// Reads the fact of an event.
fn fact(envelope: &Envelope) -> Result<Event> {
    let read = Recorded::decode(envelope).map_err(|error| LogError::Payload(Box::new(error)));
    Ok(read.or_fault()?.event)
}

/// A page of the sources.
pub(super) async fn sources(
    ctx: &Context<'_>,
    (first, after): (PageLength, Option<String>),
) -> Result<Page<ImportSource>> {
    let cursors = Cursors::of("sources");
    let after: Option<(String, String)> =
        cursors.place(after.as_deref(), |parts: &mut Parts| Some((parts.part()?, parts.part()?)))?;
    let log = &ctx.app().log;
    let (upto, lanes) = (log.head().await.or_fault()?.position, [Lane::Type(EventType::SourceRegistered.as_str())]);
    let (mut end, mut found) = (envelope::Position::default(), BTreeMap::new());
    loop {
        let page = log.page_among(&lanes, end, upto, PAGE_SIZE).await.or_fault()?;
        let Some(last) = page.last() else { break };
        end = last.position;
        let visible = visible(ctx, &page).await?;
        for envelope in page.iter().filter(|envelope| visible(envelope)) {
            let Event::SourceRegistered(source) = fact(envelope)? else { continue };
            let registered_at = Instant(envelope.recorded_at);
            let key = (source.system.clone(), source.contract.clone());
            let source = ImportSource {
                system: source.system,
                contract: source.contract,
                numbers: source.numbers,
                holds: source.holds.into(),
                leads: source.leads.into(),
                purge_most: source.purge_most,
                registered_at,
            };
            found.insert(key, source);
        }
    }
    let all: Vec<((String, String), ImportSource)> = found.into_iter().collect();
    let skipped = after.map_or(0, |after| all.partition_point(|(key, _)| *key <= after));
    let (shown, more) = page::part(&all, skipped, first);
    let rows = shown.iter().map(|((system, contract), source)| {
        (cursors.cursor(format_args!("{system}\n{contract}")), Some(source.clone()))
    });
    Ok(Page::of(rows, more, ImportTotals { total_count: all.len() }))
}

/// A page of the runs of a source.
pub(super) async fn runs(
    ctx: &Context<'_>,
    source: &str,
    (first, after): (PageLength, Option<String>),
) -> Result<Page<ImportRun>> {
    let cursors = Cursors::of(format!("importRuns {}", StreamId::source(source).id));
    let after: Option<i64> = cursors.place(after.as_deref(), Parts::part)?;
    let mut events = ctx.app().log.stream(StreamId::source(source)).await.or_fault()?;
    let visible = visible(ctx, &events).await?;
    events.retain(|event| event.event_type == EventType::ImportRun.as_str() && visible(event));
    events.reverse();
    let skipped = after.map_or(0, |after| events.partition_point(|event| event.position.0 >= after));
    let (shown, more): (_, More) = page::part(&events, skipped, first);
    let mut rows = Vec::with_capacity(shown.len());
    for envelope in shown {
        let Event::ImportRun(run) = fact(envelope)? else { continue };
        let run = ImportRun {
            position: Position(envelope.position),
            system: run.system,
            contract: run.contract,
            mapping: run.mapping,
            files: run.files,
            started_at: Instant(run.started_at),
            finished_at: Instant(run.finished_at),
            ended: run.ended.into(),
            counts: run.counts.into(),
        };
        rows.push((cursors.cursor(envelope.position), Some(run)));
    }
    Ok(Page::of(rows, more, ImportTotals { total_count: events.len() }))
}
