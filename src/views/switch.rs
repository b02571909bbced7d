//! Switching: another generation becomes live, and no reader goes back in position.
//!
//! Both checkpoints are locked, in the order of their numbers, until the pointer has moved. The log is never locked.

use std::sync::Arc;

use super::ViewError;
use super::generation::{Generation, HOLD_CHECKPOINT};
use super::pointer;
use super::project::Projector;
use super::soundness::is_of_the_view;
use crate::store::{Conn, Store, doing, on};
use throughline_domain::fact::envelope::Position;

/// Makes a generation live, after catching it up to at least the position of the current one, if that is readable.
/// `swap` takes it over before the old one can continue.
pub(super) async fn switch(
    store: &Store,
    old: Option<&Generation>,
    new: &mut Projector,
    swap: impl FnOnce(Arc<Generation>),
) -> Result<(), ViewError> {
    // Most of the work is done before others have to wait.
    while new.step().await? {}
    let generation = Arc::clone(new.generation());
    let (mut old_conn, mut new_conn) = match old {
        Some(old) if old.number < generation.number => {
            let old_conn = held_if_whole(old).await?;
            (old_conn, held(&generation).await?)
        }
        Some(old) => {
            let new_conn = held(&generation).await?;
            (held_if_whole(old).await?, new_conn)
        }
        None => (None, held(&generation).await?),
    };
    let caught_up = match &mut old_conn {
        Some((held, _)) => {
            let caught_up = held.meanwhile(catch_up(new, &mut new_conn.0)).await;
            caught_up.map_err(doing("hold the view that was live")).map_err(ViewError::from).flatten()
        }
        None => catch_up(new, &mut new_conn.0).await,
    };
    let switched = match caught_up {
        Ok(position) if old_conn.as_ref().is_none_or(|(_, old)| position >= *old) => {
            finish(store, (old, old_conn.as_mut()), new, (new_conn.0, position), swap).await
        }
        other => {
            new_conn.0.rollback().await;
            Err(other.err().unwrap_or(ViewError::Outrun))
        }
    };
    if let Some((conn, _)) = &mut old_conn {
        conn.rollback().await;
    }
    switched
}

/// Locks a generation's checkpoint and returns its position.
async fn held(generation: &Generation) -> Result<(Conn, Position), ViewError> {
    let mut conn = Conn::begun(&generation.writer).await.map_err(doing("begin to switch views"))?;
    let sql = HOLD_CHECKPOINT.text(conn.dialect());
    let held: sqlx::Result<(i64,)> = on!(&mut conn, conn => sqlx::query_as(sql).fetch_one(&mut **conn).await);
    match held {
        Ok((position,)) => Ok((conn, Position(position))),
        Err(source) => {
            conn.rollback().await;
            Err(doing("lock a view's checkpoint")(source).into())
        }
    }
}

/// The same for a generation that may be damaged. If its checkpoint cannot be locked, no other process can advance it
/// either.
async fn held_if_whole(old: &Generation) -> Result<Option<(Conn, Position)>, ViewError> {
    match held(old).await {
        Ok(held) => Ok(Some(held)),
        Err(error) if is_of_the_view(&error) => {
            old.condemn();
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

async fn catch_up(new: &mut Projector, conn: &mut Conn) -> Result<Position, ViewError> {
    loop {
        let stepped = new.project(conn).await?;
        if !stepped.more {
            return Ok(stepped.position);
        }
    }
}

async fn finish(
    store: &Store,
    (old, held): (Option<&Generation>, Option<&mut (Conn, Position)>),
    new: &Projector,
    (mut conn, position): (Conn, Position),
    swap: impl FnOnce(Arc<Generation>),
) -> Result<(), ViewError> {
    if let Some((held, _)) = held {
        // If the server has released the lock on the old view, others may have advanced it, and the new view may be
        // behind.
        held.is_there().await.map_err(doing("hold the view that was live"))?;
    }
    if let Err(source) = conn.commit().await {
        conn.rollback().await;
        return Err(doing("commit to the new view")(source).into());
    }
    new.announce(position);
    let pointer = pointer::read(store).await?;
    let generation = new.generation();
    // A generation that is no longer usable is not kept for a rollback.
    let numbers = (generation.number, old.filter(|old| !old.is_condemned()).map_or(0, |old| old.number));
    if !pointer::switch(store, pointer, numbers, generation.rulebooks_upto).await? {
        return Err(ViewError::Outrun);
    }
    tracing::info!(generation = generation.number, %position, "another view is live");
    swap(Arc::clone(generation));
    Ok(())
}
