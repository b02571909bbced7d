//! The one integration binary: every test runs on both stores.

mod append;
mod append_only;
mod as_of;
mod boards;
mod client;
mod crash;
mod demo;
mod deployment;
mod field;
mod follow;
mod golden_events;
mod hangups;
mod ndjson;
mod oracle;
mod oracle_boards;
mod reopened;
mod stores;
mod tidy;
mod verify;
