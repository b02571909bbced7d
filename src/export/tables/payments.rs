//! The table of payments: the lines of all batches, the adjustments, and what was received.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Cell, Row, columns, word};
use throughline_domain::contract::batch::{Batch, BatchAdjustment, BatchLine, Decision};
use throughline_domain::fact::Entry;
use throughline_domain::fact::envelope::{AdjustmentId, BatchId, ClaimId};
use throughline_domain::fact::event::{AmountPaid, ClaimLine, PaymentReceived};
use throughline_domain::fact::money::Money;

pub(super) const MEANING: &str = "One row for each line of a batch, each adjustment, and each amount received, by \
    batch in the order of opening. The sum of `due_amount` of a batch is what is due with it, the sum of \
    `received_amount` is what was received for it.";

/// What a row of the table is.
#[derive(Clone, Copy)]
enum Item<'a> {
    /// A submitted claim.
    Line(&'a BatchLine),
    /// A decision to pay more or less.
    Adjustment(&'a BatchAdjustment),
    /// An amount received for a claim.
    Payment(&'a Entry<PaymentReceived>, AmountPaid),
    /// A payment that settled an adjustment.
    Settlement(&'a Entry<PaymentReceived>, &'a BatchAdjustment),
    /// An amount received beyond everything due.
    Excess(&'a Entry<PaymentReceived>, Money),
}

/// A row with its batch.
pub(in crate::export) struct PaymentRow<'a> {
    batch: BatchId,
    nth: usize,
    reference: Option<&'a String>,
    item: Item<'a>,
    /// The claim's line, in this batch or another.
    line: Option<&'a ClaimLine>,
    currency: &'a str,
}

columns! {
    PaymentRow<'_> {
        "batch": Uuid Always, "The id of the batch." => |row| row.batch.0.into();
        "nth": Integer Always, "The number of the row in its batch, from 1." => |row| row.nth.into();
        "batch_reference": Text Optional, "The parties' name for the batch." => |row| row.reference.into();
        "kind": Text Always,
            "What the row is: line (a submitted claim), adjustment, payment (an amount received for a claim), \
             settlement (an adjustment that a payment settled) or excess (an amount received beyond everything \
             due)." =>
            |row| match row.item {
                Item::Line(_) => "line",
                Item::Adjustment(_) => "adjustment",
                Item::Payment(..) => "payment",
                Item::Settlement(..) => "settlement",
                Item::Excess(..) => "excess",
            }.into();
        "occurred_on": Date Always,
            "The day on which the line was submitted, the adjustment raised, or the amount received." =>
            |row| match row.item {
                Item::Line(line) => line.submitted,
                Item::Adjustment(adjustment) => adjustment.raised.occurred,
                Item::Payment(payment, _) | Item::Settlement(payment, _) | Item::Excess(payment, _) => payment.occurred,
            }.earliest().into();
        "claim": Uuid Optional, "The claim." => |row| row.claim().map(|claim| claim.0).into();
        "journey": Uuid Optional, "The case of the claim. Empty if the claim covers several cases." =>
            |row| row.line.and_then(|line| line.about.journey()).map(|journey| journey.0).into();
        "outcome": Text Optional,
            "The outcome of the claim, by code." =>
            |row| row.line.map(|line| &line.outcome).into();
        "achieved_on": Date Optional, "The day on which the outcome was achieved, as submitted." =>
            |row| row.line.map(|line| line.achieved_on).into();
        "attempt": Integer Optional, "For a line: the number of this submission of the claim in the batch, from 1." =>
            |row| row.submitted().map(|line| line.attempt).into();
        "decision": Text Optional,
            "For a line: submitted, queried, accepted, rejected, withdrawn, or replaced by a later line." =>
            |row| row.submitted().map(|line| match line.decision {
                Decision::Submitted => "submitted",
                Decision::Queried(_) => "queried",
                Decision::Accepted => "accepted",
                Decision::Rejected(_) => "rejected",
                Decision::Withdrawn => "withdrawn",
                Decision::Replaced => "replaced",
            }).into();
        "defect": Text Optional,
            "For a rejected line: the defect, by code." =>
            |row| match row.submitted().map(|line| &line.decision) {
                Some(Decision::Rejected(rejected)) => (&rejected.defect).into(),
                _ => Cell::Null,
            };
        "adjustment": Uuid Optional,
            "The adjustment." =>
            |row| row.adjustment().map(|of| of.raised.details.adjustment.0).into();
        "adjustment_kind": Text Optional,
            "Its kind: clawback, conversion, overpayment, cap_release, extrapolation or restatement." =>
            |row| row.adjustment().map_or(Cell::Null, |of| word(of.raised.details.kind));
        "adjusted_batch": Uuid Optional, "The batch whose line or excess the adjustment is about." =>
            |row| row.adjustment().and_then(|of| of.raised.details.batch).map(|batch| batch.0).into();
        "settled_on": Date Optional,
            "For an adjustment: the day on which a payment settled it." =>
            |row| match row.item {
                Item::Adjustment(adjustment) => adjustment.settled.map(|on| on.earliest()).into(),
                _ => Cell::Null,
            };
        "payment_reference": Text Optional,
            "For an amount received: the number of the remittance." =>
            |row| match row.item {
                Item::Payment(payment, _) | Item::Settlement(payment, _) | Item::Excess(payment, _) => {
                    payment.details.reference.as_ref().into()
                }
                Item::Line(_) | Item::Adjustment(_) => Cell::Null,
            };
        "claimed_amount": Money Optional, "For a line: the amount as submitted." =>
            |row| row.submitted().map(|line| line.frozen.amount).into();
        "due_amount": Money Optional,
            "For a line: the claimed amount, 0 once the line was rejected, withdrawn or replaced. For an \
             adjustment: its amount." =>
            |row| match row.item {
                Item::Line(line) => Some(if line.is_live() { line.frozen.amount } else { Money::ZERO }),
                Item::Adjustment(adjustment) => Some(adjustment.raised.details.amount),
                Item::Payment(..) | Item::Settlement(..) | Item::Excess(..) => None,
            }.into();
        "received_amount": Money Optional,
            "The amount received. For a settlement: the adjustment's amount, below 0 if it was taken off." =>
            |row| match row.item {
                Item::Payment(_, paid) => Some(paid.amount),
                Item::Settlement(_, adjustment) => Some(adjustment.raised.details.amount),
                Item::Excess(_, amount) => Some(amount),
                Item::Line(_) | Item::Adjustment(_) => None,
            }.into();
        "currency": Text Always, "ISO 4217 code of the amounts." => |row| row.currency.into();
    }
}

impl<'a> PaymentRow<'a> {
    fn submitted(&self) -> Option<&'a BatchLine> {
        if let Item::Line(line) = self.item { Some(line) } else { None }
    }

    fn adjustment(&self) -> Option<&'a BatchAdjustment> {
        match self.item {
            Item::Adjustment(adjustment) | Item::Settlement(_, adjustment) => Some(adjustment),
            Item::Line(_) | Item::Payment(..) | Item::Excess(..) => None,
        }
    }

    fn claim(&self) -> Option<ClaimId> {
        self.item.claim()
    }
}

impl Item<'_> {
    fn claim(self) -> Option<ClaimId> {
        match self {
            Self::Line(line) => Some(line.frozen.claim),
            Self::Adjustment(adjustment) | Self::Settlement(_, adjustment) => adjustment.raised.details.claim,
            Self::Payment(_, paid) => Some(paid.claim),
            Self::Excess(..) => None,
        }
    }
}

/// The rows of a batch: lines, adjustments, then what was received, each in the order of recording.
fn items(batch: &Batch) -> Vec<Item<'_>> {
    let adjustments: BTreeMap<AdjustmentId, &BatchAdjustment> =
        batch.adjustments.iter().map(|of| (of.raised.details.adjustment, of)).collect();
    let lines = batch.lines.iter().map(Item::Line).chain(batch.adjustments.iter().map(Item::Adjustment));
    let received = batch.payments.iter().flat_map(|payment| {
        let fact = &payment.details;
        let paid = fact.amounts.iter().filter(|paid| batch.line(paid.claim).is_some());
        let paid = paid.map(|paid| Item::Payment(payment, *paid));
        let settled = fact.adjustments.iter().filter_map(|id| adjustments.get(id));
        let settled = settled.map(|adjustment| Item::Settlement(payment, adjustment));
        let excess = fact.excess.map(|amount| Item::Excess(payment, amount));
        paid.chain(settled).chain(excess).collect::<Vec<_>>()
    });
    lines.chain(received).collect()
}

/// The rows of one of these batches. Amounts of a batch that is not submitted yet are in the contract's currency.
pub(in crate::export) fn rows(batches: &[(BatchId, Arc<Batch>)], nth: usize, currency: &str) -> Vec<Row> {
    let of = |claim: ClaimId| {
        let own = batches[nth].1.line(claim);
        own.or_else(|| batches.iter().rev().find_map(|(_, batch)| batch.line(claim))).map(|line| &line.frozen)
    };
    let (id, batch) = &batches[nth];
    let currency = batch.submitted.as_ref().map_or(currency, |submitted| &submitted.currency);
    let reference = batch.opened.as_ref().and_then(|opened| opened.details.reference.as_ref());
    let cells = |(at, item): (usize, Item<'_>)| {
        let line = item.claim().and_then(of);
        let row = PaymentRow { batch: *id, nth: at + 1, reference, item, line, currency };
        COLUMNS.iter().map(|column| (column.cell)(&row)).collect()
    };
    items(batch).into_iter().enumerate().map(cells).collect()
}
