//! Corrections and retractions as mutations take them.

use async_graphql::{InputObject, OneofObject};

use super::Stamp;
use super::contract::{
    ActionDoneFact, ActionReplacement, CommentaryFact, DismissalFact, EndFact, KpiFact, NoticeReplacement, OpeningFact,
    SubmissionFact, VariationFact,
};
use super::evidence::{EvidenceRejectionFact, EvidenceReplacement, EvidenceVerificationFact, EvidenceWithdrawalFact};
use super::exit::{CloseFact, DisengagementFact, ReopeningFact, TransferFact};
use super::people::{
    AbsenceFact, CapacityFact, ConsentFact, ConsentWithdrawalFact, CoverEndFact, CoverReplacement, HoldLiftFact,
    HoldReplacement, JoiningFact, LeavingFact, RegistrationFact, TeamFact, VacancyFillFact, VacancyReplacement,
    WteFact,
};
use super::reading::{Reading, States};
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
use crate::journey::refusal::{Refusal, RefusalCode};
use crate::log::envelope::{JourneyId, StreamId, SubjectId, TeamId, WorkerId};

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

        impl States for Replacement {
            fn stated(self, reading: &mut Reading) -> Event {
                match self {
                    $(Self::$name(fact) => {
                        let fact: event::$event = fact.read(reading);
                        fact.into()
                    })*
                }
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
    /// For `SubjectRegistered`.
    Registration(RegistrationFact) => SubjectRegistered as "registration";
    /// For `ConsentGiven`.
    Consent(ConsentFact) => ConsentGiven as "consent";
    /// For `ConsentWithdrawn`.
    ConsentWithdrawal(ConsentWithdrawalFact) => ConsentWithdrawn as "consentWithdrawal";
    /// For `LegalHoldPlaced`.
    Hold(HoldReplacement) => LegalHoldPlaced as "hold";
    /// For `LegalHoldLifted`.
    HoldLift(HoldLiftFact) => LegalHoldLifted as "holdLift";
    /// For `WorkerJoined`.
    Joining(JoiningFact) => WorkerJoined as "joining";
    /// For `WorkerLeft`.
    Leaving(LeavingFact) => WorkerLeft as "leaving";
    /// For `WteSet`.
    Wte(WteFact) => WteSet as "wte";
    /// For `AbsenceRecorded`.
    Absence(AbsenceFact) => AbsenceRecorded as "absence";
    /// For `CapacitySet`.
    Capacity(CapacityFact) => CapacitySet as "capacity";
    /// For `TeamSet`.
    Team(TeamFact) => TeamSet as "team";
    /// For `VacancyOpened`.
    Vacancy(VacancyReplacement) => VacancyOpened as "vacancy";
    /// For `VacancyFilled`.
    VacancyFill(VacancyFillFact) => VacancyFilled as "vacancyFill";
    /// For `CoverStarted`.
    Cover(CoverReplacement) => CoverStarted as "cover";
    /// For `CoverEnded`.
    CoverEnd(CoverEndFact) => CoverEnded as "coverEnd";
    /// For `ContractOpened`.
    Opening(OpeningFact) => ContractOpened as "opening";
    /// For `ContractVaried`.
    Variation(VariationFact) => ContractVaried as "variation";
    /// For `ContractEnded`.
    ContractEnd(EndFact) => ContractEnded as "contractEnd";
    /// For `CommentaryRecorded`.
    Commentary(CommentaryFact) => CommentaryRecorded as "commentary";
    /// For `ReportSubmitted`.
    Submission(SubmissionFact) => ReportSubmitted as "submission";
    /// For `KpiAssessed`.
    Kpi(KpiFact) => KpiAssessed as "kpi";
    /// For `NoticeIssued`.
    Notice(NoticeReplacement) => NoticeIssued as "notice";
    /// For `ActionAgreed`.
    Action(ActionReplacement) => ActionAgreed as "action";
    /// For `ActionCompleted`.
    ActionDone(ActionDoneFact) => ActionCompleted as "actionDone";
    /// For `DoubleFundingDismissed`.
    Dismissal(DismissalFact) => DoubleFundingDismissed as "dismissal";
}

inputs! {
    /// A fact was recorded wrongly: here is the whole fact as it should read, with its date.
    CorrectFactInput {
        /// Whose fact it is, where it is of a journey: give exactly one of journey, subject, worker, team and contract.
        journey: Option<Id>,
        /// Which subject.
        subject: Option<Id>,
        /// Which worker.
        worker: Option<Id>,
        /// Which team.
        team: Option<Id>,
        /// The code of the contract.
        contract: Option<String>,
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
    /// Whose facts they are, where they are of a journey: give exactly one of journey, subject, worker, team and contract.
    pub journey: Option<Id>,
    /// Which subject.
    pub subject: Option<Id>,
    /// Which worker.
    pub worker: Option<Id>,
    /// Which team.
    pub team: Option<Id>,
    /// The code of the contract.
    pub contract: Option<String>,
    /// The original events.
    pub targets: Vec<Id>,
    /// Why: at most 200 characters, nothing personal.
    pub reason: String,
}

/// Whose facts are stated, corrected or retracted, where they may be of several kinds of things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// A journey's.
    Journey(JourneyId),
    /// A subject's.
    Subject(SubjectId),
    /// A worker's.
    Worker(WorkerId),
    /// A team's.
    Team(TeamId),
    /// Those of the contract with this code.
    Contract(String),
}

impl Whose {
    /// A journey, if one is named.
    pub fn journey(id: Option<Id>) -> Option<Self> {
        id.map(|id| Self::Journey(JourneyId(id.0)))
    }

    /// A subject, if one is named.
    pub fn subject(id: Option<Id>) -> Option<Self> {
        id.map(|id| Self::Subject(SubjectId(id.0)))
    }

    /// A worker, if one is named.
    pub fn worker(id: Option<Id>) -> Option<Self> {
        id.map(|id| Self::Worker(WorkerId(id.0)))
    }

    /// A team, if one is named.
    pub fn team(id: Option<Id>) -> Option<Self> {
        id.map(|id| Self::Team(TeamId(id.0)))
    }

    /// A contract, if one is named.
    pub fn contract(code: Option<String>) -> Option<Self> {
        code.map(Self::Contract)
    }

    /// Whose facts are corrected or retracted: the one that is named.
    pub fn of(
        journey: Option<Id>,
        subject: Option<Id>,
        worker: Option<Id>,
        team: Option<Id>,
        contract: Option<String>,
    ) -> Result<Self, Vec<Refusal>> {
        Self::one_of([
            ("journey", Self::journey(journey)),
            ("subject", Self::subject(subject)),
            ("worker", Self::worker(worker)),
            ("team", Self::team(team)),
            ("contract", Self::contract(contract)),
        ])
    }

    /// The one that is named, of those that a field each may name; refused where none is, or several.
    pub fn one_of<const N: usize>(fields: [(&str, Option<Self>); N]) -> Result<Self, Vec<Refusal>> {
        let names = fields.each_ref().map(|(name, _)| *name);
        let (last, others) = names.split_last().expect("there are fields to choose from");
        let message = format!("give exactly one of {} and {last}", others.join(", "));
        let mut given = fields.into_iter().filter_map(|(name, whose)| Some((name, whose?)));
        match (given.next(), given.next()) {
            (Some((_, whose)), None) => Ok(whose),
            (None, _) => Err(Refusal::new(RefusalCode::MissingValue, message).at(names[0]).alone()),
            (Some(_), Some((second, _))) => Err(Refusal::new(RefusalCode::InvalidValue, message).at(second).alone()),
        }
    }

    /// The stream that holds them.
    pub fn stream(&self) -> StreamId {
        match self {
            Self::Journey(id) => StreamId::journey(*id),
            Self::Subject(id) => StreamId::subject(*id),
            Self::Worker(id) => StreamId::worker(*id),
            Self::Team(id) => StreamId::team(*id),
            Self::Contract(code) => StreamId::contract(code),
        }
    }
}
