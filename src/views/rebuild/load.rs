//! The main part of a rebuild: one ordered read of the log, decoded and folded on all cores, and written in bulk.
//!
//! Streams are divided among workers by their ids, and each worker folds its streams in memory. If the log is too long
//! for that, the streams are folded in shares, one after the other, and the records of later shares wait in a file, so
//! that memory depends on the share and not on the log. The result does not depend on how the work was divided.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::mpsc;

use super::postgres;
use super::progress::{Meter, Phase};
use super::sink::{Batch, Encoded, Finished, Sink, Written, end, fill, flush};
use super::spill::Spill;
use super::sqlite::SqliteSink;
use crate::log::scan::Lot;
use crate::log::{Log, LogError};
use crate::store::Place;
use crate::views::ViewError;
use crate::views::fold::{Folded, Gathered, Rules};
use crate::views::generation::{Contracts, file, schema_name};
use throughline_domain::contract::Rulebook;
use throughline_domain::fact::envelope::{Position, Record, StreamId, StreamKind};
use throughline_domain::fact::event::EventType;
use throughline_projections::{self, Counts};

/// The number of lots that may wait for a worker.
const LOTS: usize = 8;
/// The number of batches that may wait for the writer.
const BATCHES: usize = 8;
/// The number of streams that a worker passes on at once.
const FOLDED: usize = 128;

/// What to build.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The number of the generation.
    pub(crate) number: i64,
    /// Every event up to this position.
    pub(crate) upto: Position,
    /// The rulebooks up to this position.
    pub(crate) rulebooks_upto: Position,
    /// A draft of a contract's rules to apply as well.
    pub(crate) draft: Option<Arc<Rulebook>>,
    /// The number of threads that decode and fold.
    pub(crate) workers: usize,
    /// The approximate number of events in memory at once.
    pub(crate) held: i64,
}

/// Fills a newly created generation from the log. It is then complete, but not yet in use. Returns the contracts under
/// the rules that it applies.
pub(super) async fn load(
    log: &Log,
    place: &Place,
    plan: &Plan,
    meter: &Arc<Meter>,
) -> Result<Arc<Contracts>, ViewError> {
    let (upto, rulebooks_upto) = (plan.upto, plan.rulebooks_upto);
    let (rules, own_rows) = ruled(log, plan).await?;
    let contracts = Arc::clone(&rules.contracts);
    let log_event = log.event_at(upto).await?.map(|event| event.0);
    let known = (Arc::new(rules), own_rows);
    match place {
        Place::Sqlite { path } => {
            let path = file(path, plan.number);
            let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let sink = SqliteSink::create(&path)?;
            let (sink, written) = fill_from(log, (plan, directory), known, sink, meter).await?;
            meter.enters(Phase::Indexing);
            let meter = Arc::clone(meter);
            let finish = move || {
                sink.finish(&path, &Finished { upto, log_event, rulebooks_upto, written: &written, meter: &meter })
            };
            tokio::task::spawn_blocking(finish).await.map_err(|_| ViewError::Panicked)??;
        }
        Place::Postgres { options, schema } => {
            let (sink, copying) = postgres::create(options, &schema_name(schema, plan.number)).await?;
            let filled = fill_from(log, (plan, &std::env::temp_dir()), known, sink, meter).await;
            if let Err(ViewError::Stopped) = filled {
                // The connections have the actual error.
                copying.copied().await?;
                return Err(ViewError::Stopped);
            }
            let (sink, written) = filled?;
            drop(sink);
            meter.enters(Phase::Indexing);
            copying.finish(&Finished { upto, log_event, rulebooks_upto, written: &written, meter }).await?;
        }
    }
    Ok(contracts)
}

/// Reads the log and writes the resulting rows, share by share.
async fn fill_from<S: Sink + 'static>(
    log: &Log,
    (plan, directory): (&Plan, &Path),
    (rules, contracts): (Arc<Rules>, Vec<(StreamId, Folded)>),
    sink: S,
    meter: &Arc<Meter>,
) -> Result<(S, Written), ViewError> {
    meter.enters(Phase::Folding);
    let filling = Filling { sink, written: Written::nothing(), read: 0, counts: Counts::new() };
    let filling = filling.with_contracts(contracts, meter).await?;
    let wanted = u64::try_from(plan.upto.0).unwrap_or_default();
    let shares = log.shares(plan.upto, wanted.div_ceil(plan.held.max(1).unsigned_abs()).max(1)).await?;
    let count = shares.count();
    let (later, set_aside) = mpsc::channel(LOTS);
    let (directory, telling) = (directory.to_owned(), Arc::clone(meter));
    let spilling = tokio::task::spawn_blocking(move || Spill::taking(directory, count, set_aside, &telling));
    let (lanes, share) = filling.share(plan.workers, &rules, meter);
    let (scanned, spilled, filled) = tokio::join!(log.scan(plan.upto, shares, lanes, later), spilling, share);
    let mut spill = spilled.map_err(|_| ViewError::Panicked)??;
    scanned?;
    let mut filling = filled?;
    for nth in 1..count {
        let (lanes, share) = filling.share(plan.workers, &rules, meter);
        let giving = tokio::task::spawn_blocking(move || spill.give(nth, &lanes).map(|()| spill));
        let (given, filled) = tokio::join!(giving, share);
        spill = given.map_err(|_| ViewError::Panicked)??;
        filling = filled?;
    }
    if filling.read != wanted {
        let found = i64::try_from(filling.read).unwrap_or(i64::MAX);
        return Err(ViewError::Unverified { table: "events", written: wanted, found });
    }
    let ended = tokio::task::spawn_blocking(move || {
        end(&mut filling.sink, &mut filling.written, &filling.counts)?;
        Ok((filling.sink, filling.written))
    });
    ended.await.map_err(|_| ViewError::Panicked)?
}

/// The sink being filled, and the results of the shares so far.
struct Filling<S> {
    sink: S,
    written: Written,
    /// The number of events read.
    read: u64,
    /// The counts for counted tables.
    counts: Counts,
}

impl<S: Sink + 'static> Filling<S> {
    /// Writes the contracts' own rows.
    async fn with_contracts(
        mut self,
        contracts: Vec<(StreamId, Folded)>,
        meter: &Arc<Meter>,
    ) -> Result<Self, ViewError> {
        let meter = Arc::clone(meter);
        let written = tokio::task::spawn_blocking(move || {
            let mut contracts = contracts.into_iter().map(|(id, folded)| Encoded::of::<S>(id, folded)).collect();
            flush(&mut self.sink, &mut self.written, &mut contracts, &meter)?;
            Ok(self)
        });
        written.await.map_err(|_| ViewError::Panicked)?
    }

    /// Starts to fold and write a share, whose records arrive through the lanes.
    fn share(
        mut self,
        workers: usize,
        rules: &Arc<Rules>,
        meter: &Arc<Meter>,
    ) -> (Vec<mpsc::Sender<Lot>>, impl Future<Output = Result<Self, ViewError>>) {
        let (lanes, lots): (Vec<_>, Vec<_>) = (0..workers).map(|_| mpsc::channel(LOTS)).unzip();
        let (folded, batches): (Vec<_>, Vec<_>) = (0..workers).map(|_| mpsc::channel(BATCHES)).unzip();
        let workers = lots.into_iter().zip(folded).map(|(lots, folded)| {
            let (rules, meter) = (Arc::clone(rules), Arc::clone(meter));
            tokio::task::spawn_blocking(move || work::<S>(lots, &folded, &rules, &meter))
        });
        let (workers, telling) = (join_all(workers.collect::<Vec<_>>()), Arc::clone(meter));
        let writer = tokio::task::spawn_blocking(move || {
            fill(&mut self.sink, &mut self.written, batches, &telling)?;
            Ok(self)
        });
        let ended = async move {
            let (worked, filled) = tokio::join!(workers, writer);
            let (mut read, mut counts) = (0, Vec::new());
            for worked in worked {
                let lane = worked.map_err(|_| ViewError::Panicked)??;
                read += lane.read;
                counts.push(lane.counts);
            }
            let filled: Result<Self, ViewError> = filled.map_err(|_| ViewError::Panicked)?;
            let mut filling = filled?;
            filling.read += read;
            for (key, count) in counts.into_iter().flatten() {
                *filling.counts.entry(key).or_default() += count;
            }
            Ok(filling)
        };
        (lanes, ended)
    }
}

/// The rules that the generation applies, and the contracts' own rows.
async fn ruled(log: &Log, plan: &Plan) -> Result<(Rules, Vec<(StreamId, Folded)>), ViewError> {
    let mut streams: BTreeMap<StreamId, Gathered> = BTreeMap::new();
    for envelope in log.contracts(plan.upto.max(plan.rulebooks_upto)).await? {
        // After that position, only requested rulebooks in a contract's stream count.
        let is_wanted = envelope.position <= plan.upto
            || streams.contains_key(&envelope.stream) && envelope.event_type == EventType::RulebookPublished.as_str();
        if is_wanted {
            streams.entry(envelope.stream).or_default().take(&envelope);
        }
    }
    let mut rules = Rules { upto: plan.rulebooks_upto, ..Rules::default() };
    let mut contracts = Contracts::new();
    let mut own_rows = Vec::new();
    for (stream, gathered) in streams {
        let mut folded = gathered.fold(stream, &rules);
        let mut contract = gathered.contract(folded.version, &rules);
        if let Some(draft) = plan.draft.as_ref().filter(|draft| contract.code() == Some(&draft.contract)) {
            contract = contract.with_draft(Arc::clone(draft));
            folded.rows = throughline_projections::contract::rows(&contract);
        }
        contracts.extend(contract.code().map(str::to_owned).map(|code| (code, Arc::new(contract))));
        own_rows.push((stream, folded));
    }
    rules.contracts = Arc::new(contracts);
    Ok((rules, own_rows))
}

/// The results of one lane besides its rows.
struct Lane {
    /// The number of events read.
    read: u64,
    /// The contributions of its streams to counted tables.
    counts: Counts,
}

/// Collects the streams of one lane and folds each.
fn work<S: Sink>(
    mut lots: mpsc::Receiver<Lot>,
    folded: &mpsc::Sender<Batch>,
    rules: &Rules,
    meter: &Meter,
) -> Result<Lane, ViewError> {
    let (mut streams, mut read): (HashMap<StreamId, Gathered>, u64) = (HashMap::new(), 0);
    while let Some(lot) = lots.blocking_recv() {
        meter.check()?;
        for record in lot.records() {
            let record = Record::read(record.map_err(|_| ViewError::NotText)?).map_err(LogError::from)?;
            // The contracts' streams were read earlier, because every fold needs them.
            if record.stream.kind != StreamKind::Contract {
                streams.entry(record.stream).or_default().take_record(record);
            }
        }
        read += u64::from(lot.count);
        if lot.share == 0 {
            // Records that were set aside were already counted then.
            meter.has_read(lot.count.into());
        }
    }
    let mut streams: Vec<(StreamId, Gathered)> = streams.into_iter().collect();
    streams.sort_unstable_by_key(|(stream, _)| *stream);
    let (mut streams, mut counts) = (streams.into_iter(), HashMap::new());
    loop {
        let folded_now = streams.by_ref().take(FOLDED).map(|(id, stream)| {
            let mut folded = stream.fold(id, rules);
            for (key, count) in folded.rows.take_counts() {
                *counts.entry(key).or_default() += count;
            }
            Encoded::of::<S>(id, folded)
        });
        let batch: Batch = folded_now.collect();
        meter.check()?;
        // A receiver that has gone reports its own error.
        if batch.is_empty() || folded.blocking_send(batch).is_err() {
            return Ok(Lane { read, counts: counts.into_iter().collect() });
        }
    }
}
