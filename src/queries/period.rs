//! Periods of a board: calendar months, and everything to date.
//!
//! Pure. SQL receives their first and last days and computes no dates of its own.

use std::fmt;

use chrono::{Datelike, Days, Months as Ahead, NaiveDate};

use throughline_domain::contract::Contract;
use throughline_projections::stage;

/// A calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(NaiveDate);

impl Month {
    /// The month that holds a day.
    pub fn of(day: NaiveDate) -> Self {
        Self(stage::month_of(day))
    }

    /// Its first day.
    pub const fn first(self) -> NaiveDate {
        self.0
    }

    /// Its last day.
    pub fn last(self) -> NaiveDate {
        self.next().and_then(|next| next.0.checked_sub_days(Days::new(1))).unwrap_or(NaiveDate::MAX)
    }

    /// The month after it. `None` at the end of the calendar.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add_months(Ahead::new(1)).map(Self)
    }

    /// Whether the month is not over at the end of a day, so that its counts may still grow.
    pub fn is_provisional(self, as_of: NaiveDate) -> bool {
        as_of < self.last()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.format("%Y-%m").fmt(f)
    }
}

/// The most months in one query: more than any contract lasts.
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

    /// The months from one to another. `None` if they are in reverse order or more than [`MONTHS_MAX`].
    pub fn from_to(first: Month, last: Month) -> Option<Self> {
        let count = |month: Month| i64::from(month.0.year()) * 12 + i64::from(month.0.month0());
        let spanned = usize::try_from(count(last) - count(first)).ok()?;
        (spanned < MONTHS_MAX).then_some(Self { first, last })
    }

    /// The months from a contract's start to a day. If the contract starts later, only the month of the day.
    pub fn of_contract(contract: &Contract, upto: NaiveDate) -> Self {
        let last = Month::of(upto);
        let first = contract.opened().map_or(last, |opened| Month::of(opened.starts_on));
        Self::from_to(first.min(last), last).unwrap_or(Self::one(last))
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
        std::iter::successors(Some(self.first), |month| month.next()).take_while(move |month| *month <= self.last)
    }
}

/// The period of the cases that a table counts, by the table's own date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// All of them.
    ToDate,
    /// Those of these months.
    Months(Months),
}

impl Period {
    /// The first and the last day, both included, as SQL binds them.
    pub(super) fn edges(self) -> (NaiveDate, NaiveDate) {
        match self {
            Self::ToDate => (BEGINNING, END),
            Self::Months(months) => (bound(months.first.first()), bound(months.last.last())),
        }
    }
}

/// A day before any fact. Facts are dated from 1900.
pub(super) const BEGINNING: NaiveDate = NaiveDate::from_ymd_opt(1, 1, 1).expect("a real day");
/// A day after any fact, which both stores sort correctly as a date.
pub(super) const END: NaiveDate = NaiveDate::from_ymd_opt(9999, 12, 30).expect("a real day");

/// The date of a query as SQL binds it, limited to dates that both stores sort alike.
pub(super) fn bound(as_of: NaiveDate) -> NaiveDate {
    as_of.clamp(BEGINNING, END)
}

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_domain::world::day;

    #[test]
    fn months_run_from_the_first_to_the_last_day() {
        let (december, february) = (Month::of(day("2017-12-31")), Month::of(day("2018-02-01")));
        let months = Months::from_to(december, february).expect("in order");
        assert_eq!(months.iter().map(|month| month.to_string()).collect::<Vec<_>>(), ["2017-12", "2018-01", "2018-02"]);
        assert_eq!(Period::Months(months).edges(), (day("2017-12-01"), day("2018-02-28")));
        assert_eq!(Months::from_to(february, december), None);
        assert_eq!(Months::from_to(Month::of(day("0001-01-01")), december), None);
    }

    #[test]
    fn a_month_is_provisional_until_its_last_day_is_over() {
        let february = Month::of(day("2018-02-10"));
        assert!(february.is_provisional(day("2018-02-27")));
        assert!(!february.is_provisional(day("2018-02-28")));
    }
}
