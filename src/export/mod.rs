//! Events out of the log, for others and for a log elsewhere.
//!
//! Everything here reads the log through a [`Scope`](crate::access::Scope) and writes to whatever it is given.

pub mod ndjson;
