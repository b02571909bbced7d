//! The columns beside an actual: target, period before, three months before, a year before.
//!
//! Pure. A comparison with nothing has no value: 0 on 0 is blank, as is anything without a target. What is made of a
//! hidden figure is hidden, and no word is said about it.

use super::figure::{Figure, State};
use super::fraction::{Fraction, OutOfRange};

/// The actuals of one measure and one row of a table. What is not asked for is None. A figure that cannot be, such as
/// that of a month before the contract started, is not applicable.
#[derive(Debug, Clone, Copy)]
pub struct Actuals {
    /// Of the period of the table.
    pub now: Figure,
    /// Of the period before.
    pub previous: Option<Figure>,
    /// Of the three months before.
    pub three_months: Option<[Figure; 3]>,
    /// Of the same period a year before.
    pub year_before: Option<Figure>,
}

/// The targets of one profile for the same measure and row.
#[derive(Debug, Clone)]
pub struct Aim {
    /// The profile, such as `business_plan`.
    pub profile: String,
    /// Of the period of the table.
    pub now: Figure,
    /// Of the period before. Not applicable if it is not asked for.
    pub previous: Figure,
}

/// The columns beside an actual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Against the target of each profile.
    pub targets: Vec<AgainstTarget>,
    /// Beside the period before.
    pub previous: Option<Beside>,
    /// Beside the mean of the three months before.
    pub three_months: Option<Beside>,
    /// Beside the same period a year before.
    pub year_before: Option<Beside>,
}

/// An actual against the target of one profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgainstTarget {
    /// The profile.
    pub profile: String,
    /// Target, percentage and difference.
    pub beside: Beside,
    /// Whether the target is met.
    pub met: Met,
    /// The change of the ratio of actual to target since the period before.
    pub arrow: Arrow,
}

/// An actual beside another figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beside {
    /// The other figure: a target, another period, another cohort.
    pub base: Figure,
    /// The actual over the base, to be shown as a percentage.
    pub ratio: Figure,
    /// The actual less the base.
    pub difference: Figure,
}

/// Whether a target is met: the actual is the target or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met {
    /// It is met.
    Met,
    /// It is not met.
    NotMet,
    /// This cannot be said, as the actual or the target has no value: the state says why.
    Unknown(State),
}

/// The direction of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrow {
    /// The ratio is greater than before.
    Up,
    /// It is smaller.
    Down,
    /// It is exactly the same.
    Flat,
    /// One of the two ratios has no value.
    None,
}

impl Arrow {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Flat => "flat",
            Self::None => "none",
        }
    }
}

impl Comparison {
    /// Compares the actuals of a row with each other and with its targets.
    pub fn of(actuals: &Actuals, aims: Vec<Aim>) -> Result<Self, OutOfRange> {
        let now = &actuals.now;
        let beside = |base: Option<Figure>| base.map(|base| Beside::of(now, base)).transpose();
        Ok(Self {
            targets: aims.into_iter().map(|aim| AgainstTarget::of(actuals, aim)).collect::<Result<_, _>>()?,
            previous: beside(actuals.previous)?,
            three_months: beside(actuals.three_months.map(|months| mean_of_three(&months)).transpose()?)?,
            year_before: beside(actuals.year_before)?,
        })
    }
}

impl Comparison {
    /// The same beside a figure that is hidden: what says something about it is hidden too.
    #[must_use]
    pub fn without_figure(&self) -> Self {
        let target = |against: &AgainstTarget| AgainstTarget {
            profile: against.profile.clone(),
            beside: against.beside.without_actual(),
            met: Met::Unknown(State::Suppressed),
            arrow: Arrow::None,
        };
        let beside = |beside: Option<Beside>| beside.map(Beside::without_actual);
        Self {
            targets: self.targets.iter().map(target).collect(),
            previous: beside(self.previous),
            three_months: beside(self.three_months),
            year_before: beside(self.year_before),
        }
    }
}

impl AgainstTarget {
    fn of(actuals: &Actuals, aim: Aim) -> Result<Self, OutOfRange> {
        let beside = Beside::of(&actuals.now, aim.now)?;
        let before = actuals.previous.map(|previous| Beside::of(&previous, aim.previous)).transpose()?;
        let arrow = Arrow::between(before.and_then(|before| before.ratio.value()), beside.ratio.value());
        Ok(Self { profile: aim.profile, beside, met: Met::of(&actuals.now, &aim.now), arrow })
    }
}

impl Beside {
    /// An actual beside any other figure, such as that of another cohort.
    pub fn of(actual: &Figure, base: Figure) -> Result<Self, OutOfRange> {
        let ratio = Figure::of_both(actual, &base, Figure::quotient)?;
        let difference = Figure::of_both(actual, &base, |actual, base| Ok(Figure::amount(actual.minus(base)?)))?;
        Ok(Self { base, ratio, difference })
    }
}

impl Beside {
    /// The base alone, for those who may not see the actual.
    #[must_use]
    pub const fn without_actual(self) -> Self {
        Self { ratio: self.ratio.hidden(), difference: self.difference.hidden(), ..self }
    }

    /// Nothing but that it is hidden, for those who may not see the base.
    #[must_use]
    pub const fn without_base(self) -> Self {
        Self { base: self.base.hidden(), ..self.without_actual() }
    }

    /// The same without the two numbers that the base is made of, if it is made of two.
    #[must_use]
    pub fn without_parts(self) -> Self {
        Self { base: self.base.without_parts(), ..self }
    }
}

impl Met {
    fn of(actual: &Figure, target: &Figure) -> Self {
        match (actual.value(), target.value()) {
            (Some(actual), Some(target)) if actual >= target => Self::Met,
            (Some(_), Some(_)) => Self::NotMet,
            _ => Self::Unknown(actual.state().max(target.state())),
        }
    }
}

impl Arrow {
    fn between(before: Option<Fraction>, now: Option<Fraction>) -> Self {
        let (Some(before), Some(now)) = (before, now) else { return Self::None };
        match now.cmp(&before) {
            std::cmp::Ordering::Greater => Self::Up,
            std::cmp::Ordering::Less => Self::Down,
            std::cmp::Ordering::Equal => Self::Flat,
        }
    }
}

/// The mean of the values of three months. No value unless all three have one.
fn mean_of_three([one, two, three]: &[Figure; 3]) -> Result<Figure, OutOfRange> {
    let sum = |one: Fraction, two: Fraction| Ok(Figure::amount(one.plus(two)?));
    let two = Figure::of_both(one, two, sum)?;
    let third = |sum: Fraction, last: Fraction| Figure::quotient(sum.plus(last)?, 3.into());
    Figure::of_both(&two, three, third)
}

#[cfg(test)]
mod tests {
    use super::super::fraction::tests::fraction;
    use super::*;

    fn amount(text: &str) -> Figure {
        Figure::amount(fraction(text))
    }

    fn actuals(now: Figure, previous: Figure) -> Actuals {
        Actuals { now, previous: Some(previous), three_months: None, year_before: None }
    }

    fn against(actuals: &Actuals, (now, previous): (Figure, Figure)) -> AgainstTarget {
        let aim = Aim { profile: "contract".to_owned(), now, previous };
        Comparison::of(actuals, vec![aim]).expect("in range").targets.remove(0)
    }

    #[test]
    fn a_percentage_is_taken_on_the_unrounded_target() {
        let row = against(&actuals(Figure::count(82), Figure::count(60)), (amount("53.55"), amount("53.55")));
        assert_eq!(row.beside.ratio.percent(0), Ok(Some(153.into())));
        assert_eq!(row.beside.difference.rounded(2), Ok(Some("28.45".parse().expect("a decimal"))));
        assert_eq!((row.met, row.arrow), (Met::Met, Arrow::Up));
    }

    #[test]
    fn nothing_on_nothing_is_blank_and_so_is_anything_on_nothing() {
        for cases in [0, 5] {
            let row = against(&actuals(Figure::count(cases), Figure::count(3)), (amount("0"), amount("1")));
            assert_eq!(row.beside.ratio.percent(0), Ok(None));
            assert_eq!((row.met, row.arrow), (Met::Met, Arrow::None));
            assert_eq!(row.beside.difference.value(), Some(cases.into()));
        }
    }

    #[test]
    fn without_a_target_nothing_is_met_missed_or_rising() {
        let none = Figure::not_applicable();
        let row = against(&actuals(Figure::count(5), Figure::count(3)), (none, none));
        assert_eq!((row.met, row.arrow), (Met::Unknown(State::NotApplicable), Arrow::None));
        assert_eq!(
            (row.beside.ratio.state(), row.beside.difference.state()),
            (State::NotApplicable, State::NotApplicable)
        );
        let row = against(&actuals(Figure::no_data(), Figure::count(3)), (amount("5"), amount("5")));
        assert_eq!((row.met, row.arrow), (Met::Unknown(State::NoData), Arrow::None));
    }

    #[test]
    fn an_arrow_compares_ratios_and_not_counts() {
        let arrow = |now: (u64, &str), previous: (u64, &str)| {
            let counts = actuals(Figure::count(now.0), Figure::count(previous.0));
            against(&counts, (amount(now.1), amount(previous.1))).arrow.as_str()
        };
        assert_eq!(arrow((12, "40"), (10, "30")), "down");
        assert_eq!(arrow((12, "36"), (10, "30")), "flat");
        assert_eq!(arrow((8, "20"), (10, "30")), "up");
        assert_eq!(arrow((8, "20"), (10, "0")), "none");
    }

    #[test]
    fn a_comparison_says_nothing_about_what_is_hidden_and_that_a_period_is_under_way() {
        let hidden = Figure::count(4).suppressed();
        let row = against(&actuals(hidden, Figure::count(30)), (amount("40"), amount("40")));
        assert_eq!((row.met, row.arrow), (Met::Unknown(State::Suppressed), Arrow::None));
        assert_eq!((row.beside.ratio.state(), row.beside.difference.state()), (State::Suppressed, State::Suppressed));
        let under_way = actuals(Figure::count(30).provisional(), Figure::count(30));
        let row = against(&under_way, (amount("40"), amount("40")));
        assert_eq!((row.beside.ratio.state(), row.met), (State::Provisional, Met::NotMet));
    }

    #[test]
    fn the_three_months_before_count_only_if_all_have_a_value() {
        let mean = |months: [Figure; 3]| mean_of_three(&months).expect("in range");
        let count = Figure::count;
        assert_eq!(mean([count(42), count(43), count(42)]).value(), Some(fraction("127/3")));
        assert_eq!(mean([count(42), Figure::no_data(), count(42)]).state(), State::NoData);
        assert_eq!(mean([count(42), count(43), Figure::not_applicable()]).state(), State::NotApplicable);
        let asked = Actuals {
            three_months: Some([count(0); 3]),
            year_before: Some(count(50)),
            ..actuals(count(60), count(40))
        };
        let compared = Comparison::of(&asked, Vec::new()).expect("in range");
        let ratio = |beside: Option<Beside>| beside.and_then(|beside| beside.ratio.percent(0).expect("in range"));
        assert_eq!(ratio(compared.three_months), None, "60 on 0");
        assert_eq!((ratio(compared.previous), ratio(compared.year_before)), (Some(150.into()), Some(120.into())));
    }
}
