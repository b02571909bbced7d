//! Two projectors of one generation, as on two nodes: the first to run does the work of both.

use super::*;
use crate::access::{Principal, Role, Scope};
use crate::clock::{Chance, Clock};
use crate::record::{CommandRequest, Recorder};
use crate::store::{Mode, Store};
use crate::views::Views;
use throughline_domain::command::contracts::OpenContract;
use throughline_domain::command::{Command, ReceiveReferral};
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::fact::envelope::{CommandId, JourneyId, Occurred, SubjectId};
use throughline_domain::fact::event::{ContractOpened, ReferralReceived, SubjectKind};

async fn record(recorder: &Recorder, nth: u128, role: Role, command: Command) {
    let principal = Principal { subject: "tester".to_owned(), role, scope: Scope::Deployment };
    let request = CommandRequest::new(principal, CommandId(uuid::Uuid::from_u128(nth)), command);
    recorder.append(request).await.expect("it is recorded");
}

fn on() -> Occurred {
    Occurred::on("2018-01-15".parse().expect("a day"))
}

fn opening() -> Command {
    Command::OpenContract(OpenContract {
        when: on().into(),
        fact: ContractOpened {
            code: "shps".to_owned(),
            name: "A service".to_owned(),
            parties: Vec::new(),
            starts_on: on().earliest(),
            ends_on: None,
        },
        rulebook: pack("shps").expect("it ships").text.to_owned(),
    })
}

fn referral(nth: u128) -> Command {
    Command::ReceiveReferral(ReceiveReferral {
        journey: JourneyId(uuid::Uuid::from_u128(nth)),
        contract: "shps".to_owned(),
        when: on().into(),
        register: Some(SubjectKind::Person),
        fact: ReferralReceived {
            subject: SubjectId(uuid::Uuid::from_u128(nth)),
            area: "brent".to_owned(),
            cohort: None,
            referrer: None,
            external_references: Vec::new(),
        },
    })
}

#[tokio::test]
async fn a_contract_that_another_node_projected_is_known_when_its_first_journey_comes() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let url = format!("sqlite:{}", directory.path().join("log.db").display());
    let store = Store::open(&url, Mode::Write).await.expect("the store opens");
    let log = Log::open(Arc::new(store)).await.expect("the log opens");
    let views = Views::open(log.clone()).await.expect("the view opens");
    let clock = Arc::new(Clock::standing_at("2018-02-01T09:00:00Z".parse().expect("an instant")));
    let started = Recorder::start(log.clone(), views.clone(), clock, Arc::new(Chance::seeded(1))).await;
    let (recorder, _task) = started.expect("it starts");
    let mut one = Projector::new(log.clone(), views.live()).await.expect("a projector");
    let mut other = Projector::new(log.clone(), views.live()).await.expect("another projector");

    record(&recorder, 1, Role::Administrator, opening()).await;
    one.step().await.expect("the one projects the contract");
    record(&recorder, 2, Role::Manager, referral(2)).await;
    other.step().await.expect("the other projects the journey");
    record(&recorder, 3, Role::Manager, referral(3)).await;
    one.step().await.expect("the one continues");

    let head = log.head().await.expect("the head").position;
    assert_eq!(*views.live().position().borrow(), head);
    let rebuilt = Views::rebuild(&log).await.expect("the view is rebuilt");
    assert_eq!(rebuilt.old, Some(rebuilt.new));
}
