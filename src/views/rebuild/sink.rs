//! Where a rebuild's rows go: many at once, into tables that nobody reads yet.

use tokio::sync::mpsc;

use super::super::ViewError;
use super::super::fold::{Folded, Stop};
use super::progress::Meter;
use crate::log::envelope::{Position, StreamId};
use crate::projections::{Counts, TABLES, Type, Value};

/// Some streams, in the order of their ids, with what each amounts to.
pub(super) type Batch = Vec<(StreamId, Folded)>;

/// The columns of the table of parked streams.
pub(super) const PARKED: &[(&str, Type)] =
    &[("kind", Type::Text), ("id", Type::Uuid), ("version", Type::Int), ("position", Type::Int), ("error", Type::Text)];

/// Takes rows table by table.
pub(super) trait Sink: Send {
    /// Writes the rows of one table, each a key and the other columns.
    fn rows<'r>(
        &mut self,
        table: usize,
        rows: &mut dyn Iterator<Item = (&'r [Value], &'r [Value])>,
    ) -> Result<u64, ViewError>;

    /// Parks a stream.
    fn park(&mut self, stream: StreamId, stop: &Stop) -> Result<(), ViewError>;

    /// Writes what is still held back.
    fn end(&mut self) -> Result<(), ViewError>;
}

/// What a filled generation is finished with.
pub(super) struct Finished<'f> {
    /// It has taken the log up to here.
    pub(super) upto: Position,
    /// It applies the rulebooks up to here.
    pub(super) rulebooks_upto: Position,
    /// What was written into it.
    pub(super) written: &'f Written,
    /// Whom to tell, and who may say to stop.
    pub(super) meter: &'f Meter,
}

/// Compares how many rows stand in a table with how many were written.
pub(super) fn compare(table: &'static str, written: u64, found: i64) -> Result<(), ViewError> {
    let is_alike = u64::try_from(found) == Ok(written);
    if is_alike { Ok(()) } else { Err(ViewError::Unverified { table, written, found }) }
}

/// What was written.
#[derive(Debug, Clone, Default)]
pub(super) struct Written {
    /// Rows, by table.
    pub(super) rows: Vec<u64>,
    /// Streams that were parked.
    pub(super) parked: u64,
}

impl Written {
    pub(super) fn nothing() -> Self {
        Self { rows: vec![0; TABLES.len()], parked: 0 }
    }

    /// Writes a batch of streams.
    fn write(&mut self, sink: &mut dyn Sink, batch: &Batch) -> Result<(), ViewError> {
        // Table by table, so that a statement is looked up once for many rows and a table grows in one place.
        let mut streams: Vec<_> = batch.iter().map(|(_, folded)| folded.rows.iter().peekable()).collect();
        for (at, table) in TABLES.iter().enumerate() {
            let mut rows = streams.iter_mut().flat_map(|stream| {
                std::iter::from_fn(move || stream.next_if(|(name, ..)| *name == table.name))
                    .map(|(_, key, rest)| (key, rest))
            });
            self.rows[at] += sink.rows(at, &mut rows)?;
        }
        for (stream, folded) in batch {
            if let Some(stop) = &folded.stopped {
                tracing::error!(%stream, position = %stop.position, error = stop.error, "a stream is parked");
                sink.park(*stream, stop)?;
                self.parked += 1;
            }
        }
        Ok(())
    }
}

/// Writes the counted tables, once all streams have been counted, and whatever is still held back.
pub(super) fn end(sink: &mut dyn Sink, written: &mut Written, counts: &Counts) -> Result<(), ViewError> {
    let counts: Vec<(&str, &[Value], [Value; 1])> =
        counts.iter().map(|((name, key), count)| (*name, key.as_slice(), [Value::Int(*count)])).collect();
    for (at, table) in TABLES.iter().enumerate().filter(|(_, table)| table.is_counted) {
        let of_table = counts.iter().filter(|(name, ..)| *name == table.name);
        let mut rows = of_table.map(|(_, key, count)| (*key, count.as_slice()));
        written.rows[at] += sink.rows(at, &mut rows)?;
    }
    sink.end()
}

/// Streams that are written at once.
const BATCH: usize = 256;

/// Writes what the workers fold, in the order of the streams' ids whoever folded them, so that tables keyed by stream
/// grow at their end.
pub(super) fn fill(
    sink: &mut dyn Sink,
    written: &mut Written,
    workers: Vec<mpsc::Receiver<Batch>>,
    meter: &Meter,
) -> Result<(), ViewError> {
    let mut workers: Vec<_> =
        workers.into_iter().map(|from| Merged { from, batch: Vec::new().into_iter().peekable() }).collect();
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let least = workers.iter_mut().filter_map(|worker| worker.next().map(|stream| (stream, worker)));
        let Some((_, worker)) = least.min_by_key(|(stream, _)| *stream) else { break };
        batch.extend(worker.batch.next());
        if batch.len() == BATCH {
            flush(sink, written, &mut batch, meter)?;
        }
    }
    flush(sink, written, &mut batch, meter)
}

/// Writes a batch, empties it and says so.
pub(super) fn flush(
    sink: &mut dyn Sink,
    written: &mut Written,
    batch: &mut Batch,
    meter: &Meter,
) -> Result<(), ViewError> {
    meter.check()?;
    written.write(sink, batch)?;
    meter.has_written(batch.iter().map(|(_, folded)| folded.events).sum());
    batch.clear();
    Ok(())
}

/// What one worker has folded, as it comes.
struct Merged {
    from: mpsc::Receiver<Batch>,
    batch: std::iter::Peekable<std::vec::IntoIter<(StreamId, Folded)>>,
}

impl Merged {
    /// The next stream.
    fn next(&mut self) -> Option<StreamId> {
        while self.batch.peek().is_none() {
            self.batch = self.from.blocking_recv()?.into_iter().peekable();
        }
        self.batch.peek().map(|(stream, _)| *stream)
    }
}
