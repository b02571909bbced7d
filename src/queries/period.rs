//! Periods as statements bind them: whole months, and everything to date.
//!
//! Pure. SQL receives their first and last days and computes no dates of its own.

use chrono::NaiveDate;

use throughline_domain::contract::Contract;
use throughline_domain::performance::period::{Month, Months};

/// The months from a contract's start to a day. If the contract starts later, only the month of the day.
pub fn months_of_contract(contract: &Contract, upto: NaiveDate) -> Months {
    let last = Month::of(upto);
    let first = contract.starts_on().map_or(last, Month::of);
    Months::from_to(first.min(last), last).unwrap_or(Months::one(last))
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
            Self::Months(months) => (bound(months.first().first()), bound(months.last().last())),
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
        assert_eq!(Period::Months(months).edges(), (day("2017-12-01"), day("2018-02-28")));
    }
}
