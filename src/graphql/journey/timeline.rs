//! The timeline of a case: its events as recorded, with corrections and retractions linked to their targets.

use async_graphql::SimpleObject;

use super::CaseHistory;
use crate::graphql::event::Event;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::event;

/// An event in the timeline of a case, with its corrections and retractions.
#[derive(Debug, Clone, SimpleObject)]
pub struct TimelineEntry {
    /// The event as it was recorded.
    event: Event,
    /// The original event that this event corrects or retracts.
    amends: Option<Event>,
    /// The last event that corrected or retracted this event.
    amended_by: Option<Event>,
    /// Whether this fact counts: it is not retracted, and is not itself a correction or retraction.
    stands: bool,
}

impl TimelineEntry {
    pub(super) fn of(story: &CaseHistory, recorded: &Recorded) -> Option<Self> {
        let target = match &recorded.event {
            event::Event::FactCorrected(correction) => Some(correction.target),
            event::Event::FactRetracted(retraction) => Some(retraction.target),
            _ => None,
        };
        let amended_by = story.history().amended_by(recorded.event_id).map(|amendment| amendment.event_id);
        Some(Self {
            event: story.event(recorded.event_id)?,
            amends: target.and_then(|id| story.event(id)),
            amended_by: amended_by.and_then(|id| story.event(id)),
            stands: target.is_none() && !story.history().is_retracted(recorded.event_id),
        })
    }
}
