//! The one integration binary: every test runs on both stores.

mod golden_events;
mod tidy;
