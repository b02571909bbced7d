//! The one integration binary: every test runs on both stores.

mod as_of;
mod golden_events;
mod oracle;
mod oracle_boards;
mod stores;
mod tidy;
