//! Refusals: why a command is not accepted, and what to do next.
//!
//! A refusal is an expected answer and is returned as data. Its code is stable and its message is for people. A refusal
//! never repeats text that looks like personal data. `docs/refusals.md` lists every code with its cause and remedy.

use std::fmt;

use crate::fact::envelope::{EventId, Occurred};
use crate::fact::event::EventType;
use crate::fact::path::Path;

/// Declares the closed list of codes: the variant and its stable spelling.
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
    /// No open contract has this code.
    ContractNotFound => "CONTRACT_NOT_FOUND";
    /// No case has this id.
    JourneyNotFound => "JOURNEY_NOT_FOUND";
    /// No subject has this id.
    SubjectNotFound => "SUBJECT_NOT_FOUND";
    /// No worker has this id.
    WorkerNotFound => "WORKER_NOT_FOUND";
    /// The sender is a keyworker, and no current worker has the sender's login.
    WorkerUnknown => "WORKER_UNKNOWN";
    /// The sender's role does not give notices of this kind.
    KindOfAnotherRole => "KIND_OF_ANOTHER_ROLE";
    /// The rulebook has no indicator of this code.
    UnknownIndicator => "UNKNOWN_INDICATOR";
    /// The rulebook gives the value a different grade.
    OtherGrade => "OTHER_GRADE";
    /// The sender's token covers other service areas.
    AreaOutsideScope => "AREA_OUTSIDE_SCOPE";
    /// No team has this id, or the event that created it was retracted.
    TeamNotFound => "TEAM_NOT_FOUND";
    /// The stream has no event with this id.
    FactNotFound => "FACT_NOT_FOUND";
    /// A contract with this code is already open.
    ContractExists => "CONTRACT_EXISTS";
    /// A subject with this id is already registered.
    SubjectExists => "SUBJECT_EXISTS";
    /// A worker with this id has already joined.
    WorkerExists => "WORKER_EXISTS";
    /// A worker who has not left already signs in with this login.
    LoginTaken => "LOGIN_TAKEN";
    /// A required value is empty or missing.
    MissingValue => "MISSING_VALUE";
    /// The value is not valid.
    InvalidValue => "INVALID_VALUE";
    /// A text, number or list is too long.
    InputTooLong => "INPUT_TOO_LONG";
    /// The rulebook does not list this code.
    UnknownCode => "UNKNOWN_CODE";
    /// The text looks like personal data, and this field is stored unsealed.
    PersonalData => "PERSONAL_DATA";
    /// The key store is away, so texts about people cannot be sealed.
    KeysAway => "KEYS_AWAY";
    /// The keys of this person were destroyed, so nothing more can be sealed for them.
    SubjectErased => "SUBJECT_ERASED";
    /// The command has more problems than one answer lists.
    MoreProblems => "MORE_PROBLEMS";
    /// The fact is dated after today.
    DatedInFuture => "DATED_IN_FUTURE";
    /// The referral is dated before the contract starts.
    ContractNotStarted => "CONTRACT_NOT_STARTED";
    /// The fact is dated in a closed period.
    PeriodClosed => "PERIOD_CLOSED";
    /// The worker has facts dated after the day they leave.
    WorkerHasLaterFacts => "WORKER_HAS_LATER_FACTS";
    /// Closing the case would leave tasks open.
    TasksOpen => "TASKS_OPEN";
    /// The evidence supports nothing that an outcome requires evidence for.
    EvidenceSupportsNothing => "EVIDENCE_SUPPORTS_NOTHING";
    /// The evidence has no digest, and every outcome for its kind requires one.
    EvidenceWithoutDigest => "EVIDENCE_WITHOUT_DIGEST";
    /// Closing the case would leave appointments open.
    AppointmentsOpen => "APPOINTMENTS_OPEN";
    /// The appointment or task is planned after the close, on the day of the close.
    PlannedAfterClose => "PLANNED_AFTER_CLOSE";
    /// The contact was missed, but is also recorded as two-way or face to face.
    ContactContradictory => "CONTACT_CONTRADICTORY";
    /// The contact is dated before the day of the appointment that it says was kept or missed.
    BeforeAppointment => "BEFORE_APPOINTMENT";
    /// The named worker cannot see the case.
    WorkerDoesNotSeeCase => "WORKER_DOES_NOT_SEE_CASE";
    /// The worker would hold more open cases than their slots or the contract allow.
    CaseloadLimit => "CASELOAD_LIMIT";
    /// The fact is dated long before the referral.
    LongBeforeReferral => "LONG_BEFORE_REFERRAL";
    /// The same fact is already recorded for that day.
    RecordedAlready => "RECORDED_ALREADY";
    /// An open case already has this case number of another system.
    CaseAlreadyOpen => "CASE_ALREADY_OPEN";
    /// The case already has a referral.
    AlreadyReferred => "ALREADY_REFERRED";
    /// The case has no referral in force: it was retracted.
    NotReferred => "NOT_REFERRED";
    /// The fact is dated before the referral.
    BeforeReferral => "BEFORE_REFERRAL";
    /// The referral was already accepted.
    AlreadyAccepted => "ALREADY_ACCEPTED";
    /// The referral was declined. No fact may follow.
    ReferralDeclined => "REFERRAL_DECLINED";
    /// The referral was withdrawn. No fact may follow.
    ReferralWithdrawn => "REFERRAL_WITHDRAWN";
    /// The case is already closed.
    AlreadyClosed => "ALREADY_CLOSED";
    /// The case is not closed on that day, so it cannot be reopened.
    NotClosed => "NOT_CLOSED";
    /// The fact is dated while the case was closed.
    JourneyClosed => "JOURNEY_CLOSED";
    /// The worker already holds the case in this role.
    AlreadyAssigned => "ALREADY_ASSIGNED";
    /// The worker does not hold the case in this role on that day.
    NotAssigned => "NOT_ASSIGNED";
    /// No plan of this kind is open on that day.
    PlanNotFound => "PLAN_NOT_FOUND";
    /// The case already has a spell with this id.
    SpellExists => "SPELL_EXISTS";
    /// The case has no spell with this id.
    SpellNotFound => "SPELL_NOT_FOUND";
    /// The spell has already ended.
    SpellAlreadyEnded => "SPELL_ALREADY_ENDED";
    /// The change is dated outside the spell.
    OutsideSpell => "OUTSIDE_SPELL";
    /// The case already has an appointment with this id.
    AppointmentExists => "APPOINTMENT_EXISTS";
    /// The case has no appointment with this id.
    AppointmentNotFound => "APPOINTMENT_NOT_FOUND";
    /// The appointment was already kept, missed or cancelled.
    AppointmentAlreadyOver => "APPOINTMENT_ALREADY_OVER";
    /// The case already has a task with this id.
    TaskExists => "TASK_EXISTS";
    /// The case has no task with this id.
    TaskNotFound => "TASK_NOT_FOUND";
    /// The task was already done or cancelled.
    TaskAlreadyOver => "TASK_ALREADY_OVER";
    /// The case already has a risk with this id.
    RiskExists => "RISK_EXISTS";
    /// The case has no risk with this id.
    RiskNotFound => "RISK_NOT_FOUND";
    /// The risk was already cleared.
    RiskAlreadyCleared => "RISK_ALREADY_CLEARED";
    /// The spell, task or risk would end before it starts.
    EndedBeforeStart => "ENDED_BEFORE_START";
    /// The case already has evidence with this id.
    EvidenceExists => "EVIDENCE_EXISTS";
    /// The case has no evidence with this id.
    EvidenceNotFound => "EVIDENCE_NOT_FOUND";
    /// The evidence was already verified.
    EvidenceAlreadyVerified => "EVIDENCE_ALREADY_VERIFIED";
    /// The evidence was withdrawn or rejected.
    EvidenceNoLongerCounts => "EVIDENCE_NO_LONGER_COUNTS";
    /// The evidence would be verified, rejected or withdrawn before it was attached.
    BeforeAttached => "BEFORE_ATTACHED";
    /// No upload of the sender has this id, or it belongs to another case.
    UploadNotFound => "UPLOAD_NOT_FOUND";
    /// The upload is not complete.
    UploadNotComplete => "UPLOAD_NOT_COMPLETE";
    /// The digest is not that of the uploaded file.
    DigestDiffers => "DIGEST_DIFFERS";
    /// The evidence names something that is not a fact or spell of the case.
    SupportNotFound => "SUPPORT_NOT_FOUND";
    /// Another record looks like the same person.
    PossibleDuplicate => "POSSIBLE_DUPLICATE";
    /// A subject cannot be linked with itself, and is no duplicate of itself.
    SameSubject => "SAME_SUBJECT";
    /// The two subjects are of different kinds.
    OtherKind => "OTHER_KIND";
    /// The two subjects are already linked.
    AlreadyLinked => "ALREADY_LINKED";
    /// The two subjects are not linked on that day.
    NotLinked => "NOT_LINKED";
    /// The subject has already consented to this purpose.
    AlreadyConsented => "ALREADY_CONSENTED";
    /// The subject has no consent to this purpose on that day.
    NotConsented => "NOT_CONSENTED";
    /// The subject already has a legal hold with this id.
    HoldExists => "HOLD_EXISTS";
    /// The subject has no legal hold with this id.
    HoldNotFound => "HOLD_NOT_FOUND";
    /// The legal hold was already lifted.
    HoldAlreadyLifted => "HOLD_ALREADY_LIFTED";
    /// The subject is under a legal hold, so nothing can be erased.
    LegalHold => "LEGAL_HOLD";
    /// The subject already has a reveal with this id.
    RevealExists => "REVEAL_EXISTS";
    /// The subject has no reveal with this id that the sender may end.
    RevealNotFound => "REVEAL_NOT_FOUND";
    /// The reveal was already ended.
    RevealAlreadyEnded => "REVEAL_ALREADY_ENDED";
    /// The erasure was already proposed for this reason.
    ErasureAlreadyProposed => "ERASURE_ALREADY_PROPOSED";
    /// The named event did not propose an erasure.
    ErasureNotProposed => "ERASURE_NOT_PROPOSED";
    /// An erasure was already approved.
    ErasureAlreadyApproved => "ERASURE_ALREADY_APPROVED";
    /// This step needs a second person, and the sender also did the first step.
    SamePerson => "SAME_PERSON";
    /// The fact is dated before the worker joined.
    BeforeJoining => "BEFORE_JOINING";
    /// The worker has left by that day.
    WorkerLeft => "WORKER_LEFT";
    /// The fact is dated before the team was set up.
    BeforeTeam => "BEFORE_TEAM";
    /// The worker has not been a member of the team by that day.
    NotAMember => "NOT_A_MEMBER";
    /// The team already has a vacancy with this id.
    VacancyExists => "VACANCY_EXISTS";
    /// The team has no vacancy with this id.
    VacancyNotFound => "VACANCY_NOT_FOUND";
    /// The vacancy was already filled.
    VacancyAlreadyFilled => "VACANCY_ALREADY_FILLED";
    /// A worker cannot cover for themselves.
    CoverOfOneself => "COVER_OF_ONESELF";
    /// The team already has a cover with this id.
    CoverExists => "COVER_EXISTS";
    /// The team has no cover with this id.
    CoverNotFound => "COVER_NOT_FOUND";
    /// The cover has already ended.
    CoverAlreadyEnded => "COVER_ALREADY_ENDED";
    /// The stream has no grant with this id.
    GrantNotFound => "GRANT_NOT_FOUND";
    /// A grant with this id was already recorded.
    GrantExists => "GRANT_EXISTS";
    /// The grant was already revoked.
    GrantAlreadyRevoked => "GRANT_ALREADY_REVOKED";
    /// The login already has a role.
    RoleAlreadyGranted => "ROLE_ALREADY_GRANTED";
    /// Nobody grants a role to themselves.
    OwnRole => "OWN_ROLE";
    /// No key for a machine has this id.
    ApiKeyNotFound => "API_KEY_NOT_FOUND";
    /// A key with this id was already issued.
    ApiKeyExists => "API_KEY_EXISTS";
    /// The key was already revoked.
    ApiKeyAlreadyRevoked => "API_KEY_ALREADY_REVOKED";
    /// A key with this label is in use.
    LabelTaken => "LABEL_TAKEN";
    /// No offered referral has this id.
    OfferNotFound => "OFFER_NOT_FOUND";
    /// The offered referral was already decided or withdrawn.
    OfferAlreadyDecided => "OFFER_ALREADY_DECIDED";
    /// No source with this name was registered.
    SourceNotFound => "SOURCE_NOT_FOUND";
    /// The contract has ended by that day.
    ContractEnded => "CONTRACT_ENDED";
    /// The period was already closed.
    PeriodAlreadyClosed => "PERIOD_ALREADY_CLOSED";
    /// The contract already has a notice with this id.
    NoticeExists => "NOTICE_EXISTS";
    /// The contract has no notice with this id by that day.
    NoticeNotFound => "NOTICE_NOT_FOUND";
    /// The contract already has an action with this id.
    ActionExists => "ACTION_EXISTS";
    /// The contract has no action with this id.
    ActionNotFound => "ACTION_NOT_FOUND";
    /// The action was already completed.
    ActionAlreadyCompleted => "ACTION_ALREADY_COMPLETED";
    /// This double funding, or this pair of records, was already dismissed.
    AlreadyDismissed => "ALREADY_DISMISSED";
    /// No batch has this id.
    BatchNotFound => "BATCH_NOT_FOUND";
    /// A batch with this id was already opened.
    BatchExists => "BATCH_EXISTS";
    /// The claims of the batch were already submitted.
    BatchAlreadySubmitted => "BATCH_ALREADY_SUBMITTED";
    /// The claims of the batch have not been submitted yet.
    BatchNotSubmitted => "BATCH_NOT_SUBMITTED";
    /// The batch has no line for this claim.
    ClaimNotFound => "CLAIM_NOT_FOUND";
    /// The claim is not claimable.
    ClaimNotClaimable => "CLAIM_NOT_CLAIMABLE";
    /// The claim does not match the selection that the batch was opened for.
    ClaimOutsideBatch => "CLAIM_OUTSIDE_BATCH";
    /// The claim is in another batch.
    ClaimInBatch => "CLAIM_IN_BATCH";
    /// An earlier decision on the claim rules this step out.
    ClaimAlreadyDecided => "CLAIM_ALREADY_DECIDED";
    /// The claim is not accepted.
    ClaimNotAccepted => "CLAIM_NOT_ACCEPTED";
    /// The claim has no attempts left after its rejections.
    NoAttemptsLeft => "NO_ATTEMPTS_LEFT";
    /// A case, batch or link that the claims depend on has changed since the claims were read.
    StaleClaims => "STALE_CLAIMS";
    /// The claims have not been computed yet under a newly published rulebook.
    RulebookNotReady => "RULEBOOK_NOT_READY";
    /// The batch already has an adjustment with this id.
    AdjustmentExists => "ADJUSTMENT_EXISTS";
    /// The batch has no unsettled adjustment with this id.
    AdjustmentNotFound => "ADJUSTMENT_NOT_FOUND";
    /// The adjustment takes back more than there is.
    AdjustmentTooLarge => "ADJUSTMENT_TOO_LARGE";
    /// The adjustment would make more due for the claim than its facts and rules allow.
    BeyondPrice => "BEYOND_PRICE";
    /// The adjustment would make more due than a cap has left.
    BeyondCap => "BEYOND_CAP";
    /// The payment is higher than the amount due for the claim.
    PaymentBeyondDue => "PAYMENT_BEYOND_DUE";
    /// The same payment was recorded before.
    PaymentRepeated => "PAYMENT_REPEATED";
    /// Another contract claims for the same person and the same days.
    DoubleFunding => "DOUBLE_FUNDING";
    /// The change would make recorded facts invalid.
    FactHasDependents => "FACT_HAS_DEPENDENTS";
    /// Events of this type cannot be corrected or retracted.
    NotCorrectable => "NOT_CORRECTABLE";
    /// The fact was already retracted.
    AlreadyRetracted => "ALREADY_RETRACTED";
    /// The replacement is a fact of another type.
    OtherType => "OTHER_TYPE";
    /// The field cannot be changed by a correction.
    FixedField => "FIXED_FIELD";
    /// The correction changes nothing.
    NothingToCorrect => "NOTHING_TO_CORRECT";
    /// The text of the rulebook has errors.
    InvalidRulebook => "INVALID_RULEBOOK";
    /// The rulebook names a different contract.
    RulebookOfOtherContract => "RULEBOOK_OF_OTHER_CONTRACT";
    /// A rulebook with this exact content is already published.
    RulebookAlreadyPublished => "RULEBOOK_ALREADY_PUBLISHED";
    /// A rulebook version with this name is already published.
    RulebookVersionTaken => "RULEBOOK_VERSION_TAKEN";
    /// The version would change the contract's time zone.
    RulebookZoneChanged => "RULEBOOK_ZONE_CHANGED";
    /// A view is being built, or made live, at this moment, by this server or another one.
    ViewBeingBuilt => "VIEW_BEING_BUILT";
    /// This server is not building a view.
    NoRebuild => "NO_REBUILD";
    /// There is no earlier view to go back to.
    NoPreviousView => "NO_PREVIOUS_VIEW";
    /// No subscription has this id.
    SubscriptionNotFound => "SUBSCRIPTION_NOT_FOUND";
    /// The subscription was ended.
    SubscriptionEnded => "SUBSCRIPTION_ENDED";
    /// The contract has as many subscriptions as it may.
    SubscriptionLimit => "SUBSCRIPTION_LIMIT";
    /// Webhooks may not be sent to this address.
    AddressNotAllowed => "ADDRESS_NOT_ALLOWED";
    /// The subscription has no key with this id.
    KeyNotFound => "KEY_NOT_FOUND";
    /// The subscription would be left without a key.
    LastKey => "LAST_KEY";
    /// No import has this id.
    ImportNotFound => "IMPORT_NOT_FOUND";
    /// The import has already ended.
    ImportEnded => "IMPORT_ENDED";
    /// Several cases have the case number of another system.
    ReferenceAmbiguous => "REFERENCE_AMBIGUOUS";
    /// The fact was corrected here since another system stated it, and that system now states something else.
    CorrectedHere => "CORRECTED_HERE";
}

impl RefusalCode {
    /// The codes that are warnings. A command may accept them in advance.
    pub const WARNINGS: &'static [Self] = &[
        Self::ContractNotStarted,
        Self::PeriodClosed,
        Self::WorkerHasLaterFacts,
        Self::TasksOpen,
        Self::EvidenceSupportsNothing,
        Self::EvidenceWithoutDigest,
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
        Self::CaseloadLimit,
        Self::LongBeforeReferral,
        Self::RecordedAlready,
        Self::CaseAlreadyOpen,
        Self::PossibleDuplicate,
        Self::CorrectedHere,
    ];
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The most refusals in one answer.
const REFUSALS_MAX: usize = 20;

/// Limits the refusals of one answer. Where there are more, the last one says how many were left out.
pub fn limited(mut refusals: Vec<Refusal>) -> Vec<Refusal> {
    if refusals.len() > REFUSALS_MAX {
        let more = refusals.split_off(REFUSALS_MAX - 1).len();
        let message = format!("{more} more problems were found: fix these first");
        refusals.push(Refusal::new(RefusalCode::MoreProblems, message));
    }
    refusals
}

/// A recorded fact that a refusal names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DependentFact {
    /// The original event of the fact.
    pub event_id: EventId,
    /// The type of the event.
    pub event_type: EventType,
    /// The date of the fact, with corrections applied.
    pub occurred: Occurred,
}

/// How serious a refusal is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Severity {
    /// The command cannot be accepted.
    #[default]
    Error,
    /// The sender should check again. The command is accepted once its sender accepts the warning by its code.
    Warning,
}

/// Why a command is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// The stable code.
    pub code: RefusalCode,
    /// How serious the refusal is.
    pub severity: Severity,
    /// What is wrong and what to do next. Lower case, no full stop.
    pub message: String,
    /// The field that the refusal is about, named as in the payload.
    pub path: Option<Path>,
    /// The rule that the command breaks: a short sentence, or a key of the rulebook such as `codes.contact_channels`.
    pub rule: Option<String>,
    /// The values that would be allowed, if they can be listed.
    pub allowed: Vec<String>,
    /// The recorded facts that conflict with the command.
    pub facts: Vec<DependentFact>,
}

impl Refusal {
    /// Makes a refusal with this code and message.
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

    /// Returns this refusal as the only one of an answer.
    pub fn alone(self) -> Vec<Self> {
        vec![self]
    }

    /// Turns the refusal into a warning, which the sender may accept.
    #[must_use]
    pub fn as_warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    /// Sets the field of the input that the refusal is about.
    #[must_use]
    pub fn at(self, path: impl Into<Path>) -> Self {
        Self { path: Some(path.into()), ..self }
    }

    /// Sets the rule.
    #[must_use]
    pub fn by(self, rule: impl Into<String>) -> Self {
        Self { rule: Some(rule.into()), ..self }
    }

    /// Sets the values that would be allowed.
    #[must_use]
    pub fn allowing<T: ToString>(self, allowed: impl IntoIterator<Item = T>) -> Self {
        Self { allowed: allowed.into_iter().map(|one| one.to_string()).collect(), ..self }
    }

    /// Sets the recorded facts that conflict with the command.
    #[must_use]
    pub fn naming(self, facts: impl IntoIterator<Item = DependentFact>) -> Self {
        Self { facts: facts.into_iter().collect(), ..self }
    }

    /// The case does not exist, or the caller may not know of it. The message is the same for both.
    pub fn journey_not_found() -> Self {
        Self::new(
            RefusalCode::JourneyNotFound,
            "there is no case with this id: check the id, or record its referral first",
        )
        .at("journey")
    }

    /// No open contract has this code, or the caller may not know of it.
    pub fn contract_not_found() -> Self {
        Self::new(
            RefusalCode::ContractNotFound,
            "there is no open contract with this code: check the code, or open it first",
        )
        .at("contract")
    }

    /// The caller may not open a contract with this code, whether or not it exists.
    pub fn contract_of_others() -> Self {
        let message =
            "your token does not cover this contract: ask for a token that covers it, or covers all contracts";
        Self::new(RefusalCode::ContractNotFound, message).at("code")
    }

    /// The subject does not exist, or the caller may not know of it.
    pub fn subject_not_found() -> Self {
        Self::new(
            RefusalCode::SubjectNotFound,
            "there is no subject with this id: check the id, or refer a new person without it",
        )
        .at("subject")
    }

    /// The worker does not exist, or the caller may not know of them.
    pub fn worker_not_found() -> Self {
        Self::new(RefusalCode::WorkerNotFound, "there is no worker with this id: check the id, or add the worker first")
            .at("worker")
    }

    /// No current worker has the sender's login.
    pub fn worker_unknown() -> Self {
        let message = "no current worker has your login: ask a manager to add a worker with this login";
        Self::new(RefusalCode::WorkerUnknown, message)
    }

    /// The sender's token covers other areas.
    pub fn area_outside_scope<T: fmt::Display>(areas: impl IntoIterator<Item = T>) -> Self {
        let message = "your token does not cover this area: use one of the allowed areas, or ask for another token";
        Self::new(RefusalCode::AreaOutsideScope, message).at("area").allowing(areas)
    }

    /// The team does not exist, or the caller may not know of it.
    pub fn team_not_found() -> Self {
        Self::new(RefusalCode::TeamNotFound, "there is no team with this id: check the id, or create the team first")
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
    fn one_answer_lists_twenty_problems_at_most() {
        let twice = |count| limited(vec![Refusal::new(RefusalCode::InvalidValue, "no"); count]);
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
