//! Due dates of reports in the API: which were met, which late, and which were missed.

use async_graphql::{Enum, Result, SimpleObject};
use chrono::NaiveDate;

use super::contract_record::ReportSubmission;
use super::scalars::Date;
use throughline_domain::contract::{self, ContractRecord, Rulebook};
use throughline_domain::performance::due_date::{self, DueDate, due_dates};
use throughline_gateway::Code;

/// What became of a due date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "due_date::DueState")]
pub enum ReportDueState {
    /// Nothing was submitted, and the due date is not over.
    Due,
    /// The report was submitted on or before the due date.
    Submitted,
    /// The report was submitted after the due date.
    Late,
    /// Nothing was submitted, and the due date is over.
    Missing,
}

/// A date on which a report is due, and what became of it.
#[derive(Debug, Clone, SimpleObject)]
pub struct ReportDue {
    /// The due date.
    due_on: Date,
    /// What became of it by the as-of date.
    state: ReportDueState,
    /// The number of days after the due date: until the submission, or until the as-of date if nothing was submitted.
    days_late: i32,
    /// The date of the submission. Null if nothing was submitted.
    submitted_on: Option<Date>,
    /// The submission that answers the due date. A submission answers the first due date on or after the last day of its
    /// period; of several, the one whose period ends nearest to it, and then the first. Null if nothing was submitted.
    submission: Option<ReportSubmission>,
}

impl ReportDue {
    /// The due dates of a contract, earliest first, with the submissions of one report or of any. A report that the
    /// contract neither has nor ever submitted is refused.
    pub(super) fn all(
        rulebook: &Rulebook,
        (state, contract_record): (&contract::Contract, &ContractRecord),
        report: Option<&str>,
        as_of: NaiveDate,
    ) -> Result<Vec<Self>> {
        if let Some(code) = report {
            let submitted = state.contract_record(NaiveDate::MAX).reports;
            let known = due_date::check_report(rulebook, &submitted, code);
            known.map_err(|error| Code::BadUserInput.error(error.to_string()))?;
        }
        let submissions =
            contract_record.reports.iter().filter(|one| report.is_none_or(|report| one.details.report == report));
        Ok(due_dates(&rulebook.reports.due, submissions, as_of).iter().map(Into::into).collect())
    }
}

impl From<&DueDate<'_>> for ReportDue {
    fn from(date: &DueDate<'_>) -> Self {
        Self {
            due_on: Date(date.due_on),
            state: date.state.into(),
            days_late: i32::try_from(date.days_late).unwrap_or(i32::MAX),
            submitted_on: date.submission.map(|submission| Date(submission.occurred.earliest())),
            submission: date.submission.map(Into::into),
        }
    }
}
