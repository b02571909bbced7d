//! Export of events from the log.
//!
//! All code here reads the log through a [`Scope`](crate::access::Scope) and writes to the writer that it is given.

pub mod ndjson;
