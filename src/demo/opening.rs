//! The opening: the built-in contracts and the keyworkers.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Europe::London;
use chrono_tz::Tz;

use super::areas::Worker;
use super::days::{FIRST, Moment, day};
use super::story::Item;
use crate::access::{Principal, Role, Scope};
use throughline_domain::command::Command;
use throughline_domain::command::contracts::OpenContract;
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::fact::envelope::{Occurred, StreamId};
use throughline_domain::fact::event::{ContractOpened, Party, WorkerJoined};

/// The hour before others start work.
pub(super) const EARLY: u32 = 8;

/// Both contracts and all their workers.
pub(super) fn items<'a>(workers: impl Iterator<Item = &'a Worker>) -> Vec<Item> {
    let homelessness = [("Six London boroughs", "commissioner"), ("The prevention service", "provider")];
    let therapy = [("Essex County Council", "commissioner"), ("The therapy service", "provider")];
    let shps = contract("shps", "Single Homelessness Prevention Service", FIRST, homelessness);
    let mst = contract("mst-essex", "Multi-Systemic Therapy, Essex", day(2013, 4, 1), therapy);
    [shps, mst].into_iter().chain(workers.map(|worker| joins(worker, London))).collect()
}

fn contract(code: &str, name: &str, starts_on: NaiveDate, parties: [(&str, &str); 2]) -> Item {
    let parties = parties.map(|(name, role)| Party { name: name.to_owned(), role: Some(role.to_owned()) });
    let fact = ContractOpened {
        code: code.to_owned(),
        name: name.to_owned(),
        parties: parties.into(),
        starts_on,
        ends_on: None,
    };
    let rulebook = pack(code).expect("the demo opens built-in contracts").text.to_owned();
    let command = Command::OpenContract(OpenContract { when: Occurred::on(starts_on).into(), fact, rulebook });
    item(Moment::at(FIRST, EARLY).instant(), &format!("opening of {code}"), command)
}

/// The joining of a worker, early on their first day.
pub(super) fn joins(worker: &Worker, zone: Tz) -> Item {
    let fact = WorkerJoined { login: Some(worker.login.clone()), label: worker.label.clone() };
    let occurred = Occurred::on(worker.joined_on);
    let command = Command::record_fact(StreamId::worker(worker.id), occurred, fact);
    let at = Moment::at(worker.joined_on, EARLY).instant_in(zone);
    item(at, &format!("joining of {}", worker.label), command)
}

/// A command of the administrator.
pub(super) fn item(at: DateTime<Utc>, what: &str, command: Command) -> Item {
    let administrator =
        Principal { subject: "administrator".to_owned(), role: Role::Administrator, scope: Scope::Deployment };
    Item::new(at, administrator, what, command)
}
