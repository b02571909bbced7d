//! The envelope of every fact, and which streams have newer ones. It never knows what a fact means.

pub mod envelope;
pub mod moved;
