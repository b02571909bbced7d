//! The cases that were on the caseload on every day of a period.
//!
//! A change of keyworker does not interrupt it, a close does. A case counts for the keyworker of the last day.

use chrono::NaiveDate;
use uuid::Uuid;

use super::super::period::bound;
use super::cases::{FACTS_MAX, Valued, most};
use super::members::Place;
use super::tallies::{Span, Tally, asks_for_attributes};
use super::{Dimension, FiguresError};
use crate::store::{Sql, columns, doing, on};
use crate::views::generation::Generation;
use throughline_domain::fact::envelope::{JourneyId, WorkerId};
use throughline_domain::performance::case_value::Worth;
use throughline_domain::performance::fraction::Fraction;

static RANGES: Sql = Sql::new(include_str!("caseload_throughout.sql"));

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&RANGES];

columns! {
    /// A range of days `[from_on, to_on)` of a case on the caseload.
    #[derive(Debug)]
    struct Range {
        journey: Uuid,
        from_on: NaiveDate,
        to_on: NaiveDate,
        area: String,
        cohort: String,
        referrer: String,
        keyworker: Option<Uuid>,
        left_on: Option<NaiveDate>,
        profile: String,
    }
}

/// The ranges of days of all cases that were on the caseload.
#[derive(Debug)]
pub(super) struct Ranges {
    ranges: Vec<Range>,
    as_of: NaiveDate,
}

impl Ranges {
    /// Reads the ranges between two days.
    pub(super) async fn read(
        (generation, contract): (&Generation, &str),
        (first, last): (NaiveDate, NaiveDate),
        (as_of, by): (NaiveDate, &[Dimension]),
    ) -> Result<Self, FiguresError> {
        let sql = RANGES.text(generation.reader.dialect());
        let found: sqlx::Result<Vec<Range>> = on!(&generation.reader, pool => {
            let read = sqlx::query_as(sql).bind(contract).bind(bound(first)).bind(bound(last));
            read.bind(most()).bind(asks_for_attributes(by)).bind(bound(as_of)).fetch_all(pool).await
        });
        let ranges = found.map_err(doing("read the caseload over time"))?;
        if ranges.len() > FACTS_MAX { Err(FiguresError::TooManyFacts) } else { Ok(Self { ranges, as_of }) }
    }

    /// The cases that were on the caseload on every day of a period up to the as-of date.
    pub(super) fn throughout(&self, span: &Span) -> Vec<Valued> {
        let Some((first, last)) = span.until(self.as_of) else { return Vec::new() };
        let cases = self.ranges.chunk_by(|one, other| one.journey == other.journey);
        cases.filter_map(|ranges| throughout(ranges, first, last)).collect()
    }
}

/// A case that was on the caseload on every day from the first to the last, by its ranges in order.
fn throughout(ranges: &[Range], first: NaiveDate, last: NaiveDate) -> Option<Valued> {
    // The first day of which it is not known yet that the case was on the caseload.
    let mut open = first;
    for range in ranges {
        if range.from_on <= open && open < range.to_on {
            open = range.to_on;
        }
    }
    let at_the_end = ranges.iter().find(|range| range.from_on <= last && last < range.to_on)?;
    (open > last).then(|| at_the_end.valued(last))
}

impl Range {
    /// The case, held by its keyworker unless they have left by the day.
    fn valued(&self, day: NaiveDate) -> Valued {
        let keyworker = self.keyworker.filter(|_| self.left_on.is_none_or(|left| left > day));
        let (kind, code, nth) = ("caseload".to_owned(), String::new(), 0);
        Valued {
            of: Tally {
                kind: None,
                code: String::new(),
                area: self.area.clone(),
                cohort: self.cohort.clone(),
                referrer: self.referrer.clone(),
                profile: self.profile.clone(),
                keyworker: keyworker.map(WorkerId),
                month: None,
                facts: 1,
                quantity: Fraction::ZERO,
            },
            worth: Worth::Exact(1.into()),
            place: Place { day: self.from_on, journey: JourneyId(self.journey), kind, code, nth },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_domain::performance::period::{Period, Unit};
    use throughline_domain::world::day;

    fn range(from: &str, to: &str, keyworker: Option<u128>) -> Range {
        Range {
            journey: Uuid::nil(),
            from_on: day(from),
            to_on: day(to),
            area: "brent".to_owned(),
            cohort: String::new(),
            referrer: String::new(),
            keyworker: keyworker.map(Uuid::from_u128),
            left_on: None,
            profile: String::new(),
        }
    }

    fn in_february(ranges: &[Range]) -> Option<Valued> {
        throughout(ranges, day("2018-02-01"), day("2018-02-28"))
    }

    #[test]
    fn a_case_counts_if_no_day_of_the_period_is_missing() {
        assert!(in_february(&[range("2018-02-01", "2018-03-01", None)]).is_some(), "from the first to the last day");
        assert!(in_february(&[range("2018-02-02", "2018-04-01", None)]).is_none(), "it came on the second day");
        assert!(in_february(&[range("2018-01-01", "2018-02-28", None)]).is_none(), "it was closed on the last day");
        let back = [range("2018-01-01", "2018-02-10", None), range("2018-02-11", "2018-04-01", None)];
        assert!(in_february(&back).is_none(), "it was closed for a day");
    }

    #[test]
    fn days_before_the_contract_do_not_count_in_a_period_to_date() {
        let to_date = Period::to_date(day("2018-02-10"), Unit::Month, day("2018-02-10")).expect("in order");
        let span = Span::of(&to_date);
        assert_eq!((span.from, span.first, span.is_of_months), (day("2018-02-10"), day("2018-02-01"), true));
        let as_known = |as_of: &str| {
            let ranges = vec![range("2018-02-10", "2018-04-01", None)];
            Ranges { ranges, as_of: day(as_of) }.throughout(&span).len()
        };
        assert_eq!(as_known("2018-03-31"), 1, "it was there from the first day of the contract");
        assert_eq!(as_known("2018-02-10"), 1);
        assert_eq!(as_known("2018-02-09"), 0, "the contract had not started");
    }

    #[test]
    fn a_change_of_keyworker_is_no_interruption_and_the_last_one_has_the_case() {
        let held = [range("2018-01-01", "2018-02-10", Some(1)), range("2018-02-10", "2018-04-01", Some(2))];
        let found = in_february(&held).expect("it was there on every day");
        assert_eq!(found.of.keyworker, Some(WorkerId(Uuid::from_u128(2))));
        let left = Range { left_on: Some(day("2018-02-28")), ..range("2018-01-01", "2018-04-01", Some(1)) };
        assert_eq!(in_february(&[left]).expect("it was there on every day").of.keyworker, None);
    }
}
