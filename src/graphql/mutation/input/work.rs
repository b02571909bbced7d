//! The inputs of casework: contacts, plans, tasks, assessments, measurements and achievements.

use super::DayPeriodInput;
use super::convert::{Conversion, IntoDomain, IntoFact};
use super::identity::NoteText;
use super::name_value::ItemScoreInput;
use crate::graphql::journey::contact::{Attendance, ContactWith, Direction};
use crate::graphql::scalars::{Date, Decimal, Id};
use throughline_domain::fact::event::{self, Event};

impl IntoDomain<event::ContactWith> for ContactWith {
    fn into_domain(self, _: &mut Conversion) -> event::ContactWith {
        self.into()
    }
}

impl IntoDomain<event::Attendance> for Attendance {
    fn into_domain(self, _: &mut Conversion) -> event::Attendance {
        self.into()
    }
}

impl IntoDomain<event::Direction> for Direction {
    fn into_domain(self, _: &mut Conversion) -> event::Direction {
        self.into()
    }
}

facts! {
    /// A contact or an attempted contact.
    ContactFact | ContactPatch => ContactLogged {
        /// The id of the appointment that this contact completes: kept, missed or cancelled, according to `attendance`.
        appointment: Option<Id>,
        /// The channel: a code of the rulebook, such as `phone`.
        channel: String,
        /// The person contacted.
        #[graphql(default_with = "ContactWith::Client")]
        with: ContactWith,
        /// The attendance at the appointment. `NONE` for a call or letter without an appointment.
        #[graphql(default_with = "Attendance::None")]
        attendance: Attendance,
        /// Who initiated the contact.
        direction: Option<Direction>,
        /// Whether it was face to face. Default: decided by the channel; the rulebook lists the face-to-face channels.
        face_to_face: Option<bool>,
        /// Whether both sides spoke or wrote. Without an attended appointment, a contact counts as made only if this is
        /// true.
        #[graphql(default)]
        two_way: bool,
        /// Whether it was a group session.
        #[graphql(default)]
        group: bool,
        /// The duration in minutes.
        minutes: Option<i32>,
        /// The day for which the appointment was booked.
        scheduled_on: Option<Date>,
        /// The id of the worker. Default when logging a contact: the worker with your login.
        worker: Option<Id>,
        /// A note, at most 10,000 characters. It is stored sealed.
        note: Option<NoteText>,
    }
    /// The start of the client's engagement.
    EngagementFact | EngagementPatch => EngagementStarted {
        /// The basis, by code, such as `first_session`.
        basis: String,
    }
    /// A plan that client and keyworker agreed.
    PlanFact | PlanPatch => PlanAgreed {
        /// The kind of plan: a code of the rulebook, such as `php`.
        kind: String,
        /// The actions that they agreed, at most 50. They are stored sealed.
        #[graphql(default)]
        actions: Vec<NoteText>,
        /// A note, at most 10,000 characters. It is stored sealed.
        note: Option<NoteText>,
    }
    /// A review of a plan by client and keyworker.
    PlanReviewFact | PlanReviewPatch => PlanReviewed {
        /// The kind of plan: a code of the rulebook.
        kind: String,
        /// The actions that they agreed, at most 50. They are stored sealed.
        #[graphql(default)]
        actions: Vec<NoteText>,
        /// A note, at most 10,000 characters. It is stored sealed.
        note: Option<NoteText>,
    }
    /// The close of a plan: it is no longer in use.
    PlanCloseFact | PlanClosePatch => PlanClosed {
        /// The kind of plan: a code of the rulebook.
        kind: String,
        /// The reason.
        reason: Option<String>,
        /// A note, at most 10,000 characters. It is stored sealed.
        note: Option<NoteText>,
    }
    /// The completion of a task.
    TaskDoneFact | TaskDonePatch => TaskDone {
        /// The id of the task.
        task: Id,
        /// A note, at most 10,000 characters. It is stored sealed.
        note: Option<NoteText>,
    }
    /// The cancellation of a task.
    TaskCancelFact | TaskCancelPatch => TaskCancelled {
        /// The id of the task.
        task: Id,
        /// The reason.
        reason: Option<String>,
        /// A note, at most 10,000 characters. It is stored sealed.
        note: Option<NoteText>,
    }
    /// An assessment score, from an instrument such as the SDQ.
    AssessmentFact | AssessmentPatch => AssessmentScored {
        /// The instrument, by code.
        instrument: String,
        /// The score of each item, by code, if known.
        #[graphql(default)]
        items: Vec<ItemScoreInput>,
        /// The total score.
        score: Decimal,
    }
    /// A measurement, such as attendance, earnings or spend.
    MeasureFact | MeasurePatch => MeasureRecorded {
        /// The measure: a code of the rulebook.
        code: String,
        /// The value.
        value: Decimal,
        /// The unit of the value, such as `percent` or `GBP`.
        unit: Option<String>,
        /// The period that was measured, if not a single day.
        period: Option<DayPeriodInput>,
    }
    /// An achievement of the client, such as a qualification.
    AchievementFact | AchievementPatch => AchievementRecorded {
        /// The achievement: a code of the rulebook.
        code: String,
        /// The level.
        level: Option<String>,
    }
    /// The clearing of a risk.
    RiskClearFact | RiskClearPatch => RiskCleared {
        /// The id of the risk.
        risk: Id,
    }
}

identified_facts! {
    /// A task with a due date.
    TaskFact | TaskPatch => TaskSet,
    /// The id of the task. A correction keeps it.
    task: TaskId {
        /// The kind of task, by code.
        kind: String,
        /// The due date.
        due_on: Date,
        /// The id of the worker who owns the task. Default: the task belongs to the team.
        owner: Option<Id>,
        /// A note, at most 10,000 characters. It is stored sealed.
        note: Option<NoteText>,
    }
    /// A risk for the client from that day.
    RiskFact | RiskPatch => RiskRaised,
    /// The id of the risk. A correction keeps it.
    risk: RiskId {
        /// The kind of risk: a code of the rulebook.
        kind: String,
    }
}

inputs! {
    /// Logs a contact or an attempted contact.
    LogContactInput {
        /// The id of the case.
        journey: Id,
        /// The contact.
        #[graphql(flatten)]
        fact: ContactFact,
    }
    /// Records that the client engages with the service.
    StartEngagementInput {
        /// The id of the case.
        journey: Id,
        /// The basis.
        #[graphql(flatten)]
        fact: EngagementFact,
    }
    /// Records that client and keyworker agreed a plan.
    AgreePlanInput {
        /// The id of the case.
        journey: Id,
        /// The plan.
        #[graphql(flatten)]
        fact: PlanFact,
    }
    /// Records that client and keyworker reviewed a plan.
    ReviewPlanInput {
        /// The id of the case.
        journey: Id,
        /// The plan.
        #[graphql(flatten)]
        fact: PlanReviewFact,
    }
    /// Closes a plan.
    ClosePlanInput {
        /// The id of the case.
        journey: Id,
        /// The plan and the reason.
        #[graphql(flatten)]
        fact: PlanCloseFact,
    }
    /// Sets a task with a due date.
    SetTaskInput {
        /// The id of the case.
        journey: Id,
        /// The id of the task. Default: a new id.
        task: Option<Id>,
        /// The task.
        #[graphql(flatten)]
        fact: TaskFact,
    }
    /// Marks a task as done.
    CompleteTaskInput {
        /// The id of the case.
        journey: Id,
        /// The id of the task.
        #[graphql(flatten)]
        fact: TaskDoneFact,
    }
    /// Cancels a task.
    CancelTaskInput {
        /// The id of the case.
        journey: Id,
        /// The task and the reason.
        #[graphql(flatten)]
        fact: TaskCancelFact,
    }
    /// Records an assessment score for a client or for a worker under supervision. Give exactly one of `journey` and
    /// `worker`.
    ScoreAssessmentInput {
        /// The id of the case, if a client was scored.
        journey: Option<Id>,
        /// The id of the worker, if a worker under supervision was scored.
        worker: Option<Id>,
        /// The score.
        #[graphql(flatten)]
        fact: AssessmentFact,
    }
    /// Records a measurement of a client or of a whole contract. Give exactly one of `journey` and `contract`.
    RecordMeasureInput {
        /// The id of the case, if a client was measured.
        journey: Option<Id>,
        /// The code of the contract, if the whole contract was measured.
        contract: Option<String>,
        /// The measurement.
        #[graphql(flatten)]
        fact: MeasureFact,
    }
    /// Records an achievement of the client.
    RecordAchievementInput {
        /// The id of the case.
        journey: Id,
        /// The achievement.
        #[graphql(flatten)]
        fact: AchievementFact,
    }
    /// Records a risk for the client from this day.
    RaiseRiskInput {
        /// The id of the case.
        journey: Id,
        /// The id of the risk. Default: a new id.
        risk: Option<Id>,
        /// The risk.
        #[graphql(flatten)]
        fact: RiskFact,
    }
    /// Clears a risk. `occurredOn` is the first day without it.
    ClearRiskInput {
        /// The id of the case.
        journey: Id,
        /// The risk.
        #[graphql(flatten)]
        fact: RiskClearFact,
    }
}
