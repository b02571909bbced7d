//! Referral to plan: how long a client waited for the first plan of the kind that the rulebook names.
//!
//! A contract whose rulebook names none has no rows: "no data", never zero. A case has a row for each range of days
//! over which it was open or closed. A declined or withdrawn referral is out from that day on.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::FOREVER;
use super::{Between, CaseFacts, DaySpan, Rows, Value, table};
use throughline_domain::contract::rulebook::CountsWhen;
use throughline_domain::fact::envelope::Occurred;
use throughline_domain::journey::Plan;

table!("referral_to_plan", key 2, [
    "journey": Uuid, "counts_from": Date, "counts_to": Date, "contract": Text, "area": Text, "from_on": Date,
    "plan_on": Date, "closed_on": Date, "lowest": Int, "highest": Int, "exact": Int, "early": Int,
]);

/// When the clock of a referral starts: when the referral counts, received or accepted as the rulebook says.
pub fn clock_starts(case: &CaseFacts<'_>) -> Option<Occurred> {
    match case.rulebook.referrals {
        CountsWhen::Received => Some(case.received),
        CountsWhen::Accepted => case.journey.accepted.as_ref().map(|accepted| accepted.occurred),
    }
}

/// The first plan of the kind that stops the clock.
pub fn first_plan<'a>(case: &CaseFacts<'a>) -> Option<&'a Plan> {
    let kind = &case.rulebook.referral_to_plan.as_ref()?.plan;
    let plans = case.journey.plans.iter().filter(|plan| plan.kind == *kind);
    plans.min_by_key(|plan| (plan.occurred.earliest(), plan.occurred.latest()))
}

/// The days from referral to plan. A plan before the referral is 0 days.
pub fn days(from: Between, plan: Between) -> DaySpan {
    DaySpan::between(from, plan)
}

/// Whether the plan is certainly dated before the referral: a data-quality flag.
pub fn is_before_referral(from: Between, plan: Between) -> bool {
    plan.1 < from.0
}

/// The ranges of days `[from, to)` over which a case waits or has waited, open or closed.
fn stretches(case: &CaseFacts<'_>, from: Occurred) -> Vec<(NaiveDate, NaiveDate)> {
    let from = case.counts_from(from);
    let to = case.journey.turned_away().map_or(FOREVER, |on| on.earliest());
    if to <= from {
        return Vec::new();
    }
    let mut edges: BTreeSet<NaiveDate> =
        case.journey.closed_or_reopened_on().filter(|day| *day > from && *day < to).collect();
    edges.insert(from);
    edges.insert(to);
    let edges: Vec<NaiveDate> = edges.into_iter().collect();
    edges.windows(2).map(|edge| (edge[0], edge[1])).collect()
}

/// How long a case waited for its plan, as the tables store it: the fewest and the most days, whether both days are
/// known exactly, and whether the plan is certainly before the referral. All null without a plan.
fn wait(clock: Occurred, plan: Option<Occurred>) -> [Value; 4] {
    let Some(plan) = plan else { return [0; 4].map(Value::Int) };
    let [from, plan] = [clock, plan].map(|at| (at.earliest(), at.latest()));
    let days = days(from, plan);
    // A date known only by its month is never part of the mean or median, even if only one number of days is possible.
    let is_exact = from.0 == from.1 && plan.0 == plan.1;
    let early = is_before_referral(from, plan);
    [days.lowest.into(), days.highest.into(), is_exact.into(), early.into()].map(Value::Int)
}

/// The rows of a case.
pub fn rows(case: &CaseFacts<'_>, rows: &mut Rows) {
    let (Some(clock), true) = (clock_starts(case), case.rulebook.referral_to_plan.is_some()) else { return };
    let plan = first_plan(case).map(|plan| plan.occurred);
    let [lowest, highest, exact, early] = wait(clock, plan);
    for (from, to) in stretches(case, clock) {
        rows.add(
            &TABLE,
            [
                Value::Uuid(case.id.0),
                Value::Date(from),
                Value::Date(to),
                Value::text(case.contract),
                Value::text(&case.referral.area),
                Value::Date(clock.earliest()),
                Value::date(plan.map(|plan| plan.earliest())),
                Value::date(case.journey.is_closed_on(from).then_some(from)),
                lowest.clone(),
                highest.clone(),
                exact.clone(),
                early.clone(),
            ],
        );
    }
}
