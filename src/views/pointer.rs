//! The pointer: which generation is live, and which one was live before. It is stored beside the log, so that every
//! process finds it.
//!
//! Only the holder of the right to build moves it. Nothing here touches a generation.

use sqlx::{ConnectOptions as _, Connection as _, Executor as _};

use crate::store::{Place, Pool, Sql, Store, StoreError, columns, doing, on};
use throughline_domain::fact::envelope::Position;

static POINTER: Sql = Sql::new(
    "select v.generation, v.previous, v.rulebooks_seen, h.position as head \
     from live_view v join log_head h on h.id = v.id where v.id = 1",
);
static SWITCH: Sql = Sql::new(
    "update live_view set generation = $1, previous = $2, rulebooks_seen = $3 where id = 1 and generation = $4",
);

/// Needed only if the row is missing, so it is not prepared.
const MAKE: &str = "insert into live_view (id, generation) values (1, 0) on conflict (id) do nothing";

/// The statements on the pointer.
pub static STATEMENTS: &[&Sql] = &[&POINTER, &SWITCH];

/// The values of the pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pointer {
    /// The live generation. Zero before the first.
    pub(super) live: i64,
    /// The generation before it, kept for a rollback. Zero if there is none.
    pub(super) previous: i64,
    /// The newest rulebook that a live view has ever applied.
    pub(super) rulebooks_seen: Position,
    /// The position of the log.
    pub(super) head: Position,
}

columns! {
    struct Row {
        generation: i64,
        previous: i64,
        rulebooks_seen: i64,
        head: i64,
    }
}

/// Reads the pointer.
pub(super) async fn read(store: &Store) -> Result<Pointer, StoreError> {
    find(store).await?.ok_or_else(|| doing("find the live view")(sqlx::Error::RowNotFound))
}

/// Reads the pointer, if it exists.
pub(super) async fn find(store: &Store) -> Result<Option<Pointer>, StoreError> {
    let sql = POINTER.text(store.dialect());
    let row: sqlx::Result<Option<Row>> = on!(&store.reader, pool => sqlx::query_as(sql).fetch_optional(pool).await);
    let row = row.map_err(doing("find the live view"))?;
    Ok(row.map(|row| {
        let Row { generation, previous, rulebooks_seen, head } = row;
        Pointer { live: generation, previous, rulebooks_seen: Position(rulebooks_seen), head: Position(head) }
    }))
}

/// Creates the pointer again if it was deleted. Then no view is live, and a new one is built. Only the owner of the
/// database may do this.
pub(super) async fn mend(store: &Store) -> Result<(), StoreError> {
    if find(store).await?.is_some() {
        return Ok(());
    }
    let fault = doing("create the pointer to the live view");
    match (store.place(), &store.writer) {
        (Place::Postgres { options, .. }, _) => {
            let mut owner = options.connect().await.map_err(&fault)?;
            owner.execute(MAKE).await.map_err(&fault)?;
            owner.close().await.map_err(&fault)?;
        }
        (Place::Sqlite { .. }, Pool::Sqlite(pool)) => pool.execute(MAKE).await.map(drop).map_err(&fault)?,
        (Place::Sqlite { .. }, Pool::Postgres(_)) => unreachable!("a store has one dialect"),
    }
    tracing::warn!("the pointer to the live view was missing; a view is built");
    Ok(())
}

/// Moves the pointer from its current generation to another, which applies the rulebooks up to a position. `previous`
/// is kept for a rollback, zero for none. Returns `false` if another process moved the pointer.
pub(super) async fn switch(
    store: &Store,
    from: Pointer,
    (to, previous): (i64, i64),
    rulebooks_upto: Position,
) -> Result<bool, StoreError> {
    let sql = SWITCH.text(store.dialect());
    let seen = from.rulebooks_seen.max(rulebooks_upto);
    let moved = on!(&store.writer, pool => {
        let switch = sqlx::query(sql).bind(to).bind(previous).bind(seen.0).bind(from.live);
        switch.execute(pool).await.map(|done| done.rows_affected())
    });
    Ok(moved.map_err(doing("switch to another view"))? == 1)
}
