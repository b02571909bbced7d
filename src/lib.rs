//! Throughline: event-sourced case tracking and claims for outcomes contracts.
//!
//! All pure code is in [`journey`], [`contract`] and [`projections`]. Code that performs IO is in the other modules.

pub mod access;
pub mod bench;
mod causes;
pub mod cli;
pub mod clock;
pub mod cloud_event;
pub mod demo;
pub mod deployment;
pub mod export;
pub mod graphql;
pub mod http;
pub mod import;
pub mod log;
pub mod record;
pub mod shares;
pub mod store;
pub mod telemetry;
pub mod try_out;
pub mod views;
