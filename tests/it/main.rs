//! The one integration binary: every test runs on both stores.

mod append_only;
mod deployment;
mod golden_events;
mod ndjson;
mod tidy;
mod verify;
