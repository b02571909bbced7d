//! How much is left under each cap of a contract.
//!
//! A cap counts amounts due. What does not fit in whole gets the rest or nothing, as the cap says; nothing is ever
//! given beyond a cap.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::super::many::period_start;
use crate::contract::money::Money;
use crate::contract::rulebook::outcome::PeriodKind;
use crate::contract::rulebook::terms::{CapScope, Crossing};
use crate::contract::rulebook::{Cap, Rulebook};
use crate::log::envelope::SubjectId;

/// What decides under which caps a payment falls.
#[derive(Clone, Copy)]
pub(super) struct CapUse {
    /// The outcome, by its place in the rulebook.
    pub(super) outcome: usize,
    /// The person it is paid for.
    pub(super) person: Option<SubjectId>,
    /// The day on which it was achieved.
    pub(super) achieved_on: NaiveDate,
}

/// What one cap counts together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Pot {
    Contract,
    Year(NaiveDate),
    Person(SubjectId),
    Outcome(usize),
}

/// What is left under each cap.
pub(super) struct Room<'r> {
    rulebook: &'r Rulebook,
    used: BTreeMap<(usize, Pot), Money>,
}

impl<'r> Room<'r> {
    pub(super) const fn new(rulebook: &'r Rulebook) -> Self {
        Self { rulebook, used: BTreeMap::new() }
    }

    /// The caps that a payment falls under, each with the pot that counts it.
    fn pots(&self, uses: CapUse) -> Vec<(usize, &'r Cap, Pot)> {
        let code = &self.rulebook.outcomes[uses.outcome].code;
        let counts = |cap: &Cap| cap.outcomes.is_empty() || cap.outcomes.contains(code);
        let caps = self.rulebook.caps.iter().enumerate().filter(|(_, cap)| counts(cap));
        let year = period_start(uses.achieved_on, PeriodKind::FinancialYear, self.rulebook.calendar.financial_year);
        let pots = caps.filter_map(|(at, cap)| {
            let pot = match cap.scope {
                CapScope::Contract => Pot::Contract,
                CapScope::Year => Pot::Year(year),
                CapScope::Person => Pot::Person(uses.person?),
                CapScope::Outcome => Pot::Outcome(uses.outcome),
            };
            Some((at, cap, pot))
        });
        pots.collect()
    }

    fn left(&self, at: usize, cap: &Cap, pot: Pot) -> Money {
        let used = self.used.get(&(at, pot)).copied().unwrap_or_default();
        (Money::of(cap.amount, &self.rulebook.currency) - used).max(Money::ZERO)
    }

    /// As much of an amount as fits under every cap: the rest of one that is crossed, or nothing.
    fn fits(&self, uses: CapUse, wanted: Money) -> Money {
        let pots = self.pots(uses);
        let partial = pots.iter().filter(|(_, cap, _)| cap.crossing == Crossing::Partial);
        let most = partial.map(|(at, cap, pot)| self.left(*at, cap, *pot)).fold(wanted, Money::min);
        let whole = pots.iter().filter(|(_, cap, _)| cap.crossing == Crossing::Whole);
        let fits = whole.map(|(at, cap, pot)| self.left(*at, cap, *pot)).all(|left| most <= left);
        if fits { most } else { Money::ZERO }
    }

    /// Takes as much of an amount as fits.
    pub(super) fn take(&mut self, uses: CapUse, wanted: Money) -> Money {
        let got = self.fits(uses, wanted);
        for (at, _, pot) in self.pots(uses) {
            let taken = self.used.entry((at, pot)).or_default();
            *taken = *taken + got;
        }
        got
    }

    /// For a line that was submitted: if it does not fit as it should be, as it is.
    pub(super) fn take_for_line(&mut self, uses: CapUse, wanted: Money, current: Money) -> Money {
        let fits = self.fits(uses, wanted) >= wanted.min(current);
        self.take(uses, if fits { wanted } else { wanted.min(current) })
    }

    /// What was paid and taken back still counts under a cap that is not filled again.
    pub(super) fn keep(&mut self, uses: CapUse, amount: Money) {
        for (at, cap, pot) in self.pots(uses) {
            if !cap.refill {
                let taken = self.used.entry((at, pot)).or_default();
                *taken = *taken + amount;
            }
        }
    }
}
