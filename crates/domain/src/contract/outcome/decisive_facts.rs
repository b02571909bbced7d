//! Explains why a claim changes between two versions of the rulebook: the keys of its outcome that change the result,
//! and the facts that decide it.
//!
//! Pure, and about one case: it judges the case again with one key taken from the other version. It does not look at
//! other claims.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::case::{Case, Spell};
use super::days::{Day, FOREVER, day};
use super::imprecise::verdicts;
use super::judge::{Reached, Verdict};
use super::{JourneyOutcome, Price, State, Status, of_outcome, pauses};
use crate::contract::rulebook::Rulebook;
use crate::contract::rulebook::outcome::key::OutcomeKey;
use crate::contract::rulebook::outcome::{AchievedBy, Condition, Hours, HoursBasis, JourneyTerms, Outcome};
use crate::fact::envelope::EventId;

/// An outcome in one version of the rulebook.
#[derive(Debug, Clone, Copy)]
pub struct Under<'r> {
    /// The version.
    pub rulebook: &'r Rulebook,
    /// The outcome.
    pub outcome: &'r Outcome,
}

/// The differences of an outcome between two versions.
#[derive(Debug)]
pub struct Changes<'r> {
    was: Under<'r>,
    is: Under<'r>,
    keys: Vec<Change>,
}

/// A key that differs.
#[derive(Debug)]
struct Change {
    key: OutcomeKey,
    /// The old outcome with the new value of the key.
    taken: Outcome,
    /// The new outcome with the old value of the key.
    reverted: Outcome,
}

/// A key that changes the result of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The key.
    pub key: OutcomeKey,
    /// The events that decide it. Empty if only the rule decides, or if the fact that it asks for was never recorded.
    pub events: Vec<EventId>,
}

impl<'r> Changes<'r> {
    /// The differences between two versions of an outcome.
    pub fn between(was: Under<'r>, is: Under<'r>) -> Self {
        let change = |key: OutcomeKey| {
            let taken = key.taken(was.outcome, is.outcome)?;
            let reverted = key.taken(is.outcome, was.outcome).unwrap_or_else(|| was.outcome.clone());
            Some(Change { key, taken, reverted })
        };
        Self { was, is, keys: OutcomeKey::ALL.into_iter().filter_map(change).collect() }
    }

    /// The keys that differ.
    pub fn keys(&self) -> impl Iterator<Item = OutcomeKey> {
        self.keys.iter().map(|change| change.key)
    }

    /// The keys that change the result of one repeat of the outcome in a case: the keys without which the result would
    /// be different. If no single key is needed, the keys that are enough on their own. Otherwise all keys that a case
    /// is judged by.
    pub fn moving(&self, case: &Case<'_>, repeat: u32, as_of: NaiveDate) -> Vec<Turn> {
        let shown = |under: Under<'_>| Shown::of(case, under, repeat, as_of);
        let (was, is) = (shown(self.was), shown(self.is));
        let judged: Vec<&Change> = self.keys.iter().filter(|change| change.key.is_judged_alone()).collect();
        if was == is {
            return Vec::new();
        }
        let needed = |change: &&&Change| shown(Under { outcome: &change.reverted, ..self.is }) != is;
        let enough = |change: &&&Change| shown(Under { outcome: &change.taken, ..self.was }) != was;
        let mut moving: Vec<&Change> = judged.iter().filter(needed).copied().collect();
        if moving.is_empty() {
            moving = judged.iter().filter(enough).copied().collect();
        }
        let moving = if moving.is_empty() { judged } else { moving };
        let sides = [self.was, self.is].map(|under| Side::of(case, under, repeat, as_of));
        moving.into_iter().map(|change| Turn { key: change.key, events: events(case, change.key, &sides) }).collect()
    }
}

/// The visible result of one repeat of an outcome.
#[derive(PartialEq)]
struct Shown {
    status: Status,
    on: Option<NaiveDate>,
    price: Option<Price>,
}

impl Shown {
    fn of(case: &Case<'_>, Under { rulebook, outcome }: Under<'_>, repeat: u32, as_of: NaiveDate) -> Self {
        let nothing = Self { status: Status::NotStarted, on: None, price: None };
        let AchievedBy::Journey(terms) = &outcome.achieved_by else { return nothing };
        let evaluated = of_outcome(case, rulebook, JourneyOutcome { at: 0, outcome, terms }, as_of);
        match evaluated.into_iter().find(|evaluation| evaluation.repeat == repeat).map(|evaluation| evaluation.state) {
            Some(State::Reached(of)) => {
                Self { status: of.standing(as_of), on: Some(of.achieved_on), price: Some(of.price) }
            }
            Some(State::Maturing { earliest_on, .. }) => {
                Self { status: Status::Maturing, on: Some(earliest_on), price: None }
            }
            Some(State::NotStarted { .. }) | None => nothing,
        }
    }
}

/// One repeat of an outcome in a case under one version.
struct Side<'r> {
    outcome: &'r Outcome,
    terms: Option<&'r JourneyTerms>,
    reached: Option<Reached>,
    /// The events that it is based on.
    events: BTreeSet<EventId>,
}

impl<'r> Side<'r> {
    fn of(case: &Case<'_>, Under { rulebook, outcome }: Under<'r>, repeat: u32, as_of: NaiveDate) -> Self {
        let AchievedBy::Journey(terms) = &outcome.achieved_by else {
            return Self { outcome, terms: None, reached: None, events: BTreeSet::new() };
        };
        let counts = terms.only_if.as_ref().is_none_or(|condition| case.meets(condition));
        let verdicts = verdicts(case, terms, &pauses(terms, &rulebook.calendar), day(as_of));
        let reached = match verdicts.into_iter().nth(repeat as usize - 1) {
            Some(Verdict::Reached(reached)) if counts => Some(reached),
            _ => None,
        };
        let shown = reached.as_ref().map(|reached| super::evidence::shown(case, terms, reached));
        Self {
            outcome,
            terms: Some(terms),
            reached,
            events: shown.into_iter().flat_map(|shown| shown.events).collect(),
        }
    }
}

fn events(case: &Case<'_>, key: OutcomeKey, [was, is]: &[Side<'_>; 2]) -> Vec<EventId> {
    // The version in which the outcome was achieved has the facts that the other version treats differently.
    let (run, other) = if was.reached.is_some() { (was, is) } else { (is, was) };
    let moved = || was.events.symmetric_difference(&is.events).copied();
    let evidence: BTreeSet<EventId> = case.evidence.iter().flat_map(super::case::Evidence::events).collect();
    let risks: BTreeSet<EventId> = case.risks.iter().flat_map(super::case::Risk::events).collect();
    match key {
        OutcomeKey::Hours => hours(case, run, other.terms.and_then(|terms| terms.hours.as_ref())),
        OutcomeKey::OnlyIf => {
            let conditions = [is, was].map(|side| side.terms.and_then(|terms| terms.only_if.as_ref()));
            let unmet = conditions.into_iter().flatten().find(|condition| !case.meets(condition));
            unmet.map_or_else(Vec::new, |condition| case.deciding(condition))
        }
        OutcomeKey::Evidence => moved().filter(|event| evidence.contains(event)).collect(),
        OutcomeKey::HoldOnRisk => moved().filter(|event| risks.contains(event)).collect(),
        OutcomeKey::Trigger => moved().filter(|event| !evidence.contains(event) && !risks.contains(event)).collect(),
        OutcomeKey::Sustain => {
            let ends = |spell: &Spell<'_>| {
                let start = spell.steps[0].said.events().collect::<Vec<_>>();
                start.into_iter().chain(spell.ended.into_iter().flat_map(|(_, said)| said.events())).collect::<Vec<_>>()
            };
            spells(case, run).into_iter().flat_map(ends).collect()
        }
        OutcomeKey::Tariff => {
            let tariffs = || was.outcome.tariffs.iter().chain(&is.outcome.tariffs);
            let by_case = tariffs().any(|tariff| tariff.area.is_some() || tariff.cohort.is_some());
            case.referral.filter(|_| by_case).into_iter().flat_map(super::case::Said::events).collect()
        }
        _ => Vec::new(),
    }
}

/// The spells of a run, or else all spells that can start the outcome.
fn spells<'c, 'a>(case: &'c Case<'a>, side: &Side<'_>) -> Vec<&'c Spell<'a>> {
    if let Some(reached) = &side.reached {
        return reached.spells.iter().map(|at| &case.spells[*at]).collect();
    }
    let domains = side.terms.map_or(&[][..], |terms| terms.trigger.spell_domains());
    case.spells.iter().filter(|spell| domains.iter().any(|domain| domain == spell.domain)).collect()
}

/// The facts that record the hours of a run. Of the hours that are compared: those that do not qualify on their own, or
/// else all of them.
fn hours(case: &Case<'_>, run: &Side<'_>, asked: Option<&Hours>) -> Vec<EventId> {
    let own = run.terms.and_then(|terms| terms.hours.as_ref());
    let (first, end) = run.reached.as_ref().map_or((Day::MIN, FOREVER), |reached| {
        let first = reached.began.map_or(reached.run_on, |began| began.first);
        (first, reached.run_on.max(first + 1))
    });
    let (first, end) = match asked.or(own).map(|hours| hours.basis) {
        Some(HoursBasis::AtStart) if first > Day::MIN => (first, first + 1),
        Some(HoursBasis::AtEnd) if end < FOREVER => (end - 1, end),
        _ => (first, end),
    };
    let on = |when: usize| day(case.dates[when].earliest());
    let mut stated = Vec::new();
    for spell in spells(case, run) {
        let over = spell.ended.map_or(FOREVER, |(when, _)| on(when));
        let mut steps: Vec<_> = spell.steps.iter().take(1).collect();
        steps.extend(spell.steps[1..].iter().filter(|step| step.hours.is_some()));
        steps[1..].sort_by_key(|step| on(step.when));
        for (at, step) in steps.iter().enumerate() {
            let until = steps.get(at + 1).map_or(over, |next| on(next.when).min(over));
            if on(step.when) < end && until > first {
                stated.push((step.hours, step.said));
            }
        }
    }
    let passes = |hours: &Option<rust_decimal::Decimal>| match (hours, asked) {
        (Some(hours), Some(asked)) => {
            asked.at_least.is_none_or(|least| *hours >= least) && asked.below.is_none_or(|edge| *hours < edge)
        }
        (None, Some(_)) | (_, None) => false,
    };
    let failing: Vec<_> = stated.iter().filter(|(hours, _)| !passes(hours)).collect();
    let named = if failing.is_empty() { stated.iter().collect() } else { failing };
    named.into_iter().flat_map(|(_, said)| said.events()).collect()
}

impl Case<'_> {
    /// The events that decide whether a condition is met. If all parts are needed: the parts that are not met. If one
    /// part is enough: the parts that are met.
    fn deciding(&self, condition: &Condition) -> Vec<EventId> {
        let of = |conditions: &[Condition], deciding: bool| {
            let deciders = conditions.iter().filter(|condition| self.meets(condition) == deciding);
            deciders.flat_map(|condition| self.deciding(condition)).collect::<Vec<_>>()
        };
        match condition {
            Condition::All(conditions) | Condition::Any(conditions) => of(conditions, self.meets(condition)),
            Condition::Not(condition) => self.deciding(condition),
            Condition::Fact { name, .. } => self.stating(name),
        }
    }
}
