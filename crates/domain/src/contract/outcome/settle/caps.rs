//! The room under each cap of a contract.
//!
//! A cap counts amounts due. An amount that does not fit gets the rest or nothing, as the cap says. No payment ever
//! exceeds a cap.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::terms::Terms;
use crate::contract::outcome::aggregate::period_start;
use crate::contract::rulebook::Cap;
use crate::contract::rulebook::outcome::PeriodKind;
use crate::contract::rulebook::terms::{CapScope, Crossing};
use crate::fact::envelope::SubjectId;
use crate::fact::money::Money;

/// The values that decide which caps a payment counts under.
#[derive(Clone, Copy)]
pub(super) struct CapUse {
    /// The number of the outcome.
    pub(super) outcome: usize,
    /// The person that it is paid for.
    pub(super) person: Option<SubjectId>,
    /// The day on which the outcome was achieved.
    pub(super) achieved_on: NaiveDate,
}

/// A pot: the payments that one cap counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pot {
    /// All payments.
    Contract,
    /// Payments for outcomes achieved in the financial year that starts on this day.
    Year(NaiveDate),
    /// Payments for one person.
    Person(SubjectId),
    /// Payments for one outcome, by its number, which is the same in every version.
    Outcome(usize),
}

impl Terms<'_> {
    /// The pots of the caps in force on a day, with the index of the cap. Pots of single persons are left out.
    pub fn pots(&self, on: NaiveDate) -> Vec<(usize, Pot)> {
        let of_cap = |(at, cap): (usize, &Cap)| {
            let pots = match cap.scope {
                CapScope::Contract => vec![Pot::Contract],
                CapScope::Year => vec![Pot::Year(period_start(on, PeriodKind::FinancialYear, self.financial_year))],
                CapScope::Person => Vec::new(),
                CapScope::Outcome => self.under(cap).map(Pot::Outcome).collect(),
            };
            pots.into_iter().map(move |pot| (at, pot))
        };
        self.caps.iter().enumerate().flat_map(of_cap).collect()
    }
}

/// The room under each cap.
#[derive(Clone)]
pub(super) struct Room<'t, 'r> {
    terms: &'t Terms<'r>,
    used: BTreeMap<(usize, Pot), Money>,
    lacking: BTreeMap<(usize, Pot), Money>,
}

impl<'t, 'r> Room<'t, 'r> {
    pub(super) const fn new(terms: &'t Terms<'r>) -> Self {
        Self { terms, used: BTreeMap::new(), lacking: BTreeMap::new() }
    }

    /// The caps that a payment counts under, each with its pot.
    fn pots(&self, uses: CapUse) -> Vec<(usize, &'r Cap, Pot)> {
        let caps = self.terms.caps.iter().enumerate().filter(|(_, cap)| self.terms.is_under(cap, uses.outcome));
        let pots = caps.filter_map(|(at, cap)| {
            let pot = match cap.scope {
                CapScope::Contract => Pot::Contract,
                CapScope::Year => {
                    Pot::Year(period_start(uses.achieved_on, PeriodKind::FinancialYear, self.terms.financial_year))
                }
                CapScope::Person => Pot::Person(uses.person?),
                CapScope::Outcome => Pot::Outcome(self.terms.code(uses.outcome)),
            };
            Some((at, cap, pot))
        });
        pots.collect()
    }

    fn left(&self, at: usize, cap: &Cap, pot: Pot) -> Money {
        let used = self.used.get(&(at, pot)).copied().unwrap_or_default();
        (Money::of(cap.amount, self.terms.currency) - used).max(Money::ZERO)
    }

    /// The part of an amount that fits under every cap: for an amount that crosses a cap, the rest or nothing.
    pub(super) fn fits(&self, uses: CapUse, wanted: Money) -> Money {
        let pots = self.pots(uses);
        let partial = pots.iter().filter(|(_, cap, _)| cap.crossing == Crossing::Partial);
        let most = partial.map(|(at, cap, pot)| self.left(*at, cap, *pot)).fold(wanted, Money::min);
        let whole = pots.iter().filter(|(_, cap, _)| cap.crossing == Crossing::Whole);
        let fits = whole.map(|(at, cap, pot)| self.left(*at, cap, *pot)).all(|left| most <= left);
        if fits { most } else { Money::ZERO }
    }

    /// Uses an amount, even if there is no room for it. A negative amount makes room.
    pub(super) fn take(&mut self, uses: CapUse, amount: Money) {
        for (at, _, pot) in self.pots(uses) {
            let counted = self.used.entry((at, pot)).or_default();
            *counted = *counted + amount;
        }
    }

    /// Whether two payments share a pot of a cap.
    pub(super) fn share_a_pot(&self, one: CapUse, other: CapUse) -> bool {
        let others = self.pots(other);
        self.pots(one).iter().any(|(at, _, pot)| others.iter().any(|(other, _, of)| (at, pot) == (other, of)))
    }

    /// An amount that was due and taken back still counts under a cap that does not refill.
    pub(super) fn keep(&mut self, uses: CapUse, amount: Money) {
        for (at, cap, pot) in self.pots(uses) {
            if !cap.refill {
                let counted = self.used.entry((at, pot)).or_default();
                *counted = *counted + amount;
            }
        }
    }

    /// Adds an amount that does not fit under the caps of a payment.
    pub(super) fn lack(&mut self, uses: CapUse, amount: Money) {
        if amount.is_positive() {
            for (at, _, pot) in self.pots(uses) {
                let counted = self.lacking.entry((at, pot)).or_default();
                *counted = *counted + amount;
            }
        }
    }

    /// The amount that does not fit under each cap.
    pub(super) fn into_lacking(self) -> BTreeMap<(usize, Pot), Money> {
        self.lacking
    }

    /// The amount used of each cap, by the index of the cap in the rulebook and its pot.
    pub(super) const fn used(&self) -> &BTreeMap<(usize, Pot), Money> {
        &self.used
    }
}
