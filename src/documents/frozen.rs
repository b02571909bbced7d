//! The documents of closed periods: kept as text when a period is closed, and built again to be held against it.
//!
//! What was kept is only read, never built: it stays as it was whatever view, version or store shows it. A report
//! belongs to a closed period if its own period is exactly that one, so for a report and a period there is one closed
//! document.

use chrono::NaiveDate;

use super::build::{self, BuildError, Reporting};
use super::differences::{Difference, differences};
use super::{Document, SHAPE};
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::rulebook::canonical::sha256_hex;
use throughline_domain::fact::event::{self, ClosedDocument, DocumentText};
use throughline_domain::performance::period::Period;
use throughline_domain::performance::report::{ReportDefinition, reports};

/// A closed document cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the closed document of the report {report:?} cannot be read: it has another shape than {SHAPE}")]
pub struct UnreadableDocument {
    /// The report, by code.
    pub report: String,
    source: serde_json::Error,
}

/// The document that was kept.
pub fn read(closed: &ClosedDocument) -> Result<Document, UnreadableDocument> {
    serde_json::from_str(closed.content.as_str())
        .map_err(|source| UnreadableDocument { report: closed.report.clone(), source })
}

/// The document to keep.
fn kept(document: &Document) -> ClosedDocument {
    let content = serde_json::to_string(document).expect("a document can be written as JSON");
    let (report, digest) = (document.report.clone(), sha256_hex(&content));
    ClosedDocument { report, digest, content: DocumentText::from(content) }
}

/// The documents to keep when a period is closed, in the order of the rulebook. Empty if no report has exactly this
/// period.
pub async fn closing(of: Reporting<'_>, period: event::Period) -> Result<Vec<ClosedDocument>, BuildError> {
    let mut documents = Vec::new();
    for (report, period) in of_period(of.rulebook, period) {
        documents.push(kept(&build::document(of, &report, period).await?));
    }
    Ok(documents)
}

/// The reports whose own period is exactly this one.
fn of_period(rulebook: &Rulebook, closed: event::Period) -> Vec<(ReportDefinition, Period)> {
    let own = |report: &ReportDefinition| period_of(report, rulebook, (closed.first, closed.last));
    reports(rulebook).iter().filter_map(|report| Some((report.clone(), own(report)?))).collect()
}

/// The period of a report, if it has these first and last days.
fn period_of(report: &ReportDefinition, rulebook: &Rulebook, days: (NaiveDate, NaiveDate)) -> Option<Period> {
    let period = report.period(days.0, rulebook.calendar.financial_year);
    ((period.first(), period.last()) == days).then_some(period)
}

/// A closed document, built again.
#[derive(Debug, Clone)]
pub struct Restated {
    /// The document as it reads now.
    pub document: Document,
    /// The cells that differ.
    pub differences: Vec<Difference>,
}

/// The same report for the same period as a view knows it. None if the rulebook has no such report any more.
pub async fn restated(of: Reporting<'_>, closed: &Document) -> Result<Option<Restated>, BuildError> {
    let reports = reports(of.rulebook);
    let report = reports.iter().find(|report| report.code == closed.report);
    let days = (closed.first_day, closed.last_day);
    let Some((report, period)) = report.and_then(|report| Some((report, period_of(report, of.rulebook, days)?))) else {
        return Ok(None);
    };
    let document = build::document(of, report, period).await?;
    let differences = differences(closed, &document);
    Ok(Some(Restated { document, differences }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_domain::contract::rulebook::packs;
    use throughline_domain::fact::event::Event;

    fn days(first: &str, last: &str) -> event::Period {
        event::Period { first: first.parse().expect("a day"), last: last.parse().expect("a day") }
    }

    /// The example of a closed period that is committed.
    fn example() -> ClosedDocument {
        let text = include_str!("../../schema/events/throughline.contract.period_closed.v2.json");
        let Event::PeriodClosed(mut closed) = Event::decode("PeriodClosed", 2, text).expect("an event") else {
            panic!("a closed period")
        };
        closed.documents.remove(0)
    }

    #[test]
    fn a_kept_document_is_read_and_written_byte_for_byte() {
        let closed = example();
        let document = read(&closed).expect("a document");
        assert_eq!(kept(&document), closed);
    }

    #[test]
    fn a_document_of_another_shape_is_named() {
        let closed = ClosedDocument { content: "{\"shape\":0}".to_owned().into(), ..example() };
        let error = read(&closed).expect_err("another shape");
        assert!(error.to_string().starts_with("the closed document of the report \"performance\""), "{error}");
    }

    #[test]
    fn a_report_belongs_to_exactly_its_own_periods() {
        let rulebook = Rulebook::parse(packs::pack("case-management").expect("a pack").text).expect("a rulebook");
        let monthly = |first, last| of_period(&rulebook, days(first, last)).len();
        assert!(monthly("2018-02-01", "2018-02-28") > 0);
        for (first, last) in [("2018-02-01", "2018-02-27"), ("2018-02-02", "2018-02-28"), ("2018-01-10", "2018-02-28")]
        {
            assert_eq!(monthly(first, last), 0, "{first} to {last}");
        }
    }
}
