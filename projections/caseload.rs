//! Caseload: the keyworker of each case over time, from acceptance to close, and again after a reopening.
//!
//! A case without a keyworker is on the caseload too, in a row of its own.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::{FOREVER, Rows, Told, Value, table};
use crate::journey::Journey;
use crate::journey::event::KEYWORKER;
use crate::log::envelope::WorkerId;

table!("caseload", key 2, [
    "journey": Uuid, "from_on": Date, "to_on": Date, "contract": Text, "area": Text, "keyworker": Uuid,
    "reference": Text, "received_on": Date,
]);

/// A range of days `[from, to)` on which a case was on the caseload with one keyworker, or with none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The first day.
    pub from: NaiveDate,
    /// The first day after it.
    pub to: NaiveDate,
    /// The keyworker who held the case.
    pub keyworker: Option<WorkerId>,
}

/// The ranges of a case, in order and without overlap.
pub fn stretches(journey: &Journey) -> Vec<Stretch> {
    let (Some(received), Some(accepted)) = (&journey.referral, &journey.accepted) else { return Vec::new() };
    let from = accepted.occurred.earliest().max(received.occurred.earliest());
    let to = journey.turned_away().map_or(FOREVER, |on| on.earliest());
    if to <= from {
        return Vec::new();
    }
    let held = journey.assignments.iter().filter(|held| held.role == KEYWORKER);
    let changes = held.flat_map(|held| [Some(held.from), held.to]).flatten().chain(journey.closed_or_reopened_on());
    let mut edges: BTreeSet<NaiveDate> = changes.filter(|day| *day > from && *day < to).collect();
    edges.insert(from);
    edges.insert(to);
    let edges: Vec<NaiveDate> = edges.into_iter().collect();
    let open = edges.windows(2).filter(|edge| !journey.is_closed_on(edge[0]));
    let stretch = |edge: &[NaiveDate]| Stretch { from: edge[0], to: edge[1], keyworker: journey.keyworker_on(edge[0]) };
    let mut stretches: Vec<Stretch> = open.map(stretch).collect();
    stretches.dedup_by(|later, earlier| {
        let same = later.keyworker == earlier.keyworker && later.from == earlier.to;
        if same {
            earlier.to = later.to;
        }
        same
    });
    stretches
}

/// The rows of a case.
pub fn rows(told: &Told<'_>, rows: &mut Rows) {
    for stretch in stretches(told.journey) {
        rows.add(
            &TABLE,
            [
                Value::Uuid(told.id.0),
                Value::Date(stretch.from),
                Value::Date(stretch.to),
                Value::text(told.contract),
                Value::text(&told.referral.area),
                stretch.keyworker.map_or(Value::Null, |worker| Value::Uuid(worker.0)),
                Value::Text(told.reference()),
                Value::Date(told.received.earliest()),
            ],
        );
    }
}
