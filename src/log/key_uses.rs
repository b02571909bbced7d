//! When each key of a machine was last used. Stored beside the log, because it is no fact that anything depends on.
//!
//! It never holds a key or its digest, only the id.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Log, LogError};
use crate::store::{Sql, doing, on};
use throughline_domain::fact::envelope::ApiKeyId;

static USED: Sql = Sql::new(
    "insert into api_key_use (api_key, used_at) values ($1, $2) \
     on conflict (api_key) do update set used_at = excluded.used_at where api_key_use.used_at < excluded.used_at",
);
static USES: Sql =
    Sql::new("select api_key, used_at from api_key_use where api_key in {uuids $1} order by api_key limit $2");

/// The statements on the uses of keys. Only a store that is open for writing surely has their table.
pub static STATEMENTS: &[&Sql] = &[&USED, &USES];

/// The most keys that are looked up at once.
const KEYS_MAX: i64 = 1_000;

impl Log {
    /// Records that a key was used at an instant.
    pub(crate) async fn key_used(&self, key: ApiKeyId, at: DateTime<Utc>) -> Result<(), LogError> {
        let (writer, sql) = (&self.store.writer, USED.text(self.store.dialect()));
        let done = on!(writer, pool => sqlx::query(sql).bind(key.0).bind(at).execute(pool).await.map(drop));
        Ok(done.map_err(doing("record the use of a key"))?)
    }

    /// When these keys were last used. A key that was never used is left out.
    pub(crate) async fn key_uses(&self, keys: &[ApiKeyId]) -> Result<HashMap<ApiKeyId, DateTime<Utc>>, LogError> {
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let wanted = serde_json::to_string(keys).expect("ids can be written as JSON");
        let (reader, sql) = (&self.store.reader, USES.text(self.store.dialect()));
        let found: sqlx::Result<Vec<(Uuid, DateTime<Utc>)>> =
            on!(reader, pool => sqlx::query_as(sql).bind(&wanted).bind(KEYS_MAX).fetch_all(pool).await);
        let found = found.map_err(doing("read the uses of keys"))?;
        Ok(found.into_iter().map(|(key, at)| (ApiKeyId(key), at)).collect())
    }
}
