//! A case as the outcome engine sees it: its spells, single-day facts, risks and evidence, with their recorded dates.
//!
//! It reads facts in order and decides nothing. A fact that refers to nothing is left out.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

use super::proof::WhyNot;
use crate::contract::rulebook::outcome::{Condition, Trigger};
use crate::fact::Fact;
use crate::fact::envelope::{EventId, EvidenceId, Occurred, Precision, RiskId, SpellId, SubjectId};
use crate::fact::event::{Attribute, Event, EventType, Quantity};

/// A case as the outcome engine sees it, at the end of a day.
#[derive(Debug, Default)]
pub struct Case<'a> {
    /// The subject who was referred.
    pub subject: Option<SubjectId>,
    /// The day on which the referral was received.
    pub received: Option<Occurred>,
    /// The service area.
    pub area: Option<&'a str>,
    /// The cohort.
    pub cohort: Option<&'a str>,
    referrer_kind: Option<&'a str>,
    pub(super) referral: Option<Said>,
    /// The facts frozen by assessments. The first value of each applies.
    frozen: BTreeMap<&'a str, (Attribute, EventId)>,
    pub(super) spells: Vec<Spell<'a>>,
    pub(super) marks: Vec<Mark<'a>>,
    pub(super) risks: Vec<Risk<'a>>,
    pub(super) evidence: Vec<Evidence<'a>>,
    pub(super) dates: Vec<Occurred>,
    /// Whether the referral was declined or withdrawn.
    pub(super) ended_at_referral: bool,
}

/// The most hours in a week.
const HOURS_MAX: i64 = 24 * 7;

/// The index of a date among the dates of a case. A month or year may be read as any of its days.
pub(super) type DateIndex = usize;

#[derive(Debug)]
pub(super) struct Spell<'a> {
    pub(super) id: SpellId,
    pub(super) domain: &'a str,
    pub(super) employer: Option<&'a str>,
    /// The start, and each change in order of date.
    pub(super) steps: Vec<Step<'a>>,
    pub(super) ended: Option<(DateIndex, Said)>,
}

/// The values of a spell that change from a day on.
#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) when: DateIndex,
    pub(super) said: Said,
    pub(super) hours: Option<Decimal>,
    /// Whether the recorded hours are more than a week has. An old log may hold such hours. They count as unknown and
    /// put the outcome on hold.
    pub(super) is_out_of_range: bool,
    pub(super) attributes: &'a BTreeMap<String, Attribute>,
}

/// The events of a fact: the original, and the one that gives the current values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    pub(super) original: EventId,
    reading: EventId,
}

impl Said {
    /// The ids of the events, the original first.
    pub(super) fn events(self) -> impl Iterator<Item = EventId> {
        let correction = Some(self.reading).filter(|reading| *reading != self.original);
        std::iter::once(self.original).chain(correction)
    }

    /// Whether one of these ids names the fact.
    pub(super) fn is_in(self, ids: &[Uuid]) -> bool {
        self.events().any(|event| ids.contains(&event.0))
    }
}

/// A single-day fact: a plan, an engagement, an achievement, a measure.
#[derive(Debug)]
pub(super) struct Mark<'a> {
    pub(super) when: DateIndex,
    pub(super) said: Said,
    event: &'a Event,
}

#[derive(Debug)]
pub(super) struct Risk<'a> {
    id: RiskId,
    pub(super) kind: &'a str,
    pub(super) raised: (DateIndex, Said),
    pub(super) cleared: Option<(DateIndex, Said)>,
}

#[derive(Debug)]
pub(super) struct Evidence<'a> {
    pub(super) id: EvidenceId,
    pub(super) kind: &'a str,
    pub(super) dated_on: NaiveDate,
    /// Whether the digest of its file is recorded.
    pub(super) has_digest: bool,
    pub(super) supports: &'a [Uuid],
    pub(super) attached: Said,
    pub(super) verified: Option<Said>,
    /// Whether it was withdrawn or rejected.
    pub(super) gone: Option<WhyNot>,
}

impl<'a> Case<'a> {
    /// Builds the case from these facts, in order of date.
    pub fn of(facts: &[Fact<'a>]) -> Self {
        let mut case = Self::default();
        // Where only the month is known, a fact may come before the fact that it refers to.
        for fact in facts {
            case.begin(fact);
        }
        for fact in facts {
            case.apply_change_or_end(fact);
        }
        case
    }

    fn at(&mut self, fact: &Fact<'a>) -> (DateIndex, Said) {
        self.dates.push(fact.occurred);
        (self.dates.len() - 1, said(fact))
    }

    fn begin(&mut self, fact: &Fact<'a>) {
        match fact.event {
            Event::ReferralReceived(referral) if self.received.is_none() => {
                self.received = Some(fact.occurred);
                self.referral = Some(said(fact));
                self.subject = Some(referral.subject);
                self.area = Some(&referral.area);
                self.cohort = referral.cohort.as_deref();
                self.referrer_kind = referral.referrer.as_ref().and_then(|referrer| referrer.kind.as_deref());
            }
            Event::ReferralDeclined(_) | Event::ReferralWithdrawn(_) => self.ended_at_referral = true,
            Event::EligibilityAssessed(assessed) => {
                for (name, value) in assessed.stated() {
                    self.frozen.entry(name).or_insert((value, fact.original.event_id));
                }
            }
            Event::SpellStarted(start) if !self.spells.iter().any(|spell| spell.id == start.spell) => {
                let (when, said) = self.at(fact);
                let (hours, is_out_of_range) = hours_in_range(start.hours_per_week);
                let step = Step { when, said, hours, is_out_of_range, attributes: &start.attributes };
                let (domain, employer) = (start.domain.as_str(), start.employer_ref.as_deref());
                self.spells.push(Spell { id: start.spell, domain, employer, steps: vec![step], ended: None });
            }
            Event::RiskRaised(raised) if !self.risks.iter().any(|risk| risk.id == raised.risk) => {
                let raised_at = self.at(fact);
                self.risks.push(Risk { id: raised.risk, kind: &raised.kind, raised: raised_at, cleared: None });
            }
            Event::EvidenceAttached(piece) if !self.evidence.iter().any(|known| known.id == piece.evidence) => {
                self.evidence.push(Evidence {
                    id: piece.evidence,
                    kind: &piece.kind,
                    dated_on: piece.dated_on,
                    has_digest: piece.sha256.is_some(),
                    supports: &piece.supports,
                    attached: said(fact),
                    verified: None,
                    gone: None,
                });
            }
            Event::AchievementRecorded(_)
            | Event::PlanAgreed(_)
            | Event::EngagementStarted(_)
            | Event::MeasureRecorded(_) => {
                let (when, said) = self.at(fact);
                self.marks.push(Mark { when, said, event: fact.event });
            }
            _ => {}
        }
    }

    fn apply_change_or_end(&mut self, fact: &Fact<'a>) {
        match fact.event {
            Event::SpellChanged(change) => {
                if let Some(at) = self.spells.iter().position(|spell| spell.id == change.spell) {
                    let (when, said) = self.at(fact);
                    let (hours, is_out_of_range) = hours_in_range(change.hours_per_week);
                    let attributes = &change.attributes;
                    self.spells[at].steps.push(Step { when, said, hours, is_out_of_range, attributes });
                }
            }
            Event::SpellEnded(end) => {
                let open = |spell: &Spell<'_>| spell.id == end.spell && spell.ended.is_none();
                if let Some(at) = self.spells.iter().position(open) {
                    self.spells[at].ended = Some(self.at(fact));
                }
            }
            Event::RiskCleared(cleared) => {
                let open = |risk: &Risk<'_>| risk.id == cleared.risk && risk.cleared.is_none();
                if let Some(at) = self.risks.iter().position(open) {
                    self.risks[at].cleared = Some(self.at(fact));
                }
            }
            Event::EvidenceWithdrawn(of) => self.piece(of.evidence, |piece| piece.gone = Some(WhyNot::Withdrawn)),
            Event::EvidenceRejected(of) => self.piece(of.evidence, |piece| piece.gone = Some(WhyNot::Rejected)),
            Event::EvidenceVerified(of) => {
                let said = said(fact);
                self.piece(of.evidence, |piece| piece.verified = piece.verified.or(Some(said)));
            }
            _ => {}
        }
    }

    fn piece(&mut self, id: EvidenceId, change: impl FnOnce(&mut Evidence<'a>)) {
        if let Some(piece) = self.evidence.iter_mut().find(|piece| piece.id == id) {
            change(piece);
        }
    }

    /// Whether the exact day of a date is known.
    pub(super) fn is_exact(&self, when: DateIndex) -> bool {
        self.dates[when].precision() == Precision::Day
    }

    /// Whether a condition is met, by the facts frozen by assessments and the referral.
    pub(super) fn meets(&self, condition: &Condition) -> bool {
        match condition {
            Condition::All(of) => of.iter().all(|condition| self.meets(condition)),
            Condition::Any(of) => of.iter().any(|condition| self.meets(condition)),
            Condition::Not(of) => !self.meets(of),
            Condition::Fact { name, values } => match self.frozen.get(name.as_str()) {
                Some((value, _)) => values.iter().any(|listed| is_value(value, listed)),
                None => {
                    self.of_referral(name).is_some_and(|has| values.iter().any(|listed| listed.as_str() == Some(has)))
                }
            },
        }
    }

    /// The events that record a fact of a condition: an assessment, or else the referral.
    pub(super) fn stating(&self, name: &str) -> Vec<EventId> {
        match self.frozen.get(name) {
            Some((_, event)) => vec![*event],
            None => {
                self.referral.filter(|_| self.of_referral(name).is_some()).into_iter().flat_map(Said::events).collect()
            }
        }
    }

    fn of_referral(&self, name: &str) -> Option<&'a str> {
        match name {
            "area" => self.area,
            "cohort" => self.cohort,
            "referrer_kind" => self.referrer_kind,
            _ => None,
        }
    }

    /// The events that record the facts of a condition.
    pub(super) fn stated(&self, condition: &Condition) -> Vec<EventId> {
        match condition {
            Condition::All(of) | Condition::Any(of) => of.iter().flat_map(|condition| self.stated(condition)).collect(),
            Condition::Not(of) => self.stated(of),
            Condition::Fact { name, .. } => {
                self.frozen.get(name.as_str()).map(|(_, event)| *event).into_iter().collect()
            }
        }
    }
}

fn hours_in_range(stated: Option<Quantity>) -> (Option<Decimal>, bool) {
    let fits = |hours: &Decimal| *hours >= Decimal::ZERO && *hours <= Decimal::from(HOURS_MAX);
    let hours = stated.map(|hours| hours.0).filter(fits);
    (hours, stated.is_some() && hours.is_none())
}

fn said(fact: &Fact<'_>) -> Said {
    Said { original: fact.original.event_id, reading: fact.reading.event_id }
}

impl Risk<'_> {
    /// The events that raised and cleared it.
    pub(super) fn events(&self) -> impl Iterator<Item = EventId> {
        std::iter::once(self.raised.1).chain(self.cleared.map(|(_, said)| said)).flat_map(Said::events)
    }
}

impl Evidence<'_> {
    /// The events that attached and verified it.
    pub(super) fn events(&self) -> impl Iterator<Item = EventId> {
        std::iter::once(self.attached).chain(self.verified).flat_map(Said::events)
    }
}

impl Mark<'_> {
    /// Whether this is a fact that a trigger names.
    pub(super) fn fits(&self, trigger: &Trigger) -> bool {
        is_mark(self.event, trigger)
    }

    /// The value of a measure, and the last day of its period if it has one.
    pub(super) fn measured(&self, code: &str) -> Option<(Decimal, Option<NaiveDate>)> {
        match self.event {
            Event::MeasureRecorded(measured) if measured.code == code => {
                Some((measured.value.0, measured.period.map(|period| period.last)))
            }
            _ => None,
        }
    }
}

/// Whether an event is a single-day fact that a trigger names.
pub fn is_mark(event: &Event, trigger: &Trigger) -> bool {
    match (trigger, event) {
        (Trigger::Achievement { codes, levels }, Event::AchievementRecorded(achieved)) => {
            let level = achieved.level.as_ref().is_some_and(|level| levels.contains(level));
            codes.contains(&achieved.code) && (levels.is_empty() || level)
        }
        (Trigger::Plan { kinds }, Event::PlanAgreed(plan)) => kinds.contains(&plan.kind),
        (Trigger::Engagement { bases }, Event::EngagementStarted(started)) => {
            bases.is_empty() || bases.contains(&started.basis)
        }
        (Trigger::Measure { code, at_least }, Event::MeasureRecorded(measured)) => {
            measured.code == *code && measured.value.0 >= *at_least
        }
        _ => false,
    }
}

/// Whether a recorded value matches a value in a rulebook. Numbers, `true` and `false` match whether they are written
/// as such or as text, because forms and files differ in that.
pub fn is_value(stated: &Attribute, named: &Value) -> bool {
    match (stated, named) {
        (Attribute::Flag(flag), Value::Bool(named)) => flag == named,
        (Attribute::Flag(flag), Value::String(named)) => named == if *flag { "true" } else { "false" },
        (Attribute::Text(text), Value::String(named)) => text == named || is_same_number(text, named),
        (Attribute::Text(text), Value::Number(named)) => is_same_number(text, &named.to_string()),
        (Attribute::Text(text), Value::Bool(named)) => text == if *named { "true" } else { "false" },
        (Attribute::Quantity(quantity), Value::Number(named)) => {
            is_same_number(&quantity.to_string(), &named.to_string())
        }
        (Attribute::Quantity(quantity), Value::String(named)) => is_same_number(&quantity.to_string(), named),
        _ => false,
    }
}

/// Whether two texts are the same number. A code such as 007 is not a number.
fn is_same_number(one: &str, other: &str) -> bool {
    let number = |text: &str| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_code = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
        let is_plain = digits.starts_with(|c: char| c.is_ascii_digit()) && !digits.ends_with('.');
        (is_plain && !is_code).then(|| Decimal::from_str_exact(text).ok()).flatten()
    };
    number(one).zip(number(other)).is_some_and(|(one, other)| one == other)
}

/// Whether outcomes depend on events of this type, or on the events that these correct or retract.
pub const fn is_looked_at(event_type: EventType) -> bool {
    use EventType as T;
    matches!(
        event_type,
        T::ReferralReceived
            | T::ReferralDeclined
            | T::ReferralWithdrawn
            | T::EligibilityAssessed
            | T::EngagementStarted
            | T::PlanAgreed
            | T::SpellStarted
            | T::SpellChanged
            | T::SpellEnded
            | T::MeasureRecorded
            | T::AchievementRecorded
            | T::RiskRaised
            | T::RiskCleared
            | T::EvidenceAttached
            | T::EvidenceWithdrawn
            | T::EvidenceVerified
            | T::EvidenceRejected
            | T::SubjectsLinked
            | T::SubjectsUnlinked
            | T::FactCorrected
            | T::FactRetracted
    )
}
