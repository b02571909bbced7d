//! A deployment with one case, and a back door for the owner of the database.

use std::sync::Arc;

use throughline::access::{Principal, Role, Scope};
use throughline::clock::{Chance, Clock};
use throughline::log::Log;
use throughline::log::append::{Appended, Expected};
use throughline::record::{CommandRequest, RecordError, Recorder};
use throughline::store::{Dialect, Mode, Store};
use throughline::views::Views;
use throughline_domain::command::{Command, CorrectFact, RetractFacts};
use throughline_domain::contract::rulebook::packs;
use throughline_domain::fact::envelope::{CommandId, EventId, SpellId, StreamId, WorkerId};
use throughline_domain::fact::event::{
    Attribute, ContactLogged, Direction, ReferralAccepted, SpellStarted, SubjectKind, WorkerJoined,
};
use throughline_domain::world::{self, state, when};
pub(crate) use throughline_domain::world::{JOURNEY, day};
use uuid::Uuid;

use crate::app::instant;
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
        let views = Views::open(self.log.clone(), throughline::queries::statements).await.expect("the view opens");
        let chance = Arc::new(Chance::System);
        let started = Recorder::start(self.log.clone(), views, Arc::clone(&self.clock), chance).await;
        started.expect("the recorder starts").0
    }

    /// The digest of the live view, caught up with the log.
    pub(crate) async fn digest(&self) -> String {
        let views = Views::open(self.log.clone(), throughline::queries::statements).await.expect("the view opens");
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
) -> Result<Appended, RecordError> {
    let command = command.into();
    let role = if matches!(command, Command::OpenContract(_) | Command::PublishRulebook(_)) {
        Role::Administrator
    } else {
        Role::Manager
    };
    let instruction = CommandRequest {
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

pub(crate) const WORKER: WorkerId = WorkerId(Uuid::from_u128(0x30));
const SPELL: SpellId = SpellId(Uuid::from_u128(0x40));

/// A contact of that day, by telephone.
pub(crate) fn contact(on: &str) -> Command {
    let fact = ContactLogged {
        direction: Some(Direction::Outgoing),
        minutes: Some(20),
        worker: Some(WORKER),
        ..world::contact()
    };
    state(&format!("{on} 14:30"), fact)
}

/// Opens the contract with the rulebook that ships.
pub(crate) async fn open_contract(recorder: &Recorder) {
    let rulebook = packs::pack("shps").expect("a pack that ships").text;
    let open = world::open(when("2017-07-03"), world::opened("shps", "2017-03-01"), rulebook);
    record(recorder, 1, open).await;
}

/// The worker of the case joins.
/// Without a login, which would wait for a view that nobody keeps up here.
pub(crate) fn worker_joins() -> Command {
    let joined = WorkerJoined { login: None, label: "KW-07".to_owned() };
    world::fact_of(StreamId::worker(WORKER), "2017-07-03", joined)
}

/// A journey with everything that can happen to its facts: 14 events, the last a contact.
pub(crate) async fn record_a_case(recorder: &Recorder) {
    open_contract(recorder).await;
    record(recorder, 2, worker_joins()).await;
    let receive = world::refer(JOURNEY, "shps", when("2018-01-08"), Some(SubjectKind::Person), world::referral());
    record(recorder, 3, receive).await;
    record(recorder, 4, state("2018-01-09", ReferralAccepted {})).await;
    record(recorder, 5, state("2018-01-09", world::keyworker(WORKER))).await;
    let wrong = record(recorder, 6, contact("2018-02-10")).await.events[0].clone();
    let never = record(recorder, 7, contact("2018-02-12")).await.events[0].event_id;
    let attributes = [("secured_as".to_owned(), Attribute::Text("new".to_owned()))].into();
    record(recorder, 8, state("2018-01", SpellStarted { attributes, ..world::home(SPELL) })).await;
    record(recorder, 9, state("2018-02-20", world::ended(SPELL))).await;
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
        occurred: when("2018-02-11"),
        replacement: fact.into(),
        reason: "it was a visit the day after".to_owned(),
    };
    record(recorder, 10, Command::CorrectFact(correct)).await;
}
