//! Forecasts: how many of the outcomes under way are expected, from what became of earlier ones.
//!
//! Pure. The expected number is the number under way times the share that was achieved of those under way at an earlier
//! day whose date has come since. The band is the lowest and the highest such share of a quarter. With too few earlier
//! ones there is no data, never a guess.

use std::collections::BTreeMap;

use chrono::{Datelike as _, NaiveDate};

use super::figure::Figure;
use super::fraction::{Fraction, OutOfRange};

/// The fewest earlier outcomes from which a share is taken.
pub const PAST_MIN: usize = 10;
/// The fewest earlier outcomes of a quarter that counts for the band.
pub const QUARTER_MIN: u64 = 5;

/// An outcome that was under way at an earlier day, and whose date has come since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Past {
    /// The date on which it was to be achieved.
    pub due_on: NaiveDate,
    /// Whether it was achieved since, then or later.
    pub is_achieved: bool,
}

/// The share of outcomes under way that are achieved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The earlier outcomes.
    pub past: u64,
    /// Those of them that were achieved.
    pub achieved: u64,
    /// The share.
    pub share: Fraction,
    /// The lowest and the highest share, of a quarter or of all. None if fewer than two quarters have enough.
    pub band: Option<(Fraction, Fraction)>,
}

/// What is expected of some outcomes under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// The number under way.
    pub maturing: u64,
    /// The expected number. No data without a share.
    pub expected: Figure,
    /// The number at the lowest share. No data without a band.
    pub low: Figure,
    /// The number at the highest share. No data without a band.
    pub high: Figure,
}

impl Retention {
    /// The share of these outcomes that was achieved. None if there are fewer than [`PAST_MIN`].
    pub fn of(past: &[Past]) -> Result<Option<Self>, OutOfRange> {
        if past.len() < PAST_MIN {
            return Ok(None);
        }
        let mut quarters: BTreeMap<(i32, u32), (u64, u64)> = BTreeMap::new();
        for one in past {
            let (achieved, all) = quarters.entry((one.due_on.year(), one.due_on.month0() / 3)).or_default();
            *achieved += u64::from(one.is_achieved);
            *all += 1;
        }
        let (achieved, all) = quarters.values().fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
        let share = |achieved: u64, all: u64| Fraction::from(achieved).over(all.into());
        let Some(whole) = share(achieved, all)? else { return Ok(None) };
        let large = quarters.values().filter(|(_, all)| *all >= QUARTER_MIN);
        let shares: Vec<Fraction> =
            large.filter_map(|(achieved, all)| share(*achieved, *all).transpose()).collect::<Result<_, _>>()?;
        let band = (shares.len() >= 2)
            .then(|| shares.iter().fold((whole, whole), |(low, high), share| (low.min(*share), high.max(*share))));
        Ok(Some(Self { past: all, achieved, share: whole, band }))
    }
}

impl Expected {
    /// What is expected of this number under way. Of none, none.
    pub fn of(maturing: u64, retention: Option<&Retention>) -> Result<Self, OutOfRange> {
        let times = |share: Option<Fraction>| -> Result<Figure, OutOfRange> {
            match share {
                _ if maturing == 0 => Ok(Figure::amount(Fraction::ZERO)),
                Some(share) => Ok(Figure::amount(share.times(maturing.into())?)),
                None => Ok(Figure::no_data()),
            }
        };
        let band = retention.and_then(|retention| retention.band);
        Ok(Self {
            maturing,
            expected: times(retention.map(|retention| retention.share))?,
            low: times(band.map(|(low, _)| low))?,
            high: times(band.map(|(_, high)| high))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::figure::State;
    use super::super::fraction::tests::fraction;
    use super::*;

    /// Outcomes of one month: how many were achieved, and how many were not.
    fn past(month: &str, achieved: usize, lost: usize) -> Vec<Past> {
        let due_on = format!("{month}-15").parse().expect("a day");
        let of = |is_achieved| Past { due_on, is_achieved };
        [vec![of(true); achieved], vec![of(false); lost]].concat()
    }

    fn retention(past: &[Vec<Past>]) -> Option<Retention> {
        Retention::of(&past.concat()).expect("in range")
    }

    #[test]
    fn the_share_is_of_all_earlier_outcomes_and_the_band_of_their_quarters() {
        let found = retention(&[past("2021-01", 4, 1), past("2021-02", 2, 1), past("2021-04", 3, 3)]);
        let found = found.expect("enough");
        assert_eq!((found.past, found.achieved, found.share), (14, 9, fraction("9/14")));
        assert_eq!(found.band, Some((fraction("1/2"), fraction("6/8"))), "January and February are one quarter");
        let expected = Expected::of(7, Some(&found)).expect("in range");
        assert_eq!(expected.expected.value(), Some(fraction("9/2")));
        assert_eq!((expected.low.value(), expected.high.value()), (Some(fraction("7/2")), Some(fraction("21/4"))));
    }

    #[test]
    fn one_quarter_alone_makes_no_band_and_a_small_one_does_not_count_for_it() {
        let one = retention(&[past("2021-01", 6, 4)]).expect("enough");
        assert_eq!((one.share, one.band), (fraction("3/5"), None));
        let small = retention(&[past("2021-01", 6, 4), past("2021-04", 0, 4)]).expect("enough");
        assert_eq!((small.share, small.band), (fraction("6/14"), None));
        let expected = Expected::of(10, Some(&one)).expect("in range");
        assert_eq!((expected.expected.value(), expected.low.state()), (Some(6.into()), State::NoData));
    }

    #[test]
    fn a_share_that_is_beyond_every_quarter_that_counts_is_inside_the_band() {
        let found = retention(&[past("2021-01", 5, 5), past("2021-04", 5, 5), past("2021-07", 0, 4)]).expect("enough");
        assert_eq!(found.band, Some((fraction("10/24"), fraction("1/2"))));
    }

    #[test]
    fn too_few_earlier_outcomes_are_no_data_but_of_none_none_is_expected() {
        assert_eq!(retention(&[past("2021-01", 5, 4)]), None);
        let expected = Expected::of(3, None).expect("in range");
        assert_eq!((expected.expected.state(), expected.high.state()), (State::NoData, State::NoData));
        let none = Expected::of(0, None).expect("in range");
        assert_eq!((none.expected.value(), none.high.value()), (Some(Fraction::ZERO), Some(Fraction::ZERO)));
    }
}
