//! The tables of subscriptions, their keys and their deliveries. The only code that names them.
//!
//! It stores and reads. It decides nothing, and reads no clock.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::keys::{KeyKind, SigningKey};
use super::subscription::{Attempt, Cursor, Delivery, State, Subscription, Tally};
use crate::store::{Conn, Dialect, Sql, Store, StoreError, columns, doing, on};
use throughline_domain::fact::envelope::{EventId, Position};

/// The columns of a subscription.
macro_rules! subscriptions {
    ($rest:literal) => {
        concat!(
            "select id, contract, url, types, identity, state, reason, position, run, version, attempted, attempts, \
             failing_since, next_attempt, request, created_by, created_at from subscriptions ",
            $rest
        )
    };
}

/// The columns of a delivery.
macro_rules! deliveries {
    ($rest:literal) => {
        concat!(
            "select number, position, event_id, event_type, attempt, sent_at, is_delivered, status, problem, took_ms, \
             next_attempt, is_dead from deliveries ",
            $rest
        )
    };
}

static FIND: Sql = Sql::new(subscriptions!("where id = $1"));
static FIND_ALL: Sql = Sql::new(subscriptions!("where id in {uuids $1} order by id limit $2"));
static OF_CONTRACT: Sql =
    Sql::new(subscriptions!("where contract = $1 and (created_at, id) > ($2, $3) order by created_at, id limit $4"));
static COUNT: Sql = Sql::new("select count(*) as count from subscriptions where contract = $1");
static COUNT_OPEN: Sql =
    Sql::new("select count(*) as count from subscriptions where contract = $1 and state <> 'ended'");
static ACTIVE: Sql = Sql::new("select id, version, run from subscriptions where state = 'active' order by id limit $1");
static TALLY: Sql = Sql::new(
    "select state, count(*) as subscriptions, coalesce(sum(case when attempts > 0 then 1 else 0 end), 0) as failing, \
     min(position) as position from subscriptions group by state order by state limit 10",
);
static INSERT: Sql = Sql::new(
    "insert into subscriptions (id, contract, url, types, identity, state, position, run, version, attempted, attempts, \
     request, created_by, created_at) values ($1, $2, $3, $4, $5, 'active', $6, 1, 1, 0, 0, $7, $8, $9) \
     on conflict (id) do nothing",
);
static CHANGE: Sql = Sql::new(
    "update subscriptions set url = $1, types = $2, state = $3, reason = $4, version = version + 1 \
     where id = $5 and version = $6",
);
static RESTART: Sql = Sql::new(
    "update subscriptions set position = coalesce($1, position), run = run + 1, attempts = 0, failing_since = null, \
     next_attempt = null where id = $2",
);
static RECORD: Sql = Sql::new(
    "update subscriptions set position = $1, attempts = $2, failing_since = $3, next_attempt = $4, \
     state = case when state = 'active' then $5 else state end, \
     reason = case when state = 'active' then $6 else reason end, \
     version = version + $7, attempted = attempted + 1 where id = $8 and run = $9 and state <> 'ended' \
     returning attempted",
);
static PASS: Sql = Sql::new(
    "update subscriptions set position = $1, attempts = 0, failing_since = null, next_attempt = null \
     where id = $2 and run = $3 and position < $1",
);
static KEYS: Sql = Sql::new(
    "select id, kind, secret, created_at from subscription_keys where subscription = $1 order by created_at, id limit $2",
);
static ADD_KEY: Sql =
    Sql::new("insert into subscription_keys (id, subscription, kind, secret, created_at) values ($1, $2, $3, $4, $5)");
static REMOVE_KEY: Sql = Sql::new("delete from subscription_keys where subscription = $1 and id = $2");
static REMOVE_KEYS: Sql = Sql::new("delete from subscription_keys where subscription = $1");
static DELIVERED: Sql = Sql::new(
    "insert into deliveries (subscription, number, position, event_id, event_type, attempt, sent_at, is_delivered, \
     status, problem, took_ms, next_attempt, is_dead) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
);
static REVIVE: Sql =
    Sql::new("update deliveries set is_dead = false where subscription = $1 and position = $2 and is_dead");
static PRUNE: Sql = Sql::new("delete from deliveries where subscription = $1 and number <= $2 and not is_dead");
static DELIVERIES: Sql = Sql::new(deliveries!("where subscription = $1 and number < $2 order by number desc limit $3"));
static DEAD_LETTERS: Sql =
    Sql::new(deliveries!("where subscription = $1 and is_dead and number > $2 order by number limit $3"));
static COUNT_DELIVERIES: Sql = Sql::new("select count(*) as count from deliveries where subscription = $1");
static COUNT_DEAD_LETTERS: Sql =
    Sql::new("select count(*) as count from deliveries where subscription = $1 and is_dead");

/// Every statement of this module.
pub static STATEMENTS: &[&Sql] = &[
    &FIND,
    &FIND_ALL,
    &OF_CONTRACT,
    &COUNT,
    &COUNT_OPEN,
    &ACTIVE,
    &TALLY,
    &INSERT,
    &CHANGE,
    &RESTART,
    &RECORD,
    &PASS,
    &KEYS,
    &ADD_KEY,
    &REMOVE_KEY,
    &REMOVE_KEYS,
    &DELIVERED,
    &REVIVE,
    &PRUNE,
    &DELIVERIES,
    &DEAD_LETTERS,
    &COUNT_DELIVERIES,
    &COUNT_DEAD_LETTERS,
];

/// The most deliveries of a subscription that are kept. Those of events that could not be delivered are kept besides.
const DELIVERIES_KEPT: i64 = 1_000;
/// The most subscriptions that are sent at the same time.
const ACTIVE_MAX: i64 = 10_000;

columns! {
    struct Row {
        id: Uuid,
        contract: String,
        url: String,
        types: Option<String>,
        identity: bool,
        state: String,
        reason: Option<String>,
        position: i64,
        run: i64,
        version: i64,
        attempted: i64,
        attempts: i64,
        failing_since: Option<DateTime<Utc>>,
        next_attempt: Option<DateTime<Utc>>,
        request: Vec<u8>,
        created_by: String,
        created_at: DateTime<Utc>,
    }
}

columns! {
    struct KeyRow {
        id: Uuid,
        kind: String,
        secret: Vec<u8>,
        created_at: DateTime<Utc>,
    }
}

columns! {
    struct DeliveryRow {
        number: i64,
        position: i64,
        event_id: Uuid,
        event_type: String,
        attempt: i64,
        sent_at: DateTime<Utc>,
        is_delivered: bool,
        status: Option<i64>,
        problem: Option<String>,
        took_ms: i64,
        next_attempt: Option<DateTime<Utc>>,
        is_dead: bool,
    }
}

columns! {
    /// An active subscription, as far as it shows whether something has changed.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) struct ActiveRow {
        pub(super) id: Uuid,
        pub(super) version: i64,
        pub(super) run: i64,
    }
}

columns! {
    struct TallyRow {
        state: String,
        subscriptions: i64,
        failing: i64,
        position: i64,
    }
}

/// From where what failed is tried anew.
#[derive(Debug, Clone, Copy)]
pub(super) enum Restart {
    /// From where the subscription stands.
    WhereItStands,
    /// After this position.
    After(Position),
}

/// A change of a subscription.
#[derive(Debug)]
pub(super) struct Settings<'a> {
    /// The subscription as it was read, with the new values.
    pub(super) changed: &'a Subscription,
    /// Whether the deliveries begin anew, and from where.
    pub(super) restart: Option<Restart>,
    /// Keys to add.
    pub(super) added: &'a [SigningKey],
    /// A key to remove.
    pub(super) removed: Option<Uuid>,
}

/// The tables of one store.
#[derive(Debug)]
pub(super) struct Tables {
    store: Arc<Store>,
    /// Held while writing, so that the append task always finds another connection.
    writing: Mutex<()>,
}

/// Runs statements in one transaction of the writer.
macro_rules! written {
    ($tables:expr, $doing:literal, $conn:ident => $body:expr) => {{
        let _alone = $tables.writing.lock().await;
        let fault = doing($doing);
        let mut conn = Conn::begun(&$tables.store.writer).await.map_err(&fault)?;
        let written: sqlx::Result<_> = on!(&mut conn, $conn => async { $body }.await);
        match written {
            Ok(written) => conn.commit().await.map(|()| written).map_err(&fault),
            Err(error) => {
                conn.rollback().await;
                Err(fault(error))
            }
        }
    }};
}

/// Reads rows with one statement.
macro_rules! found {
    ($tables:expr, $doing:literal, $fetch:ident, $sql:expr, $($bind:expr),*) => {{
        let reader = &$tables.store.reader;
        let sql = $sql.text(reader.dialect());
        on!(reader, pool => sqlx::query_as(sql)$(.bind($bind))*.$fetch(pool).await).map_err(doing($doing))
    }};
}

impl Tables {
    pub(super) fn of(store: Arc<Store>) -> Self {
        Self { store, writing: Mutex::new(()) }
    }

    pub(super) const fn store(&self) -> &Arc<Store> {
        &self.store
    }

    fn dialect(&self) -> Dialect {
        self.store.dialect()
    }

    pub(super) async fn find(&self, id: Uuid) -> Result<Option<Subscription>, StoreError> {
        let row: Option<Row> = found!(self, "find a subscription", fetch_optional, FIND, id)?;
        Ok(row.map(Into::into))
    }

    pub(super) async fn find_all(&self, ids: &[Uuid]) -> Result<Vec<Subscription>, StoreError> {
        let (wanted, most) = (serde_json::json!(ids).to_string(), i64::try_from(ids.len()).unwrap_or(i64::MAX));
        let rows: Vec<Row> = found!(self, "find subscriptions", fetch_all, FIND_ALL, &wanted, most)?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// The subscriptions of a contract after a place, in the order in which they were made.
    pub(super) async fn of_contract(
        &self,
        contract: &str,
        (created_at, id): (DateTime<Utc>, Uuid),
        most: i64,
    ) -> Result<Vec<Subscription>, StoreError> {
        let rows: Vec<Row> =
            found!(self, "list subscriptions", fetch_all, OF_CONTRACT, contract, created_at, id, most)?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    pub(super) async fn count(&self, contract: &str) -> Result<i64, StoreError> {
        let (count,): (i64,) = found!(self, "count subscriptions", fetch_one, COUNT, contract)?;
        Ok(count)
    }

    /// The subscriptions of a contract that were not ended.
    pub(super) async fn count_open(&self, contract: &str) -> Result<i64, StoreError> {
        let (count,): (i64,) = found!(self, "count subscriptions", fetch_one, COUNT_OPEN, contract)?;
        Ok(count)
    }

    pub(super) async fn active(&self) -> Result<Vec<ActiveRow>, StoreError> {
        found!(self, "list what is sent", fetch_all, ACTIVE, ACTIVE_MAX)
    }

    pub(super) async fn tally(&self) -> Result<Vec<Tally>, StoreError> {
        let reader = &self.store.reader;
        let sql = TALLY.text(reader.dialect());
        let rows: sqlx::Result<Vec<TallyRow>> = on!(reader, pool => sqlx::query_as(sql).fetch_all(pool).await);
        let rows = rows.map_err(doing("count subscriptions by state"))?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// The keys of a subscription, oldest first.
    pub(super) async fn keys(&self, id: Uuid) -> Result<Vec<SigningKey>, StoreError> {
        let rows: Vec<KeyRow> =
            found!(self, "read the keys of a subscription", fetch_all, KEYS, id, super::KEYS_MAX + 1)?;
        let key = |row: KeyRow| {
            let kind = KeyKind::named(&row.kind)?;
            SigningKey::stored(row.id, kind, row.created_at, &row.secret)
        };
        Ok(rows.into_iter().filter_map(key).collect())
    }

    /// Stores a new subscription. Returns `false` if there is one with its id.
    pub(super) async fn insert(&self, new: &Subscription, keys: &[SigningKey]) -> Result<bool, StoreError> {
        let (insert, add) = (INSERT.text(self.dialect()), ADD_KEY.text(self.dialect()));
        let types = types_text(new);
        written!(self, "store a subscription", conn => {
            let row = sqlx::query(insert).bind(new.id).bind(&new.contract).bind(&new.url).bind(types);
            let row = row.bind(new.identity).bind(new.position.0).bind(&new.request);
            let row = row.bind(&new.created_by).bind(new.created_at);
            let is_new = row.execute(&mut **conn).await?.rows_affected() == 1;
            for key in keys.iter().filter(|_| is_new) {
                let row = sqlx::query(add).bind(key.id).bind(new.id).bind(key.kind.as_str());
                row.bind(&key.secret()[..]).bind(key.created_at).execute(&mut **conn).await?;
            }
            Ok(is_new)
        })
    }

    /// Stores a change. Returns `false` if the subscription has changed since it was read.
    pub(super) async fn change(&self, settings: Settings<'_>) -> Result<bool, StoreError> {
        let Settings { changed, restart, added, removed } = settings;
        let dialect = self.dialect();
        let (change, begin_anew) = (CHANGE.text(dialect), RESTART.text(dialect));
        let (add, remove, remove_all) = (ADD_KEY.text(dialect), REMOVE_KEY.text(dialect), REMOVE_KEYS.text(dialect));
        let types = types_text(changed);
        written!(self, "change a subscription", conn => {
            let row = sqlx::query(change).bind(&changed.url).bind(types).bind(changed.state.as_str());
            let row = row.bind(&changed.reason).bind(changed.id).bind(changed.version);
            if row.execute(&mut **conn).await?.rows_affected() == 0 {
                return Ok(false);
            }
            if let Some(from) = restart {
                let from = match from {
                    Restart::WhereItStands => None,
                    Restart::After(position) => Some(position.0),
                };
                sqlx::query(begin_anew).bind(from).bind(changed.id).execute(&mut **conn).await?;
            }
            for key in added {
                let row = sqlx::query(add).bind(key.id).bind(changed.id).bind(key.kind.as_str());
                row.bind(&key.secret()[..]).bind(key.created_at).execute(&mut **conn).await?;
            }
            if let Some(key) = removed {
                sqlx::query(remove).bind(changed.id).bind(key).execute(&mut **conn).await?;
            }
            if changed.state == State::Ended {
                sqlx::query(remove_all).bind(changed.id).execute(&mut **conn).await?;
            }
            Ok(true)
        })
    }

    /// Stores an attempt and the new cursor. Returns `false` if the deliveries began anew meanwhile: then nothing is
    /// stored, and the attempt does not count.
    pub(super) async fn record(&self, of: &Cursor, attempt: &Attempt<'_>) -> Result<bool, StoreError> {
        let dialect = self.dialect();
        let (record, insert) = (RECORD.text(dialect), DELIVERED.text(dialect));
        let (revive, prune) = (REVIVE.text(dialect), PRUNE.text(dialect));
        let Attempt { delivery, position, state, reason } = attempt;
        let (failed, since) = if delivery.is_delivered {
            (0, None)
        } else {
            (delivery.attempt, Some(of.failing_since.unwrap_or(delivery.sent_at)))
        };
        written!(self, "store a delivery", conn => {
            let row = sqlx::query_as(record).bind(position.0).bind(failed).bind(since);
            let row = row.bind(delivery.next_attempt).bind(state.as_str()).bind(reason);
            let row = row.bind(i64::from(*state != State::Active)).bind(of.id).bind(of.run);
            let numbered: Option<(i64,)> = row.fetch_optional(&mut **conn).await?;
            let Some((number,)) = numbered else { return Ok(false) };
            if delivery.is_delivered || delivery.is_dead {
                sqlx::query(revive).bind(of.id).bind(delivery.position.0).execute(&mut **conn).await?;
            }
            let row = sqlx::query(insert).bind(of.id).bind(number).bind(delivery.position.0);
            let row = row.bind(delivery.event.0).bind(&delivery.event_type).bind(delivery.attempt);
            let row = row.bind(delivery.sent_at).bind(delivery.is_delivered).bind(delivery.status.map(i64::from));
            let row = row.bind(&delivery.problem).bind(delivery.took_ms).bind(delivery.next_attempt);
            row.bind(delivery.is_dead).execute(&mut **conn).await?;
            sqlx::query(prune).bind(of.id).bind(number - DELIVERIES_KEPT).execute(&mut **conn).await?;
            Ok(true)
        })
    }

    /// Moves the cursor past events that are not for the subscription.
    pub(super) async fn pass(&self, of: &Cursor, position: Position) -> Result<(), StoreError> {
        let pass = PASS.text(self.dialect());
        written!(self, "move a subscription on", conn => {
            let row = sqlx::query(pass).bind(position.0).bind(of.id).bind(of.run);
            row.execute(&mut **conn).await.map(drop)
        })
    }

    /// The deliveries before a number, newest first.
    pub(super) async fn deliveries(&self, id: Uuid, before: i64, most: i64) -> Result<Vec<Delivery>, StoreError> {
        let rows: Vec<DeliveryRow> = found!(self, "list deliveries", fetch_all, DELIVERIES, id, before, most)?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// The deliveries of events that were given up, after a number, oldest first.
    pub(super) async fn dead_letters(&self, id: Uuid, after: i64, most: i64) -> Result<Vec<Delivery>, StoreError> {
        let rows: Vec<DeliveryRow> = found!(self, "list dead letters", fetch_all, DEAD_LETTERS, id, after, most)?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    pub(super) async fn count_deliveries(&self, id: Uuid) -> Result<i64, StoreError> {
        let (count,): (i64,) = found!(self, "count deliveries", fetch_one, COUNT_DELIVERIES, id)?;
        Ok(count)
    }

    pub(super) async fn count_dead_letters(&self, id: Uuid) -> Result<i64, StoreError> {
        let (count,): (i64,) = found!(self, "count dead letters", fetch_one, COUNT_DEAD_LETTERS, id)?;
        Ok(count)
    }
}

/// The types of a subscription as the table holds them: none for all.
fn types_text(of: &Subscription) -> Option<String> {
    of.types.as_ref().map(|types| serde_json::to_string(types).expect("names can be written as JSON"))
}

impl From<Row> for Subscription {
    fn from(row: Row) -> Self {
        let types = row.types.map(|types| serde_json::from_str::<BTreeSet<String>>(&types).unwrap_or_default());
        Self {
            id: row.id,
            contract: row.contract,
            url: row.url,
            types,
            identity: row.identity,
            state: State::named(&row.state),
            reason: row.reason,
            position: Position(row.position),
            run: row.run,
            version: row.version,
            attempted: row.attempted,
            attempts: row.attempts,
            failing_since: row.failing_since,
            next_attempt: row.next_attempt,
            request: row.request,
            created_by: row.created_by,
            created_at: row.created_at,
        }
    }
}

impl From<DeliveryRow> for Delivery {
    fn from(row: DeliveryRow) -> Self {
        Self {
            number: row.number,
            position: Position(row.position),
            event: EventId(row.event_id),
            event_type: row.event_type,
            attempt: row.attempt,
            sent_at: row.sent_at,
            is_delivered: row.is_delivered,
            status: row.status.and_then(|status| u16::try_from(status).ok()),
            problem: row.problem,
            took_ms: row.took_ms,
            next_attempt: row.next_attempt,
            is_dead: row.is_dead,
        }
    }
}

impl From<TallyRow> for Tally {
    fn from(row: TallyRow) -> Self {
        let TallyRow { state, subscriptions, failing, position } = row;
        Self { state: State::named(&state), subscriptions, failing, position: Position(position) }
    }
}
