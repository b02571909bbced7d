//! Leases: which parts of the store are in use, so that none is deleted while it is being read or built.
//!
//! Within this process it is a count for each name. Between processes, on Postgres, it is an advisory lock that ends
//! with its session, however the session ends. Nothing here knows what the parts are, or deletes any.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use tokio::sync::Notify;

use super::{Place, Store, StoreError, doing};

/// The parts that this process uses, by name.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    names: Mutex<BTreeMap<String, usize>>,
    ended: Notify,
}

/// One use of one part. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    /// The lock that keeps other processes from deleting the part. It is released before the count is.
    session: Mutex<Option<PgConnection>>,
    counted: Counted,
}

/// One use, as this process counts it.
#[derive(Debug)]
struct Counted {
    name: String,
    leases: Arc<Leases>,
}

impl Store {
    /// Leases the part with this name, whether or not it exists yet.
    pub(crate) async fn lease(&self, name: String) -> Result<Lease, StoreError> {
        // Count first, so that a deletion from now on leaves the part alone.
        self.leases.counted(|names| *names.entry(name.clone()).or_default() += 1);
        let counted = Counted { name, leases: Arc::clone(&self.leases) };
        let mut session = None;
        if let Place::Postgres { options, .. } = &self.place {
            let mut locking = options.connect().await.map_err(doing("connect to Postgres"))?;
            let lock = sqlx::query("select pg_advisory_lock_shared(hashtextextended($1, 2))").bind(&counted.name);
            lock.execute(&mut locking).await.map_err(doing("lease a view"))?;
            session = Some(locking);
        }
        Ok(Lease { session: Mutex::new(session), counted })
    }

    /// Whether this process uses the part with this name.
    pub(crate) fn is_leased_here(&self, name: &str) -> bool {
        self.leases.counted(|names| names.contains_key(name))
    }

    /// Prevents all use of the part with this name while the session lasts. Returns `false` if it is in use.
    pub(crate) async fn lock_unused(session: &mut PgConnection, name: &str) -> Result<bool, StoreError> {
        let lock = sqlx::query_scalar("select pg_try_advisory_lock(hashtextextended($1, 2))").bind(name);
        lock.fetch_one(session).await.map_err(doing("check whether a view is in use"))
    }

    /// Completes when a lease has ended.
    pub(crate) async fn lease_ended(&self) {
        self.leases.ended.notified().await;
    }
}

/// How long the session of a right may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// The right to send webhooks. One process of all has it at a time. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct SoleSender {
    session: Option<PgConnection>,
}

impl Store {
    /// Takes the right to send webhooks, without waiting. `None` if another process has it. On `SQLite` the one process
    /// that may write has it.
    pub(crate) async fn sole_sender_now(&self) -> Result<Option<SoleSender>, StoreError> {
        let Place::Postgres { options, schema } = &self.place else { return Ok(Some(SoleSender { session: None })) };
        let mut session = options.connect().await.map_err(doing("connect to Postgres"))?;
        let lock = sqlx::query_scalar("select pg_try_advisory_lock(hashtextextended($1, 7))").bind(schema);
        let alone: bool = lock.fetch_one(&mut session).await.map_err(doing("ask which server sends webhooks"))?;
        Ok(alone.then_some(SoleSender { session: Some(session) }))
    }

    /// Takes the right to run imports, without waiting. `None` if another process has it. On `SQLite` the one process
    /// that may write has it.
    pub(crate) async fn sole_importer_now(&self) -> Result<Option<SoleImporter>, StoreError> {
        let Place::Postgres { options, schema } = &self.place else {
            return Ok(Some(SoleImporter(SoleSender { session: None })));
        };
        let mut session = options.connect().await.map_err(doing("connect to Postgres"))?;
        let lock = sqlx::query_scalar("select pg_try_advisory_lock(hashtextextended($1, 8))").bind(schema);
        let alone: bool = lock.fetch_one(&mut session).await.map_err(doing("ask which server runs imports"))?;
        Ok(alone.then_some(SoleImporter(SoleSender { session: Some(session) })))
    }
}

/// The right to run imports. One process of all has it at a time. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct SoleImporter(SoleSender);

impl SoleImporter {
    /// Whether the right still holds. It ends like the right to send webhooks.
    pub(crate) async fn is_held(&mut self) -> bool {
        self.0.is_held().await
    }
}

impl SoleSender {
    /// Whether the right still holds. It ends with its session, and with a session that no longer answers: the database
    /// may have given it to another process.
    pub(crate) async fn is_held(&mut self) -> bool {
        match &mut self.session {
            None => true,
            Some(session) => matches!(tokio::time::timeout(ANSWERS_WITHIN, session.ping()).await, Ok(Ok(()))),
        }
    }
}

impl Leases {
    fn counted<T>(&self, with: impl FnOnce(&mut BTreeMap<String, usize>) -> T) -> T {
        with(&mut self.names.lock().expect("no panic while counting"))
    }
}

impl Lease {
    /// Ends the use at once. If it is only dropped, the database notices a moment later.
    pub(crate) async fn release(self) {
        let session = self.session.lock().expect("no panic while holding the session").take();
        if let Some(mut session) = session {
            let unlock = sqlx::query("select pg_advisory_unlock_shared(hashtextextended($1, 2))");
            // A broken session holds no lock.
            let _ = unlock.bind(&self.counted.name).execute(&mut session).await;
            let _ = session.close().await;
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.leases.counted(|names| {
            if let Some(count) = names.get_mut(&self.name) {
                *count -= 1;
                if *count == 0 {
                    names.remove(&self.name);
                }
            }
        });
        self.leases.ended.notify_one();
    }
}
