//! Random cases: jobs that overlap and change on awkward days, imprecise dates, risks, evidence, and later corrections
//! of all of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Days, NaiveDate, Utc};
use uuid::Uuid;

use super::dice::Dice;
use super::rules::{self, AREAS, Book, COHORTS, DOMAINS, KINDS, RISKS, Use};
use crate::fact::Recorded;
use crate::fact::envelope::{Actor, EventId, EvidenceId, Occurred, Position, Precision, RiskId, SpellId, SubjectId};
use crate::fact::event::{
    AchievementRecorded, Attribute, Eligibility, EligibilityAssessed, EngagementStarted, Event, EvidenceAttached,
    EvidenceRejected, EvidenceVerified, EvidenceWithdrawn, FactCorrected, FactRetracted, MeasureRecorded, PlanAgreed,
    Quantity, ReferralReceived, Referrer, RiskCleared, RiskRaised, SpellChanged, SpellEnded, SpellStarted,
    SubjectsLinked, SubjectsUnlinked,
};

/// Rulebooks, cases, and the point in time to judge them from.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) books: Vec<Book>,
    /// The events of each case, by its id.
    pub(super) journeys: BTreeMap<Uuid, Vec<Recorded>>,
    /// The links between records of one person, in the streams of these records.
    pub(super) subjects: BTreeMap<Uuid, Vec<Recorded>>,
    pub(super) as_of: NaiveDate,
    pub(super) known: i64,
    /// Whether dates may be known only by their month or year.
    pub(super) has_months: bool,
}

/// A fact of a case, dated on a day.
struct Fact {
    id: EventId,
    /// The spell, risk or evidence that it is about, and whether it starts it.
    about: Option<(Uuid, bool)>,
    on: i64,
    precision: Precision,
    event: Event,
    /// The time of recording, as far as it decides an order.
    key: i64,
}

/// A case while it is generated.
struct Making<'d> {
    dice: &'d mut Dice,
    base: NaiveDate,
    subject: u128,
    things: u128,
    facts: Vec<Fact>,
    /// The number of ways in which its dates can be read.
    readings: i64,
}

const BASES: [(i32, u32, u32); 4] = [(2021, 10, 1), (2022, 1, 1), (2023, 10, 15), (2022, 2, 27)];
/// The number of days on which things happen.
const LIFE: i64 = 170;

pub(super) fn base(dice: &mut Dice) -> NaiveDate {
    let (year, month, day) = dice.one(&BASES);
    NaiveDate::from_ymd_opt(year, month, day).expect("a date")
}

pub(super) fn after(base: NaiveDate, days: i64) -> NaiveDate {
    base.checked_add_days(Days::new(days.try_into().expect("a day after the first"))).expect("a date")
}

impl World {
    pub(super) fn of(seed: u64, journeys: usize, uses: Use) -> Self {
        let mut dice = Dice::of(seed);
        let base = base(&mut dice);
        let books = books(&mut dice, base, uses);
        let mut events = BTreeMap::new();
        let mut position = 0;
        for nth in 0..journeys {
            let nth = nth as u128 + 1;
            // Sometimes a client is referred again.
            let subject = if uses.together && dice.percent(30) { 1 } else { nth };
            let made = journey(&mut dice, base, (nth, subject), uses, &mut position);
            events.insert(Uuid::from_u128(0x7_0000 + nth), made);
        }
        let subjects =
            if uses.together { links(&mut dice, base, journeys as u128, &mut position) } else { BTreeMap::new() };
        let known = if dice.percent(70) { position } else { dice.between(1, position) };
        let as_of = after(base, dice.between(1, LIFE + 60));
        Self { books, journeys: events, subjects, as_of, known, has_months: uses.months }
    }
}

/// One version of the rulebook, or up to three that follow each other.
fn books(dice: &mut Dice, base: NaiveDate, uses: Use) -> Vec<Book> {
    if !uses.versions {
        return vec![rules::book(dice, base, uses, (1, base - Days::new(400), "achieved", false))];
    }
    let by = ["referred", "occurred", "achieved", "achieved", "submitted", "recorded"];
    let mut from = if dice.percent(80) { base - Days::new(400) } else { after(base, dice.between(0, 60)) };
    let chosen = dice.one(&by);
    let retroactive = dice.percent(10);
    let mut books = vec![rules::book(dice, base, uses, (1, from, chosen, retroactive))];
    for version in 2..4 {
        if version == 3 && dice.percent(50) {
            continue;
        }
        from = from.max(base) + Days::new(dice.between(1, 80).unsigned_abs());
        // Most contracts use only one kind of date.
        let chosen = if dice.percent(70) { chosen } else { dice.one(&by) };
        let of = (version, from, chosen, dice.percent(25));
        let before = books.last().expect("there is a version").clone();
        books.push(rules::next_book(dice, base, uses, &before, of));
    }
    books
}

fn journey(
    dice: &mut Dice,
    base: NaiveDate,
    (nth, subject): (u128, u128),
    uses: Use,
    position: &mut i64,
) -> Vec<Recorded> {
    let mut making = Making {
        dice,
        base,
        subject,
        things: nth * 0x100,
        facts: Vec::new(),
        readings: if uses.months { 1 } else { 1_000 },
    };
    making.referral();
    let spells = making.dice.below(6);
    for _ in 0..spells {
        making.spell();
    }
    for _ in 0..making.dice.below(4) {
        making.mark();
    }
    for _ in 0..making.dice.below(3) {
        making.risk();
    }
    if making.dice.percent(40) {
        making.assessment();
    }
    making.recorded(position)
}

/// Links and unlinks between records.
fn links(dice: &mut Dice, base: NaiveDate, subjects: u128, position: &mut i64) -> BTreeMap<Uuid, Vec<Recorded>> {
    let mut streams: BTreeMap<Uuid, Vec<Recorded>> = BTreeMap::new();
    for _ in 0..dice.below(4) {
        let last = i64::try_from(subjects).expect("few subjects");
        let [one, other] = [dice.between(1, last), dice.between(1, last)];
        if one == other {
            continue;
        }
        let record = |n: i64| SubjectId(Uuid::from_u128(0x1_0000 + u128::try_from(n).expect("a number")));
        let reason = "the same".to_owned();
        let event: Event = if dice.percent(75) {
            SubjectsLinked { with: record(other), reason }.into()
        } else {
            SubjectsUnlinked { with: record(other), reason }.into()
        };
        let on = dice.between(0, LIFE);
        *position += 1;
        let stream = streams.entry(record(one).0).or_default();
        let at = (i64::try_from(stream.len()).expect("few events") + 1, *position, on);
        stream.push(recorded(
            base,
            at,
            (
                EventId(Uuid::from_u128(0x9_0000_0000 + u128::from(position.unsigned_abs()))),
                Occurred::on(after(base, on)),
                event,
            ),
        ));
    }
    streams
}

fn recorded(
    base: NaiveDate,
    (version, position, on): (i64, i64, i64),
    (event_id, occurred, event): (EventId, Occurred, Event),
) -> Recorded {
    let hour = u32::try_from(position % 24).expect("an hour");
    let recorded_at: DateTime<Utc> = after(base, on.max(0)).and_hms_opt(hour, 30, 0).expect("a time").and_utc();
    Recorded {
        event_id,
        position: Position(position),
        version,
        contract: Some("try".to_owned()),
        recorded_at,
        actor: Actor { subject: String::new(), role: String::new(), on_behalf_of: None },
        occurred,
        event,
    }
}

impl Making<'_> {
    fn thing(&mut self) -> Uuid {
        self.things += 1;
        Uuid::from_u128(0x5_0000_0000 + self.things)
    }

    fn say(&mut self, on: i64, event: impl Into<Event>) -> EventId {
        let (id, event) = (EventId(self.thing()), event.into());
        let about = about(&event);
        let begun =
            self.facts.iter().filter(|fact| about == Some((fact.about.map_or(id.0, |(thing, _)| thing), false)));
        let (first_on, first_key) = begun.map(|fact| (fact.on, fact.key)).min().unwrap_or((0, 0));
        let precision = if self.dice.percent(97) {
            Precision::Day
        } else if self.dice.percent(90) {
            Precision::Month
        } else {
            Precision::Year
        };
        let earliest = Occurred::within(after(self.base, on), precision).earliest();
        let precision = if earliest < after(self.base, first_on) { Precision::Day } else { precision };
        let precision = self.bearable(precision);
        let late = if self.dice.percent(15) { self.dice.between(0, 40) } else { 0 };
        self.facts.push(Fact { id, about, on, precision, event, key: first_key.max(on + late) });
        id
    }

    /// A precision that keeps the number of readings small enough to try them one by one.
    fn bearable(&mut self, precision: Precision) -> Precision {
        let days = match precision {
            Precision::Day => 1,
            Precision::Month => 31,
            Precision::Year => 366,
        };
        if self.readings * days > 1_000 {
            return Precision::Day;
        }
        self.readings *= days;
        precision
    }

    fn referral(&mut self) {
        let referral = ReferralReceived {
            subject: SubjectId(Uuid::from_u128(0x1_0000 + self.subject)),
            area: self.dice.one(&AREAS).to_owned(),
            cohort: self.dice.percent(60).then(|| self.dice.one(&COHORTS).to_owned()),
            referrer: self.dice.percent(50).then(|| Referrer {
                organisation: None,
                kind: self.dice.percent(70).then(|| self.dice.one(&["self", "gp", "court"]).to_owned()),
            }),
            external_references: Vec::new(),
        };
        let (id, on) = (EventId(self.thing()), self.dice.between(0, 20));
        self.facts.push(Fact { id, about: None, on, precision: Precision::Day, event: referral.into(), key: -1 });
    }

    fn quantity(&mut self) -> Option<Quantity> {
        let hours = self.dice.one(&["", "8", "10", "12", "15.5", "16", "16", "20"]);
        (!hours.is_empty()).then(|| Quantity(hours.parse().expect("a decimal")))
    }

    fn attributes(&mut self, percent: usize) -> BTreeMap<String, Attribute> {
        let mut attributes = BTreeMap::new();
        if self.dice.percent(percent) {
            let kind = self.dice.one(&["kept", "new", "other"]);
            attributes.insert("kind".to_owned(), Attribute::Text(kind.to_owned()));
        }
        if self.dice.percent(percent) {
            let size = Quantity(self.dice.between(1, 3).into());
            attributes.insert("size".to_owned(), Attribute::Quantity(size));
        }
        if self.dice.percent(20) {
            attributes.insert("colour".to_owned(), Attribute::Text(self.dice.one(&["red", "blue"]).to_owned()));
        }
        attributes
    }

    /// A day on which something already happened, or else any day.
    fn awkward(&mut self, first: i64, last: i64) -> i64 {
        let there: Vec<i64> = self.facts.iter().map(|fact| fact.on).filter(|on| (first..=last).contains(on)).collect();
        if there.is_empty() || self.dice.percent(60) { self.dice.between(first, last) } else { self.dice.one(&there) }
    }

    fn spell(&mut self) {
        let spell = SpellId(self.thing());
        let from = self.awkward(0, LIFE - 40);
        let length = if self.dice.percent(20) { self.dice.between(0, 7) } else { self.dice.between(1, 80) };
        let domain = if self.dice.percent(75) { DOMAINS[0] } else { self.dice.one(&DOMAINS) };
        let employer = self.dice.percent(70).then(|| self.dice.one(&["A", "B"]).to_owned());
        let started = SpellStarted {
            spell,
            domain: domain.to_owned(),
            employer_ref: employer,
            hours_per_week: self.quantity(),
            attributes: self.attributes(70),
            note: None,
        };
        let mut grounds = vec![spell.0, spell.0, self.say(from, started).0];
        for _ in 0..self.dice.below(3) {
            let on = self.awkward(from, from + length);
            let changed =
                SpellChanged { spell, hours_per_week: self.quantity(), attributes: self.attributes(25), note: None };
            grounds.push(self.say(on, changed).0);
        }
        if self.dice.percent(75) {
            grounds.push(self.say(from + length, SpellEnded { spell, reason: None, note: None }).0);
        }
        if self.dice.percent(50) {
            let ground = self.dice.one(&grounds);
            self.evidence(ground, from + length);
        }
    }

    fn mark(&mut self) {
        let on = self.awkward(0, LIFE);
        let event: Event = match self.dice.below(5) {
            0 | 1 => AchievementRecorded {
                code: self.dice.one(&["diploma", "badge", "other"]).to_owned(),
                level: self.dice.percent(70).then(|| self.dice.one(&["1", "2", "3"]).to_owned()),
            }
            .into(),
            2 => {
                PlanAgreed { kind: self.dice.one(&["php", "php", "ppep"]).to_owned(), actions: Vec::new(), note: None }
                    .into()
            }
            3 => EngagementStarted { basis: self.dice.one(&["visit", "call"]).to_owned() }.into(),
            _ => MeasureRecorded {
                code: "score".to_owned(),
                value: Quantity(self.dice.between(3, 8).into()),
                unit: None,
                period: None,
            }
            .into(),
        };
        let id = self.say(on, event);
        if self.dice.percent(40) {
            self.evidence(id.0, on);
        }
    }

    fn risk(&mut self) {
        let risk = RiskId(self.thing());
        let on = self.awkward(0, LIFE);
        let kind = self.dice.one(&RISKS).to_owned();
        self.say(on, RiskRaised { risk, kind });
        if self.dice.percent(70) {
            let over = on + self.dice.between(0, 60);
            self.say(over, RiskCleared { risk });
        }
    }

    fn assessment(&mut self) {
        let mut facts = BTreeMap::new();
        if self.dice.percent(70) {
            facts.insert("status".to_owned(), Attribute::Text(self.dice.one(&["out", "in"]).to_owned()));
        }
        if self.dice.percent(70) {
            facts.insert("age".to_owned(), Attribute::Quantity(Quantity(self.dice.between(17, 19).into())));
        }
        if self.dice.percent(30) {
            facts.insert("carer".to_owned(), Attribute::Flag(self.dice.percent(50)));
        }
        let on = self.dice.between(0, 60);
        self.say(on, EligibilityAssessed { result: Eligibility::Eligible, criteria: BTreeMap::new(), facts });
    }

    /// Evidence for an item, dated around a day and attached some time later, with its checks.
    fn evidence(&mut self, supports: Uuid, about: i64) {
        for _ in 0..=self.dice.below(2) {
            let evidence = EvidenceId(self.thing());
            let dated = (about + self.dice.between(-60, 30)).max(0);
            let on = dated + self.dice.between(0, 20);
            let attached = EvidenceAttached {
                evidence,
                kind: self.dice.one(&KINDS).to_owned(),
                sha256: self.dice.percent(70).then(|| "ab".repeat(32)),
                dated_on: after(self.base, dated),
                obtained_on: None,
                obtained_how: None,
                supports: vec![supports],
            };
            self.say(on, attached);
            let later = on + self.dice.between(0, 30);
            match self.dice.below(6) {
                0 => _ = self.say(later, EvidenceRejected { evidence, defect: "illegible".to_owned() }),
                1 => _ = self.say(later, EvidenceWithdrawn { evidence, reason: None }),
                2 | 3 => _ = self.say(later, EvidenceVerified { evidence }),
                _ => {}
            }
        }
    }
}

/// The spell, risk or evidence that an event is about, and whether it starts it.
fn about(event: &Event) -> Option<(Uuid, bool)> {
    match event {
        Event::SpellStarted(of) => Some((of.spell.0, true)),
        Event::SpellChanged(of) => Some((of.spell.0, false)),
        Event::SpellEnded(of) => Some((of.spell.0, false)),
        Event::RiskRaised(of) => Some((of.risk.0, true)),
        Event::RiskCleared(of) => Some((of.risk.0, false)),
        Event::EvidenceAttached(of) => Some((of.evidence.0, true)),
        Event::EvidenceVerified(of) => Some((of.evidence.0, false)),
        Event::EvidenceRejected(of) => Some((of.evidence.0, false)),
        Event::EvidenceWithdrawn(of) => Some((of.evidence.0, false)),
        _ => None,
    }
}

impl Making<'_> {
    /// The events in the order in which they were recorded, with later corrections and retractions.
    fn recorded(mut self, position: &mut i64) -> Vec<Recorded> {
        let mut all: Vec<(i64, EventId, Occurred, Event)> = Vec::new();
        for at in 0..self.facts.len() {
            let Fact { id, on, precision, key, .. } = self.facts[at];
            let occurred = Occurred::within(after(self.base, on), precision);
            all.push((key, id, occurred, self.facts[at].event.clone()));
            if self.dice.percent(10) {
                for _ in 0..=self.dice.below(2) {
                    all.push(self.correction(at));
                }
            }
            if self.dice.percent(4) {
                all.extend(self.retractions(at));
            }
        }
        all.sort_by_key(|(key, ..)| *key);
        let mut all_recorded: Vec<Recorded> = Vec::new();
        for (key, event_id, occurred, event) in all {
            *position += 1;
            let version = i64::try_from(all_recorded.len()).expect("few events") + 1;
            all_recorded.push(recorded(self.base, (version, *position, key), (event_id, occurred, event)));
        }
        all_recorded
    }

    /// A start is corrected to an earlier day, a later fact about the same item to a later one. So every reading could
    /// have been recorded.
    fn correction(&mut self, at: usize) -> (i64, EventId, Occurred, Event) {
        let Fact { id: target, about, on, key, .. } = self.facts[at];
        let event = if self.dice.percent(50) { self.facts[at].event.clone() } else { self.otherwise(at) };
        let moved = if self.dice.percent(60) { self.dice.between(1, 25) } else { 0 };
        let on = match about {
            Some((_, true)) => (on - moved).max(0),
            _ => on + moved,
        };
        let begins = about.is_some_and(|(_, begins)| begins);
        let precision = if begins && self.dice.percent(5) { Precision::Month } else { Precision::Day };
        let precision = self.bearable(precision);
        let key = key + self.dice.between(0, 60);
        let occurred = Occurred::within(after(self.base, on), precision);
        let payload = serde_json::from_str(event.payload().get()).expect("a payload is JSON");
        let corrected = FactCorrected {
            target,
            occurred_on: occurred.earliest(),
            precision,
            local_time: None,
            schema_version: 1,
            payload,
            reason: "typed wrongly".to_owned(),
        };
        let recorded_on = Occurred::on(after(self.base, key.max(0)));
        (key, EventId(self.thing()), recorded_on, corrected.into())
    }

    /// The same kind of fact with other values.
    fn otherwise(&mut self, at: usize) -> Event {
        let mut event = self.facts[at].event.clone();
        match &mut event {
            Event::ReferralReceived(of) => {
                of.area = self.dice.one(&AREAS).to_owned();
                of.cohort = self.dice.percent(60).then(|| self.dice.one(&COHORTS).to_owned());
            }
            Event::SpellStarted(of) => {
                of.hours_per_week = self.quantity();
                of.attributes = self.attributes(70);
                if self.dice.percent(30) {
                    of.domain = self.dice.one(&DOMAINS).to_owned();
                }
                if self.dice.percent(30) {
                    of.employer_ref = Some(self.dice.one(&["A", "B"]).to_owned());
                }
            }
            Event::SpellChanged(of) => of.hours_per_week = self.quantity(),
            Event::EvidenceAttached(of) => of.kind = self.dice.one(&KINDS).to_owned(),
            Event::RiskRaised(of) => of.kind = self.dice.one(&RISKS).to_owned(),
            Event::MeasureRecorded(of) => of.value = Quantity(self.dice.between(3, 8).into()),
            Event::AchievementRecorded(of) => of.code = self.dice.one(&["diploma", "other"]).to_owned(),
            _ => {}
        }
        event
    }

    /// The retractions of a fact and of all facts about the same item.
    fn retractions(&mut self, at: usize) -> Vec<(i64, EventId, Occurred, Event)> {
        let about = self.facts[at].about;
        let whole = |fact: &&Fact| fact.about.is_some_and(|(thing, _)| about == Some((thing, true)));
        let mut targets: Vec<(EventId, i64)> =
            self.facts.iter().filter(whole).map(|fact| (fact.id, fact.key)).collect();
        if targets.is_empty() && at > 0 {
            targets.push((self.facts[at].id, self.facts[at].key));
        }
        let key = targets.iter().map(|(_, key)| *key).max().unwrap_or(0) + self.dice.between(0, 60);
        let recorded_on = Occurred::on(after(self.base, key.max(0)));
        let retracted = |target: EventId| FactRetracted { target, reason: "never was so".to_owned() };
        targets
            .into_iter()
            .map(|(target, _)| (key, EventId(self.thing()), recorded_on, retracted(target).into()))
            .collect()
    }
}

impl World {
    /// Removes everything from the world that its fault does not need. Returns the rest and the fault as text.
    pub(super) fn smallest(&self, fault: &dyn Fn(&Self) -> Option<String>) -> String {
        let mut smallest = self.clone();
        while let Some(smaller) = smallest.smaller().into_iter().find(|world| fault(world).is_some()) {
            smallest = smaller;
        }
        format!("{}\n{}", fault(&smallest).unwrap_or_default(), smallest.described())
    }

    /// Every world with one event, line or version less.
    fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        let mut with = |change: &dyn Fn(&mut Self)| {
            let mut world = self.clone();
            change(&mut world);
            all.push(world);
        };
        for id in self.journeys.keys() {
            if self.journeys.len() > 1 {
                with(&|world| _ = world.journeys.remove(id));
            }
            for event in &self.journeys[id] {
                let less = without(&self.journeys[id], event);
                with(&|world| _ = world.journeys.insert(*id, less.clone()));
            }
        }
        for id in self.subjects.keys() {
            for at in 0..self.subjects[id].len() {
                with(&|world| _ = world.subjects.get_mut(id).expect("it is there").remove(at));
            }
        }
        for (at, book) in self.books.iter().enumerate() {
            for (nth, block) in book.0.iter().enumerate().skip(1) {
                with(&|world| _ = world.books[at].0.remove(nth));
                for line in 1..block.len() {
                    with(&|world| _ = world.books[at].0[nth].remove(line));
                }
            }
        }
        let readable = |world: &Self| world.books.iter().all(|book| book.read().is_some());
        all.retain(readable);
        all
    }

    fn described(&self) -> String {
        let mut text = format!("as of {}, known at {}\n", self.as_of, self.known);
        for book in &self.books {
            let lines = book.text();
            text += &lines;
        }
        for (id, events) in self.subjects.iter().chain(&self.journeys) {
            writeln!(text, "stream {id}").expect("a String");
            for event in events {
                let Recorded { event_id, position, occurred, event, .. } = event;
                let on = match occurred.precision() {
                    Precision::Day => occurred.earliest().to_string(),
                    _ => format!("{}..{}", occurred.earliest(), occurred.latest()),
                };
                let (kind, payload) = (event.event_type().as_str(), event.payload());
                writeln!(text, "  {} {event_id} {on} {kind} {payload}", position.0).expect("a String");
            }
        }
        text
    }
}

/// The events without one of them, and without the facts about the same item.
fn without(events: &[Recorded], gone: &Recorded) -> Vec<Recorded> {
    let thing = about(&gone.event).filter(|(_, begins)| *begins).map(|(thing, _)| thing);
    let of_thing = |event: &Recorded| thing.is_some() && about(&event.event).map(|(thing, _)| thing) == thing;
    let left: Vec<&Recorded> =
        events.iter().filter(|event| event.event_id != gone.event_id && !of_thing(event)).collect();
    let is_there = |event: EventId| left.iter().any(|other| other.event_id == event);
    let stands = |event: &&&Recorded| match &event.event {
        Event::FactCorrected(of) => is_there(of.target),
        Event::FactRetracted(of) => is_there(of.target),
        _ => true,
    };
    left.iter().filter(stands).map(|event| (*event).clone()).collect()
}
