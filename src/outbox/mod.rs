//! The outbox: webhooks. Each subscription of a contract is sent its events, signed, in order, at least once.
//!
//! It follows the log by position and reads it like the feed, with the rights of an integrator of the contract. It never
//! skips an event in silence: an event that cannot be delivered stops its subscription, and only a person goes past it.
//! No subscription waits for another. Of several servers one sends.

pub mod addresses;
pub mod keys;
pub mod manage;
pub mod retry;
pub mod subscription;

mod course;
mod sender;
mod tables;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::access::{InScope, Scope};
use crate::clock::Clock;
use crate::export::ndjson::ExportError;
use crate::log::{Log, LogError};
use crate::store::{SoleSender, StoreError};
use crate::telemetry::repeated::Repeated;
use crate::views::Views;
use crate::views::admin_requests::{AdminRequest, AdminRequests, Known};
use addresses::Reach;
use course::Course;
use keys::SigningKey;
use retry::Next;
use sender::Sender;
use subscription::{Delivery, Subscription, Tally};
use tables::{ActiveRow, Tables};
use throughline_domain::fact::envelope::Position;

pub use tables::STATEMENTS;

static CANNOT_LIST: Repeated = Repeated::of("the subscriptions cannot be read");
static CANNOT_ASK: Repeated = Repeated::of("the right to send webhooks cannot be taken");

/// How often subscriptions are looked up that another process may have changed, and the right to send is checked.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// The most keys of a subscription.
pub const KEYS_MAX: i64 = 5;

/// How webhooks are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How far they may reach.
    pub reach: Reach,
    /// The most time that a receiver may take to answer.
    pub patience: Duration,
    /// The most attempts at the same time.
    pub at_once: usize,
}

impl Default for Terms {
    fn default() -> Self {
        Self { reach: Reach::Public, patience: Duration::from_secs(20), at_once: 64 }
    }
}

/// The subscriptions of a deployment. Clones are handles to the same.
#[derive(Clone)]
pub struct Outbox {
    shared: Arc<Shared>,
    terms: Terms,
}

struct Shared {
    log: Log,
    views: Views,
    clock: Arc<Clock>,
    tables: Tables,
    /// The orders that were carried out.
    orders: AdminRequests,
    /// Counts changes of subscriptions, here or elsewhere.
    changed: watch::Sender<u64>,
    delivered: AtomicU64,
    failed: AtomicU64,
}

impl Shared {
    fn count(&self, next: Next) {
        let counter = if next == Next::GoOn { &self.delivered } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// The attempts of this process since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// Those that the receiver took.
    pub delivered: u64,
    /// The others.
    pub failed: u64,
}

/// A fault in reading or storing what is sent.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An event cannot be written as a line.
    #[error(transparent)]
    Line(#[from] ExportError),
}

/// A task that ends when it is dropped.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Outbox {
    /// The outbox of an open store. Nothing is sent until [`Outbox::keep_sending`] runs.
    pub fn of(log: &Log, views: &Views, clock: &Arc<Clock>) -> Self {
        let shared = Shared {
            log: log.clone(),
            views: views.clone(),
            clock: Arc::clone(clock),
            tables: Tables::of(Arc::clone(log.store())),
            orders: AdminRequests::default(),
            changed: watch::Sender::new(0),
            delivered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared), terms: Terms::default() }
    }

    /// The same outbox under these terms.
    #[must_use]
    pub fn under(self, terms: Terms) -> Self {
        Self { terms, ..self }
    }

    /// Sends what is due, for as long as it runs. If another process sends, it waits until that one has ended.
    pub async fn keep_sending(self) {
        let sender = match Sender::new(self.terms.reach, self.terms.patience) {
            Ok(sender) => Arc::new(sender),
            Err(error) => {
                tracing::error!(%error, "no webhook is sent: check that this machine has root certificates");
                return;
            }
        };
        loop {
            match self.shared.tables.store().sole_sender_now().await {
                Ok(Some(right)) => self.send_with(right, &sender).await,
                Ok(None) => {}
                Err(error) => CANNOT_ASK.met(&error),
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Keeps a task for each active subscription until the right is lost.
    async fn send_with(&self, mut right: SoleSender, sender: &Arc<Sender>) {
        let places = Arc::new(Semaphore::new(self.terms.at_once));
        let (mut tasks, mut known): (HashMap<Uuid, Task>, Vec<ActiveRow>) = (HashMap::new(), Vec::new());
        let mut changed = self.shared.changed.subscribe();
        while right.is_held().await {
            changed.mark_unchanged();
            match self.shared.tables.active().await {
                Ok(active) => {
                    tasks.retain(|_, task| !task.0.is_finished());
                    for ActiveRow { id, .. } in &active {
                        tasks.entry(*id).or_insert_with(|| self.begun(*id, (sender, &places)));
                    }
                    if known != active {
                        known = active;
                        // Tasks that wait for something else look again.
                        self.shared.changed.send_modify(|changes| *changes += 1);
                        changed.mark_unchanged();
                    }
                }
                Err(error) => CANNOT_LIST.met(&error),
            }
            // A timeout is as good as a change: another process announces none.
            let _ = tokio::time::timeout(LOOK_AGAIN, changed.changed()).await;
        }
        tracing::warn!("the right to send webhooks was lost");
    }

    fn begun(&self, id: Uuid, (sender, places): (&Arc<Sender>, &Arc<Semaphore>)) -> Task {
        let course = Course { outbox: self.clone(), sender: Arc::clone(sender), places: Arc::clone(places), id };
        Task(tokio::spawn(course.run()))
    }

    /// The subscription with this id, if its contract is in scope.
    pub async fn find(&self, scope: &Scope, id: Uuid) -> Result<Option<Subscription>, StoreError> {
        let found = self.shared.tables.find(id).await?;
        Ok(found.filter(|found| scope.contract(&found.contract).is_some()))
    }

    /// Those with these ids whose contract is in scope.
    pub async fn find_all(&self, scope: &Scope, ids: &[Uuid]) -> Result<Vec<Subscription>, StoreError> {
        let mut found = self.shared.tables.find_all(ids).await?;
        found.retain(|found| scope.contract(&found.contract).is_some());
        Ok(found)
    }

    /// The subscriptions of a contract after a place, at most `most`, in the order in which they were made.
    pub async fn of_contract(
        &self,
        scope: InScope<'_>,
        after: Option<(DateTime<Utc>, Uuid)>,
        most: u32,
    ) -> Result<Vec<Subscription>, StoreError> {
        let after = after.unwrap_or((DateTime::UNIX_EPOCH, Uuid::nil()));
        self.shared.tables.of_contract(scope.contract(), after, i64::from(most)).await
    }

    /// The number of subscriptions of a contract.
    pub async fn count_of_contract(&self, scope: InScope<'_>) -> Result<i64, StoreError> {
        self.shared.tables.count(scope.contract()).await
    }

    /// The keys of a subscription, oldest first.
    pub async fn keys(&self, of: &Subscription) -> Result<Vec<SigningKey>, StoreError> {
        self.shared.tables.keys(of.id).await
    }

    /// The attempts of a subscription, newest first, before the one with this number.
    pub async fn deliveries(
        &self,
        of: &Subscription,
        before: Option<i64>,
        most: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.shared.tables.deliveries(of.id, before.unwrap_or(i64::MAX), i64::from(most)).await
    }

    /// The number of attempts that are kept.
    pub async fn delivery_count(&self, of: &Subscription) -> Result<i64, StoreError> {
        self.shared.tables.count_deliveries(of.id).await
    }

    /// The events that were given up and not delivered since: the last attempt of each, oldest first, after the one with
    /// this number.
    pub async fn dead_letters(
        &self,
        of: &Subscription,
        after: Option<i64>,
        most: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.shared.tables.dead_letters(of.id, after.unwrap_or(0), i64::from(most)).await
    }

    /// The number of events that were given up and not delivered since.
    pub async fn dead_letter_count(&self, of: &Subscription) -> Result<i64, StoreError> {
        self.shared.tables.count_dead_letters(of.id).await
    }

    /// How many positions of the log a subscription is behind the live view.
    pub fn lag(&self, of: Position) -> i64 {
        let live = *self.shared.views.live().position().borrow();
        (live.0 - of.0).max(0)
    }

    /// The subscriptions by state.
    pub async fn tally(&self) -> Result<Vec<Tally>, StoreError> {
        self.shared.tables.tally().await
    }

    /// The attempts of this process since its start.
    pub fn attempts(&self) -> Attempts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Attempts { delivered: read(&self.shared.delivered), failed: read(&self.shared.failed) }
    }

    /// What is known about an order on subscriptions.
    pub fn known(&self, order: &AdminRequest) -> Known {
        self.shared.orders.known(order)
    }

    /// Keeps an order that was carried out.
    pub fn remember(&self, order: AdminRequest) {
        self.shared.orders.remember(order);
    }
}
