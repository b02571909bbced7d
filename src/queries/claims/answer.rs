//! The claims of a contract together: the results of every journey, settled with each other and with the batches.
//!
//! It connects pure parts and decides nothing itself.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use chrono::NaiveDate;

use super::duties::StepsBy;
use super::judged::{Counted, JudgedAsOf, OfJourney, Shown};
use super::{ClaimsQuery, Purpose};
use throughline_domain::contract::batch::ledger::{Ledger, LedgerLine};
use throughline_domain::contract::batch::{Batch, BatchLine};
use throughline_domain::contract::outcome::funding::Funded;
use throughline_domain::contract::outcome::settle::{
    Adjustment, Entitlement, ExcludedBy, Line, LineState, Pot, Reason, Settled, Settlement, Terms, Withdrawal, settle,
};
use throughline_domain::contract::outcome::versions::{ClaimDays, Claimant, Sight, Versions, entitlement};
use throughline_domain::contract::outcome::{People, State, Status, claim_id};
use throughline_domain::contract::rulebook::Cap;
use throughline_domain::contract::rulebook::outcome::{AchievedBy, Scope};
use throughline_domain::contract::{Contract, Rulebook};
use throughline_domain::fact::envelope::{BatchId, ClaimId, JourneyId, Position, SubjectId};
use throughline_domain::fact::event::{AdjustmentKind, ClaimAbout};
use throughline_domain::fact::money::Money;

/// The claims of a contract at an as-of date, as known at a position.
#[derive(Debug, Clone)]
pub struct Claims {
    /// The position of the log up to which facts count.
    pub position: Position,
    /// The contract, with the rules that were applied.
    pub contract: Arc<Contract>,
    /// The query.
    pub asked: ClaimsQuery,
    /// The claims: by journey, then in the order of the rulebooks. Claims over several cases come last, then submitted
    /// claims that the facts no longer support.
    pub claims: Arc<Vec<Claim>>,
    /// The batches, in the order in which they were opened.
    pub batches: Batches,
    /// Proposed adjustments to decided lines: amounts to pay in addition or to take back.
    pub proposed: Vec<Proposed>,
    /// Proposed withdrawals: lines that are not decided yet and for which nothing is due any more.
    pub withdrawals: Vec<ProposedWithdrawal>,
    /// The use of each cap.
    pub caps: Vec<CapUse>,
    /// The logins behind steps that other steps are kept apart from.
    pub(super) steps_by: Arc<StepsBy>,
    /// The number of claims of single journeys that the rules evaluate.
    of_journeys: usize,
    /// The index of each claim, built on first use.
    places: Arc<OnceLock<HashMap<ClaimId, usize>>>,
    /// The claims of each person, built on first use.
    of_people: Arc<OnceLock<HashMap<SubjectId, Vec<usize>>>>,
}

impl Claims {
    /// The same, limited to these journeys: their claims, their lines in the batches with decisions and payments, and
    /// the proposals for them. Caps are left out, because they count every journey.
    #[must_use]
    pub fn within(&self, journeys: &BTreeSet<JourneyId>) -> Self {
        let is_theirs = |about: &ClaimAbout| about.journey().is_some_and(|journey| journeys.contains(&journey));
        let of_journeys = self.claims.iter().take(self.of_journeys).filter(|claim| is_theirs(&claim.about)).count();
        let claims: Vec<Claim> = self.claims.iter().filter(|claim| is_theirs(&claim.about)).cloned().collect();
        let batches = self.batches.iter().filter_map(|(id, batch)| {
            let theirs = batch.within(|line| is_theirs(&line.about));
            let is_shown = theirs.submitted.is_none() || !theirs.lines.is_empty();
            is_shown.then(|| (*id, Arc::new(theirs)))
        });
        let lines: BTreeSet<ClaimId> = self
            .batches
            .iter()
            .flat_map(|(_, batch)| &batch.lines)
            .map(|line| &line.frozen)
            .filter(|line| is_theirs(&line.about))
            .map(|line| line.claim)
            .collect();
        Self {
            position: self.position,
            contract: Arc::clone(&self.contract),
            asked: self.asked.clone(),
            claims: Arc::new(claims),
            batches: Arc::new(batches.collect()),
            proposed: self.proposed.iter().filter(|proposed| lines.contains(&proposed.claim)).copied().collect(),
            withdrawals: self.withdrawals.iter().filter(|of| lines.contains(&of.claim)).copied().collect(),
            caps: Vec::new(),
            steps_by: Arc::clone(&self.steps_by),
            of_journeys,
            places: Arc::default(),
            of_people: Arc::default(),
        }
    }

    /// Every journey of a claim or a line.
    pub fn journeys(&self) -> BTreeSet<JourneyId> {
        let lines = self.batches.iter().flat_map(|(_, batch)| &batch.lines).map(|line| &line.frozen.about);
        self.claims.iter().map(|claim| &claim.about).chain(lines).filter_map(ClaimAbout::journey).collect()
    }
}

/// The batches of a contract, in the order in which they were opened.
pub(super) type Batches = Arc<Vec<(BatchId, Arc<Batch>)>>;

/// One outcome of one journey, cohort, site or area, for one of the times that it can be achieved, with its evaluation
/// and its status among all other claims.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    shown: Arc<Shown>,
    /// The person behind linked subjects.
    pub person: Option<SubjectId>,
    /// The status.
    pub status: Status,
    /// The amount that is due, or would be due with another status.
    pub amount: Option<Money>,
    /// What excludes the claim, if its status is excluded.
    pub excluded_by: Option<Excluded>,
    /// For an excluded or capped claim: the claim whose proposed adjustment or withdrawal would free its place.
    pub waits_for: Option<ClaimId>,
    /// The batch with its current line, else the last batch that held it.
    pub batch: Option<BatchId>,
}

impl Deref for Claim {
    type Target = Shown;

    fn deref(&self) -> &Shown {
        &self.shown
    }
}

/// What has the payment instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Excluded {
    /// Another outcome, by its code.
    Outcome(String),
    /// The same outcome of the same person.
    Person,
}

/// A proposed adjustment: to pay more or less than a line says. Nothing is paid or taken back without a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proposed {
    /// The claim.
    pub claim: ClaimId,
    /// The batch with the line.
    pub batch: BatchId,
    /// The amount to pay in addition. If negative, the amount to take back.
    pub amount: Money,
    /// The kind of adjustment to raise.
    pub kind: AdjustmentKind,
    /// The reason.
    pub reason: Reason,
}

/// A proposal to withdraw a line that is not decided yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProposedWithdrawal {
    /// The claim.
    pub claim: ClaimId,
    /// The batch with the line.
    pub batch: BatchId,
    /// The submitted amount.
    pub amount: Money,
    /// The reason.
    pub reason: Reason,
}

/// The use of a cap by one of the groups that it limits.
#[derive(Debug, Clone)]
pub struct CapUse {
    /// The cap.
    pub cap: Cap,
    /// The group. An outcome is named by its code.
    pub of: CapOf,
    /// The limit.
    pub limit: Money,
    /// The amount of the submitted lines.
    pub used: Money,
    /// The amount left.
    pub headroom: Money,
    /// The amount by which lines and claims are reduced because of the cap.
    pub capped: Money,
}

/// The group that a cap limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CapOf {
    /// The whole contract.
    Contract,
    /// Everything achieved in the financial year that begins on this day.
    Year(NaiveDate),
    /// Everything paid for one person.
    Person(SubjectId),
    /// Everything paid for one outcome, by its code.
    Outcome(String),
}

impl Claims {
    /// The ISO 4217 code of every amount.
    pub fn currency(&self) -> &str {
        self.contract.newest_rulebook().map_or("", |rulebook| rulebook.currency.as_str())
    }

    /// The claims of a journey.
    pub fn of_journey(&self, journey: JourneyId) -> &[Claim] {
        let claims = &self.claims[..self.of_journeys];
        let of = |claim: &Claim| match claim.about {
            ClaimAbout::Journey(of) => of,
            ClaimAbout::Many(_) => unreachable!("claims over several cases come after these"),
        };
        let first = claims.partition_point(|claim| of(claim) < journey);
        let len = claims[first..].partition_point(|claim| of(claim) == journey);
        &claims[first..first + len]
    }

    /// The claims of all journeys of a person.
    pub fn of_person(&self, person: SubjectId) -> impl Iterator<Item = &Claim> {
        let by_person = self.of_people.get_or_init(|| {
            let mut of_people: HashMap<SubjectId, Vec<usize>> = HashMap::new();
            for (at, person) in self.claims.iter().enumerate().filter_map(|(at, claim)| Some((at, claim.person?))) {
                of_people.entry(person).or_default().push(at);
            }
            of_people
        });
        by_person.get(&person).into_iter().flatten().map(|at| &self.claims[*at])
    }

    /// The claim with this id.
    pub fn get(&self, claim: ClaimId) -> Option<&Claim> {
        let places = || self.claims.iter().enumerate().map(|(at, of)| (of.claim, at)).collect();
        self.places.get_or_init(places).get(&claim).map(|at| &self.claims[*at])
    }

    /// The lines of a claim in every batch, in batch order.
    pub fn lines_of(&self, claim: ClaimId) -> Vec<&BatchLine> {
        let holding = self.batches.iter().filter(|(_, batch)| batch.line(claim).is_some());
        let of_batches = holding.flat_map(|(_, batch)| &batch.lines);
        let mut lines: Vec<&BatchLine> = of_batches.filter(|line| line.frozen.claim == claim).collect();
        lines.sort_by_key(|line| line.position);
        lines
    }

    /// These claims, if nothing in them has changed between their own position and this one.
    pub(super) fn known_at(self: &Arc<Self>, position: Position) -> Arc<Self> {
        if self.position == position { Arc::clone(self) } else { Arc::new(Self { position, ..Self::clone(self) }) }
    }
}

/// Claims before they are settled, with their entitlements.
#[derive(Default)]
struct Unsettled {
    claims: Vec<Claim>,
    entitlements: Vec<Entitlement>,
    /// The index of the claim of each entitlement.
    entitled: Vec<usize>,
}

impl Unsettled {
    fn add(&mut self, shown: &Arc<Shown>, person: Option<SubjectId>, (terms, asked): (&Terms<'_>, &ClaimsQuery)) {
        if let State::Reached(achievement) = &shown.state {
            let outcome = terms.number(shown.place.0, shown.place.1);
            let holder = match &shown.about {
                ClaimAbout::Journey(journey) => journey.0,
                ClaimAbout::Many(many) => many.holder(&shown.rulebook.contract).0,
            };
            let (claimant, days) = (Claimant { holder, person }, ClaimDays { as_of: asked.as_of, today: asked.today });
            self.entitled.push(self.claims.len());
            self.entitlements.push(entitlement(shown.claim, claimant, outcome, achievement, days));
        }
        self.claims.push(Claim::unsettled(Arc::clone(shown), person));
    }
}

/// What is known besides the journeys.
pub(super) struct Beside<'a> {
    pub(super) position: Position,
    pub(super) batches: &'a Batches,
    pub(super) ledger: &'a Ledger<'a>,
    pub(super) people: People,
    pub(super) steps_by: Arc<StepsBy>,
}

/// Settles the results of the journeys.
pub(super) fn settled(
    judged: &JudgedAsOf,
    contract: &Arc<Contract>,
    asked: &ClaimsQuery,
    beside: &Beside<'_>,
) -> Claims {
    let Beside { position, batches, ledger, people, steps_by } = beside;
    let versions = judged.versions();
    let terms = versions.terms(asked.as_of);
    let mut unsettled = Unsettled::default();
    for of in judged.journeys.values() {
        let person = of.subject.map(|subject| people.person(subject));
        of.shown.iter().for_each(|shown| unsettled.add(shown, person, (&terms, asked)));
    }
    let of_journeys = unsettled.claims.len();
    for shown in over_many(judged, &versions, ledger, people) {
        unsettled.add(&Arc::new(shown), None, (&terms, asked));
    }
    let subject = |journey: JourneyId| judged.journeys.get(&journey)?.subject;
    let person = |journey: JourneyId| subject(journey).map(|subject| people.person(subject));
    let lines = lines(ledger, contract.code().unwrap_or_default(), &terms, person, asked);
    let settlement = settle(&terms, &unsettled.entitlements, &lines);
    let Unsettled { mut claims, entitled, .. } = unsettled;
    for (at, settled) in entitled.iter().zip(&settlement.claims) {
        claims[*at].settle(settled, &terms);
    }
    let rulebooks = [judged.rulebooks.as_slice(), &judged.superseded].concat();
    let own = |journey: JourneyId| judged.journeys.get(&journey);
    add_batches(&mut claims, &entitled, ledger, |line| Claim::without_ground(line, &rulebooks, own));
    Claims {
        position: *position,
        contract: Arc::clone(contract),
        asked: asked.clone(),
        proposed: settlement.adjustments.iter().filter_map(|of| Proposed::of(of, ledger)).collect(),
        withdrawals: settlement.withdrawals.iter().filter_map(|of| ProposedWithdrawal::of(of, ledger)).collect(),
        caps: caps(&settlement, &terms, versions.in_force(asked.as_of), asked.as_of),
        claims: Arc::new(claims),
        batches: Arc::clone(batches),
        steps_by: Arc::clone(steps_by),
        of_journeys,
        places: Arc::default(),
        of_people: Arc::default(),
    }
}

/// Adds the batch to each submitted claim. If the facts no longer support a claim, the decision on its line stands.
fn add_batches(
    claims: &mut Vec<Claim>,
    entitled: &[usize],
    ledger: &Ledger<'_>,
    without_ground: impl Fn(&LedgerLine<'_>) -> Option<Claim>,
) {
    let submitted = claims.iter().enumerate().filter(|(_, of)| ledger.line(of.claim).is_some());
    let mut places: HashMap<ClaimId, usize> = submitted.map(|(at, of)| (of.claim, at)).collect();
    for of in ledger.lines() {
        let claim = of.line.frozen.claim;
        let at = if let Some(at) = places.get(&claim) {
            *at
        } else {
            let Some(without) = without_ground(of) else { continue };
            claims.push(without);
            places.insert(claim, claims.len() - 1);
            claims.len() - 1
        };
        claims[at].batch = ledger.line(claim).map(|line| line.batch);
        // The indexes are sorted, because claims were added in that order.
        if entitled.binary_search(&at).is_err() {
            claims[at].apply_line_decision(ledger);
        }
    }
}

/// The results of outcomes over several cases.
fn over_many(judged: &JudgedAsOf, versions: &Versions<'_>, ledger: &Ledger<'_>, people: &People) -> Vec<Shown> {
    if judged.many.is_empty() {
        return Vec::new();
    }
    let submitted = ledger.submitted();
    let sight =
        Sight { as_of: judged.as_of, submitted_on: &|claim| submitted.get(&claim).copied(), recorded_on: &|_| None };
    let shown = |of: throughline_domain::contract::outcome::versions::JudgedMany| {
        let rulebook = Arc::clone(&judged.rulebooks[of.version]);
        let outcome = rulebook.outcomes[of.evaluation.outcome].code.clone();
        let about = of.evaluation.about();
        let (counted, out_of, share) = (of.evaluation.counted, of.evaluation.out_of, of.evaluation.share());
        Shown {
            claim: claim_id(about.holder(&rulebook.contract), &outcome, 1),
            area: of_scope(&rulebook, &outcome, Scope::Area).then(|| Arc::from(about.of.as_str())),
            cohort: of_scope(&rulebook, &outcome, Scope::Cohort).then(|| Arc::from(about.of.as_str())),
            about: ClaimAbout::Many(about),
            subject: None,
            place: (of.version, of.evaluation.outcome),
            rulebook,
            outcome,
            repeat: 1,
            begun: None,
            state: of.evaluation.state,
            grounds: Vec::new(),
            counted: Some(Counted { counted, out_of, share }),
        }
    };
    versions.judge_many(sight, &judged.many, |subject| people.person(subject)).into_iter().map(shown).collect()
}

/// Whether an outcome is evaluated over such a scope.
fn of_scope(rulebook: &Rulebook, outcome: &str, scope: Scope) -> bool {
    let of = rulebook.outcome(outcome).map(|outcome| &outcome.achieved_by);
    matches!(of, Some(AchievedBy::Many(terms)) if terms.scope == scope)
}

/// The lines as the settlement takes them. Lines that are submitted again count as withdrawn.
fn lines(
    ledger: &Ledger<'_>,
    code: &str,
    terms: &Terms<'_>,
    person: impl Fn(JourneyId) -> Option<SubjectId>,
    asked: &ClaimsQuery,
) -> Vec<Line> {
    let into = match &asked.purpose {
        Purpose::Look => None,
        Purpose::Submit { batch, .. } => Some(*batch),
    };
    let mut lines = ledger.for_settling(code, terms, person, into);
    if let Purpose::Submit { again, .. } = &asked.purpose {
        let queried = lines.iter_mut().filter(|line| line.state == LineState::Queried);
        queried.filter(|line| again.contains(&line.claim)).for_each(|line| line.state = LineState::Withdrawn);
    }
    lines
}

impl Claim {
    /// The funding of the claim, to look for the same funding elsewhere. `None` if nothing is due, if the outcome has
    /// no class, or if the claim is about several cases.
    pub fn funded<'c>(&'c self, contract: &'c str) -> Option<Funded<'c>> {
        use Status as S;
        let (ClaimAbout::Journey(journey), State::Reached(achievement)) = (&self.about, &self.state) else {
            return None;
        };
        if matches!(self.status, S::Excluded | S::Expired | S::Rejected | S::Reversed | S::NotStarted) {
            return None;
        }
        let class = self.rulebook.outcome(&self.outcome)?.class.as_deref()?;
        let from = self.begun.map_or(achievement.achieved_on, |begun| begun.counted_from);
        let to = achievement.achieved_on.max(from.succ_opt().unwrap_or(from));
        Some(Funded { contract, class, claim: self.claim, journey: *journey, person: self.person?, from, to })
    }

    fn unsettled(shown: Arc<Shown>, person: Option<SubjectId>) -> Self {
        let status = match shown.state {
            State::Maturing { .. } => Status::Maturing,
            State::NotStarted { .. } | State::Reached(_) => Status::NotStarted,
        };
        Self { shown, person, status, amount: None, excluded_by: None, waits_for: None, batch: None }
    }

    fn settle(&mut self, settled: &Settled, terms: &Terms<'_>) {
        self.status = settled.status;
        self.amount = settled.amount;
        self.waits_for = settled.waits_for;
        self.excluded_by = settled.excluded_by.map(|by| match by {
            ExcludedBy::Outcome(number) => Excluded::Outcome(terms.outcome(number).code.clone()),
            ExcludedBy::Person => Excluded::Person,
        });
    }

    /// A submitted claim that no version of the rules evaluates any more.
    fn without_ground<'o>(
        of: &LedgerLine<'_>,
        rulebooks: &[Arc<Rulebook>],
        own: impl Fn(JourneyId) -> Option<&'o OfJourney>,
    ) -> Option<Self> {
        let frozen = &of.line.frozen;
        let judged_by = rulebooks.iter().find(|rulebook| rulebook.hash() == frozen.rulebook);
        let own = match &frozen.about {
            ClaimAbout::Journey(journey) => own(*journey),
            ClaimAbout::Many(_) => None,
        };
        let shown = Shown {
            claim: frozen.claim,
            about: frozen.about.clone(),
            subject: own.and_then(|own| own.subject),
            area: own.and_then(|own| own.area.clone()),
            cohort: own.and_then(|own| own.cohort.clone()),
            rulebook: Arc::clone(judged_by.or(rulebooks.first())?),
            outcome: frozen.outcome.clone(),
            repeat: frozen.repeat,
            begun: None,
            state: State::NotStarted { is_for_others: false },
            grounds: Vec::new(),
            counted: None,
            place: (0, 0),
        };
        Some(Self::unsettled(Arc::new(shown), None))
    }

    /// The decision on its line stands, although the facts no longer support it.
    fn apply_line_decision(&mut self, ledger: &Ledger<'_>) {
        let Some(line) = ledger.line(self.claim) else { return };
        let due = line.due();
        let status = match line.state() {
            LineState::Withdrawn => return,
            LineState::Rejected if line.line.paid.is_positive() && due == Money::ZERO => Status::Reversed,
            LineState::Rejected => {
                let rejected = ledger.lines_of(self.claim).filter(|of| of.state() == LineState::Rejected).count();
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

impl Proposed {
    fn of(proposed: &Adjustment, ledger: &Ledger<'_>) -> Option<Self> {
        let Adjustment { claim, amount, cause, reason } = *proposed;
        // If a claim has several lines, use the current one, else the one that is not fully settled.
        let left = ledger.lines_of(claim).rfind(|of| of.due() != Money::ZERO);
        let line = ledger.line(claim).filter(|line| line.line.is_live()).or(left).or_else(|| ledger.line(claim))?;
        Some(Self { claim, batch: line.batch, amount, kind: cause.into(), reason })
    }
}

impl ProposedWithdrawal {
    fn of(proposed: &Withdrawal, ledger: &Ledger<'_>) -> Option<Self> {
        let Withdrawal { claim, amount, reason } = *proposed;
        let line = ledger.line(claim).filter(|line| line.line.is_live())?;
        Some(Self { claim, batch: line.batch, amount, reason })
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
