//! Checks the values of each fact of a case: codes by the rulebook of the fact's day, dates, lengths and numbers.
//!
//! Pure. It never reads another fact.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::{CODE_MAX, NAME_MAX, REASON_MAX, Rules, Validator};
use crate::contract::Contract;
use crate::contract::rulebook::CodeList;
use crate::fact::envelope::Occurred;
use crate::fact::event::{
    AppointmentMoved, AssessmentScored, Attendance, Attribute, ContactLogged, Disengaged, EligibilityAssessed, Event,
    EvidenceAttached, MeasureRecorded, Period, Quantity, ReferralReceived, Referrer, SpellChanged, SpellStarted,
    TaskSet,
};
use crate::fact::path::{Nth, Place, Under};
use crate::fact::sealed::CLEAR;

/// The most case numbers of other systems in one referral.
const REFERENCES_MAX: usize = 20;
/// The most attributes of one spell.
const ATTRIBUTES_MAX: usize = 32;
/// The most minutes of one contact: 24 hours.
const MINUTES_MAX: u32 = 24 * 60;
/// The most hours in a week.
const HOURS_MAX: i64 = 24 * 7;
/// The most decimal places of hours.
const HOURS_PLACES: u32 = 4;
/// The most digits that a number may have. JSON carries so many exactly.
const QUANTITY_DIGITS: u32 = 15;
/// The most items of one assessment.
const ITEMS_MAX: usize = 200;
/// The most events and spells that one piece of evidence supports.
const SUPPORTS_MAX: usize = 200;

impl Validator {
    /// Checks a fact of a case: its date and its payload.
    pub(crate) fn fact(&mut self, occurred: Occurred, event: &Event, contract: &Contract) {
        if may_lie_ahead(event) {
            self.date(occurred.earliest(), "occurred_on");
        } else {
            self.occurred(occurred);
        }
        let rules = Rules { contract, on: occurred.earliest() };
        match event {
            Event::ReferralReceived(referral) => self.referral(referral, rules),
            Event::ReferralDeclined(declined) => self.code("reason", &declined.reason, CodeList::CloseReasons, rules),
            Event::ReferralWithdrawn(taken) => self.code("reason", &taken.reason, CodeList::CloseReasons, rules),
            Event::EligibilityAssessed(assessed) => self.eligibility(assessed),
            Event::WorkerAssigned(assigned) => {
                self.word("role", &assigned.role);
                self.until(occurred, assigned.until);
            }
            Event::WorkerReleased(released) => self.word("role", &released.role),
            Event::AppointmentBooked(booked) => {
                self.scheduled(booked.scheduled_on, occurred);
                self.code("channel", &booked.channel, CodeList::ContactChannels, rules);
            }
            Event::AppointmentMoved(moved) => {
                let AppointmentMoved { scheduled_on, time, channel, worker, .. } = moved;
                if scheduled_on.is_none() && time.stays() && channel.is_none() && worker.stays() {
                    self.missing(
                        "scheduled_on",
                        "the change of the appointment changes nothing: give a new day, time, channel or worker",
                    );
                }
                if let Some(on) = moved.scheduled_on {
                    self.scheduled(on, occurred);
                }
                if let Some(channel) = &moved.channel {
                    self.code("channel", channel, CodeList::ContactChannels, rules);
                }
            }
            Event::AppointmentCancelled(cancelled) => self.optional("reason", cancelled.reason.as_deref()),
            Event::ContactLogged(logged) => self.contact(logged, rules),
            Event::EngagementStarted(started) => self.word("basis", &started.basis),
            Event::PlanAgreed(plan) => self.code("kind", &plan.kind, CodeList::PlanKinds, rules),
            // The kind is that of a plan that was agreed, so the rulebook of this day is not asked.
            Event::PlanReviewed(plan) => self.word("kind", &plan.kind),
            Event::PlanClosed(plan) => {
                self.word("kind", &plan.kind);
                self.optional("reason", plan.reason.as_deref());
            }
            Event::TaskSet(task) => self.task(task, occurred),
            Event::TaskCancelled(cancelled) => self.optional("reason", cancelled.reason.as_deref()),
            Event::AssessmentScored(scored) => self.assessment(scored),
            Event::SpellStarted(start) => self.spell(start, rules),
            Event::SpellChanged(change) => self.change_of_spell(change),
            Event::SpellEnded(end) => self.optional("reason", end.reason.as_deref()),
            Event::MeasureRecorded(measure) => self.measure(measure, rules),
            Event::AchievementRecorded(achievement) => {
                self.code("code", &achievement.code, CodeList::AchievementCodes, rules);
                self.optional_word("level", achievement.level.as_deref());
            }
            Event::RiskRaised(risk) => self.code("kind", &risk.kind, CodeList::RiskKinds, rules),
            Event::EvidenceAttached(piece) => self.evidence(piece, occurred, rules),
            Event::EvidenceWithdrawn(withdrawn) => self.optional("reason", withdrawn.reason.as_deref()),
            Event::EvidenceRejected(found) => self.code("defect", &found.defect, CodeList::DefectCodes, rules),
            Event::Disengaged(mark) => self.disengagement(mark, occurred, rules),
            Event::JourneyClosed(close) => {
                self.code("reason", &close.reason, CodeList::CloseReasons, rules);
                self.optional("destination", close.destination.as_deref());
            }
            Event::JourneyReopened(reopened) => drop(self.plain("reason", &reopened.reason, REASON_MAX)),
            Event::JourneyTransferred(transfer) => {
                self.code("reason", &transfer.reason, CodeList::CloseReasons, rules);
                self.plain("destination", &transfer.destination, NAME_MAX);
            }
            // These hold only ids, or belong to another kind of stream, whose own check covers them.
            _ => {}
        }
    }

    /// Checks the first day on which something no longer applies, where it is known in advance.
    pub(super) fn until(&mut self, occurred: Occurred, until: Option<NaiveDate>) {
        let Some(until) = until else { return };
        self.date(until, "until");
        if until <= occurred.earliest() {
            self.invalid("until", "it ends before it starts: give the first day on which it no longer applies");
        }
    }

    /// Checks a word that no rulebook lists.
    fn word(&mut self, path: impl Place, word: &str) {
        self.plain(path, word, CODE_MAX);
    }

    fn optional_word(&mut self, path: impl Place, word: Option<&str>) {
        if let Some(word) = word {
            self.word(path, word);
        }
    }

    fn optional(&mut self, path: impl Place, text: Option<&str>) {
        if let Some(text) = text {
            self.plain(path, text, NAME_MAX);
        }
    }

    fn referral(&mut self, referral: &ReferralReceived, rules: Rules<'_>) {
        self.code("area", &referral.area, CodeList::Areas, rules);
        if let Some(cohort) = &referral.cohort {
            self.code("cohort", cohort, CodeList::Cohorts, rules);
        }
        if let Some(Referrer { organisation, kind }) = &referral.referrer {
            self.optional("referrer.organisation", organisation.as_deref());
            if let Some(kind) = kind {
                self.code("referrer.kind", kind, CodeList::ReferrerKinds, rules);
            }
        }
        self.at_most("external_references", referral.external_references.len(), REFERENCES_MAX);
        for (index, reference) in referral.external_references.iter().take(REFERENCES_MAX).enumerate() {
            self.plain(&format!("external_references.{index}.system"), &reference.system, CODE_MAX);
            self.reference(&format!("external_references.{index}.id"), &reference.id);
        }
    }

    fn eligibility(&mut self, assessed: &EligibilityAssessed) {
        self.at_most("criteria", assessed.criteria.len(), ATTRIBUTES_MAX);
        for (nth, name) in assessed.criteria.keys().take(ATTRIBUTES_MAX).enumerate() {
            self.word(Nth("criteria", nth), name);
        }
        self.attributes("facts", &assessed.facts);
    }

    fn contact(&mut self, contact: &ContactLogged, rules: Rules<'_>) {
        self.code("channel", &contact.channel, CodeList::ContactChannels, rules);
        if contact.minutes.is_some_and(|minutes| minutes > MINUTES_MAX) {
            self.invalid("minutes", format!("a contact lasts at most one day: use up to {MINUTES_MAX} minutes"));
        }
        if let Some(day) = contact.scheduled_on {
            self.date(day, "scheduled_on");
        }
        match (contact.appointment, contact.attendance) {
            (Some(_), Attendance::NotOffered) => {
                self.invalid(
                    "attendance",
                    "a booked appointment was offered: say whether it was attended, missed or cancelled",
                );
            }
            (Some(_), Attendance::None) if !contact.two_way => {
                self.missing("attendance", "the contact names an appointment: give the attendance");
            }
            _ => {}
        }
    }

    /// Checks the day of an appointment, which may lie ahead.
    fn scheduled(&mut self, on: NaiveDate, occurred: Occurred) {
        self.date(on, "scheduled_on");
        if on < occurred.earliest() {
            self.invalid(
                "scheduled_on",
                "the appointment is before the day on which it was arranged: use that day or a later one",
            );
        }
    }

    fn task(&mut self, task: &TaskSet, occurred: Occurred) {
        self.word("kind", &task.kind);
        self.date(task.due_on, "due_on");
        if task.due_on < occurred.earliest() {
            self.invalid("due_on", "the task is due before the day on which it was set: use that day or a later one");
        }
    }

    fn assessment(&mut self, scored: &AssessmentScored) {
        self.word("instrument", &scored.instrument);
        self.at_most("items", scored.items.len(), ITEMS_MAX);
        for (nth, (name, score)) in scored.items.iter().take(ITEMS_MAX).enumerate() {
            if self.plain(Nth("items", nth), name, CODE_MAX) {
                self.quantity(Under("items", name), *score);
            }
        }
        self.quantity("score", scored.score);
    }

    fn spell(&mut self, start: &SpellStarted, rules: Rules<'_>) {
        self.code("domain", &start.domain, CodeList::SpellDomains, rules);
        self.optional("employer_ref", start.employer_ref.as_deref());
        self.hours(start.hours_per_week);
        self.attributes("attributes", &start.attributes);
    }

    fn change_of_spell(&mut self, change: &SpellChanged) {
        if change.hours_per_week.is_none() && change.attributes.is_empty() && change.note.is_none() {
            self.missing("attributes", "the change of the spell changes nothing: give new hours, attributes or a note");
        }
        self.hours(change.hours_per_week);
        self.attributes("attributes", &change.attributes);
    }

    fn hours(&mut self, hours: Option<Quantity>) {
        let Some(hours) = hours else { return };
        if hours.0 < 0.into() || hours.0 > HOURS_MAX.into() {
            self.invalid(
                "hours_per_week",
                format!("the hours are out of range: a week has {HOURS_MAX} hours, use 0 to {HOURS_MAX}"),
            );
        } else if hours.0.normalize().scale() > HOURS_PLACES {
            let message = format!("the hours have too many decimal places: round them to at most {HOURS_PLACES}");
            self.invalid("hours_per_week", message);
        } else {
            self.quantity("hours_per_week", hours);
        }
    }

    /// Checks only the numbers of a fact, for facts imported as they were recorded elsewhere.
    pub(super) fn numbers(&mut self, event: &Event) {
        let mut attributes = |attributes: &BTreeMap<String, Attribute>| {
            for (name, value) in attributes {
                if let Attribute::Quantity(quantity) = value {
                    self.quantity(Under("attributes", name), *quantity);
                }
            }
        };
        match event {
            Event::SpellStarted(start) => {
                attributes(&start.attributes);
                self.hours(start.hours_per_week);
            }
            Event::SpellChanged(change) => {
                attributes(&change.attributes);
                self.hours(change.hours_per_week);
            }
            Event::MeasureRecorded(measure) => self.quantity("value", measure.value),
            Event::AssessmentScored(scored) => self.quantity("score", scored.score),
            _ => {}
        }
    }

    fn attributes(&mut self, path: &str, attributes: &BTreeMap<String, Attribute>) {
        self.at_most(path, attributes.len(), ATTRIBUTES_MAX);
        for (nth, (name, value)) in attributes.iter().take(ATTRIBUTES_MAX).enumerate() {
            if !self.plain(Nth(path, nth), name, CODE_MAX) {
                continue;
            }
            // By this name texts that have to be sealed are found.
            if name == CLEAR {
                self.invalid(Nth(path, nth), "this name is kept for texts that are sealed: use another name");
            }
            let value_at = Under(path, name);
            match value {
                Attribute::Text(text) => drop(self.plain(value_at, text, NAME_MAX)),
                Attribute::Quantity(quantity) => self.quantity(value_at, *quantity),
                Attribute::Flag(_) => {}
            }
        }
    }

    /// Checks that JSON carries a decimal exactly.
    pub(crate) fn quantity(&mut self, path: impl Place, quantity: Quantity) {
        if quantity.0.normalize().mantissa().unsigned_abs() >= 10_u128.pow(QUANTITY_DIGITS) {
            self.too_long(path, format!("the number has too many digits: use at most {QUANTITY_DIGITS}"));
        }
    }

    fn measure(&mut self, measure: &MeasureRecorded, rules: Rules<'_>) {
        self.code("code", &measure.code, CodeList::MeasureCodes, rules);
        self.quantity("value", measure.value);
        self.optional_word("unit", measure.unit.as_deref());
        if let Some(period) = measure.period {
            self.over("period", period);
        }
    }

    /// Checks a period that ends today or earlier.
    pub(crate) fn over(&mut self, path: &str, Period { first, last }: Period) {
        self.date(first, &format!("{path}.first"));
        self.past(last, &format!("{path}.last"));
        if last < first {
            self.invalid(&format!("{path}.last"), "the period ends before it starts: correct its last day");
        }
    }

    fn evidence(&mut self, piece: &EvidenceAttached, occurred: Occurred, rules: Rules<'_>) {
        self.code("kind", &piece.kind, CodeList::EvidenceKinds, rules);
        if let Some(digest) = &piece.sha256 {
            self.sha256("sha256", digest);
        }
        self.past(piece.dated_on, "dated_on");
        let attached_on = occurred.latest().min(self.today);
        if let Some(day) = piece.obtained_on {
            self.past(day, "obtained_on");
            if day <= self.today && day > attached_on {
                self.invalid(
                    "obtained_on",
                    "the evidence was attached before it was obtained: use a later date for the attachment",
                );
            }
        }
        let obtained_on = piece.obtained_on.unwrap_or(attached_on).min(self.today);
        if piece.dated_on <= self.today && piece.dated_on > obtained_on {
            self.invalid(
                "dated_on",
                "the document is dated after it was obtained: give the date printed on the document",
            );
        }
        self.optional_word("obtained_how", piece.obtained_how.as_deref());
        self.at_most("supports", piece.supports.len(), SUPPORTS_MAX);
        let mut named = BTreeSet::new();
        for (index, id) in piece.supports.iter().take(SUPPORTS_MAX).enumerate() {
            if !named.insert(id) {
                self.invalid(&format!("supports.{index}"), "this id appears twice: give it once");
            }
        }
    }

    fn disengagement(&mut self, mark: &Disengaged, occurred: Occurred, rules: Rules<'_>) {
        self.code("reason", &mark.reason, CodeList::DisengageReasons, rules);
        let Some(seen) = mark.last_seen_on else { return };
        self.past(seen, "last_seen_on");
        if seen <= self.today && seen > occurred.latest() {
            let message =
                "the client was seen after this disengagement: date it on or after the day they were last seen";
            self.invalid("last_seen_on", message);
        }
    }
}

/// Whether a fact may be dated after today. Absences, leavings and covers are often known in advance.
const fn may_lie_ahead(event: &Event) -> bool {
    matches!(event, Event::AbsenceRecorded(_) | Event::CoverStarted(_) | Event::CoverEnded(_) | Event::WorkerLeft(_))
}
