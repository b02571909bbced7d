//! The one integration binary: every test runs on both stores.

mod access;
mod app;
mod append;
mod append_only;
mod as_of;
mod boards;
mod client;
mod contact;
mod crash;
mod demo;
mod deployment;
mod events;
mod feed;
mod field;
mod follow;
mod golden_events;
mod hangups;
mod http;
mod idempotency;
mod ndjson;
mod oracle;
mod oracle_boards;
mod refusals;
mod reopened;
mod replay;
mod schema;
#[cfg(target_os = "linux")]
mod slow_reader;
mod statements;
mod stores;
mod subscribe;
mod subscriber;
mod tidy;
mod verify;
