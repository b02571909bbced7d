//! A figure: one number of a table, what it is made of, and why it may have no value.
//!
//! Pure. A figure is unrounded until it is shown. Without a denominator there is no value: never 0 %, never infinity.
//! "No data" is not 0. A hidden figure keeps nothing of what it hides.

use rust_decimal::Decimal;

use super::fraction::{Fraction, OutOfRange};

/// Counts of people or cases below this number, and above 0, are hidden from those who may not see small counts.
pub const SMALL: u64 = 5;

/// Whether a figure has a value, and if not, why. Of two states, the greater one is that of what is made of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It has a value.
    Value,
    /// It has a value that may still change: its period is under way.
    Provisional,
    /// There is nothing to give a value of: no target, or a share of nothing.
    NotApplicable,
    /// The facts are not supplied. This is not 0.
    NoData,
    /// It is hidden because it counts few people.
    Suppressed,
}

/// What a figure counts, as far as that decides whether it must be hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    /// Neither the numerator nor the denominator counts people.
    Nothing,
    /// The numerator does.
    Numerator,
    /// The denominator does.
    Denominator,
    /// Both do.
    Both,
}

/// One number of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    state: State,
    numerator: Option<Fraction>,
    denominator: Option<Fraction>,
    value: Option<Fraction>,
    counted: Counted,
}

impl Figure {
    /// A number of people, cases or facts about them.
    pub fn count(cases: u64) -> Self {
        Self { counted: Counted::Numerator, ..Self::amount(cases.into()) }
    }

    /// An amount that counts no people: money, hours, a target.
    pub const fn amount(amount: Fraction) -> Self {
        Self {
            state: State::Value,
            numerator: Some(amount),
            denominator: None,
            value: Some(amount),
            counted: Counted::Nothing,
        }
    }

    /// The share of a population, such as those seen in time.
    pub fn share(part: u64, population: u64) -> Result<Self, OutOfRange> {
        Self::ratio(part.into(), population.into(), Counted::Both)
    }

    /// A count for each unit of something that is no count of people, such as job starts per full-time worker.
    pub fn rate(cases: u64, per: Fraction) -> Result<Self, OutOfRange> {
        Self::ratio(cases.into(), per, Counted::Numerator)
    }

    /// The mean of an amount over people or cases, such as days of waiting.
    pub fn mean(sum: Fraction, cases: u64) -> Result<Self, OutOfRange> {
        Self::ratio(sum, cases.into(), Counted::Denominator)
    }

    /// One number of the values of people or cases that is no mean, such as a median. It counts the cases.
    pub fn of_cases(value: Fraction, cases: u64) -> Self {
        Self {
            state: State::Value,
            numerator: None,
            denominator: Some(cases.into()),
            value: Some(value),
            counted: Counted::Denominator,
        }
    }

    /// One amount over another, neither of which counts people, such as care days over child days.
    pub fn quotient(numerator: Fraction, denominator: Fraction) -> Result<Self, OutOfRange> {
        Self::ratio(numerator, denominator, Counted::Nothing)
    }

    /// The facts are not supplied.
    pub const fn no_data() -> Self {
        Self::without_value(State::NoData)
    }

    /// There is nothing to give a value of.
    pub const fn not_applicable() -> Self {
        Self::without_value(State::NotApplicable)
    }

    const fn without_value(state: State) -> Self {
        Self { state, numerator: None, denominator: None, value: None, counted: Counted::Nothing }
    }

    fn ratio(numerator: Fraction, denominator: Fraction, counted: Counted) -> Result<Self, OutOfRange> {
        let value = numerator.over(denominator)?;
        let state = if value.is_some() { State::Value } else { State::NotApplicable };
        Ok(Self { state, numerator: Some(numerator), denominator: Some(denominator), value, counted })
    }

    /// This figure over another, such as job starts over referrals. Its state is the greater of both.
    pub fn divided_by(&self, below: &Self) -> Result<Self, OutOfRange> {
        let counts = |figure: &Self| figure.counted != Counted::Nothing;
        let counted = match (counts(self), counts(below)) {
            (true, true) => Counted::Both,
            (true, false) => Counted::Numerator,
            (false, true) => Counted::Denominator,
            (false, false) => Counted::Nothing,
        };
        Self::of_both(self, below, |above, below| Self::ratio(above, below, counted))
    }

    /// The same figure of a period under way.
    #[must_use]
    pub fn provisional(self) -> Self {
        Self { state: self.state.max(State::Provisional), ..self }
    }

    /// The same figure for those who may not see small counts: hidden if a count in it is from 1 to 4.
    #[must_use]
    pub fn suppressed(self) -> Self {
        let is_small = |count: Option<Fraction>| {
            count.is_some_and(|count| Fraction::ZERO < count && count < Fraction::from(SMALL))
        };
        let hides = match self.counted {
            Counted::Nothing => false,
            Counted::Numerator => is_small(self.numerator),
            Counted::Denominator => is_small(self.denominator),
            Counted::Both => is_small(self.numerator) || is_small(self.denominator),
        };
        if hides { Self::without_value(State::Suppressed) } else { self }
    }

    /// The same figure for those who may not see it.
    #[must_use]
    pub const fn hidden(self) -> Self {
        Self::without_value(State::Suppressed)
    }

    /// The same figure without the two numbers that its value is made of, if it is made of two.
    #[must_use]
    pub fn without_parts(self) -> Self {
        if self.denominator.is_some() { Self { numerator: None, denominator: None, ..self } } else { self }
    }

    /// A figure made of the values of two others. Its state is the greater of theirs.
    pub(super) fn of_both(
        one: &Self,
        other: &Self,
        make: impl FnOnce(Fraction, Fraction) -> Result<Self, OutOfRange>,
    ) -> Result<Self, OutOfRange> {
        let state = one.state.max(other.state);
        match (one.value, other.value) {
            (Some(one), Some(other)) => {
                let both = make(one, other)?;
                Ok(Self { state: both.state.max(state), ..both })
            }
            _ => Ok(Self::without_value(state)),
        }
    }

    /// Whether it has a value, and if not, why.
    pub const fn state(&self) -> State {
        self.state
    }

    /// What is counted or summed. None if it is not known or hidden.
    pub const fn numerator(&self) -> Option<Fraction> {
        self.numerator
    }

    /// What the numerator is divided by. None if it is not known or hidden, and for a plain count or amount.
    pub const fn denominator(&self) -> Option<Fraction> {
        self.denominator
    }

    /// The value, unrounded.
    pub const fn value(&self) -> Option<Fraction> {
        self.value
    }

    /// The value as shown with this many decimal places, rounded half-up.
    pub fn rounded(&self, places: u32) -> Result<Option<Decimal>, OutOfRange> {
        self.value.map(|value| value.rounded(places)).transpose()
    }

    /// The value as a percentage with this many decimal places, rounded half-up once: 5 of 8 shows 63.
    pub fn percent(&self, places: u32) -> Result<Option<Decimal>, OutOfRange> {
        self.value.map(|value| value.in_percent()?.rounded(places)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::super::fraction::tests::fraction;
    use super::*;

    fn percent(part: u64, population: u64) -> Option<String> {
        let share = Figure::share(part, population).expect("in range");
        share.percent(0).expect("in range").map(|percent| percent.to_string())
    }

    #[test]
    fn a_share_is_rounded_half_up_once_when_it_is_shown() {
        assert_eq!(percent(5, 8).as_deref(), Some("63"));
        assert_eq!(percent(0, 8).as_deref(), Some("0"));
        let rate = Figure::rate(48, fraction("43/6")).expect("in range");
        assert_eq!(rate.rounded(1), Ok(Some(Decimal::new(67, 1))));
    }

    #[test]
    fn a_share_of_nothing_has_no_value_and_still_shows_what_it_is_made_of() {
        for part in [0, 5] {
            let share = Figure::share(part, 0).expect("in range");
            assert_eq!((share.state(), share.value()), (State::NotApplicable, None));
            assert_eq!((share.numerator(), share.denominator()), (Some(part.into()), Some(Fraction::ZERO)));
        }
        assert_eq!(percent(5, 0), None);
    }

    #[test]
    fn no_data_is_not_zero() {
        assert_eq!((Figure::no_data().value(), Figure::count(0).value()), (None, Some(Fraction::ZERO)));
        assert_ne!(Figure::no_data(), Figure::count(0));
        assert_eq!(Figure::no_data().provisional().state(), State::NoData);
        assert_eq!(Figure::count(7).provisional().state(), State::Provisional);
        assert_eq!(Figure::count(7).provisional().value(), Some(7.into()));
    }

    #[test]
    fn counts_from_one_to_four_are_hidden_with_all_that_is_made_of_them() {
        let state = |figure: Result<Figure, OutOfRange>| figure.expect("in range").suppressed().state();
        let of_counts: Vec<State> = [0, 1, 4, 5].map(|cases| state(Ok(Figure::count(cases)))).into();
        assert_eq!(of_counts, [State::Value, State::Suppressed, State::Suppressed, State::Value]);
        assert_eq!(state(Figure::share(40, 50)), State::Value);
        assert_eq!(state(Figure::share(4, 50)), State::Suppressed);
        assert_eq!(state(Figure::share(0, 3)), State::Suppressed);
        assert_eq!(state(Figure::rate(40, fraction("2.5"))), State::Value, "workers are not hidden");
        assert_eq!(state(Figure::rate(4, fraction("2.5"))), State::Suppressed);
        assert_eq!(state(Figure::mean(fraction("3"), 40)), State::Value);
        assert_eq!(state(Figure::mean(fraction("300"), 4)), State::Suppressed);
        assert_eq!(state(Figure::quotient(fraction("3"), fraction("4"))), State::Value);
        let hidden = Figure::share(4, 50).expect("in range").suppressed();
        assert_eq!((hidden.numerator(), hidden.denominator(), hidden.value()), (None, None, None));
    }
}
