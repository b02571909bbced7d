//! The periods that may be asked for, and which days they have.
//!
//! Pure. The API and the command line name what is wrong in their own words.

use chrono::NaiveDate;

use super::period::{Month, Months, Period, Unit};
use super::report::ContractCalendar;

/// A kind of period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeriodKind {
    /// The ISO week that holds the first day.
    Week,
    /// The calendar month that holds it.
    Month,
    /// The quarter of the financial year that holds it.
    Quarter,
    /// The financial year that holds it.
    FinancialYear,
    /// The calendar year that holds it.
    CalendarYear,
    /// From the start of the financial year to the end of its month.
    YearToDate,
    /// From the start of the contract to the end of its month.
    ContractToDate,
    /// The days from the first to the last, both included.
    Days,
}

/// A period that a question asks for.
#[derive(Debug, Clone, Copy)]
pub struct PeriodAsked {
    /// Its kind. None: the months from the first to the last day.
    pub kind: Option<PeriodKind>,
    /// The first day, or any day of the period.
    pub from: NaiveDate,
    /// The last day, where the kind leaves it open.
    pub to: Option<NaiveDate>,
}

/// Why a period that is asked for has no days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeriodFault {
    /// The kind says where the period ends, and a last day is given too.
    EndsTwice,
    /// The months run backwards, or there are too many.
    NoMonths,
    /// The contract starts on this day, after the period.
    BeforeContract(NaiveDate),
    /// There is no last day, or it is before the first.
    NoDays,
}

impl PeriodAsked {
    /// The period.
    pub fn period(&self, calendar: ContractCalendar) -> Result<Period, PeriodFault> {
        let ContractCalendar { financial_year: year, starts_on } = calendar;
        if self.to.is_some() && !matches!(self.kind, None | Some(PeriodKind::Days)) {
            return Err(PeriodFault::EndsTwice);
        }
        let from = self.from;
        let Some(kind) = self.kind else { return self.whole_months() };
        match kind {
            PeriodKind::Week => Ok(Period::of(Unit::Week, from)),
            PeriodKind::Month => Ok(Period::of(Unit::Month, from)),
            PeriodKind::Quarter => Ok(Period::of(Unit::Quarter(year), from)),
            PeriodKind::FinancialYear => Ok(Period::of(Unit::FinancialYear(year), from)),
            PeriodKind::CalendarYear => Ok(Period::of(Unit::CalendarYear, from)),
            PeriodKind::YearToDate => Ok(Period::year_to_date(year, Unit::Month, from)),
            PeriodKind::ContractToDate => {
                Period::to_date(starts_on, Unit::Month, from).ok_or(PeriodFault::BeforeContract(starts_on))
            }
            PeriodKind::Days => self.to.and_then(|to| Period::days(from, to)).ok_or(PeriodFault::NoDays),
        }
    }

    /// The months from the first to the last day.
    pub fn months(&self) -> Result<Months, PeriodFault> {
        let first = Month::of(self.from);
        let last = self.to.map_or(first, Month::of);
        Months::from_to(first, last).ok_or(PeriodFault::NoMonths)
    }

    fn whole_months(&self) -> Result<Period, PeriodFault> {
        let months = self.months()?;
        let (first, last) = (months.first(), months.last());
        if first == last {
            return Ok(Period::month(first));
        }
        Period::days(first.first(), last.last()).ok_or(PeriodFault::NoMonths)
    }
}

/// The period to date on a day: from the start of the contract to the end of the month. The month of the day if the
/// contract starts later.
pub fn to_date(starts_on: NaiveDate, day: NaiveDate) -> Period {
    Period::to_date(starts_on, Unit::Month, day).unwrap_or(Period::of(Unit::Month, day))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::rulebook::MonthDay;
    use crate::world::day;

    fn asked(kind: Option<PeriodKind>, from: &str, to: Option<&str>) -> Result<(String, String), PeriodFault> {
        let calendar = ContractCalendar { financial_year: MonthDay { month: 4, day: 1 }, starts_on: day("2018-02-10") };
        let period = PeriodAsked { kind, from: day(from), to: to.map(day) }.period(calendar)?;
        Ok((period.first().to_string(), period.last().to_string()))
    }

    #[test]
    fn a_kind_says_which_days_a_period_has() {
        let days = |first: &str, last: &str| Ok((first.to_owned(), last.to_owned()));
        assert_eq!(asked(None, "2018-02-14", None), days("2018-02-01", "2018-02-28"));
        assert_eq!(asked(None, "2018-02-14", Some("2018-04-01")), days("2018-02-01", "2018-04-30"));
        for (kind, first, last) in [
            (PeriodKind::Week, "2018-02-12", "2018-02-18"),
            (PeriodKind::Month, "2018-02-01", "2018-02-28"),
            (PeriodKind::Quarter, "2018-01-01", "2018-03-31"),
            (PeriodKind::FinancialYear, "2017-04-01", "2018-03-31"),
            (PeriodKind::CalendarYear, "2018-01-01", "2018-12-31"),
            (PeriodKind::YearToDate, "2017-04-01", "2018-02-28"),
            (PeriodKind::ContractToDate, "2018-02-10", "2018-02-28"),
        ] {
            assert_eq!(asked(Some(kind), "2018-02-14", None), days(first, last), "{kind:?}");
        }
        assert_eq!(asked(Some(PeriodKind::Days), "2018-02-14", Some("2018-02-14")), days("2018-02-14", "2018-02-14"));
    }

    #[test]
    fn a_period_without_days_says_why() {
        let days = Some(PeriodKind::Days);
        assert_eq!(asked(Some(PeriodKind::Month), "2018-02-14", Some("2018-03-01")), Err(PeriodFault::EndsTwice));
        assert_eq!(asked(None, "2018-02-14", Some("2018-01-01")), Err(PeriodFault::NoMonths));
        assert_eq!(asked(days, "2018-02-14", Some("2018-02-13")), Err(PeriodFault::NoDays));
        assert_eq!(asked(days, "2018-02-14", None), Err(PeriodFault::NoDays));
        let early = asked(Some(PeriodKind::ContractToDate), "2018-01-14", None);
        assert_eq!(early, Err(PeriodFault::BeforeContract(day("2018-02-10"))));
    }
}
