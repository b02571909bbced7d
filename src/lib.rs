//! Throughline: event-sourced case tracking and claims for outcomes contracts.
//!
//! The service: everything that touches the world. What is recorded and computed is in [`throughline_domain`] and
//! [`throughline_projections`], which are pure. GraphQL over HTTP, events and sockets is in [`throughline_gateway`].

pub mod access;
pub mod app;
pub mod bench;
mod causes;
pub mod cli;
pub mod clock;
pub mod cloud_event;
pub mod demo;
pub mod deployment;
pub mod documents;
pub mod erasure;
pub mod evidence;
pub mod export;
pub mod graphql;
pub mod http;
pub mod import;
pub mod inbox;
pub mod jobs;
pub mod keys;
pub mod log;
pub mod outbox;
pub mod parallel;
pub mod privacy;
pub mod queries;
pub mod record;
mod rows;
pub mod search;
pub mod store;
pub mod subject_access;
pub mod telemetry;
pub mod try_out;
pub mod views;
