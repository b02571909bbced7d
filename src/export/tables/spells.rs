//! The table of spells: jobs, homes, placements and courses, with a column for each attribute of the rulebook.

use std::collections::BTreeMap;

use super::{CaseRead, Cell, Head, Kind, Row, columns, each_once, precision};
use throughline_domain::contract::Rulebook;
use throughline_domain::fact::event::Attribute;
use throughline_domain::journey::Spell;

pub(super) const MEANING: &str = "One row for each spell that began by the as-of date, by case and then by its start. \
    Hours and attributes are those of the as-of date, or of the last day of the spell. Each attribute that the rulebook \
    lists has a column.";

/// A spell of a case.
pub(in crate::export) struct SpellRow<'a> {
    read: &'a CaseRead<'a>,
    spell: &'a Spell,
}

columns! {
    SpellRow<'_> {
        "spell": Uuid Always, "The id of the spell." => |row| row.spell.details.spell.0.into();
        "journey": Uuid Always, "The case." => |row| row.read.case.id.0.into();
        "area": Text Always, "The service area of the case, by code." => |row| (&row.read.case.referral.area).into();
        "domain": Text Always, "The domain of the spell, by code." => |row| (&row.spell.details.domain).into();
        "started_on": Date Always, "The first day." => |row| row.spell.started.earliest().into();
        "started_precision": Text Always, "How exactly the first day is known: day, month or year." =>
            |row| precision(row.spell.started);
        "ended_on": Date Optional, "The first day on which the spell no longer held: the day after its last day." =>
            |row| row.spell.ended.as_ref().map(|end| end.occurred.earliest()).into();
        "ended_precision": Text Optional, "How exactly that day is known: day, month or year." =>
            |row| row.spell.ended.as_ref().map_or(Cell::Null, |end| precision(end.occurred));
        "end_reason": Text Optional, "Why it ended, by code." =>
            |row| row.spell.ended.as_ref().and_then(|end| end.details.reason.as_ref()).into();
        "employer_ref": Text Optional, "The employer or landlord, as a pseudonym." =>
            |row| row.spell.details.employer_ref.as_ref().into();
        "hours_per_week": Decimal Optional ["hours"], "The hours of work per week." =>
            |row| row.spell.hours_on(row.read.reading.as_of).map(|hours| hours.0).into();
        "hours_per_week_at_start": Decimal Optional ["hours"], "The hours of work per week at the start." =>
            |row| row.spell.details.hours_per_week.map(|hours| hours.0).into();
        "changes": Integer Always ["changes"], "The changes of the spell up to the as-of date." =>
            |row| row.spell.changes.len().into();
    }
}

/// The attributes that a rulebook lists for any domain, by name.
pub(in crate::export) fn attributes(rulebook: &Rulebook) -> Vec<String> {
    each_once(rulebook.attributes.domains().flat_map(|(_, attributes)| attributes.keys().cloned()))
}

/// The columns with these attributes.
pub(super) fn heads(attributes: &[String]) -> Vec<Head> {
    let attribute = |name: &String| Head {
        name: format!("attribute_{name}"),
        kind: Kind::Text,
        unit: None,
        meaning: format!("The attribute {name}, as the rulebook writes its values."),
        is_optional: true,
        hidden_by: None,
    };
    let others = Head {
        name: "other_attributes".to_owned(),
        kind: Kind::Text,
        unit: None,
        meaning: "The attributes that the rulebook does not list, as a JSON object.".to_owned(),
        is_optional: true,
        hidden_by: None,
    };
    super::heads(COLUMNS).into_iter().chain(attributes.iter().map(attribute)).chain([others]).collect()
}

/// The spells of a case, with these attributes.
pub(in crate::export) fn rows(read: &CaseRead<'_>, attributes: &[String]) -> Vec<Row> {
    let cells = |spell: &Spell| {
        let row = SpellRow { read, spell };
        let mut cells: Row = COLUMNS.iter().map(|column| (column.cell)(&row)).collect();
        let mut found: BTreeMap<String, Attribute> = spell.attributes_on(read.reading.as_of);
        cells.extend(attributes.iter().map(|name| Cell::from(found.remove(name).map(|value| value.to_string()))));
        let others = (!found.is_empty()).then(|| serde_json::to_string(&found));
        cells.push(others.map(|json| json.expect("attributes are words, flags and numbers")).into());
        cells
    };
    read.case.journey.spells.iter().map(cells).collect()
}
