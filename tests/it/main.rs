//! The one integration binary: every test runs on both stores.

mod access;
mod app;
mod append_only;
mod as_of;
mod boards;
mod contact;
mod demo;
mod deployment;
mod events;
mod golden_events;
mod http;
mod idempotency;
mod ndjson;
mod oracle;
mod oracle_boards;
mod refusals;
mod replay;
mod schema;
mod statements;
mod stores;
mod tidy;
mod verify;
