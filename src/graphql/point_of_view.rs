//! The point in time of an answer. With it a client can repeat the query and get the same result.

use async_graphql::SimpleObject;

use super::scalars::{Date, Instant, Position};

/// The point in time of an answer. Repeating the query with these values gives the same result.
#[derive(Debug, Clone, SimpleObject)]
pub struct PointOfView {
    /// The position in the log up to which the view has applied events.
    pub(super) position: Position,
    /// When the event at that position was recorded.
    pub(super) recorded_through: Option<Instant>,
    /// The knowledge date as an instant, if one was given: everything here was recorded by then.
    pub(super) known_at: Option<Instant>,
    /// The rulebook version that is applied.
    pub(super) rulebook_version: String,
    /// The as-of date: facts dated up to the end of this day count.
    pub(super) as_of: Date,
    /// Whether the as-of date lies in the future. A forecast assumes that open spells continue.
    pub(super) forecast: bool,
}
