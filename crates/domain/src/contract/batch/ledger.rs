//! The ledger of a contract: the lines of all its batches with all adjustments, as input for settling.
//!
//! Pure. It adds up decisions and makes none.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};

use super::{Batch, BatchLine, Decision};
use crate::contract::outcome::settle::{Line, LineState, Terms};
use crate::fact::envelope::{BatchId, ClaimId, JourneyId, SubjectId};
use crate::fact::event::{AdjustmentKind, AdjustmentRaised, ClaimAbout};
use crate::fact::money::Money;
use chrono::NaiveDate;

/// The lines of all batches of a contract.
#[derive(Debug, Default)]
pub struct Ledger<'b> {
    lines: Vec<LedgerLine<'b>>,
    /// The indexes of the lines of each claim.
    of_claim: HashMap<ClaimId, Vec<usize>>,
    /// The excess of each batch, less the settled part.
    excess: BTreeMap<BatchId, Money>,
    /// The amounts taken back from lines in batches that are still open: the line, the batch that takes it back, the
    /// amount.
    in_open_batches: HashMap<(BatchId, ClaimId), Vec<(BatchId, Money)>>,
}

/// One line of a batch, with all adjustments of it.
#[derive(Debug, Clone, Copy)]
pub struct LedgerLine<'b> {
    /// The batch of the line.
    pub batch: BatchId,
    /// The line.
    pub line: &'b BatchLine,
    /// The sum of the adjustments.
    pub adjusted: Money,
    /// The part that was taken back because the claim was no longer valid, and not given back since. A positive amount.
    pub taken_back: Money,
    /// The part that is a deliberate reduction: decided by hand, or extrapolated from a sample. A negative amount. It
    /// is never proposed back.
    pub reduced: Money,
}

/// The adjustments of one line, added up in the order in which they were recorded.
#[derive(Debug, Clone, Copy, Default)]
struct Adjusted {
    sum: Money,
    taken_back: Money,
    reduced: Money,
}

impl Adjusted {
    fn add(&mut self, AdjustmentRaised { amount, kind, by_hand, .. }: &AdjustmentRaised) {
        let amount = *amount;
        self.sum = self.sum + amount;
        // A higher amount by hand first gives back earlier reductions by hand.
        self.reduced = (self.reduced + by_hand.unwrap_or_default()).min(Money::ZERO);
        match kind {
            AdjustmentKind::Clawback => self.taken_back = self.taken_back - amount,
            AdjustmentKind::Extrapolation => self.reduced = self.reduced + amount,
            _ if amount.is_positive() => self.taken_back = (self.taken_back - amount).max(Money::ZERO),
            _ => {}
        }
    }
}

/// The part of an adjustment beyond the proposal, in the same direction: that part was decided by hand.
pub fn by_hand(amount: Money, proposed: Money) -> Money {
    if amount.is_positive() {
        (amount - proposed.max(Money::ZERO)).max(Money::ZERO)
    } else {
        (amount - proposed.min(Money::ZERO)).min(Money::ZERO)
    }
}

impl<'b> Ledger<'b> {
    /// Builds the ledger from these batches.
    pub fn of(batches: &'b [(BatchId, impl Borrow<Batch>)]) -> Self {
        let batches = || batches.iter().map(|(id, batch)| (id, batch.borrow()));
        let mut adjusted: BTreeMap<(BatchId, ClaimId), Adjusted> = BTreeMap::new();
        let mut excess: BTreeMap<BatchId, Money> = BTreeMap::new();
        for (id, batch) in batches() {
            let held = excess.entry(*id).or_default();
            *held = *held + batch.excess();
        }
        let mut in_open_batches: HashMap<_, Vec<_>> = HashMap::new();
        let raised = batches().flat_map(|(id, batch)| batch.adjustments.iter().map(move |of| (id, batch, of)));
        for (taken_by, batch, adjustment) in raised {
            let fact = &adjustment.raised.details;
            match (fact.batch, fact.claim) {
                (Some(of), Some(claim)) => {
                    if batch.submitted.is_none() && fact.amount < Money::ZERO {
                        in_open_batches.entry((of, claim)).or_default().push((*taken_by, -fact.amount));
                    }
                    adjusted.entry((of, claim)).or_default().add(fact);
                }
                (Some(of), None) if fact.kind == AdjustmentKind::Overpayment => {
                    let held = excess.entry(of).or_default();
                    *held = *held + fact.amount;
                }
                _ => {}
            }
        }
        let mut lines = Vec::new();
        for (id, batch) in batches() {
            for line in &batch.lines {
                // An adjustment applies to the claim's line in force.
                let of_newest = batch.line(line.frozen.claim).filter(|newest| std::ptr::eq(*newest, line));
                let Adjusted { sum, taken_back, reduced } =
                    of_newest.and_then(|_| adjusted.get(&(*id, line.frozen.claim)).copied()).unwrap_or_default();
                lines.push(LedgerLine { batch: *id, line, adjusted: sum, taken_back, reduced });
            }
        }
        // Lines of one event keep the order of submission.
        lines.sort_by_key(|line| line.line.position);
        let mut of_claim: HashMap<ClaimId, Vec<usize>> = HashMap::new();
        for (at, line) in lines.iter().enumerate() {
            of_claim.entry(line.line.frozen.claim).or_default().push(at);
        }
        Self { lines, of_claim, excess, in_open_batches }
    }

    /// All lines, in batch order.
    pub fn lines(&self) -> &[LedgerLine<'b>] {
        &self.lines
    }

    /// The excess of a batch that is not settled.
    pub fn excess(&self, batch: BatchId) -> Money {
        self.excess.get(&batch).copied().unwrap_or_default()
    }

    /// The line of a claim that is in force, or else its last one.
    pub fn line(&self, claim: ClaimId) -> Option<&LedgerLine<'b>> {
        self.lines_of(claim).find(|line| line.line.is_live()).or_else(|| self.lines_of(claim).next_back())
    }

    /// All lines of a claim, in batch order.
    pub fn lines_of(&self, claim: ClaimId) -> impl DoubleEndedIterator<Item = &LedgerLine<'b>> {
        self.of_claim.get(&claim).into_iter().flatten().map(|at| &self.lines[*at])
    }

    /// The line of a claim in a batch, with all adjustments of it.
    pub fn line_in(&self, batch: BatchId, claim: ClaimId) -> Option<&LedgerLine<'b>> {
        self.lines_of(claim).rfind(|line| line.batch == batch)
    }

    /// The day on which each claim in force was submitted.
    pub fn submitted(&self) -> BTreeMap<ClaimId, NaiveDate> {
        let standing = self.lines.iter().filter(|line| line.line.is_live());
        standing.map(|line| (line.line.frozen.claim, line.line.submitted.earliest())).collect()
    }

    /// The lines of a contract as input for settling. `person` returns the person behind a case. A line whose rulebook
    /// is not among the terms is left out, because the terms do not cover it. Amounts that open batches other than
    /// `into` take back do not free room for `into`.
    pub fn for_settling(
        &self,
        contract: &str,
        terms: &Terms<'_>,
        person: impl Fn(JourneyId) -> Option<SubjectId>,
        into: Option<BatchId>,
    ) -> Vec<Line> {
        let pending = |of: &LedgerLine<'_>| -> Money {
            let taken = self.in_open_batches.get(&(of.batch, of.line.frozen.claim)).into_iter().flatten();
            taken.filter(|(batch, _)| into.is_some_and(|into| into != *batch)).map(|(_, amount)| *amount).sum()
        };
        let lines = self.lines.iter().filter_map(|of| {
            let frozen = &of.line.frozen;
            let (holder, person) = match &frozen.about {
                ClaimAbout::Journey(journey) => (journey.0, person(*journey)),
                ClaimAbout::Many(many) => (many.holder(contract).0, None),
            };
            Some(Line {
                claim: frozen.claim,
                holder,
                person,
                outcome: terms.find(&frozen.rulebook, &frozen.outcome)?,
                achieved_on: frozen.achieved_on,
                amount: frozen.amount,
                adjusted: of.adjusted,
                taken_back: of.taken_back,
                reduced: of.reduced,
                pending: pending(of),
                paid: of.line.paid,
                state: of.state(),
                rejected_on: of.line.rejected_on,
            })
        });
        lines.collect()
    }
}

impl LedgerLine<'_> {
    /// The state of the line.
    pub fn state(&self) -> LineState {
        let is_gone = self.taken_back.is_positive() && self.line.frozen.amount + self.adjusted <= Money::ZERO;
        match self.line.decision {
            Decision::Submitted => LineState::Submitted,
            Decision::Queried(_) => LineState::Queried,
            Decision::Accepted if is_gone => LineState::Reversed,
            Decision::Accepted if self.line.is_paid() => LineState::Paid,
            Decision::Accepted => LineState::Accepted,
            Decision::Rejected(_) => LineState::Rejected,
            Decision::Withdrawn | Decision::Replaced => LineState::Withdrawn,
        }
    }

    /// The amount due with all adjustments. For a rejected line: the paid amount that is not settled.
    pub fn due(&self) -> Money {
        let stands = if self.line.is_live() { self.line.frozen.amount } else { self.line.paid };
        stands + self.adjusted
    }
}
