//! Payments for a batch: at most the amount due for each claim, and the rest as excess.
//!
//! Pure. An excess is recorded apart. It belongs to the payer until an adjustment settles it.

use std::collections::BTreeSet;

use super::{BatchDecision, CLAIMS_MAX, LineAct, NAMED_MAX, Payment, claim_not_found, twice};
use crate::command::validate::Validator;
use crate::contract::batch::BatchLine;
use crate::fact::Entry;
use crate::fact::envelope::ClaimId;
use crate::fact::event::{AmountPaid, Event, EventType, PaymentReceived};
use crate::fact::money::Money;
use crate::fact::refusal::{DependentFact, Refusal, RefusalCode as Code};

pub(super) fn pay(asked: &BatchDecision<'_, '_>, payment: &Payment) -> Result<Vec<Event>, Vec<Refusal>> {
    asked.was_submitted()?;
    let mut validator = asked.validator();
    if let Some(reference) = &payment.reference {
        validator.remittance(reference);
    }
    if payment.amounts.is_empty() && payment.adjustments.is_empty() && payment.excess.is_none() {
        validator.missing("amounts", "the payment has no amounts: give the amount for each claim");
    }
    let lines = paid_lines(asked, &payment.amounts, &mut validator);
    settled(asked, payment, &mut validator);
    let mut excess = payment.excess.unwrap_or_default();
    if payment.excess.is_some() {
        asked.amount("excess", excess, &mut validator);
        if !excess.is_positive() {
            validator.invalid("excess", "the excess must be above 0: leave it out if there is none");
        }
    }
    validator.done()?;
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

/// The warnings before a payment is recorded: the same payment may have been recorded before, and more came for a claim
/// than is left to pay.
pub(super) fn warnings(asked: &BatchDecision<'_, '_>, payment: &Payment) -> Vec<Refusal> {
    let beyond = payment.amounts.iter().enumerate().filter_map(|(at, paid)| {
        let left = Money::of(asked.batch.line(paid.claim)?.outstanding().amount(), asked.currency());
        (paid.amount > left).then(|| {
            let message = format!(
                "{} is more than the {left} that is left to pay for the claim {}: check the amount, or accept this \
                 warning and the rest is recorded as excess",
                paid.amount, paid.claim
            );
            Refusal::new(Code::PaymentBeyondDue, message).at(format!("amounts.{at}.amount")).as_warning()
        })
    });
    repeated(asked, payment).into_iter().chain(beyond.take(NAMED_MAX)).collect()
}

/// The warning that the same payment was recorded before: the same total, for the same claims or none, and under the
/// same reference, or on the same day if there is no reference.
fn repeated(asked: &BatchDecision<'_, '_>, payment: &Payment) -> Option<Refusal> {
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
            (None, None) => before.occurred.earliest() == asked.occurred.earliest(),
            _ => false,
        };
        // An excess was recorded apart from the claims that it was paid for.
        let is_for_these = before_claims.is_empty() || claims.is_empty() || !claims.is_disjoint(&before_claims);
        is_named_alike && before_total == total && total.is_positive() && is_for_these
    };
    let before = asked.batch.payments.iter().rev().find(is_same)?;
    let message = format!(
        "a payment of {} was already recorded for this batch on {}: leave it out if it is the same payment, or accept \
         this warning",
        Money::of(total.amount(), asked.currency()),
        before.occurred.earliest()
    );
    let fact =
        DependentFact { event_id: before.event_id, event_type: EventType::PaymentReceived, occurred: before.occurred };
    Some(Refusal::new(Code::PaymentRepeated, message).at("amounts").naming([fact]).as_warning())
}

/// The accepted lines that are paid, each with its amount.
fn paid_lines<'a>(
    asked: &BatchDecision<'a, '_>,
    amounts: &[AmountPaid],
    validator: &mut Validator,
) -> Vec<(&'a BatchLine, Money)> {
    validator.at_most("amounts", amounts.len(), CLAIMS_MAX);
    let (mut named, mut lines) = (BTreeSet::new(), Vec::with_capacity(amounts.len()));
    for (at, paid) in amounts.iter().enumerate().take(CLAIMS_MAX) {
        let once = named.insert(paid.claim);
        let refusal = match asked.batch.line(paid.claim) {
            _ if !once => twice(paid.claim),
            None => claim_not_found(paid.claim),
            Some(line) => {
                let Err(refusal) = line.may(LineAct::Pay) else {
                    let path = format!("amounts.{at}.amount");
                    asked.amount(&path, paid.amount, validator);
                    if !paid.amount.is_positive() {
                        validator.invalid(&path, "a payment must be above 0: record an adjustment to take money back");
                    }
                    lines.push((line, paid.amount));
                    continue;
                };
                *refusal
            }
        };
        validator.refuse(refusal.at(format!("amounts.{at}.claim")));
    }
    lines
}

/// Checks that the settled adjustments belong to this batch and were not settled before.
fn settled(asked: &BatchDecision<'_, '_>, payment: &Payment, validator: &mut Validator) {
    let left = || asked.batch.adjustments.iter().filter(|of| of.settled.is_none());
    let left: BTreeSet<_> = left().map(|of| of.raised.details.adjustment).collect();
    let mut named = BTreeSet::new();
    for (at, id) in payment.adjustments.iter().enumerate() {
        if !left.contains(id) || !named.insert(*id) {
            let message = format!("this batch has no unsettled adjustment {id}: name one that is not settled yet");
            let refusal = Refusal::new(Code::AdjustmentNotFound, message);
            validator.refuse(refusal.at(format!("adjustments.{at}")).allowing(&left));
        }
    }
}

/// The refusal where a claim must be accepted first.
pub(super) fn not_accepted(line: &BatchLine) -> Refusal {
    let message = format!("the claim {} is not accepted: accept it first", line.frozen.claim);
    Refusal::new(Code::ClaimNotAccepted, message)
}

impl BatchDecision<'_, '_> {
    /// The currency of the batch: that of its lines, or else of the contract.
    pub(super) fn currency(&self) -> &str {
        let of_lines = self.batch.submitted.as_ref().map(|submitted| submitted.currency.as_str());
        let of_contract = self.given.contract.newest_rulebook().map(|rulebook| rulebook.currency.as_str());
        of_lines.or(of_contract).unwrap_or_default()
    }

    /// Checks that an amount has no more decimal places than its currency.
    pub(super) fn amount(&self, path: &str, amount: Money, validator: &mut Validator) {
        let currency = self.currency();
        if Money::of(amount.amount(), currency) != amount {
            validator.invalid(path, format!("{amount} has too many decimal places for {currency}: round it"));
        }
    }
}
