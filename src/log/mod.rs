//! The append-only log: the one truth, and the only code that names the events table.
//!
//! It knows envelopes, streams and positions. It must never know what a journey is.

pub mod envelope;
