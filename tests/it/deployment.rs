//! A deployment of one's own for a test, told one journey, with a back door for whoever owns the database.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use throughline::access::{Principal, Role, Scope};
use throughline::clock::{Chance, Clock};
use throughline::log::Log;
use throughline::log::append::{Appended, Expected};
use throughline::record::{Instruction, NotDone, Recorder};
use throughline::store::{Dialect, Mode, Store};
use throughline::views::Views;
use throughline_domain::command::contracts::OpenContract;
use throughline_domain::command::{Command, CorrectFact, ReceiveReferral, RetractFacts};
use throughline_domain::contract::rulebook::packs;
use throughline_domain::fact::envelope::{
    CommandId, EventId, JourneyId, Occurred, Precision, SpellId, StreamId, SubjectId, WorkerId,
};
use throughline_domain::fact::event::{
    Attendance, Attribute, ContactLogged, ContactWith, ContractOpened, Direction, Event, ReferralAccepted,
    ReferralReceived, SpellEnded, SpellStarted, SubjectKind, WorkerAssigned, WorkerJoined,
};
use uuid::Uuid;

use crate::field::RawDb;
use crate::stores::Place;

/// An empty log, its place and its clock.
pub(crate) struct Deployment {
    pub(crate) log: Log,
    pub(crate) clock: Arc<Clock>,
    place: Place,
}

impl Deployment {
    /// An empty deployment at nine in the morning of 1 March 2018.
    pub(crate) async fn on(dialect: Dialect) -> Self {
        let place = Place::on(dialect).await;
        let store = Arc::new(Store::open(place.url(), Mode::Write).await.expect("the store opens"));
        let log = Log::open(store).await.expect("the log opens");
        let clock = Arc::new(Clock::standing_at(instant("2018-03-01T09:00:00Z")));
        Self { log, clock, place }
    }

    /// The write side over a live view.
    pub(crate) async fn recorder(&self) -> Recorder {
        let views = Views::open(self.log.clone()).await.expect("the view opens");
        let chance = Arc::new(Chance::System);
        let started = Recorder::start(self.log.clone(), views, Arc::clone(&self.clock), chance).await;
        started.expect("the recorder starts").0
    }

    /// The digest of the live view, caught up with the log.
    pub(crate) async fn digest(&self) -> String {
        let views = Views::open(self.log.clone()).await.expect("the view opens");
        views.live().digest().await.expect("a digest")
    }

    /// Where it is.
    pub(crate) const fn place(&self) -> &Place {
        &self.place
    }

    /// The URL of its database.
    pub(crate) fn url(&self) -> &str {
        self.place.url()
    }

    /// Runs SQL as the database's owner, past everything that the service would check.
    pub(crate) async fn behind_its_back(&self, sql: &str) -> sqlx::Result<()> {
        RawDb::at(&self.place).await.try_run(sql).await
    }

    /// Takes away what the database does to protect the log.
    pub(crate) async fn unprotect(&self) {
        let sql = match self.log.store().dialect() {
            Dialect::Sqlite => {
                "drop trigger events_are_not_updated; drop trigger events_are_not_deleted; \
                 drop trigger commands_are_not_updated; drop trigger commands_are_not_deleted; \
                 drop trigger the_head_only_moves_on; drop trigger the_head_is_not_deleted"
            }
            Dialect::Postgres => {
                "alter table events disable trigger all; alter table commands disable trigger all; \
                 alter table log_head disable trigger all"
            }
        };
        self.behind_its_back(sql).await.expect("the owner may do anything");
    }

    /// Removes everything.
    pub(crate) async fn end(self) {
        self.log.store().close().await;
        self.place.remove().await;
    }
}

pub(crate) fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

pub(crate) fn of_role(role: Role) -> Principal {
    Principal { subject: role.to_string(), role, scope: Scope::Deployment }
}

/// Sends a command, which must be accepted.
pub(crate) async fn record(recorder: &Recorder, id: u128, command: impl Into<Command>) -> Appended {
    try_record(recorder, id, &id.to_be_bytes(), command).await.expect("the command is accepted")
}

/// Sends a command with this body, whatever comes of it.
pub(crate) async fn try_record(
    recorder: &Recorder,
    id: u128,
    body: &[u8],
    command: impl Into<Command>,
) -> Result<Appended, NotDone> {
    let command = command.into();
    let role = if matches!(command, Command::OpenContract(_) | Command::PublishRulebook(_)) {
        Role::Administrator
    } else {
        Role::Manager
    };
    let instruction = Instruction {
        accept_warnings: std::collections::BTreeSet::new(),
        dry_run: false,
        principal: of_role(role),
        command_id: CommandId(Uuid::from_u128(id)),
        body: body.to_vec(),
        expected: Expected::Any,
        source: None,
        command,
    };
    recorder.append(instruction).await
}

pub(crate) const JOURNEY: JourneyId = JourneyId(Uuid::from_u128(0x10));
pub(crate) const SUBJECT: SubjectId = SubjectId(Uuid::from_u128(0x20));
pub(crate) const WORKER: WorkerId = WorkerId(Uuid::from_u128(0x30));
const SPELL: SpellId = SpellId(Uuid::from_u128(0x40));

/// A contact of that day, by telephone.
pub(crate) fn contact(on: &str) -> Command {
    let fact = ContactLogged {
        appointment: None,
        channel: "phone".to_owned(),
        direction: Some(Direction::Outgoing),
        with: ContactWith::Client,
        attendance: Attendance::None,
        face_to_face: Some(false),
        two_way: true,
        group: false,
        minutes: Some(20),
        scheduled_on: None,
        worker: Some(WORKER),
    };
    let occurred = Occurred::on(day(on)).at(Some("14:30:00".parse().expect("a time")));
    Command::state(StreamId::journey(JOURNEY), occurred, fact)
}

/// Opens the contract with the rulebook that ships.
pub(crate) async fn open_contract(recorder: &Recorder) {
    let fact = ContractOpened {
        code: "shps".to_owned(),
        name: "Single Homelessness Prevention Service".to_owned(),
        parties: Vec::new(),
        starts_on: day("2017-03-01"),
        ends_on: None,
    };
    let rulebook = packs::pack("shps").expect("a pack that ships").text.to_owned();
    let open = Command::OpenContract(OpenContract { occurred: Occurred::on(day("2017-07-03")), fact, rulebook });
    record(recorder, 1, open).await;
}

/// The story's worker joins.
/// Without a login, which would wait for a view that nobody keeps up here.
pub(crate) fn worker_joins() -> Command {
    let joined = WorkerJoined { login: None, label: "KW-07".to_owned() };
    Command::state(StreamId::worker(WORKER), Occurred::on(day("2017-07-03")), joined)
}

/// A journey with everything that can happen to its facts: 14 events, the last a contact.
pub(crate) async fn tell_a_story(recorder: &Recorder) {
    open_contract(recorder).await;
    record(recorder, 2, worker_joins()).await;
    let referral = ReferralReceived {
        subject: SUBJECT,
        area: "brent".to_owned(),
        cohort: None,
        referrer: None,
        external_references: Vec::new(),
    };
    let receive = ReceiveReferral {
        journey: JOURNEY,
        contract: "shps".to_owned(),
        occurred: Occurred::on(day("2018-01-08")),
        register: Some(SubjectKind::Person),
        fact: referral,
    };
    record(recorder, 3, Command::ReceiveReferral(receive)).await;
    let accepted = dated("2018-01-09", ReferralAccepted {});
    record(recorder, 4, accepted).await;
    let assigned = dated("2018-01-09", WorkerAssigned { worker: WORKER, role: "keyworker".to_owned(), until: None });
    record(recorder, 5, assigned).await;
    let wrong = record(recorder, 6, contact("2018-02-10")).await.events[0].clone();
    let never = record(recorder, 7, contact("2018-02-12")).await.events[0].event_id;
    let spell = SpellStarted {
        spell: SPELL,
        domain: "accommodation".to_owned(),
        employer_ref: None,
        hours_per_week: None,
        attributes: [("secured_as".to_owned(), Attribute::Text("new".to_owned()))].into(),
    };
    let month = Occurred::within(day("2018-01-01"), Precision::Month);
    let start = Command::state(StreamId::journey(JOURNEY), month, spell);
    record(recorder, 8, start).await;
    let end = dated("2018-02-20", SpellEnded { spell: SPELL, reason: None });
    record(recorder, 9, end).await;
    correct(recorder, &wrong.payload, wrong.event_id).await;
    let retract = RetractFacts {
        stream: StreamId::journey(JOURNEY),
        targets: vec![never],
        reason: "recorded for another client".to_owned(),
    };
    record(recorder, 11, Command::RetractFacts(retract)).await;
    record(recorder, 12, contact("2018-03-01")).await;
}

async fn correct(recorder: &Recorder, payload: &serde_json::value::RawValue, target: EventId) {
    let fact: ContactLogged = serde_json::from_str(payload.get()).expect("a contact");
    let fact = ContactLogged { channel: "home_visit".to_owned(), ..fact };
    let correct = CorrectFact {
        stream: StreamId::journey(JOURNEY),
        target,
        occurred: Occurred::on(day("2018-02-11")),
        replacement: fact.into(),
        reason: "it was a visit the day after".to_owned(),
    };
    record(recorder, 10, Command::CorrectFact(correct)).await;
}

fn dated(on: &str, fact: impl Into<Event>) -> Command {
    Command::state(StreamId::journey(JOURNEY), Occurred::on(day(on)), fact)
}
