//! The facts of a case, read from its events without the fold that the service uses.
//!
//! Every date is a number of days, so that a reader can count along.

use std::collections::BTreeMap;

use chrono::{Datelike as _, NaiveDate};
use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

use crate::contract::rulebook::outcome::{Condition, Trigger};
use crate::fact::Recorded;
use crate::fact::envelope::{EventId, Occurred};
use crate::fact::event::{Attribute, Event};

/// A day, by its number.
pub(super) type Day = i64;

pub(super) fn number(on: NaiveDate) -> Day {
    on.num_days_from_ce().into()
}

pub(super) fn date(day: Day) -> NaiveDate {
    let day = day.try_into().expect("a day of this era");
    NaiveDate::from_num_days_from_ce_opt(day).expect("a day of this era")
}

/// A fact with the known corrections applied.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) id: EventId,
    pub(super) version: i64,
    pub(super) occurred: Occurred,
    pub(super) event: Event,
}

/// The facts of a stream that are known at a position, in order.
pub(super) fn known(events: &[Recorded], known: i64) -> Vec<Said> {
    let events: Vec<&Recorded> = events.iter().filter(|event| event.position.0 <= known).collect();
    let mut said = Vec::new();
    for event in &events {
        if matches!(event.event, Event::FactCorrected(_) | Event::FactRetracted(_)) {
            continue;
        }
        let retracted =
            |other: &&&Recorded| matches!(&other.event, Event::FactRetracted(of) if of.target == event.event_id);
        if events.iter().any(|other| retracted(&other)) {
            continue;
        }
        let correction = events.iter().rev().find_map(|other| match &other.event {
            Event::FactCorrected(of) if of.target == event.event_id => Some(of),
            _ => None,
        });
        let (occurred, reads) = match correction {
            None => (event.occurred, event.event.clone()),
            Some(of) => {
                let kind = event.event.event_type();
                let reads = Event::decode(kind.as_str(), 1, &of.payload.to_string()).expect("a correction is readable");
                (Occurred::within(of.occurred_on, of.precision).at(of.local_time), reads)
            }
        };
        said.push(Said { id: event.event_id, version: event.version, occurred, event: reads });
    }
    said.sort_by_key(|said| (said.occurred.earliest(), said.version));
    said
}

/// A spell on the days of one reading.
#[derive(Debug, Clone)]
pub(super) struct Spell {
    pub(super) id: Uuid,
    pub(super) domain: String,
    pub(super) employer: Option<String>,
    pub(super) start: Day,
    /// The first day on which it no longer applied.
    pub(super) end: Option<Day>,
    /// The recorded values and the days from which they apply, the start first.
    pub(super) steps: Vec<(Day, Option<Decimal>, BTreeMap<String, Attribute>)>,
    /// All of its events, the start first.
    pub(super) events: Vec<EventId>,
}

impl Spell {
    pub(super) fn holds(&self, day: Day) -> bool {
        self.start <= day && self.end.is_none_or(|end| day < end)
    }

    pub(super) fn hours(&self, day: Day) -> Option<Decimal> {
        let said = self.steps.iter().filter(|(from, ..)| *from <= day);
        said.filter_map(|(_, hours, _)| *hours).next_back()
    }

    /// Whether the spell matches a trigger on a day.
    pub(super) fn fits(&self, day: Day, domains: &[String], attributes: &BTreeMap<String, Vec<Value>>) -> bool {
        let value = |name: &String| {
            let said = self.steps.iter().filter(|(from, ..)| *from <= day);
            said.filter_map(|(.., attributes)| attributes.get(name)).next_back()
        };
        domains.contains(&self.domain)
            && attributes
                .iter()
                .all(|(name, values)| value(name).is_some_and(|value| values.iter().any(|wanted| same(value, wanted))))
    }
}

/// Text that looks like a number equals that number.
fn same(value: &Attribute, wanted: &Value) -> bool {
    let wanted = wanted.as_str().map_or_else(|| wanted.to_string(), str::to_owned);
    value.to_string() == wanted
}

/// A single-day fact: a plan, an achievement, a measure, an engagement.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) day: Day,
    pub(super) id: EventId,
    pub(super) event: Event,
}

impl Mark {
    pub(super) fn fits(&self, trigger: &Trigger) -> bool {
        match (trigger, &self.event) {
            (Trigger::Achievement { codes, levels }, Event::AchievementRecorded(of)) => {
                codes.contains(&of.code)
                    && (levels.is_empty() || of.level.as_ref().is_some_and(|level| levels.contains(level)))
            }
            (Trigger::Plan { kinds }, Event::PlanAgreed(of)) => kinds.contains(&of.kind),
            (Trigger::Engagement { bases }, Event::EngagementStarted(of)) => {
                bases.is_empty() || bases.contains(&of.basis)
            }
            (Trigger::Measure { code, at_least }, Event::MeasureRecorded(of)) => {
                of.code == *code && of.value.0 >= *at_least
            }
            _ => false,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Risk {
    pub(super) kind: String,
    pub(super) raised: Day,
    pub(super) cleared: Option<Day>,
}

#[derive(Debug, Clone)]
pub(super) struct Evidence {
    pub(super) kind: String,
    pub(super) dated: Day,
    pub(super) supports: Vec<Uuid>,
    pub(super) is_good: bool,
    pub(super) is_verified: bool,
    pub(super) has_digest: bool,
}

/// A case at the end of a day, on the days of one reading of its dates.
#[derive(Debug, Clone, Default)]
pub(super) struct Journey {
    pub(super) spells: Vec<Spell>,
    pub(super) marks: Vec<Mark>,
    pub(super) risks: Vec<Risk>,
}

/// The values that do not depend on the reading of dates.
#[derive(Debug, Clone, Default)]
pub(super) struct Client {
    pub(super) received: Option<Day>,
    pub(super) subject: Option<Uuid>,
    pub(super) area: Option<String>,
    pub(super) cohort: Option<String>,
    pub(super) evidence: Vec<Evidence>,
    /// The first value of each fact.
    facts: BTreeMap<String, Attribute>,
}

/// The facts dated up to the end of a day. A date known only by its month or year counts as its first day.
pub(super) fn by(said: &[Said], as_of: Day) -> Vec<Said> {
    said.iter().filter(|said| number(said.occurred.earliest()) <= as_of).cloned().collect()
}

/// Reads the facts with the day that each has in this reading.
pub(super) fn journey(said: &[Said], day_of: &dyn Fn(EventId) -> Day) -> Journey {
    let mut journey = Journey::default();
    let mut risks: BTreeMap<Uuid, usize> = BTreeMap::new();
    let mut spells: BTreeMap<Uuid, usize> = BTreeMap::new();
    for Said { id, event, .. } in said {
        let day = day_of(*id);
        match event {
            Event::SpellStarted(of) => {
                spells.insert(of.spell.0, journey.spells.len());
                journey.spells.push(Spell {
                    id: of.spell.0,
                    domain: of.domain.clone(),
                    employer: of.employer_ref.clone(),
                    start: day,
                    end: None,
                    steps: vec![(day, of.hours_per_week.map(|hours| hours.0), of.attributes.clone())],
                    events: vec![*id],
                });
            }
            Event::SpellChanged(of) => {
                let Some(spell) = spells.get(&of.spell.0).map(|at| &mut journey.spells[*at]) else { continue };
                spell.steps.push((day, of.hours_per_week.map(|hours| hours.0), of.attributes.clone()));
                spell.events.push(*id);
            }
            Event::SpellEnded(of) => {
                let Some(spell) = spells.get(&of.spell.0).map(|at| &mut journey.spells[*at]) else { continue };
                spell.end = Some(day);
                spell.events.push(*id);
            }
            Event::RiskRaised(of) => {
                risks.insert(of.risk.0, journey.risks.len());
                journey.risks.push(Risk { kind: of.kind.clone(), raised: day, cleared: None });
            }
            Event::RiskCleared(of) => {
                let Some(at) = risks.get(&of.risk.0) else { continue };
                journey.risks[*at].cleared = Some(day);
            }
            Event::AchievementRecorded(_)
            | Event::PlanAgreed(_)
            | Event::EngagementStarted(_)
            | Event::MeasureRecorded(_) => journey.marks.push(Mark { day, id: *id, event: event.clone() }),
            _ => {}
        }
    }
    for spell in &mut journey.spells {
        spell.steps[1..].sort_by_key(|(from, ..)| *from);
    }
    journey.marks.sort_by_key(|mark| mark.day);
    journey
}

/// The values of the client that do not depend on days.
pub(super) fn client(said: &[Said]) -> Client {
    let mut client = Client::default();
    let mut pieces: BTreeMap<Uuid, usize> = BTreeMap::new();
    let mut assessed: BTreeMap<String, Attribute> = BTreeMap::new();
    for Said { event, occurred, .. } in said {
        let mut piece = |id: Uuid, act: fn(&mut Evidence)| {
            if let Some(at) = pieces.get(&id) {
                act(&mut client.evidence[*at]);
            }
        };
        match event {
            Event::ReferralReceived(of) => {
                client.received = Some(number(occurred.earliest()));
                client.subject = Some(of.subject.0);
                client.area = Some(of.area.clone());
                client.cohort.clone_from(&of.cohort);
                let kind = of.referrer.as_ref().and_then(|referrer| referrer.kind.clone());
                let stated = [("area", client.area.clone()), ("cohort", of.cohort.clone()), ("referrer_kind", kind)];
                let stated = stated.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
                client.facts = stated.map(|(name, value)| (name, Attribute::Text(value))).collect();
            }
            Event::EligibilityAssessed(of) => {
                for (name, value) in &of.facts {
                    assessed.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
            Event::EvidenceAttached(of) => {
                pieces.insert(of.evidence.0, client.evidence.len());
                client.evidence.push(Evidence {
                    kind: of.kind.clone(),
                    dated: number(of.dated_on),
                    supports: of.supports.clone(),
                    is_good: true,
                    is_verified: false,
                    has_digest: of.sha256.is_some(),
                });
            }
            Event::EvidenceVerified(of) => piece(of.evidence.0, |piece| piece.is_verified = true),
            Event::EvidenceRejected(of) => piece(of.evidence.0, |piece| piece.is_good = false),
            Event::EvidenceWithdrawn(of) => piece(of.evidence.0, |piece| piece.is_good = false),
            _ => {}
        }
    }
    client.facts.extend(assessed);
    client
}

impl Client {
    pub(super) fn meets(&self, condition: &Condition) -> bool {
        match condition {
            Condition::All(all) => all.iter().all(|one| self.meets(one)),
            Condition::Any(any) => any.iter().any(|one| self.meets(one)),
            Condition::Not(one) => !self.meets(one),
            Condition::Fact { name, values } => {
                self.facts.get(name).is_some_and(|value| values.iter().any(|wanted| same(value, wanted)))
            }
        }
    }
}
