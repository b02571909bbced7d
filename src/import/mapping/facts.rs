//! The facts that a mapping may state, with the fields of each.

use throughline_domain::fact::envelope::StreamKind;
use throughline_domain::fact::event::EventType;

/// A type of fact.
#[derive(Debug)]
pub(crate) struct FactKind {
    /// The name in mappings.
    pub(crate) name: &'static str,
    /// The type of its event.
    pub(crate) event: EventType,
    /// The kind of its stream.
    pub(super) stream: StreamKind,
    /// Its fields.
    pub(super) fields: &'static [Field],
}

/// A field of a fact.
#[derive(Debug)]
pub(crate) struct Field {
    /// The name in mappings.
    pub(super) name: &'static str,
    /// The place in the payload.
    pub(super) path: &'static str,
    pub(super) kind: FieldKind,
    pub(super) is_needed: bool,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldKind {
    /// A code or short text.
    Text,
    /// The role of a worker. Every spelling of keyworker is one.
    Role,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A decimal number.
    Number,
    /// A whole number.
    Whole,
    /// Yes or no.
    Flag,
    /// A date.
    Date,
    /// A time of day.
    Time,
    /// The number of a worker in the source.
    Worker,
    /// The number of a spell, task, risk or appointment in the source. Default: the id of the record.
    Item,
    /// The number of a subject in the source. Default: the number of the case.
    Subject,
    /// Named values.
    Attributes,
    /// Named numbers.
    Numbers,
    /// Named yes or no.
    Flags,
}

const fn needed(name: &'static str, kind: FieldKind) -> Field {
    Field { name, path: name, kind, is_needed: true }
}

const fn may(name: &'static str, kind: FieldKind) -> Field {
    Field { name, path: name, kind, is_needed: false }
}

const fn within(name: &'static str, path: &'static str, kind: FieldKind) -> Field {
    Field { name, path, kind, is_needed: false }
}

const fn of_case(name: &'static str, event: EventType, fields: &'static [Field]) -> FactKind {
    FactKind { name, event, stream: StreamKind::Journey, fields }
}

const fn of_worker(name: &'static str, event: EventType, fields: &'static [Field]) -> FactKind {
    FactKind { name, event, stream: StreamKind::Worker, fields }
}

const fn of_offer(name: &'static str, event: EventType, fields: &'static [Field]) -> FactKind {
    FactKind { name, event, stream: StreamKind::Offer, fields }
}

use FieldKind::{Attributes, Date, Flag, Flags, Item, Number, Numbers, Role, Subject, Text, Time, Whole, Word, Worker};

const REASON: Field = needed("reason", Text);
const WITH: FieldKind = Word(&["client", "family", "carer", "professional", "employer", "landlord"]);
const ATTENDANCE: FieldKind =
    Word(&["attended", "did_not_attend", "cancelled_by_client", "cancelled_by_service", "not_offered", "none"]);

/// Every fact that a mapping may state.
pub(super) static FACTS: &[FactKind] = &[
    of_case(
        "referral_received",
        EventType::ReferralReceived,
        &[
            may("area", Text),
            may("cohort", Text),
            may("subject", Subject),
            within("referrer_organisation", "referrer.organisation", Text),
            within("referrer_kind", "referrer.kind", Text),
        ],
    ),
    of_case("referral_accepted", EventType::ReferralAccepted, &[]),
    of_case("referral_declined", EventType::ReferralDeclined, &[REASON]),
    of_case("referral_withdrawn", EventType::ReferralWithdrawn, &[REASON]),
    of_case(
        "eligibility_assessed",
        EventType::EligibilityAssessed,
        &[needed("result", Word(&["eligible", "not_eligible"])), may("criteria", Flags), may("facts", Attributes)],
    ),
    of_case(
        "worker_assigned",
        EventType::WorkerAssigned,
        &[needed("worker", Worker), needed("role", Role), may("until", Date)],
    ),
    of_case("worker_released", EventType::WorkerReleased, &[needed("worker", Worker), needed("role", Role)]),
    of_case(
        "appointment_booked",
        EventType::AppointmentBooked,
        &[
            may("appointment", Item),
            needed("scheduled_on", Date),
            within("scheduled_time", "time", Time),
            needed("channel", Text),
            may("worker", Worker),
        ],
    ),
    of_case(
        "contact_logged",
        EventType::ContactLogged,
        &[
            within("appointment", "appointment", Item),
            needed("channel", Text),
            may("direction", Word(&["outgoing", "incoming"])),
            needed("with", WITH),
            needed("attendance", ATTENDANCE),
            may("face_to_face", Flag),
            may("two_way", Flag),
            may("group", Flag),
            may("minutes", Whole),
            may("scheduled_on", Date),
            may("worker", Worker),
        ],
    ),
    of_case("engagement_started", EventType::EngagementStarted, &[needed("basis", Text)]),
    of_case("plan_agreed", EventType::PlanAgreed, &[needed("kind", Text)]),
    of_case("plan_reviewed", EventType::PlanReviewed, &[needed("kind", Text)]),
    of_case("plan_closed", EventType::PlanClosed, &[needed("kind", Text), may("reason", Text)]),
    of_case(
        "task_set",
        EventType::TaskSet,
        &[may("task", Item), needed("kind", Text), needed("due_on", Date), may("owner", Worker)],
    ),
    of_case("task_done", EventType::TaskDone, &[may("task", Item)]),
    of_case(
        "assessment_scored",
        EventType::AssessmentScored,
        &[needed("instrument", Text), needed("score", Number), may("items", Numbers)],
    ),
    of_case(
        "spell_started",
        EventType::SpellStarted,
        &[
            may("spell", Item),
            needed("domain", Text),
            may("employer_ref", Text),
            may("hours_per_week", Number),
            may("attributes", Attributes),
        ],
    ),
    of_case(
        "spell_changed",
        EventType::SpellChanged,
        &[may("spell", Item), may("hours_per_week", Number), may("attributes", Attributes)],
    ),
    of_case("spell_ended", EventType::SpellEnded, &[may("spell", Item), may("reason", Text)]),
    of_case(
        "measure_recorded",
        EventType::MeasureRecorded,
        &[
            needed("code", Text),
            needed("value", Number),
            may("unit", Text),
            within("period_first", "period.first", Date),
            within("period_last", "period.last", Date),
        ],
    ),
    of_case("achievement_recorded", EventType::AchievementRecorded, &[needed("code", Text), may("level", Text)]),
    of_case("risk_raised", EventType::RiskRaised, &[may("risk", Item), needed("kind", Text)]),
    of_case("risk_cleared", EventType::RiskCleared, &[may("risk", Item)]),
    of_case("disengaged", EventType::Disengaged, &[REASON, may("last_seen_on", Date)]),
    of_case("journey_closed", EventType::JourneyClosed, &[REASON, may("destination", Text)]),
    of_case("journey_reopened", EventType::JourneyReopened, &[REASON]),
    of_case("journey_transferred", EventType::JourneyTransferred, &[REASON, needed("destination", Text)]),
    of_worker("worker_joined", EventType::WorkerJoined, &[needed("label", Text), may("login", Text)]),
    of_worker("worker_left", EventType::WorkerLeft, &[]),
    of_worker("wte_set", EventType::WteSet, &[needed("wte", Number)]),
    of_worker("absence_recorded", EventType::AbsenceRecorded, &[needed("kind", Text), may("back_on", Date)]),
    of_offer(
        "referral_offered",
        EventType::ReferralOffered,
        &[
            may("area", Text),
            may("cohort", Text),
            may("service", Text),
            within("referrer_organisation", "referrer.organisation", Text),
            within("referrer_kind", "referrer.kind", Text),
        ],
    ),
];

impl FactKind {
    /// The fact with this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        FACTS.iter().find(|kind| kind.name == name)
    }

    /// The field with this name.
    pub(super) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Field {
    /// Whether a record gives this field a value where the mapping does not: the number of its own item.
    pub(super) fn follows_the_record(&self, of: EventType) -> bool {
        match self.kind {
            FieldKind::Item => of != EventType::ContactLogged,
            FieldKind::Subject => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_of_a_mapping_is_named_like_its_event() {
        for kind in FACTS {
            assert_eq!(kind.name, kind.event.snake_case());
            assert!(kind.event.stream_kinds().contains(&kind.stream), "{}", kind.name);
        }
    }
}
