//! What Throughline records and computes. Pure: its manifest has no crate that could reach a store, a network, a clock
//! or chance.
//!
//! Each folder may use those above it: [`fact`] (ids, events, histories, refusals), [`people`] (subjects, workers,
//! teams), [`access`] (roles, keys and sessions of the deployment), [`offer`] (referrals that partners offer), [`journey`] (the state of a case and the rules between its facts), [`contract`] (rulebooks, outcomes,
//! claims), [`performance`] (the arithmetic of figures, targets and grades) and [`command`] (what may be recorded).

pub mod access;
pub mod command;
pub mod contract;
pub mod fact;
pub mod journey;
pub mod offer;
pub mod people;
pub mod performance;
#[cfg(any(test, feature = "world"))]
pub mod world;
