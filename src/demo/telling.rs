//! Telling a case: turning what really happened into what was recorded, by whom and when.

use std::collections::BTreeSet;

use chrono::NaiveDate;
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

/// The system through which most referrals come.
pub(super) const PORTAL: &str = "referral-portal";
/// The system whose case numbers people call the journeys by.
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

/// An area's office: where it is and who works there.
pub(super) struct Office<'a> {
    pub(super) area: &'a Area,
    pub(super) team: &'a [Worker],
}

impl Office<'_> {
    /// A keyworker of the team.
    pub(super) fn worker(&self, at: usize) -> Principal {
        somebody(&self.team[at].login, Role::Keyworker, CONTRACT)
    }

    /// Who leads the team.
    pub(super) fn manager(&self) -> Principal {
        somebody(&format!("manager-{}", self.area.code), Role::Manager, CONTRACT)
    }

    /// Who writes up a fact of this day: the keyworker who holds the case, else the manager.
    pub(super) fn holder(&self, course: &Course, on: NaiveDate) -> Principal {
        course.keyworker(on).map_or_else(|| self.manager(), |at| self.worker(at))
    }
}

/// Somebody who works in one contract.
pub(super) fn somebody(subject: &str, role: Role, contract: &str) -> Principal {
    let scope = Scope::Contracts(BTreeSet::from([contract.to_owned()]));
    Principal { subject: subject.to_owned(), role, scope }
}

/// How a case is known.
#[derive(Debug, Clone)]
pub(super) struct Case {
    /// Its case number.
    pub(super) reference: String,
    /// Whose case it is.
    pub(super) subject: SubjectId,
    /// Whether the referral makes them known; those who come again are known already.
    pub(super) registers: bool,
}

impl Case {
    /// The case of somebody who comes for the first time.
    pub(super) fn new(reference: String) -> Self {
        let subject = SubjectId(Uuid::new_v5(&NAMES, format!("subject of {reference}").as_bytes()));
        Self { reference, subject, registers: true }
    }
}

/// What is recorded of one case, in the order in which its facts rest on each other.
#[derive(Debug)]
pub(super) struct Telling {
    reference: String,
    journey: JourneyId,
    items: Vec<Item>,
    /// Nothing of the case is recorded before its referral.
    since: Moment,
}

impl Telling {
    /// Begins with the referral; now and then it was sent to the wrong borough first.
    pub(super) fn receive(office: &Office<'_>, case: Case, on: NaiveDate, at: Moment, dice: &Dice) -> Self {
        let fact = referral(office.area, &case, dice);
        let slip = dice.permille(15).then(|| later(at, dice)).flatten();
        let mut told = Self::begin(case.reference, at);
        let Some(then) = slip else {
            told.refer(office, case.registers, (on, at), fact, dice);
            return told;
        };
        let others: Vec<&Area> = AREAS.iter().filter(|area| area.code != office.area.code).collect();
        let wrong = ReferralReceived { area: dice.pick(&others).code.to_owned(), ..fact.clone() };
        let said = told.refer(office, case.registers, (on, at), wrong, dice);
        told.correct(&office.manager(), then, said, (Occurred::on(on), fact.into()), "sent to the wrong borough");
        told
    }

    /// The same referral entered twice: a journey of its own, which was taken back; none where the story ends before.
    pub(super) fn entered_twice(office: &Office<'_>, case: &Case, on: NaiveDate, dice: &Dice) -> Option<Self> {
        let at = Moment::at(working_after(on, 1), dice.from(MORNING..=16));
        let then = later(at, dice)?;
        let again = Case { reference: format!("{}-2", case.reference), ..case.clone() };
        let fact = referral(office.area, &again, dice);
        let mut told = Self::begin(again.reference, at);
        let said = told.refer(office, false, (on, at), fact, dice);
        told.retract(&office.manager(), then, vec![said], "the referral was entered twice");
        Some(told)
    }

    /// Begins a case of which nothing is told yet.
    pub(super) fn begin(reference: String, since: Moment) -> Self {
        Self { journey: documented::journey(&reference), reference, items: Vec::new(), since }
    }

    fn refer(
        &mut self,
        office: &Office<'_>,
        registers: bool,
        (on, at): (NaiveDate, Moment),
        fact: ReferralReceived,
        dice: &Dice,
    ) -> CommandId {
        let command = Command::ReceiveReferral(ReceiveReferral {
            journey: self.journey,
            contract: CONTRACT.to_owned(),
            occurred: Occurred::on(on),
            register: registers.then_some(SubjectKind::Person),
            fact,
        });
        let deed = Deed::Record(command);
        if dice.permille(300) {
            return self.push(&office.manager(), at, deed);
        }
        let said = self.push(&somebody(PORTAL, Role::Integrator, CONTRACT), at, deed);
        let record_id = Some(format!("RP-{}", self.reference));
        let source = Source { system: PORTAL.to_owned(), record_id, file_digest: None, row: None };
        self.items.last_mut().expect("the referral was just told").source = Some(source);
        said
    }

    /// The service's answer to the referral.
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

    /// Who held the case, each recorded after the one before.
    pub(super) fn assign(&mut self, office: &Office<'_>, course: &Course, dice: &Dice) {
        let mut last = self.since;
        for (from, at) in &course.keyworkers {
            let assigned = WorkerAssigned { worker: office.team[*at].id, role: KEYWORKER.to_owned(), until: None };
            last = promptly(*from, 11, dice).max(last);
            self.state(&office.manager(), last, Occurred::on(*from), assigned);
        }
    }

    /// States a fact.
    pub(super) fn state(
        &mut self,
        by: &Principal,
        at: Moment,
        occurred: Occurred,
        fact: impl Into<Event>,
    ) -> CommandId {
        let command = Command::state(StreamId::journey(self.journey), occurred, fact);
        self.push(by, at, Deed::Record(command))
    }

    /// States a fact as it was not, and corrects it days later; at once as it was where the story ends before.
    pub(super) fn mend<T: Into<Event>>(
        &mut self,
        (by, at): (&Principal, Moment),
        wrong: (Occurred, T),
        right: (Occurred, T),
        (reason, dice): (&str, &Dice),
    ) {
        let Some(then) = later(at.max(self.since), dice) else {
            self.state(by, at, right.0, right.1);
            return;
        };
        let said = self.state(by, at, wrong.0, wrong.1);
        self.correct(by, then, said, (right.0, right.1.into()), reason);
    }

    /// Corrects what a command stated.
    pub(super) fn correct(
        &mut self,
        by: &Principal,
        at: Moment,
        of: CommandId,
        (occurred, replacement): (Occurred, Event),
        reason: &str,
    ) {
        let journey = self.journey;
        self.push(by, at, Deed::Correct { of, journey, occurred, replacement, reason: reason.to_owned() });
    }

    /// Takes back what commands stated.
    pub(super) fn retract(&mut self, by: &Principal, at: Moment, of: Vec<CommandId>, reason: &str) {
        let journey = self.journey;
        self.push(by, at, Deed::Retract { of, journey, reason: reason.to_owned() });
    }

    /// Takes a command down.
    pub(super) fn push(&mut self, by: &Principal, at: Moment, deed: Deed) -> CommandId {
        let name = format!("command {} of {}", self.items.len() + 1, self.reference);
        let command_id = CommandId(Uuid::new_v5(&NAMES, name.as_bytes()));
        let recorded_at = at.clamp(self.since, Moment::END).instant();
        self.items.push(Item { recorded_at, principal: by.clone(), command_id, source: None, deed });
        command_id
    }

    /// Which journey it is.
    pub(super) const fn journey(&self) -> JourneyId {
        self.journey
    }

    /// The case number.
    pub(super) fn reference(&self) -> &str {
        &self.reference
    }

    /// What is recorded.
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

/// When somebody writes up what was over by this hour: at once or, seldom, the next working day.
pub(super) fn promptly(day: NaiveDate, hour: u32, dice: &Dice) -> Moment {
    let same_day = Moment::at(day, dice.from(hour + 1..=EVENING));
    let next_day = Moment::at(working_after(day, 1), dice.from(MORNING..=12));
    if dice.permille(120) && next_day <= Moment::END { next_day } else { same_day }
}

/// Some days later, if the story goes on that long.
pub(super) fn later(at: Moment, dice: &Dice) -> Option<Moment> {
    let later = Moment::at(working_after(at.day, dice.from(1..=9)), dice.from(MORNING..=17));
    (later <= Moment::END).then_some(later)
}
