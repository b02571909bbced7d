//! A log of any size: journeys as the field has them, told side by side over eight years.
//!
//! Journeys begin evenly over the years. Each has 25 events, 18 of them contacts; many run at once, so that a stream's
//! events stand far apart in the log. A tenth are still open on the last day, which is the same for every size: every
//! other one of those that began in the last fifth of the years, seen ever since. Each keyworker then holds some sixty, so
//! that a page of a caseload is full. What happened on a day is recorded on it. The same seed gives the same journeys, ids
//! and times; no more is held than the journeys under way.

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

/// The contract that all of it is in.
pub const CONTRACT: &str = "shps";
/// Events of a journey's own stream.
pub const EVENTS_EACH: u64 = 25;
/// Which story is told: raised when another is, so that a log that was kept is known for what it is.
pub const SHAPE: u32 = 1;
/// The seed of logs that are measured on.
pub const SEED: u64 = 7;
/// The first day, on which the contract opens.
const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2017, 3, 1).expect("a real day");
/// The last day, to its end.
pub const LAST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2025, 2, 28).expect("a real day");
/// How many days there are.
const DAYS: u64 = 2_922;
/// Open journeys that one keyworker holds, more or less.
const CASES_EACH: u64 = 60;
/// Between two events of a day.
const BETWEEN: TimeDelta = TimeDelta::milliseconds(50);

/// When the story goes on, if it does: in the morning after its last day's work, on the same civil day.
pub fn goes_on_at() -> DateTime<Utc> {
    LAST_DAY.and_time(NaiveTime::from_hms_opt(21, 0, 0).expect("a time of day")).and_utc()
}

/// A log that is told event by event.
pub struct Generated {
    chance: Chance,
    at: DateTime<Utc>,
    position: Position,
    workers: Vec<WorkerId>,
    areas: Vec<String>,
    /// What is told before any journey begins.
    opening: VecDeque<(StreamId, i64, Event)>,
    journeys: u64,
    begun: u64,
    /// The day that is told, from 0.
    day: u64,
    /// Journeys that have something to tell on it.
    today: Vec<Running>,
    /// Those that go on later, by day.
    later: Vec<Vec<Running>>,
}

/// A journey under way.
struct Running {
    journey: JourneyId,
    subject: SubjectId,
    spell: SpellId,
    worker: WorkerId,
    /// Which area, by its place in the list.
    area: usize,
    began: u64,
    /// From its first event to its last, in days.
    lasts: u64,
    stays_open: bool,
    /// How many of its events were told; the subject's registration is the first.
    told: u64,
}

impl Generated {
    /// So many journeys, from a seed.
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
        let mut told = Self { chance, at, position, workers, areas, opening, journeys, begun: 0, day: 0, today, later };
        told.begin();
        told
    }

    /// How many events there are for so many journeys.
    pub const fn events(journeys: u64) -> u64 {
        2 + keyworkers(journeys) + journeys * (EVENTS_EACH + 1)
    }

    /// The keyworkers; the one at a place signs in by the [`login`] of that place.
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
            // Seen to within four weeks of the last day.
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
            told: 0,
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
        if running.told <= EVENTS_EACH {
            match running.due() {
                day if day == self.day => self.today.push(running),
                day => self.later[within(day)].push(running),
            }
        }
        Some(fact)
    }
}

/// The login of the keyworker at this place.
pub fn login(nth: usize) -> String {
    format!("kw{:05}", nth + 1)
}

const fn keyworkers(journeys: u64) -> u64 {
    let open = journeys / 10;
    if open == 0 { 1 } else { open.div_ceil(CASES_EACH) }
}

/// When the work of a day begins.
fn morning(day: u64) -> DateTime<Utc> {
    let on = FIRST_DAY + Days::new(day);
    on.and_time(NaiveTime::from_hms_opt(8, 0, 0).expect("a time of day")).and_utc()
}

fn within(number: u64) -> usize {
    usize::try_from(number).expect("no machine holds that many journeys")
}

impl Running {
    /// The day on which its next event is so.
    fn due(&self) -> u64 {
        self.began + self.told * self.lasts / EVENTS_EACH
    }

    fn next(&mut self, areas: &[String]) -> (StreamId, i64, Event) {
        let nth = self.told;
        self.told += 1;
        let (stream, version) = match nth {
            0 => (StreamId::subject(self.subject), 1),
            _ => (StreamId::journey(self.journey), i64::try_from(nth).expect("a journey is short")),
        };
        let event = match nth {
            0 => SubjectRegistered { kind: SubjectKind::Person }.into(),
            1 => self.referral(areas).into(),
            2 => ReferralAccepted {}.into(),
            3 => WorkerAssigned { worker: self.worker, role: KEYWORKER.to_owned(), until: None }.into(),
            8 => PlanAgreed { kind: "php".to_owned() }.into(),
            12 => self.spell_started().into(),
            24 if !self.stays_open => SpellEnded { spell: self.spell, reason: None }.into(),
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
        }
    }
}

/// Two of three contacts are made; the others are attempts.
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
    }
}

impl Iterator for Generated {
    type Item = Envelope;

    /// The next event as the log would record it.
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

    /// How many events and contacts a journey has, and whether it was closed.
    type Course = (u64, u64, bool);

    /// All that is told of so many journeys, which the log must take.
    fn story(journeys: u64, seed: u64) -> Vec<Envelope> {
        let (mut order, events) = (Order::default(), Generated::of(journeys, seed).collect::<Vec<_>>());
        for event in &events {
            order.admit(event.clone()).expect("it is told in order");
        }
        events
    }

    /// The same with the course of each journey, by its stream.
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
    fn what_happens_is_recorded_on_its_day_and_the_last_day_has_its_own() {
        let (events, _) = counted(400);
        assert!(events.iter().all(|event| event.occurred.earliest() == event.recorded_at.date_naive()));
        let newest = events.last().expect("there are events");
        assert_eq!(newest.occurred.earliest(), LAST_DAY);
        assert!(newest.recorded_at < goes_on_at());
    }

    #[test]
    fn the_events_of_a_journey_stand_apart_and_a_payload_is_about_as_long_as_a_contact_is() {
        let (events, _) = counted(2_000);
        let beside = events.windows(2).filter(|pair| pair[0].stream == pair[1].stream).count();
        assert!(beside * 10 < events.len(), "{beside} of {}", events.len());
        let bytes: usize = events.iter().map(|event| event.payload.get().len()).sum();
        assert!((100..180).contains(&(bytes / events.len())), "{}", bytes / events.len());
    }

    #[test]
    fn the_same_seed_tells_the_same_story() {
        let records = |seed| story(30, seed).iter().map(Envelope::to_record).collect::<Vec<_>>();
        assert_eq!(records(3), records(3));
        assert_ne!(records(3), records(4));
    }
}
