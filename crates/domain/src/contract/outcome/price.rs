//! The price of an outcome: the tariff that matches best, and its amount.
//!
//! An amount is rounded once, on the claim line, unless the tariff says that its unit price is rounded.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::contract::rulebook::outcome::Tariff;
use crate::fact::money::Money;

/// The values that choose a tariff.
#[derive(Debug, Clone, Copy)]
pub struct Priced<'a> {
    /// The day on which the outcome was achieved.
    pub achieved_on: NaiveDate,
    /// The service area.
    pub area: Option<&'a str>,
    /// The cohort.
    pub cohort: Option<&'a str>,
}

/// The price of one claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Price {
    /// No tariff matches: the outcome is counted but not paid.
    None,
    /// The amount.
    Amount(Money),
    /// The amount depends on how many were claimed before. Each price applies to a number of claims, and the last one
    /// may have no limit.
    Tiers(Vec<(Option<u32>, Money)>),
}

impl Price {
    /// The amount, if it does not depend on other claims.
    pub const fn amount(&self) -> Option<Money> {
        match self {
            Self::Amount(amount) => Some(*amount),
            Self::None | Self::Tiers(_) => None,
        }
    }

    /// The amount of the n-th claim, counted from 1. None beyond the last tier.
    pub fn of_nth(&self, n: u32) -> Option<Money> {
        match self {
            Self::None => None,
            Self::Amount(amount) => Some(*amount),
            Self::Tiers(tiers) => {
                tiers.iter().find(|(up_to, _)| up_to.is_none_or(|last| n <= last)).map(|(_, amount)| *amount)
            }
        }
    }
}

/// The tariffs that match best. Of those that match: those that name most of cohort and area, then cohort before area,
/// then the latest `from`. They are more than one only if they are tiers of volume, which are in order.
pub fn fitting<'t>(tariffs: &'t [Tariff], of: Priced<'_>) -> Vec<&'t Tariff> {
    let fits = |tariff: &&Tariff| {
        tariff.from.is_none_or(|from| from <= of.achieved_on)
            && tariff.to.is_none_or(|to| of.achieved_on <= to)
            && tariff.area.as_deref().is_none_or(|area| of.area == Some(area))
            && tariff.cohort.as_deref().is_none_or(|cohort| of.cohort == Some(cohort))
    };
    let specific = |tariff: &Tariff| {
        let named = usize::from(tariff.area.is_some()) + usize::from(tariff.cohort.is_some());
        (named, tariff.cohort.is_some(), tariff.from)
    };
    let Some(best) = tariffs.iter().filter(fits).map(specific).max() else { return Vec::new() };
    let mut tiers: Vec<&Tariff> = tariffs.iter().filter(fits).filter(|tariff| specific(tariff) == best).collect();
    tiers.sort_by_key(|tariff| tariff.up_to.unwrap_or(u32::MAX));
    tiers
}

/// The price of one outcome of one case.
pub(super) fn price(tariffs: &[Tariff], currency: &str, of: Priced<'_>) -> Price {
    let tiers = fitting(tariffs, of);
    let amount = |tariff: &Tariff| Money::of(tariff.unit_price(currency).unwrap_or(Decimal::MAX), currency);
    match tiers.as_slice() {
        [] => Price::None,
        [only] if only.up_to.is_none() => Price::Amount(amount(only)),
        tiers => Price::Tiers(tiers.iter().map(|tariff| (tariff.up_to, amount(tariff))).collect()),
    }
}

/// The amount for a number of units of a measure: each at the price of its tier. None if no tariff matches. An error if
/// the amount is out of range.
pub(super) fn of_units(
    tariffs: &[Tariff],
    currency: &str,
    of: Priced<'_>,
    units: Decimal,
) -> Result<Option<Money>, OutOfRange> {
    let tiers = fitting(tariffs, of);
    let mut counted = Decimal::ZERO;
    let mut amount = Decimal::ZERO;
    for tariff in &tiers {
        let end = tariff.up_to.map_or(units, |up_to| units.min(Decimal::from(up_to)));
        let unit_price = tariff.unit_price(currency).ok_or(OutOfRange)?;
        let of_tier = (end - counted).max(Decimal::ZERO).checked_mul(unit_price).ok_or(OutOfRange)?;
        amount = amount.checked_add(of_tier).ok_or(OutOfRange)?;
        counted = counted.max(end);
    }
    Ok((!tiers.is_empty()).then(|| Money::of(amount, currency)))
}

/// A number is too large to compute with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutOfRange;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::rulebook::outcome::UnitRounding;
    use crate::world::day;

    fn tariff(amount: &str) -> Tariff {
        Tariff {
            amount: amount.parse().expect("a decimal"),
            from: None,
            to: None,
            area: None,
            cohort: None,
            multiplier: Decimal::ONE,
            up_to: None,
            round_unit_price: UnitRounding::Exact,
            illustrative: false,
        }
    }

    #[test]
    fn the_most_specific_tariff_that_fits_is_the_price() {
        let named = |text: &str| Some(text.to_owned());
        let tariffs = [
            tariff("1.00"),
            Tariff { from: Some(day("2022-04-01")), ..tariff("2.00") },
            Tariff { area: named("north"), ..tariff("3.00") },
            Tariff { cohort: named("a"), to: Some(day("2022-12-31")), ..tariff("4.00") },
            Tariff { cohort: named("a"), area: named("north"), ..tariff("5.00") },
        ];
        let price = |on: &str, area: &str, cohort: Option<&str>| {
            let of = Priced { achieved_on: day(on), area: Some(area), cohort };
            price(&tariffs, "GBP", of).amount().map(|amount| amount.to_string())
        };
        assert_eq!(price("2022-03-31", "south", None).as_deref(), Some("1.00"));
        assert_eq!(price("2022-04-01", "south", None).as_deref(), Some("2.00"));
        assert_eq!(price("2022-04-01", "north", None).as_deref(), Some("3.00"));
        assert_eq!(price("2022-12-31", "south", Some("a")).as_deref(), Some("4.00"));
        assert_eq!(price("2023-01-01", "south", Some("a")).as_deref(), Some("2.00"));
        assert_eq!(price("2022-04-01", "north", Some("a")).as_deref(), Some("5.00"));
    }

    #[test]
    fn units_are_paid_at_the_price_of_their_tier_and_rounded_once() {
        let of = Priced { achieved_on: day("2022-04-01"), area: None, cohort: None };
        let multiplier = "1.333".parse().expect("a decimal");
        let tiers = [Tariff { up_to: Some(100), multiplier, ..tariff("0.50") }, tariff("0.40")];
        let amount = |tiers: &[Tariff]| {
            of_units(tiers, "GBP", of, Decimal::from(150)).expect("in range").map(|money| money.to_string())
        };
        assert_eq!(amount(&tiers).as_deref(), Some("86.65"));
        let rounded = |as_said| [Tariff { round_unit_price: as_said, ..tiers[0].clone() }, tiers[1].clone()];
        assert_eq!(amount(&rounded(UnitRounding::MinorUnit)).as_deref(), Some("87.00"));
        assert_eq!(amount(&rounded(UnitRounding::Whole)).as_deref(), Some("120.00"), "0.6665 is 1, and 0.40 stays");
        assert_eq!(amount(&[]), None);
    }
}
