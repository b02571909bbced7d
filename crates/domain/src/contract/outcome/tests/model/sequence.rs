//! Properties of random sequences of batches, decisions, payments, retractions, links and versions.
//!
//! Time moves on day by day and the log grows. Between two steps all proposals may be recorded as adjustments, or none.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Days, NaiveDate, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::dice::Dice;
use super::rules::Use;
use super::world::World;
use crate::contract::Rulebook;
use crate::contract::batch::ledger::{self, Ledger};
use crate::contract::batch::{Batch, Decision};
use crate::contract::outcome::price::Price;
use crate::contract::outcome::settle::{Entitlement, Line, LineState, Settlement, Terms, settle};
use crate::contract::outcome::versions::{ClaimDays, Claimant, Sight, Versions, entitlement};
use crate::contract::outcome::{Case, People, State, Status, claim_id};
use crate::contract::rulebook::Outcome;
use crate::contract::rulebook::outcome::{AchievedBy, OncePer};
use crate::contract::rulebook::terms::CapScope;
use crate::fact::History;
use crate::fact::Recorded;
use crate::fact::envelope::{Actor, AdjustmentId, BatchId, ClaimId, EventId, JourneyId, Occurred, Position, SubjectId};
use crate::fact::event::{
    AdjustmentKind, AdjustmentRaised, AmountPaid, BatchOpened, BatchSubmitted, ClaimAbout, ClaimAccepted, ClaimLine,
    ClaimQueried, ClaimRejected, ClaimWithdrawn, Event, PaymentReceived,
};
use crate::fact::money::Money;

/// A contract over time.
#[derive(Clone)]
struct Course {
    world: World,
    rulebooks: Vec<Rulebook>,
    /// The number of published versions.
    published: usize,
    batches: Vec<(BatchId, Vec<Recorded>)>,
    positions: i64,
    /// The steps so far, in words.
    done: Vec<String>,
}

/// The settled claims at a moment.
struct View<'c> {
    terms: Terms<'c>,
    entitlements: Vec<Entitlement>,
    /// Of each entitlement: its case, the code of its outcome, the repeat, and the hash of the rulebook.
    of: Vec<(Uuid, String, u32, String)>,
    lines: Vec<Line>,
    /// The batch of each claim's line.
    batch_of: BTreeMap<ClaimId, BatchId>,
    settlement: Settlement,
}

/// A moment that is checked again later.
struct Moment {
    world: World,
    published: usize,
    position: i64,
    said: String,
}

const FIRST: i64 = 1_000_000;

impl Course {
    fn of(seed: u64) -> Self {
        let mut world = World::of(seed, 4, Use { together: true, versions: true, months: false });
        let rulebooks = world.books.iter().map_while(super::rules::Book::read).collect();
        world.known = 0;
        Self { world, rulebooks, published: 1, batches: Vec::new(), positions: FIRST, done: Vec::new() }
    }

    fn batches(&self) -> Vec<(BatchId, Batch)> {
        self.batches.iter().map(|(id, events)| (*id, Batch::of(&History::of(events.iter().cloned())))).collect()
    }

    fn record(&mut self, batch: BatchId, event: impl Into<Event>) {
        self.positions += 1;
        let (id, known) = (self.positions, self.batches.iter().position(|(of, _)| *of == batch));
        let at = known.unwrap_or_else(|| {
            self.batches.push((batch, Vec::new()));
            self.batches.len() - 1
        });
        let version = i64::try_from(self.batches[at].1.len()).expect("few events") + 1;
        self.batches[at].1.push(Recorded {
            event_id: EventId(Uuid::from_u128(0xb_0000_0000 + u128::from(id.unsigned_abs()))),
            position: Position(id),
            version,
            contract: Some("try".to_owned()),
            recorded_at: DateTime::<Utc>::MIN_UTC,
            actor: Actor { subject: String::new(), role: String::new(), on_behalf_of: None },
            occurred: Occurred::on(self.world.as_of),
            event: event.into(),
        });
    }

    fn seen<R>(&self, look: impl FnOnce(&View<'_>) -> R) -> R {
        let is_known = |event: &&Recorded| event.position.0 <= self.world.known;
        let history = |events: &[Recorded]| History::of(events.iter().filter(is_known).cloned());
        let subjects: HashMap<Uuid, History> =
            self.world.subjects.iter().map(|(id, events)| (*id, history(events))).collect();
        let as_of = self.world.as_of;
        let people = People::of(&subjects, as_of);
        let versions = Versions::of(&self.rulebooks[..self.published]);
        let terms = versions.terms(as_of);
        let batches = self.batches();
        let ledger = Ledger::of(&batches);
        let submitted = ledger.submitted();
        let events = self.world.journeys.values().flatten();
        let recorded: HashMap<EventId, NaiveDate> =
            events.map(|event| (event.event_id, event.recorded_at.date_naive())).collect();
        let sight = Sight {
            as_of,
            submitted_on: &|claim| submitted.get(&claim).copied(),
            recorded_on: &|event| recorded.get(&event).copied(),
        };
        let (mut entitlements, mut of) = (Vec::new(), Vec::new());
        let mut person_of: HashMap<Uuid, SubjectId> = HashMap::new();
        for (journey, events) in &self.world.journeys {
            let facts = history(events);
            let facts = facts.facts_as_of(as_of);
            let case = Case::of(&facts);
            let person = case.subject.map(|subject| people.person(subject));
            person_of.extend(person.map(|person| (*journey, person)));
            for judged in versions.judge(JourneyId(*journey), &case, sight) {
                let State::Reached(achievement) = &judged.evaluation.state else { continue };
                let rules = versions.get(judged.version);
                let (outcome, repeat) = (judged.evaluation.outcome, judged.evaluation.repeat);
                let code = rules.outcomes[outcome].code.clone();
                let claim = claim_id(JourneyId(*journey), &code, repeat);
                let number = terms.number(judged.version, outcome);
                let claimant = Claimant { holder: *journey, person };
                entitlements.push(entitlement(claim, claimant, number, achievement, ClaimDays::on(as_of)));
                of.push((*journey, code, repeat, rules.hash().to_owned()));
            }
        }
        let lines = ledger.for_settling("try", &terms, |journey| person_of.get(&journey.0).copied(), None);
        let batch_of = ledger.lines().iter().filter_map(|line| {
            let claim = line.line.frozen.claim;
            Some((claim, ledger.line(claim)?.batch))
        });
        let batch_of = batch_of.collect();
        let settlement = settle(&terms, &entitlements, &lines);
        look(&View { terms, entitlements, of, lines, batch_of, settlement })
    }

    /// Records all proposals, in a batch of its own. Returns how many there were.
    fn raise(&mut self) -> usize {
        let (adjustments, withdrawals, batch_of) = self.seen(|view| {
            let Settlement { adjustments, withdrawals, .. } = &view.settlement;
            (adjustments.clone(), withdrawals.clone(), view.batch_of.clone())
        });
        let raised = adjustments.len() + withdrawals.len();
        for claim in withdrawals.into_iter().map(|of| of.claim) {
            self.done.push(format!("withdraw {claim}"));
            self.record(batch_of[&claim], ClaimWithdrawn { claim, reason: "no ground".to_owned() });
        }
        if !adjustments.is_empty() {
            let batch = self.open();
            for of in adjustments {
                self.done.push(format!("adjust {} by {} {:?}", of.claim, of.amount, of.cause));
                self.adjust(batch, (batch_of[&of.claim], of.claim), of.amount, of.cause.into(), None);
            }
            self.record(batch, submitted(Vec::new()));
        }
        raised
    }

    fn adjust(
        &mut self,
        batch: BatchId,
        of: (BatchId, ClaimId),
        amount: Money,
        kind: AdjustmentKind,
        by_hand: Option<Money>,
    ) {
        let adjustment = AdjustmentId(Uuid::from_u128(0xc_0000_0000 + u128::from(self.positions.unsigned_abs())));
        let (of, claim) = (Some(of.0), Some(of.1));
        let reason = "as proposed".to_owned();
        self.record(batch, AdjustmentRaised { adjustment, kind, batch: of, claim, amount, by_hand, reason });
    }

    fn open(&mut self) -> BatchId {
        let batch = BatchId(Uuid::from_u128(0xd_0000 + self.batches.len() as u128));
        self.record(batch, BatchOpened::default());
        batch
    }

    /// Submits all or some of the claimable claims.
    fn submit(&mut self, dice: &mut Dice) {
        let all = dice.percent(60);
        let mut lines: Vec<ClaimLine> = self.seen(|view| {
            let settled = view.settlement.claims.iter().zip(&view.entitlements).zip(&view.of);
            let claimable = settled.filter(|((settled, _), _)| settled.status == Status::Claimable);
            let line =
                |((settled, of), (journey, code, repeat, hash)): ((&_, &Entitlement), &(Uuid, String, u32, String))| {
                    let settled: &crate::contract::outcome::settle::Settled = settled;
                    ClaimLine {
                        claim: of.claim,
                        about: ClaimAbout::Journey(JourneyId(*journey)),
                        outcome: code.clone(),
                        repeat: *repeat,
                        achieved_on: of.achieved_on,
                        amount: settled.amount.expect("a claimable claim has an amount"),
                        rulebook: hash.clone(),
                        derivation: String::new(),
                    }
                };
            claimable.map(line).collect()
        });
        lines.sort_by_key(|line| (line.achieved_on, line.claim));
        if !all {
            lines.retain(|_| dice.percent(50));
        }
        if !lines.is_empty() {
            let words = lines.iter().map(|line| format!("{} {} {}", line.claim, line.outcome, line.amount));
            self.done.push(format!("{} submit {:?}", self.world.as_of, words.collect::<Vec<_>>()));
            let batch = self.open();
            self.record(batch, submitted(lines));
        }
    }

    /// Decides some of the lines that wait for a decision.
    fn decide(&mut self, dice: &mut Dice, accepts_all: bool) {
        for (id, batch) in self.batches() {
            for line in &batch.lines {
                let claim = line.frozen.claim;
                let is_undecided = matches!(line.decision, Decision::Submitted | Decision::Queried(_));
                let event: Event = match (is_undecided, dice.below(10)) {
                    (true, _) if accepts_all => ClaimAccepted { claim }.into(),
                    (true, 0..5) => ClaimAccepted { claim }.into(),
                    (true, 5) => ClaimRejected { claim, defect: "illegible".to_owned(), remark: None }.into(),
                    (true, 6) if line.decision == Decision::Submitted => {
                        ClaimQueried { claim, remark: "which month".to_owned() }.into()
                    }
                    (true, 7) => ClaimWithdrawn { claim, reason: "too early".to_owned() }.into(),
                    (false, 0) if line.decision == Decision::Accepted && !accepts_all => {
                        ClaimRejected { claim, defect: "illegible".to_owned(), remark: None }.into()
                    }
                    _ => continue,
                };
                self.done.push(format!("{:?} {claim}", event.event_type()));
                self.record(id, event);
            }
        }
    }

    /// Pays the accepted lines, with the adjustments of their batch.
    fn pay(&mut self, dice: &mut Dice) {
        for (id, batch) in self.batches() {
            let owed = batch.lines.iter().filter(|line| line.outstanding().is_positive() && dice.percent(70));
            let amount = |money: Money, dice: &mut Dice| {
                if dice.percent(85) { money } else { Money::of(money.amount() / Decimal::TWO, "GBP") }
            };
            let owed: Vec<_> = owed.map(|line| (line.frozen.claim, line.outstanding())).collect();
            let amounts: Vec<AmountPaid> =
                owed.into_iter().map(|(claim, owed)| AmountPaid { claim, amount: amount(owed, dice) }).collect();
            let left = batch.adjustments.iter().filter(|of| of.settled.is_none());
            let adjustments: Vec<AdjustmentId> = left.map(|of| of.raised.details.adjustment).collect();
            if !amounts.is_empty() || !adjustments.is_empty() {
                self.done.push(format!("pay {amounts:?}"));
                self.record(id, PaymentReceived { reference: None, amounts, adjustments, excess: None });
            }
        }
    }

    /// Records a decision by hand that more or less is due for a line.
    fn adjust_by_hand(&mut self, dice: &mut Dice) {
        let accepted: Vec<(BatchId, ClaimId, Money, Money)> = self.seen(|view| {
            let accepted = view.lines.iter().filter(|line| matches!(line.state, LineState::Accepted | LineState::Paid));
            let positive = accepted.filter(|line| line.current().is_positive());
            let proposed = |line: &Line| {
                let of_claim = view.settlement.adjustments.iter().filter(|of| of.claim == line.claim);
                of_claim.map(|of| of.amount).sum::<Money>()
            };
            positive.map(|line| (view.batch_of[&line.claim], line.claim, line.current(), proposed(line))).collect()
        });
        if accepted.is_empty() {
            return;
        }
        let (batch, claim, due, proposed) = dice.one(&accepted);
        let part = Money::of(due.amount() / Decimal::TEN, "GBP");
        let (amount, kind) = match dice.below(4) {
            0 => (-part, AdjustmentKind::Extrapolation),
            1 => (part, AdjustmentKind::Restatement),
            2 => (-part, AdjustmentKind::Restatement),
            _ => (-due, AdjustmentKind::Clawback),
        };
        if amount != Money::ZERO {
            self.done.push(format!("by hand {claim} {amount} {kind:?}"));
            let into = self.open();
            let by_hand = ledger::by_hand(amount, proposed);
            self.adjust(into, (batch, claim), amount, kind, Some(by_hand));
            self.record(into, submitted(Vec::new()));
        }
    }

    fn step(&mut self, dice: &mut Dice) {
        let last = self.world.journeys.values().flatten().map(|event| event.position.0).max().unwrap_or(0) + 10;
        self.world.known = (self.world.known + dice.between(0, last / 3)).min(last);
        self.world.as_of = self.world.as_of + Days::new(dice.between(0, 30).unsigned_abs());
        if self.published < self.rulebooks.len() && dice.percent(20) {
            self.published += 1;
            self.done.push(format!("publish {}", self.published));
        }
        match dice.below(7) {
            0 => _ = self.raise(),
            1 | 2 => self.submit(dice),
            3 => self.decide(dice, false),
            4 => self.pay(dice),
            5 => self.adjust_by_hand(dice),
            _ => {
                self.raise();
                self.submit(dice);
            }
        }
    }

    fn moment(&self) -> Moment {
        let said = self.seen(|view| format!("{:?} {:?}", view.settlement, view.lines));
        Moment { world: self.world.clone(), published: self.published, position: self.positions, said }
    }

    /// The answer for a moment, computed again with everything that came later in the log.
    fn then(&self, moment: &Moment) -> String {
        let mut then = self.clone();
        then.published = moment.published;
        (then.world.known, then.world.as_of) = (moment.world.known, moment.world.as_of);
        for (_, events) in &mut then.batches {
            events.retain(|event| event.position.0 <= moment.position);
        }
        then.batches.retain(|(_, events)| !events.is_empty());
        then.moment().said
    }
}

fn submitted(lines: Vec<ClaimLine>) -> BatchSubmitted {
    BatchSubmitted { prepared_at: Position(1), currency: "GBP".to_owned(), lines }
}

/// Why the amounts due at a moment are wrong, if they are.
fn fault(view: &View<'_>) -> Option<String> {
    let mut proposed: BTreeMap<ClaimId, Money> = BTreeMap::new();
    for of in &view.settlement.adjustments {
        if proposed.insert(of.claim, of.amount).is_some() {
            return Some(format!("two adjustments of {} are proposed at once", of.claim));
        }
        if of.amount == Money::ZERO {
            return Some(format!("nothing is proposed for {}", of.claim));
        }
    }
    for claim in view.settlement.withdrawals.iter().map(|of| of.claim) {
        if view.lines.iter().rfind(|line| line.claim == claim).is_none_or(|line| !is_undecided(line)) {
            return Some(format!("the withdrawal of {claim} is proposed, which was decided"));
        }
    }
    for line in &view.lines {
        let change = proposed.get(&line.claim).copied().unwrap_or_default();
        if is_undecided(line) && change != Money::ZERO {
            return Some(format!("{} is to be adjusted and was not decided", line.claim));
        }
        if is_undecided(line) || line.state == LineState::Withdrawn {
            continue;
        }
        let entitled = view.entitlements.iter().find(|of| of.claim == line.claim);
        let most = entitled.map_or(Money::ZERO, |of| most(&of.price));
        let is_last =
            view.lines.iter().rfind(|other| other.claim == line.claim).is_some_and(|last| std::ptr::eq(last, line));
        let change = if is_last { change } else { Money::ZERO };
        // While the outcome is on hold, nothing is decided.
        let standing = entitled.map(|of| of.standing);
        if line.current() + change > most && standing != Some(Status::OnHold) {
            return Some(format!(
                "{} has {} with {change} proposed, of at most {most} ({standing:?})",
                line.claim,
                line.current()
            ));
        }
        if line.current() + change < Money::ZERO {
            return Some(format!("more of {} is taken back than it had", line.claim));
        }
    }
    None
}

/// Why a claim can be claimed although another has the payment, if one can.
fn fault_of_claims(view: &View<'_>, rulebooks: &[Rulebook]) -> Option<String> {
    let claims = view.settlement.claims.iter().zip(&view.entitlements);
    for (_, of) in claims.filter(|(settled, _)| settled.status == Status::Claimable) {
        for line in view.lines.iter().filter(|line| line.claim != of.claim && line.current().is_positive()) {
            let (a, b) = (view.terms.outcome(of.outcome), view.terms.outcome(line.outcome));
            let of_group = of.holder == line.holder && are_of_one_group(rulebooks, a, b);
            let takes_up = convert_from(rulebooks, &a.code).contains(&b.code);
            if of_group && !takes_up && line.state != LineState::Withdrawn {
                return Some(format!("{} can be claimed, but {} of its group has money", of.claim, line.claim));
            }
            let of_person = of.person.is_some() && of.person == line.person && of.holder != line.holder;
            if of_person && a.code == b.code && is_once(a) && is_once(b) && line.state != LineState::Withdrawn {
                return Some(format!("{} can be claimed, but {} of the person has money", of.claim, line.claim));
            }
        }
        let live = |line: &&Line| {
            line.claim == of.claim
                && (is_undecided(line) || matches!(line.state, LineState::Accepted | LineState::Paid))
        };
        if let Some(line) = view.lines.iter().find(live) {
            return Some(format!("{} can be claimed again and is {:?}", of.claim, line.state));
        }
    }
    None
}

/// The outcomes that this one converts from, directly or through others, under any rulebook.
fn convert_from(rulebooks: &[Rulebook], code: &str) -> BTreeSet<String> {
    let mut all: BTreeSet<String> = BTreeSet::new();
    for rules in rulebooks {
        let mut at = code.to_owned();
        while let Some(from) = rules.outcome(&at).and_then(|outcome| outcome.convert_from.clone()) {
            at.clone_from(&from);
            all.insert(from);
        }
    }
    all
}

/// Whether the rulebooks that judge the two outcomes put both into one group.
fn are_of_one_group(rulebooks: &[Rulebook], a: &Outcome, b: &Outcome) -> bool {
    let judges = |rules: &&Rulebook| rules.outcomes.iter().any(|of| std::ptr::eq(of, a) || std::ptr::eq(of, b));
    let group = |rules: &Rulebook, of: &Outcome| rules.outcome(&of.code).and_then(|of| of.group.clone());
    let both = |rules: &Rulebook| group(rules, a).is_some() && group(rules, a) == group(rules, b);
    a.code != b.code && rulebooks.iter().filter(judges).any(both)
}

fn is_once(outcome: &Outcome) -> bool {
    let times = match &outcome.achieved_by {
        AchievedBy::Journey(terms) => terms.repeats,
        AchievedBy::Many(_) => u32::MAX,
    };
    outcome.once_per == OncePer::Person && times == 1
}

fn is_undecided(line: &Line) -> bool {
    matches!(line.state, LineState::Submitted | LineState::Queried)
}

/// The highest possible price.
fn most(price: &Price) -> Money {
    match price {
        Price::None => Money::ZERO,
        Price::Amount(amount) => *amount,
        Price::Tiers(tiers) => tiers.iter().map(|(_, amount)| *amount).max().unwrap_or_default(),
    }
}

/// Checks the properties that hold once there are no more proposals.
fn fault_at_rest(view: &View<'_>, rulebooks: &[Rulebook]) -> Option<String> {
    let paid = |line: &&Line| line.current().is_positive();
    let code = |line: &Line| view.terms.outcome(line.outcome).code.as_str();
    let lines: Vec<&Line> = view.lines.iter().filter(paid).collect();
    let takes_up = |one: &Line, other: &Line| {
        let (one, other) = (code(one), code(other));
        convert_from(rulebooks, one).contains(other) || convert_from(rulebooks, other).contains(one)
    };
    for (at, one) in lines.iter().enumerate() {
        for other in &lines[at + 1..] {
            if one.claim == other.claim {
                return Some(format!("{} is paid twice", one.claim));
            }
            let (a, b) = (view.terms.outcome(one.outcome), view.terms.outcome(other.outcome));
            let of_group = one.holder == other.holder && are_of_one_group(rulebooks, a, b);
            if of_group && !takes_up(one, other) {
                return Some(format!("{} and {} of one group are paid", one.claim, other.claim));
            }
            let of_person = one.person.is_some() && one.person == other.person && one.holder != other.holder;
            if of_person && a.code == b.code && is_once(a) && is_once(b) {
                return Some(format!("{} and {} of one person are paid", one.claim, other.claim));
            }
        }
    }
    None
}

/// If a claim has no group, person or cap in common with others, exactly its price is due.
fn fault_of_plain(view: &View<'_>, rulebooks: &[Rulebook], in_force: &Rulebook) -> Option<String> {
    let shares = |code: &str| {
        rulebooks.iter().flat_map(|rules| &rules.outcomes).any(|outcome| {
            outcome.convert_from.as_deref() == Some(code)
                || outcome.code == code
                    && (outcome.convert_from.is_some()
                        || outcome.group.is_some()
                        || outcome.once_per == OncePer::Person)
        })
    };
    for line in &view.lines {
        let code = &view.terms.outcome(line.outcome).code;
        let is_last =
            view.lines.iter().rfind(|other| other.claim == line.claim).is_some_and(|last| std::ptr::eq(last, line));
        let is_standing = matches!(line.state, LineState::Accepted | LineState::Paid | LineState::Reversed);
        if shares(code) || !in_force.caps.is_empty() || !is_standing || !is_last {
            continue;
        }
        let entitled = view.entitlements.iter().find(|of| of.claim == line.claim);
        let due = match entitled.map(|of| (&of.price, of.in_time)) {
            Some((Price::Amount(price), Status::Claimable | Status::Achieved)) => *price,
            // The written rules do not say what a hold, or withdrawn evidence, does to an accepted line.
            Some((Price::Tiers(_), _) | (_, Status::OnHold | Status::EvidenceMissing)) => continue,
            // A claim whose entitlement is gone is worth nothing.
            _ => Money::ZERO,
        };
        let due = (due + line.reduced).max(Money::ZERO);
        if line.current() != due {
            let standing = entitled.map(|of| of.in_time);
            return Some(format!("{} has {} and {due} are due ({standing:?})", line.claim, line.current()));
        }
    }
    None
}

/// Checks the caps in force against the amounts due and claimable.
fn fault_of_caps(view: &View<'_>, in_force: &Rulebook, is_at_rest: bool) -> Option<String> {
    let lines = view.lines.iter().map(|line| {
        let entitled = view.entitlements.iter().find(|of| of.claim == line.claim);
        let on = entitled.map_or(line.achieved_on, |of| of.achieved_on);
        (line.outcome, line.person, on, line.current(), true)
    });
    let claims = view.settlement.claims.iter().zip(&view.entitlements);
    let claims = claims
        .filter(|(settled, _)| settled.status == Status::Claimable)
        .map(|(settled, of)| (of.outcome, of.person, of.achieved_on, settled.amount.unwrap_or_default(), false));
    let all: Vec<_> = lines.chain(claims).collect();
    for cap in &in_force.caps {
        let mut pots: BTreeMap<String, (Money, Money)> = BTreeMap::new();
        for (outcome, person, on, amount, is_line) in &all {
            let code = &view.terms.outcome(*outcome).code;
            if !cap.outcomes.is_empty() && !cap.outcomes.contains(code) {
                continue;
            }
            let pot = match cap.scope {
                CapScope::Contract => String::new(),
                CapScope::Year => (*on - chrono::Months::new(3)).format("%Y").to_string(),
                CapScope::Person => format!("{person:?}"),
                CapScope::Outcome => code.clone(),
            };
            let (due, claimed) = pots.entry(pot).or_default();
            let sum = if *is_line { due } else { claimed };
            *sum = *sum + *amount;
        }
        let most = Money::of(cap.amount, "GBP");
        for (pot, (due, claimed)) in pots {
            if is_at_rest && due > most || claimed.is_positive() && due + claimed > most {
                let scope = cap.scope;
                return Some(format!(
                    "{due} are due and {claimed} can be claimed under a cap of {most} ({scope:?} {pot})"
                ));
            }
        }
    }
    None
}

/// Runs a sequence. Returns the first property that is broken.
pub(super) fn broken(seed: u64) -> Option<String> {
    let mut dice = Dice::of(seed ^ 0x5eed);
    let mut course = Course::of(seed);
    let mut moments: Vec<Moment> = Vec::new();
    for _ in 0..10 {
        course.step(&mut dice);
        let said = |what: String, course: &Course| {
            let lines = course.seen(|view| {
                format!(
                    "{:#?}",
                    view.lines
                        .iter()
                        .map(|line| (line.claim, line.state, line.current(), line.achieved_on))
                        .collect::<Vec<_>>()
                )
            });
            format!("{what}\n{}\n{lines}", course.done.join("\n"))
        };
        let rules = &course.rulebooks[..course.published];
        let in_force = rules.iter().rev().find(|rules| rules.effective_from <= course.world.as_of).unwrap_or(&rules[0]);
        let found = course.seen(|view| {
            let of_claims = || fault_of_claims(view, rules).or_else(|| fault_of_caps(view, in_force, false));
            fault(view).or_else(of_claims)
        });
        if let Some(found) = found {
            return Some(said(found, &course));
        }
        let mut rest = course.clone();
        rest.raise();
        rest.decide(&mut dice.clone(), true);
        let mut rounds = 0;
        while rest.raise() > 0 {
            rounds += 1;
            if rounds > 5 {
                return Some(said("proposals do not settle".to_owned(), &rest));
            }
            if let Some(found) = rest.seen(fault) {
                return Some(said(found, &rest));
            }
        }
        if let Some(found) = rest.seen(|view| {
            let fault = fault_at_rest(view, rules).or_else(|| fault_of_plain(view, rules, in_force));
            fault.or_else(|| fault_of_caps(view, in_force, true))
        }) {
            return Some(said(format!("at rest: {found}"), &rest));
        }
        moments.push(course.moment());
    }
    let changed = moments.iter().find(|moment| course.then(moment) != moment.said);
    changed.map(|moment| format!("the knowledge at {} and {} has changed since", moment.world.known, moment.position))
}

#[test]
fn no_sequence_of_batches_decisions_payments_or_corrections_pays_more_than_is_due() {
    let courses = if std::env::var_os("THROUGHLINE_TEST_FULL").is_some() { 5_000 } else { 60 };
    for seed in 0..courses {
        if let Some(found) = broken(seed) {
            panic!("seed {seed}: {found}");
        }
    }
}
