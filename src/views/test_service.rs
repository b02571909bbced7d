//! A service over a file of its own, for the tests of views: a log, its views, and a recorder. No view is kept up to
//! date by itself.

use std::sync::Arc;

use throughline_domain::command::Command;
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::fact::envelope::{CommandId, JourneyId, StreamId, SubjectId};
use throughline_domain::fact::event::{Event, ReferralReceived, SubjectKind};
use throughline_domain::world::{fact_of, open, opened, refer, referral, when};
use uuid::Uuid;

use super::Views;
use crate::access::{Principal, Role, Scope};
use crate::clock::{Chance, Clock};
use crate::log::Log;
use crate::record::{CommandRequest, Recorder};
use crate::store::{Mode, Store};

/// The day on which everything happens unless a test says otherwise.
const DAY: &str = "2018-01-15";

pub(super) struct TestService {
    pub(super) log: Log,
    pub(super) views: Views,
    recorder: Recorder,
    _directory: tempfile::TempDir,
}

impl TestService {
    /// An empty log, on 1 March 2018.
    pub(super) async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let url = format!("sqlite:{}", directory.path().join("log.db").display());
        let store = Store::open(&url, Mode::Write).await.expect("the store opens");
        let log = Log::open(Arc::new(store)).await.expect("the log opens");
        let views = Views::open(log.clone(), Vec::new).await.expect("the view opens");
        let clock = Arc::new(Clock::standing_at("2018-03-01T09:00:00Z".parse().expect("an instant")));
        let started = Recorder::start(log.clone(), views.clone(), clock, Arc::new(Chance::seeded(1))).await;
        let (recorder, _) = started.expect("the recorder starts");
        Self { log, views, recorder, _directory: directory }
    }

    /// The same with the contract `shps` open.
    pub(super) async fn with_contract() -> Self {
        let service = Self::start().await;
        service.record(1, open_shps()).await;
        service
    }

    /// Records a command under the n-th id.
    pub(super) async fn record(&self, nth: u128, command: Command) {
        let is_of_contract = matches!(command, Command::OpenContract(_) | Command::PublishRulebook(_));
        let role = if is_of_contract { Role::Administrator } else { Role::Manager };
        let principal = Principal { subject: "tester".to_owned(), role, scope: Scope::Deployment };
        let request = CommandRequest::new(principal, CommandId(Uuid::from_u128(nth)), command);
        self.recorder.append(request).await.expect("it is recorded");
    }

    /// Records the referral of a new person, whose id is that of the command, as is that of the case.
    pub(super) async fn receive(&self, nth: u128) -> JourneyId {
        let (journey, subject) = (JourneyId(Uuid::from_u128(nth)), SubjectId(Uuid::from_u128(nth)));
        let fact = ReferralReceived { subject, ..referral() };
        self.record(nth, refer(journey, "shps", when(DAY), Some(SubjectKind::Person), fact)).await;
        journey
    }

    /// Records a fact of a case.
    pub(super) async fn state(&self, nth: u128, journey: JourneyId, fact: impl Into<Event>) {
        self.record(nth, fact_of(StreamId::journey(journey), DAY, fact)).await;
    }
}

/// The command that opens the contract with the rulebook that ships.
pub(super) fn open_shps() -> Command {
    open(when(DAY), opened("shps", DAY), pack("shps").expect("it ships").text)
}
