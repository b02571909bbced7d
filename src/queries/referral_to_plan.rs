//! Referral to plan: how long clients waited for the plan that the rulebook names.
//!
//! A case counts in the period of its start date. Imprecise waits are counted, but not in a mean or median.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::board::{self, Group};
use super::durations::Durations;
use super::period::{Period, bound};
use crate::access::InScope;
use crate::store::{Sql, StoreError, columns, doing, on};
use crate::views::generation::Generation;
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::rulebook::Buckets;
use throughline_domain::contract::rulebook::supply::{Supplied, SuppliedFacts};

static WAITS: Sql = Sql::new(include_str!("referral_to_plan.sql"));

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&WAITS];

/// The grouping of referral to plan.
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
    /// The group of cases.
    pub group: Group,
    /// The number of cases with a plan in each bucket of the rulebook, in its order.
    pub buckets: Vec<u64>,
    /// The number of open cases without a plan.
    pub no_plan_yet: u64,
    /// The number of cases closed without a plan.
    pub closed_without_plan: u64,
    /// The number of cases with a plan whose dates are too imprecise for one bucket.
    pub date_imprecise: u64,
    /// The number of cases with a plan dated before the referral. They count as 0 days and should be checked.
    pub plan_before_referral: u64,
    /// The number of cases of service areas that do not supply plans on the day.
    pub no_data: u64,
    /// Whether it is the row of such an area: its other numbers are not known, and not 0.
    pub is_without_supply: bool,
    /// The waits of all cases with a plan and exact dates, for median, percentiles and mean.
    pub days: Durations,
}

impl ReferralToPlanRow {
    /// The number of cases with a plan.
    pub fn with_plan(&self) -> u64 {
        self.buckets.iter().sum::<u64>() + self.date_imprecise
    }

    /// The total of this row.
    pub fn total(&self) -> u64 {
        self.with_plan() + self.no_plan_yet + self.closed_without_plan + self.no_data
    }
}

columns! {
    struct Waits {
        area: String,
        /// Whether they have a plan, were closed without one, or still wait.
        state: String,
        /// The least number of days of waiting.
        lowest: i64,
        /// The greatest number of days of waiting.
        highest: i64,
        /// 1 if both dates are known to the day.
        exact: i64,
        /// 1 if the plan is certainly dated before the referral.
        early: i64,
        journeys: i64,
    }
}

/// The counts of a row under construction.
#[derive(Default)]
struct Counts {
    buckets: BTreeMap<usize, u64>,
    no_plan_yet: u64,
    closed_without_plan: u64,
    date_imprecise: u64,
    plan_before_referral: u64,
    no_data: u64,
    days: Durations,
}

impl Counts {
    fn add(&mut self, waits: &Waits, buckets: &Buckets) {
        let cases = board::count(waits.journeys);
        match waits.state.as_str() {
            "closed" => return self.closed_without_plan += cases,
            "waiting" => return self.no_plan_yet += cases,
            _ => {}
        }
        let [lowest, highest] = [waits.lowest, waits.highest].map(|days| u32::try_from(days).unwrap_or(u32::MAX));
        match buckets.holding(lowest, highest) {
            Some(bucket) => *self.buckets.entry(bucket).or_default() += cases,
            None => self.date_imprecise += cases,
        }
        if waits.exact == 1 {
            self.days.add(lowest, cases);
        }
        if waits.early == 1 {
            self.plan_before_referral += cases;
        }
    }

    fn row(self, group: Group, buckets: &Buckets, is_without: impl Fn(&str) -> bool) -> ReferralToPlanRow {
        let is_without_supply = matches!(&group, Group::Area(code) if is_without(code));
        let bucket = |bucket| self.buckets.get(&bucket).copied().unwrap_or(0);
        ReferralToPlanRow {
            group,
            buckets: (0..buckets.labels.len()).map(bucket).collect(),
            no_plan_yet: self.no_plan_yet,
            closed_without_plan: self.closed_without_plan,
            date_imprecise: self.date_imprecise,
            plan_before_referral: self.plan_before_referral,
            no_data: self.no_data,
            is_without_supply,
            days: self.days,
        }
    }
}

/// Days from referral to plan at the end of a day, for the cases that started in a period, in the rulebook's
/// buckets. `None` if the rulebook does not measure them: "no data".
pub async fn rows(
    generation: &Generation,
    scope: InScope<'_>,
    as_of: NaiveDate,
    rulebook: &Rulebook,
    (by, period): (By, Period),
) -> Result<Option<Vec<ReferralToPlanRow>>, StoreError> {
    let Some(measured) = &rulebook.referral_to_plan else { return Ok(None) };
    let (first, last) = period.edges();
    let sql = WAITS.text(generation.reader.dialect());
    let found: sqlx::Result<Vec<Waits>> = on!(&generation.reader, pool => {
        let waits = sqlx::query_as(sql).bind(scope.contract()).bind(bound(as_of));
        waits.bind(first).bind(last).fetch_all(pool).await
    });
    let found = found.map_err(doing("count days from referral to plan"))?;
    let buckets = &measured.buckets;
    let is_without = |area: &str| rulebook.supplied(area, SuppliedFacts::Plans, (as_of, as_of)) == Supplied::Never;
    let mut whole = Counts::default();
    let mut areas: BTreeMap<String, Counts> = BTreeMap::new();
    for waits in found.iter().filter(|waits| scope.has_area(&waits.area)) {
        let counts = match by {
            By::Whole => &mut whole,
            By::Area => areas.entry(waits.area.clone()).or_default(),
        };
        if is_without(&waits.area) {
            counts.no_data += board::count(waits.journeys);
        } else {
            counts.add(waits, buckets);
        }
    }
    let rows = match by {
        By::Whole => vec![(Group::Whole, whole)],
        By::Area => board::in_scope(scope, board::by_area(rulebook, areas)),
    };
    Ok(Some(rows.into_iter().map(|(group, counts)| counts.row(group, buckets, is_without)).collect()))
}
