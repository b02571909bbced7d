//! Looking back: which streams have moved since the positions that commands were prepared from.
//!
//! It reads under the head's lock, by position, and never more than it could in a moment.

use uuid::Uuid;

use super::{AppendTask, Decide, State, Waiting, decoding};
use crate::store::{Conn, Sql, StoreError, doing, on};
use throughline_domain::fact::envelope::{Position, StreamId, StreamKind};
use throughline_domain::fact::moved::Moved;

pub(super) static MOVED: Sql = Sql::new(
    "select stream_kind, stream_id, max(position) from events where position > $1 group by stream_kind, stream_id limit $2",
);

/// The most events that are looked through for what has moved.
const LOOKED_THROUGH: i64 = 500_000;

impl<S: State> AppendTask<S> {
    /// What has moved since the earliest position that a command looks back to; nothing is read where none does. It is
    /// never looked through more than so many events: of what lies further back a command hears that it is not known.
    pub(super) async fn moved<D: Decide<S>>(
        &self,
        conn: &mut Conn,
        head: Position,
        waiting: &[Waiting<D, S>],
    ) -> Result<Moved, StoreError> {
        let Some(since) = waiting.iter().filter_map(|waiting| waiting.request.decide.since()).min() else {
            return Ok(Moved::since(head, []));
        };
        let since = since.max(Position(head.0 - LOOKED_THROUGH));
        let sql = MOVED.text(conn.dialect());
        let rows: Vec<(String, Uuid, i64)> = on!(conn, conn => {
            sqlx::query_as(sql).bind(since.0).bind(i64::MAX).fetch_all(&mut **conn).await
        })
        .map_err(doing("look through what has moved"))?;
        let moved = rows.into_iter().map(|(kind, id, newest)| {
            let kind: StreamKind = kind.parse().map_err(decoding)?;
            Ok((StreamId { kind, id }, Position(newest)))
        });
        Ok(Moved::since(since, moved.collect::<Result<Vec<_>, StoreError>>()?))
    }
}
