//! Generates the commands of a whole case of a pack from its course: what was recorded, by whom and when.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::super::course::Answer;
use super::super::days::{MORNING, Moment, after};
use super::super::dice::Dice;
use super::super::story::{Deed, Item, NAMES};
use super::super::telling::{Case, Telling, caller};
use super::calendar::Days;
use super::contacts::{Channels, Contact, Logging};
use super::course::{Course, Taken};
use super::proof::{Needed, needed};
use super::staff::Team;
use super::{Every, Known, Lasting, Pack, Span, What};
use crate::access::{Principal, Role};
use throughline_domain::command::{Command, ReceiveReferral};
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::rulebook::{AttributeRule, CodeList};
use throughline_domain::fact::envelope::{CommandId, EvidenceId, Occurred, RiskId, SpellId, TaskId};
use throughline_domain::fact::event::{
    AchievementRecorded, AssessmentScored, Attribute, Disengaged, Eligibility, EligibilityAssessed, EngagementStarted,
    Event, EvidenceAttached, EvidenceRejected, EvidenceVerified, ExternalReference, JourneyClosed, KEYWORKER,
    MeasureRecorded, Period, PlanAgreed, PlanReviewed, Quantity, ReferralAccepted, ReferralDeclined, ReferralReceived,
    Referrer, RiskCleared, RiskRaised, SpellEnded, SpellStarted, TaskDone, TaskSet, WorkerAssigned,
};

/// The system whose case numbers are the journeys' references.
const CASEWORK: &str = "casework";
/// The login that checks evidence. Who attached it may not.
const CHECKER: &str = "quality";

/// A case: its number and subject, its area and cohort, its course and its team.
pub(super) struct CaseFile<'a> {
    pub(super) case: Case,
    pub(super) area: &'a str,
    pub(super) cohort: Option<&'a str>,
    pub(super) course: &'a Course,
    pub(super) team: Team<'a>,
}

/// Where the cases of a pack are recorded.
#[derive(Clone, Copy)]
pub(super) struct Service<'a> {
    pub(super) pack: &'static Pack,
    pub(super) rulebook: &'a Rulebook,
    pub(super) days: &'a Days,
    pub(super) channels: &'a Channels<'a>,
}

impl Service<'_> {
    /// A person who works for the contract.
    pub(super) fn caller(self, login: &str) -> Principal {
        caller(login, Role::Manager, self.pack.code)
    }

    /// The commands of a case.
    pub(super) fn record(self, file: &CaseFile<'_>, dice: &Dice) -> Vec<Item> {
        let at = Moment::at(file.course.received_on, dice.from(MORNING..=16));
        let telling = Telling::within(file.case.reference.clone(), at, (self.days.end(), self.days.zone));
        let mut record = CaseRecord { service: self, file, telling, evidence: 0 };
        record.refer(at, dice);
        record.answer(dice);
        record.assign(dice);
        let logging = Logging { course: file.course, team: file.team, channels: self.channels, days: self.days };
        for (number, contact) in logging.contacts(dice).iter().enumerate() {
            record.log(contact, number, dice);
        }
        for (number, taken) in file.course.taken.iter().enumerate() {
            record.step(*taken, number, dice);
        }
        record.exit(dice);
        record.telling.into_items()
    }
}

/// The commands of one case so far.
struct CaseRecord<'a> {
    service: Service<'a>,
    file: &'a CaseFile<'a>,
    telling: Telling,
    /// The number of pieces of evidence.
    evidence: usize,
}

impl CaseRecord<'_> {
    fn manager(&self) -> Principal {
        self.service.caller("manager")
    }

    fn worker(&self, at: usize) -> Principal {
        caller(&self.file.team.roster.workers[at].login, Role::Keyworker, self.service.pack.code)
    }

    /// The keyworker who holds the case on a day, unless they have left.
    fn keyworker(&self, on: NaiveDate) -> Option<usize> {
        self.file.course.keyworker(on).filter(|at| self.file.team.roster.workers[*at].is_there(on))
    }

    /// The person who records a fact of this day: the keyworker who holds the case, else the manager.
    fn holder(&self, on: NaiveDate) -> Principal {
        self.keyworker(on).map_or_else(|| self.manager(), |at| self.worker(at))
    }

    /// An id of something in this case.
    fn id(&self, what: &str, number: usize) -> Uuid {
        Uuid::new_v5(&NAMES, format!("{what} {number} of {}", self.telling.reference()).as_bytes())
    }

    fn refer(&mut self, at: Moment, dice: &Dice) {
        let CaseFile { case, area, cohort, course, .. } = self.file;
        let kinds = self.service.rulebook.codes.listed(CodeList::ReferrerKinds).unwrap_or_default();
        let kind = (!kinds.is_empty()).then(|| dice.pick(kinds).clone());
        let fact = ReferralReceived {
            subject: case.subject,
            area: (*area).to_owned(),
            cohort: cohort.map(str::to_owned),
            referrer: Some(Referrer { organisation: None, kind }),
            external_references: vec![ExternalReference { system: CASEWORK.to_owned(), id: case.reference.clone() }],
        };
        let command = Command::ReceiveReferral(ReceiveReferral {
            journey: self.telling.journey(),
            contract: self.service.pack.code.to_owned(),
            when: Occurred::on(course.received_on).into(),
            register: case.registers.then_some(course.population.subject),
            identity: None,
            fact,
        });
        let manager = self.manager();
        self.telling.push(&manager, at, Deed::Record(command));
    }

    /// The answer to the referral, and the facts that are fixed with it.
    fn answer(&mut self, dice: &Dice) {
        let (days, manager) = (self.service.days, self.manager());
        match self.file.course.answer {
            Answer::Accepted(on) => {
                let at = days.promptly(on, 11, dice);
                self.telling.state(&manager, at, Occurred::on(on), ReferralAccepted {});
                let facts = self.file.course.population.facts;
                if !facts.is_empty() {
                    let facts = facts.iter().map(|(name, odds)| ((*name).to_owned(), known(dice.weighted(odds))));
                    let assessed = EligibilityAssessed {
                        result: Eligibility::Eligible,
                        criteria: [].into(),
                        facts: facts.collect(),
                    };
                    self.telling.state(&manager, at, Occurred::on(on), assessed);
                }
            }
            Answer::Declined(on, reason) => {
                let at = days.promptly(on, 11, dice);
                let declined = ReferralDeclined { reason: reason.to_owned() };
                self.telling.state(&manager, at, Occurred::on(on), declined);
            }
            Answer::Pending => {}
        }
    }

    /// The assignments of keyworkers, recorded in order.
    fn assign(&mut self, dice: &Dice) {
        let (manager, mut last) = (self.manager(), Moment::at(self.file.course.received_on, MORNING));
        for (from, at) in &self.file.course.keyworkers {
            let worker = self.file.team.roster.workers[*at].id;
            let assigned = WorkerAssigned { worker, role: KEYWORKER.to_owned(), until: None };
            last = self.service.days.promptly(*from, 11, dice).max(last);
            self.telling.state(&manager, last, Occurred::on(*from), assigned);
        }
    }

    /// Logs a contact. Some are recorded late, a few twice or on the wrong day, and then put right.
    fn log(&mut self, contact: &Contact, number: usize, dice: &Dice) {
        let days = self.service.days;
        let by = contact.by.map_or_else(|| self.manager(), |at| self.worker(at));
        let at = days.written_up(contact.on, contact.hour, dice);
        let (occurred, fact) = (contact.occurred(), contact.logged.clone());
        let then = days.afterwards(at, dice);
        match (dice.from(1..=1_000), then) {
            (1..=8, Some(then)) => {
                self.telling.state(&by, at, occurred, fact.clone());
                let twice = self.telling.state(&by, at, occurred, fact);
                self.telling.retract(&self.service.caller("manager"), then, vec![twice], "logged twice");
            }
            (9..=18, Some(then)) if contact.on > self.file.course.received_on => {
                let wrong = Occurred::on(self.file.course.received_on);
                let said = self.telling.state(&by, at, wrong, fact.clone());
                let manager = self.service.caller("manager");
                self.telling.correct(&manager, then, said, occurred, fact.into(), "logged on the wrong day");
            }
            _ => {
                self.telling.state(&by, at, occurred, fact);
            }
        }
        if let Some(kind) = self.service.pack.missed.filter(|_| contact.is_missed()) {
            let due_on = days.later(contact.on, (5, 5), dice);
            let done_on = Some(days.later(contact.on, (1, 8), dice)).filter(|_| dice.permille(800));
            self.task(TaskId(self.id("missed", number)), (kind, due_on), (contact.on, done_on), dice);
        }
    }

    /// A task that is set on one day and perhaps done on another, if that is before the case or the story ends.
    fn task(
        &mut self,
        task: TaskId,
        (kind, due_on): (&str, NaiveDate),
        (set_on, done_on): (NaiveDate, Option<NaiveDate>),
        dice: &Dice,
    ) {
        let (days, by) = (self.service.days, self.holder(set_on));
        let owner = self.keyworker(set_on).map(|at| self.file.team.roster.workers[at].id);
        let at = days.promptly(set_on, 16, dice);
        self.telling.state(
            &by,
            at,
            Occurred::on(set_on),
            TaskSet { task, kind: kind.to_owned(), due_on, owner, note: None },
        );
        let Some(done_on) = done_on.filter(|on| *on <= self.file.course.worked_until(days)) else { return };
        let (by, at) = (self.holder(done_on), days.promptly(done_on, 16, dice).max(at));
        self.telling.state(&by, at, Occurred::on(done_on), TaskDone { task, note: None });
    }

    fn step(&mut self, Taken { since, on, what }: Taken, number: usize, dice: &Dice) {
        match (what, on) {
            (What::Task { kind, due }, _) => {
                let task = TaskId(self.id("task", number));
                self.task(task, (kind, after(since, *due)), (since, on), dice);
            }
            (_, None) => {}
            (What::Engages(basis), Some(on)) => self.state(on, EngagementStarted { basis: (*basis).to_owned() }, dice),
            (What::Plan(kind), Some(on)) => {
                self.state(on, PlanAgreed { kind: (*kind).to_owned(), actions: Vec::new(), note: None }, dice);
            }
            (What::Review(kind), Some(on)) => {
                self.state(on, PlanReviewed { kind: (*kind).to_owned(), actions: Vec::new(), note: None }, dice);
            }
            (What::Spell(lasting), Some(on)) => self.spell(lasting, what, (on, number), dice),
            (What::Achieves(code, level), Some(on)) => {
                let achieved = AchievementRecorded { code: (*code).to_owned(), level: level.map(str::to_owned) };
                let (by, at) = (self.holder(on), self.service.days.promptly(on, 16, dice));
                let said = self.telling.state(&by, at, Occurred::on(on), achieved);
                for needed in needed(self.service.rulebook, what, (on, None)) {
                    self.prove(needed, Ground::Fact(said), at, dice);
                }
            }
            (What::Measures(code, span), Some(on)) => self.state(on, measured(code, *span, None, dice), dice),
            (What::MeasuresMonthly(codes), Some(on)) => self.monthly(codes, on, dice),
            (What::Scores(instrument, (least, most)), Some(on)) => {
                let score = Quantity(dice.from(*least..=*most).into());
                let instrument = (*instrument).to_owned();
                self.state(on, AssessmentScored { instrument, items: [].into(), score }, dice);
            }
            (What::Risk(kind, cleared), Some(on)) => self.risk(kind, *cleared, (on, number), dice),
        }
    }

    /// Adds a fact that nothing else depends on.
    fn state(&mut self, on: NaiveDate, fact: impl Into<Event>, dice: &Dice) {
        let (by, at) = (self.holder(on), self.service.days.promptly(on, 16, dice));
        self.telling.state(&by, at, Occurred::on(on), fact);
    }

    fn risk(&mut self, kind: &str, cleared: Span, (on, number): (NaiveDate, usize), dice: &Dice) {
        let (days, risk) = (self.service.days, RiskId(self.id("risk", number)));
        let (by, at) = (self.holder(on), days.promptly(on, 16, dice));
        self.telling.state(&by, at, Occurred::on(on), RiskRaised { risk, kind: kind.to_owned() });
        let cleared_on = days.later(on, cleared, dice);
        if cleared_on <= days.last {
            let (by, at) = (self.holder(cleared_on), days.promptly(cleared_on, 16, dice).max(at));
            self.telling.state(&by, at, Occurred::on(cleared_on), RiskCleared { risk });
        }
    }

    /// A spell, its end if it ends, and the evidence that it lasted.
    fn spell(&mut self, lasting: &Lasting, what: &What, (on, number): (NaiveDate, usize), dice: &Dice) {
        let days = self.service.days;
        let spell = SpellId(self.id("spell", number));
        let hours = if lasting.hours.is_empty() { None } else { dice.weighted(lasting.hours) };
        let rules = self.service.rulebook.attributes.of(lasting.domain).into_iter().flatten();
        let attributes = rules.filter_map(|(name, rule)| Some((name.clone(), attribute(rule, dice)?))).collect();
        let started = SpellStarted {
            spell,
            domain: lasting.domain.to_owned(),
            employer_ref: Some(format!("REF-{:04}", dice.from(1..=400))),
            hours_per_week: hours.map(|hours| Quantity(hours.into())),
            attributes,
            note: None,
        };
        let (by, at) = (self.holder(on), days.promptly(on, 16, dice));
        self.telling.state(&by, at, Occurred::on(on), started);
        let (least, most) = lasting.lasts;
        let ended_on = dice.permille(lasting.ends).then(|| after(on, dice.from(least..=most)));
        for needed in needed(self.service.rulebook, what, (on, ended_on)) {
            self.prove(needed, Ground::Spell(spell), at, dice);
        }
        if let Some(ended_on) = ended_on.filter(|ended_on| *ended_on <= days.last) {
            let heard = Moment::at(days.later(ended_on, (0, 12), dice), dice.from(MORNING..=17)).max(at);
            let ended = SpellEnded { spell, reason: Some(lasting.reason.to_owned()), note: None };
            self.telling.state(&self.service.caller("manager"), heard, Occurred::on(ended_on), ended);
        }
    }

    /// Measures for each whole month from a day on.
    fn monthly(&mut self, codes: &[(&str, Span)], from: NaiveDate, dice: &Dice) {
        let days = self.service.days;
        for period in days.periods(Every::Month).into_iter().filter(|period| from <= period.last) {
            let returned_on = days.working(after(period.last, 3)).min(days.last);
            let at = Moment::at(returned_on, dice.from(MORNING..=17));
            for (code, span) in codes {
                let fact = measured(code, *span, Some(period), dice);
                self.telling.state(&self.service.caller("manager"), at, Occurred::on(period.last), fact);
            }
        }
    }

    /// Attaches the evidence that an outcome needs. Some is missing, some is checked, and some of that rejected.
    fn prove(&mut self, Needed { by, terms }: Needed<'_>, ground: Ground, not_before: Moment, dice: &Dice) {
        let days = self.service.days;
        let one_of = (!terms.any_of.is_empty()).then(|| dice.pick(&terms.any_of));
        for kind in terms.all_of.iter().chain(one_of) {
            let on = days.later(by, (1, 14), dice);
            if on > days.last || !dice.permille(920) {
                continue;
            }
            self.evidence += 1;
            let evidence = EvidenceId(self.id("evidence", self.evidence));
            let attached = EvidenceAttached {
                evidence,
                kind: kind.clone(),
                sha256: None,
                dated_on: after(by, dice.from(0..=2)).min(on),
                obtained_on: None,
                obtained_how: None,
                supports: Vec::new(),
            };
            let (holder, at) = (self.holder(on), days.promptly(on, 15, dice).max(not_before));
            match ground {
                Ground::Spell(spell) => {
                    let supports = vec![spell.0];
                    self.telling.state(&holder, at, Occurred::on(on), EvidenceAttached { supports, ..attached });
                }
                Ground::Fact(of) => {
                    let (journey, occurred) = (self.telling.journey(), Occurred::on(on));
                    self.telling.push(&holder, at, Deed::Prove { of, journey, occurred, evidence: attached });
                }
            }
            self.check(evidence, at, dice);
        }
    }

    fn check(&mut self, evidence: EvidenceId, attached_at: Moment, dice: &Dice) {
        let checker = self.service.caller(CHECKER);
        let defects = self.service.rulebook.codes.listed(CodeList::DefectCodes).unwrap_or_default();
        let (drawn, Some(at)) = (dice.from(1..=100), self.service.days.afterwards(attached_at, dice)) else { return };
        match drawn {
            1..=25 => {
                self.telling.state(&checker, at, Occurred::on(at.day), EvidenceVerified { evidence });
            }
            26..=28 if !defects.is_empty() => {
                let defect = dice.pick(defects).clone();
                self.telling.state(&checker, at, Occurred::on(at.day), EvidenceRejected { evidence, defect });
            }
            _ => {}
        }
    }

    /// The disengagement of a client who can no longer be reached, and the close.
    fn exit(&mut self, dice: &Dice) {
        let Some(exit) = self.file.course.exit else { return };
        let days = self.service.days;
        let at = days.promptly(exit.on, 16, dice);
        let reasons = self.service.rulebook.codes.listed(CodeList::DisengageReasons).unwrap_or_default();
        if let (Some(last_seen_on), Some(reason)) = (self.file.course.silent_from, reasons.first()) {
            let mark = Disengaged { reason: reason.clone(), last_seen_on: Some(last_seen_on.min(exit.on)) };
            let (manager, on) = (self.manager(), Occurred::on(exit.on));
            self.telling.state(&manager, at, on, mark);
        }
        let closed = JourneyClosed { reason: exit.reason.to_owned(), destination: None };
        let manager = self.manager();
        self.telling.state(&manager, at, Occurred::on(exit.on), closed);
    }
}

/// What evidence supports.
#[derive(Debug, Clone, Copy)]
enum Ground {
    /// A spell.
    Spell(SpellId),
    /// The fact that a command stated.
    Fact(CommandId),
}

fn known(known: Known) -> Attribute {
    match known {
        Known::Word(word) => Attribute::Text(word.to_owned()),
        Known::Number(number) => Attribute::Quantity(Quantity(number.into())),
    }
}

fn measured(code: &str, (least, most): Span, period: Option<Period>, dice: &Dice) -> MeasureRecorded {
    let value = Quantity(Decimal::from(dice.from(least..=most)));
    MeasureRecorded { code: code.to_owned(), value, unit: None, period }
}

/// A value of an attribute, most often the first that the rulebook lists.
fn attribute(rule: &AttributeRule, dice: &Dice) -> Option<Attribute> {
    let texts: Vec<&str> = rule.values.iter().flatten().filter_map(|value| value.as_str()).collect();
    let first = *texts.first()?;
    let value = if dice.permille(600) { first } else { dice.pick(&texts) };
    Some(Attribute::Text(value.to_owned()))
}
