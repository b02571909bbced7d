//! Reading events to verify them where pages of the database may be damaged: what can be read is read.

use super::{PAGE, Row};
use crate::log::Log;
use crate::store::{Sql, StoreError, doing, on};
use throughline_domain::fact::envelope::Position;

/// How far the log goes by its head alone.
pub(super) static REACHES: Sql = Sql::new("select {raw_int position} as position from log_head where id = 1");

/// How far the log is looked for where its head cannot be read either.
const UNKNOWN_END: i64 = 1 << 40;

impl Log {
    pub(super) async fn rows_after(&self, after: Position, most: i64) -> Result<Vec<Row>, StoreError> {
        let reader = &self.store.reader;
        let sql = PAGE.text(reader.dialect());
        let rows: sqlx::Result<Vec<Row>> =
            on!(reader, pool => sqlx::query_as(sql).bind(after.0).bind(most).fetch_all(pool).await);
        let rows = rows.map_err(doing("read the log to verify it"))?;
        // A damaged page may give rows that it cannot have: of them no end would come.
        let mut follows = after.0;
        for row in &rows {
            if row.position <= follows {
                return Err(doing("read the log to verify it")(out_of_order(row.position, follows)));
            }
            follows = row.position;
        }
        Ok(rows)
    }

    /// A position after this one, behind which the log can be read again, or where it ends; none where it has ended. What
    /// comes after this one cannot be read.
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
    sqlx::Error::Decode(format!("an event of position {position} comes where one after {after} belongs").into())
}
