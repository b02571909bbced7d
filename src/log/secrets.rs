//! The secret of a log: random bytes that its database was created with. It never leaves the process.
//!
//! What is derived from it differs from deployment to deployment and says nothing about it.

use aws_lc_rs::hmac;

use super::{Log, LogError};
use crate::access::pseudonym::Pseudonyms;
use crate::store::{Sql, doing, on};

pub(super) static SECRET: Sql = Sql::new("select value from secrets where name = $1");

/// The key with which commands are compared.
pub(super) async fn fingerprint_key(log: &Log) -> Result<hmac::Key, LogError> {
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &log.secret().await?))
}

impl Log {
    /// The pseudonyms of subjects in this deployment. The secret is read once.
    pub async fn pseudonyms(&self) -> Result<&Pseudonyms, LogError> {
        let read = || async { self.secret().await.map(|secret| Pseudonyms::under(&secret)) };
        self.pseudonyms.get_or_try_init(read).await
    }

    async fn secret(&self) -> Result<Vec<u8>, LogError> {
        let reader = &self.store.reader;
        let sql = SECRET.text(reader.dialect());
        let (secret,): (Vec<u8>,) = on!(reader, pool => {
            sqlx::query_as(sql).bind("command_fingerprint").fetch_one(pool).await
        })
        .map_err(doing("read the secret of the log"))?;
        Ok(secret)
    }
}
