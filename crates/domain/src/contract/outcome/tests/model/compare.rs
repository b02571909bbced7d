//! Runs the model and the engine on the same random rulebooks and cases.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use chrono::NaiveDate;
use uuid::Uuid;

use super::facts::{self, Day, date, number};
use super::judge::{Alone, Case as Model, Is};
use super::money::{self, Entry};
use super::rules::{Book, Use};
use super::versions as modelled_versions;
use super::world::World;
use crate::contract::Rulebook;
use crate::contract::outcome::price::Price;
use crate::contract::outcome::settle::{self, Settled};
use crate::contract::outcome::versions::{ClaimDays, Claimant, Judged, Sight, Versions, entitlement};
use crate::contract::outcome::{Case, People, State, claim_id};
use crate::fact::History;
use crate::fact::Recorded;
use crate::fact::envelope::{ClaimId, EventId, JourneyId};
use crate::fact::event::Event;

/// The input of both.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    pub(super) uses: Use,
    pub(super) journeys: usize,
}

pub(super) const ALONE: Kind = Kind { uses: Use { together: false, versions: false, months: true }, journeys: 2 };
pub(super) const VERSIONS: Kind = Kind { uses: Use { together: false, versions: true, months: false }, journeys: 2 };
pub(super) const TOGETHER: Kind = Kind { uses: Use { together: true, versions: false, months: false }, journeys: 5 };
pub(super) const EVERYTHING: Kind = Kind { uses: Use { together: true, versions: true, months: false }, journeys: 5 };

/// The answer of one of the two: every outcome of every case alone, and every claim settled with all others.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Says {
    /// With the facts that it is based on.
    alone: Vec<(String, String)>,
    settled: Vec<(String, String)>,
}

/// The day on which a claim was submitted, where that chooses between versions. Some claims were submitted.
fn submitted_on(claim: ClaimId, as_of: NaiveDate) -> Option<NaiveDate> {
    let [first, second, ..] = *claim.0.as_bytes();
    (first % 4 == 0).then(|| date(number(as_of) - Day::from(second % 100)))
}

/// The civil date on which each event was recorded.
fn recorded_on(world: &World, zone: chrono_tz::Tz) -> HashMap<EventId, NaiveDate> {
    let events = world.journeys.values().flatten();
    events.map(|event| (event.event_id, event.recorded_at.with_timezone(&zone).date_naive())).collect()
}

fn by_the_engine(world: &World, rulebooks: &[Rulebook]) -> Says {
    let is_known = |event: &&Recorded| event.position.0 <= world.known;
    let history = |events: &[Recorded]| History::of(events.iter().filter(is_known).cloned());
    let subjects: HashMap<Uuid, History> = world.subjects.iter().map(|(id, events)| (*id, history(events))).collect();
    let people = People::of(&subjects, world.as_of);
    let versions = Versions::of(rulebooks);
    let terms = versions.terms(world.as_of);
    let recorded = recorded_on(world, rulebooks[0].calendar.zone);
    let sight = Sight {
        as_of: world.as_of,
        submitted_on: &|claim| submitted_on(claim, world.as_of),
        recorded_on: &|event| recorded.get(&event).copied(),
    };
    let (mut alone, mut heads, mut entitlements) = (Vec::new(), Vec::new(), Vec::new());
    for (journey, events) in &world.journeys {
        let facts = history(events);
        let facts = facts.facts_as_of(world.as_of);
        let case = Case::of(&facts);
        let person = case.subject.map(|subject| people.person(subject));
        for judged in versions.judge(JourneyId(*journey), &case, sight) {
            let (outcome, repeat) = (judged.evaluation.outcome, judged.evaluation.repeat);
            let code = &rulebooks[judged.version].outcomes[outcome].code;
            let head = format!("{journey} {code}#{repeat} by {}", judged.version);
            let (words, ground) = engine_words(&judged, world.as_of);
            alone.push((format!("{head} {words}"), ground));
            let State::Reached(achievement) = &judged.evaluation.state else { continue };
            let claim = claim_id(JourneyId(*journey), code, repeat);
            heads.push(format!("{head} {claim} {}", achievement.achieved_on));
            let number = terms.number(judged.version, outcome);
            let (claimant, days) = (Claimant { holder: *journey, person }, ClaimDays::on(world.as_of));
            entitlements.push(entitlement(claim, claimant, number, achievement, days));
        }
    }
    let words = |of: Settled| {
        let by = of.excluded_by.map(|by| match by {
            settle::ExcludedBy::Outcome(at) => terms.outcome(at).code.clone(),
            settle::ExcludedBy::Person => "person".to_owned(),
        });
        (of.status.as_str(), of.amount.map(|amount| format!("{amount:.2}")), by.map(by_whom))
    };
    let settled = settle::settle(&terms, &entitlements, &[]).claims.into_iter().map(words);
    Says::of(alone, heads.iter().zip(settled).map(|(head, of)| (format!("{head} {of:?}"), String::new())).collect())
}

/// Why a claim is excluded. A claim excluded by both its group and its person may name either.
fn by_whom(_named: String) -> &'static str {
    "another"
}

impl Says {
    fn of(mut alone: Vec<(String, String)>, mut settled: Vec<(String, String)>) -> Self {
        alone.sort();
        settled.sort();
        Self { alone, settled }
    }

    /// The lines in which the two answers differ.
    fn beside(&self, model: &Self, has_months: bool) -> Option<String> {
        let mut text = String::new();
        // If only the month of a date is known, several runs are equally good.
        let same = |(words, ground): &(String, String), (others, other): &(String, String)| {
            words == others && (ground.is_empty() || other.is_empty() || ground == other)
        };
        // The status without regard to others is what a claim brings to settling.
        let both = [(&self.alone, &model.alone), (&self.settled, &model.settled)];
        for (engine, model) in both.into_iter().take(if has_months { 1 } else { 2 }) {
            for line in engine.iter().filter(|line| !model.iter().any(|other| same(line, other))) {
                writeln!(text, "  engine: {} {}", line.0, line.1).expect("a String");
            }
            for line in model.iter().filter(|line| !engine.iter().any(|other| same(line, other))) {
                writeln!(text, "  model:  {} {}", line.0, line.1).expect("a String");
            }
            if !text.is_empty() {
                break;
            }
        }
        (!text.is_empty()).then_some(text)
    }
}

fn engine_words(judged: &Judged, as_of: NaiveDate) -> (String, String) {
    match &judged.evaluation.state {
        State::NotStarted { .. } => ("not_started".to_owned(), String::new()),
        State::Maturing { earliest_on, .. } => (format!("maturing {earliest_on}"), String::new()),
        State::Reached(of) => {
            let gaps: Vec<String> = of.gaps.iter().map(|gap| format!("{}..{}", gap.from, gap.to)).collect();
            let prices: Vec<String> = match &of.price {
                Price::None => Vec::new(),
                Price::Amount(amount) => vec![format!("None:{amount}")],
                Price::Tiers(tiers) => tiers.iter().map(|(up_to, amount)| format!("{up_to:?}:{amount}")).collect(),
            };
            let begun = judged.evaluation.begun.expect("what is reached has begun");
            let mut missing = of.missing.clone();
            missing.sort();
            missing.dedup();
            let begun = (begun.event.to_string(), begun.on, begun.counted_from);
            let hours = of.hours.map(|hours| format!("{hours:.2}"));
            let standing = of.standing(as_of).as_str();
            let run = (of.days_counted, gaps, hours);
            let words = format!("{} {:?} price {prices:?}", of.achieved_on, of.hold);
            (words, format!("{standing} missing {missing:?} begun {begun:?} run {run:?}"))
        }
    }
}

fn model_words(alone: &Alone) -> (String, String) {
    match &alone.is {
        Is::NotStarted => ("not_started".to_owned(), String::new()),
        Is::Maturing(_, on) => (format!("maturing {}", date(*on)), String::new()),
        Is::Reached(of) => {
            let gaps: Vec<String> =
                of.gaps.iter().map(|(from, to)| format!("{}..{}", date(*from), date(*to))).collect();
            let prices: Vec<String> = of.tiers.iter().map(|(up_to, amount)| format!("{up_to:?}:{amount:.2}")).collect();
            let begun = (of.begun.0.to_string(), date(of.begun.1), date(of.begun.2));
            let hours = of.hours.map(|hours| format!("{hours:.2}"));
            let standing = of.status.as_str();
            let run = (of.days, gaps, hours);
            let (on, missing) = (date(of.on), &of.missing);
            let ground = format!("{standing} missing {missing:?} begun {begun:?} run {run:?}");
            let words = format!("{on} {:?} price {prices:?}", of.hold);
            (words, if of.is_vague { String::new() } else { ground })
        }
    }
}

/// The person behind each record: the smallest id of all joined records.
fn people(world: &World) -> BTreeMap<Uuid, Uuid> {
    let mut said: Vec<(Day, i64, [Uuid; 2], bool)> = Vec::new();
    for (id, events) in &world.subjects {
        let is_seen = |event: &&Recorded| event.position.0 <= world.known && event.occurred.earliest() <= world.as_of;
        for event in events.iter().filter(is_seen) {
            let (with, linked) = match &event.event {
                Event::SubjectsLinked(of) => (of.with.0, true),
                Event::SubjectsUnlinked(of) => (of.with.0, false),
                _ => continue,
            };
            let pair = [with.min(*id), with.max(*id)];
            said.push((number(event.occurred.earliest()), event.position.0, pair, linked));
        }
    }
    said.sort_unstable();
    let mut joined: BTreeMap<[Uuid; 2], bool> = BTreeMap::new();
    joined.extend(said.into_iter().map(|(.., pair, linked)| (pair, linked)));
    let mut people: BTreeMap<Uuid, Uuid> = joined.keys().flatten().map(|record| (*record, *record)).collect();
    // Passes on the smaller id of two joined records until nothing changes.
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

/// None if the written rules do not decide the order.
fn by_the_model(world: &World, rulebooks: &[Rulebook]) -> Option<Says> {
    let people = people(world);
    let recorded = recorded_on(world, rulebooks[0].calendar.zone);
    let (mut alone, mut heads, mut entries) = (Vec::new(), Vec::new(), Vec::new());
    for (journey, events) in &world.journeys {
        let case = Model::of(&facts::known(events, world.known), number(world.as_of));
        let submitted = |code: &str, repeat: u32| {
            submitted_on(claim_id(JourneyId(*journey), code, repeat), world.as_of).map(number)
        };
        let sight =
            modelled_versions::Sight { submitted_on: &submitted, recorded_on: &|event| number(recorded[&event]) };
        for (version, of) in modelled_versions::judged(&case, rulebooks, &sight) {
            let code = &rulebooks[version].outcomes[of.outcome].code;
            let head = format!("{journey} {code}#{} by {version}", of.repeat);
            let (words, ground) = model_words(&of);
            alone.push((format!("{head} {words}"), ground));
            let Is::Reached(reached) = of.is else { continue };
            let subject = case.client.subject.expect("what is reached has a client");
            let claim = claim_id(JourneyId(*journey), code, of.repeat);
            heads.push(format!("{head} {claim} {}", date(reached.on)));
            entries.push(Entry {
                claim,
                journey: *journey,
                person: people.get(&subject).copied().unwrap_or(subject),
                rules: &rulebooks[version],
                outcome: of.outcome,
                repeat: of.repeat,
                on: reached.on,
                tiers: reached.tiers,
                status: reached.status,
            });
        }
    }
    let in_force = rulebooks.iter().rev().find(|rules| rules.effective_from <= world.as_of).unwrap_or(&rulebooks[0]);
    let words = |of: money::Become| {
        (of.status.as_str(), of.amount.map(|amount| format!("{amount:.2}")), of.excluded_by.map(by_whom))
    };
    let settled = money::settle(&entries, in_force)?.into_iter().map(words);
    Some(Says::of(
        alone,
        heads.iter().zip(settled).map(|(head, of)| (format!("{head} {of:?}"), String::new())).collect(),
    ))
}

/// The differences of the two on a world.
pub(super) fn difference(world: &World) -> Option<String> {
    let rulebooks: Vec<Rulebook> = world.books.iter().map(Book::read).collect::<Option<_>>()?;
    by_the_engine(world, &rulebooks).beside(&by_the_model(world, &rulebooks)?, world.has_months)
}

/// Compares this many cases, or fifty times as many in the long form.
#[track_caller]
fn compare(kind: Kind, journeys: usize) {
    let full = std::env::var_os("THROUGHLINE_TEST_FULL").is_some();
    let journeys = if full { journeys * 50 } else { journeys };
    let seeds = u64::try_from(journeys / kind.journeys).expect("few journeys");
    for seed in 0..seeds {
        let world = World::of(seed, kind.journeys, kind.uses);
        if let Some(found) = difference(&world) {
            panic!("seed {seed}:\n{found}\n{}", world.smallest(&difference));
        }
    }
}

#[test]
fn outcomes_of_a_case_match_a_day_by_day_count() {
    compare(ALONE, 500);
}

#[test]
fn a_claim_is_judged_by_the_version_that_the_model_finds() {
    compare(VERSIONS, 500);
}

#[test]
fn settled_claims_match_trying_them_one_by_one() {
    compare(TOGETHER, 500);
}

#[test]
fn settled_claims_under_many_versions_match_the_written_rules() {
    compare(EVERYTHING, 500);
}
