//! The ledger of a contract: the lines of all its batches, with every adjustment raised since, as settling takes them.
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
    /// The places of the lines of each claim.
    of_claim: HashMap<ClaimId, Vec<usize>>,
    /// What came in excess with each batch, less what was settled of it.
    excess: BTreeMap<BatchId, Money>,
    /// What was taken back from lines in batches that are still open: the line, the batch that takes it, the amount.
    in_open_batches: HashMap<(BatchId, ClaimId), Vec<(BatchId, Money)>>,
}

/// One line of a batch, with every adjustment raised for it since.
#[derive(Debug, Clone, Copy)]
pub struct LedgerLine<'b> {
    /// The batch in which it stands.
    pub batch: BatchId,
    /// The line.
    pub line: &'b BatchLine,
    /// The adjustments, added up.
    pub adjusted: Money,
    /// What of them was taken back as having no ground and was not given again since, as an amount above nothing.
    pub taken_back: Money,
    /// What of them is a deliberate reduction, as an amount below nothing: decided by hand or extrapolated from a sample.
    /// It is not proposed back.
    pub reduced: Money,
}

/// The adjustments of one line, added up in the order in which they were raised.
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
        // More by hand first gives back what was reduced by hand.
        self.reduced = (self.reduced + by_hand.unwrap_or_default()).min(Money::ZERO);
        match kind {
            AdjustmentKind::Clawback => self.taken_back = self.taken_back - amount,
            AdjustmentKind::Extrapolation => self.reduced = self.reduced + amount,
            _ if amount.is_positive() => self.taken_back = (self.taken_back - amount).max(Money::ZERO),
            _ => {}
        }
    }
}

/// What of an adjustment goes beyond what was proposed, the way that it goes: that much was decided by hand.
pub fn by_hand(amount: Money, proposed: Money) -> Money {
    if amount.is_positive() {
        (amount - proposed.max(Money::ZERO)).max(Money::ZERO)
    } else {
        (amount - proposed.min(Money::ZERO)).min(Money::ZERO)
    }
}

impl<'b> Ledger<'b> {
    /// The ledger that these batches make.
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
                // An adjustment is of the line that stands for the claim.
                let of_newest = batch.line(line.frozen.claim).filter(|newest| std::ptr::eq(*newest, line));
                let Adjusted { sum, taken_back, reduced } =
                    of_newest.and_then(|_| adjusted.get(&(*id, line.frozen.claim)).copied()).unwrap_or_default();
                lines.push(LedgerLine { batch: *id, line, adjusted: sum, taken_back, reduced });
            }
        }
        // Within one event lines stand as they were submitted.
        lines.sort_by_key(|line| line.line.position);
        let mut of_claim: HashMap<ClaimId, Vec<usize>> = HashMap::new();
        for (at, line) in lines.iter().enumerate() {
            of_claim.entry(line.line.frozen.claim).or_default().push(at);
        }
        Self { lines, of_claim, excess, in_open_batches }
    }

    /// Every line, in batch order.
    pub fn lines(&self) -> &[LedgerLine<'b>] {
        &self.lines
    }

    /// What came in excess with a batch and is not settled.
    pub fn excess(&self, batch: BatchId) -> Money {
        self.excess.get(&batch).copied().unwrap_or_default()
    }

    /// The line of a claim that stands, else its last one.
    pub fn line(&self, claim: ClaimId) -> Option<&LedgerLine<'b>> {
        self.lines_of(claim).find(|line| line.line.is_live()).or_else(|| self.lines_of(claim).next_back())
    }

    /// Every line of a claim, in batch order.
    pub fn lines_of(&self, claim: ClaimId) -> impl DoubleEndedIterator<Item = &LedgerLine<'b>> {
        self.of_claim.get(&claim).into_iter().flatten().map(|at| &self.lines[*at])
    }

    /// The line of a claim in a batch, with every adjustment of it.
    pub fn line_in(&self, batch: BatchId, claim: ClaimId) -> Option<&LedgerLine<'b>> {
        self.lines_of(claim).rfind(|line| line.batch == batch)
    }

    /// The day on which each claim that stands was submitted.
    pub fn submitted(&self) -> BTreeMap<ClaimId, NaiveDate> {
        let standing = self.lines.iter().filter(|line| line.line.is_live());
        standing.map(|line| (line.line.frozen.claim, line.line.submitted.earliest())).collect()
    }

    /// The lines of a contract as settling takes them; `person` gives the one person behind a journey. A line of a
    /// rulebook that is not among the terms is left out: they can say nothing of it. What other open batches than `into`
    /// take back frees nothing for it: the two go together or not at all.
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
    /// What became of it.
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

    /// What is due for it with every adjustment: of what was rejected, what was paid and not settled.
    pub fn due(&self) -> Money {
        let stands = if self.line.is_live() { self.line.frozen.amount } else { self.line.paid };
        stands + self.adjusted
    }
}
