//! The one integration binary: every test runs on both stores.

mod append_only;
mod as_of;
mod boards;
mod demo;
mod deployment;
mod golden_events;
mod ndjson;
mod oracle;
mod oracle_boards;
mod stores;
mod tidy;
mod verify;
