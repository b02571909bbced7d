//! Generates commands for a case: what was recorded about the true course, by whom and when.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use chrono_tz::Europe::London;
use chrono_tz::Tz;
use uuid::Uuid;

use super::areas::{AREAS, Area, Worker};
use super::course::{Answer, Course};
use super::days::{EVENING, MORNING, Moment, working_after};
use super::dice::Dice;
use super::story::{Deed, Item, NAMES};
use super::{CONTRACT, documented};
use crate::access::{Principal, Role, Scope};
use throughline_domain::command::{Command, ReceiveReferral};
use throughline_domain::fact::envelope::{CommandId, JourneyId, Occurred, Source, StreamId, SubjectId};
use throughline_domain::fact::event::{
    Event, ExternalReference, KEYWORKER, ReferralAccepted, ReferralDeclined, ReferralReceived, Referrer, SubjectKind,
    WorkerAssigned,
};

/// The system that sends most referrals.
pub(super) const PORTAL: &str = "referral-portal";
/// The system whose case numbers are the journeys' references.
const CASEWORK: &str = "casework";

const REFERRED_BY: [(u32, &str); 11] = [
    (46, "housing_options"),
    (18, "self"),
    (8, "probation"),
    (4, "prison"),
    (4, "hospital"),
    (5, "job_centre"),
    (3, "mental_health_service"),
    (3, "substance_misuse_service"),
    (6, "voluntary_organisation"),
    (2, "landlord"),
    (1, "other"),
];

/// An area's office and its workers.
pub(super) struct Office<'a> {
    pub(super) area: &'a Area,
    pub(super) team: &'a [Worker],
}

impl Office<'_> {
    /// A keyworker of the team.
    pub(super) fn worker(&self, at: usize) -> Principal {
        caller(&self.team[at].login, Role::Keyworker, CONTRACT)
    }

    /// The team's manager.
    pub(super) fn manager(&self) -> Principal {
        caller(&format!("manager-{}", self.area.code), Role::Manager, CONTRACT)
    }

    /// The person who records a fact of this day: the keyworker who holds the case, else the manager.
    pub(super) fn holder(&self, course: &Course, on: NaiveDate) -> Principal {
        course.keyworker(on).map_or_else(|| self.manager(), |at| self.worker(at))
    }
}

/// A person who works in one contract.
pub(super) fn caller(subject: &str, role: Role, contract: &str) -> Principal {
    let scope = Scope::Contracts(BTreeSet::from([contract.to_owned()]));
    Principal { subject: subject.to_owned(), role, scope }
}

/// The case number and the subject of a case.
#[derive(Debug, Clone)]
pub(super) struct Case {
    /// Its case number.
    pub(super) reference: String,
    /// The subject.
    pub(super) subject: SubjectId,
    /// Whether the referral registers the subject. Clients who are referred again are already registered.
    pub(super) registers: bool,
}

impl Case {
    /// The case of a client who is referred for the first time.
    pub(super) fn new(reference: String) -> Self {
        let subject = SubjectId(Uuid::new_v5(&NAMES, format!("subject of {reference}").as_bytes()));
        Self { reference, subject, registers: true }
    }
}

/// A fact that is recorded wrongly at first.
pub(super) struct Mistake<T> {
    pub(super) wrong: (Occurred, T),
    pub(super) right: (Occurred, T),
    /// The reason of the correction.
    pub(super) reason: &'static str,
}

/// The commands of one case, in the order in which its facts depend on each other.
#[derive(Debug)]
pub(super) struct Telling {
    reference: String,
    journey: JourneyId,
    items: Vec<Item>,
    /// The time of the referral. No command of the case is recorded before it.
    since: Moment,
    /// The last moment of the story.
    until: Moment,
    /// The time zone of the service.
    zone: Tz,
}

impl Telling {
    /// Starts with the referral. Some are first sent to the wrong borough.
    pub(super) fn receive(office: &Office<'_>, case: Case, on: NaiveDate, at: Moment, dice: &Dice) -> Self {
        let fact = referral(office.area, &case, dice);
        let slip = dice.permille(15).then(|| later(at, dice)).flatten();
        let mut telling = Self::begin(case.reference, at);
        let Some(then) = slip else {
            telling.refer(office, case.registers, on, at, fact, dice);
            return telling;
        };
        let others: Vec<&Area> = AREAS.iter().filter(|area| area.code != office.area.code).collect();
        let wrong = ReferralReceived { area: dice.pick(&others).code.to_owned(), ..fact.clone() };
        let said = telling.refer(office, case.registers, on, at, wrong, dice);
        telling.correct(&office.manager(), then, said, Occurred::on(on), fact.into(), "sent to the wrong borough");
        telling
    }

    /// The same referral entered twice: a second journey, which was retracted. `None` if the demo's year ends before.
    pub(super) fn entered_twice(office: &Office<'_>, case: &Case, on: NaiveDate, dice: &Dice) -> Option<Self> {
        let at = Moment::at(working_after(on, 1), dice.from(MORNING..=16));
        let then = later(at, dice)?;
        let again = Case { reference: format!("{}-2", case.reference), ..case.clone() };
        let fact = referral(office.area, &again, dice);
        let mut telling = Self::begin(again.reference, at);
        let said = telling.refer(office, false, on, at, fact, dice);
        telling.retract(&office.manager(), then, vec![said], "the referral was entered twice");
        Some(telling)
    }

    /// Starts a case without commands.
    pub(super) fn begin(reference: String, since: Moment) -> Self {
        Self::within(reference, since, (Moment::END, London))
    }

    /// Starts a case without commands, in a story that ends at a moment in a time zone.
    pub(super) fn within(reference: String, since: Moment, (until, zone): (Moment, Tz)) -> Self {
        Self { journey: documented::journey(&reference), reference, items: Vec::new(), since, until, zone }
    }

    fn refer(
        &mut self,
        office: &Office<'_>,
        registers: bool,
        on: NaiveDate,
        at: Moment,
        fact: ReferralReceived,
        dice: &Dice,
    ) -> CommandId {
        let command = Command::ReceiveReferral(ReceiveReferral {
            journey: self.journey,
            contract: CONTRACT.to_owned(),
            when: Occurred::on(on).into(),
            register: registers.then_some(SubjectKind::Person),
            identity: None,
            fact,
        });
        let deed = Deed::Record(command);
        if dice.permille(300) {
            return self.push(&office.manager(), at, deed);
        }
        let said = self.push(&caller(PORTAL, Role::Integrator, CONTRACT), at, deed);
        let record_id = Some(format!("RP-{}", self.reference));
        let source = Source { system: PORTAL.to_owned(), record_id, file_digest: None, row: None };
        self.items.last_mut().expect("the referral was just added").source = Some(source);
        said
    }

    /// Adds the service's answer to the referral.
    pub(super) fn answer(&mut self, office: &Office<'_>, course: &Course, dice: &Dice) {
        let by = office.manager();
        match course.answer {
            Answer::Accepted(on) => {
                let (at, on) = (promptly(on, 11, dice), Occurred::on(on));
                self.state(&by, at, on, ReferralAccepted {});
            }
            Answer::Declined(on, reason) => {
                let (at, on) = (promptly(on, 11, dice), Occurred::on(on));
                let declined = ReferralDeclined { reason: reason.to_owned() };
                self.state(&by, at, on, declined);
            }
            Answer::Pending => {}
        }
    }

    /// Adds the assignments of keyworkers, recorded in order.
    pub(super) fn assign(&mut self, office: &Office<'_>, course: &Course, dice: &Dice) {
        let mut last = self.since;
        for (from, at) in &course.keyworkers {
            let assigned = WorkerAssigned { worker: office.team[*at].id, role: KEYWORKER.to_owned(), until: None };
            last = promptly(*from, 11, dice).max(last);
            self.state(&office.manager(), last, Occurred::on(*from), assigned);
        }
    }

    /// Adds a fact.
    pub(super) fn state(
        &mut self,
        by: &Principal,
        at: Moment,
        occurred: Occurred,
        fact: impl Into<Event>,
    ) -> CommandId {
        let command = Command::record_fact(StreamId::journey(self.journey), occurred, fact);
        self.push(by, at, Deed::Record(command))
    }

    /// Adds a wrong fact and its correction days later. If the demo's year ends before that, adds the correct fact at
    /// once.
    pub(super) fn mend<T: Into<Event>>(
        &mut self,
        by: &Principal,
        at: Moment,
        Mistake { wrong, right, reason }: Mistake<T>,
        dice: &Dice,
    ) {
        let Some(then) = later(at.max(self.since), dice) else {
            self.state(by, at, right.0, right.1);
            return;
        };
        let said = self.state(by, at, wrong.0, wrong.1);
        self.correct(by, then, said, right.0, right.1.into(), reason);
    }

    /// Adds a correction of a command's fact.
    pub(super) fn correct(
        &mut self,
        by: &Principal,
        at: Moment,
        of: CommandId,
        occurred: Occurred,
        replacement: Event,
        reason: &str,
    ) {
        let journey = self.journey;
        self.push(by, at, Deed::Correct { of, journey, occurred, replacement, reason: reason.to_owned() });
    }

    /// Adds a retraction of commands' facts.
    pub(super) fn retract(&mut self, by: &Principal, at: Moment, of: Vec<CommandId>, reason: &str) {
        let journey = self.journey;
        self.push(by, at, Deed::Retract { of, journey, reason: reason.to_owned() });
    }

    /// Adds a command.
    pub(super) fn push(&mut self, by: &Principal, at: Moment, deed: Deed) -> CommandId {
        let name = format!("command {} of {}", self.items.len() + 1, self.reference);
        let command_id = CommandId(Uuid::new_v5(&NAMES, name.as_bytes()));
        let recorded_at = at.clamp(self.since, self.until).instant_in(self.zone);
        self.items.push(Item { recorded_at, principal: by.clone(), command_id, source: None, deed });
        command_id
    }

    /// The journey.
    pub(super) const fn journey(&self) -> JourneyId {
        self.journey
    }

    /// The case number.
    pub(super) fn reference(&self) -> &str {
        &self.reference
    }

    /// The commands.
    pub(super) fn into_items(self) -> Vec<Item> {
        self.items
    }
}

fn referral(area: &Area, case: &Case, dice: &Dice) -> ReferralReceived {
    let kind = dice.weighted(&REFERRED_BY);
    let organisation = (kind == "housing_options").then(|| format!("{} housing options", area.code));
    ReferralReceived {
        subject: case.subject,
        area: area.code.to_owned(),
        cohort: None,
        referrer: Some(Referrer { organisation, kind: Some(kind.to_owned()) }),
        external_references: vec![ExternalReference { system: CASEWORK.to_owned(), id: case.reference.clone() }],
    }
}

/// When something that was over by this hour is recorded: at once or, rarely, on the next working day.
pub(super) fn promptly(day: NaiveDate, hour: u32, dice: &Dice) -> Moment {
    let same_day = Moment::at(day, dice.from(hour + 1..=EVENING));
    let next_day = Moment::at(working_after(day, 1), dice.from(MORNING..=12));
    if dice.permille(120) && next_day <= Moment::END { next_day } else { same_day }
}

/// Some days later. `None` if that is after the demo's year.
pub(super) fn later(at: Moment, dice: &Dice) -> Option<Moment> {
    let later = Moment::at(working_after(at.day, dice.from(1..=9)), dice.from(MORNING..=17));
    (later <= Moment::END).then_some(later)
}
