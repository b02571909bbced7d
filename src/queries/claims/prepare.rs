//! Prepares claims for a batch: the lines to freeze, and the state that they depend on.
//!
//! It only reads the facts. The batch's stream decides whether the batch may take the claims.

use chrono::Months;

use super::answer::{CapOf, CapUse, Claim, Claims};
use throughline_domain::command::batches::{Basis, Prepared};
use throughline_domain::contract::batch::ledger::{self, Ledger, LedgerLine};
use throughline_domain::contract::outcome::versions::{derivation, digest};
use throughline_domain::contract::outcome::{State, Status};
use throughline_domain::fact::envelope::{BatchId, ClaimId, Position, StreamId};
use throughline_domain::fact::event::ClaimLine;
use throughline_domain::fact::money::Money;
use throughline_domain::fact::refusal::{Refusal, RefusalCode as Code};

/// The most claims named when many are refused for the same reason.
const NAMED: usize = 20;

impl Claims {
    /// Every claimable claim, in the order of achievement.
    pub fn claimable(&self) -> Vec<&Claim> {
        let mut claimable: Vec<&Claim> = self.claims.iter().filter(|claim| claim.status == Status::Claimable).collect();
        claimable.sort_by_key(|claim| (claim.achieved_on(), claim.claim));
        claimable
    }

    /// The lines to freeze for these claims, or for every claimable claim if none is named. `seen` is the position at
    /// which the caller read them. They must not have changed since.
    pub fn prepared(&self, wanted: Option<&[ClaimId]>, seen: Option<Position>) -> Prepared {
        let (mut lines, mut refused, mut subjects) = (Vec::new(), Vec::new(), Vec::new());
        let wanted: Vec<(ClaimId, Option<&Claim>)> = match wanted {
            Some(wanted) => wanted.iter().map(|claim| (*claim, self.get(*claim))).collect(),
            None => self.claimable().into_iter().map(|claim| (claim.claim, Some(claim))).collect(),
        };
        for (at, (id, claim)) in wanted.into_iter().enumerate() {
            match claim.ok_or_else(|| Box::new(unknown(id))).and_then(Claim::frozen) {
                Ok(line) => lines.push(line),
                Err(refusal) if refused.len() < NAMED => refused.push(refusal.at(format!("claims.{at}"))),
                Err(_) => {}
            }
            subjects.extend(claim.and_then(|claim| claim.subject));
        }
        let streams = subjects.into_iter().map(StreamId::subject).collect();
        let currency = self.currency().to_owned();
        let lines = if refused.is_empty() { Ok(lines) } else { Err(refused) };
        let named = lines.iter().flatten().filter_map(|line| self.get(line.claim));
        let verified_by = named.filter_map(|claim| Some((claim.claim, self.verified_by(claim)?))).collect();
        Prepared { from: Basis { streams, ..self.basis(seen) }, currency, lines, verified_by }
    }

    /// The position that everything prepared here depends on.
    pub fn basis(&self, seen: Option<Position>) -> Basis {
        let hashes = self.contract.rulebooks().iter().map(|published| published.rulebook.hash().to_owned());
        let position = seen.map_or(self.position, |seen| seen.min(self.position));
        Basis { position, rulebooks: hashes.collect(), ..Basis::default() }
    }

    /// The most that can be taken back: for a claim of a batch, the amount due including all adjustments so far;
    /// otherwise the excess that was paid with the batch.
    pub fn due(&self, batch: BatchId, claim: Option<ClaimId>) -> Option<Money> {
        let ledger = Ledger::of(&self.batches);
        match claim {
            Some(claim) => ledger.line_in(batch, claim).map(LedgerLine::due),
            None => Some(ledger.excess(batch)),
        }
    }
}

impl Claims {
    /// The part of an adjustment of a claim that no proposal covers, if any.
    pub fn by_hand(&self, claim: ClaimId, amount: Money) -> Option<Money> {
        let by_hand = ledger::by_hand(amount, self.proposed_for(claim));
        (by_hand != Money::ZERO).then(|| Money::of(by_hand.amount(), self.currency()))
    }

    fn proposed_for(&self, claim: ClaimId) -> Money {
        self.proposed.iter().filter(|of| of.claim == claim).map(|of| of.amount).sum()
    }

    /// The warnings before an additional amount becomes due for a claim: that more would be due than the claim is
    /// worth, or that a cap leaves less. A proposed amount is allowed without a warning.
    pub fn beyond(&self, claim: ClaimId, amount: Money) -> Vec<Refusal> {
        let Some(of) = self.get(claim).filter(|_| amount.is_positive()) else { return Vec::new() };
        let more = ledger::by_hand(amount, self.proposed_for(claim));
        if !more.is_positive() {
            return Vec::new();
        }
        let shown = |amount: Money| Money::of(amount.amount(), self.currency());
        let price = match &of.state {
            State::Reached(achievement) => achievement.price.amount().unwrap_or_default(),
            State::Maturing { .. } | State::NotStarted { .. } => Money::ZERO,
        };
        let ledger = Ledger::of(&self.batches);
        let due = ledger.lines_of(claim).map(LedgerLine::due).sum::<Money>() + amount;
        let beyond_price = (due > price).then(|| {
            let message = format!(
                "{} would be due for the claim {claim}, which is worth {}: check the amount, or accept this warning",
                shown(due),
                shown(price)
            );
            Refusal::new(Code::BeyondPrice, message).by(format!("rulebook {}: outcome.tariff", of.rulebook.version))
        });
        let beyond_caps = self.caps.iter().filter(|cap| cap.counts(of) && more > cap.headroom).map(|cap| {
            let message = format!(
                "a cap of {} leaves {}: check the amount, or accept this warning",
                shown(cap.limit),
                shown(cap.headroom)
            );
            Refusal::new(Code::BeyondCap, message).by(format!("rulebook {}: cap", of.rulebook.version))
        });
        beyond_price.into_iter().chain(beyond_caps).map(|warning| warning.at("amount").as_warning()).collect()
    }
}

impl CapUse {
    /// Whether the payment for a claim counts towards the cap.
    fn counts(&self, claim: &Claim) -> bool {
        let is_of_outcome = self.cap.outcomes.is_empty() || self.cap.outcomes.contains(&claim.outcome);
        let is_of_this = match &self.of {
            CapOf::Contract => true,
            CapOf::Year(first) => claim.achieved_on().is_some_and(|on| {
                let next = first.checked_add_months(Months::new(12)).unwrap_or(chrono::NaiveDate::MAX);
                (*first..next).contains(&on)
            }),
            CapOf::Person(person) => claim.person == Some(*person),
            CapOf::Outcome(code) => *code == claim.outcome,
        };
        is_of_outcome && is_of_this
    }
}

impl Claim {
    /// The date on which it was achieved, according to the facts.
    pub fn achieved_on(&self) -> Option<chrono::NaiveDate> {
        match &self.state {
            State::Reached(achievement) => Some(achievement.achieved_on),
            State::Maturing { .. } | State::NotStarted { .. } => None,
        }
    }

    /// Whether it can be claimed now, or why not.
    pub fn submittable(&self) -> Result<(), Box<Refusal>> {
        self.frozen().map(drop)
    }

    /// The line to freeze in a batch, or why the claim cannot be claimed.
    fn frozen(&self) -> Result<ClaimLine, Box<Refusal>> {
        match (&self.state, self.status, self.amount) {
            (State::Reached(achievement), Status::Claimable, Some(amount)) => Ok(ClaimLine {
                claim: self.claim,
                about: self.about.clone(),
                outcome: self.outcome.clone(),
                repeat: self.repeat,
                achieved_on: achievement.achieved_on,
                amount,
                rulebook: self.rulebook.hash().to_owned(),
                derivation: digest(&derivation(&self.rulebook, &self.outcome, achievement)),
            }),
            (_, Status::Submitted | Status::Queried | Status::Accepted | Status::Paid, _) => {
                let batch = self.batch.map_or_else(|| "a batch".to_owned(), |batch| format!("the batch {batch}"));
                let message = format!("the claim {} is already in {batch}: leave it out", self.claim);
                Err(Box::new(Refusal::new(Code::ClaimInBatch, message)))
            }
            (_, Status::Rejected, _) => {
                let message = format!("the claim {} was rejected and has no attempts left: leave it out", self.claim);
                Err(Box::new(Refusal::new(Code::NoAttemptsLeft, message)))
            }
            (_, status, _) => {
                let status = status.as_str();
                let message = format!("the claim {} is {status}: leave it out until it is claimable", self.claim);
                Err(Box::new(Refusal::new(Code::ClaimNotClaimable, message)))
            }
        }
    }
}

fn unknown(claim: ClaimId) -> Refusal {
    let message = format!("the contract of this batch has no claim {claim}: read its claims again");
    Refusal::new(Code::ClaimNotFound, message)
}
