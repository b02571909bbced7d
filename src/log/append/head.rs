//! The head: the one row that every append locks, in every process.

use crate::log::Head;
use crate::log::read::HeadRow;
use crate::store::{Conn, Sql, StoreError, doing, on};

pub(super) static LOCK_HEAD: Sql = Sql::new(
    "update log_head set epoch = epoch where id = 1 returning position, recorded_at, epoch, {clock database_time}",
);

pub(super) static MOVE_HEAD: Sql = Sql::new("update log_head set position = $1, recorded_at = $2 where id = 1");

pub(in crate::log) async fn lock_head(conn: &mut Conn) -> Result<Head, StoreError> {
    let sql = LOCK_HEAD.text(conn.dialect());
    let row: HeadRow =
        on!(conn, conn => sqlx::query_as(sql).fetch_one(&mut **conn).await).map_err(doing("lock the head"))?;
    Ok(row.into())
}

pub(in crate::log) async fn move_head(conn: &mut Conn, head: &Head) -> Result<(), StoreError> {
    let sql = MOVE_HEAD.text(conn.dialect());
    on!(conn, conn => {
        sqlx::query(sql).bind(head.position.0).bind(head.recorded_at).execute(&mut **conn).await.map(drop)
    })
    .map_err(doing("move the head"))
}
