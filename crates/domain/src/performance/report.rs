//! Reports: the days of their periods.
//!
//! Pure. What a report shows is described in the rulebook. The numbers are passed in elsewhere.

use chrono::NaiveDate;

use super::period::{Month, Period, Unit};
use crate::contract::Rulebook;
use crate::contract::rulebook::MonthDay;

pub use crate::contract::rulebook::report::{
    ChartKind, CommentaryNeed, Compared, Dimension, Every, Layout, ReportBoard, ReportDefinition, SectionDefinition,
    Shown, SmallCounts, TableDefinition, TablePeriod, reports,
};

/// A contract has no report of this code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown report {code:?}: use one of {}", known.join(", "))]
pub struct UnknownReport {
    /// The code.
    pub code: String,
    /// The codes of its reports.
    pub known: Vec<String>,
}

/// The report of a rulebook with this code.
pub fn report(rulebook: &Rulebook, code: &str) -> Result<ReportDefinition, UnknownReport> {
    let reports = reports(rulebook);
    let found = reports.iter().find(|report| report.code == code).cloned();
    found.ok_or_else(|| {
        let known = reports.iter().map(|report| report.code.clone()).collect();
        UnknownReport { code: code.to_owned(), known }
    })
}

/// What the calendar of a contract decides about periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContractCalendar {
    /// The first day of the financial year.
    pub financial_year: MonthDay,
    /// The first day of the contract.
    pub starts_on: NaiveDate,
}

impl Every {
    const fn unit(self, financial_year: MonthDay) -> Unit {
        match self {
            Self::Week => Unit::Week,
            Self::Month => Unit::Month,
            Self::Quarter => Unit::Quarter(financial_year),
            Self::Year => Unit::FinancialYear(financial_year),
        }
    }
}

impl ReportDefinition {
    /// The period of the report that holds a day.
    pub fn period(&self, day: NaiveDate, financial_year: MonthDay) -> Period {
        Period::of(self.every.unit(financial_year), day)
    }
}

impl TablePeriod {
    /// The period of a table in a report for a period. None if it ends before the contract starts.
    pub fn period(self, (every, of): (Every, &Period), calendar: ContractCalendar) -> Option<Period> {
        let (year, last) = (calendar.financial_year, of.last());
        let months = |earlier: u32| {
            let month = Month::of(last);
            Period::days(month.back(earlier)?.first(), month.last())
        };
        match self {
            Self::Report => Some(*of),
            Self::Week => Some(Period::of(Unit::Week, last)),
            Self::Month => Some(Period::of(Unit::Month, last)),
            Self::Quarter => Some(Period::of(Unit::Quarter(year), last)),
            Self::FinancialYear => Some(Period::of(Unit::FinancialYear(year), last)),
            Self::YearToDate => Some(Period::year_to_date(year, every.unit(year), last)),
            Self::ContractToDate => Period::to_date(calendar.starts_on, every.unit(year), last),
            Self::RollingThreeMonths => months(2),
            Self::RollingTwelveMonths => months(11),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::day;

    const APRIL: MonthDay = MonthDay { month: 4, day: 1 };

    /// The first and the last day of a table's period, in a report for the period that holds a day.
    fn days(period: TablePeriod, every: Every, on: &str) -> Option<(String, String)> {
        let report = ReportDefinition {
            code: "regular".to_owned(),
            title: "Regular".to_owned(),
            every,
            small_counts: SmallCounts::Shown,
            sections: Vec::new(),
        };
        let calendar = ContractCalendar { financial_year: APRIL, starts_on: day("2017-03-15") };
        let found = period.period((every, &report.period(day(on), APRIL)), calendar)?;
        Some((found.first().to_string(), found.last().to_string()))
    }

    #[test]
    fn the_periods_of_tables_end_with_that_of_the_report_or_hold_its_last_day() {
        for (period, every, first, last) in [
            (TablePeriod::Report, Every::Month, "2018-02-01", "2018-02-28"),
            (TablePeriod::Report, Every::Week, "2018-02-12", "2018-02-18"),
            (TablePeriod::Report, Every::Quarter, "2018-01-01", "2018-03-31"),
            (TablePeriod::Report, Every::Year, "2017-04-01", "2018-03-31"),
            (TablePeriod::Week, Every::Month, "2018-02-26", "2018-03-04"),
            (TablePeriod::Month, Every::Quarter, "2018-03-01", "2018-03-31"),
            (TablePeriod::Quarter, Every::Month, "2018-01-01", "2018-03-31"),
            (TablePeriod::FinancialYear, Every::Month, "2017-04-01", "2018-03-31"),
            (TablePeriod::YearToDate, Every::Month, "2017-04-01", "2018-02-28"),
            (TablePeriod::YearToDate, Every::Quarter, "2017-04-01", "2018-03-31"),
            (TablePeriod::ContractToDate, Every::Month, "2017-03-15", "2018-02-28"),
            (TablePeriod::ContractToDate, Every::Week, "2017-03-15", "2018-02-18"),
            (TablePeriod::RollingThreeMonths, Every::Month, "2017-12-01", "2018-02-28"),
            (TablePeriod::RollingTwelveMonths, Every::Quarter, "2017-04-01", "2018-03-31"),
        ] {
            let expected = Some((first.to_owned(), last.to_owned()));
            assert_eq!(days(period, every, "2018-02-14"), expected, "{period:?} {every:?}");
        }
    }

    #[test]
    fn nothing_is_to_date_before_the_contract_starts() {
        assert_eq!(days(TablePeriod::ContractToDate, Every::Month, "2017-02-14"), None);
    }
}
