//! The inputs of corrections and retractions.

use async_graphql::{InputObject, OneofObject};
use serde_json::Value;

use super::Stamp;
use super::appointment::{AppointmentCancelPatch, AppointmentMovePatch, AppointmentPatch};
use super::contract::{
    ActionDonePatch, ActionPatch, CommentaryPatch, DismissalPatch, EndPatch, KpiPatch, NoticePatch, OpeningPatch,
    SubmissionPatch, VariationPatch,
};
use super::convert::Conversion;
use super::evidence::{EvidencePatch, EvidenceRejectionPatch, EvidenceVerificationPatch, EvidenceWithdrawalPatch};
use super::exit::{ClosePatch, DisengagementPatch, ReopeningPatch, TransferPatch};
use super::identity::IdentityPatch;
use super::patch::{Patches, WhenPatch};
use super::people::{
    AbsencePatch, CapacityPatch, ConsentPatch, ConsentWithdrawalPatch, CoverEndPatch, CoverPatch, HoldLiftPatch,
    HoldPatch, JoiningPatch, LeavingPatch, RegistrationPatch, TeamPatch, VacancyFillPatch, VacancyPatch, WtePatch,
};
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

/// Declares which replacement is for which type of event.
macro_rules! replacements {
    ($($(#[$doc:meta])* $name:ident($fact:ident) => $event:ident as $field:literal;)*) => {
        /// The corrected fields of the fact: exactly one of these, matching the type of the event being corrected.
        #[derive(Debug, Clone, OneofObject)]
        pub enum Replacement {
            $($(#[$doc])* #[graphql(name = $field)] $name($fact),)*
        }

        impl Replacement {
            /// The input field that holds the replacement.
            pub const fn field(&self) -> &'static str {
                match self { $(Self::$name(_) => $field,)* }
            }

            /// The type of event that the replacement is for.
            pub const fn of(&self) -> EventType {
                match self { $(Self::$name(_) => EventType::$event,)* }
            }
        }

        impl Patches for Replacement {
            fn patched(self, conversion: &mut Conversion) -> Value {
                match self { $(Self::$name(patch) => patch.patched(conversion),)* }
            }
        }
    };
}

replacements! {
    /// For a `ReferralReceived` event.
    Referral(ReferralPatch) => ReferralReceived as "referral";
    /// For a `ReferralAccepted` event.
    Acceptance(AcceptPatch) => ReferralAccepted as "acceptance";
    /// For a `ReferralDeclined` event.
    Decline(DeclinePatch) => ReferralDeclined as "decline";
    /// For a `ReferralWithdrawn` event.
    Withdrawal(WithdrawalPatch) => ReferralWithdrawn as "withdrawal";
    /// For an `EligibilityAssessed` event.
    Eligibility(EligibilityPatch) => EligibilityAssessed as "eligibility";
    /// For a `WorkerAssigned` event.
    Assignment(AssignmentPatch) => WorkerAssigned as "assignment";
    /// For a `WorkerReleased` event.
    Release(ReleasePatch) => WorkerReleased as "release";
    /// For an `AppointmentBooked` event.
    Appointment(AppointmentPatch) => AppointmentBooked as "appointment";
    /// For an `AppointmentMoved` event.
    AppointmentMove(AppointmentMovePatch) => AppointmentMoved as "appointmentMove";
    /// For an `AppointmentCancelled` event.
    AppointmentCancel(AppointmentCancelPatch) => AppointmentCancelled as "appointmentCancel";
    /// For a `ContactLogged` event.
    Contact(ContactPatch) => ContactLogged as "contact";
    /// For an `EngagementStarted` event.
    Engagement(EngagementPatch) => EngagementStarted as "engagement";
    /// For a `PlanAgreed` event.
    Plan(PlanPatch) => PlanAgreed as "plan";
    /// For a `PlanReviewed` event.
    PlanReview(PlanReviewPatch) => PlanReviewed as "planReview";
    /// For a `PlanClosed` event.
    PlanClose(PlanClosePatch) => PlanClosed as "planClose";
    /// For a `TaskSet` event.
    Task(TaskPatch) => TaskSet as "task";
    /// For a `TaskDone` event.
    TaskDone(TaskDonePatch) => TaskDone as "taskDone";
    /// For a `TaskCancelled` event.
    TaskCancel(TaskCancelPatch) => TaskCancelled as "taskCancel";
    /// For an `AssessmentScored` event.
    Assessment(AssessmentPatch) => AssessmentScored as "assessment";
    /// For a `SpellStarted` event.
    Spell(SpellPatch) => SpellStarted as "spell";
    /// For a `SpellChanged` event.
    SpellChange(SpellChangePatch) => SpellChanged as "spellChange";
    /// For a `SpellEnded` event.
    SpellEnd(SpellEndPatch) => SpellEnded as "spellEnd";
    /// For a `MeasureRecorded` event.
    Measure(MeasurePatch) => MeasureRecorded as "measure";
    /// For an `AchievementRecorded` event.
    Achievement(AchievementPatch) => AchievementRecorded as "achievement";
    /// For a `RiskRaised` event.
    Risk(RiskPatch) => RiskRaised as "risk";
    /// For a `RiskCleared` event.
    RiskClear(RiskClearPatch) => RiskCleared as "riskClear";
    /// For an `EvidenceAttached` event.
    Evidence(EvidencePatch) => EvidenceAttached as "evidence";
    /// For an `EvidenceWithdrawn` event.
    EvidenceWithdrawal(EvidenceWithdrawalPatch) => EvidenceWithdrawn as "evidenceWithdrawal";
    /// For an `EvidenceVerified` event.
    EvidenceVerification(EvidenceVerificationPatch) => EvidenceVerified as "evidenceVerification";
    /// For an `EvidenceRejected` event.
    EvidenceRejection(EvidenceRejectionPatch) => EvidenceRejected as "evidenceRejection";
    /// For a `Disengaged` event.
    Disengagement(DisengagementPatch) => Disengaged as "disengagement";
    /// For a `JourneyClosed` event.
    Close(ClosePatch) => JourneyClosed as "close";
    /// For a `JourneyReopened` event.
    Reopening(ReopeningPatch) => JourneyReopened as "reopening";
    /// For a `JourneyTransferred` event.
    Transfer(TransferPatch) => JourneyTransferred as "transfer";
    /// For a `SubjectRegistered` event.
    Registration(RegistrationPatch) => SubjectRegistered as "registration";
    /// For an `IdentitySealed` event.
    Identity(IdentityPatch) => IdentitySealed as "identity";
    /// For a `ConsentGiven` event.
    Consent(ConsentPatch) => ConsentGiven as "consent";
    /// For a `ConsentWithdrawn` event.
    ConsentWithdrawal(ConsentWithdrawalPatch) => ConsentWithdrawn as "consentWithdrawal";
    /// For a `LegalHoldPlaced` event.
    Hold(HoldPatch) => LegalHoldPlaced as "hold";
    /// For a `LegalHoldLifted` event.
    HoldLift(HoldLiftPatch) => LegalHoldLifted as "holdLift";
    /// For a `WorkerJoined` event.
    Joining(JoiningPatch) => WorkerJoined as "joining";
    /// For a `WorkerLeft` event.
    Leaving(LeavingPatch) => WorkerLeft as "leaving";
    /// For a `WteSet` event.
    Wte(WtePatch) => WteSet as "wte";
    /// For an `AbsenceRecorded` event.
    Absence(AbsencePatch) => AbsenceRecorded as "absence";
    /// For a `CapacitySet` event.
    Capacity(CapacityPatch) => CapacitySet as "capacity";
    /// For a `TeamSet` event.
    Team(TeamPatch) => TeamSet as "team";
    /// For a `VacancyOpened` event.
    Vacancy(VacancyPatch) => VacancyOpened as "vacancy";
    /// For a `VacancyFilled` event.
    VacancyFill(VacancyFillPatch) => VacancyFilled as "vacancyFill";
    /// For a `CoverStarted` event.
    Cover(CoverPatch) => CoverStarted as "cover";
    /// For a `CoverEnded` event.
    CoverEnd(CoverEndPatch) => CoverEnded as "coverEnd";
    /// For a `ContractOpened` event.
    Opening(OpeningPatch) => ContractOpened as "opening";
    /// For a `ContractVaried` event.
    Variation(VariationPatch) => ContractVaried as "variation";
    /// For a `ContractEnded` event.
    ContractEnd(EndPatch) => ContractEnded as "contractEnd";
    /// For a `CommentaryRecorded` event.
    Commentary(CommentaryPatch) => CommentaryRecorded as "commentary";
    /// For a `ReportSubmitted` event.
    Submission(SubmissionPatch) => ReportSubmitted as "submission";
    /// For a `KpiAssessed` event.
    Kpi(KpiPatch) => KpiAssessed as "kpi";
    /// For a `NoticeIssued` event.
    Notice(NoticePatch) => NoticeIssued as "notice";
    /// For an `ActionAgreed` event.
    Action(ActionPatch) => ActionAgreed as "action";
    /// For an `ActionCompleted` event.
    ActionDone(ActionDonePatch) => ActionCompleted as "actionDone";
    /// For a `DoubleFundingDismissed` event.
    Dismissal(DismissalPatch) => DoubleFundingDismissed as "dismissal";
}

/// The correction of a fact that was recorded wrongly. Fields that are left out stay the same; an explicit null clears
/// a field.
#[derive(Debug, Clone, InputObject)]
pub struct CorrectFactInput {
    /// The fields that every command has.
    #[graphql(flatten)]
    pub stamp: Stamp,
    /// The id of the case, for a fact about a case. Give exactly one of `journey`, `subject`, `worker`, `team` and
    /// `contract`.
    pub journey: Option<Id>,
    /// The id of the subject, for a fact about a subject.
    pub subject: Option<Id>,
    /// The id of the worker, for a fact about a worker.
    pub worker: Option<Id>,
    /// The id of the team, for a fact about a team.
    pub team: Option<Id>,
    /// The code of the contract, for a fact about a contract.
    pub contract: Option<String>,
    /// The id of the original event. Never the id of an earlier correction.
    pub target: Id,
    /// The corrected fields. Leave it out to correct only the date.
    pub replacement: Option<Replacement>,
    /// The reason: at most 200 characters, without personal data.
    pub reason: String,
    /// The corrected date.
    #[graphql(flatten)]
    pub when: WhenPatch,
}

/// The retraction of facts that were recorded by mistake, together with their corrections: all of them or none.
#[derive(Debug, Clone, InputObject)]
pub struct RetractFactInput {
    /// The fields that every command has.
    #[graphql(flatten)]
    pub stamp: Stamp,
    /// The id of the case, for facts about a case. Give exactly one of `journey`, `subject`, `worker`, `team` and
    /// `contract`.
    pub journey: Option<Id>,
    /// The id of the subject, for facts about a subject.
    pub subject: Option<Id>,
    /// The id of the worker, for facts about a worker.
    pub worker: Option<Id>,
    /// The id of the team, for facts about a team.
    pub team: Option<Id>,
    /// The code of the contract, for facts about a contract.
    pub contract: Option<String>,
    /// The ids of the original events.
    pub targets: Vec<Id>,
    /// The reason: at most 200 characters, without personal data.
    pub reason: String,
}

/// The stream whose facts are recorded, corrected or retracted, for mutations on several kinds of streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactOwner {
    /// The case with this id.
    Journey(JourneyId),
    /// The subject with this id.
    Subject(SubjectId),
    /// The worker with this id.
    Worker(WorkerId),
    /// The team with this id.
    Team(TeamId),
    /// The contract with this code.
    Contract(String),
}

impl FactOwner {
    /// A case, if one is named.
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

    /// The stream whose facts are corrected or retracted: the one that is named.
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

    /// The one stream that these fields name. Refused if no field or several fields name one.
    pub fn one_of<const N: usize>(fields: [(&str, Option<Self>); N]) -> Result<Self, Vec<Refusal>> {
        let names = fields.each_ref().map(|(name, _)| *name);
        let (last, others) = names.split_last().expect("the list of fields is not empty");
        let message = format!("give exactly one of {} and {last}", others.join(", "));
        let mut given = fields.into_iter().filter_map(|(name, whose)| Some((name, whose?)));
        match (given.next(), given.next()) {
            (Some((_, whose)), None) => Ok(whose),
            (None, _) => Err(Refusal::new(RefusalCode::MissingValue, message).at(names[0]).alone()),
            (Some(_), Some((second, _))) => Err(Refusal::new(RefusalCode::InvalidValue, message).at(second).alone()),
        }
    }

    /// The id of the stream.
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
