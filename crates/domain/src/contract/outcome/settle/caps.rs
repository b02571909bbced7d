//! How much is left under each cap of a contract.
//!
//! A cap counts amounts due. What does not fit in whole gets the rest or nothing, as the cap says; nothing is ever
//! given beyond a cap.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::terms::Terms;
use crate::contract::outcome::aggregate::period_start;
use crate::contract::rulebook::Cap;
use crate::contract::rulebook::outcome::PeriodKind;
use crate::contract::rulebook::terms::{CapScope, Crossing};
use crate::fact::envelope::SubjectId;
use crate::fact::money::Money;

/// What decides under which caps a payment falls.
#[derive(Clone, Copy)]
pub(super) struct CapUse {
    /// The outcome, by its number.
    pub(super) outcome: usize,
    /// The person it is paid for.
    pub(super) person: Option<SubjectId>,
    /// The day on which it was achieved.
    pub(super) achieved_on: NaiveDate,
}

/// What one cap counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pot {
    /// Everything.
    Contract,
    /// What was achieved in the financial year that begins on this day.
    Year(NaiveDate),
    /// What is paid for one person.
    Person(SubjectId),
    /// What is paid for one outcome, by its number in every version alike.
    Outcome(usize),
}

impl Terms<'_> {
    /// What the caps in force count together on a day, but for what they count by person: by the cap's place.
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

/// What is left under each cap.
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

    /// The caps that a payment falls under, each with the pot that counts it.
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

    /// As much of an amount as fits under every cap: the rest of one that is crossed, or nothing.
    pub(super) fn fits(&self, uses: CapUse, wanted: Money) -> Money {
        let pots = self.pots(uses);
        let partial = pots.iter().filter(|(_, cap, _)| cap.crossing == Crossing::Partial);
        let most = partial.map(|(at, cap, pot)| self.left(*at, cap, *pot)).fold(wanted, Money::min);
        let whole = pots.iter().filter(|(_, cap, _)| cap.crossing == Crossing::Whole);
        let fits = whole.map(|(at, cap, pot)| self.left(*at, cap, *pot)).all(|left| most <= left);
        if fits { most } else { Money::ZERO }
    }

    /// Uses an amount, whether there is room for it or not; less than nothing makes room.
    pub(super) fn take(&mut self, uses: CapUse, amount: Money) {
        for (at, _, pot) in self.pots(uses) {
            let counted = self.used.entry((at, pot)).or_default();
            *counted = *counted + amount;
        }
    }

    /// Whether two payments fall under one cap and are counted together there.
    pub(super) fn share_a_pot(&self, one: CapUse, other: CapUse) -> bool {
        let others = self.pots(other);
        self.pots(one).iter().any(|(at, _, pot)| others.iter().any(|(other, _, of)| (at, pot) == (other, of)))
    }

    /// What was due and taken back still counts under a cap that is not filled again.
    pub(super) fn keep(&mut self, uses: CapUse, amount: Money) {
        for (at, cap, pot) in self.pots(uses) {
            if !cap.refill {
                let counted = self.used.entry((at, pot)).or_default();
                *counted = *counted + amount;
            }
        }
    }

    /// Counts what does not fit under the caps that a payment falls under.
    pub(super) fn lack(&mut self, uses: CapUse, amount: Money) {
        if amount.is_positive() {
            for (at, _, pot) in self.pots(uses) {
                let counted = self.lacking.entry((at, pot)).or_default();
                *counted = *counted + amount;
            }
        }
    }

    /// What does not fit under each cap.
    pub(super) fn into_lacking(self) -> BTreeMap<(usize, Pot), Money> {
        self.lacking
    }

    /// What is used of each cap, by its place in the rulebook and by what it counts together.
    pub(super) const fn used(&self) -> &BTreeMap<(usize, Pot), Money> {
        &self.used
    }
}
