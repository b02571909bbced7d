//! Stages: for each step of the rulebook's funnel, the day of the first fact that reached it.
//!
//! A board counts a journey once per stage, in the month of that day (domain.md §5).

use chrono::{Datelike, NaiveDate};
use serde_json::Value as Json;

use super::{Rows, Told, Value, table};
use crate::contract::rulebook::{CountsWhen, Stage, StageWhen};
use crate::journey::Spell;
use crate::journey::event::Attribute;
use crate::log::envelope::Occurred;

table!("stage", key 2, [
    "journey": Uuid, "stage": Text, "contract": Text, "area": Text, "ordinal": Int, "reached_on": Date, "month": Date,
    "counts_from": Date,
]);

/// When a journey reached a stage, if it did.
pub fn reached(told: &Told<'_>, when: &StageWhen) -> Option<Occurred> {
    let journey = told.journey;
    let first = |facts: &mut dyn Iterator<Item = Occurred>| facts.min_by_key(Occurred::earliest);
    match when {
        StageWhen::Referral(CountsWhen::Received) => Some(told.received),
        StageWhen::Referral(CountsWhen::Accepted) => journey.accepted,
        StageWhen::Plan { kinds } => {
            first(&mut journey.plans.iter().filter(|plan| kinds.contains(&plan.kind)).map(|plan| plan.occurred))
        }
        StageWhen::Spell { domains, attributes } => {
            let fits = |spell: &&Spell| {
                domains.contains(&spell.details.domain)
                    && attributes.iter().all(|(name, values)| {
                        spell
                            .details
                            .attributes
                            .get(name)
                            .is_some_and(|has| values.iter().any(|value| equals(has, value)))
                    })
            };
            first(&mut journey.spells.iter().filter(fits).map(|spell| spell.started))
        }
        // Their events are not recorded by this build, so nothing has reached them.
        StageWhen::Achievement { .. } | StageWhen::Engagement { .. } | StageWhen::Measure { .. } => None,
    }
}

/// The stage of a journey: the furthest in the rulebook's order that these facts reached.
pub fn furthest<'a>(told: &Told<'a>) -> Option<&'a Stage> {
    told.rulebook.stages.iter().rev().find(|stage| reached(told, &stage.when).is_some())
}

/// Whether a spell's attribute is the value that a rulebook names.
fn equals(attribute: &Attribute, value: &Json) -> bool {
    match (attribute, value) {
        (Attribute::Flag(flag), Json::Bool(value)) => flag == value,
        (Attribute::Text(text), Json::String(value)) => text == value,
        (Attribute::Quantity(quantity), Json::Number(value)) => value.to_string() == quantity.to_string(),
        _ => false,
    }
}

/// The month of a day, as its first day.
pub fn month_of(day: NaiveDate) -> NaiveDate {
    day.with_day(1).expect("every month has a first day")
}

/// The rows of a journey.
pub fn rows(told: &Told<'_>, rows: &mut Rows) {
    for (ordinal, stage) in (0_i64..).zip(&told.rulebook.stages) {
        if let Some(reached) = reached(told, &stage.when) {
            rows.add(
                &TABLE,
                [
                    Value::Uuid(told.id.0),
                    Value::text(&stage.code),
                    Value::text(told.contract),
                    Value::text(&told.referral.area),
                    Value::Int(ordinal),
                    Value::Date(reached.earliest()),
                    Value::Date(month_of(reached.earliest())),
                    Value::Date(told.counts_from(reached)),
                ],
            );
        }
    }
}
