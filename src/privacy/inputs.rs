//! What each field of the API's inputs says about people.
//!
//! A name means the same in every input; where it does not, the input is listed by itself, and its row counts. A new
//! field whose name is listed needs no row.

use throughline_domain::classified;
use throughline_domain::fact::privacy::Holder;

/// The names of fields, in every input that has them.
pub const EVERY_INPUT: &[Holder] = classified! {
    every_input:
        Operational [commandId, expectedVersion, dryRun, acceptWarnings, position, after, preparedAt, asOf, knownAt]
        Operational [knownOn, view, workers, upload, subscription, types, addKey, removeKey, keys, key, grant]
        Operational [issuedBefore, expiresOn, oldUntil, by, job, reveal, sha256]
        Open [contract, contracts, code, area, areas, profile, measure, month, year, factor, of, report, section]
        Open [startsOn, endsOn, rulebook, kpi, grade, notice, action, reference, batch, ofBatch, outcomes, vacancy]
        Open [issuer, system, source, organisation, streamKind, excess, team, covered, from, to, first, last, recency]
        Open [class]
        Case [occurredOn, precision, localTime, accepted, amount, attendance, basis, channel]
        Case [cohort, datedOn, decision, defect, destination, direction, domain, dueOn, employerRef, faceToFace]
        Case [ground, group, hoursPerWeek, instrument, kind, lastSeenOn, level, minutes, name, obtainedHow]
        Case [obtainedOn, purpose, receivedFrom, receivedTo, result, role, scheduledOn, score, stage, state]
        Case [subjectKind, time, twoWay, unassigned, unit, until, value, with, reason]
        Pseudonym [journey, journeys, subject, appointment, task, spell, risk, evidence, supports, hold, claim, claims]
        Pseudonym [adjustment, adjustments, proposal, target, targets, stream, other, id, referenceBegins]
        Pseudonym [offer, person, record]
        Staff [worker, keyworker, owner, login, label, absent, cover, members, left, lastDay, wte]
        Remark [remark, text, service]
        Identity [birthDate, telephone, email, nino, nhsNumber, upn]
        Special [note, actions, needs]
        Secret [url];
};

/// Inputs in which a name means something else.
pub const INPUTS: &[Holder] = classified! {
    NamesInput: Identity [given, family, other];
    PersonSearch: Identity [name, identifier];
    AddressInput: Identity [lines, postcode, uprn];
    LinkSubjectsInput: Pseudonym [with] Remark [reason];
    UnlinkSubjectsInput: Pseudonym [with] Remark [reason];
    DismissDuplicateInput: Remark [reason];
    RevealIdentityInput: Operational [minutes] Remark [reason];
    MonthTargetInput: Open [target];
    YearTargetInput: Open [target];
    OpenContractInput: Open [name];
    OpeningPatch: Open [name];
    VaryContractInput: Open [name] Remark [reason];
    VariationPatch: Open [name] Remark [reason];
    PartyInput: Open [name, role];
    PeriodInput: Open [kind];
    IssueNoticeInput: Open [kind] Remark [reason];
    NoticePatch: Open [kind] Remark [reason];
    AssessKpiInput: Open [value] Remark [reason];
    KpiPatch: Open [value] Remark [reason];
    AgreeActionInput: Open [owner];
    ActionPatch: Open [owner];
    SetTeamInput: Open [label];
    TeamPatch: Open [label];
    IssueApiKeyInput: Open [label];
    OpenVacancyInput: Open [role, wte];
    VacancyPatch: Open [role, wte];
    GrantRoleInput: Staff [role, until];
    RevokeRoleInput: Remark [reason];
    RevokeSessionsInput: Remark [reason];
    RevokeApiKeyInput: Remark [reason];
    RecordAbsenceInput: Staff [kind, backOn];
    AbsencePatch: Staff [kind, backOn];
    StartCoverInput: Staff [by, until];
    CoverPatch: Staff [by, until];
    CancelAppointmentInput: Case [by];
    AppointmentCancelPatch: Case [by];
    SetCapacityInput: Staff [casesPerWte];
    CapacityPatch: Staff [casesPerWte];
    RetryParkedInput: Operational [kind];
    CreateSubscriptionInput: Operational [identity];
    ChangeSubscriptionInput: Operational [state];
    JourneyOrder: Operational [direction];
    CorrectFactInput: Remark [reason];
    RetractFactInput: Remark [reason];
    ReopenJourneyInput: Remark [reason];
    ReopeningPatch: Remark [reason];
    PlaceHoldInput: Remark [reason];
    LiftHoldInput: Remark [reason];
    HoldPatch: Remark [reason];
    HoldLiftPatch: Remark [reason];
    EndContractInput: Remark [reason];
    EndPatch: Remark [reason];
    WithdrawClaimInput: Remark [reason];
    RaiseAdjustmentInput: Remark [reason];
    DismissDoubleFundingInput: Remark [reason];
    DismissalPatch: Remark [reason];
};
