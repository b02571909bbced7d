//! The periods that a client may ask for.

use async_graphql::{Enum, InputObject, Result, SimpleObject};
use chrono::NaiveDate;

use super::scalars::Date;
use crate::queries::period::Period as BoardPeriod;
use throughline_domain::performance::asked::{self, PeriodAsked, PeriodFault};
use throughline_domain::performance::period::{MONTHS_MAX, Months, Period};
use throughline_domain::performance::report::ContractCalendar;
use throughline_gateway::Code;

/// A kind of period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "asked::PeriodKind")]
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

    /// The period of figures.
    pub(super) fn of_figures(self, calendar: ContractCalendar) -> Result<Period> {
        self.asked().period(calendar).map_err(refused)
    }

    /// The months from one to the other.
    fn span_of_months(self) -> Result<Months> {
        self.asked().months().map_err(refused)
    }

    fn asked(self) -> PeriodAsked {
        PeriodAsked { kind: self.kind.map(Into::into), from: self.from.0, to: self.to.map(|to| to.0) }
    }
}

/// Why a period is refused, in the words of the API.
fn refused(fault: PeriodFault) -> async_graphql::Error {
    Code::BadUserInput.error(match fault {
        PeriodFault::EndsTwice => {
            "the kind of the period says where it ends: leave out to, or use the kind DAYS".to_owned()
        }
        PeriodFault::NoMonths => format!(
            "the period runs backwards or is longer than {MONTHS_MAX} months: give a from before to, and a shorter period"
        ),
        PeriodFault::BeforeContract(starts_on) => {
            format!("the contract starts on {starts_on}, after the period: give a later from")
        }
        PeriodFault::NoDays => {
            "a period of days needs a from and a to that is not earlier: give both".to_owned()
        }
    })
}

/// The period of a board. Default: everything to date.
pub(super) fn period_of(period: Option<PeriodInput>) -> Result<BoardPeriod> {
    period.map_or(Ok(BoardPeriod::ToDate), |period| period.months().map(BoardPeriod::Months))
}
