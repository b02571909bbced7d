//! Reading the whole log in order, as fast as the store gives it, for whoever folds all of it.
//!
//! Records come out as bytes, divided among lanes by stream: a lane gets all of its streams and each of them in order.
//! The log is read in pages, each its own short transaction. Nothing is decoded here.

use std::str::Utf8Error;

use futures_util::TryStreamExt as _;
use sqlx::PgConnection;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::envelope::Position;
use super::{Log, LogError};
use crate::store::{Copied, Place, Pool, StoreError, doing};

/// Positions that one page spans.
const PAGE: i64 = 100_000;
/// Bytes of records that are handed to a lane at once.
const LOT: usize = 128 * 1024;

/// One share of all streams, so that a log that is too long to be held is read in several passes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    /// Which one, from zero.
    pub(crate) nth: u64,
    /// Of how many.
    pub(crate) of: u64,
}

/// Some records, in the order of the log.
#[derive(Debug, Default)]
pub(crate) struct Lot {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Lot {
    /// The records.
    pub(crate) fn records(&self) -> impl Iterator<Item = Result<&str, Utf8Error>> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        begins.zip(&self.ends).map(|(begin, end)| str::from_utf8(&self.bytes[begin..*end]))
    }

    /// How many records it holds.
    pub(crate) const fn len(&self) -> usize {
        self.ends.len()
    }
}

/// The lanes, each with the lot that is being filled for it.
struct Lanes {
    share: Share,
    lanes: Vec<(mpsc::Sender<Lot>, Lot)>,
}

impl Lanes {
    /// The lane of a stream, and whether the stream is in the share.
    fn of(&self, stream: Uuid) -> Option<usize> {
        let (high, low) = stream.as_u64_pair();
        // Ids that clients make may differ in a few bits only; a multiplication spreads them over the upper half.
        let spread = (high.rotate_left(32) ^ low).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let lanes = self.lanes.len() as u64;
        let lane = usize::try_from(spread / self.share.of % lanes).expect("there are few lanes");
        (spread % self.share.of == self.share.nth).then_some(lane)
    }

    /// Adds a record; gives the lane's lot when it is full.
    fn add(&mut self, lane: usize, record: &[u8]) -> Option<(&mpsc::Sender<Lot>, Lot)> {
        let (sender, lot) = &mut self.lanes[lane];
        lot.bytes.extend_from_slice(record);
        lot.ends.push(lot.bytes.len());
        if lot.bytes.len() < LOT {
            return None;
        }
        let empty = Lot { bytes: Vec::with_capacity(LOT + LOT / 8), ends: Vec::with_capacity(lot.ends.len()) };
        Some((sender, std::mem::replace(lot, empty)))
    }

    /// What is left.
    fn rest(self) -> impl Iterator<Item = (mpsc::Sender<Lot>, Lot)> {
        self.lanes.into_iter().filter(|(_, lot)| !lot.ends.is_empty())
    }
}

impl Log {
    /// Reads every record of a share of the streams up to a position into lanes; ends early when nobody takes them.
    pub(crate) async fn scan(
        &self,
        upto: Position,
        share: Share,
        lanes: Vec<mpsc::Sender<Lot>>,
    ) -> Result<(), LogError> {
        let lanes = Lanes { share, lanes: lanes.into_iter().map(|lane| (lane, Lot::default())).collect() };
        match (self.store.place(), &self.store.reader) {
            (Place::Sqlite { path }, _) => {
                let path = path.clone();
                let read = tokio::task::spawn_blocking(move || from_sqlite(&path, upto, lanes));
                let read = read.await.map_err(|_| LogError::Panicked)?;
                read.map_err(|source| StoreError::Sqlite { doing: "read the whole log", source }.into())
            }
            (_, Pool::Postgres(pool)) => {
                // A connection of its own: it is closed where the read ends early, in the middle of a COPY.
                let mut conn = pool.acquire().await.map_err(doing("connect"))?.detach();
                Ok(from_postgres(&mut conn, upto, lanes).await.map_err(doing("read the whole log"))?)
            }
            (Place::Postgres { .. }, Pool::Sqlite(_)) => unreachable!("a store has one dialect"),
        }
    }
}

/// Steps the statement itself, on the thread that hands the records on; sqlx hands every row from thread to thread.
fn from_sqlite(path: &std::path::Path, upto: Position, mut lanes: Lanes) -> rusqlite::Result<()> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = rusqlite::Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(std::time::Duration::from_secs(10))?;
    let text = "select stream_id, record from events where position > ?1 and position <= ?2 order by position";
    let mut page = conn.prepare(text)?;
    for after in (0..upto.0).step_by(usize::try_from(PAGE).expect("a page is small")) {
        let mut rows = page.query([after, upto.0.min(after + PAGE)])?;
        while let Some(row) = rows.next()? {
            let stream = row.get_ref(0)?.as_blob().ok().and_then(|id| Uuid::from_slice(id).ok()).unwrap_or_default();
            let Some(lane) = lanes.of(stream) else { continue };
            let record = row.get_ref(1)?.as_bytes().unwrap_or_default();
            if let Some((sender, lot)) = lanes.add(lane, record)
                && sender.blocking_send(lot).is_err()
            {
                return Ok(());
            }
        }
    }
    for (sender, lot) in lanes.rest() {
        // Whoever no longer takes it has its reasons, and says them.
        let _ = sender.blocking_send(lot);
    }
    Ok(())
}

/// COPY, in binary, of records alone: nothing is parsed or converted on the way but the frame of each row.
async fn from_postgres(conn: &mut PgConnection, upto: Position, mut lanes: Lanes) -> sqlx::Result<()> {
    let Share { nth, of } = lanes.share;
    // COPY takes no binds; what is written into its text are numbers of our own. The server leaves out the streams of
    // other shares, so that they are not sent at all.
    let share =
        if of > 1 { format!("and (uuid_hash(stream_id)::bigint + 2147483648) % {of} = {nth}") } else { String::new() };
    lanes.share = Share { nth: 0, of: 1 };
    for after in (0..upto.0).step_by(usize::try_from(PAGE).expect("a page is small")) {
        let last = upto.0.min(after + PAGE);
        let copy = format!(
            "copy (select stream_id, record from events where position > {after} and position <= {last} {share} \
             order by position) to stdout (format binary)"
        );
        let mut copied = conn.copy_out_raw(&copy).await?;
        let mut rows = Copied::default();
        while let Some(piece) = copied.try_next().await? {
            rows.take(&piece);
            while let Some(mut fields) = rows.next_row() {
                let mut field = || fields.next().flatten().unwrap_or_default();
                let (stream, record) = (Uuid::from_slice(field()).unwrap_or_default(), field());
                let lane = lanes.of(stream).expect("every stream is in the only share");
                if let Some((sender, lot)) = lanes.add(lane, record)
                    && sender.send(lot).await.is_err()
                {
                    drop(copied);
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

    #[test]
    fn every_stream_is_in_one_share_and_ids_that_differ_little_are_spread() {
        let shares = |nth| {
            let (sender, _) = mpsc::channel(1);
            Lanes {
                share: Share { nth, of: 3 },
                lanes: vec![(sender.clone(), Lot::default()), (sender, Lot::default())],
            }
        };
        let shares: Vec<Lanes> = (0..3).map(shares).collect();
        let mut taken = [0_usize; 6];
        for id in 0..6_000 {
            let lanes: Vec<(usize, usize)> = shares
                .iter()
                .enumerate()
                .filter_map(|(nth, share)| share.of(Uuid::from_u128(id)).map(|lane| (nth, lane)))
                .collect();
            let [(share, lane)] = lanes[..] else { panic!("{id} is in {} shares", lanes.len()) };
            taken[share * 2 + lane] += 1;
        }
        assert!(taken.iter().all(|count| (500..2_000).contains(count)), "{taken:?}");
    }
}
