//! The work of a case as mutations take it: contacts, plans, tasks, and what was scored, measured and achieved.

use super::DayPeriodInput;
use super::named::ItemScoreInput;
use super::reading::{Means, Reading, States};
use crate::graphql::journey::contact::{Attendance, ContactWith, Direction};
use crate::graphql::scalars::{Date, Decimal, Id};
use throughline_domain::fact::event::{self, Event};

impl Means<event::ContactWith> for ContactWith {
    fn meant(self, _: &mut Reading) -> event::ContactWith {
        self.into()
    }
}

impl Means<event::Attendance> for Attendance {
    fn meant(self, _: &mut Reading) -> event::Attendance {
        self.into()
    }
}

impl Means<event::Direction> for Direction {
    fn meant(self, _: &mut Reading) -> event::Direction {
        self.into()
    }
}

facts! {
    /// A contact or an attempt at one.
    ContactFact | ContactPatch => ContactLogged {
        /// The appointment of which this is what became: kept, missed or cancelled, as the attendance says.
        appointment: Option<Id>,
        /// How: a code of the rulebook, such as `phone`.
        channel: String,
        /// With whom.
        #[graphql(default_with = "ContactWith::Client")]
        with: ContactWith,
        /// What became of the appointment; `NONE` for a call or letter without one.
        #[graphql(default_with = "Attendance::None")]
        attendance: Attendance,
        /// Who began it.
        direction: Option<Direction>,
        /// Whether they saw each other. Left out, the channel says: the rulebook lists the channels by which people do.
        face_to_face: Option<bool>,
        /// Whether both sides spoke or wrote: without an attended appointment, only this makes a contact made.
        #[graphql(default)]
        two_way: bool,
        /// Whether it was a group session.
        #[graphql(default)]
        group: bool,
        /// How long it took, in minutes.
        minutes: Option<i32>,
        /// The day the appointment had been made for.
        scheduled_on: Option<Date>,
        /// Which worker. When a contact is logged and this is left out, it is the one whose login made the call.
        worker: Option<Id>,
    }
    /// What shows that the client engages.
    EngagementFact | EngagementPatch => EngagementStarted {
        /// What shows it, by code, such as `first_session`.
        basis: String,
    }
    /// A plan that client and keyworker agreed.
    PlanFact | PlanPatch => PlanAgreed {
        /// The kind of plan: a code of the rulebook, such as `php`.
        kind: String,
    }
    /// A plan that client and keyworker went through again.
    PlanReviewFact | PlanReviewPatch => PlanReviewed {
        /// The kind of plan: a code of the rulebook.
        kind: String,
    }
    /// A plan that no longer guides the work.
    PlanCloseFact | PlanClosePatch => PlanClosed {
        /// The kind of plan: a code of the rulebook.
        kind: String,
        /// Why.
        reason: Option<String>,
    }
    /// A task that is done.
    TaskDoneFact | TaskDonePatch => TaskDone {
        /// Which task.
        task: Id,
    }
    /// A task that is no longer to be done.
    TaskCancelFact | TaskCancelPatch => TaskCancelled {
        /// Which task.
        task: Id,
        /// Why.
        reason: Option<String>,
    }
    /// A score with an instrument such as the SDQ.
    AssessmentFact | AssessmentPatch => AssessmentScored {
        /// The instrument, by code.
        instrument: String,
        /// The score of each item, by code, where they are known.
        #[graphql(default)]
        items: Vec<ItemScoreInput>,
        /// The whole score.
        score: Decimal,
    }
    /// Something that was measured, such as attendance, earnings or spend.
    MeasureFact | MeasurePatch => MeasureRecorded {
        /// What was measured: a code of the rulebook.
        code: String,
        /// The value.
        value: Decimal,
        /// The unit it is in, such as `percent` or `GBP`.
        unit: Option<String>,
        /// The days that it speaks of, where it is not of the one day.
        period: Option<DayPeriodInput>,
    }
    /// Something that the client achieved, such as a qualification.
    AchievementFact | AchievementPatch => AchievementRecorded {
        /// What: a code of the rulebook.
        code: String,
        /// At which level.
        level: Option<String>,
    }
    /// A risk that is over.
    RiskClearFact | RiskClearPatch => RiskCleared {
        /// Which risk.
        risk: Id,
    }
}

identified_facts! {
    /// Something that is to be done by a day.
    TaskFact | TaskPatch => TaskSet,
    /// The task's own id, which a correction keeps.
    task: TaskId {
        /// What is to be done, by code.
        kind: String,
        /// By when.
        due_on: Date,
        /// Whose task it is; one without an owner is the team's.
        owner: Option<Id>,
    }
    /// A risk to the client from that day on.
    RiskFact | RiskPatch => RiskRaised,
    /// The risk's own id, which a correction keeps.
    risk: RiskId {
        /// What kind of risk: a code of the rulebook.
        kind: String,
    }
}

inputs! {
    /// Somebody was, or tried to be, in touch.
    LogContactInput {
        /// Which journey.
        journey: Id,
        /// The contact.
        #[graphql(flatten)]
        fact: ContactFact,
    }
    /// The client engages with the service.
    StartEngagementInput {
        /// Which journey.
        journey: Id,
        /// What shows it.
        #[graphql(flatten)]
        fact: EngagementFact,
    }
    /// Client and keyworker agreed a plan.
    AgreePlanInput {
        /// Which journey.
        journey: Id,
        /// The plan.
        #[graphql(flatten)]
        fact: PlanFact,
    }
    /// Client and keyworker went through a plan again.
    ReviewPlanInput {
        /// Which journey.
        journey: Id,
        /// The plan.
        #[graphql(flatten)]
        fact: PlanReviewFact,
    }
    /// A plan no longer guides the work.
    ClosePlanInput {
        /// Which journey.
        journey: Id,
        /// The plan, and why.
        #[graphql(flatten)]
        fact: PlanCloseFact,
    }
    /// Something is to be done by a day.
    SetTaskInput {
        /// Which journey.
        journey: Id,
        /// The task's own id; left out, one is made.
        task: Option<Id>,
        /// The task.
        #[graphql(flatten)]
        fact: TaskFact,
    }
    /// A task is done.
    CompleteTaskInput {
        /// Which journey.
        journey: Id,
        /// Which task.
        #[graphql(flatten)]
        fact: TaskDoneFact,
    }
    /// A task is no longer to be done.
    CancelTaskInput {
        /// Which journey.
        journey: Id,
        /// Which task, and why.
        #[graphql(flatten)]
        fact: TaskCancelFact,
    }
    /// A client, or a worker under supervision, was scored with an instrument: give exactly one of journey and worker.
    ScoreAssessmentInput {
        /// Which journey, where it is the client who was scored.
        journey: Option<Id>,
        /// Which worker, where it is a worker under supervision.
        worker: Option<Id>,
        /// The score.
        #[graphql(flatten)]
        fact: AssessmentFact,
    }
    /// Something was measured, of a client or of a whole contract: give exactly one of journey and contract.
    RecordMeasureInput {
        /// Which journey, where it was measured of a client.
        journey: Option<Id>,
        /// The code of the contract, where it was measured of the whole contract.
        contract: Option<String>,
        /// The measure.
        #[graphql(flatten)]
        fact: MeasureFact,
    }
    /// The client achieved something.
    RecordAchievementInput {
        /// Which journey.
        journey: Id,
        /// The achievement.
        #[graphql(flatten)]
        fact: AchievementFact,
    }
    /// The client is at risk from this day on.
    RaiseRiskInput {
        /// Which journey.
        journey: Id,
        /// The risk's own id; left out, one is made.
        risk: Option<Id>,
        /// The risk.
        #[graphql(flatten)]
        fact: RiskFact,
    }
    /// A risk is over: `occurredOn` is the first day without it.
    ClearRiskInput {
        /// Which journey.
        journey: Id,
        /// Which risk.
        #[graphql(flatten)]
        fact: RiskClearFact,
    }
}
