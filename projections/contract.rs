//! Contracts: which are open, and the rulebook that this view applies to each.

use super::{Rows, Value, table};
use crate::journey::event::ContractOpened;

table!("contract", key 1, [
    "code": Text, "name": Text, "starts_on": Date, "ends_on": Date, "rulebook_version": Text, "rulebook_hash": Text,
    "rulebook": Text,
]);

/// The row of a contract under a rulebook: its version, its hash and its text.
pub fn rows(opened: &ContractOpened, (version, hash, content): (&str, &str, &str)) -> Rows {
    let mut rows = Rows::default();
    rows.add(&TABLE, [
        Value::text(&opened.code),
        Value::text(&opened.name),
        Value::Date(opened.starts_on),
        Value::date(opened.ends_on),
        Value::text(version),
        Value::text(hash),
        Value::text(content),
    ]);
    rows
}
