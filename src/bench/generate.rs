//! Generates a log of any size: realistic journeys, in parallel over eight years.
//!
//! Journeys begin evenly over the years. Each has 25 events, 18 of them contacts. Many run at the same time, so the
//! events of a stream are far apart in the log. A tenth are still open on the last day, which is the same for every
//! size: every second one of those that began in the last fifth of the years, with regular contacts since. Each
//! keyworker then holds about sixty cases, so a page of a caseload is full. Facts are recorded on the day on which they
//! happen. The same seed gives the same journeys, ids and times. Only the running journeys are in memory.

use std::collections::VecDeque;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};

use crate::clock::Chance;
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::rulebook::CodeList;
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::fact::envelope::{
    Actor, CommandId, Envelope, EventId, JourneyId, Occurred, Position, SpellId, StreamId, SubjectId, WorkerId,
};
use throughline_domain::fact::event::{
    Attendance, ContactLogged, ContactWith, ContractOpened, Direction, Event, JourneyClosed, KEYWORKER, PlanAgreed,
    ReferralAccepted, ReferralReceived, RulebookPublished, SpellEnded, SpellStarted, SubjectKind, SubjectRegistered,
    WorkerAssigned, WorkerJoined,
};

/// The code of the contract.
pub const CONTRACT: &str = "shps";
/// The number of events in a journey's own stream.
pub const EVENTS_EACH: u64 = 25;
/// The version of the generated data. Raise it when the data changes, so that a kept log is recognised as an old one.
pub const SHAPE: u32 = 1;
/// The seed of the logs for measurements.
pub const SEED: u64 = 7;
/// The first day, on which the contract opens.
const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2017, 3, 1).expect("a real day");
/// The last day, until its end.
pub const LAST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2025, 2, 28).expect("a real day");
/// The number of days.
const DAYS: u64 = 2_922;
/// The approximate number of open journeys for each keyworker.
const CASES_EACH: u64 = 60;
/// The time between two events of a day.
const BETWEEN: TimeDelta = TimeDelta::milliseconds(50);

/// When new events may be recorded: after the last day's events, on the same civil day.
pub fn continues_at() -> DateTime<Utc> {
    LAST_DAY.and_time(NaiveTime::from_hms_opt(21, 0, 0).expect("a time of day")).and_utc()
}

/// A log, generated event by event.
pub struct Generated {
    chance: Chance,
    at: DateTime<Utc>,
    position: Position,
    workers: Vec<WorkerId>,
    areas: Vec<String>,
    /// The events before any journey begins.
    opening: VecDeque<(StreamId, i64, Event)>,
    journeys: u64,
    begun: u64,
    /// The current day, from 0.
    day: u64,
    /// Journeys with events on the current day.
    today: Vec<Running>,
    /// Journeys that continue later, by day.
    later: Vec<Vec<Running>>,
}

/// A running journey.
struct Running {
    journey: JourneyId,
    subject: SubjectId,
    spell: SpellId,
    worker: WorkerId,
    /// The index of its area.
    area: usize,
    began: u64,
    /// The days from its first event to its last.
    lasts: u64,
    stays_open: bool,
    /// The number of its events generated so far. The subject's registration is the first.
    generated: u64,
}

impl Generated {
    /// This many journeys, from a seed.
    pub fn of(journeys: u64, seed: u64) -> Self {
        let chance = Chance::seeded(seed);
        let at = morning(0);
        let text = pack(CONTRACT).expect("it ships").text;
        let rulebook = Rulebook::parse(text).expect("a pack is read");
        let opened = ContractOpened {
            code: CONTRACT.to_owned(),
            name: rulebook.title.clone(),
            parties: Vec::new(),
            starts_on: FIRST_DAY,
            ends_on: None,
        };
        let published = RulebookPublished { content: text.to_owned(), hash: rulebook.hash().to_owned() };
        let contract = StreamId::contract(CONTRACT);
        let mut opening = VecDeque::from([(contract, 1, Event::from(opened)), (contract, 2, published.into())]);
        let workers: Vec<WorkerId> = (0..keyworkers(journeys)).map(|_| WorkerId(chance.id_at(at))).collect();
        opening.extend(workers.iter().enumerate().map(|(nth, worker)| {
            let login = login(nth);
            let joined = WorkerJoined { label: login.to_uppercase(), login: Some(login) };
            (StreamId::worker(*worker), 1, joined.into())
        }));
        let areas = rulebook.codes.listed(CodeList::Areas).unwrap_or_default().to_vec();
        let later = (0..DAYS).map(|_| Vec::new()).collect();
        let (position, today) = (Position::default(), Vec::new());
        let mut log = Self { chance, at, position, workers, areas, opening, journeys, begun: 0, day: 0, today, later };
        log.begin();
        log
    }

    /// The number of events for this many journeys.
    pub const fn events(journeys: u64) -> u64 {
        2 + keyworkers(journeys) + journeys * (EVENTS_EACH + 1)
    }

    /// The keyworkers. Each signs in with the [`login`] of its index.
    pub fn keyworkers(&self) -> &[WorkerId] {
        &self.workers
    }

    /// Begins the journeys of the day.
    fn begin(&mut self) {
        self.at = self.at.max(morning(self.day));
        self.today = std::mem::take(&mut self.later[within(self.day)]);
        while self.begun < self.journeys && self.begun * DAYS / self.journeys == self.day {
            let running = self.next_journey();
            self.today.push(running);
            self.begun += 1;
        }
    }

    fn next_journey(&self) -> Running {
        let nth = self.begun;
        let id = || self.chance.id_at(self.at);
        let until_the_end = DAYS - 1 - self.day;
        let stays_open = nth >= self.journeys - self.journeys / 5 && nth % 2 == 1;
        let lasts = if stays_open {
            // With contacts until at most four weeks before the last day.
            until_the_end - (nth * 13 % 29).min(until_the_end)
        } else {
            (75 + nth * 37 % 101).min(until_the_end)
        };
        let pick = if stays_open { nth / 2 } else { nth };
        Running {
            journey: JourneyId(id()),
            subject: SubjectId(id()),
            spell: SpellId(id()),
            worker: self.workers[within(pick) % self.workers.len()],
            area: within(nth) % self.areas.len(),
            began: self.day,
            lasts,
            stays_open,
            generated: 0,
        }
    }

    /// The next event, day by day, with its version in its stream.
    fn next_fact(&mut self) -> Option<(StreamId, i64, Event)> {
        if let Some(fact) = self.opening.pop_front() {
            return Some(fact);
        }
        while self.today.is_empty() {
            self.day += 1;
            if self.day == DAYS {
                return None;
            }
            self.begin();
        }
        let mut running = self.today.pop()?;
        let fact = running.next(&self.areas);
        if running.generated <= EVENTS_EACH {
            match running.due() {
                day if day == self.day => self.today.push(running),
                day => self.later[within(day)].push(running),
            }
        }
        Some(fact)
    }
}

/// The login of the keyworker with this index.
pub fn login(nth: usize) -> String {
    format!("kw{:05}", nth + 1)
}

const fn keyworkers(journeys: u64) -> u64 {
    let open = journeys / 10;
    if open == 0 { 1 } else { open.div_ceil(CASES_EACH) }
}

/// When the events of a day begin.
fn morning(day: u64) -> DateTime<Utc> {
    let on = FIRST_DAY + Days::new(day);
    on.and_time(NaiveTime::from_hms_opt(8, 0, 0).expect("a time of day")).and_utc()
}

fn within(number: u64) -> usize {
    usize::try_from(number).expect("so many journeys do not fit in memory")
}

impl Running {
    /// The day of its next event.
    fn due(&self) -> u64 {
        self.began + self.generated * self.lasts / EVENTS_EACH
    }

    fn next(&mut self, areas: &[String]) -> (StreamId, i64, Event) {
        let nth = self.generated;
        self.generated += 1;
        let (stream, version) = match nth {
            0 => (StreamId::subject(self.subject), 1),
            _ => (StreamId::journey(self.journey), i64::try_from(nth).expect("a journey is short")),
        };
        let event = match nth {
            0 => SubjectRegistered { kind: SubjectKind::Person }.into(),
            1 => self.referral(areas).into(),
            2 => ReferralAccepted {}.into(),
            3 => WorkerAssigned { worker: self.worker, role: KEYWORKER.to_owned(), until: None }.into(),
            8 => PlanAgreed { kind: "php".to_owned(), actions: Vec::new(), note: None }.into(),
            12 => self.spell_started().into(),
            24 if !self.stays_open => SpellEnded { spell: self.spell, reason: None, note: None }.into(),
            25 if !self.stays_open => JourneyClosed { reason: "housed".to_owned(), destination: None }.into(),
            _ => contact(nth, self.worker).into(),
        };
        (stream, version, event)
    }

    fn referral(&self, areas: &[String]) -> ReferralReceived {
        ReferralReceived {
            subject: self.subject,
            area: areas[self.area].clone(),
            cohort: None,
            referrer: None,
            external_references: Vec::new(),
        }
    }

    fn spell_started(&self) -> SpellStarted {
        SpellStarted {
            spell: self.spell,
            domain: "accommodation".to_owned(),
            employer_ref: None,
            hours_per_week: None,
            attributes: [].into(),
            note: None,
        }
    }
}

/// Two of three contacts are made. The others are attempts.
fn contact(nth: u64, worker: WorkerId) -> ContactLogged {
    ContactLogged {
        appointment: None,
        channel: if nth.is_multiple_of(4) { "home_visit" } else { "phone" }.to_owned(),
        direction: Some(Direction::Outgoing),
        with: ContactWith::Client,
        attendance: if nth.is_multiple_of(4) { Attendance::Attended } else { Attendance::None },
        face_to_face: Some(nth.is_multiple_of(4)),
        two_way: !nth.is_multiple_of(3),
        group: false,
        minutes: Some(20),
        scheduled_on: None,
        worker: Some(worker),
        note: None,
    }
}

impl Iterator for Generated {
    type Item = Envelope;

    /// The next event, as the log would record it.
    fn next(&mut self) -> Option<Envelope> {
        let (stream, version, event) = self.next_fact()?;
        self.position = self.position.next();
        self.at += BETWEEN;
        let contract = (!stream.kind.belongs_to_deployment()).then(|| CONTRACT.to_owned());
        Some(Envelope {
            position: self.position,
            event_id: EventId(self.chance.id_at(self.at)),
            stream,
            version,
            event_type: event.event_type().as_str().to_owned(),
            schema_version: event.event_type().schema_version(),
            contract,
            occurred: Occurred::on(FIRST_DAY + Days::new(self.day)),
            recorded_at: self.at,
            actor: Actor { subject: "generator".to_owned(), role: "integrator".to_owned(), on_behalf_of: None },
            source: None,
            command_id: CommandId(self.chance.id_at(self.at)),
            correlation_id: None,
            causation_id: None,
            payload: event.payload(),
            salt: self.chance.bytes(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::log::restore::Order;
    use throughline_domain::fact::envelope::StreamKind;
    use throughline_domain::fact::event::EventType;

    /// The number of events and of contacts in a journey, and whether it was closed.
    type Course = (u64, u64, bool);

    /// All events of this many journeys, checked to be in an order that the log accepts.
    fn story(journeys: u64, seed: u64) -> Vec<Envelope> {
        let (mut order, events) = (Order::default(), Generated::of(journeys, seed).collect::<Vec<_>>());
        for event in &events {
            order.admit(event.clone()).expect("the events are in order");
        }
        events
    }

    /// The same, with the course of each journey by its stream.
    fn counted(journeys: u64) -> (Vec<Envelope>, HashMap<StreamId, Course>) {
        let events = story(journeys, SEED);
        let mut streams = HashMap::new();
        for event in events.iter().filter(|event| event.stream.kind == StreamKind::Journey) {
            let (count, contacts, closed): &mut Course = streams.entry(event.stream).or_default();
            *count += 1;
            *contacts += u64::from(event.event_type == EventType::ContactLogged.as_str());
            *closed |= event.event_type == EventType::JourneyClosed.as_str();
        }
        (events, streams)
    }

    #[test]
    fn every_journey_has_its_events_and_a_tenth_stay_open() {
        let (events, streams) = counted(700);
        assert_eq!(events.len() as u64, Generated::events(700));
        assert_eq!(streams.len(), 700);
        assert!(
            streams
                .values()
                .all(|(count, contacts, closed)| *count == EVENTS_EACH && *contacts == if *closed { 18 } else { 20 })
        );
        assert_eq!(streams.values().filter(|(_, _, closed)| !closed).count(), 70);
    }

    #[test]
    fn facts_are_recorded_on_their_day_and_the_last_day_has_some() {
        let (events, _) = counted(400);
        assert!(events.iter().all(|event| event.occurred.earliest() == event.recorded_at.date_naive()));
        let newest = events.last().expect("there are events");
        assert_eq!(newest.occurred.earliest(), LAST_DAY);
        assert!(newest.recorded_at < continues_at());
    }

    #[test]
    fn the_events_of_a_journey_are_far_apart_and_a_payload_is_about_as_long_as_a_contacts() {
        let (events, _) = counted(2_000);
        let beside = events.windows(2).filter(|pair| pair[0].stream == pair[1].stream).count();
        assert!(beside * 10 < events.len(), "{beside} of {}", events.len());
        let bytes: usize = events.iter().map(|event| event.payload.get().len()).sum();
        assert!((100..180).contains(&(bytes / events.len())), "{}", bytes / events.len());
    }

    #[test]
    fn the_same_seed_gives_the_same_events() {
        let records = |seed| story(30, seed).iter().map(Envelope::to_record).collect::<Vec<_>>();
        assert_eq!(records(3), records(3));
        assert_ne!(records(3), records(4));
    }
}
