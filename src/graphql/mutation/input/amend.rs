//! Corrections and retractions as mutations take them.

use async_graphql::{InputObject, OneofObject};
use serde_json::Value;

use super::Stamp;
use super::appointment::{AppointmentCancelPatch, AppointmentMovePatch, AppointmentPatch};
use super::contract::{
    ActionDonePatch, ActionPatch, CommentaryPatch, DismissalPatch, EndPatch, KpiPatch, NoticePatch, OpeningPatch,
    SubmissionPatch, VariationPatch,
};
use super::evidence::{EvidencePatch, EvidenceRejectionPatch, EvidenceVerificationPatch, EvidenceWithdrawalPatch};
use super::exit::{ClosePatch, DisengagementPatch, ReopeningPatch, TransferPatch};
use super::patch::{Patches, WhenPatch};
use super::people::{
    AbsencePatch, CapacityPatch, ConsentPatch, ConsentWithdrawalPatch, CoverEndPatch, CoverPatch, HoldLiftPatch,
    HoldPatch, JoiningPatch, LeavingPatch, RegistrationPatch, TeamPatch, VacancyFillPatch, VacancyPatch, WtePatch,
};
use super::reading::Reading;
use super::referral::{
    AcceptPatch, AssignmentPatch, DeclinePatch, EligibilityPatch, ReferralPatch, ReleasePatch, WithdrawalPatch,
};
use super::spell::{SpellChangePatch, SpellEndPatch, SpellPatch};
use super::work::{
    AchievementPatch, AssessmentPatch, ContactPatch, EngagementPatch, MeasurePatch, PlanClosePatch, PlanPatch,
    PlanReviewPatch, RiskClearPatch, RiskPatch, TaskCancelPatch, TaskDonePatch, TaskPatch,
};
use crate::graphql::scalars::Id;
use throughline_domain::fact::envelope::{JourneyId, StreamId, SubjectId, TeamId, WorkerId};
use throughline_domain::fact::event::EventType;
use throughline_domain::fact::refusal::{Refusal, RefusalCode};

/// Declares which replacement is of which type of event.
macro_rules! replacements {
    ($($(#[$doc:meta])* $name:ident($fact:ident) => $event:ident as $field:literal;)*) => {
        /// What of the fact should read otherwise: exactly one, of the type of the event that is corrected.
        #[derive(Debug, Clone, OneofObject)]
        pub enum Replacement {
            $($(#[$doc])* #[graphql(name = $field)] $name($fact),)*
        }

        impl Replacement {
            /// The field of the input that holds it.
            pub const fn field(&self) -> &'static str {
                match self { $(Self::$name(_) => $field,)* }
            }

            /// The type of event that it is for.
            pub const fn of(&self) -> EventType {
                match self { $(Self::$name(_) => EventType::$event,)* }
            }
        }

        impl Patches for Replacement {
            fn patched(self, reading: &mut Reading) -> Value {
                match self { $(Self::$name(patch) => patch.patched(reading),)* }
            }
        }
    };
}

replacements! {
    /// For `ReferralReceived`.
    Referral(ReferralPatch) => ReferralReceived as "referral";
    /// For `ReferralAccepted`.
    Acceptance(AcceptPatch) => ReferralAccepted as "acceptance";
    /// For `ReferralDeclined`.
    Decline(DeclinePatch) => ReferralDeclined as "decline";
    /// For `ReferralWithdrawn`.
    Withdrawal(WithdrawalPatch) => ReferralWithdrawn as "withdrawal";
    /// For `EligibilityAssessed`.
    Eligibility(EligibilityPatch) => EligibilityAssessed as "eligibility";
    /// For `WorkerAssigned`.
    Assignment(AssignmentPatch) => WorkerAssigned as "assignment";
    /// For `WorkerReleased`.
    Release(ReleasePatch) => WorkerReleased as "release";
    /// For `AppointmentBooked`.
    Appointment(AppointmentPatch) => AppointmentBooked as "appointment";
    /// For `AppointmentMoved`.
    AppointmentMove(AppointmentMovePatch) => AppointmentMoved as "appointmentMove";
    /// For `AppointmentCancelled`.
    AppointmentCancel(AppointmentCancelPatch) => AppointmentCancelled as "appointmentCancel";
    /// For `ContactLogged`.
    Contact(ContactPatch) => ContactLogged as "contact";
    /// For `EngagementStarted`.
    Engagement(EngagementPatch) => EngagementStarted as "engagement";
    /// For `PlanAgreed`.
    Plan(PlanPatch) => PlanAgreed as "plan";
    /// For `PlanReviewed`.
    PlanReview(PlanReviewPatch) => PlanReviewed as "planReview";
    /// For `PlanClosed`.
    PlanClose(PlanClosePatch) => PlanClosed as "planClose";
    /// For `TaskSet`.
    Task(TaskPatch) => TaskSet as "task";
    /// For `TaskDone`.
    TaskDone(TaskDonePatch) => TaskDone as "taskDone";
    /// For `TaskCancelled`.
    TaskCancel(TaskCancelPatch) => TaskCancelled as "taskCancel";
    /// For `AssessmentScored`.
    Assessment(AssessmentPatch) => AssessmentScored as "assessment";
    /// For `SpellStarted`.
    Spell(SpellPatch) => SpellStarted as "spell";
    /// For `SpellChanged`.
    SpellChange(SpellChangePatch) => SpellChanged as "spellChange";
    /// For `SpellEnded`.
    SpellEnd(SpellEndPatch) => SpellEnded as "spellEnd";
    /// For `MeasureRecorded`.
    Measure(MeasurePatch) => MeasureRecorded as "measure";
    /// For `AchievementRecorded`.
    Achievement(AchievementPatch) => AchievementRecorded as "achievement";
    /// For `RiskRaised`.
    Risk(RiskPatch) => RiskRaised as "risk";
    /// For `RiskCleared`.
    RiskClear(RiskClearPatch) => RiskCleared as "riskClear";
    /// For `EvidenceAttached`.
    Evidence(EvidencePatch) => EvidenceAttached as "evidence";
    /// For `EvidenceWithdrawn`.
    EvidenceWithdrawal(EvidenceWithdrawalPatch) => EvidenceWithdrawn as "evidenceWithdrawal";
    /// For `EvidenceVerified`.
    EvidenceVerification(EvidenceVerificationPatch) => EvidenceVerified as "evidenceVerification";
    /// For `EvidenceRejected`.
    EvidenceRejection(EvidenceRejectionPatch) => EvidenceRejected as "evidenceRejection";
    /// For `Disengaged`.
    Disengagement(DisengagementPatch) => Disengaged as "disengagement";
    /// For `JourneyClosed`.
    Close(ClosePatch) => JourneyClosed as "close";
    /// For `JourneyReopened`.
    Reopening(ReopeningPatch) => JourneyReopened as "reopening";
    /// For `JourneyTransferred`.
    Transfer(TransferPatch) => JourneyTransferred as "transfer";
    /// For `SubjectRegistered`.
    Registration(RegistrationPatch) => SubjectRegistered as "registration";
    /// For `ConsentGiven`.
    Consent(ConsentPatch) => ConsentGiven as "consent";
    /// For `ConsentWithdrawn`.
    ConsentWithdrawal(ConsentWithdrawalPatch) => ConsentWithdrawn as "consentWithdrawal";
    /// For `LegalHoldPlaced`.
    Hold(HoldPatch) => LegalHoldPlaced as "hold";
    /// For `LegalHoldLifted`.
    HoldLift(HoldLiftPatch) => LegalHoldLifted as "holdLift";
    /// For `WorkerJoined`.
    Joining(JoiningPatch) => WorkerJoined as "joining";
    /// For `WorkerLeft`.
    Leaving(LeavingPatch) => WorkerLeft as "leaving";
    /// For `WteSet`.
    Wte(WtePatch) => WteSet as "wte";
    /// For `AbsenceRecorded`.
    Absence(AbsencePatch) => AbsenceRecorded as "absence";
    /// For `CapacitySet`.
    Capacity(CapacityPatch) => CapacitySet as "capacity";
    /// For `TeamSet`.
    Team(TeamPatch) => TeamSet as "team";
    /// For `VacancyOpened`.
    Vacancy(VacancyPatch) => VacancyOpened as "vacancy";
    /// For `VacancyFilled`.
    VacancyFill(VacancyFillPatch) => VacancyFilled as "vacancyFill";
    /// For `CoverStarted`.
    Cover(CoverPatch) => CoverStarted as "cover";
    /// For `CoverEnded`.
    CoverEnd(CoverEndPatch) => CoverEnded as "coverEnd";
    /// For `ContractOpened`.
    Opening(OpeningPatch) => ContractOpened as "opening";
    /// For `ContractVaried`.
    Variation(VariationPatch) => ContractVaried as "variation";
    /// For `ContractEnded`.
    ContractEnd(EndPatch) => ContractEnded as "contractEnd";
    /// For `CommentaryRecorded`.
    Commentary(CommentaryPatch) => CommentaryRecorded as "commentary";
    /// For `ReportSubmitted`.
    Submission(SubmissionPatch) => ReportSubmitted as "submission";
    /// For `KpiAssessed`.
    Kpi(KpiPatch) => KpiAssessed as "kpi";
    /// For `NoticeIssued`.
    Notice(NoticePatch) => NoticeIssued as "notice";
    /// For `ActionAgreed`.
    Action(ActionPatch) => ActionAgreed as "action";
    /// For `ActionCompleted`.
    ActionDone(ActionDonePatch) => ActionCompleted as "actionDone";
    /// For `DoubleFundingDismissed`.
    Dismissal(DismissalPatch) => DoubleFundingDismissed as "dismissal";
}

/// A fact was recorded wrongly: here is what of it should read otherwise. What is left out stays as it was, and an
/// explicit null clears it.
#[derive(Debug, Clone, InputObject)]
pub struct CorrectFactInput {
    /// What comes with every command.
    #[graphql(flatten)]
    pub stamp: Stamp,
    /// Whose fact it is, where it is of a journey: give exactly one of journey, subject, worker, team and contract.
    pub journey: Option<Id>,
    /// Which subject.
    pub subject: Option<Id>,
    /// Which worker.
    pub worker: Option<Id>,
    /// Which team.
    pub team: Option<Id>,
    /// The code of the contract.
    pub contract: Option<String>,
    /// The original event, never another correction.
    pub target: Id,
    /// What of the fact should read otherwise. Left out, only its date does.
    pub replacement: Option<Replacement>,
    /// Why: at most 200 characters, nothing personal.
    pub reason: String,
    /// What of its date should read otherwise.
    #[graphql(flatten)]
    pub when: WhenPatch,
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
