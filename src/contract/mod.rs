//! The contract: the rulebook that says what is recorded, counted and shown.
//!
//! Pure: no clock, no input or output, no randomness. It never reads a file or the
//! log; texts and events are handed to it.

pub mod rulebook;

pub use rulebook::{Rulebook, RulebookError};
