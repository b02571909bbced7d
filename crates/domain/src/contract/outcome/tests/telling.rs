//! Short cases and rulebooks for the tests of this folder.
//!
//! Ids are small numbers: the n-th event of a case has the id n.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::contract::Rulebook;
use crate::contract::outcome::{Achievement, Case, Evaluation, Hold, State, Status, evaluate};
use crate::fact::Fact;
use crate::fact::History;
use crate::fact::Recorded;
use crate::fact::envelope::{Actor, EventId, EvidenceId, Occurred, Position, RiskId, SpellId, SubjectId};
use crate::fact::event::{
    Attribute, Event, EvidenceAttached, FactCorrected, FactRetracted, Quantity, ReferralReceived, SpellChanged,
    SpellEnded, SpellStarted,
};

pub(in crate::contract::outcome) use crate::world::{day, when};

/// The head of a rulebook.
pub(in crate::contract::outcome) const HEAD: &str = r#"rulebook = 1
contract = "try"
version = "1"
title = "Sample"
effective_from = 2010-01-01
applies_by = "achieved"
retroactive = false
currency = "GBP"
[calendar]
zone = "Europe/London"
working_days = "england-and-wales"
financial_year = "04-01"
"#;

/// A rulebook with these sections.
pub(in crate::contract::outcome) fn rules(sections: &str) -> Rulebook {
    let text = format!("{HEAD}{sections}");
    Rulebook::parse(&text).unwrap_or_else(|errors| panic!("{errors:#?}\n{text}"))
}

/// A rulebook with one outcome `it`, with these keys and a price of 100.
pub(in crate::contract::outcome) fn outcome(keys: &str) -> Rulebook {
    rules(&format!("[[outcome]]\ncode = \"it\"\ntitle = \"It\"\n{keys}\n[[outcome.tariff]]\namount = \"100.00\"\n"))
}

pub(in crate::contract::outcome) const fn spell_id(n: u128) -> SpellId {
    SpellId(Uuid::from_u128(0x5_0000 + n))
}

pub(in crate::contract::outcome) const fn evidence_id(n: u128) -> EvidenceId {
    EvidenceId(Uuid::from_u128(0xe_0000 + n))
}

pub(in crate::contract::outcome) const fn risk_id(n: u128) -> RiskId {
    RiskId(Uuid::from_u128(0xf_0000 + n))
}

/// A case whose referral was received at the start of 2010.
pub(in crate::contract::outcome) struct Sample {
    pub(in crate::contract::outcome) history: History,
}

pub(in crate::contract::outcome) fn journey() -> Sample {
    journey_in("north", None)
}

pub(in crate::contract::outcome) fn journey_in(area: &str, cohort: Option<&str>) -> Sample {
    let referral = ReferralReceived {
        subject: SubjectId(Uuid::from_u128(0x1_0000)),
        area: area.to_owned(),
        cohort: cohort.map(str::to_owned),
        referrer: None,
        external_references: Vec::new(),
    };
    Sample { history: History::default() }.and("2010-01-01", referral)
}

impl Sample {
    pub(in crate::contract::outcome) fn and(mut self, at: &str, event: impl Into<Event>) -> Self {
        self.record(when(at), event.into());
        self
    }

    pub(in crate::contract::outcome) fn record(&mut self, occurred: Occurred, event: Event) {
        let version = self.history.version() + 1;
        self.history.evolve(Recorded {
            event_id: EventId(Uuid::from_u128(version.try_into().expect("versions are positive"))),
            position: Position(version),
            version,
            contract: Some("try".to_owned()),
            recorded_at: DateTime::<Utc>::MIN_UTC,
            actor: Actor { subject: String::new(), role: String::new(), on_behalf_of: None },
            occurred,
            event,
        });
    }

    /// A job, the n-th spell. Hours 0 means unknown.
    pub(in crate::contract::outcome) fn job(self, n: u128, employer: &str, hours: i64, from: &str) -> Self {
        let hours = (hours > 0).then(|| Quantity(hours.into()));
        self.and(from, start(n, "employment", Some(employer), hours))
    }

    /// A home, the n-th spell.
    pub(in crate::contract::outcome) fn home(self, n: u128, secured_as: &str, from: &str) -> Self {
        let mut home = start(n, "accommodation", None, None);
        home.attributes.insert("secured_as".to_owned(), Attribute::Text(secured_as.to_owned()));
        self.and(from, home)
    }

    /// Sets the hours of the n-th spell from a day on.
    pub(in crate::contract::outcome) fn hours(self, n: u128, hours: i64, from: &str) -> Self {
        let hours_per_week = Some(Quantity(hours.into()));
        self.and(from, SpellChanged { spell: spell_id(n), hours_per_week, attributes: [].into(), note: None })
    }

    pub(in crate::contract::outcome) fn ends(self, n: u128, on: &str) -> Self {
        self.and(on, SpellEnded { spell: spell_id(n), reason: None, note: None })
    }

    /// The n-th piece of evidence, dated and attached on a day, for the n-th spell.
    pub(in crate::contract::outcome) fn evidence(self, n: u128, kind: &str, on: &str, spell: u128) -> Self {
        self.and(
            on,
            EvidenceAttached {
                evidence: evidence_id(n),
                kind: kind.to_owned(),
                sha256: None,
                dated_on: day(on),
                obtained_on: None,
                obtained_how: None,
                supports: vec![spell_id(spell).0],
            },
        )
    }

    /// Corrects the n-th event, counted from 1 with the referral.
    pub(in crate::contract::outcome) fn corrected(self, n: u128, at: &str, event: impl Into<Event>) -> Self {
        let occurred = when(at);
        let payload = serde_json::from_str(event.into().payload().get()).expect("a payload is JSON");
        self.and(
            at,
            FactCorrected {
                target: EventId(Uuid::from_u128(n)),
                occurred_on: occurred.earliest(),
                precision: occurred.precision(),
                local_time: None,
                schema_version: 1,
                payload,
                reason: "typed wrongly".to_owned(),
            },
        )
    }

    pub(in crate::contract::outcome) fn retracted(self, n: u128, on: &str) -> Self {
        self.and(on, FactRetracted { target: EventId(Uuid::from_u128(n)), reason: "never was so".to_owned() })
    }

    /// The evaluations of all outcomes at the end of a day.
    pub(in crate::contract::outcome) fn evaluated(&self, rulebook: &Rulebook, as_of: &str) -> Vec<Evaluation> {
        let as_of = day(as_of);
        let facts: Vec<Fact<'_>> =
            self.history.facts().into_iter().filter(|fact| fact.occurred.earliest() <= as_of).collect();
        evaluate(&Case::of(&facts), rulebook, as_of)
    }

    /// The state of the first outcome at the end of a day.
    pub(in crate::contract::outcome) fn state(&self, rulebook: &Rulebook, as_of: &str) -> State {
        self.evaluated(rulebook, as_of).into_iter().next().expect("there is an outcome").state
    }

    /// The first outcome. It must be achieved.
    #[track_caller]
    pub(in crate::contract::outcome) fn reached(&self, rulebook: &Rulebook, as_of: &str) -> Achievement {
        match self.state(rulebook, as_of) {
            State::Reached(achievement) => *achievement,
            other => panic!("not reached: {other:?}"),
        }
    }

    /// The day on which the first outcome was achieved.
    #[track_caller]
    /// Whether the outcome is claimable. False if it has not started.
    pub(in crate::contract::outcome) fn standing_or_none(&self, rulebook: &Rulebook, as_of: &str) -> bool {
        matches!(self.state(rulebook, as_of), State::Reached(of) if of.standing(day(as_of)) == Status::Claimable)
    }

    pub(in crate::contract::outcome) fn achieved_on(&self, rulebook: &Rulebook, as_of: &str) -> String {
        self.reached(rulebook, as_of).achieved_on.to_string()
    }

    /// The status of the first outcome alone, with its hold.
    #[track_caller]
    pub(in crate::contract::outcome) fn standing(&self, rulebook: &Rulebook, as_of: &str) -> (Status, Option<Hold>) {
        let achievement = self.reached(rulebook, as_of);
        (achievement.standing(day(as_of)), achievement.hold)
    }
}

/// The start of the n-th spell.
pub(in crate::contract::outcome) fn start(
    n: u128,
    domain: &str,
    employer: Option<&str>,
    hours: Option<Quantity>,
) -> SpellStarted {
    SpellStarted {
        spell: spell_id(n),
        domain: domain.to_owned(),
        employer_ref: employer.map(str::to_owned),
        hours_per_week: hours,
        attributes: [].into(),
        note: None,
    }
}
