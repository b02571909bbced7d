//! What Throughline records and computes: facts, journeys and the people in them, contracts, rulebooks and claims.
//!
//! Pure. Nothing here may see a store, a network, a clock or chance: its manifest has no crate that could.

pub mod contract;
pub mod fact;
pub mod journey;
