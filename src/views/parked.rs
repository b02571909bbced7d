//! Parked streams: streams that a generation could not fold, each with the position of the event and the reason.
//!
//! They are always reported. Their rows are those of the last version that could be folded.

use uuid::Uuid;

use super::fold::Stop;
use super::generation::Generation;
use crate::log::read::wanted;
use crate::store::{Conn, Sql, StoreError, columns, doing, on};
use throughline_domain::fact::envelope::{Position, StreamId, StreamKind};

static LISTED: Sql =
    Sql::new("select kind, id, version, position, error from parked where position > $1 order by position limit $2");
static COUNT: Sql = Sql::new("select count(*) from parked");
static AMONG: Sql = Sql::new(
    "select p.kind, p.id, p.version, p.position, p.error from {streams $1} s \
     join parked p on p.kind = s.kind and p.id = s.id limit $2",
);
static PARK: Sql = Sql::new("insert into parked (kind, id, version, position, error) values ($1, $2, $3, $4, $5)");
static RELEASE: Sql = Sql::new("delete from parked where kind = $1 and id = $2");

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&LISTED, &COUNT, &AMONG, &PARK, &RELEASE];

/// A stream that could not be folded completely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// The stream.
    pub stream: StreamId,
    /// The version up to which its rows are valid.
    pub version: i64,
    /// The log position of the event that could not be applied.
    pub position: Position,
    /// The reason. It contains no text of the event.
    pub error: String,
}

columns! {
    struct Row {
        kind: String,
        id: Uuid,
        version: i64,
        position: i64,
        error: String,
    }
}

impl Row {
    fn read(self) -> Option<Parked> {
        let Self { kind, id, version, position, error } = self;
        let kind: StreamKind = kind.parse().ok()?;
        Some(Parked { stream: StreamId { kind, id }, version, position: Position(position), error })
    }
}

impl Generation {
    /// The parked streams with an event position after this one, in the order of the log, at most `most`.
    pub async fn parked(&self, after: Position, most: i64) -> Result<Vec<Parked>, StoreError> {
        let sql = LISTED.text(self.reader.dialect());
        let rows: sqlx::Result<Vec<Row>> =
            on!(&self.reader, pool => sqlx::query_as(sql).bind(after.0).bind(most).fetch_all(pool).await);
        Ok(rows.map_err(doing("list parked streams"))?.into_iter().filter_map(Row::read).collect())
    }

    /// The number of parked streams.
    pub async fn parked_count(&self) -> Result<i64, StoreError> {
        let sql = COUNT.text(self.reader.dialect());
        let count = on!(&self.reader, pool => sqlx::query_scalar(sql).fetch_one(pool).await);
        count.map_err(doing("count parked streams"))
    }
}

/// The parked streams among these streams.
pub(super) async fn among(conn: &mut Conn, streams: impl Iterator<Item = StreamId>) -> Result<Vec<Parked>, StoreError> {
    let sql = AMONG.text(conn.dialect());
    let wanted = wanted(streams.map(|stream| (stream, 0)));
    let rows: sqlx::Result<Vec<Row>> =
        on!(conn, conn => sqlx::query_as(sql).bind(&wanted).bind(i64::MAX).fetch_all(&mut **conn).await);
    Ok(rows.map_err(doing("find parked streams"))?.into_iter().filter_map(Row::read).collect())
}

/// Updates whether and why a stream is parked.
pub(super) async fn park(conn: &mut Conn, stream: StreamId, stop: Option<&Stop>) -> Result<(), StoreError> {
    let (release, park) = (RELEASE.text(conn.dialect()), PARK.text(conn.dialect()));
    let kind = stream.kind.as_str();
    let parked = on!(conn, conn => async {
        sqlx::query(release).bind(kind).bind(stream.id).execute(&mut **conn).await?;
        if let Some(stop) = stop {
            let park = sqlx::query(park).bind(kind).bind(stream.id).bind(stop.version);
            park.bind(stop.position.0).bind(&stop.error).execute(&mut **conn).await?;
        }
        Ok(())
    }.await);
    parked.map_err(doing("park a stream"))
}
