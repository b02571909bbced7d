//! Rotation of the key-encryption key: every key is wrapped again, in small transactions.
//!
//! It can be interrupted at any moment and run again, also while servers run. What was sealed is not sealed again.

use uuid::Uuid;

use super::{Here, KeyError, KeyStore, REWRAP, Row};
use crate::store::{Conn, Sql, doing, on};

/// The keys that another key-encryption key wraps, from this person on.
pub(super) static WRAPPED_OTHERWISE: Sql = Sql::new(
    "select subject, class, version, wrapped_by, wrapped from keys where subject >= $1 and wrapped_by <> $2 \
     order by subject, class, version limit $3",
);

/// The number of keys in one transaction.
const PORTION: i64 = 200;

/// The result of a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The id of the key-encryption key that now wraps every key.
    pub to: String,
    /// The number of keys that were wrapped again.
    pub keys: usize,
}

impl KeyStore {
    /// Makes a new key-encryption key, wraps every key with it, and forgets the earlier one. After an interruption it
    /// finishes what was begun. Refused while another rotation runs.
    pub async fn rotate(&self) -> Result<Rotated, KeyError> {
        let here = self.here()?;
        let _alone = here.wrapper.alone()?;
        here.wrapper.renew().await?;
        let keys = here.wrap_again().await?;
        here.wrapper.forget_earlier().await?;
        Ok(Rotated { to: here.wrapper.current().await?, keys })
    }
}

impl Here {
    /// Wraps every key that the current key-encryption key does not wrap yet.
    async fn wrap_again(&self) -> Result<usize, KeyError> {
        let (mut from, mut keys) = (Uuid::nil(), 0);
        loop {
            // Read each time: another rotation may have begun since.
            let to = self.wrapper.current().await?;
            let rows = self.wrapped_otherwise(from, &to).await?;
            let Some(last) = rows.last() else { return Ok(keys) };
            from = last.subject;
            self.rewrap(&rows).await?;
            keys += rows.len();
        }
    }

    async fn wrapped_otherwise(&self, from: Uuid, to: &str) -> Result<Vec<Row>, KeyError> {
        let reader = &self.database.reader;
        let sql = WRAPPED_OTHERWISE.text(reader.dialect());
        let rows = on!(reader, pool => {
            sqlx::query_as(sql).bind(from).bind(to).bind(PORTION).fetch_all(pool).await
        });
        Ok(rows.map_err(doing("list keys to wrap again"))?)
    }

    /// Wraps these keys again, in one transaction. A key that was destroyed meanwhile stays destroyed.
    async fn rewrap(&self, rows: &[Row]) -> Result<(), KeyError> {
        let mut wrapped = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(old) = row.wrapped() else { continue };
            let mut key = self.wrapper.unwrap(row.bound(), &old).await?;
            let new = self.wrapper.wrap(row.bound(), &key).await;
            super::subject_key::wipe(&mut key);
            wrapped.push((row, old.by, new?));
        }
        let mut conn = Conn::begun(&self.database.writer).await.map_err(doing("begin to wrap keys again"))?;
        let sql = REWRAP.text(conn.dialect());
        let mut done = Ok(());
        for (row, by, new) in &wrapped {
            done = on!(&mut conn, conn => {
                let rewrap = sqlx::query(sql).bind(&new.by).bind(&new.bytes).bind(row.subject).bind(&row.class);
                rewrap.bind(row.version).bind(by).execute(&mut **conn).await.map(drop)
            });
            if done.is_err() {
                break;
            }
        }
        if done.is_ok() {
            done = conn.commit().await;
        }
        if done.is_err() {
            conn.rollback().await;
        }
        Ok(done.map_err(doing("wrap keys again"))?)
    }
}
