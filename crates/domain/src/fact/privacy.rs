//! What each field says about people: one class for each field, from open to secret.
//!
//! Pure. Nothing is hidden or opened here. A field without a class fails a test, and so does a class without a field.
//! A row for a new event is one line of [`EVENTS`].

/// How much a field says about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrivacyClass {
    /// About contracts, rules and organisations. About no person.
    Open,
    /// How the service works: positions, versions, digests, counters.
    Operational,
    /// What happened in a case, under the pseudonym of the case.
    Case,
    /// An id of a person, of a case or of something in a case; a case number of another system.
    Pseudonym,
    /// About people who work here or with the service: logins, labels, working hours, absences.
    Staff,
    /// A short text that people write and that is not sealed.
    Remark,
    /// Who a client is. Sealed.
    Identity,
    /// What is said about a client. Sealed.
    Special,
    /// What must never be shown: keys, and what confirms a guess.
    Secret,
}

impl PrivacyClass {
    /// Every class.
    pub const ALL: [Self; 9] = [
        Self::Open,
        Self::Operational,
        Self::Case,
        Self::Pseudonym,
        Self::Staff,
        Self::Remark,
        Self::Identity,
        Self::Special,
        Self::Secret,
    ];

    /// The class, as written on the privacy page.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Operational => "operational",
            Self::Case => "case",
            Self::Pseudonym => "pseudonym",
            Self::Staff => "staff",
            Self::Remark => "remark",
            Self::Identity => "identity",
            Self::Special => "special",
            Self::Secret => "secret",
        }
    }

    /// What the class holds, in words for a data protection officer.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Open => "Contracts, rules, targets, codes and organisations. Nothing of it is about a person.",
            Self::Operational => "How the service works: positions, versions, digests, counters, times of writing.",
            Self::Case => {
                "What happened in a case: dates, codes, scores, amounts. It is personal data, also of a special kind \
                 such as health, but it names nobody."
            }
            Self::Pseudonym => {
                "Ids of people, of cases and of things in a case, and case numbers of other systems. They point to a \
                 person for those who have the keys or the other system."
            }
            Self::Staff => {
                "People who work here, and partners who refer: logins, labels, working hours, absences, who holds \
                 which case, who opened what."
            }
            Self::Remark => {
                "Short texts that people write: reasons, commentary, remarks. They are not sealed. Nothing personal \
                 belongs there, and what looks like an identifier or a contact detail is refused."
            }
            Self::Identity => "Who a client is: names, birth date, contact details, identifiers. Sealed.",
            Self::Special => "What is said about a client: notes, agreed actions, needs, names of files. Sealed.",
            Self::Secret => "Keys, and digests that would confirm a guess. Never shown again.",
        }
    }

    /// Whether values of this class are stored only under a key of the client.
    pub const fn is_sealed(self) -> bool {
        matches!(self, Self::Identity | Self::Special)
    }
}

/// A field with its class.
pub type Field = (PrivacyClass, &'static str);

/// What holds fields: an event, an input of the API, or a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// Its name.
    pub name: &'static str,
    /// Its fields, each with its class. A dot leads into a part of a field.
    pub fields: &'static [Field],
}

/// Declares holders: the name, then for each class its fields in brackets.
#[macro_export]
macro_rules! classified {
    ($($holder:ident: $($class:ident [$($first:ident $(. $rest:ident)*),* $(,)?])*;)*) => {
        &[$($crate::fact::privacy::Holder {
            name: stringify!($holder),
            fields: &[$($((
                $crate::fact::privacy::PrivacyClass::$class,
                concat!(stringify!($first) $(, ".", stringify!($rest))*),
            ),)*)*],
        },)*]
    };
}

/// The fields of every record around its payload.
pub const RECORD: &[Holder] = classified! {
    record:
        Operational [position, version, schema_version, recorded_at, command_id, correlation_id, causation_id, event_id]
        Operational [source.file_digest, source.row]
        Open [type, contract, source.system, stream.kind]
        Case [occurred_on, precision, local_time]
        Pseudonym [stream.id, source.record_id]
        Staff [actor.subject, actor.role, actor.on_behalf_of]
        Secret [salt];
};

/// The fields of a sealed text. It stands wherever a field of a sealed class has a value.
pub const SEALED: &[Holder] = classified! {
    sealed:
        Operational [event, field, class, key, commitment]
        Pseudonym [subject]
        Special [sealed];
};

/// The fields of the payload of every event.
pub const EVENTS: &[Holder] = classified! {
    ReferralReceived: Pseudonym [subject, external_references.id] Case [area, cohort, referrer.kind]
        Open [referrer.organisation, external_references.system];
    ReferralAccepted: ;
    ReferralDeclined: Case [reason];
    ReferralWithdrawn: Case [reason];
    EligibilityAssessed: Case [result, criteria, facts];
    WorkerAssigned: Staff [worker] Case [role, until];
    WorkerReleased: Staff [worker] Case [role];
    AppointmentBooked: Pseudonym [appointment] Case [scheduled_on, time, channel] Staff [worker];
    AppointmentMoved: Pseudonym [appointment] Case [scheduled_on, time, channel] Staff [worker];
    AppointmentCancelled: Pseudonym [appointment] Case [by, reason];
    ContactLogged: Pseudonym [appointment] Staff [worker] Special [note]
        Case [channel, direction, with, attendance, face_to_face, two_way, group, minutes, scheduled_on];
    EngagementStarted: Case [basis];
    PlanAgreed: Case [kind] Special [actions, note];
    PlanReviewed: Case [kind] Special [actions, note];
    PlanClosed: Case [kind, reason] Special [note];
    TaskSet: Pseudonym [task] Case [kind, due_on] Staff [owner] Special [note];
    TaskDone: Pseudonym [task] Special [note];
    TaskCancelled: Pseudonym [task] Case [reason] Special [note];
    AssessmentScored: Case [instrument, items, score];
    SpellStarted: Pseudonym [spell] Case [domain, employer_ref, hours_per_week, attributes] Special [note];
    SpellChanged: Pseudonym [spell] Case [hours_per_week, attributes] Special [note];
    SpellEnded: Pseudonym [spell] Case [reason] Special [note];
    MeasureRecorded: Case [code, value, unit, period.first, period.last];
    AchievementRecorded: Case [code, level];
    RiskRaised: Pseudonym [risk] Case [kind];
    RiskCleared: Pseudonym [risk];
    EvidenceAttached: Pseudonym [evidence, supports] Case [kind, dated_on, obtained_on, obtained_how]
        Operational [sha256];
    EvidenceWithdrawn: Pseudonym [evidence] Case [reason];
    EvidenceVerified: Pseudonym [evidence];
    EvidenceRejected: Pseudonym [evidence] Case [defect];
    Disengaged: Case [reason, last_seen_on];
    JourneyClosed: Case [reason, destination];
    JourneyReopened: Remark [reason];
    JourneyTransferred: Case [reason, destination];
    FactCorrected: Pseudonym [target] Case [occurred_on, precision, local_time, payload] Operational [schema_version]
        Remark [reason];
    FactRetracted: Pseudonym [target] Remark [reason];
    SubjectRegistered: Case [kind];
    IdentitySealed: Identity [names, birth_date, telephone, email, address, nino, nhs_number, upn] Special [needs];
    IdentityRevealed: Operational [reveal, minutes] Open [contract] Remark [reason];
    RevealEnded: Operational [reveal];
    SubjectsLinked: Pseudonym [with] Remark [reason];
    SubjectsUnlinked: Pseudonym [with] Remark [reason];
    DuplicateDismissed: Pseudonym [other] Remark [reason];
    ConsentGiven: Case [purpose];
    ConsentWithdrawn: Case [purpose];
    LegalHoldPlaced: Pseudonym [hold] Remark [reason];
    LegalHoldLifted: Pseudonym [hold] Remark [reason];
    ErasureProposed: Case [ground];
    ErasureApproved: Pseudonym [proposal];
    SubjectErased: Case [ground] Pseudonym [approval];
    ContractOpened: Open [code, name, parties, starts_on, ends_on];
    ContractVaried: Open [name, parties, ends_on] Remark [reason];
    ContractEnded: Remark [reason];
    RulebookPublished: Open [content, hash];
    TargetsPublished: Open [profile, series.measure, series.area, series.cohort, series.months, series.years]
        Open [series.ratio.of, series.ratio.factor];
    CommentaryRecorded: Open [report, period.first, period.last, section] Remark [text];
    PeriodClosed: Open [period.first, period.last, documents.report] Operational [documents.digest]
        Case [documents.content];
    ReportSubmitted: Open [report, period.first, period.last];
    KpiAssessed: Open [kpi, period.first, period.last, value, grade] Remark [reason];
    NoticeIssued: Open [notice, kind, kpi] Remark [reason];
    ActionAgreed: Open [action, notice, owner, due_on] Remark [text];
    ActionCompleted: Open [action];
    DoubleFundingDismissed: Open [class] Pseudonym [journey, other] Remark [reason];
    BatchOpened: Open [reference, period.first, period.last]
        Open [claims.outcomes, claims.achieved.first, claims.achieved.last, claims.area, claims.cohort, claims.team]
        Staff [claims.keyworker];
    BatchSubmitted: Operational [prepared_at, lines.rulebook, lines.derivation] Open [currency]
        Pseudonym [lines.claim, lines.about] Case [lines.outcome, lines.repeat, lines.achieved_on, lines.amount];
    ClaimAccepted: Pseudonym [claim];
    ClaimQueried: Pseudonym [claim] Remark [remark];
    ClaimRejected: Pseudonym [claim] Case [defect] Remark [remark];
    ClaimResubmitted: Operational [prepared_at, line.rulebook, line.derivation] Pseudonym [line.claim, line.about]
        Case [line.outcome, line.repeat, line.achieved_on, line.amount];
    ClaimWithdrawn: Pseudonym [claim] Remark [reason];
    PaymentReceived: Open [reference, excess] Pseudonym [amounts.claim, adjustments] Case [amounts.amount];
    AdjustmentRaised: Pseudonym [adjustment, claim] Case [kind, amount, by_hand] Open [batch] Remark [reason];
    WorkerJoined: Staff [login, label];
    WorkerLeft: ;
    WteSet: Staff [wte];
    AbsenceRecorded: Staff [kind, back_on];
    TeamSet: Open [label] Staff [members];
    CapacitySet: Staff [cases_per_wte];
    VacancyOpened: Open [vacancy, role, wte];
    VacancyFilled: Open [vacancy] Staff [worker];
    CoverStarted: Staff [cover, absent, by, until];
    CoverEnded: Staff [cover];
    RoleGranted: Operational [grant] Staff [login, role, areas, until] Open [issuer, contracts];
    RoleRevoked: Operational [grant] Remark [reason];
    SessionsRevoked: Staff [login] Operational [issued_before] Remark [reason];
    ApiKeyIssued: Operational [key, expires_on, replaces, replaced_until] Open [label, contracts, areas]
        Secret [digest];
    ApiKeyRevoked: Operational [key] Remark [reason];
    ReferralOffered: Pseudonym [record, subject, external_references.id] Case [area, cohort, referrer.kind]
        Open [source, referrer.organisation, external_references.system] Staff [partner] Remark [service]
        Secret [identity_digest];
    OfferAccepted: Pseudonym [journey];
    OfferLinked: Pseudonym [subject, journey];
    OfferDeclined: Case [reason] Remark [remark];
    OfferWithdrawn: Case [reason];
    SourceRegistered: Open [system, contract, numbers, holds, leads] Operational [purge_most];
    ImportRun: Open [system, contract] Operational [mapping, files, started_at, finished_at, ended]
        Operational [counts.recorded, counts.corrected, counts.there, counts.refused, counts.unreadable]
        Operational [counts.missing, counts.retracted];
    RowMissing: Open [system, contract] Pseudonym [journey];
    RowReturned: Open [system, contract] Pseudonym [journey];
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::fact::event::EventType;

    #[test]
    fn every_type_of_event_is_listed_once_and_in_the_order_of_the_list_of_types() {
        let listed: Vec<&str> = EVENTS.iter().map(|holder| holder.name).collect();
        let known: Vec<&str> = EventType::ALL.iter().map(|of| of.as_str()).collect();
        assert_eq!(listed, known, "say in EVENTS what the fields of each event are");
    }

    #[test]
    fn no_field_has_two_classes() {
        for holder in RECORD.iter().chain(SEALED).chain(EVENTS) {
            let names: BTreeSet<&str> = holder.fields.iter().map(|(_, name)| *name).collect();
            assert_eq!(names.len(), holder.fields.len(), "{} names a field twice", holder.name);
        }
    }
}
