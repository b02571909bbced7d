//! Reads events for verification when pages of the database may be damaged. Everything readable is read.

use super::{PAGE, Row};
use crate::log::Log;
use crate::store::{Sql, StoreError, doing, on};
use throughline_domain::fact::envelope::Position;

/// The last position according to the head alone.
pub(super) static REACHES: Sql = Sql::new("select {raw_int position} as position from log_head where id = 1");

/// The last position to search if the head cannot be read either.
const UNKNOWN_END: i64 = 1 << 40;

impl Log {
    pub(super) async fn rows_after(&self, after: Position, most: i64) -> Result<Vec<Row>, StoreError> {
        let reader = &self.store.reader;
        let sql = PAGE.text(reader.dialect());
        let rows: sqlx::Result<Vec<Row>> =
            on!(reader, pool => sqlx::query_as(sql).bind(after.0).bind(most).fetch_all(pool).await);
        let rows = rows.map_err(doing("read the log to verify it"))?;
        // A damaged page may return positions out of order. Following them would never end.
        let mut follows = after.0;
        for row in &rows {
            if row.position <= follows {
                return Err(doing("read the log to verify it")(out_of_order(row.position, follows)));
            }
            follows = row.position;
        }
        Ok(rows)
    }

    /// The next position after this one from which the log can be read again, or the end of the log. `None` if the log
    /// has ended. The events in between cannot be read.
    pub(super) async fn readable_after(&self, after: Position) -> Option<Position> {
        let after = after.0.max(0);
        let reader = &self.store.reader;
        let sql = REACHES.text(reader.dialect());
        let head: sqlx::Result<Option<(Option<i64>,)>> =
            on!(reader, pool => sqlx::query_as(sql).fetch_optional(pool).await);
        let head = head.ok().flatten().and_then(|(position,)| position).unwrap_or(UNKNOWN_END);
        if after >= head {
            return None;
        }
        let (mut bad, mut step) = (after, 1);
        let mut good = loop {
            let next = (after + step).min(head);
            if next == head || self.rows_after(Position(next), 1).await.is_ok() {
                break next;
            }
            (bad, step) = (next, step * 2);
        };
        while good - bad > 1 {
            let middle = bad + (good - bad) / 2;
            if self.rows_after(Position(middle), 1).await.is_ok() {
                good = middle;
            } else {
                bad = middle;
            }
        }
        Some(Position(good))
    }
}

fn out_of_order(position: i64, after: i64) -> sqlx::Error {
    sqlx::Error::Decode(format!("found an event at position {position}, but expected one after {after}").into())
}
