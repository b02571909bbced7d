//! The periods that a client may ask for.

use async_graphql::{Enum, InputObject, Result, SimpleObject};
use chrono::NaiveDate;

use super::scalars::Date;
use crate::queries::period::Period as BoardPeriod;
use throughline_domain::contract::Rulebook;
use throughline_domain::performance::period::{MONTHS_MAX, Month, Months, Period, Unit};
use throughline_gateway::Code;

/// A kind of period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum PeriodKind {
    /// The ISO week, from Monday to Sunday, that holds `from`.
    Week,
    /// The calendar month that holds `from`.
    Month,
    /// The quarter of the rulebook's financial year that holds `from`.
    Quarter,
    /// The rulebook's financial year that holds `from`.
    FinancialYear,
    /// The calendar year that holds `from`.
    CalendarYear,
    /// From the start of the financial year to the end of the month that holds `from`.
    YearToDate,
    /// From the start of the contract to the end of the month that holds `from`.
    ContractToDate,
    /// The days from `from` to `to`, both included.
    Days,
}

/// A period: whole months, or another kind.
#[derive(Debug, Clone, Copy, InputObject)]
pub struct PeriodInput {
    /// Any day of the first month. With a `kind`: any day of the period, or the first day.
    pub from: Date,
    /// Any day of the last month. Default: the same month as `from`. With the kind `DAYS`: the last day.
    pub to: Option<Date>,
    /// The kind of period. Default: the months from `from` to `to`. Only figures have kinds.
    pub kind: Option<PeriodKind>,
}

/// A period, both ends included.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub struct FigurePeriod {
    /// The first day.
    first: Date,
    /// The last day.
    last: Date,
    /// Whether the period was not over at `asOf`, so that its figures may still change.
    provisional: bool,
}

impl FigurePeriod {
    pub(super) fn of(period: &Period, as_of: NaiveDate) -> Self {
        Self { first: Date(period.first()), last: Date(period.last()), provisional: period.is_provisional(as_of) }
    }
}

impl PeriodInput {
    /// The months of a board. Refuses other kinds of periods.
    pub(super) fn months(self) -> Result<Months> {
        if self.kind.is_some() {
            let message = "this board counts whole months: leave out the kind of the period, or use figures";
            return Err(Code::BadUserInput.error(message));
        }
        self.span_of_months()
    }

    /// The months from one to the other.
    fn span_of_months(self) -> Result<Months> {
        let first = Month::of(self.from.0);
        let last = self.to.map_or(first, |to| Month::of(to.0));
        Months::from_to(first, last).ok_or_else(|| {
            Code::BadUserInput.error(format!(
                "the period runs backwards or is longer than {MONTHS_MAX} months: give a from before to, and a \
                 shorter period"
            ))
        })
    }

    /// The period of figures.
    pub(super) fn of_figures(self, rulebook: &Rulebook, starts_on: NaiveDate) -> Result<Period> {
        let (from, year) = (self.from.0, rulebook.calendar.financial_year);
        if self.to.is_some() && !matches!(self.kind, None | Some(PeriodKind::Days)) {
            let message = "the kind of the period says where it ends: leave out to, or use the kind DAYS";
            return Err(Code::BadUserInput.error(message));
        }
        let one = |unit| Ok(Period::of(unit, from));
        match self.kind {
            None => {
                let months = self.span_of_months()?;
                let whole = Period::days(months.first().first(), months.last().last());
                Ok(whole.filter(|_| months.first() != months.last()).unwrap_or(Period::month(months.first())))
            }
            Some(PeriodKind::Week) => one(Unit::Week),
            Some(PeriodKind::Month) => one(Unit::Month),
            Some(PeriodKind::Quarter) => one(Unit::Quarter(year)),
            Some(PeriodKind::FinancialYear) => one(Unit::FinancialYear(year)),
            Some(PeriodKind::CalendarYear) => one(Unit::CalendarYear),
            Some(PeriodKind::YearToDate) => Ok(Period::year_to_date(year, Unit::Month, from)),
            Some(PeriodKind::ContractToDate) => Period::to_date(starts_on, Unit::Month, from).ok_or_else(|| {
                let message = format!("the contract starts on {starts_on}, after the period: give a later from");
                Code::BadUserInput.error(message)
            }),
            Some(PeriodKind::Days) => self.to.and_then(|to| Period::days(from, to.0)).ok_or_else(|| {
                Code::BadUserInput.error("a period of days needs a from and a to that is not earlier: give both")
            }),
        }
    }
}

/// The period of a board. Default: everything to date.
pub(super) fn period_of(period: Option<PeriodInput>) -> Result<BoardPeriod> {
    period.map_or(Ok(BoardPeriod::ToDate), |period| period.months().map(BoardPeriod::Months))
}
