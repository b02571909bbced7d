//! The model and the engine before the same random rulebooks and journeys.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::facts::{self, Day, date, number};
use super::judge::{Alone, Case as Model, Is};
use super::money::{self, Entry};
use super::rules::Use;
use super::world::World;
use crate::contract::Rulebook;
use crate::contract::outcome::price::Price;
use crate::contract::outcome::settle::{self, Terms};
use crate::contract::outcome::versions::entitlement;
use crate::contract::outcome::{Case, Evaluation, People, State, claim_id, evaluate};
use crate::journey::event::Event;
use crate::journey::{History, Recorded};
use crate::log::envelope::{JourneyId, SubjectId};

pub(super) const ALONE: Use = Use { together: false, versions: false };

/// So many in `make test`; in the long form fifty times as many.
fn journeys() -> u64 {
    if std::env::var_os("THROUGHLINE_TEST_FULL").is_some() { 100_000 } else { 2_000 }
}

/// One time of an outcome, in words that both are put into.
fn modelled(alone: &Alone) -> String {
    let head = format!("o{}#{}", alone.outcome, alone.repeat);
    match &alone.is {
        Is::NotStarted => format!("{head} not_started"),
        Is::Maturing(_, on) => format!("{head} maturing {}", date(*on)),
        Is::Reached(of) => {
            let gaps: Vec<String> = of.gaps.iter().map(|(from, to)| format!("{}..{}", date(*from), date(*to))).collect();
            let tiers: Vec<String> = of.tiers.iter().map(|(up_to, amount)| format!("{up_to:?}:{amount:.2}")).collect();
            format!(
                "{head} {} {} began {} {} from {} days {:?} gaps {gaps:?} hours {:?} hold {:?} missing {:?} price {tiers:?}",
                of.status.as_str(),
                date(of.on),
                of.begun.0,
                date(of.begun.1),
                date(of.begun.2),
                of.days,
                of.hours.map(|hours| format!("{hours:.2}")),
                of.hold,
                of.missing,
            )
        }
    }
}

fn judged(evaluation: &Evaluation, as_of: Day) -> String {
    let head = format!("o{}#{}", evaluation.outcome, evaluation.repeat);
    match &evaluation.state {
        State::NotStarted { .. } => format!("{head} not_started"),
        State::Maturing { earliest_on, .. } => format!("{head} maturing {earliest_on}"),
        State::Reached(of) => {
            let gaps: Vec<String> = of.gaps.iter().map(|gap| format!("{}..{}", gap.from, gap.to)).collect();
            let tiers: Vec<String> = match &of.price {
                Price::None => Vec::new(),
                Price::Amount(amount) => vec![format!("None:{amount}")],
                Price::Tiers(tiers) => tiers.iter().map(|(up_to, amount)| format!("{up_to:?}:{amount}")).collect(),
            };
            let begun = evaluation.begun.expect("what is reached has begun");
            let mut missing = of.missing.clone();
            missing.sort();
            missing.dedup();
            format!(
                "{head} {} {} began {} {} from {} days {:?} gaps {gaps:?} hours {:?} hold {:?} missing {missing:?} price {tiers:?}",
                of.standing(date(as_of)).as_str(),
                of.achieved_on,
                begun.event,
                begun.on,
                begun.counted_from,
                of.days_counted,
                of.hours.map(|hours| format!("{hours:.2}")),
                of.hold,
            )
        }
    }
}

fn by_the_engine(world: &World, rulebook: &Rulebook, events: &[Recorded]) -> Vec<String> {
    let known = events.iter().filter(|event| event.position.0 <= world.known).cloned();
    let history = History::of(known);
    let facts = history.facts_as_of(world.as_of);
    let evaluated = evaluate(&Case::of(&facts), rulebook, world.as_of);
    evaluated.iter().map(|evaluation| judged(evaluation, number(world.as_of))).collect()
}

fn by_the_model(world: &World, rulebook: &Rulebook, events: &[Recorded]) -> Vec<String> {
    let said = facts::known(events, world.known);
    let case = Model::of(&said, number(world.as_of));
    case.judged(rulebook).iter().map(modelled).collect()
}

/// Where the two differ on a world, journey by journey.
pub(super) fn difference(world: &World) -> Option<String> {
    let rulebook = world.books[0].read()?;
    world.journeys.iter().find_map(|(id, events)| {
        let (engine, model) = (by_the_engine(world, &rulebook, events), by_the_model(world, &rulebook, events));
        (engine != model).then(|| told(*id, &engine, &model))
    })
}

fn told(id: Uuid, engine: &[String], model: &[String]) -> String {
    let mut text = format!("journey {id}\n");
    for line in engine.iter().filter(|line| !model.contains(line)) {
        text += &format!("  engine: {line}\n");
    }
    for line in model.iter().filter(|line| !engine.contains(line)) {
        text += &format!("  model:  {line}\n");
    }
    text
}

pub(super) const TOGETHER: Use = Use { together: true, versions: false };

/// Every claim of a world with what becomes of it beside all others, by the engine.
fn settled_by_the_engine(world: &World, rulebook: &Rulebook) -> Vec<String> {
    let is_known = |event: &&Recorded| event.position.0 <= world.known;
    let history = |events: &[Recorded]| History::of(events.iter().filter(is_known).cloned());
    let subjects: HashMap<Uuid, History> = world.subjects.iter().map(|(id, events)| (*id, history(events))).collect();
    let people = People::of(&subjects, world.as_of);
    let (mut heads, mut entitlements) = (Vec::new(), Vec::new());
    for (journey, events) in &world.journeys {
        let facts = history(events);
        let facts = facts.facts_as_of(world.as_of);
        let case = Case::of(&facts);
        let person = case.subject.map(|subject| people.person(subject));
        for evaluation in evaluate(&case, rulebook, world.as_of) {
            let State::Reached(achievement) = &evaluation.state else { continue };
            let code = &rulebook.outcomes[evaluation.outcome].code;
            let claim = claim_id(JourneyId(*journey), code, evaluation.repeat);
            let days = (world.as_of, world.as_of);
            heads.push(format!("{claim} {journey} {code}#{} {}", evaluation.repeat, achievement.achieved_on));
            entitlements.push(entitlement(claim, (*journey, person), evaluation.outcome, achievement, days));
        }
    }
    let settled = settle::settle(&Terms::alone(rulebook), &entitlements, &[]).claims;
    let settled = heads.iter().zip(settled).map(|(head, of)| {
        let by = of.excluded_by.map(|by| match by {
            settle::ExcludedBy::Outcome(at) => rulebook.outcomes[at].code.clone(),
            settle::ExcludedBy::Person => "person".to_owned(),
        });
        format!("{head} {} {:?} {by:?}", of.status.as_str(), of.amount.map(|amount| format!("{amount:.2}")))
    });
    settled.collect()
}

/// The one person behind each record: the smallest of all that are joined.
fn people(world: &World) -> BTreeMap<Uuid, Uuid> {
    let mut said: Vec<(i64, i64, [Uuid; 2], bool)> = Vec::new();
    for (id, events) in &world.subjects {
        for said_of in facts::by(&facts::known(events, world.known), number(world.as_of)) {
            let (with, linked) = match &said_of.event {
                Event::SubjectsLinked(of) => (of.with.0, true),
                Event::SubjectsUnlinked(of) => (of.with.0, false),
                _ => continue,
            };
            let position = events.iter().find(|event| event.event_id == said_of.id).map_or(0, |event| event.position.0);
            let pair = [with.min(*id), with.max(*id)];
            said.push((number(said_of.occurred.earliest()), position, pair, linked));
        }
    }
    said.sort_unstable();
    let mut joined: BTreeMap<[Uuid; 2], bool> = BTreeMap::new();
    joined.extend(said.into_iter().map(|(.., pair, linked)| (pair, linked)));
    let records = joined.keys().flatten().map(|record| (*record, *record));
    let mut people: BTreeMap<Uuid, Uuid> = records.collect();
    // The smallest of two that are joined is handed on until nothing changes.
    loop {
        let before = people.clone();
        for ([one, other], _) in joined.iter().filter(|(_, linked)| **linked) {
            let smallest = people[one].min(people[other]);
            people.extend([(*one, smallest), (*other, smallest)]);
        }
        if people == before {
            return people;
        }
    }
}

fn settled_by_the_model(world: &World, rulebook: &Rulebook) -> Option<Vec<String>> {
    let people = people(world);
    let (mut heads, mut entries) = (Vec::new(), Vec::new());
    for (journey, events) in &world.journeys {
        let said = facts::known(events, world.known);
        let case = Model::of(&said, number(world.as_of));
        for alone in case.judged(rulebook) {
            let Is::Reached(of) = alone.is else { continue };
            let subject = case.client.subject.expect("what is reached has a client");
            let code = &rulebook.outcomes[alone.outcome].code;
            let claim = claim_id(JourneyId(*journey), code, alone.repeat);
            heads.push(format!("{claim} {journey} {code}#{} {}", alone.repeat, date(of.on)));
            entries.push(Entry {
                claim,
                journey: *journey,
                person: people.get(&subject).copied().unwrap_or(subject),
                rules: rulebook,
                outcome: alone.outcome,
                repeat: alone.repeat,
                on: of.on,
                tiers: of.tiers,
                status: of.status,
            });
        }
    }
    let settled = money::settle(&entries, &rulebook.caps, rulebook)?;
    let settled = heads.iter().zip(settled).map(|(head, of)| {
        let amount = of.amount.map(|amount| format!("{amount:.2}"));
        format!("{head} {} {amount:?} {:?}", of.status.as_str(), of.excluded_by)
    });
    Some(settled.collect())
}

pub(super) fn difference_together(world: &World) -> Option<String> {
    let rulebook = world.books[0].read()?;
    let engine = settled_by_the_engine(world, &rulebook);
    let model = settled_by_the_model(world, &rulebook)?;
    (engine != model).then(|| told(Uuid::nil(), &engine, &model))
}

#[test]
fn claims_come_together_to_what_trying_them_one_by_one_makes_them() {
    let first = std::env::var("MODEL_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = first.map_or(0..journeys() / 5, |seed: u64| seed..seed + 1);
    for seed in seeds {
        let world = World::of(seed, 5, TOGETHER);
        if let Some(found) = difference_together(&world) {
            panic!("seed {seed}: {found}\n{}", world.smallest(&|world| difference_together(world).is_some()));
        }
    }
}

#[test]
fn every_outcome_of_a_journey_is_what_counting_day_by_day_makes_it() {
    let first = std::env::var("MODEL_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = first.map_or(0..journeys() / 2, |seed: u64| seed..seed + 1);
    for seed in seeds {
        let world = World::of(seed, 2, ALONE);
        if let Some(found) = difference(&world) {
            panic!("seed {seed}: {found}\n{}", world.smallest(&|world| difference(world).is_some()));
        }
    }
}
