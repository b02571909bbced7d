//! The destination of a rebuild's rows: many rows at once, into tables that are not in use yet.

use tokio::sync::mpsc;
use uuid::Uuid;

use super::super::ViewError;
use super::super::fold::{Folded, Stop};
use super::progress::Meter;
use throughline_domain::fact::envelope::{Position, StreamId};
use throughline_projections::{Counts, TABLES, Type, Value};

/// Streams in the order of their ids, each with its folded rows.
pub(super) type Batch = Vec<Encoded>;

/// The folded rows of a stream, encoded for the store. The workers encode them, because there are many workers and only
/// one writer.
#[derive(Debug)]
pub(super) struct Encoded {
    stream: StreamId,
    events: i64,
    stopped: Option<Stop>,
    /// The rows, one after the other.
    bytes: Vec<u8>,
    /// The table of each row and the end of the row, in the order of the tables.
    rows: Vec<(usize, usize)>,
}

impl Encoded {
    pub(super) fn of<S: Sink>(stream: StreamId, folded: Folded) -> Self {
        let (mut bytes, mut rows, mut table) = (Vec::with_capacity(4_096), Vec::with_capacity(32), 0);
        for (name, key, rest) in folded.rows.iter() {
            // Rows are sorted by table name, and so are the tables.
            while TABLES[table].name != name {
                table += 1;
            }
            for cell in key.iter().chain(rest) {
                S::encode(cell, &mut bytes);
            }
            rows.push((table, bytes.len()));
        }
        Self { stream, events: folded.events, stopped: folded.stopped, bytes, rows }
    }

    /// The next row of a table, after the rows already taken.
    fn next_of(&self, table: usize, after: &mut usize) -> Option<&[u8]> {
        let (_, end) = self.rows.get(*after).filter(|(of, _)| *of == table)?;
        let begin = after.checked_sub(1).map_or(0, |before| self.rows[before].1);
        *after += 1;
        Some(&self.bytes[begin..*end])
    }
}

/// The columns of the table of parked streams.
pub(super) const PARKED: &[(&str, Type)] =
    &[("kind", Type::Text), ("id", Type::Uuid), ("version", Type::Int), ("position", Type::Int), ("error", Type::Text)];

/// Takes rows table by table.
pub(super) trait Sink: Send {
    /// Encodes a cell of a row for the store.
    fn encode(cell: &Value, to: &mut Vec<u8>);

    /// Writes the rows of one table, each with all its cells.
    fn rows(&mut self, table: usize, rows: &mut dyn Iterator<Item = &[u8]>) -> Result<u64, ViewError>;

    /// Parks a stream.
    fn park(&mut self, stream: StreamId, stop: &Stop) -> Result<(), ViewError>;

    /// Writes buffered data.
    fn end(&mut self) -> Result<(), ViewError>;
}

/// The values needed to complete a filled generation.
pub(super) struct Finished<'f> {
    /// The position up to which it has applied the log.
    pub(super) upto: Position,
    /// The event at that position. `None` before the first event.
    pub(super) log_event: Option<Uuid>,
    /// The position up to which it applies rulebooks.
    pub(super) rulebooks_upto: Position,
    /// The counts of what was written into it.
    pub(super) written: &'f Written,
    /// Reports progress and cancellation.
    pub(super) meter: &'f Meter,
}

/// Compares the number of rows in a table with the number written.
pub(super) fn compare(table: &'static str, written: u64, found: i64) -> Result<(), ViewError> {
    let is_alike = u64::try_from(found) == Ok(written);
    if is_alike { Ok(()) } else { Err(ViewError::Unverified { table, written, found }) }
}

/// The counts of what was written.
#[derive(Debug, Clone, Default)]
pub(super) struct Written {
    /// Rows, by table.
    pub(super) rows: Vec<u64>,
    /// The number of parked streams.
    pub(super) parked: u64,
}

impl Written {
    pub(super) fn nothing() -> Self {
        Self { rows: vec![0; TABLES.len()], parked: 0 }
    }

    /// Writes a batch of streams.
    fn write(&mut self, sink: &mut impl Sink, batch: &Batch) -> Result<(), ViewError> {
        // Table by table, so that a statement is looked up once for many rows and each table grows in one place.
        let mut next = vec![0; batch.len()];
        for table in 0..TABLES.len() {
            let streams = batch.iter().zip(&mut next);
            let mut rows = streams.flat_map(|(stream, next)| std::iter::from_fn(|| stream.next_of(table, next)));
            self.rows[table] += sink.rows(table, &mut rows)?;
        }
        for Encoded { stream, stopped, .. } in batch {
            if let Some(stop) = stopped {
                tracing::error!(%stream, position = %stop.position, error = stop.error, "a stream is parked");
                sink.park(*stream, stop)?;
                self.parked += 1;
            }
        }
        Ok(())
    }
}

/// Writes the counted tables, once all streams are counted, and then buffered data.
pub(super) fn end<S: Sink>(sink: &mut S, written: &mut Written, counts: &Counts) -> Result<(), ViewError> {
    for (at, table) in TABLES.iter().enumerate().filter(|(_, table)| table.is_counted) {
        let of_table = counts.iter().filter(|((name, _), _)| *name == table.name);
        let encoded = of_table.map(|((_, key), count)| {
            let mut row = Vec::new();
            for cell in key.iter().chain([&Value::Int(*count)]) {
                S::encode(cell, &mut row);
            }
            row
        });
        let encoded: Vec<Vec<u8>> = encoded.collect();
        written.rows[at] += sink.rows(at, &mut encoded.iter().map(Vec::as_slice))?;
    }
    sink.end()
}

/// The number of streams written at once.
const BATCH: usize = 256;

/// Writes the streams that the workers fold, in the order of their ids, so that tables with the stream as key grow at
/// their end.
pub(super) fn fill(
    sink: &mut impl Sink,
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

/// Writes a batch, empties it and reports the progress.
pub(super) fn flush(
    sink: &mut impl Sink,
    written: &mut Written,
    batch: &mut Batch,
    meter: &Meter,
) -> Result<(), ViewError> {
    meter.check()?;
    written.write(sink, batch)?;
    meter.has_written(batch.iter().map(|stream| stream.events).sum());
    batch.clear();
    Ok(())
}

/// The folded streams of one worker, as they arrive.
struct Merged {
    from: mpsc::Receiver<Batch>,
    batch: std::iter::Peekable<std::vec::IntoIter<Encoded>>,
}

impl Merged {
    /// The next stream.
    fn next(&mut self) -> Option<StreamId> {
        while self.batch.peek().is_none() {
            self.batch = self.from.blocking_recv()?.into_iter().peekable();
        }
        self.batch.peek().map(|encoded| encoded.stream)
    }
}
