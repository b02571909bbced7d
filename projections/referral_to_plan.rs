//! Referral to plan: how long a client waited for the first plan of the kind that the rulebook names.
//!
//! A contract that names none has no rows: "no data", never zero.

use super::{Between, DaySpan, Rows, Told, Value, table};
use crate::contract::rulebook::CountsWhen;
use crate::log::envelope::Occurred;

table!("referral_to_plan", key 1, [
    "journey": Uuid, "contract": Text, "area": Text, "from_on": Date, "from_latest": Date,
    "counts_from": Date, "plan_on": Date, "plan_latest": Date, "declined_on": Date, "closed_on": Date,
]);

/// When the clock of a referral starts: when it counts (domain.md §7).
pub fn clock_starts(told: &Told<'_>) -> Option<Occurred> {
    match told.rulebook.referrals {
        CountsWhen::Received => Some(told.received),
        CountsWhen::Accepted => told.journey.accepted,
    }
}

/// The first plan of the kind that stops the clock.
pub fn first_plan(told: &Told<'_>) -> Option<Occurred> {
    let kind = &told.rulebook.referral_to_plan.as_ref()?.plan;
    let plans = told.journey.plans.iter().filter(|plan| plan.kind == *kind).map(|plan| plan.occurred);
    plans.min_by_key(|occurred| (occurred.earliest(), occurred.latest()))
}

/// The days from referral to plan; a plan before the referral is 0 days.
pub fn days(from: Between, plan: Between) -> DaySpan {
    DaySpan::between(from, plan)
}

/// Whether the plan surely stands before the referral: a flag for whoever looks after the records.
pub fn is_before_referral(from: Between, plan: Between) -> bool {
    plan.1 < from.0
}

/// The row of a journey.
pub fn rows(told: &Told<'_>, rows: &mut Rows) {
    let (Some(from), true) = (clock_starts(told), told.rulebook.referral_to_plan.is_some()) else { return };
    let plan = first_plan(told);
    let declined = told.journey.declined.as_ref().map(|(on, _)| on.earliest());
    let closed = told.journey.closed.as_ref().map(|close| close.occurred.earliest());
    rows.add(
        &TABLE,
        [
            Value::Uuid(told.id.0),
            Value::text(told.contract),
            Value::text(&told.referral.area),
            Value::Date(from.earliest()),
            Value::Date(from.latest()),
            Value::Date(told.counts_from(from)),
            Value::date(plan.map(|plan| plan.earliest())),
            Value::date(plan.map(|plan| plan.latest())),
            Value::date(declined),
            Value::date(closed),
        ],
    );
}
