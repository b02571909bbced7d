//! The documents of closed periods: kept as text when a period is closed, and built again to be held against it.
//!
//! What was kept is only read, never built: it stays as it was whatever view, version or store shows it. A report
//! belongs to a closed period if its own period is exactly that one, so for a report and a period there is one closed
//! document.

use chrono::NaiveDate;

use super::build::{self, Source};
use super::{Document, SHAPE};
use crate::queries::measures::FiguresError;
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::rulebook::canonical::sha256_hex;
use throughline_domain::fact::event::{self, ClosedDocument, DocumentText};
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
/// period. The as-of date of the source is the last day of the period.
pub async fn closing(of: Source<'_>, period: event::Period) -> Result<Vec<ClosedDocument>, FiguresError> {
    let mut documents = Vec::new();
    for report in of_period(of.rulebook, (period.first, period.last)) {
        documents.push(kept(&build::document(of, &report, period.first).await?));
    }
    Ok(documents)
}

/// The reports whose own period has exactly these first and last days.
fn of_period(rulebook: &Rulebook, days: (NaiveDate, NaiveDate)) -> Vec<ReportDefinition> {
    let is_own = |report: &&ReportDefinition| {
        let period = report.period(days.0, rulebook.calendar.financial_year);
        (period.first(), period.last()) == days
    };
    reports(rulebook).iter().filter(is_own).cloned().collect()
}

/// The same report for the same period as a view knows it. None if the rulebook has no such report any more. The as-of
/// date of the source is that of the closed document.
pub async fn again(of: Source<'_>, closed: &Document) -> Result<Option<Document>, FiguresError> {
    let reports = of_period(of.rulebook, (closed.first_day, closed.last_day));
    let Some(report) = reports.iter().find(|report| report.code == closed.report) else { return Ok(None) };
    build::document(of, report, closed.first_day).await.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_domain::contract::rulebook::packs;
    use throughline_domain::fact::event::Event;

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
        let day = |text: &str| text.parse::<NaiveDate>().expect("a day");
        let monthly = |first, last| of_period(&rulebook, (day(first), day(last))).len();
        assert!(monthly("2018-02-01", "2018-02-28") > 0);
        for (first, last) in [("2018-02-01", "2018-02-27"), ("2018-02-02", "2018-02-28"), ("2018-01-10", "2018-02-28")]
        {
            assert_eq!(monthly(first, last), 0, "{first} to {last}");
        }
    }
}
