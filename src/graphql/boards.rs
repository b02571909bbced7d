//! The figures of boards in the API: rows by group, bucket, stage and month.
//!
//! This module only shapes the response. It reads no view and decides no access.

use async_graphql::{ComplexObject, Context, Enum, ID, Result, SimpleObject};

use super::bounds::PERCENT;
use super::journey::ContactMeasure;
use super::people::Worker;
use super::point_in_time::KnownUpTo;
use super::scalars::Decimal;
use super::table::row;
use crate::queries::board::Group as BoardGroup;
use crate::queries::caseload::HeldRow;
use crate::queries::durations::Durations;
use crate::queries::exits;
use crate::queries::recency::{self, RecencyRow};
use crate::queries::referral_to_plan::ReferralToPlanRow;
use crate::queries::small_counts::{self, HeldCounts, PlanCounts, RecencyCounts};
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::rulebook::Buckets;
use throughline_domain::fact::envelope::WorkerId;

/// How to break down days since contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "recency::By")]
pub enum RecencyBy {
    /// One row for each keyworker, and one for cases without a keyworker.
    Keyworker,
    /// One row for each team, one for cases whose keyworker is in no team, and one for cases without a keyworker. A
    /// case whose keyworker is in several teams counts in the row of each.
    Team,
    /// One row for each service area.
    Area,
    /// One row for the whole contract.
    Whole,
}

/// How to break down a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum BoardBy {
    /// One row for each service area.
    Area,
    /// One row for the whole contract.
    Whole,
}

/// How to break down exits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ExitsBy {
    /// One row for each reason.
    Reason,
    /// One row for each service area.
    Area,
}

/// The cases that a row counts.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct Group {
    /// The label of the row on the board.
    label: String,
    /// The code of the service area, if the row is for an area.
    area: Option<String>,
    /// The code of the reason, if the row is for a reason.
    reason: Option<String>,
    /// The id of the team, if the row is for a team.
    team: Option<ID>,
    /// Whether the row is for cases without a keyworker.
    unassigned: bool,
    #[graphql(skip)]
    keyworker: Option<WorkerId>,
    #[graphql(skip)]
    known: KnownUpTo,
}

#[ComplexObject]
impl Group {
    /// The keyworker, if the row is for a keyworker.
    async fn keyworker(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        Worker::load(ctx, self.keyworker?, self.known).await
    }
}

impl Group {
    /// A row, with its keyworker as known at the knowledge date.
    pub(super) fn known(group: BoardGroup, known: KnownUpTo) -> Self {
        Self { known, ..group.into() }
    }
}

impl From<BoardGroup> for Group {
    fn from(group: BoardGroup) -> Self {
        let label = group.label();
        let (area, reason, team, keyworker) = (None, None, None, None);
        let plain = Self { label, area, reason, team, unassigned: false, keyworker, known: KnownUpTo::ALL };
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

row!(Group { label, area, reason, team, unassigned });

/// The number of cases in one bucket.
#[derive(Debug, Clone, SimpleObject)]
pub struct BucketCount {
    /// The label on the board, such as `1-2 weeks`.
    label: String,
    /// The largest number of days in the bucket. Null for the last bucket.
    up_to_days: Option<u32>,
    /// The number of cases. Null if it is hidden because it counts few people, or would say something about them, and if
    /// the area does not supply the facts: this is not 0.
    journeys: Option<u64>,
}

row!(BucketCount { label, up_to_days, journeys });

/// The counts of a rulebook's buckets with their labels.
fn counted(buckets: &Buckets, counts: &[Option<u64>]) -> Vec<BucketCount> {
    let rows = buckets.labels.iter().zip(counts).enumerate();
    rows.map(|(at, (label, journeys))| BucketCount {
        label: label.clone(),
        up_to_days: buckets.upper.get(at).copied(),
        journeys: *journeys,
    })
    .collect()
}

/// The number of cases that a keyworker holds.
#[derive(Debug, Clone, SimpleObject)]
pub struct CaseloadRow {
    /// The keyworker, or the row for cases without one.
    group: Group,
    /// The number of cases. This and the numbers of the stages are null where they are hidden because they count few
    /// people, or would say something about them.
    journeys: Option<u64>,
    /// The number of cases at each stage.
    stages: Vec<StageCount>,
}

/// The number of cases at one stage.
#[derive(Debug, Clone, SimpleObject)]
pub struct StageCount {
    /// The code of the stage.
    stage: String,
    /// The number of cases. Null if it is hidden.
    journeys: Option<u64>,
}

impl CaseloadRow {
    /// The row of a keyworker, as known at the knowledge date.
    pub(super) fn of((row, counts): (HeldRow, HeldCounts), known: KnownUpTo) -> Self {
        let stages = counts.by_stage.into_iter();
        Self {
            group: Group::known(row.group, known),
            journeys: counts.journeys,
            stages: stages.map(|(stage, journeys)| StageCount { stage, journeys }).collect(),
        }
    }
}

/// One row of days since contact.
#[derive(Debug, Clone, SimpleObject)]
pub struct ContactRecency {
    /// The cases that the row counts.
    group: Group,
    /// The number of cases in each bucket of the rulebook.
    buckets: Vec<BucketCount>,
    /// The number of cases without a contact that counts. This and the other numbers of the row are null where they are
    /// hidden because they count few people, or would say something about them.
    none: Option<u64>,
    /// The label of `none` on the board.
    none_label: String,
    /// The number of cases whose last contact is dated too imprecisely for one bucket.
    date_imprecise: Option<u64>,
    /// With the measure `KEYWORKER`: the number of cases without a keyworker, so that no contacts could count.
    unassigned: Option<u64>,
    /// The number of cases in service areas that do not supply contacts on the day. In the row of such an area the other
    /// numbers are null: they are not 0.
    no_data: Option<u64>,
    /// The number of all cases in the row.
    total: Option<u64>,
}

row!(ContactRecency { group, buckets, none, none_label, date_imprecise, unassigned, no_data, total });

impl ContactRecency {
    /// A row by this measure, with these counts, and with its keyworker as known at the knowledge date.
    pub(super) fn of(
        (row, counts): (RecencyRow, RecencyCounts),
        rulebook: &Rulebook,
        measure: ContactMeasure,
        known: KnownUpTo,
    ) -> Self {
        let buckets = &rulebook.recency.buckets;
        let none_label = match measure {
            ContactMeasure::Anyone => buckets.none.clone(),
            ContactMeasure::Keyworker => recency::NO_CONTACT_BY_KEYWORKER.to_owned(),
        };
        Self {
            total: counts.total,
            buckets: counted(buckets, &counts.buckets),
            none: counts.none,
            none_label,
            date_imprecise: counts.date_imprecise,
            unassigned: counts.unassigned,
            no_data: counts.no_data,
            group: Group::known(row.group, known),
        }
    }
}

/// One row of days from referral to plan.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct ReferralToPlan {
    /// The cases that the row counts.
    group: Group,
    /// The number of cases with a plan in each bucket of the rulebook.
    buckets: Vec<BucketCount>,
    /// The number of open cases without a plan. This and the other numbers of the row are null where they are hidden
    /// because they count few people, or would say something about them.
    no_plan_yet: Option<u64>,
    /// The label of `noPlanYet` on the board.
    no_plan_yet_label: String,
    /// The number of cases closed without a plan.
    closed_without_plan: Option<u64>,
    /// The number of cases with a plan whose dates are too imprecise for one bucket.
    date_imprecise: Option<u64>,
    /// The number of cases with a plan dated before the referral. They count as 0 days; check their dates.
    plan_before_referral: Option<u64>,
    /// The number of cases in service areas that do not supply plans on the day. In the row of such an area the other
    /// numbers are null: they are not 0.
    no_data: Option<u64>,
    /// The number of cases with a plan.
    with_plan: Option<u64>,
    /// The number of all cases in the row.
    total: Option<u64>,
    /// None if they are hidden.
    #[graphql(skip)]
    days: Option<Durations>,
}

#[ComplexObject]
impl ReferralToPlan {
    /// The median in days, over cases with a plan and exact dates. One decimal, rounded half up.
    async fn median_days(&self) -> Option<Decimal> {
        self.days.as_ref()?.median().map(Decimal)
    }

    /// The mean in days, over cases with a plan and exact dates. One decimal, rounded half up.
    async fn mean_days(&self) -> Option<Decimal> {
        self.days.as_ref()?.mean().map(Decimal)
    }

    /// A percentile in days, by linear interpolation, over cases with a plan and exact dates. One decimal, rounded half
    /// up.
    async fn percentile_days(
        &self,
        #[graphql(validator(custom = "PERCENT"), desc = "The percentile, from 0 to 100.")] percent: i32,
    ) -> Option<Decimal> {
        let percent = u32::try_from(percent).ok()?;
        self.days.as_ref()?.percentile(percent).map(Decimal)
    }
}

impl ReferralToPlan {
    pub(super) fn of((row, counts): (ReferralToPlanRow, PlanCounts), buckets: &Buckets) -> Self {
        Self {
            with_plan: counts.with_plan,
            total: counts.total,
            group: row.group.into(),
            buckets: counted(buckets, &counts.buckets),
            no_plan_yet: counts.no_plan_yet,
            no_plan_yet_label: buckets.none.clone(),
            closed_without_plan: counts.closed_without_plan,
            date_imprecise: counts.date_imprecise,
            plan_before_referral: counts.plan_before_referral,
            no_data: counts.no_data,
            days: Some(row.days).filter(|_| !counts.hides_days),
        }
    }
}

/// The exits of a period.
#[derive(Debug, Clone, SimpleObject)]
pub struct Exits {
    /// The cases that were closed or transferred. A case counts once, by its first close, even if it was reopened.
    closed: Vec<GroupCount>,
    /// The cases marked as disengaged. Disengagement alone is not an exit.
    disengaged: Vec<GroupCount>,
    /// The number of all exits in the period. Null if it is hidden because it counts few people, or would say something
    /// about them.
    total: Option<u64>,
}

impl Exits {
    /// The exits without small counts.
    pub(super) fn without_small_counts(found: exits::Exits) -> Self {
        let ((closed, total), (disengaged, _)) = small_counts::exits(found);
        let rows = |rows: Vec<(BoardGroup, Option<u64>)>| {
            rows.into_iter().map(|(group, journeys)| GroupCount { group: group.into(), journeys }).collect()
        };
        Self { closed: rows(closed), disengaged: rows(disengaged), total }
    }
}

impl From<exits::Exits> for Exits {
    fn from(found: exits::Exits) -> Self {
        let rows = |rows: Vec<exits::ExitRow>| {
            rows.into_iter().map(|row| GroupCount { group: row.group.into(), journeys: Some(row.journeys) }).collect()
        };
        Self { total: Some(found.total()), closed: rows(found.closed), disengaged: rows(found.disengaged) }
    }
}

/// The number of cases in one row.
#[derive(Debug, Clone, SimpleObject)]
pub struct GroupCount {
    /// The reason or the area.
    group: Group,
    /// The number of cases. Null if it is hidden because it counts few people, or would say something about them.
    journeys: Option<u64>,
}
