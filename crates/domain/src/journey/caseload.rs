//! The days on which a case was on the caseload, and with whom: from acceptance to close, and again from a reopening on.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::fact::envelope::WorkerId;
use crate::fact::event::KEYWORKER;
use crate::journey::Journey;

/// A day after every other day: the end of something that has not ended.
pub const FOREVER: NaiveDate = NaiveDate::from_ymd_opt(9999, 12, 31).expect("a real day");

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
