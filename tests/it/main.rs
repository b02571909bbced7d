//! The one integration binary: every test runs on both stores.

mod append;
mod as_of;
mod client;
mod crash;
mod field;
mod follow;
mod golden_events;
mod hangups;
mod oracle;
mod oracle_boards;
mod reopened;
mod stores;
mod tidy;
