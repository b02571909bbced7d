//! The contacts of a case: calls, meetings, missed and cancelled ones, and conversations that do not count.

use chrono::{NaiveDate, NaiveTime};

use super::areas::Worker;
use super::course::Course;
use super::days::{after, is_working, working, working_after};
use super::dice::Dice;
use throughline_domain::fact::envelope::Occurred;
use throughline_domain::fact::event::{Attendance, ContactLogged, ContactWith, Direction};

/// A contact, the worker who logs it, and the hour by which it was over.
#[derive(Debug, Clone)]
pub(super) struct Contact {
    pub(super) on: NaiveDate,
    pub(super) hour: u32,
    pub(super) local_time: Option<NaiveTime>,
    /// The index of the worker in the team. `None` for the duty desk.
    pub(super) by: Option<usize>,
    pub(super) logged: ContactLogged,
}

impl Contact {
    pub(super) fn occurred(&self) -> Occurred {
        Occurred::on(self.on).at(self.local_time)
    }
}

/// The kind of contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Call,
    CallFromClient,
    Meeting,
    HomeVisit,
    Message,
    MessageAnswered,
    NoAnswer,
    Letter,
    Missed,
    CancelledByClient,
    CancelledByService,
    Family,
    Professional,
    Landlord,
}

const USUAL: [(u32, Kind); 14] = [
    (27, Kind::Call),
    (9, Kind::CallFromClient),
    (22, Kind::Meeting),
    (4, Kind::HomeVisit),
    (4, Kind::Message),
    (5, Kind::MessageAnswered),
    (7, Kind::NoAnswer),
    (1, Kind::Letter),
    (7, Kind::Missed),
    (3, Kind::CancelledByClient),
    (1, Kind::CancelledByService),
    (2, Kind::Family),
    (4, Kind::Professional),
    (4, Kind::Landlord),
];

/// The kinds of contact once the client can no longer be reached.
const SILENT: [(u32, Kind); 6] = [
    (40, Kind::NoAnswer),
    (20, Kind::Message),
    (15, Kind::Missed),
    (12, Kind::Letter),
    (8, Kind::Professional),
    (5, Kind::Landlord),
];

/// The contacts of a case, in order.
pub(super) fn contacts(course: &Course, team: &[Worker], dice: &Dice) -> Vec<Contact> {
    let Some(accepted_on) = course.accepted_on() else { return Vec::new() };
    let begins = course.keyworkers.first().map_or(accepted_on, |(from, _)| *from);
    let until = course.worked_until();
    let mut contacts = Vec::new();
    let mut on = working_after(begins, dice.weighted(&[(25, 0), (35, 1), (25, 3), (15, 6)]));
    while on <= until {
        let silent = course.silent_from.is_some_and(|from| from <= on);
        let kind = dice.weighted(if silent { &SILENT[..] } else { &USUAL[..] });
        contacts.extend(contact(kind, on, course, team, dice));
        on = working_after(on, interval(course, on, dice));
    }
    // A plan is agreed face to face.
    if let Some(plan_on) = course.plan_on {
        contacts.extend(contact(Kind::Meeting, plan_on, course, team, dice));
    }
    contacts.sort_by_key(|contact| (contact.on, contact.hour));
    contacts
}

/// Days to the next contact: few at first, more once the home is secured, and sometimes far too many.
fn interval(course: &Course, on: NaiveDate, dice: &Dice) -> u32 {
    if dice.permille(35) {
        return dice.from(22..=45);
    }
    let homed = course.home.is_some_and(|home| home.from <= on);
    let range = match (course.keyworkers.is_empty(), homed, course.plan_on.is_some_and(|day| day <= on)) {
        (true, ..) => 10..=28,
        (_, true, _) => 6..=17,
        (_, _, true) => 4..=10,
        _ => 3..=7,
    };
    dice.from(range)
}

fn contact(kind: Kind, on: NaiveDate, course: &Course, team: &[Worker], dice: &Dice) -> Option<Contact> {
    let colleagues: Vec<usize> = (0..team.len()).filter(|at| team[*at].is_there(on)).collect();
    let colleague = *dice.pick(&colleagues);
    let by = match course.keyworker(on) {
        Some(keyworker) if team[keyworker].is_there(on) && !dice.permille(80) => Some(keyworker),
        _ if dice.permille(120) => None,
        _ => Some(colleague),
    };
    let hour = dice.from(9..=16);
    let minute = 15 * dice.from(0..=3);
    let time = NaiveTime::from_hms_opt(hour, minute, 0).expect("a time of day");
    let local_time = dice.permille(600).then_some(time);
    let logged = logged(kind, on, by.map(|at| &team[at]), dice);
    is_working(on).then_some(Contact { on, hour, local_time, by, logged })
}

/// The fact that is recorded for a contact of this kind.
pub(super) fn logged(kind: Kind, on: NaiveDate, worker: Option<&Worker>, dice: &Dice) -> ContactLogged {
    use Attendance::{Attended, CancelledByClient, CancelledByService, DidNotAttend};
    use ContactWith::{Client, Family, Landlord, Professional};
    let (channel, with, attendance, two_way) = match kind {
        Kind::Call | Kind::CallFromClient => ("phone", Client, Attendance::None, true),
        Kind::Meeting => ("face_to_face", Client, Attended, true),
        Kind::HomeVisit => ("home_visit", Client, Attended, true),
        Kind::Message => (*dice.pick(&["text", "email"]), Client, Attendance::None, false),
        Kind::MessageAnswered => (*dice.pick(&["text", "email"]), Client, Attendance::None, true),
        Kind::NoAnswer => ("phone", Client, Attendance::None, false),
        Kind::Letter => ("letter", Client, Attendance::None, false),
        Kind::Missed => ("face_to_face", Client, DidNotAttend, false),
        Kind::CancelledByClient => ("face_to_face", Client, CancelledByClient, false),
        Kind::CancelledByService => ("face_to_face", Client, CancelledByService, false),
        Kind::Family => ("phone", Family, Attendance::None, true),
        Kind::Professional => (*dice.pick(&["phone", "email"]), Professional, Attendance::None, true),
        Kind::Landlord => ("phone", Landlord, Attendance::None, true),
    };
    let direction = if kind == Kind::CallFromClient { Direction::Incoming } else { Direction::Outgoing };
    let minutes = match attendance {
        Attended => Some(5 * dice.from(6..=15)),
        _ if channel == "phone" && two_way => Some(dice.from(3..=25)),
        _ => None,
    };
    let scheduled_on = match kind {
        Kind::CancelledByClient | Kind::CancelledByService => Some(working(after(on, dice.from(0..=3)))),
        _ => (attendance != Attendance::None).then_some(on),
    };
    ContactLogged {
        appointment: None,
        channel: channel.to_owned(),
        direction: Some(direction),
        with,
        attendance,
        face_to_face: Some(attendance == Attended),
        two_way,
        group: false,
        minutes,
        scheduled_on,
        worker: worker.map(|worker| worker.id),
        note: None,
    }
}
