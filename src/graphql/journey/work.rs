//! The work of a case as clients read it: plans, tasks, and what was scored, measured, achieved and at risk.

use super::contact::Days;
use super::{Journey, Step};
use crate::graphql::event::OccurredOn;
use crate::graphql::people::Worker;
use crate::graphql::scalars::{Date, Decimal};
use async_graphql::{ComplexObject, Context, Enum, ID, Result, SimpleObject};
use throughline_domain::fact::Entry;
use throughline_domain::fact::envelope::WorkerId;
use throughline_domain::fact::event;
use throughline_domain::journey::{self, Journey as Folded, TaskOver};
use throughline_projections::agenda::State;

/// The client engaged with the service.
#[derive(Debug, Clone, SimpleObject)]
pub struct Engagement {
    /// The event that recorded it first: what a correction or retraction names as its target.
    event: ID,
    /// When it began.
    occurred: OccurredOn,
    /// What shows it, by code.
    basis: String,
}

impl From<&Entry<event::EngagementStarted>> for Engagement {
    fn from(entry: &Entry<event::EngagementStarted>) -> Self {
        let basis = entry.details.basis.clone();
        Self { event: ID(entry.event_id.to_string()), occurred: entry.occurred.into(), basis }
    }
}

/// A plan that client and keyworker agreed.
#[derive(Debug, Clone, SimpleObject)]
pub struct Plan {
    /// The event that recorded it first: what a correction or retraction names as its target.
    event: ID,
    /// The kind: a code of the rulebook.
    kind: String,
    /// When it was agreed.
    occurred: OccurredOn,
    /// How long the client waited for it since the referral, for the first plan that the rulebook counts.
    waited: Option<Days>,
    /// Every time that client and keyworker went through it again, oldest first.
    reviews: Vec<Step>,
    /// Its close, if it no longer guides the work.
    closed: Option<Step>,
}

impl Plan {
    /// A plan, with how long the client waited for it, where that counts.
    pub(super) fn of(plan: &journey::Plan, waited: Option<Days>) -> Self {
        Self {
            event: ID(plan.event_id.to_string()),
            kind: plan.kind.clone(),
            occurred: plan.occurred.into(),
            waited,
            reviews: plan.reviews.iter().map(Step::of).collect(),
            closed: plan.closed.as_ref().map(|close| Step::why(close, close.details.reason.as_deref())),
        }
    }
}

/// Whether a task is still to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum TaskState {
    /// It is to be done.
    Open,
    /// It is done.
    Done,
    /// It is no longer to be done.
    Cancelled,
    /// The case ended before it was done.
    Lapsed,
}

impl From<State> for TaskState {
    fn from(state: State) -> Self {
        match state {
            State::Open => Self::Open,
            State::Done | State::Missed => Self::Done,
            State::Cancelled => Self::Cancelled,
            State::Lapsed => Self::Lapsed,
        }
    }
}

/// Something that is, or was, to be done by a day.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Task {
    /// The task's own id, by which it is done or cancelled.
    #[graphql(owned)]
    pub(in crate::graphql) id: ID,
    /// The event that recorded it first: what a correction or retraction names as its target.
    event: ID,
    /// What is to be done, by code.
    kind: String,
    /// When it was set.
    set: OccurredOn,
    /// By when it is to be done.
    due_on: Date,
    /// Whether it is still to be done, at the end of the day as of which this is read.
    pub(super) state: TaskState,
    /// Whether it is still to be done and its day is past.
    overdue: bool,
    /// How it was over, if it is: done, or cancelled with the reason.
    over: Option<Step>,
    /// The journey that it is about.
    journey: Journey,
    #[graphql(skip)]
    owner: Option<WorkerId>,
}

#[ComplexObject]
impl Task {
    /// Whose task it is; none where it is the team's.
    async fn owner(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        Worker::load(ctx, self.owner?, self.journey.known()).await
    }
}

impl Task {
    /// A task as it stands when its journey is folded as of a day.
    pub(super) fn of(folded: &Folded, task: &journey::Task, journey: Journey) -> Self {
        let state = State::of_task(folded, task).into();
        let over = task.over.as_ref().map(|over| match over {
            TaskOver::Done(done) => Step::of(done),
            TaskOver::Cancelled(cancelled) => Step::why(cancelled, cancelled.details.reason.as_deref()),
        });
        Self {
            id: ID(task.details.task.to_string()),
            event: ID(task.event_id.to_string()),
            kind: task.details.kind.clone(),
            set: task.set.into(),
            due_on: Date(task.details.due_on),
            state,
            overdue: state == TaskState::Open && task.details.due_on < journey.as_of,
            over,
            owner: task.details.owner,
            journey,
        }
    }
}

/// A score with an instrument such as the SDQ.
#[derive(Debug, Clone, SimpleObject)]
pub struct Assessment {
    /// The event that recorded it first: what a correction or retraction names as its target.
    event: ID,
    /// When it was scored.
    occurred: OccurredOn,
    /// The instrument, by code.
    instrument: String,
    /// The score of each item, where they are known.
    items: Vec<ItemScore>,
    /// The whole score.
    score: Decimal,
}

/// An item of an instrument with its score.
#[derive(Debug, Clone, SimpleObject)]
pub struct ItemScore {
    /// The item, by code.
    name: String,
    /// Its score.
    value: Decimal,
}

impl From<&Entry<event::AssessmentScored>> for Assessment {
    fn from(entry: &Entry<event::AssessmentScored>) -> Self {
        let event::AssessmentScored { instrument, items, score } = &entry.details;
        let items = items.iter().map(|(name, score)| ItemScore { name: name.clone(), value: Decimal(score.0) });
        Self {
            event: ID(entry.event_id.to_string()),
            occurred: entry.occurred.into(),
            instrument: instrument.clone(),
            items: items.collect(),
            score: Decimal(score.0),
        }
    }
}

/// Something that was measured, such as attendance or earnings.
#[derive(Debug, Clone, SimpleObject)]
pub struct Measure {
    /// The event that recorded it first: what a correction or retraction names as its target.
    event: ID,
    /// When it was measured.
    occurred: OccurredOn,
    /// What was measured: a code of the rulebook.
    code: String,
    /// The value.
    value: Decimal,
    /// The unit it is in, such as `percent` or `GBP`.
    unit: Option<String>,
    /// The days that it speaks of, where it is not of the one day.
    period: Option<DayPeriod>,
}

/// A stretch of whole days, such as a month or a quarter.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub struct DayPeriod {
    /// The first day.
    first: Date,
    /// The last day, inside.
    last: Date,
}

impl From<event::Period> for DayPeriod {
    fn from(period: event::Period) -> Self {
        Self { first: Date(period.first), last: Date(period.last) }
    }
}

impl From<&Entry<event::MeasureRecorded>> for Measure {
    fn from(entry: &Entry<event::MeasureRecorded>) -> Self {
        let event::MeasureRecorded { code, value, unit, period } = entry.details.clone();
        Self {
            event: ID(entry.event_id.to_string()),
            occurred: entry.occurred.into(),
            code,
            value: Decimal(value.0),
            unit,
            period: period.map(Into::into),
        }
    }
}

/// Something that the client achieved, such as a qualification.
#[derive(Debug, Clone, SimpleObject)]
pub struct Achievement {
    /// The event that recorded it first: what a correction or retraction names as its target.
    event: ID,
    /// When it was achieved.
    occurred: OccurredOn,
    /// What: a code of the rulebook.
    code: String,
    /// At which level.
    level: Option<String>,
}

impl From<&Entry<event::AchievementRecorded>> for Achievement {
    fn from(entry: &Entry<event::AchievementRecorded>) -> Self {
        let event::AchievementRecorded { code, level } = entry.details.clone();
        Self { event: ID(entry.event_id.to_string()), occurred: entry.occurred.into(), code, level }
    }
}

/// The client is, or was, at risk.
#[derive(Debug, Clone, SimpleObject)]
pub struct Risk {
    /// The risk's own id, by which it is cleared.
    #[graphql(owned)]
    pub(in crate::graphql) id: ID,
    /// The event that recorded it first: what a correction or retraction names as its target.
    event: ID,
    /// What kind of risk: a code of the rulebook.
    kind: String,
    /// The first day of it.
    raised: OccurredOn,
    /// Its clearing, if it was cleared: the first day without it.
    cleared: Option<Step>,
}

impl From<&journey::Risk> for Risk {
    fn from(risk: &journey::Risk) -> Self {
        Self {
            id: ID(risk.details.risk.to_string()),
            event: ID(risk.event_id.to_string()),
            kind: risk.details.kind.clone(),
            raised: risk.raised.into(),
            cleared: risk.cleared.as_ref().map(Step::of),
        }
    }
}
