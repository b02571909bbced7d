//! Contracts: which are open, and the rulebook that this view applies to each.

use super::{Rows, Value, table};
use crate::contract::Contract;

table!("contract", key 1, [
    "code": Text, "name": Text, "starts_on": Date, "ends_on": Date, "rulebook_version": Text, "rulebook_hash": Text,
]);

/// The row of a contract; none before it is open under a rulebook.
pub fn rows(contract: &Contract) -> Rows {
    let mut rows = Rows::default();
    if let (Some(opened), Some(rulebook)) = (contract.opened(), contract.newest_rulebook()) {
        rows.add(
            &TABLE,
            [
                Value::text(&opened.code),
                Value::text(&opened.name),
                Value::Date(opened.starts_on),
                Value::date(opened.ends_on),
                Value::text(&rulebook.version),
                Value::text(rulebook.hash()),
            ],
        );
    }
    rows
}
