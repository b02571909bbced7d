//! Who holds which part of the store, so that none is removed while somebody reads it or builds it.
//!
//! Within this process a count for each name; between processes, on Postgres, an advisory lock that ends with its
//! session, however that ends. Nothing here knows what the parts are, or removes any.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use tokio::sync::Notify;

use super::{Place, Store, StoreError, doing};

/// The parts that this process holds, by their names.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    names: Mutex<BTreeMap<String, usize>>,
    let_go: Notify,
}

/// One hold of one part; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    /// Locks the part against its removal by another process; it goes before the count does.
    session: Mutex<Option<PgConnection>>,
    counted: Counted,
}

/// One of the holds that this process counts.
#[derive(Debug)]
struct Counted {
    name: String,
    holds: Arc<Holds>,
}

impl Store {
    /// Holds the part of this name, whether or not it is there yet.
    pub(crate) async fn hold(&self, name: String) -> Result<Hold, StoreError> {
        // Counted first: whoever looks from now on leaves it alone.
        self.holds.counted(|names| *names.entry(name.clone()).or_default() += 1);
        let counted = Counted { name, holds: Arc::clone(&self.holds) };
        let mut session = None;
        if let Place::Postgres { options, .. } = &self.place {
            let mut locking = options.connect().await.map_err(doing("connect to Postgres"))?;
            let lock = sqlx::query("select pg_advisory_lock_shared(hashtextextended($1, 2))").bind(&counted.name);
            lock.execute(&mut locking).await.map_err(doing("hold a view"))?;
            session = Some(locking);
        }
        Ok(Hold { session: Mutex::new(session), counted })
    }

    /// Whether this process holds the part of this name.
    pub(crate) fn is_held_here(&self, name: &str) -> bool {
        self.holds.counted(|names| names.contains_key(name))
    }

    /// Keeps everybody from holding the part of this name for as long as the session lasts; false if somebody does.
    pub(crate) async fn unheld(session: &mut PgConnection, name: &str) -> Result<bool, StoreError> {
        let lock = sqlx::query_scalar("select pg_try_advisory_lock(hashtextextended($1, 2))").bind(name);
        lock.fetch_one(session).await.map_err(doing("ask who holds a view"))
    }

    /// Completes when a part was let go.
    pub(crate) async fn let_go(&self) {
        self.holds.let_go.notified().await;
    }
}

impl Holds {
    fn counted<T>(&self, with: impl FnOnce(&mut BTreeMap<String, usize>) -> T) -> T {
        with(&mut self.names.lock().expect("nobody panics while holding the count"))
    }
}

impl Hold {
    /// Lets go at once; one that is only dropped is missed by the database a moment later.
    pub(crate) async fn release(self) {
        let session = self.session.lock().expect("nobody panics while holding the session").take();
        if let Some(mut session) = session {
            let unlock = sqlx::query("select pg_advisory_unlock_shared(hashtextextended($1, 2))");
            // A session that is broken holds nothing.
            let _ = unlock.bind(&self.counted.name).execute(&mut session).await;
            let _ = session.close().await;
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.holds.counted(|names| {
            if let Some(count) = names.get_mut(&self.name) {
                *count -= 1;
                if *count == 0 {
                    names.remove(&self.name);
                }
            }
        });
        self.holds.let_go.notify_one();
    }
}
