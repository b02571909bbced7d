//! Adjustments: decisions to pay more or less than a closed line says.
//!
//! Pure. The line does not change. The adjustment is recorded in an open batch and is due with it.

use super::submit::{moved_on, reaches, stands_still};
use super::{Adjusting, BatchDecision, LineAct, batch_not_found, claim_not_found};
use crate::command::validate::Validator;
use crate::contract::batch::Batch;
use crate::fact::envelope::StreamId;
use crate::fact::event::{AdjustmentKind as Kind, AdjustmentRaised, Event};
use crate::fact::money::Money;
use crate::fact::refusal::{Refusal, RefusalCode as Code};

pub(super) fn adjust(asked: &BatchDecision<'_, '_>, adjusting: &Adjusting) -> Result<Vec<Event>, Vec<Refusal>> {
    let Adjusting { from, fact, due } = adjusting;
    asked.is_open()?;
    let mut validator = asked.validator();
    validator.reason(&fact.reason);
    asked.amount("amount", fact.amount, &mut validator);
    values(fact, &mut validator);
    if asked.batch.adjustments.iter().any(|known| known.raised.details.adjustment == fact.adjustment) {
        let message = "an adjustment with this id already exists: use a new id";
        validator.refuse(Refusal::new(Code::AdjustmentExists, message).at("adjustment"));
    }
    validator.done()?;
    reaches(asked, from)?;
    about(asked, adjusting)?;
    stands_still(asked, from)?;
    if let Some(due) = due.filter(|due| *due + fact.amount < Money::ZERO) {
        let (taken, due) = (-fact.amount, Money::of(due.amount(), asked.currency()));
        let (message, allowed) = if due.is_positive() {
            (format!("{taken} is more than can be taken back: use at most {due}"), Some(-due))
        } else {
            (format!("{taken} cannot be taken back: nothing is left to take back, leave the adjustment out"), None)
        };
        return Err(Refusal::new(Code::AdjustmentTooLarge, message).at("amount").allowing(allowed).alone());
    }
    let amount = Money::of(fact.amount.amount(), asked.currency());
    Ok(vec![AdjustmentRaised { amount, ..fact.clone() }.into()])
}

/// Checks what each kind of adjustment names, and whether its amount is positive or negative.
fn values(fact: &AdjustmentRaised, validator: &mut Validator) {
    let (less, more) = (fact.amount < Money::ZERO, fact.amount.is_positive());
    let (fits, must_be) = match fact.kind {
        Kind::Clawback | Kind::Overpayment => (less, "an amount below 0, which takes money back"),
        Kind::CapRelease => (more, "an amount above 0, which pays more"),
        Kind::Conversion | Kind::Extrapolation | Kind::Restatement => (less || more, "an amount above or below 0"),
    };
    if !fits {
        validator.invalid("amount", format!("{} is not valid for this kind of adjustment: use {must_be}", fact.amount));
    }
    let is_of_claim = matches!(fact.kind, Kind::Clawback | Kind::Conversion | Kind::CapRelease | Kind::Restatement);
    if is_of_claim && fact.claim.is_none() {
        validator.missing("claim", "no claim is named: name the claim to adjust");
    }
    if !is_of_claim && fact.claim.is_some() {
        validator.invalid("claim", "this kind of adjustment is not about one claim: leave the claim out");
    }
    if fact.kind != Kind::Extrapolation && fact.batch.is_none() {
        validator.missing("of_batch", "no batch is named: name the batch whose line or excess the adjustment settles");
    }
}

/// Checks the line that an adjustment is about: it was accepted or paid, and its case has not changed since.
fn about(asked: &BatchDecision<'_, '_>, adjusting: &Adjusting) -> Result<(), Vec<Refusal>> {
    let Adjusting { from, fact, .. } = adjusting;
    let Some(of) = fact.batch else { return Ok(()) };
    let history = (asked.given.history)(StreamId::batch(of));
    let history = history.filter(|history| history.contract() == asked.given.contract.code());
    let history = history.ok_or_else(|| batch_not_found().at("of_batch").alone())?;
    let Some(claim) = fact.claim else { return Ok(()) };
    let of = Batch::of(history);
    let line = of.line(claim).ok_or_else(|| claim_not_found(claim).at("claim").alone())?;
    let refusal = match line.may(LineAct::Adjust) {
        Err(refusal) => Some(*refusal),
        Ok(()) => moved_on(asked, from, &line.frozen),
    };
    refusal.map_or(Ok(()), |refusal| Err(refusal.at("claim").alone()))
}
