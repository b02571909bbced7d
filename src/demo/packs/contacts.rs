//! The contacts of a case of a pack, by the channels that its rulebook names.

use chrono::{NaiveDate, NaiveTime};

use super::super::dice::Dice;
use super::calendar::Days;
use super::course::Course;
use super::staff::Team;
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::rulebook::CodeList;
use throughline_domain::fact::envelope::Occurred;
use throughline_domain::fact::event::{Attendance, ContactLogged, ContactWith, Direction, SubjectKind};

/// Channels by which two people talk without meeting, where a rulebook has them.
const SPOKEN: [&str; 3] = ["phone", "video", "on_call"];
/// The channel on which people meet in a group.
const GROUP: &str = "group_session";
/// The most days until a missed appointment is followed up in time.
const FOLLOWED_UP: (u32, u32) = (1, 3);

/// The channels of a contract, by how people meet.
#[derive(Debug)]
pub(super) struct Channels<'r> {
    face_to_face: Vec<&'r str>,
    spoken: Vec<&'r str>,
    written: Vec<&'r str>,
}

impl<'r> Channels<'r> {
    /// The channels that a rulebook lists.
    pub(super) fn of(rulebook: &'r Rulebook) -> Self {
        let all = || rulebook.codes.listed(CodeList::ContactChannels).into_iter().flatten().map(String::as_str);
        let meets = |channel: &&str| rulebook.channels.is_face_to_face(channel);
        let is_spoken = |channel: &&str| SPOKEN.contains(channel);
        Self {
            face_to_face: all().filter(meets).collect(),
            spoken: all().filter(is_spoken).collect(),
            written: all().filter(|channel| !meets(channel) && !is_spoken(channel)).collect(),
        }
    }
}

/// A contact, the worker who logs it, and the hour by which it was over.
#[derive(Debug, Clone)]
pub(super) struct Contact {
    pub(super) on: NaiveDate,
    pub(super) hour: u32,
    local_time: Option<NaiveTime>,
    /// The worker, by their place in the list.
    pub(super) by: Option<usize>,
    pub(super) logged: ContactLogged,
}

impl Contact {
    pub(super) fn occurred(&self) -> Occurred {
        Occurred::on(self.on).at(self.local_time)
    }

    /// Whether the client missed an appointment.
    pub(super) fn is_missed(&self) -> bool {
        self.logged.attendance == Attendance::DidNotAttend
    }
}

/// The kind of contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Meeting,
    Call,
    Message,
    NoAnswer,
    Missed,
    Cancelled,
    Professional,
}

const USUAL: [(u32, Kind); 7] = [
    (42, Kind::Meeting),
    (27, Kind::Call),
    (8, Kind::Message),
    (7, Kind::NoAnswer),
    (8, Kind::Missed),
    (4, Kind::Cancelled),
    (4, Kind::Professional),
];

/// The kinds of contact once the client can no longer be reached.
const SILENT: [(u32, Kind); 4] =
    [(55, Kind::NoAnswer), (20, Kind::Message), (15, Kind::Missed), (10, Kind::Professional)];

/// Who logs the contacts of a case, and how.
#[derive(Clone, Copy)]
pub(super) struct Logging<'a> {
    pub(super) course: &'a Course,
    pub(super) team: Team<'a>,
    pub(super) channels: &'a Channels<'a>,
    pub(super) days: &'a Days,
}

impl Logging<'_> {
    /// The contacts of a case, in order. Most missed appointments are followed up within three days.
    pub(super) fn contacts(self, dice: &Dice) -> Vec<Contact> {
        let Some(accepted_on) = self.course.accepted_on() else { return Vec::new() };
        let until = self.course.worked_until(self.days);
        let mut contacts = Vec::new();
        let mut on = self.days.later(accepted_on, (0, 5), dice);
        while on <= until {
            let is_silent = self.course.silent_from.is_some_and(|from| from <= on);
            let kind = dice.weighted(if is_silent { &SILENT[..] } else { &USUAL[..] });
            contacts.push(self.contact(kind, on, dice));
            let wait = match kind {
                Kind::Missed if dice.permille(880) => FOLLOWED_UP,
                _ => self.course.population.contacts_every,
            };
            on = self.days.later(on, wait, dice);
        }
        contacts
    }

    fn contact(self, kind: Kind, on: NaiveDate, dice: &Dice) -> Contact {
        let on_duty = self.team.on_duty(on);
        let keyworker = self.course.keyworker(on).filter(|at| on_duty.contains(at));
        let colleague = (!on_duty.is_empty()).then(|| *dice.pick(&on_duty));
        let by = if dice.permille(70) { colleague } else { keyworker.or(colleague) };
        let hour = dice.from(9..=16);
        let time = NaiveTime::from_hms_opt(hour, 15 * dice.from(0..=3), 0).expect("a time of day");
        let mut logged = self.logged(kind, on, dice);
        logged.worker = by.map(|at| self.team.roster.workers[at].id);
        Contact { on, hour, local_time: dice.permille(600).then_some(time), by, logged }
    }

    fn logged(self, kind: Kind, on: NaiveDate, dice: &Dice) -> ContactLogged {
        let Channels { face_to_face, spoken, written } = self.channels;
        let (channels, attendance, two_way) = match kind {
            Kind::Meeting => (face_to_face, Attendance::Attended, true),
            Kind::Missed => (face_to_face, Attendance::DidNotAttend, false),
            Kind::Cancelled => (face_to_face, Attendance::CancelledByClient, false),
            Kind::Call | Kind::Professional => (spoken, Attendance::None, true),
            Kind::NoAnswer => (spoken, Attendance::None, false),
            Kind::Message => (written, Attendance::None, false),
        };
        let channel = *dice.pick(channels);
        let is_family = self.course.population.subject == SubjectKind::Family;
        let with = match kind {
            Kind::Professional => ContactWith::Professional,
            _ if dice.permille(if is_family { 650 } else { 40 }) => ContactWith::Family,
            _ => ContactWith::Client,
        };
        let is_attended = attendance == Attendance::Attended;
        ContactLogged {
            appointment: None,
            channel: channel.to_owned(),
            direction: Some(Direction::Outgoing),
            with,
            attendance,
            face_to_face: Some(is_attended),
            two_way,
            group: channel == GROUP,
            minutes: is_attended.then(|| 5 * dice.from(6..=15)),
            scheduled_on: (attendance != Attendance::None).then_some(on),
            worker: None,
            note: None,
        }
    }
}
