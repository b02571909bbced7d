//! The write side of a batch: what somebody wants done with claims, and the decision whether it may be.
//!
//! Pure and synchronous. Which claims there are and what they come to is prepared beforehand, from one position of the
//! log; a decision never judges a journey. It asks whether anything that the preparation rests on has moved since, and
//! refuses it as stale if so: what is claimed is what the facts, the rules and the other batches say at that moment.

mod adjust;
mod pay;
mod submit;

use std::collections::BTreeSet;

use crate::command::validate::Shape;
use crate::command::{Given, NewEvent, heeded};
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
/// How many claims are named where many are refused alike.
const NAMED_MAX: usize = 20;

/// Something that somebody wants done with a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchCommand {
    /// Which batch.
    pub batch: BatchId,
    /// The day.
    pub occurred: Occurred,
    /// What.
    pub act: BatchAct,
    /// What somebody should look at twice, as whoever prepared the command found it beside the batch.
    pub warnings: Vec<Refusal>,
}

/// What is done with a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum BatchAct {
    /// It is begun, in the contract of this code.
    Open(String, BatchOpened),
    /// Its claims go to the commissioner.
    Submit(Prepared),
    /// Queried or rejected claims of it go again.
    Resubmit(Prepared),
    /// The commissioner decides on claims.
    Decide(Vec<ClaimId>, ClaimDecision),
    /// Claims are taken back before they are decided.
    Withdraw(Vec<ClaimId>, String),
    /// Money came.
    Pay(Payment),
    /// More or less is due than a closed line says.
    Adjust(Adjusting),
}

/// Claims as they were prepared from one position of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// What they rest on.
    pub from: Basis,
    /// ISO 4217 code of every amount.
    pub currency: String,
    /// The claims, each as it would be frozen; or why some of those asked for cannot be claimed.
    pub lines: Result<Vec<ClaimLine>, Vec<Refusal>>,
}

/// What a preparation rests on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Basis {
    /// The position of the log.
    pub position: Position,
    /// Streams that must not have moved since, beside the journeys of the lines and the batches of the contract: the
    /// subjects of the journeys, whose links say who is one person.
    pub streams: BTreeSet<StreamId>,
    /// The hashes of the rulebooks that were known.
    pub rulebooks: BTreeSet<String>,
}

/// What the commissioner decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimDecision {
    /// The claims are good.
    Accept,
    /// Something is asked first.
    Query {
        /// What.
        remark: String,
    },
    /// The claims are not good.
    Reject {
        /// What is wrong with them, by the rulebook's code.
        defect: String,
        /// What else there is to say.
        remark: Option<String>,
    },
}

/// Money that came, as the remittance says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payment {
    /// The remittance's own number.
    pub reference: Option<String>,
    /// What it says is for which claim, also where that is more than is due.
    pub amounts: Vec<AmountPaid>,
    /// The adjustments that are settled with it.
    pub adjustments: Vec<AdjustmentId>,
    /// What it names for nothing.
    pub excess: Option<Money>,
}

/// A decision to pay more or less than a closed line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjusting {
    /// What it rests on.
    pub from: Basis,
    /// The decision.
    pub fact: AdjustmentRaised,
    /// The most that there is to take back: what was due for the claim, or came in excess, with every adjustment so far;
    /// none where it is about neither.
    pub due: Option<Money>,
}

impl BatchCommand {
    /// The code of the contract that it names itself.
    pub fn contract(&self) -> Option<&str> {
        match &self.act {
            BatchAct::Open(contract, _) => Some(contract),
            _ => None,
        }
    }

    /// The other streams that it names.
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

    /// The position since which nothing that it rests on may have moved; none where it rests on nothing but its batch.
    pub const fn since(&self) -> Option<Position> {
        match &self.act {
            BatchAct::Submit(prepared) | BatchAct::Resubmit(prepared) => Some(prepared.from.position),
            BatchAct::Adjust(adjusting) => Some(adjusting.from.position),
            BatchAct::Open(..) | BatchAct::Decide(..) | BatchAct::Withdraw(..) | BatchAct::Pay(_) => None,
        }
    }
}

/// Decides a command: the events that the log should take, or every refusal that is found.
pub fn decide(history: &History, command: &BatchCommand, given: &Given<'_>) -> Result<Vec<NewEvent>, Vec<Refusal>> {
    if let BatchAct::Open(contract, fact) = &command.act {
        return open(history, command, (contract, fact), given);
    }
    if history.events().is_empty() {
        return Err(batch_not_found().alone());
    }
    if matches!(command.act, BatchAct::Decide(..)) {
        decided_by_another(history, command.occurred, given)?;
    }
    let asked = Asked { batch: &Batch::of(history), command, given };
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
    heeded(command.warnings.iter().cloned().chain(repeated), given)?;
    let stream = StreamId::batch(command.batch);
    let contract = history.contract().map(str::to_owned);
    let new = |event| NewEvent { stream, contract: contract.clone(), occurred: command.occurred, event };
    Ok(events.into_iter().map(new).collect())
}

/// Refuses a decision by the person who submitted claims of the batch, where the rulebook keeps these duties apart.
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
    let message = "you submitted claims of this batch: let another person decide on them";
    let refusal = Refusal::new(Code::SamePerson, message).at("batch");
    Err(refusal.by("duties.separate: submit/decide").alone())
}

fn open(
    history: &History,
    command: &BatchCommand,
    (contract, fact): (&str, &BatchOpened),
    given: &Given<'_>,
) -> Result<Vec<NewEvent>, Vec<Refusal>> {
    if given.contract.code() != Some(contract) {
        return Err(Refusal::contract_not_found().alone());
    }
    if !history.events().is_empty() {
        // The id may be that of a batch of another contract: nothing is said of that one.
        let message = "a batch of this id was opened already: give the new one a new id";
        return Err(Refusal::new(Code::BatchExists, message).at("batch").alone());
    }
    let mut shape = Shape::new(given.today);
    shape.of_batch(command.occurred, fact, (given.contract, command.occurred.earliest()));
    let of = fact.claims.as_ref();
    if of.and_then(|of| of.keyworker).is_some_and(|worker| !given.knows(StreamId::worker(worker))) {
        shape.refuse(Refusal::worker_not_found().at("claims.keyworker"));
    }
    if of.and_then(|of| of.team).is_some_and(|team| !given.knows(StreamId::team(team))) {
        shape.refuse(Refusal::team_not_found().at("claims.team"));
    }
    shape.done()?;
    let (stream, contract) = (StreamId::batch(command.batch), Some(contract.to_owned()));
    Ok(vec![NewEvent { stream, contract, occurred: command.occurred, event: fact.clone().into() }])
}

/// A batch, and what is asked of it.
struct Asked<'a, 'g> {
    batch: &'a Batch,
    command: &'a BatchCommand,
    given: &'a Given<'g>,
}

impl Asked<'_, '_> {
    /// The checks of values, begun with the command's own day: a day, not in the future, not before what went before.
    fn shape(&self) -> Shape {
        let occurred = self.command.occurred;
        let mut shape = Shape::new(self.given.today);
        shape.occurred(occurred);
        if occurred.precision() != Precision::Day {
            shape.invalid("occurred_on", "what is done with a batch has its day: write it");
        }
        let opened = self.batch.opened.as_ref().map(|opened| (opened.occurred, "opened"));
        let submitted = self.batch.submitted.as_ref().map(|submitted| (submitted.occurred, "submitted"));
        if let Some((day, what)) = submitted.or(opened).filter(|(day, _)| occurred.earliest() < day.earliest()) {
            let message = format!("the batch was {what} on {}: date this on or after that day", day.earliest());
            shape.invalid("occurred_on", message);
        }
        shape
    }

    fn is_open(&self) -> Result<(), Vec<Refusal>> {
        if self.batch.state() == BatchState::Open {
            return Ok(());
        }
        let message = "the claims of this batch were submitted: open the next batch for more";
        Err(Refusal::new(Code::BatchAlreadySubmitted, message).at("batch").alone())
    }

    fn was_submitted(&self) -> Result<(), Vec<Refusal>> {
        if self.batch.state() != BatchState::Open {
            return Ok(());
        }
        let message = "the claims of this batch were not submitted yet: submit them first";
        Err(Refusal::new(Code::BatchNotSubmitted, message).at("batch").alone())
    }

    /// The lines of these claims, each of which is there once and may be so treated.
    fn lines(&self, claims: &[ClaimId], shape: &mut Shape, act: LineAct) -> Result<(), Vec<Refusal>> {
        shape.at_most("claims", claims.len(), CLAIMS_MAX);
        if claims.is_empty() {
            shape.missing("claims", "no claim is named: name at least one");
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
        found.take(NAMED_MAX).for_each(|refusal| shape.refuse(refusal));
        std::mem::replace(shape, Shape::new(self.given.today)).done()
    }

    fn decision(&self, claims: &[ClaimId], decision: &ClaimDecision) -> Result<Vec<Event>, Vec<Refusal>> {
        self.was_submitted()?;
        let mut shape = self.shape();
        match decision {
            ClaimDecision::Accept => {}
            ClaimDecision::Query { remark } => shape.remark(remark),
            ClaimDecision::Reject { defect, remark } => {
                let rules = (self.given.contract, self.command.occurred.earliest());
                shape.rejection(defect, remark.as_deref(), rules);
            }
        }
        let act = match decision {
            ClaimDecision::Accept => LineAct::Accept,
            ClaimDecision::Query { .. } => LineAct::Query,
            ClaimDecision::Reject { .. } => LineAct::Reject,
        };
        self.lines(claims, &mut shape, act)?;
        let decided = |claim: ClaimId| match decision.clone() {
            ClaimDecision::Accept => ClaimAccepted { claim }.into(),
            ClaimDecision::Query { remark } => ClaimQueried { claim, remark }.into(),
            ClaimDecision::Reject { defect, remark } => ClaimRejected { claim, defect, remark }.into(),
        };
        Ok(claims.iter().copied().map(decided).collect())
    }

    fn withdrawal(&self, claims: &[ClaimId], reason: &str) -> Result<Vec<Event>, Vec<Refusal>> {
        self.was_submitted()?;
        let mut shape = self.shape();
        shape.reason(reason);
        self.lines(claims, &mut shape, LineAct::Withdraw)?;
        Ok(claims.iter().map(|claim| ClaimWithdrawn { claim: *claim, reason: reason.to_owned() }.into()).collect())
    }
}

/// What may be done with a line, by what was decided of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineAct {
    /// Find it good.
    Accept,
    /// Ask something first.
    Query,
    /// Find it not good. What was accepted or paid may turn out so: what was paid is then taken back by decision.
    Reject,
    /// Take it back before it is decided.
    Withdraw,
    /// Submit it again. Whether attempts are left is not said here.
    Resubmit,
    /// Record what was paid for it.
    Pay,
    /// Decide that more or less is due for it.
    Adjust,
}

impl BatchLine {
    /// Whether this may be done with it as things were decided, or why not.
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
    Refusal::new(Code::InvalidValue, format!("the claim {claim} stands here twice: name it once"))
}

/// The batch is not known, or is not one that the caller may know of: both read the same.
pub(crate) fn batch_not_found() -> Refusal {
    let message = "no batch of this id is known: check the id, or open it first";
    Refusal::new(Code::BatchNotFound, message).at("batch")
}

/// The refusal of a claim id that the contract does not have.
pub fn claim_not_found(claim: ClaimId) -> Refusal {
    let message = format!("the claim {claim} is none of this batch: name one of its lines");
    Refusal::new(Code::ClaimNotFound, message)
}

fn already_decided(line: &BatchLine) -> Refusal {
    let (is, remedy) = match line.decision {
        Decision::Submitted => ("submitted", "accept, query or reject it"),
        Decision::Queried(_) => ("queried", "accept or reject it, or submit it again"),
        Decision::Accepted if line.paid.is_positive() => ("paid", "reject it, or raise an adjustment in an open batch"),
        Decision::Accepted => ("accepted", "reject it if it is not good"),
        Decision::Rejected(_) => ("rejected", "submit it again if attempts are left"),
        Decision::Withdrawn | Decision::Replaced => ("withdrawn", "claim it in another batch"),
    };
    Refusal::new(Code::ClaimAlreadyDecided, format!("the claim {} is {is}: {remedy}", line.frozen.claim))
}
