//! Builds a document from one view: the figures, boards, indicators and commentary that a report names.
//!
//! It counts nothing itself. Every number is a figure of [`crate::queries`], and is only rounded and laid out here. The
//! same view, as-of date and report give the same document, on every store and on every day.

mod boards;
mod cells;
mod charts;
mod indicators;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};

use super::{Chart, Commentary, Definition, Document, SHAPE, Section, Table};
use crate::access::InScope;
use crate::queries::measures::{self, CompareWith, Dimension, FiguresError, FiguresQuery, MeasureFigures, OfContract};
use crate::views::generation::Generation;
use tables::Grid;
use throughline_domain::contract::register::Terms;
use throughline_domain::contract::rulebook::CodeList;
use throughline_domain::contract::{Contract, ContractRecord, Rulebook};
use throughline_domain::fact::Entry;
use throughline_domain::fact::event::CommentaryRecorded;
use throughline_domain::performance::figure::State;
use throughline_domain::performance::measure::Measure;
use throughline_domain::performance::period::Period;
use throughline_domain::performance::report::{
    CommentaryNeed, ContractCalendar, ReportDefinition, SectionDefinition, Shown, SmallCounts, TableDefinition,
};

/// What a document is built from.
#[derive(Clone, Copy)]
pub struct Source<'s> {
    /// The view.
    pub view: &'s Generation,
    /// The contract, and the service areas that the caller sees.
    pub scope: InScope<'s>,
    /// The contract, as known in the view.
    pub contract: &'s Contract,
    /// Its rules.
    pub rulebook: &'s Rulebook,
    /// The as-of date.
    pub as_of: NaiveDate,
    /// When the last fact that the view knows was recorded. None of an empty log.
    pub recorded_through: Option<DateTime<Utc>>,
}

/// The document of a report for the period that holds a day.
pub async fn document(source: Source<'_>, report: &ReportDefinition, day: NaiveDate) -> Result<Document, FiguresError> {
    let mut record = source.contract.contract_record(source.as_of);
    // Commentary on a period and assessments of it are recorded after it, so they are not a matter of the as-of date.
    let ContractRecord { commentary, assessments, .. } = source.contract.contract_record(NaiveDate::MAX);
    record.assessments = assessments;
    let period = report.period(day, source.rulebook.calendar.financial_year);
    let mut draft =
        Draft { source, report, record: &record, commentary: &commentary, period, used: Vec::new(), notes: Vec::new() };
    draft.note_areas();
    if period.is_provisional(source.as_of) {
        draft.note(format!("The period was not over on {}: figures may still change.", source.as_of));
    }
    let mut sections = Vec::with_capacity(report.sections.len());
    for section in &report.sections {
        sections.push(draft.section(section).await?);
    }
    draft.note_commentary_elsewhere();
    number_titles(&mut sections);
    Ok(draft.into_document(sections))
}

/// A document while it is written.
struct Draft<'d> {
    source: Source<'d>,
    report: &'d ReportDefinition,
    /// What the parties agreed and published by the as-of date, and all assessments that the view knows.
    record: &'d ContractRecord,
    /// The commentary that the view knows, whatever its date.
    commentary: &'d [Entry<CommentaryRecorded>],
    period: Period,
    /// The measures of all figures so far, in the order of their first use.
    used: Vec<Measure>,
    notes: Vec<String>,
}

impl<'d> Draft<'d> {
    async fn section(&mut self, section: &SectionDefinition) -> Result<Section, FiguresError> {
        let (mut tables, mut charts) = (Vec::new(), Vec::new());
        for table in &section.tables {
            let (of_table, of_chart) = self.table(section, table).await?;
            tables.extend(of_table);
            charts.extend(of_chart);
        }
        for board in &section.boards {
            tables.push(self.board(*board).await?);
        }
        for shown in &section.also {
            match shown {
                Shown::Indicators => tables.push(self.indicators().await?),
                Shown::Grade => tables.extend(self.grade().await?),
            }
        }
        let commentary = self.commentary(section);
        Ok(Section { code: section.code.clone(), title: section.title.clone(), commentary, tables, charts })
    }

    /// The tables and charts of measures. None if the contract had not started.
    async fn table(
        &mut self,
        section: &SectionDefinition,
        table: &TableDefinition,
    ) -> Result<(Vec<Table>, Vec<Chart>), FiguresError> {
        let Some(period) = table.period.period((self.report.every, &self.period), self.calendar()) else {
            self.note(format!("{}: the contract had not started.", section.title));
            return Ok((Vec::new(), Vec::new()));
        };
        let found = self.figures(&table.measures, &table.by, (period, tables::compared(&table.compare))).await?;
        let grid = Grid::of(table, &found, self.titles(section, period));
        Ok((grid.tables()?, charts::of(&grid)?))
    }

    /// The words around the figures of a table.
    fn titles(&self, section: &SectionDefinition, period: Period) -> tables::Titles<'d> {
        tables::Titles {
            section: section.title.clone(),
            period: self.period_in_words(&period),
            contract: self.title().to_owned(),
            rulebook: self.source.rulebook,
        }
    }

    /// A period in words, and whether its figures may still change.
    fn period_in_words(&self, period: &Period) -> String {
        let provisional = if period.is_provisional(self.source.as_of) { ", provisional" } else { "" };
        format!("{}{provisional}", period.in_words())
    }

    /// The figures of measures, which are then defined at the end of the document.
    async fn figures(
        &mut self,
        codes: &[String],
        by: &[Dimension],
        (period, compare): (Period, CompareWith),
    ) -> Result<Vec<MeasureFigures>, FiguresError> {
        let measures = measures::named(self.source.rulebook, codes)?;
        let query = FiguresQuery { measures: &measures, by, period, compare, as_of: self.source.as_of };
        let found = measures::figures(self.source.view, self.source.scope, self.of_contract(), &query).await?;
        for found in &found {
            self.define(&found.measure, found.parts.as_ref());
            self.note_no_data(found);
        }
        Ok(found)
    }

    /// Adds the definition of a measure, and of the two that a ratio is made of.
    fn define(&mut self, of: &Measure, parts: Option<&(Measure, Measure)>) {
        let parts = parts.into_iter().flat_map(|(of, over)| [of, over]);
        for one in std::iter::once(of).chain(parts) {
            if self.used.iter().all(|used| used.code != one.code) {
                self.used.push(one.clone());
            }
        }
    }

    /// Notes that the document is of some service areas only.
    fn note_areas(&mut self) {
        let Some(areas) = self.source.scope.areas() else { return };
        let rulebook = self.source.rulebook;
        let listed = rulebook.codes.listed(CodeList::Areas);
        let own = areas.iter().filter(|area| listed.is_none_or(|listed| listed.contains(area)));
        let labels = own.map(|area| measures::Member::Area(area.clone()).label(&rulebook.labels));
        let labels: Vec<String> = labels.collect();
        self.note(format!("This is not the whole contract. Service areas: {}.", labels.join(", ")));
    }

    /// Notes the service areas that supply no data.
    fn note_no_data(&mut self, found: &MeasureFigures) {
        let incomplete = found.rows.iter().filter(|row| row.figure.state() != State::NoData);
        let codes: BTreeSet<&String> = incomplete.flat_map(|row| &row.without_supply).collect();
        if !codes.is_empty() {
            let label = |code: &&String| measures::Member::Area((*code).clone()).label(&self.source.rulebook.labels);
            let labels: Vec<String> = codes.iter().map(label).collect();
            self.note(format!("{}: {} did not supply all of it.", found.measure.title, labels.join(", ")));
        }
        let absent = found.rows.iter().filter(|row| row.figure.state() == State::NoData);
        let areas = absent.filter_map(|row| row.members.iter().find(|one| matches!(one, measures::Member::Area(_))));
        let labels: BTreeSet<String> = areas.map(|area| area.label(&self.source.rulebook.labels)).collect();
        if !labels.is_empty() {
            let labels: Vec<String> = labels.into_iter().collect();
            self.note(format!("{}: no data for {}.", found.measure.title, labels.join(", ")));
        }
    }

    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// The commentary of a section, oldest first.
    fn commentary(&mut self, section: &SectionDefinition) -> Vec<Commentary> {
        let said = self.commentary.iter().filter(|said| self.is_of_report(said.details.report.as_str()));
        let said = said.filter(|said| self.is_of_period(said.details.period) && said.details.section == section.code);
        let said = said.map(|said| Commentary { on: said.occurred.earliest(), text: said.details.text.clone() });
        let commentary: Vec<Commentary> = said.collect();
        if commentary.is_empty() && section.commentary == CommentaryNeed::Required {
            self.note(format!("{}: the commentary that the report requires is not recorded.", section.title));
        }
        commentary
    }

    /// Notes commentary for sections that the report does not have.
    fn note_commentary_elsewhere(&mut self) {
        let is_known = |code: &str| self.report.sections.iter().any(|section| section.code == code);
        let said = self.commentary.iter().map(|said| &said.details);
        let said = said.filter(|said| self.is_of_report(&said.report) && self.is_of_period(said.period));
        let unknown: BTreeSet<&str> = said.map(|said| said.section.as_str()).filter(|code| !is_known(code)).collect();
        let notes = unknown
            .into_iter()
            .map(|code| format!("There is commentary for the section {code}, which the report does not have."));
        let notes: Vec<String> = notes.collect();
        for note in notes {
            self.note(note);
        }
    }

    fn is_of_report(&self, code: &str) -> bool {
        code == self.report.code
    }

    fn is_of_period(&self, period: throughline_domain::fact::event::Period) -> bool {
        (period.first, period.last) == (self.period.first(), self.period.last())
    }

    fn of_contract(&self) -> OfContract<'d> {
        OfContract { rulebook: self.source.rulebook, record: self.record, starts_on: self.starts_on() }
    }

    fn starts_on(&self) -> NaiveDate {
        self.source.contract.starts_on().unwrap_or(self.source.as_of)
    }

    fn calendar(&self) -> ContractCalendar {
        let financial_year = self.source.rulebook.calendar.financial_year;
        ContractCalendar { financial_year, starts_on: self.starts_on() }
    }

    /// The title of the contract.
    fn title(&self) -> &'d str {
        self.record.terms.as_ref().map_or(self.source.rulebook.title.as_str(), Terms::name)
    }

    fn into_document(self, sections: Vec<Section>) -> Document {
        let Source { view, scope, rulebook, as_of, recorded_through, .. } = self.source;
        let position = *view.position().borrow();
        Document {
            shape: SHAPE,
            contract: scope.contract().to_owned(),
            contract_title: self.title().to_owned(),
            report: self.report.code.clone(),
            title: self.report.title.clone(),
            first_day: self.period.first(),
            last_day: self.period.last(),
            period: self.period.in_words(),
            is_provisional: self.period.is_provisional(as_of),
            hides_small_counts: self.report.small_counts == SmallCounts::Hidden,
            as_of,
            position: u64::try_from(position.0).expect("a position is never negative"),
            recorded_through,
            rulebook_version: rulebook.version.clone(),
            sections,
            definitions: self.used.iter().map(definition).collect(),
            notes: self.notes,
        }
    }
}

fn definition(measure: &Measure) -> Definition {
    Definition {
        code: measure.code.clone(),
        title: measure.title.clone(),
        prose: measure.prose.clone(),
        formula: measure.formula.to_string(),
        version: measure.version.clone(),
    }
}

/// Numbers the titles that occur more than once, so that each table and each chart has its own.
fn number_titles(sections: &mut [Section]) {
    let (mut of_tables, mut of_charts) = (BTreeMap::new(), BTreeMap::new());
    for section in sections {
        section.tables.iter_mut().for_each(|table| number_title(&mut table.title, &mut of_tables));
        section.charts.iter_mut().for_each(|chart| number_title(&mut chart.title, &mut of_charts));
    }
}

fn number_title(title: &mut String, earlier: &mut BTreeMap<String, u32>) {
    let count = earlier.entry(title.clone()).or_default();
    *count += 1;
    if *count > 1 {
        *title = format!("{title} ({count})");
    }
}
