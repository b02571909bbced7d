//! Due dates of reports: which were met, which were met late, and which were missed.
//!
//! Pure. The dates are a list of the rulebook and are not computed. A due date names no period, so a submission is
//! matched with it by the period that the submission covers: it answers the first due date on or after the last day of
//! that period. So a report that comes very late still counts for its own due date, and does not hide that a later one
//! was missed. Of several submissions that could answer a due date, the one whose period ends nearest to it does: a
//! report of the quarter, not that of its first month.

use std::cmp::Reverse;

use chrono::NaiveDate;

use super::report::{UnknownReport, reports};
use crate::contract::Rulebook;
use crate::fact::Entry;
use crate::fact::event::ReportSubmitted;

/// What became of a due date by a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DueState {
    /// Nothing was submitted, and the due date is not over.
    Due,
    /// The report was submitted on or before the due date.
    Submitted,
    /// The report was submitted after the due date.
    Late,
    /// Nothing was submitted, and the due date is over.
    Missing,
}

/// A due date with the submission that answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueDate<'a> {
    /// The date on which a report is due.
    pub due_on: NaiveDate,
    /// The submission that answers it: of those whose period ends nearest to it, the first.
    pub submission: Option<&'a Entry<ReportSubmitted>>,
    /// What became of it.
    pub state: DueState,
    /// The number of days after the due date: until the submission, or until now if there is none. 0 if it is not late.
    pub days_late: i64,
}

/// What became of each due date by the end of a day, earliest first. The dates are in order, as in the rulebook; the
/// submissions are those dated up to that day.
pub fn due_dates<'a>(
    due: &[NaiveDate],
    submissions: impl IntoIterator<Item = &'a Entry<ReportSubmitted>>,
    as_of: NaiveDate,
) -> Vec<DueDate<'a>> {
    let mut answers: Vec<Option<&'a Entry<ReportSubmitted>>> = vec![None; due.len()];
    for submission in submissions {
        let at = due.partition_point(|due_on| *due_on < submission.details.period.last);
        let Some(answer) = answers.get_mut(at) else { continue };
        if answer.is_none_or(|before| rank(submission) < rank(before)) {
            *answer = Some(submission);
        }
    }
    due.iter().zip(answers).map(|(due_on, submission)| DueDate::of(*due_on, submission, as_of)).collect()
}

/// The submission with the lowest rank answers a due date: that of the latest period, and of several for it the first.
fn rank(submission: &Entry<ReportSubmitted>) -> (Reverse<NaiveDate>, NaiveDate) {
    (Reverse(submission.details.period.last), submission.occurred.earliest())
}

/// Checks that a contract has a report of this code: one of its rulebook, or one that was submitted.
pub fn check_report(
    rulebook: &Rulebook,
    submitted: &[Entry<ReportSubmitted>],
    code: &str,
) -> Result<(), UnknownReport> {
    let mut known: Vec<String> = reports(rulebook).iter().map(|report| report.code.clone()).collect();
    for submission in submitted {
        if !known.contains(&submission.details.report) {
            known.push(submission.details.report.clone());
        }
    }
    if known.iter().any(|known| known == code) {
        return Ok(());
    }
    Err(UnknownReport { code: code.to_owned(), known })
}

impl<'a> DueDate<'a> {
    fn of(due_on: NaiveDate, submission: Option<&'a Entry<ReportSubmitted>>, as_of: NaiveDate) -> Self {
        let submitted_on = submission.map(|submission| submission.occurred.earliest());
        let days_late = (submitted_on.unwrap_or(as_of) - due_on).num_days().max(0);
        let state = match (submission, days_late) {
            (Some(_), 0) => DueState::Submitted,
            (Some(_), _) => DueState::Late,
            (None, 0) => DueState::Due,
            (None, _) => DueState::Missing,
        };
        Self { due_on, submission, state, days_late }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::rulebook::packs;
    use crate::fact::envelope::{EventId, Occurred};
    use crate::fact::event::Period;
    use crate::performance::tests::{day, rows};

    fn submitted(n: u128, first: &str, last: &str, on: &str) -> Entry<ReportSubmitted> {
        let period = Period { first: day(first), last: day(last) };
        Entry {
            event_id: EventId(uuid::Uuid::from_u128(n)),
            occurred: Occurred::on(day(on)),
            details: ReportSubmitted { report: "quarterly".to_owned(), period },
        }
    }

    fn stoke() -> Vec<NaiveDate> {
        let table = rows(include_str!("printed/stoke_report_dates.csv"));
        table.iter().map(|row| day(row["due_printed"])).collect()
    }

    fn shown(dates: &[DueDate<'_>]) -> Vec<(DueState, i64)> {
        dates.iter().map(|date| (date.state, date.days_late)).collect()
    }

    #[test]
    fn each_printed_quarter_answers_its_own_printed_due_date() {
        let table = rows(include_str!("printed/stoke_report_dates.csv"));
        let submissions: Vec<_> = (0..)
            .zip(&table)
            .map(|(n, row)| submitted(n, row["period_start"], row["period_end"], row["due_printed"]))
            .collect();
        let dates = due_dates(&stoke(), &submissions, day("2021-06-30"));
        assert_eq!(dates.len(), 12);
        for (date, row) in dates.iter().zip(&table) {
            let period = date.submission.expect("a submission").details.period;
            assert_eq!((period.first, period.last), (day(row["period_start"]), day(row["period_end"])));
            assert_eq!((date.state, date.days_late), (DueState::Submitted, 0));
        }
    }

    #[test]
    fn a_late_report_counts_for_its_own_due_date_and_a_missed_one_is_named() {
        let submissions = [
            submitted(1, "2018-07-01", "2018-09-30", "2018-10-15"),
            submitted(2, "2019-01-01", "2019-03-31", "2019-04-12"),
        ];
        let dates = due_dates(&stoke()[..4], &submissions, day("2019-07-12"));
        assert_eq!(
            shown(&dates),
            [(DueState::Late, 2), (DueState::Missing, 182), (DueState::Submitted, 0), (DueState::Due, 0)]
        );
        // The report that was missed comes after the next one was due.
        let submissions: Vec<_> =
            submissions.into_iter().chain([submitted(3, "2018-10-01", "2018-12-31", "2019-05-01")]).collect();
        let dates = due_dates(&stoke()[..4], &submissions, day("2019-07-13"));
        assert_eq!(
            shown(&dates),
            [(DueState::Late, 2), (DueState::Late, 110), (DueState::Submitted, 0), (DueState::Missing, 1)]
        );
    }

    #[test]
    fn the_first_of_several_submissions_counts_and_one_after_all_due_dates_counts_for_none() {
        let submissions = [
            submitted(1, "2018-07-01", "2018-09-30", "2018-10-20"),
            submitted(2, "2018-07-01", "2018-09-30", "2018-10-10"),
            submitted(3, "2021-07-01", "2021-09-30", "2021-10-08"),
        ];
        let dates = due_dates(&stoke(), &submissions, day("2018-10-31"));
        assert_eq!(dates[0].submission.expect("a submission").event_id, submissions[1].event_id);
        assert_eq!((dates[0].state, dates[0].days_late), (DueState::Submitted, 0));
        assert!(dates[1..].iter().all(|date| date.state == DueState::Due && date.submission.is_none()));
        assert_eq!(due_dates(&[], &submissions, day("2018-10-31")), []);
    }

    #[test]
    fn the_report_of_a_month_does_not_answer_for_that_of_its_quarter() {
        let month = submitted(1, "2018-07-01", "2018-07-31", "2018-08-05");
        let quarter = submitted(2, "2018-07-01", "2018-09-30", "2018-10-15");
        for submissions in [[month.clone(), quarter.clone()], [quarter.clone(), month.clone()]] {
            let dates = due_dates(&stoke()[..1], &submissions, day("2018-10-31"));
            assert_eq!(shown(&dates), [(DueState::Late, 2)]);
        }
        let dates = due_dates(&stoke()[..1], [&month], day("2018-10-31"));
        assert_eq!(shown(&dates), [(DueState::Submitted, 0)], "without a nearer one it answers");
    }

    #[test]
    fn a_report_that_nobody_describes_or_submitted_is_unknown() {
        let rulebook = Rulebook::parse(packs::pack("stoke-psychology").expect("a pack").text).expect("a rulebook");
        assert_eq!(check_report(&rulebook, &[], "quarterly"), Ok(()));
        let error = check_report(&rulebook, &[], "annual").expect_err("no such report");
        assert_eq!(error.to_string(), "unknown report \"annual\": use one of quarterly");
        let mut annual = submitted(1, "2018-07-01", "2019-03-31", "2019-04-01");
        annual.details.report = "annual".to_owned();
        assert_eq!(check_report(&rulebook, &[annual], "annual"), Ok(()));
    }
}
