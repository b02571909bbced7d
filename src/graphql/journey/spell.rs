//! Spells as clients read them: jobs, homes, placements and courses, as known of them on a day.

use std::collections::BTreeMap;

use async_graphql::{ID, SimpleObject};
use chrono::NaiveDate;

use crate::graphql::event::OccurredOn;
use crate::graphql::scalars::Decimal;
use throughline_domain::fact::Entry;
use throughline_domain::fact::event::{Attribute, Quantity, SpellChanged};
use throughline_domain::journey;

/// A job, home, placement or course.
#[derive(Debug, Clone, SimpleObject)]
pub struct Spell {
    /// The spell's own id.
    #[graphql(owned)]
    pub(in crate::graphql) id: ID,
    /// The event that recorded its start first: what a correction or retraction of the start names as its target.
    event: ID,
    /// What it is a spell of: a code of the rulebook.
    domain: String,
    /// When it began.
    started: OccurredOn,
    /// The first day on which it no longer held, if it ended.
    ended: Option<OccurredOn>,
    /// Why it ended.
    end_reason: Option<String>,
    /// The event that recorded its end first: what a correction or retraction of the end names as its target.
    end_event: Option<ID>,
    /// The employer or landlord, by a pseudonym.
    employer_ref: Option<String>,
    /// Hours of work a week on the day as of which this is read, or on the last day of the spell.
    hours_per_week: Option<Decimal>,
    /// What else is known of it, as of that day.
    attributes: Vec<SpellAttribute>,
    /// Hours of work a week when it began.
    hours_per_week_at_start: Option<Decimal>,
    /// What else was known of it when it began.
    attributes_at_start: Vec<SpellAttribute>,
    /// What became otherwise while it lasted, oldest first.
    changes: Vec<SpellChange>,
}

/// What is known of a spell otherwise from a day on.
#[derive(Debug, Clone, SimpleObject)]
pub struct SpellChange {
    /// The event that recorded it first: what a correction or retraction names as its target.
    event: ID,
    /// From when on.
    occurred: OccurredOn,
    /// Hours of work a week from then on; none where they stay as they were.
    hours_per_week: Option<Decimal>,
    /// The attributes that changed, each with its new value.
    attributes: Vec<SpellAttribute>,
}

/// Something known of a spell, such as `secured_as: kept`.
#[derive(Debug, Clone, SimpleObject)]
pub struct SpellAttribute {
    /// Its name.
    name: String,
    /// Its value, as text.
    value: String,
}

impl Spell {
    /// A spell as it stands at the end of a day.
    pub(in crate::graphql) fn of(spell: &journey::Spell, as_of: NaiveDate) -> Self {
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
            hours_per_week: hours(spell.hours_on(as_of)),
            attributes: attributes(&spell.attributes_on(as_of)),
            hours_per_week_at_start: hours(details.hours_per_week),
            attributes_at_start: attributes(&details.attributes),
            changes: spell.changes.iter().map(SpellChange::from).collect(),
        }
    }
}

impl From<&Entry<SpellChanged>> for SpellChange {
    fn from(entry: &Entry<SpellChanged>) -> Self {
        Self {
            event: ID(entry.event_id.to_string()),
            occurred: entry.occurred.into(),
            hours_per_week: hours(entry.details.hours_per_week),
            attributes: attributes(&entry.details.attributes),
        }
    }
}

fn hours(known: Option<Quantity>) -> Option<Decimal> {
    known.map(|hours| Decimal(hours.0))
}

fn attributes(known: &BTreeMap<String, Attribute>) -> Vec<SpellAttribute> {
    known.iter().map(|(name, value)| SpellAttribute { name: name.clone(), value: value.to_string() }).collect()
}
