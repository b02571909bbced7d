//! The literal filter of "how facts combine", as plainly as it can be written: the events known, corrections applied,
//! the facts that were so by the day, folded.
//!
//! It reads records as JSON and must never call a fold or a view of the program: it is what they are compared with.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use chrono::{Datelike, Days, Months, NaiveDate, NaiveTime};
use serde_json::Value;
use throughline_domain::fact::envelope::Envelope;
use uuid::Uuid;

/// The first and the last day on which something may have been so.
pub(crate) type Between = (NaiveDate, NaiveDate);

/// A fact as it was known and so.
#[derive(Debug, Clone)]
pub(crate) struct Fact {
    kind: String,
    days: Between,
    time: Option<NaiveTime>,
    version: i64,
    payload: Value,
}

/// What the rulebook of the tests says, as far as answers depend on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// Whether a referral counts when it is accepted rather than received.
    pub(crate) counts_accepted: bool,
}

/// A journey at the end of a day, as it was known.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) journey: Uuid,
    pub(crate) reference: String,
    pub(crate) area: String,
    pub(crate) received: Between,
    pub(crate) accepted: Option<Between>,
    pub(crate) declined: Option<Between>,
    pub(crate) withdrawn: Option<Between>,
    /// The first close or transfer, and its reason.
    pub(crate) exit: Option<(Between, String)>,
    /// Whether the last close or transfer was not followed by a reopening.
    pub(crate) is_closed: bool,
    pub(crate) keyworker: Option<Uuid>,
    /// The made contacts that count: days and worker.
    pub(crate) contacts: Vec<(Between, Option<Uuid>)>,
    /// The plans that stop the clock.
    pub(crate) plans: Vec<Between>,
    /// For each stage the first fact that reached it.
    pub(crate) reached: [Option<NaiveDate>; STAGES.len()],
    /// The first mark of disengagement of each reason.
    pub(crate) disengaged: BTreeMap<String, NaiveDate>,
}

/// The stages of the tests' rulebook.
pub(crate) const STAGES: [&str; 6] =
    ["referral", "php_complete", "engaged", "housing_secured", "qualified", "ten_sessions"];

/// The journey that these events of one stream tell, known at a position, at the end of a day.
pub(crate) fn case(events: &[Envelope], known_at: i64, as_of: NaiveDate) -> Option<Case> {
    let facts = facts(events, known_at, as_of);
    let all = |kind: &'static str| facts.iter().filter(move |fact| fact.kind == kind);
    let first = |kind| all(kind).next();
    let referral = first("ReferralReceived")?;
    let journey = events[0].stream.id;
    let given = &referral.payload["external_references"][0]["id"];
    let own = own_reference(journey);
    let plans: Vec<Between> = all("PlanAgreed").filter(|fact| fact.payload["kind"] == "php").map(|f| f.days).collect();
    let mut disengaged = BTreeMap::new();
    for fact in all("Disengaged") {
        disengaged.entry(text(&fact.payload["reason"])).or_insert(fact.days.0);
    }
    Some(Case {
        journey,
        reference: given.as_str().map_or(own, str::to_owned),
        area: text(&referral.payload["area"]),
        received: referral.days,
        accepted: first("ReferralAccepted").map(|fact| fact.days),
        declined: first("ReferralDeclined").map(|fact| fact.days),
        withdrawn: first("ReferralWithdrawn").map(|fact| fact.days),
        exit: facts.iter().find(|fact| is_close(fact)).map(|fact| (fact.days, text(&fact.payload["reason"]))),
        is_closed: facts.iter().rfind(|fact| is_close(fact) || fact.kind == "JourneyReopened").is_some_and(is_close),
        keyworker: keyworker(&facts),
        contacts: all("ContactLogged").filter(|f| made(&f.payload)).map(|f| (f.days, worker(&f.payload))).collect(),
        reached: [
            Some(referral.days.0),
            plans.iter().map(|plan| plan.0).min(),
            first("EngagementStarted").map(|fact| fact.days.0),
            all("SpellStarted").filter_map(|start| secured_on(start, &facts)).min(),
            all("AchievementRecorded").find(|fact| fact.payload["level"] == "2").map(|fact| fact.days.0),
            all("MeasureRecorded").find(|fact| fact.payload["value"].as_i64() >= Some(10)).map(|fact| fact.days.0),
        ],
        plans,
        disengaged,
    })
}

fn is_close(fact: &Fact) -> bool {
    fact.kind == "JourneyClosed" || fact.kind == "JourneyTransferred"
}

/// The keyworker assigned last, unless they were released since.
fn keyworker(facts: &[Fact]) -> Option<Uuid> {
    let mut keyworker = None;
    for fact in facts.iter().filter(|fact| fact.payload["role"] == "keyworker") {
        match fact.kind.as_str() {
            "WorkerAssigned" => keyworker = worker(&fact.payload),
            "WorkerReleased" if keyworker == worker(&fact.payload) => keyworker = None,
            _ => {}
        }
    }
    keyworker
}

/// The first day on which this home was one that was kept or new: from its start, or from a change on.
fn secured_on(start: &Fact, facts: &[Fact]) -> Option<NaiveDate> {
    let changes: Vec<&Fact> = facts
        .iter()
        .filter(|fact| fact.kind == "SpellChanged" && fact.payload["spell"] == start.payload["spell"])
        .collect();
    let mut days: Vec<NaiveDate> = changes.iter().map(|fact| fact.days.0.max(start.days.0)).collect();
    days.push(start.days.0);
    days.sort_unstable();
    let secured = |day: &NaiveDate| {
        let said = std::iter::once(&start).chain(changes.iter().filter(|change| change.days.0 <= *day));
        let last = said.filter_map(|fact| fact.payload["attributes"]["secured_as"].as_str()).next_back();
        last == Some("kept") || last == Some("new")
    };
    days.into_iter().find(secured)
}

/// The facts known at a position that were so by a day, in their order.
fn facts(events: &[Envelope], known_at: i64, as_of: NaiveDate) -> Vec<Fact> {
    let known: Vec<&Envelope> = events.iter().filter(|event| event.position.0 <= known_at).collect();
    let payload = |event: &Envelope| -> Value { serde_json::from_str(event.payload.get()).expect("payloads are JSON") };
    let mut facts = Vec::new();
    for original in known.iter().filter(|event| !is_knowledge(event)) {
        let about = |event: &&&Envelope| {
            is_knowledge(event) && payload(event)["target"] == original.event_id.to_string().as_str()
        };
        let amendments: Vec<&&Envelope> = known.iter().filter(about).collect();
        if amendments.iter().any(|event| event.event_type == "FactRetracted") {
            continue;
        }
        let correction = amendments.iter().max_by_key(|event| event.version).map(|event| payload(event));
        let (days, time, payload) = match correction {
            Some(correction) => (
                interval(&text(&correction["occurred_on"]), correction["precision"].as_str().unwrap_or("day")),
                correction["local_time"].as_str().map(|time| time.parse().expect("a time")),
                correction["payload"].clone(),
            ),
            None => (
                (original.occurred.earliest(), original.occurred.latest()),
                original.occurred.local_time(),
                payload(original),
            ),
        };
        facts.push(Fact { kind: original.event_type.clone(), days, time, version: original.version, payload });
    }
    facts.retain(|fact| fact.days.0 <= as_of);
    facts.sort_by(in_order);
    facts
}

fn is_knowledge(event: &Envelope) -> bool {
    event.event_type == "FactCorrected" || event.event_type == "FactRetracted"
}

/// By the day, by the local time where both have one, by the version of the original.
fn in_order(one: &Fact, other: &Fact) -> Ordering {
    let times = one.time.zip(other.time).map_or(Ordering::Equal, |(one, other)| one.cmp(&other));
    one.days.0.cmp(&other.days.0).then(times).then(one.version.cmp(&other.version))
}

fn interval(day: &str, precision: &str) -> Between {
    let day: NaiveDate = day.parse().expect("a day");
    let (first, months) = match precision {
        "month" => (day.with_day(1), 1),
        "year" => (day.with_day(1).and_then(|day| day.with_month(1)), 12),
        _ => return (day, day),
    };
    let first = first.expect("a first day");
    (first, first + Months::new(months) - Days::new(1))
}

fn made(contact: &Value) -> bool {
    let attendance = contact["attendance"].as_str();
    let is_made = attendance == Some("attended") || attendance == Some("none") && contact["two_way"] == true;
    is_made && ["client", "family", "carer"].iter().any(|kind| contact["with"] == *kind)
}

fn worker(payload: &Value) -> Option<Uuid> {
    payload["worker"].as_str().map(|worker| worker.parse().expect("a worker's id"))
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// The fewest and the most days from one time to another, never below zero.
pub(crate) fn days(from: Between, to: Between) -> (i64, i64) {
    ((to.0 - from.1).num_days().max(0), (to.1 - from.0).num_days().max(0))
}

/// The bucket that holds all of these days, by inclusive upper edges.
pub(crate) fn bucket(days: (i64, i64), upper: [i64; 4]) -> Option<usize> {
    let bucket = |days: i64| upper.iter().filter(|edge| days > **edge).count();
    (bucket(days.0) == bucket(days.1)).then(|| bucket(days.0))
}

impl Case {
    /// Accepted and not closed.
    pub(crate) fn is_on_caseload(&self) -> bool {
        self.accepted.is_some() && !self.is_closed
    }

    /// The furthest stage in file order.
    pub(crate) fn stage(&self) -> Option<&'static str> {
        (0..STAGES.len()).rev().find(|stage| self.reached[*stage].is_some()).map(|stage| STAGES[stage])
    }

    /// Days since the last contact, of those that count: of several that stand on one day, the best known.
    pub(crate) fn since_contact(&self, of_keyworker: bool, as_of: NaiveDate) -> Option<(i64, i64)> {
        let counts = |worker: Option<Uuid>| !of_keyworker || worker.is_some() && worker == self.keyworker;
        let contacts: Vec<Between> =
            self.contacts.iter().filter(|(_, worker)| counts(*worker)).map(|(days, _)| *days).collect();
        let day = contacts.iter().map(|days| days.0).max()?;
        let latest = contacts.iter().filter(|days| days.0 == day).map(|days| days.1).min()?;
        Some(days((day, latest), (as_of, as_of)))
    }

    /// When the clock to the plan starts, if the case is in that population.
    pub(crate) fn clock(&self, rules: Rules) -> Option<Between> {
        let from = if rules.counts_accepted { self.accepted } else { Some(self.received) };
        from.filter(|_| self.declined.is_none() && self.withdrawn.is_none())
    }

    /// The first plan that stops the clock: of several that stand on one day, the best known.
    pub(crate) fn plan(&self) -> Option<Between> {
        self.plans.iter().copied().min()
    }
}

/// The case number of a journey that came without one: its id's last ten hexadecimal digits, five bits at a time.
pub(crate) fn own_reference(journey: Uuid) -> String {
    let bits = u64::from_str_radix(&journey.simple().to_string()[22..], 16).expect("digits");
    let signs: Vec<char> = "0123456789ABCDEFGHJKMNPQRSTVWXYZ".chars().collect();
    let sign = |place: u32| signs[usize::try_from((bits >> (5 * place)) % 32).expect("five bits")];
    let read: String = (0..8).rev().map(sign).collect();
    format!("{}-{}", &read[..4], &read[4..])
}
