//! The periods of figures: weeks, months, quarters, years, a life, everything to date, or any days.
//!
//! Pure. It never asks which day it is: whether a period is over is said as of a day. What a rulebook decides, the
//! first day of the financial year, is passed in.

use std::fmt;

use chrono::{Datelike, Days, Months as Ahead, NaiveDate, Weekday};

use crate::contract::outcome::aggregate::period_start;
use crate::contract::rulebook::MonthDay;
use crate::contract::rulebook::outcome::PeriodKind;

/// A calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(NaiveDate);

impl Month {
    /// The month that holds a day.
    pub fn of(day: NaiveDate) -> Self {
        Self(day.with_day(1).expect("every month has a first day"))
    }

    /// Its first day.
    pub const fn first(self) -> NaiveDate {
        self.0
    }

    /// Its last day.
    pub fn last(self) -> NaiveDate {
        self.ahead(1).and_then(|next| next.0.pred_opt()).unwrap_or(NaiveDate::MAX)
    }

    /// The month this many months later. None at the end of the calendar.
    pub fn ahead(self, months: u32) -> Option<Self> {
        self.0.checked_add_months(Ahead::new(months)).map(Self)
    }

    /// The month this many months earlier. None at the beginning of the calendar.
    pub fn back(self, months: u32) -> Option<Self> {
        self.0.checked_sub_months(Ahead::new(months)).map(Self)
    }

    /// Whether the month is not over at the end of a day, so that its counts may still grow.
    pub fn is_provisional(self, as_of: NaiveDate) -> bool {
        as_of < self.last()
    }

    /// The number of months from the year 0 on.
    fn number(self) -> i64 {
        i64::from(self.0.year()) * 12 + i64::from(self.0.month0())
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.format("%Y-%m").fmt(f)
    }
}

/// The most months of one range: more than any contract lasts.
pub const MONTHS_MAX: usize = 600;

/// A range of months, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Months {
    first: Month,
    last: Month,
}

impl Months {
    /// A single month.
    pub const fn one(month: Month) -> Self {
        Self { first: month, last: month }
    }

    /// The months from one to another. None if they are in reverse order or more than [`MONTHS_MAX`].
    pub fn from_to(first: Month, last: Month) -> Option<Self> {
        let spanned = usize::try_from(last.number() - first.number()).ok()?;
        (spanned < MONTHS_MAX).then_some(Self { first, last })
    }

    /// The first month.
    pub const fn first(self) -> Month {
        self.first
    }

    /// The last month.
    pub const fn last(self) -> Month {
        self.last
    }

    /// Each month in order.
    pub fn iter(self) -> impl Iterator<Item = Month> {
        std::iter::successors(Some(self.first), |month| month.ahead(1)).take_while(move |month| *month <= self.last)
    }
}

/// A part of the calendar that comes again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// ISO weeks, from Monday to Sunday.
    Week,
    /// Calendar months.
    Month,
    /// Quarters of the financial year that starts on this day.
    Quarter(MonthDay),
    /// Financial years that start on this day.
    FinancialYear(MonthDay),
    /// Years from January to December.
    CalendarYear,
}

impl Unit {
    /// The first day of the one that holds a day.
    fn first(self, day: NaiveDate) -> NaiveDate {
        match self {
            Self::Week => {
                let since_monday = Days::new(day.weekday().num_days_from_monday().into());
                day.checked_sub_days(since_monday).unwrap_or(NaiveDate::MIN)
            }
            Self::Month => period_start(day, PeriodKind::Month, JANUARY),
            Self::Quarter(year) => period_start(day, PeriodKind::Quarter, year),
            Self::FinancialYear(year) => period_start(day, PeriodKind::FinancialYear, year),
            Self::CalendarYear => period_start(day, PeriodKind::FinancialYear, JANUARY),
        }
    }

    /// The last day of the one that starts on a day.
    fn last(self, first: NaiveDate) -> NaiveDate {
        let next = match self.months() {
            None => first.checked_add_days(Days::new(7)),
            Some(months) => first.checked_add_months(Ahead::new(months)),
        };
        next.and_then(|next| next.pred_opt()).unwrap_or(NaiveDate::MAX)
    }

    /// The first day of the same one a year before the one that starts on a day. Week 53 is not in every year.
    fn year_before(self, first: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Week => {
                let week = first.iso_week();
                NaiveDate::from_isoywd_opt(week.year() - 1, week.week(), Weekday::Mon)
            }
            _ => first.checked_sub_months(Ahead::new(12)),
        }
    }

    /// The number of months. None for a week.
    const fn months(self) -> Option<u32> {
        match self {
            Self::Week => None,
            Self::Month => Some(1),
            Self::Quarter(_) => Some(3),
            Self::FinancialYear(_) | Self::CalendarYear => Some(12),
        }
    }
}

/// The first day of a calendar year.
const JANUARY: MonthDay = MonthDay { month: 1, day: 1 };

/// What a period is, as far as that decides which period comes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One week, month, quarter or year.
    One(Unit),
    /// From the start of the contract or cohort to the end of one.
    ToDate(Unit),
    /// From the start of the financial year to the end of one.
    YearToDate(MonthDay, Unit),
    /// The whole life of a contract or cohort.
    Life,
    /// Any days.
    Days,
}

/// A period of figures: its first and last day, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    first: NaiveDate,
    last: NaiveDate,
    form: Form,
}

impl Period {
    /// The week, month, quarter or year that holds a day.
    pub fn of(unit: Unit, day: NaiveDate) -> Self {
        let first = unit.first(day);
        Self { first, last: unit.last(first), form: Form::One(unit) }
    }

    /// A calendar month.
    pub fn month(month: Month) -> Self {
        Self::of(Unit::Month, month.first())
    }

    /// From the first day of a contract or cohort to the end of the week, month, quarter or year that holds a day. None
    /// if that ends before the first day.
    pub fn to_date(starts_on: NaiveDate, unit: Unit, day: NaiveDate) -> Option<Self> {
        Self { first: starts_on, last: Self::of(unit, day).last, form: Form::ToDate(unit) }.in_order()
    }

    /// From the start of the financial year to the end of the week, month or quarter that holds a day.
    pub fn year_to_date(financial_year: MonthDay, unit: Unit, day: NaiveDate) -> Self {
        let last = Self::of(unit, day).last;
        let first = Unit::FinancialYear(financial_year).first(last);
        Self { first, last, form: Form::YearToDate(financial_year, unit) }
    }

    /// The whole life of a contract or cohort. None if its days are in reverse order.
    pub fn life(first: NaiveDate, last: NaiveDate) -> Option<Self> {
        Self { first, last, form: Form::Life }.in_order()
    }

    /// Any days, both ends included. None if they are in reverse order.
    pub fn days(first: NaiveDate, last: NaiveDate) -> Option<Self> {
        Self { first, last, form: Form::Days }.in_order()
    }

    fn in_order(self) -> Option<Self> {
        (self.first <= self.last).then_some(self)
    }

    /// The first day.
    pub const fn first(&self) -> NaiveDate {
        self.first
    }

    /// The last day.
    pub const fn last(&self) -> NaiveDate {
        self.last
    }

    /// Whether the period begins with the start of a contract or cohort, so that its first month counts whole.
    pub const fn is_to_date(&self) -> bool {
        matches!(self.form, Form::ToDate(_))
    }

    /// Whether the period is not over at the end of a day, so that its figures may still change.
    pub fn is_provisional(&self, as_of: NaiveDate) -> bool {
        as_of < self.last
    }

    /// The period before, with which this one is compared: the week before, the same first day to the end of the month
    /// before, as many days before. None for a whole life, and where nothing lies before.
    pub fn previous(&self) -> Option<Self> {
        let before = self.first.pred_opt()?;
        let end_before = |unit: Unit| unit.first(self.last).pred_opt();
        match self.form {
            Form::One(unit) => Some(Self::of(unit, before)),
            Form::ToDate(unit) => Self::to_date(self.first, unit, end_before(unit)?),
            Form::YearToDate(year, unit) => {
                let earlier = Self::year_to_date(year, unit, end_before(unit)?);
                (earlier.first == self.first).then_some(earlier)
            }
            Form::Life => None,
            Form::Days => {
                let first = match self.whole_months() {
                    Some(months) => {
                        let count = months.last.number() - months.first.number() + 1;
                        months.first.back(u32::try_from(count).ok()?)?.0
                    }
                    None => before.checked_sub_signed(self.last - self.first)?,
                };
                Self::days(first, before)
            }
        }
    }

    /// The three months before a month, the latest first. None for other periods.
    pub fn three_months_before(&self) -> Option<[Self; 3]> {
        if self.form != Form::One(Unit::Month) {
            return None;
        }
        let month = |back| Month::of(self.first).back(back).map(|month| Self::of(Unit::Month, month.0));
        Some([month(1)?, month(2)?, month(3)?])
    }

    /// The same period a year before. None for a whole life, for week 53 after a year without one, and where a contract
    /// had not started.
    pub fn year_before(&self) -> Option<Self> {
        let end_before = |unit: Unit| unit.year_before(unit.first(self.last));
        match self.form {
            Form::One(unit) => Some(Self::of(unit, unit.year_before(self.first)?)),
            Form::ToDate(unit) => Self::to_date(self.first, unit, end_before(unit)?),
            Form::YearToDate(year, unit) => Some(Self::year_to_date(year, unit, end_before(unit)?)),
            Form::Life => None,
            Form::Days => {
                let year = Ahead::new(12);
                let last = match self.whole_months() {
                    Some(months) => months.last.back(12)?.last(),
                    None => self.last.checked_sub_months(year)?,
                };
                Self::days(self.first.checked_sub_months(year)?, last)
            }
        }
    }

    /// The months whose targets make the target of the period. A month under way, or in which a contract starts or
    /// ends, counts whole. None for a week, for days that are no whole months, and for more than [`MONTHS_MAX`] months.
    pub fn months(&self) -> Option<Months> {
        let first = Month::of(self.first);
        let last_of = |unit: Unit| match unit.months() {
            Some(months) => Month::of(unit.first(self.last)).ahead(months - 1),
            None => Some(Month::of(self.last)),
        };
        match self.form {
            Form::One(unit) => Months::from_to(first, first.ahead(unit.months()? - 1)?),
            Form::ToDate(unit) | Form::YearToDate(_, unit) => Months::from_to(first, last_of(unit)?),
            Form::Life => Months::from_to(first, Month::of(self.last)),
            Form::Days => self.whole_months(),
        }
    }

    /// The period in words, such as `February 2018` or `2018-02-05 to 2018-02-11`.
    pub fn in_words(&self) -> String {
        let month = Month::of(self.first);
        if (month.first(), month.last()) == (self.first, self.last) {
            return self.first.format("%B %Y").to_string();
        }
        format!("{} to {}", self.first, self.last)
    }

    /// The months, if the first day is the first of a month and the last day the last of one.
    fn whole_months(&self) -> Option<Months> {
        let (first, last) = (Month::of(self.first), Month::of(self.last));
        let is_whole = first.first() == self.first && last.last() == self.last;
        if is_whole { Months::from_to(first, last) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APRIL: MonthDay = MonthDay { month: 4, day: 1 };
    const TAX_YEAR: MonthDay = MonthDay { month: 4, day: 6 };

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    fn said(period: Option<Period>) -> Option<String> {
        period.map(|period| format!("{}..{}", period.first, period.last))
    }

    fn around(unit: Unit, on: &str) -> String {
        said(Some(Period::of(unit, day(on)))).expect("a period")
    }

    fn before(unit: Unit, on: &str) -> (Option<String>, Option<String>) {
        let period = Period::of(unit, day(on));
        (said(period.previous()), said(period.year_before()))
    }

    fn months(period: Option<Period>) -> Option<String> {
        let months = period?.months()?;
        Some(format!("{}..{}", months.first(), months.last()))
    }

    fn both(previous: &str, year_before: &str) -> (Option<String>, Option<String>) {
        (Some(previous.to_owned()), Some(year_before.to_owned()))
    }

    #[test]
    fn months_run_from_the_first_to_the_last() {
        let (december, february) = (Month::of(day("2017-12-31")), Month::of(day("2018-02-01")));
        let months = Months::from_to(december, february).expect("in order");
        assert_eq!(months.iter().map(|month| month.to_string()).collect::<Vec<_>>(), ["2017-12", "2018-01", "2018-02"]);
        assert_eq!(Months::from_to(february, december), None);
        assert_eq!(Months::from_to(Month::of(day("0001-01-01")), december), None);
    }

    #[test]
    fn a_month_is_provisional_until_its_last_day_is_over() {
        let february = Month::of(day("2018-02-10"));
        assert!(february.is_provisional(day("2018-02-27")));
        assert!(!february.is_provisional(day("2018-02-28")));
    }

    #[test]
    fn each_unit_holds_the_days_from_its_first_to_its_last() {
        assert_eq!(around(Unit::Week, "2021-01-03"), "2020-12-28..2021-01-03");
        assert_eq!(around(Unit::Month, "2020-02-29"), "2020-02-01..2020-02-29");
        assert_eq!(around(Unit::Quarter(APRIL), "2022-03-31"), "2022-01-01..2022-03-31");
        assert_eq!(around(Unit::FinancialYear(APRIL), "2022-03-31"), "2021-04-01..2022-03-31");
        assert_eq!(around(Unit::FinancialYear(TAX_YEAR), "2022-04-05"), "2021-04-06..2022-04-05");
        assert_eq!(around(Unit::Quarter(TAX_YEAR), "2022-07-05"), "2022-04-06..2022-07-05");
        assert_eq!(around(Unit::CalendarYear, "2022-03-31"), "2022-01-01..2022-12-31");
    }

    #[test]
    fn each_unit_has_one_before_it_and_one_a_year_before() {
        assert_eq!(before(Unit::Week, "2021-01-03"), (Some("2020-12-21..2020-12-27".to_owned()), None), "week 53");
        assert_eq!(before(Unit::Week, "2018-01-03"), both("2017-12-25..2017-12-31", "2017-01-02..2017-01-08"));
        assert_eq!(before(Unit::Month, "2020-02-10"), both("2020-01-01..2020-01-31", "2019-02-01..2019-02-28"));
        assert_eq!(
            before(Unit::Quarter(APRIL), "2021-04-01"),
            both("2021-01-01..2021-03-31", "2020-04-01..2020-06-30")
        );
        let year = Unit::FinancialYear(APRIL);
        assert_eq!(before(year, "2021-03-31"), both("2019-04-01..2020-03-31", "2019-04-01..2020-03-31"));
        assert_eq!(before(Unit::CalendarYear, "2021-03-31"), both("2020-01-01..2020-12-31", "2020-01-01..2020-12-31"));
    }

    #[test]
    fn what_is_to_date_keeps_its_start_and_ends_earlier() {
        let contract = |on: &str| Period::to_date(day("2017-03-15"), Unit::Month, day(on));
        let february = contract("2018-02-10").expect("after the start");
        assert_eq!(said(Some(february)).as_deref(), Some("2017-03-15..2018-02-28"));
        assert_eq!(said(february.previous()).as_deref(), Some("2017-03-15..2018-01-31"));
        assert_eq!(february.year_before(), None, "the contract had not started");
        assert_eq!(
            said(contract("2018-03-31").and_then(|march| march.year_before())).as_deref(),
            Some("2017-03-15..2017-03-31")
        );
        assert_eq!(contract("2017-03-31").and_then(|march| march.previous()), None);
        assert_eq!(contract("2017-02-28"), None);

        let year = |on: &str| Period::year_to_date(APRIL, Unit::Quarter(APRIL), day(on));
        assert_eq!(said(Some(year("2022-01-01"))).as_deref(), Some("2021-04-01..2022-03-31"));
        assert_eq!(said(year("2022-01-01").previous()).as_deref(), Some("2021-04-01..2021-12-31"));
        assert_eq!(year("2021-04-01").previous(), None, "a year to date starts anew");
        assert_eq!(said(year("2021-12-31").year_before()).as_deref(), Some("2020-04-01..2020-12-31"));
    }

    #[test]
    fn a_life_has_nothing_before_it_and_days_have_as_many() {
        let life = Period::life(day("2017-03-01"), day("2018-02-28")).expect("in order");
        assert_eq!((life.previous(), life.year_before(), life.three_months_before()), (None, None, None));
        let before = |first: &str, last: &str| {
            let days = Period::days(day(first), day(last)).expect("in order");
            (said(days.previous()), said(days.year_before()))
        };
        assert_eq!(before("2018-01-10", "2018-01-19"), both("2017-12-31..2018-01-09", "2017-01-10..2017-01-19"));
        assert_eq!(before("2021-01-01", "2021-02-28"), both("2020-11-01..2020-12-31", "2020-01-01..2020-02-29"));
        assert_eq!(before("2020-02-29", "2020-02-29"), both("2020-02-28..2020-02-28", "2019-02-28..2019-02-28"));
        assert_eq!(Period::days(day("2018-01-10"), day("2018-01-09")), None);
    }

    #[test]
    fn three_months_lie_before_a_month_and_before_nothing_else() {
        let february = Period::of(Unit::Month, day("2018-02-10"));
        let months = february.three_months_before().expect("a month").map(|month| month.first().to_string());
        assert_eq!(months, ["2018-01-01", "2017-12-01", "2017-11-01"]);
        assert_eq!(Period::of(Unit::Week, day("2018-02-10")).three_months_before(), None);
    }

    #[test]
    fn a_period_is_named_by_its_month_or_its_days() {
        let days = |first: &str, last: &str| Period::days(day(first), day(last)).expect("in order").in_words();
        assert_eq!(Period::month(Month::of(day("2018-02-14"))).in_words(), "February 2018");
        assert_eq!(days("2018-02-01", "2018-02-28"), "February 2018");
        assert_eq!(days("2018-01-01", "2018-02-28"), "2018-01-01 to 2018-02-28");
    }

    #[test]
    fn a_period_is_provisional_until_its_last_day_is_over() {
        let february = Period::of(Unit::Month, day("2018-02-10"));
        assert!(february.is_provisional(day("2018-02-27")));
        assert!(!february.is_provisional(day("2018-02-28")));
    }

    #[test]
    fn a_target_is_that_of_whole_months() {
        let of = |unit, on: &str| months(Some(Period::of(unit, day(on))));
        assert_eq!(of(Unit::Month, "2018-02-10").as_deref(), Some("2018-02..2018-02"));
        assert_eq!(of(Unit::Quarter(APRIL), "2018-02-10").as_deref(), Some("2018-01..2018-03"));
        assert_eq!(of(Unit::FinancialYear(TAX_YEAR), "2018-02-10").as_deref(), Some("2017-04..2018-03"));
        assert_eq!(of(Unit::Week, "2018-02-10"), None);
        let to_date = |unit, on: &str| months(Period::to_date(day("2017-03-15"), unit, day(on)));
        assert_eq!(to_date(Unit::Month, "2018-02-10").as_deref(), Some("2017-03..2018-02"));
        assert_eq!(to_date(Unit::Week, "2018-02-10").as_deref(), Some("2017-03..2018-02"));
        assert_eq!(to_date(Unit::FinancialYear(TAX_YEAR), "2018-02-10").as_deref(), Some("2017-03..2018-03"));
        assert_eq!(months(Period::life(day("2017-03-15"), day("2018-02-10"))).as_deref(), Some("2017-03..2018-02"));
        let days = |first: &str, last: &str| months(Period::days(day(first), day(last)));
        assert_eq!(days("2018-01-01", "2018-02-28").as_deref(), Some("2018-01..2018-02"));
        assert_eq!(days("2018-01-01", "2018-02-27"), None);
        assert_eq!(days("1900-01-01", "2018-02-28"), None, "more months than any contract lasts");
    }
}
