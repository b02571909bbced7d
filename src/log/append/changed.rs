//! Finds the streams that have changed since the positions that commands were prepared from.
//!
//! It reads under the head's lock, by position, and never more than it can read quickly.

use uuid::Uuid;

use super::{AppendTask, Decide, State, Waiting, decoding};
use crate::store::{Conn, Sql, StoreError, doing, on};
use throughline_domain::fact::changed::ChangedStreams;
use throughline_domain::fact::envelope::{Position, StreamId, StreamKind};

pub(super) static CHANGED: Sql = Sql::new(
    "select stream_kind, stream_id, max(position) from events where position > $1 group by stream_kind, stream_id limit $2",
);

/// The most events to search for changed streams.
const LOOKED_THROUGH: i64 = 500_000;

impl<S: State> AppendTask<S> {
    /// The streams that have changed since the earliest position that a command was prepared from. Reads nothing if no
    /// command names one. If more than [`LOOKED_THROUGH`] events would have to be searched, the changes since that
    /// position count as unknown.
    pub(super) async fn changed<D: Decide<S>>(
        &self,
        conn: &mut Conn,
        head: Position,
        waiting: &[Waiting<D, S>],
    ) -> Result<ChangedStreams, StoreError> {
        let Some(since) = waiting.iter().filter_map(|waiting| waiting.request.decide.since()).min() else {
            return Ok(ChangedStreams::since(head, []));
        };
        let since = since.max(Position(head.0 - LOOKED_THROUGH));
        let sql = CHANGED.text(conn.dialect());
        let rows: Vec<(String, Uuid, i64)> = on!(conn, conn => {
            sqlx::query_as(sql).bind(since.0).bind(i64::MAX).fetch_all(&mut **conn).await
        })
        .map_err(doing("look through which streams have changed"))?;
        let changed = rows.into_iter().map(|(kind, id, newest)| {
            let kind: StreamKind = kind.parse().map_err(decoding)?;
            Ok((StreamId { kind, id }, Position(newest)))
        });
        Ok(ChangedStreams::since(since, changed.collect::<Result<Vec<_>, StoreError>>()?))
    }
}
