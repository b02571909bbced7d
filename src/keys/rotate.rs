//! Rotation of the key-encryption key: every key is wrapped again, in small transactions.
//!
//! It can be interrupted at any moment and run again, also while servers run. What was sealed is not sealed again. A key
//! that no key-encryption key opens is left and counted: it stops nothing.

use uuid::Uuid;

use super::{Here, KeyError, KeyStore, REWRAP, Row};
use crate::store::{Conn, Sql, doing, on};

/// The keys that another key-encryption key wraps, after this one.
pub(super) static WRAPPED_OTHERWISE: Sql = Sql::new(
    "select subject, class, version, wrapped_by, wrapped from keys \
     where (subject, class, version) > ($1, $2, $3) and wrapped_by <> $4 order by subject, class, version limit $5",
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
    /// The number of keys that no given key-encryption key opens, such as one that a server was adding when it was killed.
    pub left: usize,
}

/// A key by its row.
type After = (Uuid, String, i64);

impl KeyStore {
    /// Makes a new key-encryption key, wraps every key with it, and forgets the earlier one. After an interruption it
    /// finishes what was begun. Refused while another rotation runs.
    pub async fn rotate(&self) -> Result<Rotated, KeyError> {
        let here = self.here()?;
        let _alone = here.wrapper.alone()?;
        here.wrapper.renew().await?;
        let (keys, left) = here.wrap_again().await?;
        here.wrapper.forget_earlier().await?;
        Ok(Rotated { to: here.wrapper.current().await?, keys, left })
    }
}

impl Here {
    /// Wraps every key that the current key-encryption key does not wrap yet. Returns how many, and how many it had to
    /// leave.
    async fn wrap_again(&self) -> Result<(usize, usize), KeyError> {
        let (mut after, mut keys, mut left): (After, _, _) = ((Uuid::nil(), String::new(), 0), 0, 0);
        loop {
            // Read each time: another rotation may have begun since.
            let to = self.wrapper.current().await?;
            let rows = self.wrapped_otherwise(&after, &to).await?;
            let Some(last) = rows.last() else { return Ok((keys, left)) };
            after = (last.subject, last.class.clone(), last.version);
            let wrapped = self.rewrap(&rows).await?;
            keys += wrapped;
            left += rows.len() - wrapped;
        }
    }

    async fn wrapped_otherwise(&self, after: &After, to: &str) -> Result<Vec<Row>, KeyError> {
        let reader = &self.database.reader;
        let sql = WRAPPED_OTHERWISE.text(reader.dialect());
        let rows = on!(reader, pool => {
            let rows = sqlx::query_as(sql).bind(after.0).bind(after.1.as_str()).bind(after.2);
            rows.bind(to).bind(PORTION).fetch_all(pool).await
        });
        Ok(rows.map_err(doing("list keys to wrap again"))?)
    }

    /// Wraps these keys again, in one transaction, and returns how many. A key that was destroyed meanwhile stays
    /// destroyed, and one that no key-encryption key opens stays.
    async fn rewrap(&self, rows: &[Row]) -> Result<usize, KeyError> {
        let mut wrapped = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(old) = row.wrapped() else { continue };
            let mut key = match self.wrapper.unwrap(row.bound(), &old).await {
                Err(KeyError::UnknownKek(by)) => {
                    let (subject, class) = (row.subject, &row.class);
                    tracing::warn!(%subject, %class, %by, "a key stays wrapped by a key-encryption key that is not given");
                    continue;
                }
                unwrapped => unwrapped?,
            };
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
        done.map_err(doing("wrap keys again"))?;
        Ok(wrapped.len())
    }
}
