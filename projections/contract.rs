//! Contracts: the open contracts, their current terms, and the rulebook that this view applies to each.

use super::FOREVER;
use super::{Rows, Value, table};
use throughline_domain::contract::Contract;

table!("contract", key 1, [
    "code": Text, "name": Text, "starts_on": Date, "ends_on": Date, "rulebook_version": Text, "rulebook_hash": Text,
]);

/// The row of a contract. None before it is open with a rulebook.
pub fn rows(contract: &Contract) -> Rows {
    let mut rows = Rows::default();
    let terms = contract.contract_record(FOREVER).terms;
    if let (Some(code), Some(terms), Some(rulebook)) = (contract.code(), terms, contract.newest_rulebook()) {
        rows.add(
            &TABLE,
            [
                Value::text(code),
                Value::text(terms.name()),
                Value::Date(terms.starts_on()),
                Value::date(terms.ends_on()),
                Value::text(&rulebook.version),
                Value::text(rulebook.hash()),
            ],
        );
    }
    rows
}
