//! Prices: each tariff with its multiplier and the price of a unit, and what was achieved at it in a period.
//!
//! Prices are those of the rulebook, rounded as the rulebook says. Amounts are those of claims, which are computed once,
//! in [`super::claims`].

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::claims::{Claim, Claims};
use super::claims_by_outcome::day_of;
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::outcome::State;
use throughline_domain::contract::outcome::price::{Priced, fitting};
use throughline_domain::contract::rulebook::outcome::Tariff;
use throughline_domain::fact::money::Money;
use throughline_domain::performance::period::Period;

/// A price of the rulebook.
#[derive(Debug, Clone, Copy)]
pub struct PriceRow<'r> {
    /// The code of the outcome.
    pub outcome: &'r str,
    /// Its title.
    pub title: &'r str,
    /// The tariff.
    pub tariff: &'r Tariff,
    /// The price of one unit. None if it is out of range.
    pub unit_price: Option<Decimal>,
}

/// What was achieved at a price in a period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AtPrice {
    /// The units: those of a volume, otherwise the number of claims.
    pub units: Decimal,
    /// The amounts of their claims.
    pub amount: Money,
}

/// The prices in force on a day, outcome by outcome in the order of the rulebook.
pub fn in_force(rulebook: &Rulebook, on: NaiveDate) -> Vec<PriceRow<'_>> {
    let is_in_force =
        move |tariff: &&Tariff| tariff.from.is_none_or(|from| from <= on) && tariff.to.is_none_or(|to| on <= to);
    let rows = rulebook.outcomes.iter().flat_map(|outcome| {
        outcome.tariffs.iter().filter(is_in_force).map(move |tariff| PriceRow {
            outcome: &outcome.code,
            title: &outcome.title,
            tariff,
            unit_price: tariff.unit_price(&rulebook.currency),
        })
    });
    rows.collect()
}

impl PriceRow<'_> {
    /// What was achieved at this price in a period. None for one of several prices by volume, whose claims have a part
    /// at each.
    pub fn achieved(&self, claims: &Claims, period: &Period) -> Option<AtPrice> {
        if self.tariff.up_to.is_some() {
            return None;
        }
        let mut at_price = AtPrice::default();
        for claim in claims.claims.iter().filter(|claim| claim.outcome == self.outcome) {
            let State::Reached(achievement) = &claim.state else { continue };
            let day = day_of(claim, achievement.achieved_on);
            if day < period.first() || period.last() < day {
                continue;
            }
            match self.pays(claim, achievement.achieved_on) {
                Some(true) => {
                    at_price.units += claim.counted.map_or(Decimal::ONE, |counted| units(claim, counted.counted));
                    at_price.amount = at_price.amount + claim.amount.unwrap_or_default();
                }
                Some(false) => {}
                None => return None,
            }
        }
        Some(at_price)
    }

    /// Whether a claim is priced by this tariff. None if it is priced by several.
    fn pays(&self, claim: &Claim, achieved_on: NaiveDate) -> Option<bool> {
        let Some(outcome) = claim.rulebook.outcome(self.outcome) else { return Some(false) };
        let of = Priced { achieved_on, area: claim.area.as_deref(), cohort: claim.cohort.as_deref() };
        match fitting(&outcome.tariffs, of).as_slice() {
            [only] => Some(*only == self.tariff),
            tiers if tiers.contains(&self.tariff) => None,
            _ => Some(false),
        }
    }
}

/// The units of a claim over many cases: those of a volume, and one for a share of days.
fn units(claim: &Claim, counted: Decimal) -> Decimal {
    let is_share = claim.counted.is_some_and(|counted| counted.out_of.is_some());
    if is_share { Decimal::ONE } else { counted }
}
