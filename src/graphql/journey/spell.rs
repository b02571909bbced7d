//! Spells (jobs, homes, placements and courses) in the API, as of a day.

use std::collections::BTreeMap;

use async_graphql::{ID, SimpleObject};
use chrono::NaiveDate;

use crate::graphql::entry::{Shown as _, shown};
use crate::graphql::event::OccurredOn;
use crate::graphql::scalars::Decimal;
use crate::graphql::sealed::{Owner, SealedText};
use throughline_domain::fact::Entry;
use throughline_domain::fact::event::{Attribute, SpellChanged};
use throughline_domain::journey;

/// A spell: a job, home, placement or course.
#[derive(Debug, Clone, SimpleObject)]
pub struct Spell {
    /// The id of the spell.
    #[graphql(owned)]
    pub(in crate::graphql) id: ID,
    /// The id of the event that first recorded the start. Use it as the target of a correction or retraction of the
    /// start.
    event: ID,
    /// The domain of the spell: a code of the rulebook.
    domain: String,
    /// When it started.
    started: OccurredOn,
    /// The first day on which it no longer held: the day after its last day. Null if it has not ended.
    ended: Option<OccurredOn>,
    /// The reason why it ended.
    end_reason: Option<String>,
    /// The id of the event that first recorded the end. Use it as the target of a correction or retraction of the end.
    end_event: Option<ID>,
    /// The employer or landlord, as a pseudonym.
    employer_ref: Option<String>,
    /// The hours of work per week on the as-of date, or on the last day of the spell.
    hours_per_week: Option<Decimal>,
    /// The attributes of the spell on that day.
    attributes: Vec<SpellAttribute>,
    /// The hours of work per week at the start.
    hours_per_week_at_start: Option<Decimal>,
    /// The attributes at the start.
    attributes_at_start: Vec<SpellAttribute>,
    /// The changes during the spell, oldest first.
    changes: Vec<SpellChange>,
    /// The note on the start, if there is one.
    note: Option<SealedText>,
    /// The note on the end, if there is one.
    end_note: Option<SealedText>,
}

/// A change of a spell from a day.
#[derive(Debug, Clone, SimpleObject)]
pub struct SpellChange {
    /// The id of the event that first recorded it. Use it as the target of a correction or retraction.
    event: ID,
    /// The first day of the change.
    occurred: OccurredOn,
    /// The new hours of work per week. Null if unchanged.
    hours_per_week: Option<Decimal>,
    /// The attributes that changed, each with its new value.
    attributes: Vec<SpellAttribute>,
    /// The note, if there is one.
    note: Option<SealedText>,
}

impl SpellChange {
    fn of(change: &Entry<SpellChanged>, owner: &Owner) -> Self {
        Self {
            event: ID(change.event_id.to_string()),
            occurred: change.occurred.into(),
            hours_per_week: change.details.hours_per_week.shown(),
            attributes: change.details.attributes.shown(),
            note: change.details.note.as_ref().map(|note| SealedText::of(note, owner)),
        }
    }
}

/// An attribute of a spell, such as `secured_as: kept`.
#[derive(Debug, Clone, SimpleObject)]
pub struct SpellAttribute {
    /// The name.
    name: String,
    /// The value, as text.
    value: String,
}

impl Spell {
    /// A spell at the end of a day.
    pub(in crate::graphql) fn of(spell: &journey::Spell, as_of: NaiveDate, owner: &Owner) -> Self {
        let details = &spell.details;
        let ended = spell.ended.as_ref();
        Self {
            id: ID(details.spell.to_string()),
            event: ID(spell.event_id.to_string()),
            domain: details.domain.clone(),
            started: spell.started.into(),
            ended: ended.map(|end| end.occurred.into()),
            end_reason: ended.and_then(|end| end.details.reason.clone()),
            end_event: ended.map(|end| ID(end.event_id.to_string())),
            employer_ref: details.employer_ref.clone(),
            hours_per_week: spell.hours_on(as_of).shown(),
            attributes: spell.attributes_on(as_of).shown(),
            hours_per_week_at_start: details.hours_per_week.shown(),
            attributes_at_start: details.attributes.shown(),
            changes: spell.changes.iter().map(|change| SpellChange::of(change, owner)).collect(),
            note: details.note.as_ref().map(|note| SealedText::of(note, owner)),
            end_note: ended.and_then(|end| end.details.note.as_ref()).map(|note| SealedText::of(note, owner)),
        }
    }
}

shown! {
    BTreeMap<String, Attribute> => Vec<SpellAttribute>: |known| {
        known.iter().map(|(name, value)| SpellAttribute { name: name.clone(), value: value.to_string() }).collect()
    };
}
