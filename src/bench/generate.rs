//! A log of any size: journeys as the field has them, told side by side.
//!
//! Each journey has 25 events, 18 of them contacts; many run at once, so that a stream's events stand far apart in the
//! log. The same seed gives the same journeys, ids and times.

use std::collections::VecDeque;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

use crate::clock::Chance;
use crate::contract::Rulebook;
use crate::contract::rulebook::CodeList;
use crate::contract::rulebook::packs::pack;
use crate::journey::event::{
    Attendance, ContactLogged, ContactWith, ContractOpened, Direction, Event, JourneyClosed, KEYWORKER, PlanAgreed,
    ReferralAccepted, ReferralReceived, RulebookPublished, SpellEnded, SpellStarted, SubjectKind, SubjectRegistered,
    WorkerAssigned, WorkerJoined,
};
use crate::log::envelope::{
    Actor, CommandId, Envelope, EventId, JourneyId, Occurred, Position, SpellId, StreamId, SubjectId, WorkerId,
};
use crate::log::restore::{Order, Ordered};

/// The contract that all of it is in.
pub const CONTRACT: &str = "shps";
/// Events of a journey's own stream, 18 of them contacts.
pub const EVENTS_EACH: u64 = 25;
/// Journeys that run at once.
const AT_ONCE: usize = 5_000;
/// Journeys that one worker holds, more or less.
const CASES_EACH: u64 = 40;

/// A log that is told event by event.
pub struct Generated {
    chance: Chance,
    at: DateTime<Utc>,
    order: Order,
    position: Position,
    workers: Vec<WorkerId>,
    areas: Vec<String>,
    /// What is told before any journey begins.
    opening: VecDeque<(StreamId, Event)>,
    running: VecDeque<Running>,
    /// Journeys that are still to begin.
    to_come: u64,
    begun: u64,
}

/// A journey under way.
struct Running {
    journey: JourneyId,
    subject: SubjectId,
    spell: SpellId,
    worker: WorkerId,
    area: String,
    began_on: NaiveDate,
    /// How many of its events were told; the subject's registration is the first.
    told: u64,
}

impl Generated {
    /// So many journeys, from a seed.
    pub fn of(journeys: u64, seed: u64) -> Self {
        let chance = Chance::seeded(seed);
        let at: DateTime<Utc> = "2017-03-01T08:00:00Z".parse().expect("an instant");
        let text = pack(CONTRACT).expect("it ships").text;
        let rulebook = Rulebook::parse(text).expect("a pack is read");
        let opened = ContractOpened {
            code: CONTRACT.to_owned(),
            name: rulebook.title.clone(),
            parties: Vec::new(),
            starts_on: rulebook.effective_from,
            ends_on: None,
        };
        let published = RulebookPublished { content: text.to_owned(), hash: rulebook.hash().to_owned() };
        let contract = StreamId::contract(CONTRACT);
        let mut opening = VecDeque::from([(contract, Event::from(opened)), (contract, published.into())]);
        let workers: Vec<WorkerId> = (0..journeys.div_ceil(CASES_EACH)).map(|_| WorkerId(chance.id_at(at))).collect();
        opening.extend((1..).zip(&workers).map(|(nth, worker)| {
            let joined = WorkerJoined { login: Some(format!("kw{nth:05}")), label: format!("KW-{nth:05}") };
            (StreamId::worker(*worker), joined.into())
        }));
        let areas = rulebook.codes.listed(CodeList::Areas).unwrap_or_default().to_vec();
        let (order, position, running) = (Order::default(), Position::default(), VecDeque::new());
        Self { chance, at, order, position, workers, areas, opening, running, to_come: journeys, begun: 0 }
    }

    /// How many events there are for so many journeys.
    pub const fn events(journeys: u64) -> u64 {
        2 + journeys.div_ceil(CASES_EACH) + journeys * (EVENTS_EACH + 1)
    }

    fn begin(&mut self) {
        let pick = |of: usize, nth: u64| usize::try_from(nth % of as u64).expect("within the list");
        let id = || self.chance.id_at(self.at);
        let running = Running {
            journey: JourneyId(id()),
            subject: SubjectId(id()),
            spell: SpellId(id()),
            worker: self.workers[pick(self.workers.len(), self.begun / 3)],
            area: self.areas[pick(self.areas.len(), self.begun)].clone(),
            began_on: self.at.date_naive(),
            told: 0,
        };
        self.running.push_back(running);
        self.to_come -= 1;
        self.begun += 1;
    }

    /// The next event of whichever journey's turn it is.
    fn next_fact(&mut self) -> Option<(StreamId, Occurred, Event)> {
        if let Some((stream, event)) = self.opening.pop_front() {
            return Some((stream, Occurred::on(self.at.date_naive()), event));
        }
        while self.running.len() < AT_ONCE && self.to_come > 0 {
            self.begin();
        }
        let mut running = self.running.pop_front()?;
        let fact = running.next();
        if running.told <= EVENTS_EACH {
            self.running.push_back(running);
        }
        Some(fact)
    }
}

impl Running {
    fn next(&mut self) -> (StreamId, Occurred, Event) {
        let nth = self.told;
        self.told += 1;
        let occurred = Occurred::on(self.began_on + Days::new(nth * 5));
        let stream = if nth == 0 { StreamId::subject(self.subject) } else { StreamId::journey(self.journey) };
        let event = match nth {
            0 => SubjectRegistered { kind: SubjectKind::Person }.into(),
            1 => self.referral().into(),
            2 => ReferralAccepted {}.into(),
            3 => WorkerAssigned { worker: self.worker, role: KEYWORKER.to_owned() }.into(),
            8 => PlanAgreed { kind: "php".to_owned() }.into(),
            12 => self.spell_started().into(),
            24 => SpellEnded { spell: self.spell, reason: None }.into(),
            25 => JourneyClosed { reason: "housed".to_owned(), destination: None }.into(),
            _ => contact(nth, self.worker).into(),
        };
        (stream, occurred, event)
    }

    fn referral(&self) -> ReferralReceived {
        ReferralReceived {
            subject: self.subject,
            area: self.area.clone(),
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
        channel: if nth.is_multiple_of(4) { "home_visit" } else { "phone" }.to_owned(),
        direction: Some(Direction::Outgoing),
        with: ContactWith::Client,
        attendance: if nth.is_multiple_of(4) { Attendance::Attended } else { Attendance::None },
        face_to_face: nth.is_multiple_of(4),
        two_way: !nth.is_multiple_of(3),
        group: false,
        minutes: Some(20),
        scheduled_on: None,
        worker: Some(worker),
    }
}

impl Iterator for Generated {
    type Item = Ordered;

    fn next(&mut self) -> Option<Ordered> {
        let (stream, occurred, event) = self.next_fact()?;
        self.position = self.position.next();
        self.at += TimeDelta::milliseconds(997);
        let contract = (!stream.kind.belongs_to_deployment()).then(|| CONTRACT.to_owned());
        let envelope = Envelope {
            position: self.position,
            event_id: EventId(self.chance.id_at(self.at)),
            stream,
            version: self.order.due(stream),
            event_type: event.event_type().as_str().to_owned(),
            schema_version: event.event_type().schema_version(),
            contract,
            occurred,
            recorded_at: self.at,
            actor: Actor { subject: "generator".to_owned(), role: "integrator".to_owned(), on_behalf_of: None },
            source: None,
            command_id: CommandId(self.chance.id_at(self.at)),
            correlation_id: None,
            causation_id: None,
            payload: event.payload(),
            salt: self.chance.bytes(),
        };
        Some(self.order.admit(envelope).expect("it is told in order"))
    }
}
