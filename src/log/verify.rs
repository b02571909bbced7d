//! verify
use crate::store::Sql;
pub(super) static STATEMENTS: &[&Sql] = &[];
