//! Refusals: what may not be recorded, why, and what to do next.
//!
//! A refusal is expected and is data: its code is stable, its message is for people. It never quotes what looks like
//! personal data. Every code stands in `docs/refusals.md` with cause and remedy.

use std::fmt;

use crate::fact::envelope::{EventId, Occurred};
use crate::fact::event::EventType;
use crate::fact::path::Path;

/// Declares the closed list of codes: variant and stable spelling.
macro_rules! codes {
    ($(#[$doc:meta] $name:ident => $text:literal;)*) => {
        /// The stable code of a refusal.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RefusalCode {
            $(#[$doc] $name,)*
        }

        impl RefusalCode {
            /// Every code, in the order of `docs/refusals.md`.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as clients read it, such as `DATED_IN_FUTURE`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// No contract of this code is open.
    ContractNotFound => "CONTRACT_NOT_FOUND";
    /// No journey of this id is known.
    JourneyNotFound => "JOURNEY_NOT_FOUND";
    /// No subject of this id is known.
    SubjectNotFound => "SUBJECT_NOT_FOUND";
    /// No worker of this id is known.
    WorkerNotFound => "WORKER_NOT_FOUND";
    /// The sender is a keyworker whose login is no worker's who is here.
    WorkerUnknown => "WORKER_UNKNOWN";
    /// The sender's role does not give notices of this kind.
    KindOfAnotherRole => "KIND_OF_ANOTHER_ROLE";
    /// The rulebook has no indicator of this code.
    UnknownIndicator => "UNKNOWN_INDICATOR";
    /// The rulebook grades the value otherwise.
    OtherGrade => "OTHER_GRADE";
    /// The sender's token is for other service areas.
    AreaOutsideScope => "AREA_OUTSIDE_SCOPE";
    /// No team of this id is known, or it was never set.
    TeamNotFound => "TEAM_NOT_FOUND";
    /// The stream holds no event of this id.
    FactNotFound => "FACT_NOT_FOUND";
    /// A contract of this code is open already.
    ContractExists => "CONTRACT_EXISTS";
    /// A subject of this id is registered already.
    SubjectExists => "SUBJECT_EXISTS";
    /// A worker of this id has joined already.
    WorkerExists => "WORKER_EXISTS";
    /// Somebody who is still here signs in by this login.
    LoginTaken => "LOGIN_TAKEN";
    /// Words are wanted and there are none.
    MissingValue => "MISSING_VALUE";
    /// The value cannot be.
    InvalidValue => "INVALID_VALUE";
    /// A text or a list is longer than anybody needs.
    InputTooLong => "INPUT_TOO_LONG";
    /// The rulebook does not list this code.
    UnknownCode => "UNKNOWN_CODE";
    /// The text looks like personal data, which is never written in the clear.
    PersonalData => "PERSONAL_DATA";
    /// More is wrong than one answer tells.
    MoreProblems => "MORE_PROBLEMS";
    /// The fact is dated after today.
    DatedInFuture => "DATED_IN_FUTURE";
    /// The referral is dated before the contract starts.
    ContractNotStarted => "CONTRACT_NOT_STARTED";
    /// The fact is dated in a period whose figures are settled.
    PeriodClosed => "PERIOD_CLOSED";
    /// Facts of the worker are dated after their leaving.
    WorkerHasLaterFacts => "WORKER_HAS_LATER_FACTS";
    /// Tasks would be left open by the close.
    TasksOpen => "TASKS_OPEN";
    /// The piece of evidence shows nothing that an outcome asks to be shown.
    EvidenceSupportsNothing => "EVIDENCE_SUPPORTS_NOTHING";
    /// Appointments would be left open by the close.
    AppointmentsOpen => "APPOINTMENTS_OPEN";
    /// The appointment or task is planned on the day of the close, after it.
    PlannedAfterClose => "PLANNED_AFTER_CLOSE";
    /// The contact was missed, and both sides met all the same.
    ContactContradictory => "CONTACT_CONTRADICTORY";
    /// The appointment is for a later day than the contact that says it was kept or missed.
    BeforeAppointment => "BEFORE_APPOINTMENT";
    /// The worker who is named does not see the case.
    WorkerDoesNotSeeCase => "WORKER_DOES_NOT_SEE_CASE";
    /// The fact is dated long before the referral.
    LongBeforeReferral => "LONG_BEFORE_REFERRAL";
    /// The same was recorded for the same day already.
    RecordedAlready => "RECORDED_ALREADY";
    /// An open case has the same case number of another system.
    CaseAlreadyOpen => "CASE_ALREADY_OPEN";
    /// The journey has its referral already.
    AlreadyReferred => "ALREADY_REFERRED";
    /// The journey has no referral that stands.
    NotReferred => "NOT_REFERRED";
    /// The fact is dated before the referral.
    BeforeReferral => "BEFORE_REFERRAL";
    /// The referral was accepted already.
    AlreadyAccepted => "ALREADY_ACCEPTED";
    /// The referral was declined, so nothing follows it.
    ReferralDeclined => "REFERRAL_DECLINED";
    /// The referral was withdrawn, so nothing follows it.
    ReferralWithdrawn => "REFERRAL_WITHDRAWN";
    /// The journey was closed already.
    AlreadyClosed => "ALREADY_CLOSED";
    /// The journey is not closed on that day, so it cannot be reopened.
    NotClosed => "NOT_CLOSED";
    /// The fact is dated while the journey was closed.
    JourneyClosed => "JOURNEY_CLOSED";
    /// The worker holds the case in this role already.
    AlreadyAssigned => "ALREADY_ASSIGNED";
    /// The worker does not hold the case in this role on that day.
    NotAssigned => "NOT_ASSIGNED";
    /// No plan of this kind is open on that day.
    PlanNotFound => "PLAN_NOT_FOUND";
    /// The journey has a spell of this id already.
    SpellExists => "SPELL_EXISTS";
    /// The journey has no spell of this id.
    SpellNotFound => "SPELL_NOT_FOUND";
    /// The spell was ended already.
    SpellAlreadyEnded => "SPELL_ALREADY_ENDED";
    /// The change is dated when the spell did not hold.
    OutsideSpell => "OUTSIDE_SPELL";
    /// The journey has an appointment of this id already.
    AppointmentExists => "APPOINTMENT_EXISTS";
    /// The journey has no appointment of this id.
    AppointmentNotFound => "APPOINTMENT_NOT_FOUND";
    /// The appointment was kept, missed or cancelled already.
    AppointmentAlreadyOver => "APPOINTMENT_ALREADY_OVER";
    /// The journey has a task of this id already.
    TaskExists => "TASK_EXISTS";
    /// The journey has no task of this id.
    TaskNotFound => "TASK_NOT_FOUND";
    /// The task was done or cancelled already.
    TaskAlreadyOver => "TASK_ALREADY_OVER";
    /// The journey has a risk of this id already.
    RiskExists => "RISK_EXISTS";
    /// The journey has no risk of this id.
    RiskNotFound => "RISK_NOT_FOUND";
    /// The risk was cleared already.
    RiskAlreadyCleared => "RISK_ALREADY_CLEARED";
    /// The spell, task or risk would end before it begins.
    EndedBeforeStart => "ENDED_BEFORE_START";
    /// The journey has evidence of this id already.
    EvidenceExists => "EVIDENCE_EXISTS";
    /// The journey has no evidence of this id.
    EvidenceNotFound => "EVIDENCE_NOT_FOUND";
    /// The evidence was verified already.
    EvidenceAlreadyVerified => "EVIDENCE_ALREADY_VERIFIED";
    /// The evidence was withdrawn or rejected.
    EvidenceNoLongerCounts => "EVIDENCE_NO_LONGER_COUNTS";
    /// What is said of the evidence is dated before it was attached.
    BeforeAttached => "BEFORE_ATTACHED";
    /// The evidence supports what is no fact or spell of the journey.
    SupportNotFound => "SUPPORT_NOT_FOUND";
    /// A subject is not linked with itself.
    SameSubject => "SAME_SUBJECT";
    /// The two subjects are of different kinds.
    OtherKind => "OTHER_KIND";
    /// The two subjects are linked already.
    AlreadyLinked => "ALREADY_LINKED";
    /// The two subjects are not linked on that day.
    NotLinked => "NOT_LINKED";
    /// The consent to this purpose stands already.
    AlreadyConsented => "ALREADY_CONSENTED";
    /// No consent to this purpose stands on that day.
    NotConsented => "NOT_CONSENTED";
    /// The subject has a hold of this id already.
    HoldExists => "HOLD_EXISTS";
    /// The subject has no hold of this id.
    HoldNotFound => "HOLD_NOT_FOUND";
    /// The hold was lifted already.
    HoldAlreadyLifted => "HOLD_ALREADY_LIFTED";
    /// A legal hold stands, so nothing is erased.
    LegalHold => "LEGAL_HOLD";
    /// The erasure was proposed on this ground already.
    ErasureAlreadyProposed => "ERASURE_ALREADY_PROPOSED";
    /// No erasure was proposed by this event.
    ErasureNotProposed => "ERASURE_NOT_PROPOSED";
    /// An erasure was approved already.
    ErasureAlreadyApproved => "ERASURE_ALREADY_APPROVED";
    /// Two people are wanted, and this is the first one again.
    SamePerson => "SAME_PERSON";
    /// The fact is dated before the worker joined.
    BeforeJoining => "BEFORE_JOINING";
    /// The worker has left by that day.
    WorkerLeft => "WORKER_LEFT";
    /// The fact is dated before the team was set up.
    BeforeTeam => "BEFORE_TEAM";
    /// The worker was no member of the team by that day.
    NotAMember => "NOT_A_MEMBER";
    /// The team has a vacancy of this id already.
    VacancyExists => "VACANCY_EXISTS";
    /// The team has no vacancy of this id.
    VacancyNotFound => "VACANCY_NOT_FOUND";
    /// The vacancy was filled already.
    VacancyAlreadyFilled => "VACANCY_ALREADY_FILLED";
    /// Nobody stands in for themselves.
    CoverOfOneself => "COVER_OF_ONESELF";
    /// The team has a cover of this id already.
    CoverExists => "COVER_EXISTS";
    /// The team has no cover of this id.
    CoverNotFound => "COVER_NOT_FOUND";
    /// The cover was ended already.
    CoverAlreadyEnded => "COVER_ALREADY_ENDED";
    /// The contract no longer held on that day.
    ContractEnded => "CONTRACT_ENDED";
    /// The period was closed already.
    PeriodAlreadyClosed => "PERIOD_ALREADY_CLOSED";
    /// The contract has a notice of this id already.
    NoticeExists => "NOTICE_EXISTS";
    /// The contract has no notice of this id by that day.
    NoticeNotFound => "NOTICE_NOT_FOUND";
    /// The contract has an action of this id already.
    ActionExists => "ACTION_EXISTS";
    /// The contract has no action of this id.
    ActionNotFound => "ACTION_NOT_FOUND";
    /// The action was completed already.
    ActionAlreadyCompleted => "ACTION_ALREADY_COMPLETED";
    /// This double funding was dismissed already.
    AlreadyDismissed => "ALREADY_DISMISSED";
    /// No batch of this id is known.
    BatchNotFound => "BATCH_NOT_FOUND";
    /// A batch of this id was opened already.
    BatchExists => "BATCH_EXISTS";
    /// The claims of the batch were submitted already.
    BatchAlreadySubmitted => "BATCH_ALREADY_SUBMITTED";
    /// The claims of the batch were not submitted yet.
    BatchNotSubmitted => "BATCH_NOT_SUBMITTED";
    /// The batch has no line of this claim.
    ClaimNotFound => "CLAIM_NOT_FOUND";
    /// The claim cannot be claimed as things stand.
    ClaimNotClaimable => "CLAIM_NOT_CLAIMABLE";
    /// The claim is none of those that the batch is for.
    ClaimOutsideBatch => "CLAIM_OUTSIDE_BATCH";
    /// The claim stands in another batch.
    ClaimInBatch => "CLAIM_IN_BATCH";
    /// Something was decided of the claim that this does not follow on.
    ClaimAlreadyDecided => "CLAIM_ALREADY_DECIDED";
    /// The claim is not accepted.
    ClaimNotAccepted => "CLAIM_NOT_ACCEPTED";
    /// The claim was rejected as often as it may be tried.
    NoAttemptsLeft => "NO_ATTEMPTS_LEFT";
    /// Something that the claims rest on has moved since they were prepared.
    StaleClaims => "STALE_CLAIMS";
    /// A rulebook was published by which the claims are not computed yet.
    RulebookNotReady => "RULEBOOK_NOT_READY";
    /// The batch has an adjustment of this id already.
    AdjustmentExists => "ADJUSTMENT_EXISTS";
    /// The batch has no adjustment of this id that is left to settle.
    AdjustmentNotFound => "ADJUSTMENT_NOT_FOUND";
    /// More is taken back than there is.
    AdjustmentTooLarge => "ADJUSTMENT_TOO_LARGE";
    /// More would be due for a claim than it is worth by the facts and the rules.
    BeyondPrice => "BEYOND_PRICE";
    /// More would be due than a cap leaves.
    BeyondCap => "BEYOND_CAP";
    /// More came for a claim than is due for it.
    PaymentBeyondDue => "PAYMENT_BEYOND_DUE";
    /// The same money was recorded before.
    PaymentRepeated => "PAYMENT_REPEATED";
    /// Another contract claims for the same days of the same person.
    DoubleFunding => "DOUBLE_FUNDING";
    /// Recorded facts would be left without ground.
    FactHasDependents => "FACT_HAS_DEPENDENTS";
    /// Events of this type are not corrected or retracted.
    NotCorrectable => "NOT_CORRECTABLE";
    /// The fact was retracted already.
    AlreadyRetracted => "ALREADY_RETRACTED";
    /// The replacement is a fact of another type.
    OtherType => "OTHER_TYPE";
    /// The field is fixed for the life of the fact.
    FixedField => "FIXED_FIELD";
    /// The fact already reads so.
    NothingToCorrect => "NOTHING_TO_CORRECT";
    /// The text of the rulebook cannot be published.
    InvalidRulebook => "INVALID_RULEBOOK";
    /// The rulebook names another contract.
    RulebookOfOtherContract => "RULEBOOK_OF_OTHER_CONTRACT";
    /// This very content is published already.
    RulebookAlreadyPublished => "RULEBOOK_ALREADY_PUBLISHED";
    /// A version of this name is published already.
    RulebookVersionTaken => "RULEBOOK_VERSION_TAKEN";
    /// The version would move every civil date to another zone.
    RulebookZoneChanged => "RULEBOOK_ZONE_CHANGED";
    /// A view is being built, or another one made the live one, at this moment, here or by another server.
    ViewBeingBuilt => "VIEW_BEING_BUILT";
    /// This server builds no view.
    NoRebuild => "NO_REBUILD";
    /// There is no earlier view to go back to.
    NoPreviousView => "NO_PREVIOUS_VIEW";
}

impl RefusalCode {
    /// The codes that only warn: a command may accept them beforehand.
    pub const WARNINGS: &'static [Self] = &[
        Self::ContractNotStarted,
        Self::PeriodClosed,
        Self::WorkerHasLaterFacts,
        Self::TasksOpen,
        Self::EvidenceSupportsNothing,
        Self::BeyondPrice,
        Self::BeyondCap,
        Self::PaymentBeyondDue,
        Self::PaymentRepeated,
        Self::DoubleFunding,
        Self::AppointmentsOpen,
        Self::PlannedAfterClose,
        Self::ContactContradictory,
        Self::BeforeAppointment,
        Self::WorkerDoesNotSeeCase,
        Self::LongBeforeReferral,
        Self::RecordedAlready,
        Self::CaseAlreadyOpen,
    ];
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The most refusals of one answer.
const TOLD_MAX: usize = 20;

/// As many refusals as anybody reads at once; the last one says how many more there are.
pub fn told(mut refusals: Vec<Refusal>) -> Vec<Refusal> {
    if refusals.len() > TOLD_MAX {
        let more = refusals.split_off(TOLD_MAX - 1).len();
        let message = format!("{more} more problems were found: put these right first");
        refusals.push(Refusal::new(RefusalCode::MoreProblems, message));
    }
    refusals
}

/// A recorded fact that a refusal names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DependentFact {
    /// Its original event.
    pub event_id: EventId,
    /// Its type.
    pub event_type: EventType,
    /// When it was so, as it now reads.
    pub occurred: Occurred,
}

/// How much a refusal weighs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Severity {
    /// The command cannot be accepted.
    #[default]
    Error,
    /// Somebody should look twice: the command is accepted once its sender accepts the warning by its code.
    Warning,
}

/// Why a command is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// The stable code.
    pub code: RefusalCode,
    /// How much it weighs.
    pub severity: Severity,
    /// What is wrong and what to do next: lower case, no full stop.
    pub message: String,
    /// The field that it is about, in the payload's names.
    pub path: Option<Path>,
    /// The rule that refuses: a sentence of the domain or a key of the rulebook, such as `codes.contact_channels`.
    pub rule: Option<String>,
    /// What would be allowed, where that is a list.
    pub allowed: Vec<String>,
    /// The recorded facts that stand in the way.
    pub facts: Vec<DependentFact>,
}

impl Refusal {
    /// A refusal with this code and message.
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            path: None,
            rule: None,
            allowed: Vec::new(),
            facts: Vec::new(),
        }
    }

    /// This refusal as the only answer.
    pub fn alone(self) -> Vec<Self> {
        vec![self]
    }

    /// The same as a warning, which the sender may accept.
    #[must_use]
    pub fn as_warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    /// The same, naming the field of the input.
    #[must_use]
    pub fn at(self, path: impl Into<Path>) -> Self {
        Self { path: Some(path.into()), ..self }
    }

    /// The same, naming the rule.
    #[must_use]
    pub fn by(self, rule: impl Into<String>) -> Self {
        Self { rule: Some(rule.into()), ..self }
    }

    /// The same, saying what would be allowed.
    #[must_use]
    pub fn allowing<T: ToString>(self, allowed: impl IntoIterator<Item = T>) -> Self {
        Self { allowed: allowed.into_iter().map(|one| one.to_string()).collect(), ..self }
    }

    /// The same, naming the facts that stand in the way.
    #[must_use]
    pub fn naming(self, facts: impl IntoIterator<Item = DependentFact>) -> Self {
        Self { facts: facts.into_iter().collect(), ..self }
    }

    /// The journey is not known, or is not one that the caller may know of: both read the same.
    pub fn journey_not_found() -> Self {
        Self::new(
            RefusalCode::JourneyNotFound,
            "no journey of this id is known: check the id, or receive its referral first",
        )
        .at("journey")
    }

    /// No contract of this code is open, or none that the caller may know of.
    pub fn contract_not_found() -> Self {
        Self::new(RefusalCode::ContractNotFound, "no contract of this code is open: check the code, or open it first")
            .at("contract")
    }

    /// A contract of this code is not for the caller to open, whether or not there is one.
    pub fn contract_of_others() -> Self {
        let message = "this token is for other contracts: ask for one that is for this contract too, or for all";
        Self::new(RefusalCode::ContractNotFound, message).at("code")
    }

    /// The subject is not known, or is not one that the caller may know of.
    pub fn subject_not_found() -> Self {
        Self::new(
            RefusalCode::SubjectNotFound,
            "no subject of this id is known: check the id, or register the subject with the referral",
        )
        .at("subject")
    }

    /// The worker is not known, or is not one that the caller may know of.
    pub fn worker_not_found() -> Self {
        Self::new(RefusalCode::WorkerNotFound, "no worker of this id is known: check the id, or add the worker first")
            .at("worker")
    }

    /// The sender's login is no worker's who is here.
    pub fn worker_unknown() -> Self {
        let message = "your login is not that of a worker who is here: ask a manager to add a worker with this login";
        Self::new(RefusalCode::WorkerUnknown, message)
    }

    /// The sender's token is for other areas.
    pub fn area_outside_scope<T: fmt::Display>(areas: impl IntoIterator<Item = T>) -> Self {
        let message = "your token is not for this area: use one of those allowed, or ask for another token";
        Self::new(RefusalCode::AreaOutsideScope, message).at("area").allowing(areas)
    }

    /// The team is not known, or is not one that the caller may know of.
    pub fn team_not_found() -> Self {
        Self::new(RefusalCode::TeamNotFound, "no team of this id is known: check the id, or set the team up first")
            .at("team")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_lists_every_code_in_order_with_cause_and_remedy() {
        let page = include_str!("../../../../docs/refusals.md");
        let rows: Vec<Vec<&str>> = page
            .lines()
            .filter(|line| line.starts_with("| `"))
            .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
            .collect();
        let listed: Vec<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
        let codes: Vec<&str> = RefusalCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(listed, codes);
        assert!(rows.iter().all(|row| row.len() == 3 && row.iter().all(|cell| !cell.is_empty())));
    }

    #[test]
    fn one_answer_tells_twenty_problems_at_most() {
        let twice = |count| told(vec![Refusal::new(RefusalCode::InvalidValue, "no"); count]);
        assert!(twice(20).iter().all(|refusal| refusal.code == RefusalCode::InvalidValue));
        let many = twice(2_001);
        assert_eq!((many.len(), many[19].code), (20, RefusalCode::MoreProblems));
        assert!(many[19].message.starts_with("1982 more"), "{}", many[19].message);
    }

    #[test]
    fn a_code_is_its_variant_in_capitals() {
        for code in RefusalCode::ALL {
            let variant = format!("{code:?}").to_uppercase();
            assert_eq!(code.as_str().replace('_', ""), variant);
        }
    }
}
