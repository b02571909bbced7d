//! The one integration binary: every test runs on both stores.

mod append_only;
mod deployment;
mod ndjson;
mod tidy;
mod verify;
