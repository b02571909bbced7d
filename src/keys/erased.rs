//! The people whose keys were destroyed for good, and the records of other systems from which they came.
//!
//! Both lists outlive every backup. A record is listed as a keyed hash only, so that the list names nobody.

use std::collections::BTreeSet;

use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::{Here, KeyError, KeyStore};
use crate::store::{Conn, Sql, columns, doing, on};
use throughline_domain::fact::envelope::{SubjectId, hex};
use throughline_domain::fact::event::ErasureGround;

pub(super) static ERASED: Sql =
    Sql::new("select subject, ground, erased_at from erased where subject > $1 order by subject limit $2");
pub(super) static ADD_ERASED: Sql =
    Sql::new("insert into erased (subject, ground, erased_at) values ($1, $2, $3) on conflict (subject) do nothing");
pub(super) static ADD_SUPPRESSED: Sql =
    Sql::new("insert into suppressed (entry, made_at) values ($1, $2) on conflict (entry) do nothing");
pub(super) static HAS_ERASED: Sql = Sql::new("select count(*) from (select 1 from erased limit 1) found");
pub(super) static IS_SUPPRESSED: Sql =
    Sql::new("select count(*) from (select 1 from suppressed where entry in {texts $1} limit 1) found");

/// The purpose for which the key of these hashes is derived from the deployment's key.
const PURPOSE: &str = "suppression";

/// A person whose data was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    /// The person.
    pub subject: SubjectId,
    /// Why.
    pub ground: ErasureGround,
}

/// A record of another system. It never shows in debug output.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordOfSource {
    /// The name of the other system.
    pub system: String,
    /// The record's id there.
    pub id: String,
}

impl std::fmt::Debug for RecordOfSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecordOfSource(secret)")
    }
}

impl RecordOfSource {
    /// The hash under which the record is listed. The length keeps system and id apart.
    fn entry(&self, key: &hmac::Key) -> String {
        let length = u64::try_from(self.system.len()).expect("a name is counted in 64 bits");
        let named = [&length.to_be_bytes(), self.system.as_bytes(), self.id.as_bytes()].concat();
        hex(hmac::sign(key, &named).as_ref())
    }
}

columns! {
    /// A row of the list of erased people.
    pub(super) struct ErasedRow {
        pub(super) subject: Uuid,
        pub(super) ground: String,
        pub(super) erased_at: DateTime<Utc>,
    }
}

impl ErasedRow {
    pub(super) fn of(who: Erased, erased_at: DateTime<Utc>) -> Self {
        Self { subject: who.subject.0, ground: who.ground.as_str().to_owned(), erased_at }
    }

    pub(super) fn read(&self) -> Result<Erased, KeyError> {
        let ground = ErasureGround::named(&self.ground).ok_or_else(|| KeyError::Ground(self.ground.clone()))?;
        Ok(Erased { subject: SubjectId(self.subject), ground })
    }
}

impl KeyStore {
    /// Erases a person: lists them as erased and the records as never to be registered again, and then destroys every
    /// key. After a crash in the middle, do it again.
    pub async fn erase(&self, who: Erased, records: &BTreeSet<RecordOfSource>) -> Result<(), KeyError> {
        let here = self.here()?;
        let key = here.suppression_key().await?;
        let entries: Vec<String> = records.iter().map(|record| record.entry(&key)).collect();
        here.list(who, &entries).await?;
        self.destroy(who.subject).await
    }

    /// Destroys the keys of people who were erased before, where a backup has brought them back. Returns their number.
    pub async fn keep_erased(&self, people: &[Erased]) -> Result<usize, KeyError> {
        let here = self.here()?;
        let subjects: BTreeSet<SubjectId> = people.iter().map(|who| who.subject).collect();
        let rows = here.rows(&subjects).await?;
        let back: BTreeSet<Uuid> = rows.iter().filter(|row| row.wrapped.is_some()).map(|row| row.subject).collect();
        let gone: BTreeSet<Uuid> = rows.iter().filter(|row| row.wrapped.is_none()).map(|row| row.subject).collect();
        let wanted = |who: &&Erased| back.contains(&who.subject.0) || !gone.contains(&who.subject.0);
        let wanted: Vec<&Erased> = people.iter().filter(wanted).collect();
        for who in &wanted {
            self.erase(**who, &BTreeSet::new()).await?;
        }
        Ok(wanted.len())
    }

    /// The people who were erased, in the order of their ids, from after this one on.
    pub async fn erased(&self, after: SubjectId, most: i64) -> Result<Vec<Erased>, KeyError> {
        let rows = self.here()?.erased_rows(after.0, most).await?;
        rows.iter().map(ErasedRow::read).collect()
    }

    /// Whether anybody was erased.
    pub async fn has_erased(&self) -> Result<bool, KeyError> {
        let reader = &self.here()?.database.reader;
        let sql = HAS_ERASED.text(reader.dialect());
        let any: sqlx::Result<(i64,)> = on!(reader, pool => sqlx::query_as(sql).fetch_one(pool).await);
        Ok(any.map_err(doing("look whether anybody was erased"))?.0 > 0)
    }

    /// Those of some people whose keys were destroyed.
    pub async fn destroyed(&self, subjects: &BTreeSet<SubjectId>) -> Result<BTreeSet<SubjectId>, KeyError> {
        let rows = self.here()?.rows(subjects).await?;
        let destroyed = rows.iter().filter(|row| row.wrapped.is_none());
        Ok(destroyed.map(|row| SubjectId(row.subject)).collect())
    }

    /// Whether an erased person came from one of these records.
    pub async fn is_suppressed(&self, records: &BTreeSet<RecordOfSource>) -> Result<bool, KeyError> {
        if records.is_empty() {
            return Ok(false);
        }
        let here = self.here()?;
        let reader = &here.database.reader;
        let key = here.suppression_key().await?;
        let entries = json!(records.iter().map(|record| record.entry(&key)).collect::<Vec<_>>()).to_string();
        let sql = IS_SUPPRESSED.text(reader.dialect());
        let found: sqlx::Result<(i64,)> = on!(reader, pool => sqlx::query_as(sql).bind(&entries).fetch_one(pool).await);
        Ok(found.map_err(doing("look for records of erased people"))?.0 > 0)
    }
}

impl Here {
    pub(super) async fn erased_rows(&self, after: Uuid, most: i64) -> Result<Vec<ErasedRow>, KeyError> {
        let reader = &self.database.reader;
        let sql = ERASED.text(reader.dialect());
        let found = on!(reader, pool => sqlx::query_as(sql).bind(after).bind(most).fetch_all(pool).await);
        Ok(found.map_err(doing("read the list of erased people"))?)
    }

    async fn suppression_key(&self) -> Result<hmac::Key, KeyError> {
        Ok(hmac::Key::new(hmac::HMAC_SHA256, &self.deployment_key().await?.derive(PURPOSE)))
    }

    /// Lists a person and records in one transaction.
    async fn list(&self, who: Erased, entries: &[String]) -> Result<(), KeyError> {
        let now: DateTime<Utc> = self.clock.now();
        let mut conn = Conn::begun(&self.database.writer).await.map_err(doing("begin to list an erased person"))?;
        let done = match list_in(&mut conn, (who, now), entries).await {
            Ok(()) => conn.commit().await,
            Err(error) => Err(error),
        };
        if done.is_err() {
            conn.rollback().await;
        }
        Ok(done.map_err(doing("list an erased person"))?)
    }
}

async fn list_in(conn: &mut Conn, (who, now): (Erased, DateTime<Utc>), entries: &[String]) -> sqlx::Result<()> {
    let (erased, suppressed) = (ADD_ERASED.text(conn.dialect()), ADD_SUPPRESSED.text(conn.dialect()));
    on!(conn, conn => async {
        let add = sqlx::query(erased).bind(who.subject.0).bind(who.ground.as_str()).bind(now);
        add.execute(&mut **conn).await?;
        for entry in entries {
            sqlx::query(suppressed).bind(entry).bind(now).execute(&mut **conn).await?;
        }
        Ok(())
    }
    .await)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(system: &str, id: &str) -> RecordOfSource {
        RecordOfSource { system: system.to_owned(), id: id.to_owned() }
    }

    #[test]
    fn a_record_is_listed_as_a_keyed_hash_that_keeps_system_and_id_apart() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        let entry = record("council", "BR-1").entry(&key);
        assert_eq!(entry, record("council", "BR-1").entry(&key));
        assert_ne!(entry, record("councilB", "R-1").entry(&key));
        assert_ne!(entry, record("council", "BR-1").entry(&hmac::Key::new(hmac::HMAC_SHA256, &[8; 32])));
        assert_eq!(format!("{:?}", record("council", "BR-1")), "RecordOfSource(secret)");
    }
}
