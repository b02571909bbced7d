//! Exports: the events of the log as lines, and tables for analysts.
//!
//! All code here reads through a [`Scope`](crate::access::Scope) and writes to the writer that it is given.

pub mod formats;
pub mod ndjson;
pub mod reference;
pub mod run;
pub mod schema;
pub mod table;
pub mod tables;
