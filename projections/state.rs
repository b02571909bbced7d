//! States: the days on which a referral was waiting, on the caseload, closed, declined or withdrawn.
//!
//! From the referral on, a case has exactly one state on every day.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::FOREVER;
use super::{CaseFacts, Rows, Value, table};
use throughline_domain::fact::envelope::Occurred;
use throughline_domain::journey::Journey;

table!("state", key 2, ["journey": Uuid, "counts_from": Date, "to_on": Date, "state": Text]);

/// The state of a case at the end of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Referred, and not yet accepted, declined or withdrawn.
    Waiting,
    /// Accepted and not closed.
    OnCaseload,
    /// Closed or transferred.
    Closed,
    /// The service declined the referral.
    Declined,
    /// The referral was withdrawn.
    Withdrawn,
}

impl State {
    /// The state as tables spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::OnCaseload => "on_caseload",
            Self::Closed => "closed",
            Self::Declined => "declined",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The state of a case at the end of a day on or after its referral.
    pub fn on(journey: &Journey, day: NaiveDate) -> Self {
        let by_then = |on: Option<Occurred>| on.map(|on| on.earliest()).filter(|on| *on <= day);
        let accepted = by_then(journey.accepted.as_ref().map(|accepted| accepted.occurred));
        let declined = by_then(journey.declined.as_ref().map(|declined| declined.occurred));
        let withdrawn = by_then(journey.withdrawn.as_ref().map(|withdrawn| withdrawn.occurred));
        match (declined, withdrawn) {
            (Some(declined), Some(withdrawn)) if withdrawn < declined => Self::Withdrawn,
            (Some(_), _) => Self::Declined,
            (None, Some(_)) => Self::Withdrawn,
            (None, None) if journey.is_closed_on(day) => Self::Closed,
            (None, None) if accepted.is_some() => Self::OnCaseload,
            (None, None) => Self::Waiting,
        }
    }
}

/// The rows of a case: one for each range of days `[counts_from, to_on)`.
pub fn rows(case: &CaseFacts<'_>, rows: &mut Rows) {
    let journey = case.journey;
    let answers = [journey.accepted.as_ref().map(|accepted| accepted.occurred), journey.turned_away()];
    let changes = answers.into_iter().flatten().map(|on| on.earliest()).chain(journey.closed_or_reopened_on());
    let from = case.received.earliest();
    let mut edges: BTreeSet<NaiveDate> = changes.filter(|day| *day > from).collect();
    edges.insert(from);
    let edges: Vec<NaiveDate> = edges.into_iter().chain([FOREVER]).collect();
    let mut stretches: Vec<(NaiveDate, NaiveDate, State)> =
        edges.windows(2).map(|edge| (edge[0], edge[1], State::on(journey, edge[0]))).collect();
    stretches.dedup_by(|later, earlier| {
        let same = later.2 == earlier.2;
        if same {
            earlier.1 = later.1;
        }
        same
    });
    for (from, to, state) in stretches {
        rows.add(&TABLE, [Value::Uuid(case.id.0), Value::Date(from), Value::Date(to), Value::text(state.as_str())]);
    }
}
