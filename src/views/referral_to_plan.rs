//! Referral to plan: how long clients waited for the plan that the rulebook names.
//!
//! A case is counted by the date its clock starts. What is imprecise is counted, but never in a mean or median.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::board::{self, Group};
use super::durations::Durations;
use super::generation::Generation;
use super::period::{Period, bound};
use crate::access::InScope;
use crate::contract::Rulebook;
use crate::contract::rulebook::Buckets;
use crate::projections::referral_to_plan as fold;
use crate::store::{Sql, StoreError, doing, on};

static WAITS: Sql = Sql::new(
    "select r.area, r.from_on, r.from_latest, r.plan_on, r.plan_latest, r.closed, count(*) as journeys from (\
     select area, \
     case when plan_on <= $2 then from_on end as from_on, case when plan_on <= $2 then from_latest end as from_latest, \
     case when plan_on <= $2 then plan_on end as plan_on, case when plan_on <= $2 then plan_latest end as plan_latest, \
     closed_on is not null as closed \
     from referral_to_plan where contract = $1 and from_on >= $3 and from_on <= $4 \
     and counts_from <= $2 and counts_to > $2\
     ) r group by r.area, r.from_on, r.from_latest, r.plan_on, r.plan_latest, r.closed",
);

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&WAITS];

/// By what referral to plan is broken down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// One row for each service area.
    Area,
    /// One row.
    Whole,
}

/// One row of the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferralToPlanRow {
    /// Whose cases these are.
    pub group: Group,
    /// How many cases with a plan are in each bucket of the rulebook, in its order.
    pub buckets: Vec<u64>,
    /// How many open cases have no plan yet.
    pub no_plan_yet: u64,
    /// How many were closed without a plan.
    pub closed_without_plan: u64,
    /// How many have a plan, but dates that are not known well enough for one bucket.
    pub date_imprecise: u64,
    /// How many have a plan that stands before the referral: counted as 0 days, and worth a look.
    pub plan_before_referral: u64,
    /// The waits of all cases with a plan whose dates are known: median, percentiles and mean.
    pub days: Durations,
}

impl ReferralToPlanRow {
    /// The cases with a plan.
    pub fn with_plan(&self) -> u64 {
        self.buckets.iter().sum::<u64>() + self.date_imprecise
    }

    /// All cases of this row.
    pub fn total(&self) -> u64 {
        self.with_plan() + self.no_plan_yet + self.closed_without_plan
    }
}

#[derive(sqlx::FromRow)]
struct Waits {
    area: String,
    from_on: Option<NaiveDate>,
    from_latest: Option<NaiveDate>,
    plan_on: Option<NaiveDate>,
    plan_latest: Option<NaiveDate>,
    closed: bool,
    journeys: i64,
}

/// The counts of a row while it is being made.
#[derive(Default)]
struct Counts {
    buckets: BTreeMap<usize, u64>,
    no_plan_yet: u64,
    closed_without_plan: u64,
    date_imprecise: u64,
    plan_before_referral: u64,
    days: Durations,
}

impl Counts {
    fn add(&mut self, waits: &Waits, buckets: &Buckets) {
        let cases = board::count(waits.journeys);
        let ends = waits.from_on.zip(waits.from_latest).zip(waits.plan_on.zip(waits.plan_latest));
        let Some((from, plan)) = ends else {
            let without = if waits.closed { &mut self.closed_without_plan } else { &mut self.no_plan_yet };
            *without += cases;
            return;
        };
        let days = fold::days(from, plan);
        match buckets.holding(days.lowest, days.highest) {
            Some(bucket) => *self.buckets.entry(bucket).or_default() += cases,
            None => self.date_imprecise += cases,
        }
        // A month known only as such is never in mean or median, even where it can be no other number of days.
        let dates_are_exact = from.0 == from.1 && plan.0 == plan.1;
        if let Some(exact) = days.exact().filter(|_| dates_are_exact) {
            self.days.add(exact, cases);
        }
        if fold::is_before_referral(from, plan) {
            self.plan_before_referral += cases;
        }
    }

    fn row(self, group: Group, buckets: &Buckets) -> ReferralToPlanRow {
        let bucket = |bucket| self.buckets.get(&bucket).copied().unwrap_or(0);
        ReferralToPlanRow {
            group,
            buckets: (0..buckets.labels.len()).map(bucket).collect(),
            no_plan_yet: self.no_plan_yet,
            closed_without_plan: self.closed_without_plan,
            date_imprecise: self.date_imprecise,
            plan_before_referral: self.plan_before_referral,
            days: self.days,
        }
    }
}

impl Generation {
    /// Days from referral to plan at the end of a day, of the cases whose clock started in a period, in the
    /// rulebook's buckets. None where the rulebook does not measure them: "no data".
    pub async fn referral_to_plan(
        &self,
        scope: InScope<'_>,
        as_of: NaiveDate,
        rulebook: &Rulebook,
        (by, period): (By, Period),
    ) -> Result<Option<Vec<ReferralToPlanRow>>, StoreError> {
        let Some(measured) = &rulebook.referral_to_plan else { return Ok(None) };
        let (first, last) = period.edges();
        let sql = WAITS.text(self.reader.dialect());
        let found: sqlx::Result<Vec<Waits>> = on!(&self.reader, pool => {
            let waits = sqlx::query_as(sql).bind(scope.contract()).bind(bound(as_of));
            waits.bind(first).bind(last).fetch_all(pool).await
        });
        let found = found.map_err(doing("count days from referral to plan"))?;
        let buckets = &measured.buckets;
        let mut whole = Counts::default();
        let mut areas: BTreeMap<String, Counts> = BTreeMap::new();
        for waits in &found {
            match by {
                By::Whole => whole.add(waits, buckets),
                By::Area => areas.entry(waits.area.clone()).or_default().add(waits, buckets),
            }
        }
        let rows = match by {
            By::Whole => vec![(Group::Whole, whole)],
            By::Area => board::by_area(rulebook, areas),
        };
        Ok(Some(rows.into_iter().map(|(group, counts)| counts.row(group, buckets)).collect()))
    }
}
