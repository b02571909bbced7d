//! The one journey that the documentation names: a contact that was recorded late and then retracted.
//!
//! The contact before it was on 1 February 2018. A contact of 10 February was recorded on the 25th and retracted on the
//! 26th. So on 23 February the days since contact are 22 as known on the 23rd, 13 as known on the 25th, and 22 again as
//! known on the 26th.

use chrono::NaiveDate;
use uuid::Uuid;

use super::areas::{Area, Worker};
use super::contacts::{Contact, Kind, logged};
use super::course::{Answer, Course};
use super::days::{Moment, day};
use super::dice::Dice;
use super::story::NAMES;
use super::telling::{Case, Office, Telling};
use throughline_domain::fact::envelope::{JourneyId, Occurred};
use throughline_domain::fact::event::PlanAgreed;

/// The case number of the documented journey.
pub const DOCUMENTED_REFERENCE: &str = "BR-2018-0001";

/// The area of the documented journey.
const AREA: &str = "brent";
/// The working day of the referral: the first of its year, so that its case number is the first too.
pub(super) const RECEIVED_ON: NaiveDate = day(2018, 1, 2);
const ACCEPTED_ON: NaiveDate = day(2018, 1, 3);
const PLAN_ON: NaiveDate = day(2018, 1, 18);
/// The date of the contact that was recorded late and retracted.
const LATE_ON: NaiveDate = day(2018, 2, 10);

/// The documented journey.
pub fn documented_journey() -> JourneyId {
    journey(DOCUMENTED_REFERENCE)
}

/// The journey with this case number.
pub(super) fn journey(reference: &str) -> JourneyId {
    JourneyId(Uuid::new_v5(&NAMES, reference.as_bytes()))
}

/// The number of a month's referrals that this module generates.
pub(super) fn referrals(area: &Area, month: NaiveDate) -> u32 {
    u32::from(area.code == AREA && month == day(2018, 1, 1))
}

/// The number of a month's plans that this module generates.
pub(super) fn plans(area: &Area, month: NaiveDate) -> u32 {
    referrals(area, month)
}

/// Generates the commands of the journey.
pub(super) fn tell(office: &Office<'_>, case: Case) -> Telling {
    let dice = Dice::of(0, 0);
    let keyworker = 0;
    let mut telling = Telling::receive(office, case, RECEIVED_ON, Moment::at(RECEIVED_ON, 10), &dice);
    let course = Course {
        answer: Answer::Accepted(ACCEPTED_ON),
        keyworkers: vec![(ACCEPTED_ON, keyworker)],
        ..Course::received(RECEIVED_ON, &dice)
    };
    telling.answer(office, &course, &dice);
    telling.assign(office, &course, &dice);
    let worker = &office.team[keyworker];
    for (kind, on) in [
        (Kind::Call, day(2018, 1, 4)),
        (Kind::Meeting, day(2018, 1, 9)),
        (Kind::Meeting, PLAN_ON),
        (Kind::Call, day(2018, 1, 25)),
        (Kind::Meeting, day(2018, 2, 1)),
        (Kind::NoAnswer, day(2018, 2, 8)),
        (Kind::Missed, day(2018, 2, 14)),
        (Kind::Landlord, day(2018, 2, 20)),
    ] {
        log(&mut telling, office, Moment::at(on, 15), contact(kind, on, worker, &dice));
    }
    let plan = PlanAgreed { kind: "php".to_owned(), actions: Vec::new(), note: None };
    let by = office.worker(keyworker);
    telling.state(&by, Moment::at(PLAN_ON, 15), Occurred::on(PLAN_ON), plan);
    let late = contact(Kind::Call, LATE_ON, worker, &dice);
    let late = log(&mut telling, office, Moment::at(day(2018, 2, 25), 11), late);
    let reason = "the call was with another client and stands in the wrong case";
    telling.retract(&office.manager(), Moment::at(day(2018, 2, 26), 10), vec![late], reason);
    telling
}

fn contact(kind: Kind, on: NaiveDate, worker: &Worker, dice: &Dice) -> Contact {
    Contact { on, hour: 14, local_time: None, by: Some(0), logged: logged(kind, on, Some(worker), dice) }
}

fn log(
    telling: &mut Telling,
    office: &Office<'_>,
    at: Moment,
    contact: Contact,
) -> throughline_domain::fact::envelope::CommandId {
    let by = office.worker(0);
    telling.state(&by, at, contact.occurred(), contact.logged)
}
