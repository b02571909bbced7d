//! Throughline: event-sourced case tracking and claims for outcomes contracts.
//!
//! All pure code is in [`journey`], [`contract`] and [`projections`]. Code that performs IO is in the other modules.

pub mod access;
mod causes;
pub mod cli;
pub mod clock;
pub mod cloud_event;
pub mod contract;
pub mod demo;
pub mod deployment;
pub mod export;
pub mod graphql;
pub mod http;
pub mod import;
pub mod journey;
pub mod log;
pub mod record;
pub mod shares;
pub mod store;
pub mod telemetry;
pub mod try_out;
pub mod views;

// The folds are at the top of the repository, beside their tables. Those tables may always be dropped and rebuilt.
#[path = "../projections/mod.rs"]
pub mod projections;

// The measurements are at the top too. They are part of the library so that the released program can run them.
#[path = "../benches/mod.rs"]
pub mod bench;
