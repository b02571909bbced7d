//! The point of view of an answer: what has to be given to ask for the same again.

use async_graphql::SimpleObject;

use super::scalars::{Date, Instant, Position};

/// The point of view of an answer: asked again with the same, it is the same.
#[derive(Debug, Clone, SimpleObject)]
pub struct PointOfView {
    /// The position up to which the view has taken the log.
    pub(super) position: Position,
    /// When the event at that position was recorded.
    pub(super) recorded_through: Option<Instant>,
    /// The instant by which everything here had been recorded, where one was asked for.
    pub(super) known_at: Option<Instant>,
    /// The version of the rulebook that is applied.
    pub(super) rulebook_version: String,
    /// The day at whose end the facts are read.
    pub(super) as_of: Date,
    /// Whether that day is still to come: nothing is known of it yet but what goes on.
    pub(super) forecast: bool,
}
