//! Casework in the API: plans, tasks, assessments, measurements, achievements and risks.

use std::collections::BTreeMap;

use async_graphql::{ComplexObject, Context, Enum, ID, Result, SimpleObject};

use super::contact::DayCount;
use super::{Journey, Occurrence};
use crate::graphql::entry::{entries, shown};
use crate::graphql::event::OccurredOn;
use crate::graphql::people::Worker;
use crate::graphql::scalars::{Date, Decimal};
use crate::graphql::sealed::{Owner, SealedText};
use throughline_domain::fact::Entry;
use throughline_domain::fact::envelope::WorkerId;
use throughline_domain::fact::event::{self, PlanReviewed, Quantity};
use throughline_domain::journey::{self, Journey as Folded, TaskOver};
use throughline_projections::agenda::State;

entries! {
    /// The start of the client's engagement with the service.
    Engagement of EngagementStarted, occurred "The date." {
        /// The basis, by code.
        basis: String,
    }
    /// An assessment score, from an instrument such as the SDQ.
    Assessment of AssessmentScored, occurred "The date of the assessment." {
        /// The instrument, by code.
        instrument: String,
        /// The score of each item, if known.
        items: Vec<ItemScore>,
        /// The total score.
        score: Decimal,
    }
    /// A measurement, such as attendance or earnings.
    Measure of MeasureRecorded, occurred "The date of the measurement." {
        /// The measure: a code of the rulebook.
        code: String,
        /// The value.
        value: Decimal,
        /// The unit of the value, such as `percent` or `GBP`.
        unit: Option<String>,
        /// The period that was measured, if not a single day.
        period: Option<DayPeriod>,
    }
    /// An achievement of the client, such as a qualification.
    Achievement of AchievementRecorded, occurred "The date of the achievement." {
        /// The achievement: a code of the rulebook.
        code: String,
        /// The level.
        level: Option<String>,
    }
}

/// A plan that client and keyworker agreed.
#[derive(Debug, Clone, SimpleObject)]
pub struct Plan {
    /// The id of the event that first recorded it. Use it as the target of a correction or retraction.
    event: ID,
    /// The kind of plan: a code of the rulebook.
    kind: String,
    /// When it was agreed.
    occurred: OccurredOn,
    /// The days from the referral to this plan. Only for the first plan that the rulebook counts.
    waited: Option<DayCount>,
    /// The reviews by client and keyworker, oldest first.
    reviews: Vec<PlanReview>,
    /// The close, if the plan is no longer in use.
    closed: Option<Occurrence>,
    /// The actions that client and keyworker agreed.
    actions: Vec<SealedText>,
    /// The note, if there is one.
    note: Option<SealedText>,
}

/// A review of a plan by client and keyworker.
#[derive(Debug, Clone, SimpleObject)]
pub struct PlanReview {
    /// The id of the event that first recorded it. Use it as the target of a correction or retraction.
    event: ID,
    /// The date of the review.
    occurred: OccurredOn,
    /// The actions that client and keyworker agreed.
    actions: Vec<SealedText>,
    /// The note, if there is one.
    note: Option<SealedText>,
}

impl PlanReview {
    fn of(review: &Entry<PlanReviewed>, owner: &Owner) -> Self {
        Self {
            event: ID(review.event_id.to_string()),
            occurred: review.occurred.into(),
            actions: review.details.actions.iter().map(|action| SealedText::of(action, owner)).collect(),
            note: review.details.note.as_ref().map(|note| SealedText::of(note, owner)),
        }
    }
}

impl Plan {
    /// A plan, with the days that the client waited for it, if they count.
    pub(super) fn of(plan: &journey::Plan, waited: Option<DayCount>, owner: &Owner) -> Self {
        Self {
            event: ID(plan.event_id.to_string()),
            kind: plan.kind.clone(),
            occurred: plan.occurred.into(),
            waited,
            reviews: plan.reviews.iter().map(|review| PlanReview::of(review, owner)).collect(),
            closed: plan.closed.as_ref().map(|close| {
                let closed = Occurrence::why(close, close.details.reason.as_deref());
                closed.with_note(close.details.note.as_ref(), owner)
            }),
            actions: plan.actions.iter().map(|action| SealedText::of(action, owner)).collect(),
            note: plan.note.as_ref().map(|note| SealedText::of(note, owner)),
        }
    }
}

/// The state of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum TaskState {
    /// It is not done yet.
    Open,
    /// It is done.
    Done,
    /// It was cancelled.
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

/// A task with a due date.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Task {
    /// The id of the task. Use it to complete or cancel the task.
    #[graphql(owned)]
    pub(in crate::graphql) id: ID,
    /// The id of the event that first recorded it. Use it as the target of a correction or retraction.
    event: ID,
    /// The kind of task, by code.
    kind: String,
    /// When it was set.
    set: OccurredOn,
    /// The due date.
    due_on: Date,
    /// The state at the end of the as-of date.
    pub(super) state: TaskState,
    /// Whether it is open and its due date has passed.
    overdue: bool,
    /// When it was done, or when and why it was cancelled.
    over: Option<Occurrence>,
    /// The note, if there is one.
    note: Option<SealedText>,
    /// The case.
    journey: Journey,
    #[graphql(skip)]
    owner: Option<WorkerId>,
}

#[ComplexObject]
impl Task {
    /// The worker who owns the task. Null if it belongs to the team.
    async fn owner(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        Worker::load(ctx, self.owner?, self.journey.known()).await
    }
}

impl Task {
    /// A task in a case folded as of a day.
    pub(super) fn of(folded: &Folded, task: &journey::Task, journey: Journey) -> Self {
        let state = State::of_task(folded, task).into();
        let over = task.over.as_ref().map(|over| match over {
            TaskOver::Done(done) => Occurrence::of(done).with_note(done.details.note.as_ref(), &journey.owner()),
            TaskOver::Cancelled(cancelled) => {
                let over = Occurrence::why(cancelled, cancelled.details.reason.as_deref());
                over.with_note(cancelled.details.note.as_ref(), &journey.owner())
            }
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
            note: journey.text(task.details.note.as_ref()),
            owner: task.details.owner,
            journey,
        }
    }
}

/// An item of an assessment instrument with its score.
#[derive(Debug, Clone, SimpleObject)]
pub struct ItemScore {
    /// The code of the item.
    name: String,
    /// The score.
    value: Decimal,
}

shown! {
    BTreeMap<String, Quantity> => Vec<ItemScore>: |items| {
        items.iter().map(|(name, score)| ItemScore { name: name.clone(), value: Decimal(score.0) }).collect()
    };
}

/// A period of whole days, such as a month or a quarter.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub struct DayPeriod {
    /// The first day.
    first: Date,
    /// The last day. It belongs to the period.
    last: Date,
}

impl From<event::Period> for DayPeriod {
    fn from(period: event::Period) -> Self {
        Self { first: Date(period.first), last: Date(period.last) }
    }
}

/// A risk for the client.
#[derive(Debug, Clone, SimpleObject)]
pub struct Risk {
    /// The id of the risk. Use it to clear the risk.
    #[graphql(owned)]
    pub(in crate::graphql) id: ID,
    /// The id of the event that first recorded it. Use it as the target of a correction or retraction.
    event: ID,
    /// The kind of risk: a code of the rulebook.
    kind: String,
    /// The first day of the risk.
    raised: OccurredOn,
    /// The clearing, if the risk was cleared. Its date is the first day without the risk.
    cleared: Option<Occurrence>,
}

impl From<&journey::Risk> for Risk {
    fn from(risk: &journey::Risk) -> Self {
        Self {
            id: ID(risk.details.risk.to_string()),
            event: ID(risk.event_id.to_string()),
            kind: risk.details.kind.clone(),
            raised: risk.raised.into(),
            cleared: risk.cleared.as_ref().map(Occurrence::of),
        }
    }
}
