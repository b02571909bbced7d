//! What boards print, as clients read it: rows by group, bucket, stage and month.
//!
//! Shapes only. Nothing here asks a view or decides who may.

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Result, SimpleObject, Value};
use chrono::NaiveDate;

use super::at::Known;
use super::bounds::PERCENT;
use super::people::Worker;
use super::scalars::{Date, Decimal};
use super::table::{Asked, Read, Row};
use crate::views::board::Group as BoardGroup;
use crate::views::caseload::HeldRow;
use crate::views::durations::{self, Durations};
use crate::views::performance::MonthsRow;
use crate::views::period::{self, Months};
use crate::views::recency;
use crate::views::referral_to_plan::ReferralToPlanRow;
use throughline_domain::contract::rulebook::Buckets;
use throughline_domain::fact::envelope::WorkerId;
use throughline_gateway::Code;

/// By what days since contact are broken down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "recency::By")]
pub enum RecencyBy {
    /// One row for each keyworker, and one for journeys without.
    Keyworker,
    /// One row for each team, one for journeys of keyworkers in none, and one for journeys without a keyworker. A journey
    /// whose keyworker is in several teams is in the row of each.
    Team,
    /// One row for each service area.
    Area,
    /// One row.
    Whole,
}

/// By what a board is broken down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum BoardBy {
    /// One row for each service area.
    Area,
    /// One row.
    Whole,
}

/// By what exits are broken down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ExitsBy {
    /// One row for each reason.
    Reason,
    /// One row for each service area.
    Area,
}

/// The months that two days are in, and all between.
#[derive(Debug, Clone, Copy, InputObject)]
pub struct PeriodInput {
    /// A day of the first month.
    pub from: Date,
    /// A day of the last month; the same month if left out.
    pub to: Option<Date>,
}

impl PeriodInput {
    pub(super) fn months(self) -> Result<Months> {
        let first = period::Month::of(self.from.0);
        let last = self.to.map_or(first, |to| period::Month::of(to.0));
        Months::from_to(first, last).ok_or_else(|| {
            let most = period::MONTHS_MAX;
            Code::BadUserInput
                .error(format!("the period runs backwards or is longer than {most} months: write from before to"))
        })
    }
}

/// The period of a question; everything to date where none is given.
pub(super) fn period_of(period: Option<PeriodInput>) -> Result<period::Period> {
    period.map_or(Ok(period::Period::ToDate), |period| period.months().map(period::Period::Months))
}

/// Whose journeys a row counts.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct Group {
    /// What a board prints at the beginning of the row.
    label: String,
    /// The service area, where the row is of one.
    area: Option<String>,
    /// The reason, where the row is of one.
    reason: Option<String>,
    /// The id of the team, where the row is of one.
    team: Option<ID>,
    /// Whether the row is of journeys without a keyworker.
    unassigned: bool,
    #[graphql(skip)]
    keyworker: Option<WorkerId>,
    #[graphql(skip)]
    known: Known,
}

#[ComplexObject]
impl Group {
    /// The keyworker, where the row is of one.
    async fn keyworker(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        Worker::load(ctx, self.keyworker?, self.known).await
    }
}

impl Group {
    /// A row, with its keyworker as they were known then.
    pub(super) fn known(group: BoardGroup, known: Known) -> Self {
        Self { known, ..group.into() }
    }
}

impl From<BoardGroup> for Group {
    fn from(group: BoardGroup) -> Self {
        let label = group.label();
        let (area, reason, team, keyworker) = (None, None, None, None);
        let plain = Self { label, area, reason, team, unassigned: false, keyworker, known: Known::ALL };
        match group {
            BoardGroup::Whole | BoardGroup::NoTeam => plain,
            BoardGroup::Team(named) => Self { team: Some(ID(named.team.to_string())), ..plain },
            BoardGroup::Area(code) => Self { area: Some(code), ..plain },
            BoardGroup::Keyworker(holder) => Self { keyworker: Some(holder.worker), ..plain },
            BoardGroup::Unassigned => Self { unassigned: true, ..plain },
            BoardGroup::Reason(code) => Self { reason: Some(code), ..plain },
        }
    }
}

impl Row for Group {
    fn read(asked: &Asked<'_>) -> Option<Read<Self>> {
        Some(match asked.name() {
            "label" => Box::new(|group| group.label.as_str().into()),
            "area" => Box::new(|group| group.area.as_deref().into()),
            "reason" => Box::new(|group| group.reason.as_deref().into()),
            "team" => Box::new(|group| group.team.as_deref().into()),
            "unassigned" => Box::new(|group| group.unassigned.into()),
            _ => return None,
        })
    }
}

/// How many journeys are in one bucket.
#[derive(Debug, Clone, SimpleObject)]
pub struct BucketCount {
    /// What boards print, such as `1-2 weeks`.
    label: String,
    /// The most days that the bucket holds; none for the last one.
    up_to_days: Option<u32>,
    /// How many journeys.
    journeys: u64,
}

impl Row for BucketCount {
    fn read(asked: &Asked<'_>) -> Option<Read<Self>> {
        Some(match asked.name() {
            "label" => Box::new(|bucket| bucket.label.as_str().into()),
            "upToDays" => Box::new(|bucket| bucket.up_to_days.into()),
            "journeys" => Box::new(|bucket| bucket.journeys.into()),
            _ => return None,
        })
    }
}

/// The counts of a rulebook's buckets with what boards print for them.
pub(super) fn counted(buckets: &Buckets, counts: &[u64]) -> Vec<BucketCount> {
    let rows = buckets.labels.iter().zip(counts).enumerate();
    rows.map(|(at, (label, journeys))| BucketCount {
        label: label.clone(),
        up_to_days: buckets.upper.get(at).copied(),
        journeys: *journeys,
    })
    .collect()
}

/// How many journeys somebody holds.
#[derive(Debug, Clone, SimpleObject)]
pub struct CaseloadOf {
    /// Whose.
    group: Group,
    /// How many.
    journeys: u64,
    /// How many at each stage.
    stages: Vec<StageCount>,
}

/// How many journeys stand at a stage.
#[derive(Debug, Clone, SimpleObject)]
pub struct StageCount {
    /// The stage's code.
    stage: String,
    /// How many journeys.
    journeys: u64,
}

impl CaseloadOf {
    /// The row of a keyworker, as they were known then.
    pub(super) fn of(row: HeldRow, known: Known) -> Self {
        let stages = row.by_stage.into_iter();
        Self {
            group: Group::known(row.group, known),
            journeys: row.journeys,
            stages: stages.map(|(stage, journeys)| StageCount { stage, journeys }).collect(),
        }
    }
}

/// One row of days since contact.
#[derive(Debug, Clone, SimpleObject)]
pub struct ContactRecency {
    /// Whose journeys.
    pub(super) group: Group,
    /// How many in each bucket of the rulebook.
    pub(super) buckets: Vec<BucketCount>,
    /// How many without a contact that counts.
    pub(super) none: u64,
    /// What boards print for those.
    pub(super) none_label: String,
    /// How many whose last contact is not dated exactly enough for one bucket.
    pub(super) date_imprecise: u64,
    /// With the measure `KEYWORKER`: how many have no keyworker whose contacts could count.
    pub(super) unassigned: u64,
    /// All of them.
    pub(super) total: u64,
}

impl Row for ContactRecency {
    fn read(asked: &Asked<'_>) -> Option<Read<Self>> {
        Some(match asked.name() {
            "group" => {
                let group = asked.row()?;
                Box::new(move |row| group(&row.group))
            }
            "buckets" => {
                let bucket = asked.row()?;
                Box::new(move |row| Value::List(row.buckets.iter().map(&bucket).collect()))
            }
            "none" => Box::new(|row| row.none.into()),
            "noneLabel" => Box::new(|row| row.none_label.as_str().into()),
            "dateImprecise" => Box::new(|row| row.date_imprecise.into()),
            "unassigned" => Box::new(|row| row.unassigned.into()),
            "total" => Box::new(|row| row.total.into()),
            _ => return None,
        })
    }
}

/// One row of referral to plan.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct ReferralToPlan {
    /// Whose journeys.
    group: Group,
    /// How many with a plan in each bucket of the rulebook.
    buckets: Vec<BucketCount>,
    /// How many open journeys have no plan yet.
    no_plan_yet: u64,
    /// What boards print for those.
    no_plan_yet_label: String,
    /// How many were closed without a plan.
    closed_without_plan: u64,
    /// How many have a plan, but dates that are not exact enough for one bucket.
    date_imprecise: u64,
    /// How many have a plan dated before the referral: 0 days, and worth a look.
    plan_before_referral: u64,
    /// How many have a plan.
    with_plan: u64,
    /// All of them.
    total: u64,
    #[graphql(skip)]
    days: Durations,
}

#[ComplexObject]
impl ReferralToPlan {
    /// The median in days, of those with a plan whose dates are exact; one decimal, rounded half up.
    async fn median_days(&self) -> Option<Decimal> {
        self.days.median().map(durations::shown).map(Decimal)
    }

    /// The mean in days, of those with a plan whose dates are exact; one decimal, rounded half up.
    async fn mean_days(&self) -> Option<Decimal> {
        self.days.mean().map(durations::shown).map(Decimal)
    }

    /// A percentile in days, by linear interpolation; one decimal, rounded half up.
    async fn percentile_days(
        &self,
        #[graphql(validator(custom = "PERCENT"), desc = "Which, from 0 to 100.")] percent: i32,
    ) -> Option<Decimal> {
        let percent = u32::try_from(percent).ok()?;
        self.days.percentile(percent).map(durations::shown).map(Decimal)
    }
}

impl ReferralToPlan {
    pub(super) fn of(row: ReferralToPlanRow, buckets: &Buckets) -> Self {
        Self {
            with_plan: row.with_plan(),
            total: row.total(),
            group: row.group.into(),
            buckets: counted(buckets, &row.buckets),
            no_plan_yet: row.no_plan_yet,
            no_plan_yet_label: buckets.none.clone(),
            closed_without_plan: row.closed_without_plan,
            date_imprecise: row.date_imprecise,
            plan_before_referral: row.plan_before_referral,
            days: row.days,
        }
    }
}

/// The funnel by area and month.
#[derive(Debug, Clone, SimpleObject)]
pub struct Performance {
    /// A table for each stage, in the order of the rulebook.
    pub(super) stages: Vec<StageCounts>,
    /// The referrals declined, by the month of the decline; they still count as referrals.
    pub(super) declined: Vec<MonthCounts>,
}

/// How many journeys reached one stage.
#[derive(Debug, Clone, SimpleObject)]
pub struct StageCounts {
    /// The stage's code.
    pub(super) code: String,
    /// What boards print, such as `Housing Secured`.
    pub(super) label: String,
    /// Its rows.
    pub(super) rows: Vec<MonthCounts>,
}

/// One row of counts, month by month.
#[derive(Debug, Clone, SimpleObject)]
pub struct MonthCounts {
    /// Whose journeys.
    group: Group,
    /// The count of each month.
    months: Vec<MonthCount>,
    /// Those months together.
    total: u64,
    /// All from the month in which the contract started to the last of these months.
    cumulative: u64,
}

/// The count of one month.
#[derive(Debug, Clone, SimpleObject)]
pub struct MonthCount {
    /// The first day of the month.
    month: Date,
    /// How many journeys.
    journeys: u64,
    /// Whether the month is still under way at `asOf`, so that the count may yet grow.
    provisional: bool,
}

impl MonthCounts {
    pub(super) fn of(row: MonthsRow, months: Months, as_of: NaiveDate) -> Self {
        let counts = months.iter().zip(&row.by_month).map(|(month, journeys)| MonthCount {
            month: Date(month.first()),
            journeys: *journeys,
            provisional: month.is_provisional(as_of),
        });
        Self { months: counts.collect(), total: row.total(), cumulative: row.cumulative, group: row.group.into() }
    }
}

/// The exits of a period.
#[derive(Debug, Clone, SimpleObject)]
pub struct Exits {
    /// Journeys that were closed.
    pub(super) closed: Vec<GroupCount>,
    /// Journeys marked as disengaged: no exit by itself.
    pub(super) disengaged: Vec<GroupCount>,
    /// All exits of the period.
    pub(super) total: u64,
}

/// How many journeys are in one row.
#[derive(Debug, Clone, SimpleObject)]
pub struct GroupCount {
    /// The reason or the area.
    pub(super) group: Group,
    /// How many journeys.
    pub(super) journeys: u64,
}

/// Refuses a measure that the rulebook does not know.
pub(super) fn check_measures(
    measures: Option<&[String]>,
    rulebook: &throughline_domain::contract::Rulebook,
) -> Result<()> {
    let known: Vec<&str> = rulebook.stages.iter().map(|stage| stage.code.as_str()).collect();
    match measures.into_iter().flatten().find(|measure| !known.contains(&measure.as_str())) {
        None => Ok(()),
        Some(unknown) => {
            Err(Code::BadUserInput.error(format!("unknown measure {unknown:?}: write one of {}", known.join(", "))))
        }
    }
}
