//! Money that came for a batch: for each claim no more than was due, the rest apart.
//!
//! Pure. What came in excess is recorded as such and belongs to whoever paid it, until an adjustment settles it.

use std::collections::BTreeSet;

use super::{Asked, CLAIMS_MAX, LineAct, NAMED_MAX, Payment, claim_not_found, twice};
use crate::command::validate::Shape;
use crate::contract::batch::BatchLine;
use crate::fact::Entry;
use crate::fact::envelope::ClaimId;
use crate::fact::event::{AmountPaid, Event, EventType, PaymentReceived};
use crate::fact::money::Money;
use crate::fact::refusal::{DependentFact, Refusal, RefusalCode as Code};

pub(super) fn pay(asked: &Asked<'_, '_>, payment: &Payment) -> Result<Vec<Event>, Vec<Refusal>> {
    asked.was_submitted()?;
    let mut shape = asked.shape();
    if let Some(reference) = &payment.reference {
        shape.remittance(reference);
    }
    if payment.amounts.is_empty() && payment.adjustments.is_empty() && payment.excess.is_none() {
        shape.missing("amounts", "no money is named: say what came for which claim");
    }
    let lines = paid_lines(asked, &payment.amounts, &mut shape);
    settled(asked, payment, &mut shape);
    let mut excess = payment.excess.unwrap_or_default();
    if payment.excess.is_some() {
        asked.amount("excess", excess, &mut shape);
        if !excess.is_positive() {
            shape.invalid("excess", "what came in excess is more than nothing: leave it out");
        }
    }
    shape.done()?;
    let currency = asked.currency();
    let mut amounts = Vec::with_capacity(lines.len());
    for (line, amount) in lines {
        let due = amount.min(line.outstanding());
        excess = excess + (amount - due);
        if due.is_positive() {
            amounts.push(AmountPaid { claim: line.frozen.claim, amount: Money::of(due.amount(), currency) });
        }
    }
    let excess = Some(Money::of(excess.amount(), currency)).filter(|excess| excess.is_positive());
    let (reference, adjustments) = (payment.reference.clone(), payment.adjustments.clone());
    Ok(vec![PaymentReceived { reference, amounts, adjustments, excess }.into()])
}

/// What somebody should look at twice before a payment is recorded: that it is the same money again, and that more came
/// for a claim than is left to pay for it.
pub(super) fn warnings(asked: &Asked<'_, '_>, payment: &Payment) -> Vec<Refusal> {
    let beyond = payment.amounts.iter().enumerate().filter_map(|(at, paid)| {
        let left = Money::of(asked.batch.line(paid.claim)?.outstanding().amount(), asked.currency());
        (paid.amount > left).then(|| {
            let message = format!(
                "{} is more than is left to pay for the claim {}, which is {left}: check it, or accept this warning, and \
                 the rest is recorded as excess",
                paid.amount, paid.claim
            );
            Refusal::new(Code::PaymentBeyondDue, message).at(format!("amounts.{at}.amount")).as_warning()
        })
    });
    repeated(asked, payment).into_iter().chain(beyond.take(NAMED_MAX)).collect()
}

/// The warning that the same money was recorded before: of the same total, for the same claims or none, and under the
/// same reference or, without one, on the same day.
fn repeated(asked: &Asked<'_, '_>, payment: &Payment) -> Option<Refusal> {
    let of = |amounts: &[AmountPaid], excess: Option<Money>| -> (Money, BTreeSet<ClaimId>) {
        let total = amounts.iter().map(|paid| paid.amount).sum::<Money>() + excess.unwrap_or_default();
        (total, amounts.iter().map(|paid| paid.claim).collect())
    };
    let (total, claims) = of(&payment.amounts, payment.excess);
    let reference = |reference: &Option<String>| reference.as_deref().map(|text| text.trim().to_lowercase());
    let is_same = |before: &&Entry<PaymentReceived>| {
        let (before_total, before_claims) = of(&before.details.amounts, before.details.excess);
        let is_named_alike = match (reference(&payment.reference), reference(&before.details.reference)) {
            (Some(one), Some(other)) => one == other,
            (None, None) => before.occurred.earliest() == asked.command.occurred.earliest(),
            _ => false,
        };
        // What came in excess was kept apart from the claims that it was sent for.
        let is_for_these = before_claims.is_empty() || claims.is_empty() || !claims.is_disjoint(&before_claims);
        is_named_alike && before_total == total && total.is_positive() && is_for_these
    };
    let before = asked.batch.payments.iter().rev().find(is_same)?;
    let message = format!(
        "a payment of {} was recorded for this batch on {} already: leave this out if it is the same money, or accept this \
         warning",
        Money::of(total.amount(), asked.currency()),
        before.occurred.earliest()
    );
    let fact =
        DependentFact { event_id: before.event_id, event_type: EventType::PaymentReceived, occurred: before.occurred };
    Some(Refusal::new(Code::PaymentRepeated, message).at("amounts").naming([fact]).as_warning())
}

/// The accepted lines that are paid, each with what came for it.
fn paid_lines<'a>(asked: &Asked<'a, '_>, amounts: &[AmountPaid], shape: &mut Shape) -> Vec<(&'a BatchLine, Money)> {
    shape.at_most("amounts", amounts.len(), CLAIMS_MAX);
    let (mut named, mut lines) = (BTreeSet::new(), Vec::with_capacity(amounts.len()));
    for (at, paid) in amounts.iter().enumerate().take(CLAIMS_MAX) {
        let once = named.insert(paid.claim);
        let refusal = match asked.batch.line(paid.claim) {
            _ if !once => twice(paid.claim),
            None => claim_not_found(paid.claim),
            Some(line) => {
                let Err(refusal) = line.may(LineAct::Pay) else {
                    let path = format!("amounts.{at}.amount");
                    asked.amount(&path, paid.amount, shape);
                    if !paid.amount.is_positive() {
                        shape.invalid(&path, "a payment is more than nothing: what is taken back is an adjustment");
                    }
                    lines.push((line, paid.amount));
                    continue;
                };
                *refusal
            }
        };
        shape.refuse(refusal.at(format!("amounts.{at}.claim")));
    }
    lines
}

/// The adjustments that are settled are of this batch, and were not before.
fn settled(asked: &Asked<'_, '_>, payment: &Payment, shape: &mut Shape) {
    let left = || asked.batch.adjustments.iter().filter(|of| of.settled.is_none());
    let left: BTreeSet<_> = left().map(|of| of.raised.details.adjustment).collect();
    let mut named = BTreeSet::new();
    for (at, id) in payment.adjustments.iter().enumerate() {
        if !left.contains(id) || !named.insert(*id) {
            let message = format!("no adjustment {id} of this batch is left to settle: name one that is");
            let refusal = Refusal::new(Code::AdjustmentNotFound, message);
            shape.refuse(refusal.at(format!("adjustments.{at}")).allowing(&left));
        }
    }
}

/// A claim has to be accepted first.
pub(super) fn not_accepted(line: &BatchLine) -> Refusal {
    let message = format!("the claim {} is not accepted: accept it first", line.frozen.claim);
    Refusal::new(Code::ClaimNotAccepted, message)
}

impl Asked<'_, '_> {
    /// The currency of the batch: that of its lines, else of the contract.
    pub(super) fn currency(&self) -> &str {
        let of_lines = self.batch.submitted.as_ref().map(|submitted| submitted.currency.as_str());
        let of_contract = self.given.contract.newest_rulebook().map(|rulebook| rulebook.currency.as_str());
        of_lines.or(of_contract).unwrap_or_default()
    }

    /// An amount with no more digits than the currency has.
    pub(super) fn amount(&self, path: &str, amount: Money, shape: &mut Shape) {
        let currency = self.currency();
        if Money::of(amount.amount(), currency) != amount {
            shape.invalid(path, format!("{amount} is no amount of {currency}: write it to the minor unit"));
        }
    }
}
