//! A few families of the other built-in contract, to show that data of one contract stays in it.

use chrono::NaiveDate;

use super::areas::Worker;
use super::days::{FIRST, LAST, Moment, day, working_after};
use super::dice::Dice;
use super::story::{Deed, Item};
use super::telling::{Case, Telling, caller, promptly};
use crate::access::Role;
use throughline_domain::command::{Command, ReceiveReferral};
use throughline_domain::fact::envelope::Occurred;
use throughline_domain::fact::event::{
    Attendance, ContactLogged, ContactWith, Direction, ExternalReference, KEYWORKER, PlanAgreed, ReferralAccepted,
    ReferralReceived, Referrer, SubjectKind, WorkerAssigned,
};

const CONTRACT: &str = "mst-essex";
const AREAS: [&str; 4] = ["north_east", "mid", "south", "west"];
const FAMILIES: u32 = 6;

/// The therapists.
pub(super) fn therapists() -> [Worker; 2] {
    [1, 2].map(|number| Worker::numbered("TH", number, FIRST))
}

/// All commands for the families.
pub(super) fn items(dice: &Dice) -> Vec<Item> {
    let therapists = therapists();
    let family = |number: u32| {
        let received_on = working_after(day(2017, 9, 4), number * 23);
        family(number, received_on, dice.pick(&therapists), dice).into_items()
    };
    (1..=FAMILIES).flat_map(family).collect()
}

fn family(number: u32, received_on: NaiveDate, therapist: &Worker, dice: &Dice) -> Telling {
    let case = Case::new(format!("MST-2017-{number:03}"));
    let supervisor = caller("manager-mst", Role::Manager, CONTRACT);
    let therapist_login = caller(&therapist.login, Role::Keyworker, CONTRACT);
    let mut telling = Telling::begin(case.reference.clone(), Moment::at(received_on, 10));
    let referral = Command::ReceiveReferral(ReceiveReferral {
        journey: telling.journey(),
        contract: CONTRACT.to_owned(),
        when: Occurred::on(received_on).into(),
        register: Some(SubjectKind::Family),
        identity: None,
        fact: ReferralReceived {
            subject: case.subject,
            area: (*dice.pick(&AREAS)).to_owned(),
            cohort: None,
            referrer: Some(Referrer { organisation: None, kind: Some("edge_of_care_panel".to_owned()) }),
            external_references: vec![ExternalReference { system: "casework".to_owned(), id: case.reference }],
        },
    });
    telling.push(&supervisor, Moment::at(received_on, 10), Deed::Record(referral));
    let accepted_on = working_after(received_on, dice.from(2..=8));
    let at = promptly(accepted_on, 12, dice);
    telling.state(&supervisor, at, Occurred::on(accepted_on), ReferralAccepted {});
    let assigned = WorkerAssigned { worker: therapist.id, role: KEYWORKER.to_owned(), until: None };
    telling.state(&supervisor, at, Occurred::on(accepted_on), assigned);
    let plan_on = working_after(accepted_on, dice.from(7..=20));
    let mut on = working_after(accepted_on, 2);
    while on <= LAST {
        let at = promptly(on, 16, dice);
        let by = &therapist_login;
        telling.state(by, at, Occurred::on(on), visit(on, therapist, dice));
        on = working_after(on, dice.from(2..=6));
    }
    if plan_on <= LAST {
        let plan = PlanAgreed { kind: "treatment_plan".to_owned(), actions: Vec::new(), note: None };
        let at = promptly(plan_on, 16, dice);
        telling.state(&therapist_login, at, Occurred::on(plan_on), plan);
    }
    telling
}

/// A visit at home, or a call between two visits.
fn visit(on: NaiveDate, therapist: &Worker, dice: &Dice) -> ContactLogged {
    let at_home = dice.permille(600);
    let (channel, attendance) =
        if at_home { ("home_visit", Attendance::Attended) } else { ("phone", Attendance::None) };
    ContactLogged {
        appointment: None,
        channel: channel.to_owned(),
        direction: Some(Direction::Outgoing),
        with: if dice.permille(700) { ContactWith::Family } else { ContactWith::Client },
        attendance,
        face_to_face: Some(at_home),
        two_way: true,
        group: false,
        minutes: Some(dice.from(10..=90)),
        scheduled_on: at_home.then_some(on),
        worker: Some(therapist.id),
        note: None,
    }
}
