//! Corrections and retractions as mutations take them.

use async_graphql::{InputObject, OneofObject};

use super::Stamp;
use super::evidence::{EvidenceRejectionFact, EvidenceReplacement, EvidenceVerificationFact, EvidenceWithdrawalFact};
use super::exit::{CloseFact, DisengagementFact, ReopeningFact, TransferFact};
use super::referral::{
    AcceptFact, AssignmentFact, DeclineFact, EligibilityFact, ReferralReplacement, ReleaseFact, WithdrawalFact,
};
use super::spell::{SpellChangeFact, SpellEndFact, SpellReplacement};
use super::work::{
    AchievementFact, AssessmentFact, ContactFact, EngagementFact, MeasureFact, PlanCloseFact, PlanFact, PlanReviewFact,
    RiskClearFact, RiskReplacement, TaskCancelFact, TaskDoneFact, TaskReplacement,
};
use crate::graphql::scalars::Id;
use crate::journey::event::{self, Event};

/// Declares which replacement is of which type of event.
macro_rules! replacements {
    ($($(#[$doc:meta])* $name:ident($fact:ident) => $event:ident as $field:literal;)*) => {
        /// The whole fact as it should read: exactly one, of the type of the event that is corrected.
        #[derive(Debug, Clone, OneofObject)]
        pub enum Replacement {
            $($(#[$doc])* #[graphql(name = $field)] $name($fact),)*
        }

        impl Replacement {
            /// The field of the input that holds it.
            pub const fn field(&self) -> &'static str {
                match self { $(Self::$name(_) => $field,)* }
            }
        }

        impl From<Replacement> for Event {
            fn from(replacement: Replacement) -> Self {
                match replacement { $(Replacement::$name(fact) => event::$event::from(fact).into(),)* }
            }
        }
    };
}

replacements! {
    /// For `ReferralReceived`.
    Referral(ReferralReplacement) => ReferralReceived as "referral";
    /// For `ReferralAccepted`.
    Acceptance(AcceptFact) => ReferralAccepted as "acceptance";
    /// For `ReferralDeclined`.
    Decline(DeclineFact) => ReferralDeclined as "decline";
    /// For `ReferralWithdrawn`.
    Withdrawal(WithdrawalFact) => ReferralWithdrawn as "withdrawal";
    /// For `EligibilityAssessed`.
    Eligibility(EligibilityFact) => EligibilityAssessed as "eligibility";
    /// For `WorkerAssigned`.
    Assignment(AssignmentFact) => WorkerAssigned as "assignment";
    /// For `WorkerReleased`.
    Release(ReleaseFact) => WorkerReleased as "release";
    /// For `ContactLogged`.
    Contact(ContactFact) => ContactLogged as "contact";
    /// For `EngagementStarted`.
    Engagement(EngagementFact) => EngagementStarted as "engagement";
    /// For `PlanAgreed`.
    Plan(PlanFact) => PlanAgreed as "plan";
    /// For `PlanReviewed`.
    PlanReview(PlanReviewFact) => PlanReviewed as "planReview";
    /// For `PlanClosed`.
    PlanClose(PlanCloseFact) => PlanClosed as "planClose";
    /// For `TaskSet`.
    Task(TaskReplacement) => TaskSet as "task";
    /// For `TaskDone`.
    TaskDone(TaskDoneFact) => TaskDone as "taskDone";
    /// For `TaskCancelled`.
    TaskCancel(TaskCancelFact) => TaskCancelled as "taskCancel";
    /// For `AssessmentScored`.
    Assessment(AssessmentFact) => AssessmentScored as "assessment";
    /// For `SpellStarted`.
    Spell(SpellReplacement) => SpellStarted as "spell";
    /// For `SpellChanged`.
    SpellChange(SpellChangeFact) => SpellChanged as "spellChange";
    /// For `SpellEnded`.
    SpellEnd(SpellEndFact) => SpellEnded as "spellEnd";
    /// For `MeasureRecorded`.
    Measure(MeasureFact) => MeasureRecorded as "measure";
    /// For `AchievementRecorded`.
    Achievement(AchievementFact) => AchievementRecorded as "achievement";
    /// For `RiskRaised`.
    Risk(RiskReplacement) => RiskRaised as "risk";
    /// For `RiskCleared`.
    RiskClear(RiskClearFact) => RiskCleared as "riskClear";
    /// For `EvidenceAttached`.
    Evidence(EvidenceReplacement) => EvidenceAttached as "evidence";
    /// For `EvidenceWithdrawn`.
    EvidenceWithdrawal(EvidenceWithdrawalFact) => EvidenceWithdrawn as "evidenceWithdrawal";
    /// For `EvidenceVerified`.
    EvidenceVerification(EvidenceVerificationFact) => EvidenceVerified as "evidenceVerification";
    /// For `EvidenceRejected`.
    EvidenceRejection(EvidenceRejectionFact) => EvidenceRejected as "evidenceRejection";
    /// For `Disengaged`.
    Disengagement(DisengagementFact) => Disengaged as "disengagement";
    /// For `JourneyClosed`.
    Close(CloseFact) => JourneyClosed as "close";
    /// For `JourneyReopened`.
    Reopening(ReopeningFact) => JourneyReopened as "reopening";
    /// For `JourneyTransferred`.
    Transfer(TransferFact) => JourneyTransferred as "transfer";
}

inputs! {
    /// A fact was recorded wrongly: here is the whole fact as it should read, with its date.
    CorrectFactInput {
        /// Which journey.
        journey: Id,
        /// The original event, never another correction.
        target: Id,
        /// The whole fact as it should read.
        replacement: Replacement,
        /// Why: at most 200 characters, nothing personal.
        reason: String,
    }
}

/// Facts never were so: they go, with their corrections, all or none.
#[derive(Debug, Clone, InputObject)]
pub struct RetractFactInput {
    /// What comes with every command.
    #[graphql(flatten)]
    pub stamp: Stamp,
    /// Which journey.
    pub journey: Id,
    /// The original events.
    pub targets: Vec<Id>,
    /// Why: at most 200 characters, nothing personal.
    pub reason: String,
}
