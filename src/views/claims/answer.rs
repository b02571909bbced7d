//! What a contract's claims amount to together: every outcome of every journey by the version that applies, settled with
//! each other and with the batches.
//!
//! It joins pure parts and decides nothing itself.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use chrono::NaiveDate;

use super::facts::Facts;
use super::{Asked, Purpose};
use crate::contract::batch::Batch;
use crate::contract::batch::ledger::{Ledger, LedgerLine};
use crate::contract::money::Money;
use crate::contract::outcome::many::Many;
use crate::contract::outcome::settle::{
    Adjustment, Entitlement, ExcludedBy, Line, LineState, Pot, Settled, Settlement, Terms, settle,
};
use crate::contract::outcome::versions::{Sight, Versions};
use crate::contract::outcome::{Begun, Case, People, State, Status, claim_id};
use crate::contract::rulebook::Cap;
use crate::contract::rulebook::outcome::AchievedBy;
use crate::contract::{Contract, Rulebook};
use crate::journey::History;
use crate::journey::event::{AdjustmentKind, ClaimAbout, EventType};
use crate::log::envelope::{BatchId, ClaimId, EventId, JourneyId, Occurred, Position, SubjectId};
use crate::record::{DEPLOYMENT_ZONE, civil_day};

/// The claims of a contract as of a day, as known at a position.
#[derive(Debug, Clone)]
pub struct Claims {
    /// The position of the log up to which the facts were taken.
    pub position: Position,
    /// The contract, with the rules by which they were judged.
    pub contract: Arc<Contract>,
    /// What was asked.
    pub asked: Asked,
    /// The claims: by journey, then in the order of the rulebooks; those over many journeys come last, then those that
    /// were submitted and have no ground any more.
    pub claims: Arc<Vec<Claim>>,
    /// The batches, in the order in which they were opened.
    pub batches: Arc<Vec<(BatchId, Batch)>>,
    /// What should be paid beyond, or taken back from, submitted lines.
    pub proposed: Vec<Proposed>,
    /// How much of each cap is used.
    pub caps: Vec<CapUse>,
    of_journeys: Arc<HashMap<JourneyId, Range<usize>>>,
    places: Arc<HashMap<ClaimId, usize>>,
}

/// One outcome of one journey, cohort, site or area, at one time of those that it can be achieved.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Its id, which follows from what it is about, the outcome and the time that it is.
    pub claim: ClaimId,
    /// What it is about.
    pub about: ClaimAbout,
    /// The subject of its journey.
    pub subject: Option<SubjectId>,
    /// The version of the rules that applies.
    pub rulebook: Arc<Rulebook>,
    /// The outcome, by its code.
    pub outcome: String,
    /// Which time it is, from 1.
    pub repeat: u32,
    /// The fact that it begins with, once there is one.
    pub begun: Option<Begun>,
    /// What the facts show.
    pub state: State,
    /// What has become of it.
    pub status: Status,
    /// What is due, or would be but for its status.
    pub amount: Option<Money>,
    /// Who has it instead, where it is excluded.
    pub excluded_by: Option<Excluded>,
    /// The batch with its line that stands, else its last one.
    pub batch: Option<BatchId>,
    /// The events that it rests on.
    pub grounds: Vec<Ground>,
}

/// Who has a payment instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Excluded {
    /// Another outcome, by its code.
    Outcome(String),
    /// The same outcome of the same person.
    Person,
}

/// An event that a claim rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ground {
    /// Its id.
    pub event: EventId,
    /// Its type.
    pub event_type: EventType,
    /// When it was so, as the event says.
    pub occurred: Occurred,
}

/// A proposal to pay more or less than a line says. Nothing is paid or taken back without a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proposed {
    /// The claim.
    pub claim: ClaimId,
    /// The batch with the line.
    pub batch: BatchId,
    /// What to pay beyond it; less than nothing: what to take back.
    pub amount: Money,
    /// As what it would be raised.
    pub kind: AdjustmentKind,
}

/// How much of a cap is used by what it counts together.
#[derive(Debug, Clone)]
pub struct CapUse {
    /// The cap.
    pub cap: Cap,
    /// What it counts together; an outcome by its code.
    pub of: CapOf,
    /// The most.
    pub limit: Money,
    /// What submitted lines use.
    pub used: Money,
    /// What is left.
    pub headroom: Money,
    /// What lines and claims lack because of it.
    pub capped: Money,
}

/// What a cap counts together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CapOf {
    /// Everything.
    Contract,
    /// What was achieved in the financial year that begins on this day.
    Year(NaiveDate),
    /// What is paid for one person.
    Person(SubjectId),
    /// What is paid for one outcome, by its code.
    Outcome(String),
}

impl Claims {
    /// The claims of a journey.
    pub fn of_journey(&self, journey: JourneyId) -> &[Claim] {
        self.of_journeys.get(&journey).map_or(&[], |range| &self.claims[range.clone()])
    }

    /// The claim of this id.
    pub fn get(&self, claim: ClaimId) -> Option<&Claim> {
        self.places.get(&claim).map(|at| &self.claims[*at])
    }

    /// The same where nothing of it has moved up to a later position.
    pub(super) fn known_at(self: &Arc<Self>, position: Position) -> Arc<Self> {
        if self.position == position { Arc::clone(self) } else { Arc::new(Self { position, ..Self::clone(self) }) }
    }
}

/// A claim before it is settled, and whether it entitles to anything.
struct Judging<'a> {
    contract: &'a Arc<Contract>,
    rulebooks: &'a [Arc<Rulebook>],
    claims: Vec<Claim>,
    entitlements: Vec<Entitlement>,
    /// The claim of each entitlement, by its place.
    entitled: Vec<usize>,
}

impl Judging<'_> {
    fn add(&mut self, version: usize, claim: Claim, entitlement: Option<Entitlement>) {
        debug_assert_eq!(self.rulebooks[version].hash(), claim.rulebook.hash());
        if let Some(entitlement) = entitlement {
            self.entitled.push(self.claims.len());
            self.entitlements.push(entitlement);
        }
        self.claims.push(claim);
    }
}

/// Judges and settles the claims of a contract.
pub(super) fn judge(facts: &Facts, contract: &Arc<Contract>, asked: &Asked) -> Claims {
    let mut rulebooks: Vec<Arc<Rulebook>> =
        contract.rulebooks().iter().map(|published| Arc::clone(&published.rulebook)).collect();
    // As the versions stand: in the order in which they come into force.
    rulebooks.sort_by_key(|rulebook| rulebook.effective_from);
    let versions = Versions::of(rulebooks.iter().map(AsRef::as_ref));
    let terms = versions.terms(asked.as_of);
    let batches = facts.batches(asked);
    let ledger = Ledger::of(&batches);
    let people = People::of(&facts.subjects, asked.as_of);
    let code = contract.code().unwrap_or_default();
    let mut judging =
        Judging { contract, rulebooks: &rulebooks, claims: Vec::new(), entitlements: Vec::new(), entitled: Vec::new() };
    let cases: Vec<(JourneyId, &History, Case<'_>)> = facts
        .journeys
        .iter()
        .map(|(id, history)| (*id, history, Case::of(&history.facts_as_of(asked.as_of))))
        .collect();
    let mut of_journeys = HashMap::with_capacity(cases.len());
    let submitted = ledger.submitted();
    for (id, history, case) in &cases {
        let first = judging.claims.len();
        of_journey(&mut judging, (&versions, &terms), (*id, history, case), (&people, asked), &submitted);
        of_journeys.insert(*id, first..judging.claims.len());
    }
    over_many(&mut judging, (&versions, &terms), &cases, (&people, asked), &submitted);
    let subjects: HashMap<JourneyId, SubjectId> =
        cases.iter().filter_map(|(id, _, case)| Some((*id, case.subject?))).collect();
    let person = |journey: JourneyId| subjects.get(&journey).map(|subject| people.person(*subject));
    let lines = lines(&ledger, code, &terms, person, asked);
    let settlement = settle(&terms, &judging.entitlements, &lines);
    let Judging { mut claims, entitled, .. } = judging;
    for (at, settled) in entitled.iter().zip(&settlement.claims) {
        claims[*at].settle(settled, &terms);
    }
    let entitled: BTreeSet<usize> = entitled.into_iter().collect();
    let mut places: HashMap<ClaimId, usize> = claims.iter().enumerate().map(|(at, of)| (of.claim, at)).collect();
    for line in ledger.lines() {
        let claim = line.line.frozen.claim;
        let at = *places.entry(claim).or_insert_with(|| {
            claims.extend(Claim::without_ground(line, &rulebooks, &subjects));
            claims.len() - 1
        });
        if let Some(found) = claims.get_mut(at).filter(|found| found.claim == claim) {
            found.batch = ledger.line(claim).map(|line| line.batch);
            if !entitled.contains(&at) {
                found.stand_as_submitted(&ledger);
            }
        }
    }
    places = claims.iter().enumerate().map(|(at, of)| (of.claim, at)).collect();
    Claims {
        position: facts.position,
        contract: Arc::clone(contract),
        asked: asked.clone(),
        proposed: settlement.adjustments.iter().filter_map(|of| Proposed::of(of, &ledger)).collect(),
        caps: caps(&settlement, &terms, versions.in_force(asked.as_of), asked.as_of),
        claims: Arc::new(claims),
        batches: Arc::new(batches),
        of_journeys: Arc::new(of_journeys),
        places: Arc::new(places),
    }
}

type Rules<'a, 'r> = (&'a Versions<'r>, &'a Terms<'r>);
type Submitted = BTreeMap<ClaimId, NaiveDate>;

fn of_journey(
    judging: &mut Judging<'_>,
    (versions, terms): Rules<'_, '_>,
    (journey, history, case): (JourneyId, &History, &Case<'_>),
    (people, asked): (&People, &Asked),
    submitted: &Submitted,
) {
    let zone = judging.contract.zone().unwrap_or(DEPLOYMENT_ZONE);
    let sight = Sight {
        as_of: asked.as_of,
        today: asked.today,
        submitted_on: &|claim| submitted.get(&claim).copied(),
        recorded_on: &|event| history.event(event).map(|recorded| civil_day(recorded.recorded_at, zone)),
    };
    let judged = versions.judge(journey, case, sight);
    let person = case.subject.map(|subject| people.person(subject));
    let mut entitlements = versions.entitlements((journey, person), &judged, terms, sight).into_iter().peekable();
    for of in judged {
        let rulebook = Arc::clone(&judging.rulebooks[of.version]);
        let outcome = rulebook.outcomes[of.evaluation.outcome].code.clone();
        let claim = claim_id(journey, &outcome, of.evaluation.repeat);
        let grounds = match &of.evaluation.state {
            State::Reached(achievement) => {
                achievement.events.iter().filter_map(|event| Ground::of(history, *event)).collect()
            }
            State::Maturing { .. } | State::NotStarted { .. } => {
                of.evaluation.begun.and_then(|begun| Ground::of(history, begun.event)).into_iter().collect()
            }
        };
        let claim = Claim {
            claim,
            about: ClaimAbout::Journey(journey),
            subject: case.subject,
            rulebook,
            outcome,
            repeat: of.evaluation.repeat,
            begun: of.evaluation.begun,
            status: unsettled(&of.evaluation.state),
            state: of.evaluation.state,
            amount: None,
            excluded_by: None,
            batch: None,
            grounds,
        };
        let entitlement = entitlements.next_if(|entitlement| entitlement.claim == claim.claim);
        judging.add(of.version, claim, entitlement);
    }
}

fn over_many<'r>(
    judging: &mut Judging<'_>,
    (versions, terms): Rules<'_, 'r>,
    cases: &[(JourneyId, &History, Case<'_>)],
    (people, asked): (&People, &Asked),
    submitted: &Submitted,
) {
    let is_many = |rulebook: &Arc<Rulebook>| {
        rulebook.outcomes.iter().any(|outcome| matches!(outcome.achieved_by, AchievedBy::Many(_)))
    };
    if !judging.rulebooks.iter().any(is_many) {
        return;
    }
    let sight = Sight {
        as_of: asked.as_of,
        today: asked.today,
        submitted_on: &|claim| submitted.get(&claim).copied(),
        recorded_on: &|_| None,
    };
    let add = |many: &mut Many<'r>| cases.iter().for_each(|(_, _, case)| many.add(case));
    let judged = versions.judge_many(sight, add, |subject| people.person(subject));
    let mut entitlements = versions.entitlements_of_many(&judged, terms, sight).into_iter().peekable();
    let code = judging.contract.code().unwrap_or_default().to_owned();
    for of in judged {
        let rulebook = Arc::clone(&judging.rulebooks[of.version]);
        let outcome = rulebook.outcomes[of.evaluation.outcome].code.clone();
        let about = of.evaluation.about();
        let claim = Claim {
            claim: claim_id(about.holder(&code), &outcome, 1),
            about: ClaimAbout::Many(about),
            subject: None,
            rulebook,
            outcome,
            repeat: 1,
            begun: None,
            status: unsettled(&of.evaluation.state),
            state: of.evaluation.state,
            amount: None,
            excluded_by: None,
            batch: None,
            grounds: Vec::new(),
        };
        let entitlement = entitlements.next_if(|entitlement| entitlement.claim == claim.claim);
        judging.add(of.version, claim, entitlement);
    }
}

/// The lines as settling takes them; those that go again are taken as withdrawn.
fn lines(
    ledger: &Ledger<'_>,
    code: &str,
    terms: &Terms<'_>,
    person: impl Fn(JourneyId) -> Option<SubjectId>,
    asked: &Asked,
) -> Vec<Line> {
    let mut lines = ledger.for_settling(code, terms, person);
    if let Purpose::Submit(again) = &asked.purpose {
        let queried = lines.iter_mut().filter(|line| line.state == LineState::Queried);
        queried.filter(|line| again.contains(&line.claim)).for_each(|line| line.state = LineState::Withdrawn);
    }
    lines
}

const fn unsettled(state: &State) -> Status {
    match state {
        State::Maturing { .. } => Status::Maturing,
        State::NotStarted { .. } | State::Reached(_) => Status::NotStarted,
    }
}

impl Claim {
    fn settle(&mut self, settled: &Settled, terms: &Terms<'_>) {
        self.status = settled.status;
        self.amount = settled.amount;
        self.excluded_by = settled.excluded_by.map(|by| match by {
            ExcludedBy::Outcome(number) => Excluded::Outcome(terms.outcome(number).code.clone()),
            ExcludedBy::Person => Excluded::Person,
        });
    }

    /// A claim that was submitted and that no version judges any more.
    fn without_ground(
        of: &LedgerLine<'_>,
        rulebooks: &[Arc<Rulebook>],
        subjects: &HashMap<JourneyId, SubjectId>,
    ) -> Option<Self> {
        let frozen = &of.line.frozen;
        let judged_by = rulebooks.iter().find(|rulebook| rulebook.hash() == frozen.rulebook);
        let subject = match &frozen.about {
            ClaimAbout::Journey(journey) => subjects.get(journey).copied(),
            ClaimAbout::Many(_) => None,
        };
        Some(Self {
            claim: frozen.claim,
            about: frozen.about.clone(),
            subject,
            rulebook: Arc::clone(judged_by.or(rulebooks.first())?),
            outcome: frozen.outcome.clone(),
            repeat: frozen.repeat,
            begun: None,
            state: State::NotStarted { is_for_others: false },
            status: Status::NotStarted,
            amount: None,
            excluded_by: None,
            batch: None,
            grounds: Vec::new(),
        })
    }

    /// What was decided of its line stands, though the facts do not show it any more.
    fn stand_as_submitted(&mut self, ledger: &Ledger<'_>) {
        let Some(line) = ledger.line(self.claim) else { return };
        let due = line.due();
        let status = match line.state() {
            LineState::Withdrawn => return,
            LineState::Rejected if line.line.paid.is_positive() && due == Money::ZERO => Status::Reversed,
            LineState::Rejected => {
                let rejected = ledger.lines().iter().filter(|of| of.line.frozen.claim == self.claim);
                let rejected = rejected.filter(|of| of.state() == LineState::Rejected).count();
                let attempts = self.rulebook.outcome(&self.outcome).map_or(1, |outcome| outcome.claim.attempts);
                if rejected < attempts as usize && due == Money::ZERO {
                    return;
                }
                Status::Rejected
            }
            state => state.status(),
        };
        (self.status, self.amount) = (status, Some(due));
    }
}

impl Ground {
    pub(super) fn of(history: &History, event: EventId) -> Option<Self> {
        let recorded = history.event(event)?;
        Some(Self { event, event_type: recorded.event.event_type(), occurred: recorded.occurred })
    }
}

impl Proposed {
    fn of(proposed: &Adjustment, ledger: &Ledger<'_>) -> Option<Self> {
        let Adjustment { claim, amount, cause } = *proposed;
        // Of several lines of a claim the one that stands is meant, else the one of which something is left to settle.
        let left = ledger.lines().iter().rfind(|of| of.line.frozen.claim == claim && of.due() != Money::ZERO);
        let line = ledger.line(claim).filter(|line| line.line.is_live()).or(left).or_else(|| ledger.line(claim))?;
        Some(Self { claim, batch: line.batch, amount, kind: cause.into() })
    }
}

fn caps(settlement: &Settlement, terms: &Terms<'_>, in_force: &Rulebook, as_of: NaiveDate) -> Vec<CapUse> {
    let known = terms.pots(as_of).into_iter().chain(settlement.used.keys().copied());
    let pots: BTreeSet<(usize, Pot)> = known.chain(settlement.capped.keys().copied()).collect();
    let amount = |of: &BTreeMap<(usize, Pot), Money>, key: (usize, Pot)| of.get(&key).copied().unwrap_or_default();
    let of_pot = |key: (usize, Pot)| {
        let cap = &in_force.caps[key.0];
        let limit = Money::of(cap.amount, &in_force.currency);
        let used = amount(&settlement.used, key);
        CapUse {
            cap: cap.clone(),
            of: match key.1 {
                Pot::Contract => CapOf::Contract,
                Pot::Year(first) => CapOf::Year(first),
                Pot::Person(person) => CapOf::Person(person),
                Pot::Outcome(code) => CapOf::Outcome(terms.name(code).to_owned()),
            },
            limit,
            used,
            headroom: (limit - used).max(Money::ZERO),
            capped: amount(&settlement.capped, key),
        }
    };
    pots.into_iter().map(of_pot).collect()
}
