//! What may be withheld: a part of an amount.
//!
//! Pure. It says how much. Whether anything is withheld is decided by the parties and recorded as a notice.

pub use crate::contract::rulebook::kpi::{WithheldFrom, Withholding};

use super::fraction::{Fraction, OutOfRange};
use crate::fact::money::{Money, minor_digits};

impl Withholding {
    /// The part of this amount, rounded once, half-up, to the minor unit of the currency.
    pub fn part_of(&self, amount: Fraction, currency: &str) -> Result<Money, OutOfRange> {
        let part = Fraction::from(self.percent).over(100.into())?.unwrap_or(Fraction::ZERO).times(amount)?;
        Ok(Money::of(part.rounded(minor_digits(currency))?, currency))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fraction::tests::fraction;
    use super::*;

    fn five_percent_of(amount: &str) -> String {
        let withholding = Withholding { percent: 5.into(), of: WithheldFrom::Amount(0.into()) };
        withholding.part_of(fraction(amount), "GBP").expect("in range").to_string()
    }

    #[test]
    fn a_part_is_rounded_half_up_once_to_the_penny() {
        assert_eq!(five_percent_of("240000"), "12000.00");
        assert_eq!(five_percent_of("100.10"), "5.01", "5.005");
        assert_eq!(five_percent_of("100.09"), "5.00", "5.0045");
        assert_eq!(five_percent_of("0"), "0.00");
    }
}
