//! A mixture of facts of every kind that the code lists of a pack allow. One seed decides it.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;
use throughline::clock::Chance;
use throughline_domain::command::Command;
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::rulebook::packs::Pack;
use throughline_domain::contract::rulebook::{CodeList, shown_value};
use throughline_domain::fact::envelope::{Occurred, RiskId, SpellId, StreamId, TaskId, WorkerId};
use throughline_domain::fact::event::{
    AchievementRecorded, AssessmentScored, Attendance, Attribute, ContactLogged, ContactWith, Disengaged, Eligibility,
    EligibilityAssessed, Event, JourneyClosed, JourneyTransferred, MeasureRecorded, PlanAgreed, PlanReviewed, Quantity,
    ReferralAccepted, ReferralDeclined, ReferralReceived, ReferralWithdrawn, Referrer, RiskRaised, SpellStarted,
    TaskSet, WorkerJoined, WteSet,
};
use throughline_domain::performance::measure::{CaseValue, FactKind, Formula};
use throughline_domain::world::{self, ANN, BOB, CAT};
use uuid::Uuid;

use crate::figures::{case, record_all, referral};
use crate::stores::Fresh;

const SEED: u64 = 16;
const CASES: u32 = 40;
const WORKERS: [WorkerId; 3] = [ANN, BOB, CAT];
/// The kinds of tasks that standards and measures of the packs ask for, and one that none asks for.
const TASKS: [&str; 4] = ["assessment", "welcome_session", "pass_for_decision", "call_landlord"];

/// The facts of a case, each with the number of days after the referral.
type Facts = Vec<(u64, Event)>;

/// What is recorded under a pack.
pub(super) struct Mixture<'m> {
    pack: &'m Pack,
    text: &'m str,
    rulebook: &'m Rulebook,
    /// The last day of a referral.
    last: NaiveDate,
    today: NaiveDate,
    /// The instruments that the measures of the pack name, and one that none names.
    instruments: Vec<String>,
    chance: Chance,
}

impl<'m> Mixture<'m> {
    pub(super) fn of(
        (pack, text): (&'m Pack, &'m str),
        rulebook: &'m Rulebook,
        last: NaiveDate,
        today: NaiveDate,
    ) -> Self {
        let facts_of = |formula: &'m Formula| match formula {
            Formula::Count(facts) | Formula::Sum(facts) => Some(facts),
            other => other.case_value().map(CaseValue::deciding),
        };
        let counted = rulebook.measures.iter().filter_map(|measure| facts_of(&measure.formula));
        let scored = counted.filter(|facts| facts.kinds.contains(&FactKind::Assessments));
        let named = scored.flat_map(|facts| facts.codes.clone());
        let instruments = named.chain(["sdq".to_owned()]).collect();
        Self { pack, text, rulebook, last, today, instruments, chance: Chance::seeded(SEED) }
    }

    /// Records all of it on the day.
    pub(super) async fn record(&self, fresh: &Fresh) {
        let first = Occurred::on(self.rulebook.effective_from);
        let opened = world::opened(self.pack.code, &self.rulebook.effective_from.to_string());
        fresh.record(world::open(first, opened, self.text)).await.expect("the contract opens");
        for (worker, label) in WORKERS.into_iter().zip(["KW-ann", "KW-bob", "KW-cat"]) {
            let joined = WorkerJoined { login: None, label: label.to_owned() };
            let half = WteSet { wte: Quantity(Decimal::new(5, 1)) };
            for fact in [Event::from(joined), Event::from(half)] {
                let command = Command::record_fact(StreamId::worker(worker), first, fact);
                fresh.record(command).await.expect("a worker joins");
            }
        }
        record_all(fresh, (1..=CASES).map(|n| self.case(n)).collect()).await;
        for command in self.of_contract() {
            fresh.record(command).await.expect("a measure of the contract");
        }
    }

    /// A number below another.
    fn below(&self, end: usize) -> usize {
        let end = u64::try_from(end).expect("a small number");
        usize::try_from(u64::from_be_bytes(self.chance.bytes()) % end).expect("a small number")
    }

    /// One of the codes of a list. None if it allows none.
    fn pick(&self, list: CodeList) -> Option<String> {
        let codes = self.rulebook.codes.listed(list).filter(|codes| !codes.is_empty())?;
        Some(codes[self.below(codes.len())].clone())
    }

    /// A number with a decimal place.
    fn quantity(&self) -> Quantity {
        let tenths = i64::try_from(self.below(1_000)).expect("a small number");
        Quantity(Decimal::new(tenths, 1))
    }

    fn worker(n: u32) -> WorkerId {
        WORKERS[usize::try_from(n % 3).expect("one of three")]
    }

    fn id(of: u128, n: u32) -> Uuid {
        Uuid::from_u128((of << 32) + u128::from(n))
    }

    /// What is recorded for the contract as a whole: every second of its measures.
    fn of_contract(&self) -> Vec<Command> {
        let codes = self.rulebook.codes.listed(CodeList::MeasureCodes).unwrap_or_default();
        let recorded = codes.iter().step_by(2).map(|code| {
            let fact = MeasureRecorded { code: code.clone(), value: self.quantity(), unit: None, period: None };
            Command::record_fact(StreamId::contract(self.pack.code), Occurred::on(self.last), fact)
        });
        recorded.collect()
    }

    /// The n-th case. What would lie ahead is left out.
    fn case(&self, n: u32) -> Command {
        let span = (self.last - self.rulebook.effective_from).num_days();
        let after = self.below(usize::try_from(span).expect("in order"));
        let received = self.rulebook.effective_from + Days::new(u64::try_from(after).expect("a small number"));
        let mut facts = self.facts(n, received);
        // Facts of one day keep their order.
        facts.sort_by_key(|(days, _)| *days);
        let dated = facts.into_iter().map(|(days, fact)| (received + Days::new(days), fact));
        let past = dated.filter(|(day, _)| *day <= self.today).map(|(day, fact)| (Occurred::on(day), fact));
        case(self.pack.code, n, (Occurred::on(received), self.referral(n)), past)
    }

    fn referral(&self, n: u32) -> ReferralReceived {
        let area = self.pick(CodeList::Areas).unwrap_or_else(|| "anywhere".to_owned());
        let cohort = self.pick(CodeList::Cohorts).filter(|_| !n.is_multiple_of(4));
        let kind = self.pick(CodeList::ReferrerKinds).filter(|_| !n.is_multiple_of(5));
        let referrer = kind.map(|kind| Referrer { organisation: None, kind: Some(kind) });
        ReferralReceived { cohort, referrer, ..referral(n, &area) }
    }

    fn facts(&self, n: u32, received: NaiveDate) -> Facts {
        let reason = || self.pick(CodeList::CloseReasons).expect("a pack has reasons");
        match n % 10 {
            7 => Vec::new(),
            8 => vec![(3, ReferralDeclined { reason: reason() }.into())],
            9 => vec![(3, ReferralWithdrawn { reason: reason() }.into())],
            _ => {
                let mut facts: Facts = vec![(1, ReferralAccepted {}.into()), (3, world::engaged().into())];
                self.assessments(n, &mut facts);
                Self::holders(n, &mut facts);
                self.contacts(n, received, &mut facts);
                self.plans(n, &mut facts);
                self.spell(n, &mut facts);
                self.work(n, received, &mut facts);
                self.values(&mut facts);
                self.leaving(n, &mut facts);
                facts
            }
        }
    }

    /// What is frozen of most cases: an age that a later assessment does not change, and of some a gender.
    fn assessments(&self, n: u32, facts: &mut Facts) {
        let assessed = |stated: &[(&str, Attribute)]| EligibilityAssessed {
            result: Eligibility::Eligible,
            criteria: BTreeMap::new(),
            facts: stated.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        };
        let years = |years: usize| {
            let years = i64::try_from(years).expect("a small number");
            ("test_years", Attribute::Quantity(Quantity(years.into())))
        };
        let gender = ("test_gender", Attribute::Text(["female", "male"][self.below(2)].to_owned()));
        if !n.is_multiple_of(3) {
            facts.push((1, assessed(&[years(16 + self.below(20))]).into()));
            facts.push((36, assessed(&[years(90), gender]).into()));
        }
    }

    /// Nobody, one keyworker, or two one after the other.
    fn holders(n: u32, facts: &mut Facts) {
        if n % 4 != 3 {
            facts.push((2, world::keyworker(Self::worker(n)).into()));
        }
        if n % 4 == 1 {
            facts.push((20, world::keyworker(Self::worker(n + 1)).into()));
        }
    }

    /// Contacts of every kind: missed, in a group, with others than the client, at an appointment, and plain.
    fn contacts(&self, n: u32, received: NaiveDate, facts: &mut Facts) {
        for at in [4, 9, 15, 23, 33, 41] {
            let Some(channel) = self.pick(CodeList::ContactChannels) else { return };
            let worker = Some(Self::worker(n));
            let plain = ContactLogged { channel, face_to_face: None, worker, ..world::contact() };
            let scheduled_on = Some(received + Days::new(at));
            let contact = match self.below(5) {
                0 => {
                    let attendance = Attendance::DidNotAttend;
                    ContactLogged { attendance, two_way: false, scheduled_on, ..plain }
                }
                1 => ContactLogged { attendance: Attendance::Attended, group: true, ..plain },
                2 => ContactLogged { with: ContactWith::Professional, ..plain },
                3 => ContactLogged { attendance: Attendance::Attended, scheduled_on, ..plain },
                _ => plain,
            };
            facts.push((at, contact.into()));
        }
    }

    fn plans(&self, n: u32, facts: &mut Facts) {
        let Some(kind) = self.pick(CodeList::PlanKinds) else { return };
        facts.push((6, PlanAgreed { kind: kind.clone(), actions: Vec::new(), note: None }.into()));
        facts.push((30, PlanReviewed { kind, actions: Vec::new(), note: None }.into()));
        if let Some(kind) = self.pick(CodeList::PlanKinds).filter(|_| n.is_multiple_of(2)) {
            facts.push((12, PlanAgreed { kind, actions: Vec::new(), note: None }.into()));
        }
    }

    fn spell(&self, n: u32, facts: &mut Facts) {
        let Some(domain) = self.pick(CodeList::SpellDomains) else { return };
        let spell = SpellId(Self::id(3, n));
        let attributes = self.rulebook.attributes.of(&domain).into_iter().flatten().filter_map(|(name, rule)| {
            let value = rule.values.as_ref()?.first()?;
            Some((name.clone(), Attribute::Text(shown_value(value))))
        });
        let attributes = attributes.collect();
        let hours_per_week = Some(Quantity(20.into()));
        facts.push((
            7,
            SpellStarted { spell, domain, employer_ref: None, hours_per_week, attributes, note: None }.into(),
        ));
        if n.is_multiple_of(3) {
            facts.push((38, world::ended(spell).into()));
        }
    }

    /// Tasks and risks.
    fn work(&self, n: u32, received: NaiveDate, facts: &mut Facts) {
        let task = TaskId(Self::id(4, n));
        let kind = TASKS[self.below(TASKS.len())].to_owned();
        let due_on = received + Days::new(18);
        facts.push((8, TaskSet { task, kind, due_on, owner: Some(Self::worker(n)), note: None }.into()));
        if n.is_multiple_of(2) {
            facts.push((17, world::done(task).into()));
        }
        if let Some(kind) = self.pick(CodeList::RiskKinds) {
            facts.push((14, RiskRaised { risk: RiskId(Self::id(5, n)), kind }.into()));
        }
    }

    /// Achievements, values and scores.
    fn values(&self, facts: &mut Facts) {
        if let Some(code) = self.pick(CodeList::AchievementCodes) {
            let level = ["entry", "1", "2"].get(self.below(4)).map(|level| (*level).to_owned());
            facts.push((10, AchievementRecorded { code, level }.into()));
        }
        for at in [16, 26] {
            if let Some(code) = self.pick(CodeList::MeasureCodes) {
                facts.push((at, MeasureRecorded { code, value: self.quantity(), unit: None, period: None }.into()));
            }
        }
        let instrument = self.instruments[self.below(self.instruments.len())].clone();
        facts.push((13, AssessmentScored { instrument, score: self.quantity(), ..world::scored() }.into()));
    }

    /// Stays, is closed, is closed twice, or goes elsewhere; and some are lost sight of before.
    fn leaving(&self, n: u32, facts: &mut Facts) {
        if let Some(reason) = self.pick(CodeList::DisengageReasons).filter(|_| n.is_multiple_of(5)) {
            facts.push((35, Disengaged { reason, last_seen_on: None }.into()));
        }
        let reason = || self.pick(CodeList::CloseReasons).expect("a pack has reasons");
        let close = || Event::from(JourneyClosed { reason: reason(), destination: None });
        match n % 6 {
            1 => facts.push((45, close())),
            4 => facts.extend([(45, close()), (55, world::reopened().into()), (65, close())]),
            5 => {
                let transfer = JourneyTransferred { reason: reason(), destination: "elsewhere".to_owned() };
                facts.push((45, transfer.into()));
            }
            _ => {}
        }
    }
}
