//! The write side of a batch: the commands about claims, and the decision whether each may be recorded.
//!
//! Pure and synchronous. The claims and their amounts are prepared beforehand, from one position of the log. A decision
//! never judges a case. It checks whether anything that the preparation depends on has changed since, and refuses the
//! command as stale if so: a claim must match the facts, the rulebook and the other batches at that moment.

mod adjust;
mod pay;
mod submit;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::command::validate::{Rules, Validator};
use crate::command::{Given, NewEvent, When, require_accepted_warnings};
use crate::contract::batch::{Batch, BatchLine, BatchState, Decision};
use crate::fact::History;
use crate::fact::Recorded;
use crate::fact::envelope::{AdjustmentId, BatchId, ClaimId, Occurred, Position, Precision, StreamId};
use crate::fact::event::{
    AdjustmentRaised, AmountPaid, BatchOpened, ClaimAccepted, ClaimLine, ClaimQueried, ClaimRejected, ClaimWithdrawn,
    Event,
};
use crate::fact::money::Money;
use crate::fact::refusal::{Refusal, RefusalCode as Code};
use crate::people::login;

/// The most claims of one batch, and of one command.
pub const CLAIMS_MAX: usize = 10_000;
/// The most claims that refusals name when many are refused for the same reason.
const NAMED_MAX: usize = 20;

/// A command about a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchCommand {
    /// The batch.
    pub batch: BatchId,
    /// The date of the command.
    pub when: When,
    /// The as-of date of the claims that the command was prepared from, if it was prepared from claims.
    pub as_of: Option<NaiveDate>,
    /// What to do.
    pub act: BatchAct,
    /// The warnings that the preparation of the command found outside the batch.
    pub warnings: Vec<Refusal>,
}

/// What to do with a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum BatchAct {
    /// Open it, in the contract with this code.
    Open(String, BatchOpened),
    /// Submit its claims to the commissioner.
    Submit(Prepared),
    /// Submit queried or rejected claims of it again.
    Resubmit(Prepared),
    /// Record the commissioner's decision on claims.
    Decide(Vec<ClaimId>, ClaimDecision),
    /// Withdraw claims before they are decided.
    Withdraw(Vec<ClaimId>, String),
    /// Record a payment.
    Pay(Payment),
    /// Record an adjustment: more or less is due than a closed line says.
    Adjust(Adjusting),
}

/// Claims prepared from one position of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// What the preparation depends on.
    pub from: Basis,
    /// ISO 4217 code of every amount.
    pub currency: String,
    /// The claims, each as it would be frozen. Or the refusals of the requested claims that cannot be claimed.
    pub lines: Result<Vec<ClaimLine>, Vec<Refusal>>,
    /// The logins that verified evidence on which a claim rests, by claim. A claim without any is not listed.
    pub verified_by: BTreeMap<ClaimId, BTreeSet<String>>,
}

/// What a preparation depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Basis {
    /// The position of the log.
    pub position: Position,
    /// The streams that must not have changed since, besides the cases of the lines and the batches of the contract:
    /// the subjects of the cases, whose links say which records are one person.
    pub streams: BTreeSet<StreamId>,
    /// The hashes of the rulebooks known at that position.
    pub rulebooks: BTreeSet<String>,
}

/// The commissioner's decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimDecision {
    /// Accept the claims.
    Accept,
    /// Query the claims.
    Query {
        /// The question.
        remark: String,
    },
    /// Reject the claims.
    Reject {
        /// The defect, by the rulebook's code.
        defect: String,
        /// A remark.
        remark: Option<String>,
    },
}

/// A payment, as on the remittance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payment {
    /// The number of the remittance.
    pub reference: Option<String>,
    /// The amount for each claim, even where it is more than is due.
    pub amounts: Vec<AmountPaid>,
    /// The adjustments that the payment settles.
    pub adjustments: Vec<AdjustmentId>,
    /// The amount that it assigns to no claim.
    pub excess: Option<Money>,
}

/// A decision to pay more or less than a closed line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjusting {
    /// What it depends on.
    pub from: Basis,
    /// The adjustment.
    pub fact: AdjustmentRaised,
    /// The most that can be taken back: the amount that was due for the claim, or came in excess, with all adjustments
    /// so far. None if the adjustment is about neither.
    pub due: Option<Money>,
}

impl BatchCommand {
    /// The code of the contract that the command names.
    pub fn contract(&self) -> Option<&str> {
        match &self.act {
            BatchAct::Open(contract, _) => Some(contract),
            _ => None,
        }
    }

    /// The other streams that the command names.
    pub fn names(&self) -> Vec<StreamId> {
        match &self.act {
            BatchAct::Open(contract, opened) => {
                let of = opened.claims.as_ref();
                let keyworker = of.and_then(|of| of.keyworker).map(StreamId::worker);
                let team = of.and_then(|of| of.team).map(StreamId::team);
                std::iter::once(StreamId::contract(contract)).chain(keyworker).chain(team).collect()
            }
            BatchAct::Adjust(adjusting) => adjusting.fact.batch.map(StreamId::batch).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// The position since which nothing that the command depends on may have changed. None if it depends only on its
    /// batch.
    pub const fn since(&self) -> Option<Position> {
        match &self.act {
            BatchAct::Submit(prepared) | BatchAct::Resubmit(prepared) => Some(prepared.from.position),
            BatchAct::Adjust(adjusting) => Some(adjusting.from.position),
            BatchAct::Open(..) | BatchAct::Decide(..) | BatchAct::Withdraw(..) | BatchAct::Pay(_) => None,
        }
    }
}

/// Decides a command: returns the events to append, or all refusals that were found.
pub fn decide(history: &History, command: &BatchCommand, given: &Given<'_>) -> Result<Vec<NewEvent>, Vec<Refusal>> {
    let occurred = command.when.decided_on(given.today);
    if let BatchAct::Open(contract, fact) = &command.act {
        return open(history, command.batch, occurred, contract, fact, given);
    }
    if history.events().is_empty() {
        return Err(batch_not_found().alone());
    }
    if matches!(command.act, BatchAct::Decide(..)) {
        decided_by_another(history, occurred, given)?;
    }
    let asked = BatchDecision { batch: &Batch::of(history), command, occurred, given };
    asked.is_as_of_its_date()?;
    let events = match &command.act {
        BatchAct::Open(..) => Vec::new(),
        BatchAct::Submit(prepared) => submit::submit(&asked, prepared)?,
        BatchAct::Resubmit(prepared) => submit::resubmit(&asked, prepared)?,
        BatchAct::Decide(claims, decision) => asked.decision(claims, decision)?,
        BatchAct::Withdraw(claims, reason) => asked.withdrawal(claims, reason)?,
        BatchAct::Pay(payment) => pay::pay(&asked, payment)?,
        BatchAct::Adjust(adjusting) => adjust::adjust(&asked, adjusting)?,
    };
    let repeated = match &command.act {
        BatchAct::Pay(payment) => pay::warnings(&asked, payment),
        _ => Vec::new(),
    };
    require_accepted_warnings(command.warnings.iter().cloned().chain(repeated), given)?;
    let stream = StreamId::batch(command.batch);
    let contract = history.contract().map(str::to_owned);
    let new = |event| NewEvent { stream, contract: contract.clone(), occurred, event };
    Ok(events.into_iter().map(new).collect())
}

/// Refuses a decision by the person who submitted claims of the batch, if the rulebook keeps these duties apart.
fn decided_by_another(history: &History, occurred: Occurred, given: &Given<'_>) -> Result<(), Vec<Refusal>> {
    let rulebook = given.contract.rulebook_in_force(occurred.earliest());
    if !rulebook.is_some_and(|rulebook| rulebook.duties.submit_decide) {
        return Ok(());
    }
    let is_submission =
        |recorded: &&Recorded| matches!(recorded.event, Event::BatchSubmitted(_) | Event::ClaimResubmitted(_));
    let mut submissions = history.events().iter().filter(is_submission);
    if !submissions.any(|recorded| login::is_same(&recorded.actor.subject, given.sender)) {
        return Ok(());
    }
    Err(submitted_by_you().at("batch").alone())
}

/// The refusal where the person who submitted claims of a batch would decide on them.
pub fn submitted_by_you() -> Refusal {
    let message = "you submitted claims of this batch: another person must decide on them";
    Refusal::new(Code::SamePerson, message).by("duties.separate: submit/decide")
}

/// The refusal where the person who verified evidence of a claim would submit it.
pub fn verified_by_you(claim: ClaimId) -> Refusal {
    let message = format!(
        "you verified evidence of the claim {claim}: another person must submit it, or leave the claim out of the batch"
    );
    Refusal::new(Code::SamePerson, message).by("duties.separate: verify/submit")
}

fn open(
    history: &History,
    batch: BatchId,
    occurred: Occurred,
    contract: &str,
    fact: &BatchOpened,
    given: &Given<'_>,
) -> Result<Vec<NewEvent>, Vec<Refusal>> {
    if given.contract.code() != Some(contract) {
        return Err(Refusal::contract_not_found().alone());
    }
    if !history.events().is_empty() {
        // The id may belong to a batch of another contract. The message does not say which.
        let message = "a batch with this id already exists: use a new id";
        return Err(Refusal::new(Code::BatchExists, message).at("batch").alone());
    }
    let mut validator = Validator::new(given.today);
    let rules = Rules { contract: given.contract, on: occurred.earliest() };
    validator.of_batch(occurred, fact, rules);
    let of = fact.claims.as_ref();
    if of.and_then(|of| of.keyworker).is_some_and(|worker| !given.knows(StreamId::worker(worker))) {
        validator.refuse(Refusal::worker_not_found().at("claims.keyworker"));
    }
    if of.and_then(|of| of.team).is_some_and(|team| !given.knows(StreamId::team(team))) {
        validator.refuse(Refusal::team_not_found().at("claims.team"));
    }
    validator.done()?;
    let (stream, contract) = (StreamId::batch(batch), Some(contract.to_owned()));
    Ok(vec![NewEvent { stream, contract, occurred, event: fact.clone().into() }])
}

/// A batch and the command about it.
struct BatchDecision<'a, 'g> {
    batch: &'a Batch,
    command: &'a BatchCommand,
    /// The date of the command.
    occurred: Occurred,
    given: &'a Given<'g>,
}

impl BatchDecision<'_, '_> {
    /// Starts the checks of values with the command's date: a full date, not in the future, and not before the previous
    /// steps of the batch.
    fn validator(&self) -> Validator {
        let occurred = self.occurred;
        let mut validator = Validator::new(self.given.today);
        validator.occurred(occurred);
        if occurred.precision() != Precision::Day {
            validator.invalid("occurred_on", "only a month or year is given: give the day");
        }
        let opened = self.batch.opened.as_ref().map(|opened| (opened.occurred, "opened"));
        let submitted = self.batch.submitted.as_ref().map(|submitted| (submitted.occurred, "submitted"));
        if let Some((day, what)) = submitted.or(opened).filter(|(day, _)| occurred.earliest() < day.earliest()) {
            let message = format!("the batch was {what} on {}: use that day or a later one", day.earliest());
            validator.invalid("occurred_on", message);
        }
        validator
    }

    /// Refuses a command that was prepared from the claims of another day than its date, such as the day before, if
    /// midnight passed in between.
    fn is_as_of_its_date(&self) -> Result<(), Vec<Refusal>> {
        let on = self.occurred.earliest().min(self.given.today);
        let Some(as_of) = self.command.as_of.filter(|as_of| *as_of != on) else { return Ok(()) };
        let message =
            format!("the claims were computed as of {as_of} and the command is dated {on}: send the command again");
        let rule = "the claims of a batch command are computed as of its date";
        Err(Refusal::new(Code::StaleClaims, message).at("occurred_on").by(rule).alone())
    }

    fn is_open(&self) -> Result<(), Vec<Refusal>> {
        if self.batch.state() == BatchState::Open {
            return Ok(());
        }
        let message = "the claims of this batch were already submitted: open another batch";
        Err(Refusal::new(Code::BatchAlreadySubmitted, message).at("batch").alone())
    }

    fn was_submitted(&self) -> Result<(), Vec<Refusal>> {
        if self.batch.state() != BatchState::Open {
            return Ok(());
        }
        let message = "the claims of this batch have not been submitted yet: submit them first";
        Err(Refusal::new(Code::BatchNotSubmitted, message).at("batch").alone())
    }

    /// Checks that each of these claims has a line, is named once, and allows this step.
    fn lines(&self, claims: &[ClaimId], validator: &mut Validator, act: LineAct) -> Result<(), Vec<Refusal>> {
        validator.at_most("claims", claims.len(), CLAIMS_MAX);
        if claims.is_empty() {
            validator.missing("claims", "no claim is named: name at least one claim");
        }
        let mut named = BTreeSet::new();
        let found = claims.iter().enumerate().filter_map(|(at, claim)| {
            let path = format!("claims.{at}");
            if !named.insert(*claim) {
                return Some(twice(*claim).at(path));
            }
            let refusal = match self.batch.line(*claim) {
                None => Some(claim_not_found(*claim)),
                Some(line) => line.may(act).err().map(|refusal| *refusal),
            };
            refusal.map(|refusal| refusal.at(path))
        });
        found.take(NAMED_MAX).for_each(|refusal| validator.refuse(refusal));
        std::mem::replace(validator, Validator::new(self.given.today)).done()
    }

    fn decision(&self, claims: &[ClaimId], decision: &ClaimDecision) -> Result<Vec<Event>, Vec<Refusal>> {
        self.was_submitted()?;
        let mut validator = self.validator();
        match decision {
            ClaimDecision::Accept => {}
            ClaimDecision::Query { remark } => validator.remark(remark),
            ClaimDecision::Reject { defect, remark } => {
                let rules = Rules { contract: self.given.contract, on: self.occurred.earliest() };
                validator.rejection(defect, remark.as_deref(), rules);
            }
        }
        let act = match decision {
            ClaimDecision::Accept => LineAct::Accept,
            ClaimDecision::Query { .. } => LineAct::Query,
            ClaimDecision::Reject { .. } => LineAct::Reject,
        };
        self.lines(claims, &mut validator, act)?;
        let decided = |claim: ClaimId| match decision.clone() {
            ClaimDecision::Accept => ClaimAccepted { claim }.into(),
            ClaimDecision::Query { remark } => ClaimQueried { claim, remark }.into(),
            ClaimDecision::Reject { defect, remark } => ClaimRejected { claim, defect, remark }.into(),
        };
        Ok(claims.iter().copied().map(decided).collect())
    }

    fn withdrawal(&self, claims: &[ClaimId], reason: &str) -> Result<Vec<Event>, Vec<Refusal>> {
        self.was_submitted()?;
        let mut validator = self.validator();
        validator.reason(reason);
        self.lines(claims, &mut validator, LineAct::Withdraw)?;
        Ok(claims.iter().map(|claim| ClaimWithdrawn { claim: *claim, reason: reason.to_owned() }.into()).collect())
    }
}

/// A step that depends on the latest decision on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineAct {
    /// Accept it.
    Accept,
    /// Query it.
    Query,
    /// Reject it. An accepted or paid line can also be rejected: the paid amount is then taken back by a decision.
    Reject,
    /// Withdraw it before it is decided.
    Withdraw,
    /// Submit it again. Whether attempts are left is checked elsewhere.
    Resubmit,
    /// Record a payment for it.
    Pay,
    /// Record that more or less is due for it.
    Adjust,
}

impl BatchLine {
    /// Whether the decision on the line allows this step, or the refusal if not.
    pub fn may(&self, act: LineAct) -> Result<(), Box<Refusal>> {
        let is_undecided = matches!(self.decision, Decision::Submitted | Decision::Queried(_));
        let is_accepted = self.decision == Decision::Accepted;
        let (may_be, refusal): (bool, fn(&Self) -> Refusal) = match act {
            LineAct::Accept | LineAct::Withdraw => (is_undecided, already_decided),
            LineAct::Query => (self.decision == Decision::Submitted, already_decided),
            LineAct::Reject => (self.is_live(), already_decided),
            LineAct::Resubmit => {
                let is_rejected = matches!(self.decision, Decision::Rejected(_)) && !self.paid.is_positive();
                (is_rejected || matches!(self.decision, Decision::Queried(_)), already_decided)
            }
            LineAct::Pay => (is_accepted, pay::not_accepted),
            LineAct::Adjust => (is_accepted || self.paid.is_positive(), pay::not_accepted),
        };
        if may_be { Ok(()) } else { Err(Box::new(refusal(self))) }
    }
}

fn twice(claim: ClaimId) -> Refusal {
    Refusal::new(Code::InvalidValue, format!("the claim {claim} appears twice: name it once"))
}

/// The batch does not exist, or the caller may not know of it. The message is the same for both.
pub(crate) fn batch_not_found() -> Refusal {
    let message = "there is no batch with this id: check the id, or open the batch first";
    Refusal::new(Code::BatchNotFound, message).at("batch")
}

/// The refusal where a batch does not contain a claim.
pub fn claim_not_found(claim: ClaimId) -> Refusal {
    let message = format!("the claim {claim} is not in this batch: name a claim of the batch");
    Refusal::new(Code::ClaimNotFound, message)
}

fn already_decided(line: &BatchLine) -> Refusal {
    let (is, remedy) = match line.decision {
        Decision::Submitted => ("submitted", "accept, query or reject it"),
        Decision::Queried(_) => ("queried", "accept or reject it, or submit it again"),
        Decision::Accepted if line.paid.is_positive() => {
            ("paid", "reject it, or record an adjustment in an open batch")
        }
        Decision::Accepted => ("accepted", "reject it if it is wrong"),
        Decision::Rejected(_) => ("rejected", "submit it again if attempts are left"),
        Decision::Withdrawn | Decision::Replaced => ("withdrawn", "claim it in another batch"),
    };
    Refusal::new(Code::ClaimAlreadyDecided, format!("the claim {} is {is}: {remedy}", line.frozen.claim))
}
