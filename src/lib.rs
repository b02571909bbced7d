//! Throughline: event-sourced case tracking and claims for outcomes contracts.
//!
//! The table of contents. Everything pure stands in [`journey`], [`contract`] and
//! the folds of `projections/`; everything that touches the world stands in the rest.

pub mod graphql;
