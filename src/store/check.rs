//! The database's own checks of its tables and indexes, as far as it has any.
//!
//! It names no table of its own: whoever asks says which.

use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _};

use super::{On, Place, Store, StoreError, doing};

/// What Postgres says where an index is not what its table says.
const CORRUPTED: [&str; 2] = ["XX001", "XX002"];

impl Store {
    /// What is wrong with the database's own structure: on `SQLite` of the whole file, on Postgres of the indexes of these
    /// tables, where its extension `amcheck` is there and may be used.
    pub(crate) async fn check_indexes(&self, tables: &[&str]) -> Result<Vec<String>, StoreError> {
        let fault = doing("check the database");
        match &self.reader {
            On::Sqlite(pool) => {
                let check = sqlx::query("pragma integrity_check(100)").fetch_all(pool).await;
                let said: Vec<String> = check.map_err(&fault)?.iter().map(|row| row.get(0)).collect();
                Ok(said.into_iter().filter(|said| said != "ok").collect())
            }
            On::Postgres(_) => {
                let Place::Postgres { options, .. } = self.place() else {
                    unreachable!("the place says which store it is")
                };
                // The role that serves has no right to the extension's functions; the owner may have it.
                let mut owner = options.connect().await.map_err(doing("connect to Postgres"))?;
                let wrong = amcheck(&mut owner, tables).await.map_err(&fault);
                owner.close().await.map_err(&fault)?;
                wrong
            }
        }
    }
}

async fn amcheck(owner: &mut PgConnection, tables: &[&str]) -> sqlx::Result<Vec<String>> {
    let there = "select quote_ident(n.nspname) from pg_extension e join pg_namespace n on n.oid = e.extnamespace \
                 where e.extname = 'amcheck'";
    let Some((schema,)) = sqlx::query_as::<_, (String,)>(there).fetch_optional(&mut *owner).await? else {
        tracing::info!("indexes are not looked at: this database has no extension amcheck");
        return Ok(Vec::new());
    };
    let named = "select i.indexrelid::bigint, i.indexrelid::regclass::text from pg_index i \
                 join pg_class c on c.oid = i.indrelid join pg_class x on x.oid = i.indexrelid \
                 join pg_am a on a.oid = x.relam where a.amname = 'btree' \
                 and c.relnamespace = current_schema()::regnamespace and c.relname = any($1) order by 2";
    let tables: Vec<String> = tables.iter().map(|&table| table.to_owned()).collect();
    let indexes: Vec<(i64, String)> = sqlx::query_as(named).bind(tables).fetch_all(&mut *owner).await?;
    let check = format!("select {schema}.bt_index_check($1::oid::regclass, true)");
    let mut wrong = Vec::new();
    for (oid, name) in indexes {
        match sqlx::query(AssertSqlSafe(check.clone())).bind(oid).execute(&mut *owner).await {
            Ok(_) => {}
            Err(error) if is_corrupted(&error) => wrong.push(format!("{name}: {error}")),
            Err(error) => tracing::warn!(index = name, %error, "an index cannot be looked at"),
        }
    }
    Ok(wrong)
}

fn is_corrupted(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| CORRUPTED.contains(&&*code))
}
