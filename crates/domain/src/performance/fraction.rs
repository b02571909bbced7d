//! Exact numbers: fractions of whole numbers.
//!
//! Pure. A yearly target spread over twelve months (500/12 a month) and a mean over the days of a quarter (43/6
//! workers) are no decimals. Nothing is rounded here before it is shown. A number too large is out of range, never
//! wrong.

use std::cmp::Ordering;

use rust_decimal::Decimal;

/// A number is too large to compute with exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a number is too large to compute with exactly: check the values that it is made of")]
pub struct OutOfRange;

/// An exact number: a whole number over another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fraction {
    numerator: i128,
    /// Above 0, and without a common factor with the numerator.
    denominator: i128,
}

impl Fraction {
    /// Zero.
    pub const ZERO: Self = Self { numerator: 0, denominator: 1 };
    /// A hundred, for percentages.
    const HUNDRED: Self = Self { numerator: 100, denominator: 1 };

    /// In lowest terms. The denominator is above 0.
    fn reduced(numerator: i128, denominator: i128) -> Self {
        let divisor = common_divisor(numerator, denominator);
        Self { numerator: numerator / divisor, denominator: denominator / divisor }
    }

    /// A number of hundredths.
    pub(super) fn hundredths(hundredths: u64) -> Self {
        Self::reduced(hundredths.into(), 100)
    }

    /// A number of millionths, as view tables hold decimals.
    pub fn millionths(millionths: i64) -> Self {
        Self::reduced(millionths.into(), 1_000_000)
    }

    /// A number of wholes and a further number of millionths, as a statement adds them up.
    pub fn wholes_and_millionths(wholes: i64, millionths: i64) -> Self {
        Self::reduced(i128::from(wholes) * 1_000_000 + i128::from(millionths), 1_000_000)
    }

    /// The number in millionths, rounded half-up once.
    pub fn in_millionths(self) -> Result<i64, OutOfRange> {
        i64::try_from(self.rounded(6)?.mantissa()).map_err(|_| OutOfRange)
    }

    /// The sum.
    pub fn plus(self, other: Self) -> Result<Self, OutOfRange> {
        let shared = common_divisor(self.denominator, other.denominator);
        let (own, others) = (other.denominator / shared, self.denominator / shared);
        let numerator = product(self.numerator, own)?.checked_add(product(other.numerator, others)?);
        Ok(Self::reduced(numerator.ok_or(OutOfRange)?, product(self.denominator, own)?))
    }

    /// The difference.
    pub fn minus(self, other: Self) -> Result<Self, OutOfRange> {
        self.plus(Self { numerator: other.numerator.checked_neg().ok_or(OutOfRange)?, ..other })
    }

    /// The product.
    pub fn times(self, other: Self) -> Result<Self, OutOfRange> {
        let (one, two) =
            (Self::reduced(self.numerator, other.denominator), Self::reduced(other.numerator, self.denominator));
        Ok(Self {
            numerator: product(one.numerator, two.numerator)?,
            denominator: product(one.denominator, two.denominator)?,
        })
    }

    /// The quotient. None over 0: that is no value, neither 0 nor infinity.
    pub fn over(self, base: Self) -> Result<Option<Self>, OutOfRange> {
        if base.is_zero() {
            return Ok(None);
        }
        let numerator = product(base.denominator, base.numerator.signum())?;
        let inverse = Self { numerator, denominator: base.numerator.checked_abs().ok_or(OutOfRange)? };
        self.times(inverse).map(Some)
    }

    /// The sum of several numbers. Zero if there are none.
    pub fn sum(numbers: impl IntoIterator<Item = Self>) -> Result<Self, OutOfRange> {
        numbers.into_iter().try_fold(Self::ZERO, Self::plus)
    }

    /// The mean of several numbers. None if there are none.
    pub fn mean(numbers: &[Self]) -> Result<Option<Self>, OutOfRange> {
        let count = u64::try_from(numbers.len()).map_err(|_| OutOfRange)?;
        Self::sum(numbers.iter().copied())?.over(count.into())
    }

    /// A hundred times the number: a share as a percentage, unrounded.
    pub fn in_percent(self) -> Result<Self, OutOfRange> {
        self.times(Self::HUNDRED)
    }

    /// Whether the number is 0.
    pub const fn is_zero(self) -> bool {
        self.numerator == 0
    }

    /// The number as shown with this many decimal places: rounded once, half-up (2.5 shows 3, and −2.5 shows −3).
    pub fn rounded(self, places: u32) -> Result<Decimal, OutOfRange> {
        let (numerator, denominator) = (self.numerator.unsigned_abs(), self.denominator.unsigned_abs());
        let (mut digits, mut rest) = (numerator / denominator, numerator % denominator);
        for _ in 0..places {
            let ten_times = rest.checked_mul(10).ok_or(OutOfRange)?;
            let longer = digits.checked_mul(10).and_then(|digits| digits.checked_add(ten_times / denominator));
            digits = longer.ok_or(OutOfRange)?;
            rest = ten_times % denominator;
        }
        let is_up = rest >= denominator - rest;
        let digits = digits.checked_add(u128::from(is_up)).ok_or(OutOfRange)?;
        let digits = i128::try_from(digits).map_err(|_| OutOfRange)? * self.numerator.signum();
        Decimal::try_from_i128_with_scale(digits, places).map_err(|_| OutOfRange)
    }
}

fn product(one: i128, other: i128) -> Result<i128, OutOfRange> {
    one.checked_mul(other).ok_or(OutOfRange)
}

/// The greatest common divisor, at least 1. The second number is above 0.
fn common_divisor(number: i128, above_zero: i128) -> i128 {
    let (mut large, mut small) = (above_zero, number % above_zero);
    while small != 0 {
        (large, small) = (small, large % small);
    }
    large.abs()
}

impl From<u64> for Fraction {
    fn from(count: u64) -> Self {
        Self { numerator: count.into(), denominator: 1 }
    }
}

impl From<Decimal> for Fraction {
    fn from(decimal: Decimal) -> Self {
        // A decimal has at most 28 places, and 10^28 fits.
        Self::reduced(decimal.mantissa(), 10_i128.pow(decimal.scale()))
    }
}

impl Ord for Fraction {
    /// Compares the whole parts, then the inverses of the rests, as Euclid does: no product can be too large.
    fn cmp(&self, other: &Self) -> Ordering {
        let (mut one, mut two) = ((self.numerator, self.denominator), (other.numerator, other.denominator));
        loop {
            let wholes = (one.0.div_euclid(one.1), two.0.div_euclid(two.1));
            let rests = (one.0.rem_euclid(one.1), two.0.rem_euclid(two.1));
            if wholes.0 != wholes.1 || rests.0 == 0 || rests.1 == 0 {
                return wholes.0.cmp(&wholes.1).then(rests.0.cmp(&rests.1));
            }
            // a/b < c/d exactly if d/c < b/a.
            (one, two) = ((two.1, rests.1), (one.1, rests.0));
        }
    }
}

impl PartialOrd for Fraction {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A decimal, or two of them with a stroke between, such as `500/12`.
    pub(crate) fn fraction(text: &str) -> Fraction {
        let decimal = |text: &str| Fraction::from(text.parse::<Decimal>().expect("a decimal"));
        let Some((numerator, denominator)) = text.split_once('/') else { return decimal(text) };
        decimal(numerator).over(decimal(denominator)).expect("in range").expect("a denominator")
    }

    fn shown(text: &str, places: u32) -> String {
        fraction(text).rounded(places).expect("in range").to_string()
    }

    #[test]
    fn a_tie_is_rounded_up_and_away_from_zero() {
        let whole = ["5/8", "62.5/1", "62.4999999999", "-62.5", "-62.4", "1/2", "-1/2", "-0.4", "0"];
        let found: Vec<String> = whole.into_iter().map(|text| shown(text, 0)).collect();
        assert_eq!(found, ["1", "63", "62", "-63", "-62", "1", "-1", "0", "0"]);
        assert_eq!(fraction("5/8").in_percent().expect("in range").rounded(0), Ok(Decimal::from(63)));
        assert_eq!(
            (shown("43/6", 1), shown("0.25", 1), shown("500/12", 4)),
            ("7.2".into(), "0.3".into(), "41.6667".into())
        );
    }

    #[test]
    fn a_third_is_exact() {
        let third = fraction("1/3");
        assert_eq!(Fraction::sum([third, third, third]), Ok(fraction("1")));
        assert_eq!(fraction("500/12").times(fraction("12")), Ok(fraction("500")));
        assert_eq!(fraction("0.88").times(fraction("45")), Ok(fraction("39.6")));
        assert_eq!(Fraction::mean(&[fraction("42"), fraction("43"), fraction("42")]), Ok(Some(fraction("127/3"))));
        assert_eq!(Fraction::mean(&[]), Ok(None));
    }

    #[test]
    fn millionths_are_rounded_once_and_may_be_out_of_range() {
        assert_eq!(fraction("2/3").in_millionths(), Ok(666_667));
        assert_eq!(fraction("-12.5").in_millionths(), Ok(-12_500_000));
        assert_eq!(Fraction::from(u64::MAX).in_millionths(), Err(OutOfRange));
        assert_eq!(Fraction::wholes_and_millionths(-3, -500_000), fraction("-3.5"));
        let most = Fraction::wholes_and_millionths(i64::MAX, i64::MAX);
        assert!(most > Fraction::from(u64::MAX / 2), "the largest numbers of a statement are in range");
    }

    #[test]
    fn nothing_is_divided_by_zero() {
        assert_eq!(fraction("5").over(Fraction::ZERO), Ok(None));
        assert_eq!(Fraction::ZERO.over(Fraction::ZERO), Ok(None));
        assert_eq!(fraction("-6").over(fraction("-4")), Ok(Some(fraction("1.5"))));
        assert_eq!(fraction("6").over(fraction("-4")), Ok(Some(fraction("-1.5"))));
    }

    #[test]
    fn a_number_too_large_is_out_of_range_and_never_wrong() {
        let largest = Fraction::from(Decimal::MAX);
        let smallest = fraction("0.0000000000000000000000000001");
        assert_eq!(largest.times(largest), Err(OutOfRange));
        assert_eq!(smallest.times(smallest), Err(OutOfRange));
        assert_eq!(largest.over(smallest), Err(OutOfRange));
        assert_eq!(largest.plus(smallest), Err(OutOfRange));
        assert_eq!(largest.plus(largest).expect("it fits").rounded(0), Err(OutOfRange), "no decimal holds it");
        assert_eq!(largest.rounded(1), Err(OutOfRange));
        assert_eq!(fraction("1/3").rounded(29), Err(OutOfRange));
        assert_eq!(largest.rounded(0), Ok(Decimal::MAX));
        assert!(largest > smallest && Fraction::from(Decimal::MIN) < smallest, "comparing is always in range");
    }

    fn small() -> impl Strategy<Value = (i64, i64)> {
        (-100_000_i64..100_000, 1_i64..2_000)
    }

    fn of((numerator, denominator): (i64, i64)) -> Fraction {
        Fraction::reduced(numerator.into(), denominator.into())
    }

    proptest! {
        #[test]
        fn sums_products_and_quotients_undo_each_other(a in small(), b in small()) {
            let (one, two) = (of(a), of(b));
            prop_assert_eq!(one.plus(two).and_then(|sum| sum.minus(two)), Ok(one));
            prop_assert_eq!(one.plus(two), two.plus(one));
            if !two.is_zero() {
                prop_assert_eq!(one.times(two).and_then(|product| product.over(two)), Ok(Some(one)));
            }
        }

        #[test]
        fn the_order_is_that_of_the_cross_products(a in small(), b in small()) {
            let (left, right) = (i128::from(a.0) * i128::from(b.1), i128::from(b.0) * i128::from(a.1));
            prop_assert_eq!(of(a).cmp(&of(b)), left.cmp(&right));
        }

        #[test]
        fn what_is_shown_is_the_nearest_and_of_two_the_greater_in_size(a in small(), places in 0_u32..6) {
            let shown = of(a).rounded(places).expect("in range");
            let apart = of(a).minus(shown.into()).expect("in range");
            let half = Fraction::from(Decimal::new(5, places + 1));
            let is_negative = apart < Fraction::ZERO;
            let size = if is_negative { Fraction::ZERO.minus(apart).expect("in range") } else { apart };
            prop_assert!(size <= half);
            // A tie has moved away from zero: what is shown is then beyond the number.
            prop_assert!(size < half || is_negative == (a.0 > 0));
        }

        #[test]
        fn a_percentage_never_falls_while_its_actual_rises(a in 0_u64..5_000, more in 0_u64..50, of in 1_u64..5_000) {
            let percent = |part: u64| {
                let share = Fraction::from(part).over(of.into()).expect("in range").expect("a base");
                share.in_percent().and_then(|percent| percent.rounded(0)).expect("in range")
            };
            prop_assert!(percent(a) <= percent(a + more));
        }
    }
}
