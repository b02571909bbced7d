//! Reads the whole log in order, as fast as the store allows, for folds of the whole log.
//!
//! Records are returned as bytes, divided by stream: into shares, so that a long log need not be in memory at once, and
//! within a share into lanes. All events of a stream are in one lane, in order. The log is read once, in pages, each in
//! its own short transaction. Nothing is decoded here.

use std::str::Utf8Error;

use futures_util::TryStreamExt as _;
use sqlx::PgConnection;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{Log, LogError};
use crate::store::{CopyDecoder, Place, Pool, Sql, StoreError, doing, look_at, on};
use throughline_domain::fact::envelope::{EventId, Position};

/// The number of positions in one page.
const PAGE: i64 = 100_000;
/// The number of bytes of records given to a lane at once.
const LOT: usize = 128 * 1024;
/// The number of events sampled for each share, so that shares have about the same size.
const SAMPLES: u64 = 256;

static STREAM_AT: Sql = Sql::new("select stream_id from events where position = $1");

static EVENT_AT: Sql = Sql::new("select event_id from events where position = $1");

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&STREAM_AT, &EVENT_AT];

/// The shares of a log: consecutive ranges of stream ids, each with about the same number of events.
#[derive(Debug, Clone)]
pub(crate) struct Shares {
    /// The first id of each share except the first.
    begins: Vec<Uuid>,
}

impl Shares {
    /// At most `of` shares that divide these ids evenly.
    fn dividing(mut ids: Vec<Uuid>, of: usize) -> Self {
        ids.sort_unstable();
        let mut begins: Vec<Uuid> = (1..of).filter_map(|nth| ids.get(nth * ids.len() / of).copied()).collect();
        // A stream longer than a share is in one share as a whole.
        begins.dedup();
        Self { begins }
    }

    /// The number of shares.
    pub(crate) const fn count(&self) -> usize {
        self.begins.len() + 1
    }

    fn of(&self, stream: Uuid) -> usize {
        self.begins.partition_point(|begin| *begin <= stream)
    }
}

/// Consecutive records of one lane of one share, in the order of the log.
#[derive(Debug, Default)]
pub(crate) struct Lot {
    /// The index of the share.
    pub(crate) share: usize,
    /// The index of the lane.
    pub(crate) lane: usize,
    /// The number of records.
    pub(crate) count: u32,
    /// The records, each after its length.
    pub(crate) bytes: Vec<u8>,
}

impl Lot {
    fn of(share: usize, lane: usize) -> Self {
        Self { share, lane, ..Self::default() }
    }

    fn add(&mut self, record: &[u8]) {
        self.bytes.extend(u32::try_from(record.len()).expect("a record is below 4 GiB").to_ne_bytes());
        self.bytes.extend_from_slice(record);
        self.count += 1;
    }

    /// The records.
    pub(crate) fn records(&self) -> impl Iterator<Item = Result<&str, Utf8Error>> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let (length, after) = rest.split_first_chunk()?;
            let (record, after) = after.split_at_checked(u32::from_ne_bytes(*length) as usize)?;
            rest = after;
            Some(str::from_utf8(record))
        })
    }
}

/// The receivers of lots, each with the lot being filled for it: the lanes of the first share, then of the next.
struct Lanes {
    shares: Shares,
    each: usize,
    slots: Vec<(mpsc::Sender<Lot>, Lot)>,
}

impl Lanes {
    fn new(shares: Shares, first: &[mpsc::Sender<Lot>], later: &mpsc::Sender<Lot>) -> Self {
        let each = first.len();
        let slots = (0..shares.count()).flat_map(|share| {
            let to = move |lane: usize| if share == 0 { &first[lane] } else { later };
            (0..each).map(move |lane| (to(lane).clone(), Lot::of(share, lane)))
        });
        let slots = slots.collect();
        Self { shares, each, slots }
    }

    /// The index of a stream's lane.
    fn of(&self, stream: Uuid) -> usize {
        let (high, low) = stream.as_u64_pair();
        // Ids made by clients may differ in a few bits only. A multiplication spreads them over the upper half.
        let spread = (high.rotate_left(32) ^ low).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let lane = usize::try_from(spread % self.each as u64).expect("there are few lanes");
        self.shares.of(stream) * self.each + lane
    }

    /// Adds a record to its stream's lane. Returns the lane's lot when it is full.
    fn add(&mut self, stream: Uuid, record: &[u8]) -> Option<(&mpsc::Sender<Lot>, Lot)> {
        let at = self.of(stream);
        let (sender, lot) = &mut self.slots[at];
        lot.add(record);
        if lot.bytes.len() < LOT {
            return None;
        }
        let empty = Lot { bytes: Vec::with_capacity(LOT + LOT / 8), ..Lot::of(lot.share, lot.lane) };
        Some((sender, std::mem::replace(lot, empty)))
    }

    /// The lots that are not full.
    fn rest(self) -> impl Iterator<Item = (mpsc::Sender<Lot>, Lot)> {
        self.slots.into_iter().filter(|(_, lot)| lot.count > 0)
    }
}

impl Log {
    /// The id of the event at a position, which is unique to this log. `None` if there is no event.
    pub(crate) async fn event_at(&self, position: Position) -> Result<Option<EventId>, LogError> {
        let reader = &self.store.reader;
        let sql = EVENT_AT.text(reader.dialect());
        let found: sqlx::Result<Option<(Uuid,)>> =
            on!(reader, pool => sqlx::query_as(sql).bind(position.0).fetch_optional(pool).await);
        Ok(found.map_err(doing("look for an event"))?.map(|(event,)| EventId(event)))
    }

    /// Divides the streams up to a position into about `of` shares.
    pub(crate) async fn shares(&self, upto: Position, of: u64) -> Result<Shares, LogError> {
        let reader = &self.store.reader;
        let samples = (of * SAMPLES).min(u64::try_from(upto.0).unwrap_or_default());
        let sql = STREAM_AT.text(reader.dialect());
        let mut ids = Vec::new();
        for nth in (0..samples).filter(|_| of > 1) {
            let at = i128::from(upto.0) * i128::from(nth) / i128::from(samples) + 1;
            let at = i64::try_from(at).expect("it is at most the last position");
            let found: sqlx::Result<Option<(Uuid,)>> =
                on!(reader, pool => sqlx::query_as(sql).bind(at).fetch_optional(pool).await);
            ids.extend(found.map_err(doing("divide the log"))?.map(|(id,)| id));
        }
        Ok(Shares::dividing(ids, usize::try_from(of).expect("there are few shares")))
    }

    /// Reads every record up to a position. Records of the first share go to its lanes, the others to the receivers of
    /// later shares. Ends early if the receivers are gone.
    pub(crate) async fn scan(
        &self,
        upto: Position,
        shares: Shares,
        first: Vec<mpsc::Sender<Lot>>,
        later: mpsc::Sender<Lot>,
    ) -> Result<(), LogError> {
        let lanes = Lanes::new(shares, &first, &later);
        drop((first, later));
        match (self.store.place(), &self.store.reader) {
            (Place::Sqlite { path }, _) => {
                let path = path.clone();
                let read = tokio::task::spawn_blocking(move || from_sqlite(&path, upto, lanes));
                let read = read.await.map_err(|_| LogError::Panicked)?;
                read.map_err(|source| StoreError::Sqlite { doing: "read the whole log", source }.into())
            }
            (_, Pool::Postgres(pool)) => {
                // Uses a separate connection, because it is closed if the read ends early, in the middle of a COPY.
                let mut conn = pool.acquire().await.map_err(doing("connect"))?.detach();
                Ok(from_postgres(&mut conn, upto, lanes).await.map_err(doing("read the whole log"))?)
            }
            (Place::Postgres { .. }, Pool::Sqlite(_)) => unreachable!("a store has one dialect"),
        }
    }
}

/// Steps the statement on the thread that sends the records. With sqlx, every row would move from thread to thread.
fn from_sqlite(path: &std::path::Path, upto: Position, mut lanes: Lanes) -> rusqlite::Result<()> {
    let conn = look_at(path)?;
    let text = "select stream_id, record from events where position > ?1 and position <= ?2 order by position";
    let mut page = conn.prepare(text)?;
    for after in (0..upto.0).step_by(usize::try_from(PAGE).expect("a page is small")) {
        let mut rows = page.query([after, upto.0.min(after + PAGE)])?;
        while let Some(row) = rows.next()? {
            let stream = row.get_ref(0)?.as_blob().ok().and_then(|id| Uuid::from_slice(id).ok()).unwrap_or_default();
            let record = row.get_ref(1)?.as_bytes().unwrap_or_default();
            if let Some((sender, lot)) = lanes.add(stream, record)
                && sender.blocking_send(lot).is_err()
            {
                return Ok(());
            }
        }
    }
    for (sender, lot) in lanes.rest() {
        // A receiver that has gone reports its own error.
        let _ = sender.blocking_send(lot);
    }
    Ok(())
}

/// A binary COPY of records only. Nothing is parsed or converted except the frame of each row.
async fn from_postgres(conn: &mut PgConnection, upto: Position, mut lanes: Lanes) -> sqlx::Result<()> {
    // COPY takes no binds. The values in its text are our own numbers.
    for after in (0..upto.0).step_by(usize::try_from(PAGE).expect("a page is small")) {
        let last = upto.0.min(after + PAGE);
        let copy = format!(
            "copy (select stream_id, record from events where position > {after} and position <= {last} \
             order by position) to stdout (format binary)"
        );
        let mut pieces = conn.copy_out_raw(&copy).await?;
        let mut decoder = CopyDecoder::default();
        while let Some(piece) = pieces.try_next().await? {
            decoder.take(&piece);
            while let Some(mut fields) = decoder.next_row() {
                let mut field = || fields.next().flatten().unwrap_or_default();
                let (stream, record) = (Uuid::from_slice(field()).unwrap_or_default(), field());
                if let Some((sender, lot)) = lanes.add(stream, record)
                    && sender.send(lot).await.is_err()
                {
                    drop(pieces);
                    return Ok(());
                }
            }
        }
    }
    for (sender, lot) in lanes.rest() {
        let _ = sender.send(lot).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lanes(shares: Shares) -> Lanes {
        let (sender, _) = mpsc::channel(1);
        Lanes::new(shares, &[sender.clone(), sender.clone()], &sender)
    }

    #[test]
    fn similar_ids_are_spread_over_shares_and_lanes() {
        let ids: Vec<Uuid> = (0..6_000).map(Uuid::from_u128).collect();
        let sample = ids.iter().copied().step_by(10).collect();
        let lanes = lanes(Shares::dividing(sample, 3));
        let mut taken = [0_usize; 6];
        for id in &ids {
            taken[lanes.of(*id)] += 1;
        }
        assert!(taken.iter().all(|count| (500..2_000).contains(count)), "{taken:?}");
    }

    #[test]
    fn shares_are_in_the_order_of_ids() {
        let shares = Shares::dividing((0..1_000).map(Uuid::from_u128).collect(), 4);
        let of: Vec<usize> = (0..1_000).map(|id| shares.of(Uuid::from_u128(id))).collect();
        assert!(of.is_sorted(), "{of:?}");
        assert_eq!((of[0], of[999], shares.count()), (0, 3, 4));
    }

    #[test]
    fn a_stream_longer_than_a_share_is_in_one_share_as_a_whole() {
        let shares = Shares::dividing(vec![Uuid::from_u128(7); 100], 4);
        assert_eq!(shares.count(), 2, "before it, and from it on");
        assert_eq!(Shares::dividing(Vec::new(), 1).count(), 1);
    }

    #[test]
    fn a_lot_returns_its_records_unchanged() {
        let mut lot = Lot::of(0, 0);
        let records = ["{}", "", "a record of a café"];
        for record in records {
            lot.add(record.as_bytes());
        }
        let given: Vec<&str> = lot.records().map(|record| record.expect("it is text")).collect();
        assert_eq!((given.as_slice(), lot.count), (records.as_slice(), 3));
    }
}
