//! A batch: the claims that are submitted to the commissioner together, the decision on each, and the payments.
//!
//! Pure. `evolve` never fails. The `command` folder decides what may be recorded. A submitted line never changes: a
//! higher or lower amount is an adjustment in a later batch.

pub mod ledger;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::fact::Entry;
use crate::fact::History;
use crate::fact::Recorded;
use crate::fact::envelope::{AdjustmentId, ClaimId, Occurred, Position};
use crate::fact::event::{
    AdjustmentRaised, BatchOpened, ClaimLine, ClaimQueried, ClaimRejected, Event, PaymentReceived,
};
use crate::fact::money::Money;

/// The state of a batch, folded from its stream.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// The version of the stream that this state includes.
    pub version: i64,
    /// The opening of the batch. None before it.
    pub opened: Option<Entry<BatchOpened>>,
    /// The submission of the claims. None while the batch is open.
    pub submitted: Option<Submitted>,
    /// The lines, in the order in which they were submitted. A claim that was submitted again has a further line.
    pub lines: Vec<BatchLine>,
    /// The payments received for it.
    pub payments: Vec<Entry<PaymentReceived>>,
    /// The adjustments that are due with this batch.
    pub adjustments: Vec<BatchAdjustment>,
    /// The index of the newest line of each claim.
    newest: BTreeMap<ClaimId, usize>,
}

/// The submission of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// The day.
    pub occurred: Occurred,
    /// The position of the event in the log. It orders the batches.
    pub position: Position,
    /// The log position that the claims were prepared from.
    pub prepared_at: Position,
    /// ISO 4217 code of every amount.
    pub currency: String,
}

/// One submission of one claim.
#[derive(Debug, Clone)]
pub struct BatchLine {
    /// The claim as it was frozen.
    pub frozen: ClaimLine,
    /// The day of the submission.
    pub submitted: Occurred,
    /// The log position of the event that submitted it.
    pub position: Position,
    /// The number of this submission of the claim within the batch, from 1.
    pub attempt: u32,
    /// The latest decision.
    pub decision: Decision,
    /// The day on which it was rejected, if it was.
    pub rejected_on: Option<NaiveDate>,
    /// The amount paid for it.
    pub paid: Money,
}

/// The decision on a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// No decision yet.
    Submitted,
    /// The commissioner asked a question.
    Queried(ClaimQueried),
    /// It was accepted.
    Accepted,
    /// It was rejected.
    Rejected(ClaimRejected),
    /// It was taken back before it was decided.
    Withdrawn,
    /// The claim was withdrawn before a decision.
    Replaced,
}

/// An adjustment: a decision to pay more or less than a closed line says.
#[derive(Debug, Clone)]
pub struct BatchAdjustment {
    /// The adjustment.
    pub raised: Entry<AdjustmentRaised>,
    /// The day on which a payment settled it, if one did.
    pub settled: Option<Occurred>,
}

/// The state of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BatchState {
    /// Claims and adjustments can still be added.
    Open,
    /// The claims are with the commissioner.
    Submitted,
    /// Every claim is decided, and everything is paid.
    Settled,
}

impl BatchLine {
    /// Whether the line is in force, so that no other line may have the claim.
    pub const fn is_live(&self) -> bool {
        matches!(self.decision, Decision::Submitted | Decision::Queried(_) | Decision::Accepted)
    }

    /// The amount still to be paid for it.
    pub fn outstanding(&self) -> Money {
        if self.decision == Decision::Accepted {
            (self.frozen.amount - self.paid).max(Money::ZERO)
        } else {
            Money::ZERO
        }
    }

    /// Whether it was paid in full.
    pub fn is_paid(&self) -> bool {
        self.decision == Decision::Accepted && self.paid.is_positive() && self.paid >= self.frozen.amount
    }
}

impl Batch {
    /// Builds the batch from its history.
    pub fn of(history: &History) -> Self {
        Self::fold(history.events())
    }

    /// The batch at the end of a day.
    pub fn as_of(history: &History, day: NaiveDate) -> Self {
        Self::fold(history.events().iter().filter(|event| event.occurred.earliest() <= day))
    }

    /// Folds events in the order in which they were recorded: each decision on a claim follows the ones before it.
    fn fold<'a>(events: impl IntoIterator<Item = &'a Recorded>) -> Self {
        let mut batch = Self::default();
        for event in events {
            batch.evolve(event);
        }
        batch
    }

    /// Applies the next event. An event that refers to nothing changes nothing.
    pub fn evolve(&mut self, recorded: &Recorded) {
        let Recorded { occurred, position, .. } = *recorded;
        self.version = recorded.version;
        match &recorded.event {
            Event::BatchOpened(opened) if self.opened.is_none() => self.opened = Some(entry(recorded, opened)),
            Event::BatchSubmitted(submitted) if self.submitted.is_none() => {
                let (prepared_at, currency) = (submitted.prepared_at, submitted.currency.clone());
                self.submitted = Some(Submitted { occurred, position, prepared_at, currency });
                for line in &submitted.lines {
                    self.add(line, occurred, position);
                }
            }
            Event::ClaimResubmitted(again) => {
                if let Some(line) = self.newest_mut(again.line.claim) {
                    if line.is_live() {
                        line.decision = Decision::Replaced;
                    }
                    self.add(&again.line, occurred, position);
                }
            }
            Event::ClaimAccepted(of) => self.decide(of.claim, || Decision::Accepted),
            Event::ClaimQueried(of) => self.decide(of.claim, || Decision::Queried(of.clone())),
            Event::ClaimRejected(of) => {
                self.decide(of.claim, || Decision::Rejected(of.clone()));
                if let Some(line) = self.newest_mut(of.claim) {
                    line.rejected_on = Some(occurred.earliest());
                }
            }
            Event::ClaimWithdrawn(of) => self.decide(of.claim, || Decision::Withdrawn),
            Event::PaymentReceived(payment) => self.pay(recorded, payment),
            Event::AdjustmentRaised(raised) => {
                self.adjustments.push(BatchAdjustment { raised: entry(recorded, raised), settled: None });
            }
            _ => {}
        }
    }

    fn add(&mut self, frozen: &ClaimLine, submitted: Occurred, position: Position) {
        let attempt = self.line(frozen.claim).map_or(1, |before| before.attempt + 1);
        self.newest.insert(frozen.claim, self.lines.len());
        let (frozen, decision, paid) = (frozen.clone(), Decision::Submitted, Money::ZERO);
        self.lines.push(BatchLine { frozen, submitted, position, attempt, decision, rejected_on: None, paid });
    }

    fn decide(&mut self, claim: ClaimId, decision: impl FnOnce() -> Decision) {
        if let Some(line) = self.newest_mut(claim) {
            line.decision = decision();
        }
    }

    fn pay(&mut self, recorded: &Recorded, payment: &PaymentReceived) {
        for paid in &payment.amounts {
            if let Some(line) = self.newest_mut(paid.claim) {
                line.paid = line.paid + paid.amount;
            }
        }
        let settled: BTreeSet<_> = payment.adjustments.iter().collect();
        for adjustment in &mut self.adjustments {
            if settled.contains(&adjustment.raised.details.adjustment) {
                adjustment.settled = Some(recorded.occurred);
            }
        }
        self.payments.push(entry(recorded, payment));
    }

    /// The batch with only the selected lines, and the payments, settlements and adjustments for them. Payments that
    /// belong to no claim are left out.
    #[must_use]
    pub fn within(&self, keeps: impl Fn(&ClaimLine) -> bool) -> Self {
        let lines: Vec<BatchLine> = self.lines.iter().filter(|line| keeps(&line.frozen)).cloned().collect();
        let newest: BTreeMap<ClaimId, usize> =
            lines.iter().enumerate().map(|(at, line)| (line.frozen.claim, at)).collect();
        let is_kept = |claim: &ClaimId| newest.contains_key(claim);
        let of_theirs = |adjustment: &&BatchAdjustment| adjustment.raised.details.claim.as_ref().is_some_and(is_kept);
        let adjustments: Vec<BatchAdjustment> = self.adjustments.iter().filter(of_theirs).cloned().collect();
        let settles = |id: &AdjustmentId| adjustments.iter().any(|kept| kept.raised.details.adjustment == *id);
        let payment = |of: &Entry<PaymentReceived>| {
            let mut theirs = of.clone();
            theirs.details.amounts.retain(|paid| is_kept(&paid.claim));
            theirs.details.adjustments.retain(settles);
            theirs.details.excess = None;
            let is_theirs = !theirs.details.amounts.is_empty() || !theirs.details.adjustments.is_empty();
            is_theirs.then_some(theirs)
        };
        let payments = self.payments.iter().filter_map(payment).collect();
        let (opened, submitted) = (self.opened.clone(), self.submitted.clone());
        Self { version: self.version, opened, submitted, lines, payments, adjustments, newest }
    }

    /// The newest line of a claim.
    pub fn line(&self, claim: ClaimId) -> Option<&BatchLine> {
        self.newest.get(&claim).map(|at| &self.lines[*at])
    }

    fn newest_mut(&mut self, claim: ClaimId) -> Option<&mut BatchLine> {
        self.newest.get(&claim).map(|at| &mut self.lines[*at])
    }

    /// Whether a claim has a line in force in the batch.
    pub fn holds(&self, claim: ClaimId) -> bool {
        self.line(claim).is_some_and(BatchLine::is_live)
    }

    /// The state of the batch.
    pub fn state(&self) -> BatchState {
        let is_over = |line: &BatchLine| match line.decision {
            Decision::Submitted | Decision::Queried(_) => false,
            Decision::Accepted => line.outstanding() == Money::ZERO,
            Decision::Rejected(_) | Decision::Withdrawn | Decision::Replaced => true,
        };
        if self.submitted.is_none() {
            BatchState::Open
        } else if self.lines.iter().all(is_over) && self.adjustments.iter().all(|raised| raised.settled.is_some()) {
            BatchState::Settled
        } else {
            BatchState::Submitted
        }
    }

    /// The amount claimed: the lines as submitted, without lines that were replaced.
    pub fn claimed(&self) -> Money {
        self.newest.values().map(|at| self.lines[*at].frozen.amount).sum()
    }

    /// The amount due: the lines in force and the adjustments.
    pub fn due(&self) -> Money {
        let lines: Money = self.lines.iter().filter(|line| line.is_live()).map(|line| line.frozen.amount).sum();
        lines + self.adjusted()
    }

    /// The sum of the adjustments that the batch records.
    pub fn adjusted(&self) -> Money {
        self.adjustments.iter().map(|adjustment| adjustment.raised.details.amount).sum()
    }

    /// The excess: payments beyond everything due.
    pub fn excess(&self) -> Money {
        self.payments.iter().filter_map(|payment| payment.details.excess).sum()
    }

    /// The payments received: for claims, for adjustments, and in excess.
    pub fn received(&self) -> Money {
        let lines: Money = self.lines.iter().map(|line| line.paid).sum();
        let settled = self.adjustments.iter().filter(|adjustment| adjustment.settled.is_some());
        lines + settled.map(|adjustment| adjustment.raised.details.amount).sum() + self.excess()
    }

    /// The newest line of each claim, from which the claims in each state can be counted.
    pub fn claims(&self) -> impl Iterator<Item = &BatchLine> {
        self.lines
            .iter()
            .enumerate()
            .filter(|(at, line)| self.newest.get(&line.frozen.claim) == Some(at))
            .map(|(_, line)| line)
    }
}

fn entry<T: Clone>(recorded: &Recorded, details: &T) -> Entry<T> {
    Entry { event_id: recorded.event_id, occurred: recorded.occurred, details: details.clone() }
}

#[cfg(test)]
mod tests;
