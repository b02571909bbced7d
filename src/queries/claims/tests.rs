//! Claims that are evaluated again only after changes equal those of an evaluation from scratch.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{Days, NaiveDate, TimeDelta};
use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

use super::facts::Facts;
use super::*;
use crate::clock::Chance;
use throughline_domain::contract::Rulebook;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{
    Actor, AdjustmentId, BatchId, EventId, JourneyId, Occurred, Precision, RiskId, SpellId, StreamId, SubjectId,
};
use throughline_domain::fact::event::{
    AchievementRecorded, AdjustmentKind, AdjustmentRaised, AmountPaid, BatchOpened, BatchSubmitted, ClaimAbout,
    ClaimAccepted, ClaimLine, ClaimQueried, ClaimRejected, ClaimWithdrawn, Event, FactCorrected, FactRetracted,
    PaymentReceived, PlanAgreed, Quantity, ReferralReceived, ReferralWithdrawn, RiskCleared, RiskRaised,
    RulebookPublished, SpellEnded, SpellStarted, SubjectsLinked, SubjectsUnlinked,
};
use throughline_domain::fact::money::Money;
use throughline_domain::world::opened;

const RULES: &str = r#"rulebook = 1
contract = "sample"
version = "VERSION"
title = "Sample"
effective_from = FROM
applies_by = "BY"
retroactive = RETROACTIVE
currency = "GBP"
[calendar]
zone = "Europe/London"
working_days = "england-and-wales"
financial_year = "04-01"
[[outcome]]
code = "plan"
title = "A plan, once for each person"
trigger = { plan = ["php"] }
once_per = "person"
claim = { after_working_days = 5, within_days = 90, attempts = 2 }
[[outcome.tariff]]
amount = "PRICE"
[[outcome]]
code = "few"
title = "Four weeks in work"
trigger = { spell = ["employment"] }
sustain = { weeks = 4, continuity = "max_gap", gap_days = 7, combine = "employers" }
hold_on_risk = ["relapse"]
[[outcome.tariff]]
amount = "300.00"
[[outcome]]
code = "many"
title = "Four weeks in work at 16 hours"
trigger = { spell = ["employment"] }
sustain = { weeks = 4, continuity = "none", combine = "nothing" }
hours = { basis = "average", at_least = 16 }
convert = { from = "few" }
[[outcome.tariff]]
amount = "700.00"
[[outcome]]
code = "learnt"
title = "A qualification, up to three times"
trigger = { achievement = ["qualification"] }
repeats = 3
[[outcome.tariff]]
amount = "50.00"
up_to = 4
[[outcome.tariff]]
amount = "40.00"
[[outcome]]
code = "in_work"
title = "Half of all days in work"
scope = "area"
ratio = { spell_days = ["employment"], of = "child_days", period = "quarter", at_least = 0.2 }
[[outcome.tariff]]
amount = "1000.00"
[[cap]]
scope = "contract"
amount = "4000.00"
crossing = "partial"
refill = true
"#;

/// A version of the rules, with these values filled in.
fn version(name: &str, from: &str, by: &str, retroactive: bool, price: &str) -> String {
    let words = [("VERSION", name), ("FROM", from), ("BY", by), ("PRICE", price)];
    let text = words.into_iter().fold(RULES.to_owned(), |text, (word, is)| text.replace(word, is));
    text.replace("RETROACTIVE", &retroactive.to_string())
}

const BEGINS: NaiveDate = NaiveDate::from_ymd_opt(2022, 1, 3).expect("a day");

/// A random sequence of events.
struct Story {
    chance: Chance,
    position: i64,
    contract: Contract,
    learnt: Vec<(StreamId, Recorded)>,
    /// Facts that may be corrected or retracted: the journey, the event, its date.
    facts: Vec<(JourneyId, Recorded)>,
    spells: Vec<(JourneyId, SpellId)>,
    risks: Vec<(JourneyId, RiskId)>,
    batches: Vec<BatchId>,
}

const JOURNEYS: usize = 12;

fn journey(n: usize) -> JourneyId {
    JourneyId(Uuid::from_u128(0x1_0000 + n as u128))
}

/// Some of the journeys have the same subject.
fn subject(n: usize) -> SubjectId {
    SubjectId(Uuid::from_u128(0x2_0000 + (n % 9) as u128))
}

impl Story {
    fn of(seed: u64) -> Self {
        let mut story = Self {
            chance: Chance::seeded(seed),
            position: 0,
            contract: Contract::default(),
            learnt: Vec::new(),
            facts: Vec::new(),
            spells: Vec::new(),
            risks: Vec::new(),
            batches: Vec::new(),
        };
        let opened = opened("sample", "2022-01-03");
        let by = ["achieved", "submitted", "recorded", "occurred"][story.pick(4)];
        story.rule(opened.into());
        story.publish(&version("1", "2022-01-01", by, false, "200.00"));
        story
    }

    fn pick(&self, of: usize) -> usize {
        let [byte, other] = self.chance.bytes::<2>();
        usize::from(u16::from_be_bytes([byte, other])) % of
    }

    /// The day on which events are recorded. It advances with the position.
    fn today(&self) -> NaiveDate {
        BEGINS + Days::new(u64::try_from(self.position / 3).expect("a number of days"))
    }

    fn day(&self) -> NaiveDate {
        (self.today() - Days::new(self.pick(40) as u64)).max(BEGINS)
    }

    fn recorded(&mut self, stream: StreamId, occurred: Occurred, event: Event) -> Recorded {
        self.position += 1;
        let version = 1 + self.learnt.iter().filter(|(of, _)| *of == stream).count();
        Recorded {
            event_id: EventId(Uuid::from_u128(0xe_0000 + u128::try_from(self.position).expect("a position"))),
            position: Position(self.position),
            version: i64::try_from(version).expect("a version"),
            contract: None,
            recorded_at: self.today().and_hms_opt(9, 0, 0).expect("a time").and_utc()
                + TimeDelta::seconds(self.position),
            actor: Actor { subject: String::new(), role: String::new(), on_behalf_of: None },
            occurred,
            event,
        }
    }

    fn rule(&mut self, event: Event) {
        let recorded = self.recorded(StreamId::contract("sample"), Occurred::on(BEGINS), event);
        self.contract.evolve(&recorded).expect("rules that are read");
    }

    fn publish(&mut self, text: &str) {
        let rulebook = Rulebook::parse(text).unwrap_or_else(|errors| panic!("{errors:#?}"));
        let hash = rulebook.hash().to_owned();
        self.rule(RulebookPublished { content: text.to_owned(), hash }.into());
    }

    fn tell(&mut self, stream: StreamId, occurred: Occurred, event: impl Into<Event>) -> Recorded {
        let recorded = self.recorded(stream, occurred, event.into());
        self.learnt.push((stream, recorded.clone()));
        recorded
    }

    /// Records a random event.
    fn go_on(&mut self, claims: &Claims) {
        let n = self.pick(JOURNEYS);
        let id = journey(n);
        let (stream, mut on) = (StreamId::journey(id), Occurred::on(self.day()));
        if self.pick(12) == 0 {
            on = Occurred::within(self.day(), Precision::Month);
        }
        let fact: Event = match self.pick(24) {
            0..=3 => {
                let area = ["north", "south"][n % 2].to_owned();
                let (cohort, referrer, external_references) = (None, None, Vec::new());
                ReferralReceived { subject: subject(n), area, cohort, referrer, external_references }.into()
            }
            4..=6 => PlanAgreed { kind: "php".to_owned(), actions: Vec::new(), note: None }.into(),
            7..=10 => self.spell_started(id),
            11 | 12 => match self.spells.get(self.pick(self.spells.len().max(1))).copied() {
                Some((of, spell)) => {
                    self.tell(StreamId::journey(of), on, SpellEnded { spell, reason: None, note: None });
                    return;
                }
                None => self.spell_started(id),
            },
            13 => AchievementRecorded { code: "qualification".to_owned(), level: None }.into(),
            14 => {
                let risk = RiskId(Uuid::from_u128(0x4_0000 + self.risks.len() as u128));
                self.risks.push((id, risk));
                RiskRaised { risk, kind: "relapse".to_owned() }.into()
            }
            15 => match self.risks.pop() {
                Some((of, risk)) => {
                    self.tell(StreamId::journey(of), on, RiskCleared { risk });
                    return;
                }
                None => PlanAgreed { kind: "php".to_owned(), actions: Vec::new(), note: None }.into(),
            },
            16 | 17 => return self.amend(),
            18 => return self.link(),
            19 => ReferralWithdrawn { reason: "changed mind".to_owned() }.into(),
            _ => return self.claim(claims),
        };
        let recorded = self.tell(stream, on, fact);
        self.facts.push((id, recorded));
    }

    fn spell_started(&mut self, of: JourneyId) -> Event {
        let spell = SpellId(Uuid::from_u128(0x3_0000 + self.spells.len() as u128));
        self.spells.push((of, spell));
        let hours = [None, Some(12), Some(20)][self.pick(3)];
        SpellStarted {
            spell,
            domain: "employment".to_owned(),
            employer_ref: None,
            hours_per_week: hours.map(|hours: i64| Quantity(Decimal::from(hours))),
            attributes: [].into(),
            note: None,
        }
        .into()
    }

    fn amend(&mut self) {
        let Some((of, fact)) = self.facts.get(self.pick(self.facts.len().max(1))).cloned() else { return };
        let (target, reason) = (fact.event_id, "a mistake".to_owned());
        let today = Occurred::on(self.today());
        if self.pick(2) == 0 {
            self.tell(StreamId::journey(of), today, FactRetracted { target, reason });
            return;
        }
        let correction = FactCorrected {
            target,
            occurred_on: self.day(),
            precision: Precision::Day,
            local_time: None,
            schema_version: fact.event.event_type().schema_version(),
            payload: serde_json::from_str::<Value>(fact.event.payload().get()).expect("a payload"),
            reason,
        };
        self.tell(StreamId::journey(of), today, correction);
    }

    fn link(&mut self) {
        let (one, with) = (subject(self.pick(JOURNEYS)), subject(self.pick(JOURNEYS)));
        if one == with {
            return;
        }
        let (on, reason) = (Occurred::on(self.day()), "the same".to_owned());
        match self.pick(3) {
            0 => self.tell(StreamId::subject(one), on, SubjectsUnlinked { with, reason }),
            _ => self.tell(StreamId::subject(one), on, SubjectsLinked { with, reason }),
        };
    }

    /// Records a random event about claims.
    fn claim(&mut self, claims: &Claims) {
        let today = Occurred::on(self.today());
        let Some(batch) = self.batches.last().copied().filter(|_| self.pick(4) > 0) else {
            let batch = BatchId(Uuid::from_u128(0x5_0000 + self.batches.len() as u128));
            self.batches.push(batch);
            self.tell(StreamId::batch(batch), today, BatchOpened::default());
            let lines: Vec<ClaimLine> = claims.prepared(None, None).lines.unwrap_or_default();
            let submitted = BatchSubmitted { prepared_at: claims.position, currency: "GBP".to_owned(), lines };
            self.tell(StreamId::batch(batch), today, submitted);
            return;
        };
        let of_batch = claims.batches.iter().find(|(id, _)| *id == batch).map(|(_, batch)| batch);
        let lines = of_batch.map_or(&[][..], |batch| &batch.lines);
        let Some(line) = lines.get(self.pick(lines.len().max(1))) else { return };
        let (claim, amount, stream) = (line.frozen.claim, line.frozen.amount, StreamId::batch(batch));
        let reason = "decided".to_owned();
        match self.pick(7) {
            0 | 1 => drop(self.tell(stream, today, ClaimAccepted { claim })),
            2 => drop(self.tell(stream, today, ClaimRejected { claim, defect: "illegible".to_owned(), remark: None })),
            3 => drop(self.tell(stream, today, ClaimWithdrawn { claim, reason })),
            4 => drop(self.tell(stream, today, ClaimQueried { claim, remark: reason })),
            5 => {
                let amounts = vec![AmountPaid { claim, amount }];
                let payment = PaymentReceived { reference: None, amounts, adjustments: Vec::new(), excess: None };
                self.tell(stream, today, ClaimAccepted { claim });
                self.tell(stream, today, payment);
            }
            _ => {
                let adjustment =
                    AdjustmentId(Uuid::from_u128(0x6_0000 + u128::try_from(self.position).expect("a position")));
                let (kind, amount) = (AdjustmentKind::Clawback, Money::ZERO - amount);
                let (batch, claim) = (Some(batch), Some(claim));
                self.tell(
                    stream,
                    today,
                    AdjustmentRaised { adjustment, kind, batch, claim, amount, by_hand: None, reason },
                );
            }
        }
    }

    /// A query for today, an earlier day or a later one.
    fn question(&self) -> ClaimsQuery {
        let today = self.today();
        let as_of = match self.pick(6) {
            0 => today - Days::new(self.pick(30) as u64),
            1 => today + Days::new(20),
            _ => today,
        };
        let purpose = match self.pick(3) {
            0 => Purpose::Submit { batch: BatchId(Uuid::nil()), again: BTreeSet::new() },
            1 => {
                let again = self.facts.iter().map(|_| ClaimId(Uuid::nil())).take(1).collect();
                Purpose::Submit { batch: BatchId(Uuid::nil()), again }
            }
            _ => Purpose::Look,
        };
        ClaimsQuery { as_of, today, purpose }
    }
}

/// Asserts that two sets of claims are equal.
fn assert_same(one: &Claims, other: &Claims, at: &str) {
    for (one, other) in one.claims.iter().zip(other.claims.iter()) {
        assert!(one == other, "{at}: {:?} {:?}, {:?} {:?}", one.status, one.amount, other.status, other.amount);
    }
    let beside = |claims: &Claims| {
        let Claims { position, proposed, caps, batches, asked, .. } = claims;
        format!("{} {position:?} {asked:?}\n{proposed:?}\n{caps:?}\n{batches:?}", claims.claims.len())
    };
    assert_eq!(beside(one), beside(other), "{at}");
}

fn from_nothing(story: &Story, contract: &Arc<Contract>, asked: &ClaimsQuery, upto: Position) -> Claims {
    let mut facts = Facts::default();
    for (stream, recorded) in story.learnt.iter().filter(|(_, recorded)| recorded.position <= upto) {
        facts.learn(*stream, recorded.clone());
    }
    facts.position = upto;
    facts.claims_by(contract, asked)
}

#[test]
fn claims_evaluated_again_after_changes_equal_those_evaluated_from_scratch() {
    let mut statuses = BTreeSet::new();
    for seed in 0..6 {
        let mut story = Story::of(seed);
        let mut contract = Arc::new(story.contract.clone());
        let (mut facts, mut learnt) = (Facts::default(), 0);
        let mut before: Option<(ClaimsQuery, Arc<Claims>)> = None;
        for step in 0..200 {
            if [70, 130].contains(&step) {
                let (name, by) = (step.to_string(), ["achieved", "submitted"][story.pick(2)]);
                let (from, retroactive) = ((story.today() - Days::new(10)).to_string(), story.pick(2) == 0);
                story.publish(&version(&name, &from, by, retroactive, "250.00"));
                contract = Arc::new(story.contract.clone());
            }
            for (stream, recorded) in &story.learnt[learnt..] {
                facts.learn(*stream, recorded.clone());
            }
            (facts.position, learnt) = (Position(story.position), story.learnt.len());
            let asked = story.question();
            let claims = facts.claims(&contract, asked.clone());
            let anew = from_nothing(&story, &contract, &asked, Position(story.position));
            let at = format!("seed {seed}, step {step}");
            assert_same(&claims, &anew, &at);
            let by_these = |earlier: &Claims| earlier.contract.rulebooks().len() == contract.rulebooks().len();
            if let Some((asked, earlier)) = before.filter(|(_, earlier)| by_these(earlier)) {
                let known = facts.known(&contract, &asked, earlier.position).expect("it was just answered");
                assert_same(&known, &earlier, &at);
            }
            for claim in claims.claims.iter() {
                assert_eq!(claims.get(claim.claim).expect("it is there").claim, claim.claim);
                statuses.insert(claim.status.as_str());
            }
            let of_journeys: usize = (0..JOURNEYS).map(|n| claims.of_journey(journey(n)).len()).sum();
            let own = claims.claims.iter().take_while(|claim| matches!(claim.about, ClaimAbout::Journey(_))).count();
            assert!(of_journeys <= own && claims.of_journey(journey(JOURNEYS)).is_empty());
            before = Some((asked, Arc::clone(&claims)));
            story.go_on(&claims);
        }
    }
    assert!(statuses.len() >= 12, "the sequence of events is too simple: {statuses:?}");
}
