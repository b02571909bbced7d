//! Contracts, as a view knows them.

use chrono::NaiveDate;

use crate::access::{InScope, Scope};
use crate::store::{Sql, StoreError, columns, doing, on};
use crate::views::generation::Generation;

static CONTRACTS: Sql = Sql::new(
    "select code, name, starts_on, ends_on, rulebook_version, rulebook_hash from contract \
     where code > $1 order by code limit $2",
);
static CONTRACT: Sql =
    Sql::new("select code, name, starts_on, ends_on, rulebook_version, rulebook_hash from contract where code = $1");

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&CONTRACTS, &CONTRACT];

/// The number of contracts read at once while looking for those in scope.
const READ_AT_ONCE: i64 = 500;

columns! {
    /// A contract and the rules that this view applies to it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ContractRow {
        /// The short name in rulebooks, commands and URLs, such as `shps`.
        pub code: String,
        /// The contract's name.
        pub name: String,
        /// The first day of the contract.
        pub starts_on: NaiveDate,
        /// The last day of the contract, if it has one.
        pub ends_on: Option<NaiveDate>,
        /// The version of the rulebook, as the parties name it.
        pub rulebook_version: String,
        /// The hash of the rulebook.
        pub rulebook_hash: String,
    }
}

/// The contracts in scope, in the order of their codes.
pub async fn all(generation: &Generation, scope: &Scope) -> Result<Vec<ContractRow>, StoreError> {
    let sql = CONTRACTS.text(generation.reader.dialect());
    let mut contracts = Vec::new();
    let mut after = String::new();
    loop {
        let read: sqlx::Result<Vec<ContractRow>> = on!(&generation.reader, pool => {
            sqlx::query_as(sql).bind(&after).bind(READ_AT_ONCE).fetch_all(pool).await
        });
        let read = read.map_err(doing("list contracts"))?;
        let Some(last) = read.last() else { return Ok(contracts) };
        after.clone_from(&last.code);
        contracts.extend(read.into_iter().filter(|contract| scope.contract(&contract.code).is_some()));
    }
}

/// One contract.
pub async fn find(generation: &Generation, scope: InScope<'_>) -> Result<Option<ContractRow>, StoreError> {
    let sql = CONTRACT.text(generation.reader.dialect());
    let found = on!(&generation.reader, pool => sqlx::query_as(sql).bind(scope.contract()).fetch_optional(pool).await);
    found.map_err(doing("read a contract"))
}
