//! Reads a mapping from its text: first against the grammar, then its tables, records and values.
//!
//! Every fault is collected with its line. A mapping results only if there was none.

mod check;
mod records;

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::grammar::{FACT, MAPPING};
use super::value::DateForm;
use super::{Gone, Leads, Mapping, MappingError, Snapshot, SourceTerms};
use crate::import::lines::digest_of;
use crate::import::read::{Character, Format, Wanted};
use throughline_domain::command::check_source;
use throughline_domain::fact::envelope;

/// The tables with which a mapping is read.
type Toml<'d> = DeTable<'d>;

pub(super) fn parse(text: &str) -> Result<Mapping, Vec<MappingError>> {
    let mut report = Report { text, errors: Vec::new() };
    let (root, faults) = DeTable::parse_recoverable(text);
    let mut last_line = 0;
    for fault in &faults {
        let at = fault.span().unwrap_or(text.len()..text.len());
        let line = report.line(at.start);
        // A second fault on the same line is mostly a consequence of the first.
        if std::mem::replace(&mut last_line, line) != line {
            report.add(
                at,
                None,
                fault.message(),
                "correct the TOML here; the rest is checked once the whole text can be read",
            );
        }
    }
    if !faults.is_empty() {
        return Err(report.into_errors());
    }
    let root = root.into_inner();
    check::table(&Section { path: String::new(), at: 0..0, table: &root }, &MAPPING, &mut report);
    if !report.errors.is_empty() {
        return Err(report.into_errors());
    }
    let mapping = read(&root, &mut report);
    if report.errors.is_empty() { Ok(mapping) } else { Err(report.into_errors()) }
}

/// The text that is read, and every fault found in it so far.
struct Report<'t> {
    text: &'t str,
    errors: Vec<MappingError>,
}

impl Report<'_> {
    fn add(&mut self, at: Range<usize>, key: Option<&str>, problem: impl Into<String>, remedy: impl Into<String>) {
        let line = self.line(at.start);
        let key = key.map(str::to_owned);
        self.errors.push(MappingError { line, key, problem: problem.into(), remedy: remedy.into() });
    }

    fn line(&self, offset: usize) -> usize {
        self.text[..self.text.floor_char_boundary(offset)].matches('\n').count() + 1
    }

    fn into_errors(mut self) -> Vec<MappingError> {
        self.errors.sort_by_key(|error| error.line);
        self.errors
    }
}

/// A table of the document with its place. What a check has accepted is read without further faults.
#[derive(Clone)]
struct Section<'d> {
    path: String,
    at: Range<usize>,
    table: &'d Toml<'d>,
}

impl<'d> Section<'d> {
    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn get(&self, key: &str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.table.get(key)
    }

    fn place(&self, key: &str) -> Range<usize> {
        self.get(key).map_or_else(|| self.at.clone(), Spanned::span)
    }

    fn text(&self, key: &str) -> Option<&'d str> {
        self.get(key).and_then(|value| value.get_ref().as_str())
    }

    fn flag(&self, key: &str) -> bool {
        self.get(key).and_then(|value| value.get_ref().as_bool()).unwrap_or(false)
    }

    fn texts(&self, key: &str) -> Option<Vec<String>> {
        Some(texts(self.get(key)?.get_ref()))
    }

    fn section(&self, key: &str) -> Option<Section<'d>> {
        let value = self.get(key)?;
        Some(Section { path: self.path_of(key), at: value.span(), table: value.get_ref().as_table()? })
    }

    fn sections(&self, key: &str) -> Vec<Section<'d>> {
        let elements = self.get(key).and_then(|value| value.get_ref().as_array());
        let elements = elements.map(|elements| elements.iter()).into_iter().flatten();
        let section = |value: &'d Spanned<DeValue<'d>>| {
            Some(Section { path: self.path_of(key), at: value.span(), table: value.get_ref().as_table()? })
        };
        elements.filter_map(section).collect()
    }

    /// The entries of a table with free keys.
    fn entries(&self) -> impl Iterator<Item = (&'d str, &'d Spanned<DeValue<'d>>)> {
        self.table.iter().map(|(key, value)| (key.get_ref().as_ref(), value))
    }
}

/// The texts of a list, or a text alone.
fn texts(value: &DeValue<'_>) -> Vec<String> {
    match value {
        DeValue::String(text) => vec![text.clone().into_owned()],
        DeValue::Array(items) => items.iter().filter_map(|item| item.get_ref().as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}

fn read(root: &Toml<'_>, report: &mut Report<'_>) -> Mapping {
    let top = Section { path: String::new(), at: 0..0, table: root };
    let source = top.section("source").expect("the check has seen it");
    let reading = top.section("read").expect("the check has seen it");
    let format = match reading.text("format") {
        Some("xlsx") => Format::Xlsx,
        Some("xml") => Format::Xml,
        Some("json") => Format::Json,
        _ => Format::Csv,
    };
    let separator = separator(&reading, report);
    let one = reading.text("record").map(str::to_owned);
    if format == Format::Xml && one.is_none() {
        report.add(reading.at.clone(), Some("read.record"), "missing", "write record = \"Message/Children/Child\"");
    }
    if format.is_flat() && one.is_some() {
        let remedy = "leave it out: only XML and JSON have a record that repeats";
        report.add(
            reading.place("record"),
            Some("read.record"),
            format!("a {} file has rows", format.as_str()),
            remedy,
        );
    }
    let encoding = reading.text("encoding");
    let character = Character::ALL.into_iter().find(|(_, name)| Some(*name) == encoding).map(|(of, _)| of);
    let dates = forms(&reading, report).unwrap_or_default();
    let absent = reading.texts("absent").unwrap_or_default();
    let mut names = records::Names { format, tables: Vec::new(), terms: Vec::new(), codes: codes(&top) };
    records::tables(&top, &mut names, report);
    let records = records::records(&top, &mut names, report);
    let wanted = Wanted { format, tables: names.tables, record: one, separator, character };
    check_systems(&source, report);
    let digest = digest_of(report.text.as_bytes()).expect("memory can be read");
    Mapping { digest, source: terms(&source), wanted, tables: names.terms, records, dates, absent }
}

/// Reports the name of a system that no fact could keep: every row would be refused, or the run at its end.
fn check_systems(source: &Section<'_>, report: &mut Report<'_>) {
    for key in ["system", "numbers"] {
        let Some(system) = source.text(key).map(str::to_owned) else { continue };
        let of = envelope::Source { system, record_id: None, file_digest: None, row: None };
        for refusal in check_source(&of).err().unwrap_or_default() {
            let path = format!("source.{key}");
            report.add(source.place(key), Some(&path), "no fact can keep this name", refusal.message);
        }
    }
}

fn terms(source: &Section<'_>) -> SourceTerms {
    let snapshot = if source.text("snapshot") == Some("full") { Snapshot::Full } else { Snapshot::Delta };
    let most = source.get("purge_most").and_then(|most| match most.get_ref() {
        DeValue::Integer(most) => most.as_str().parse().ok(),
        _ => None,
    });
    let gone = if source.flag("purges") { Gone::Retracted { most: most.unwrap_or(10) } } else { Gone::Reported };
    let leads = if source.flag("leading") { Leads::Source } else { Leads::Here };
    let system = source.text("system").unwrap_or_default().to_owned();
    let numbers = source.text("numbers").map_or_else(|| system.clone(), str::to_owned);
    SourceTerms { system, numbers, snapshot, leads, gone }
}

fn separator(reading: &Section<'_>, report: &mut Report<'_>) -> u8 {
    match reading.text("separator").map(str::as_bytes) {
        None => b',',
        Some([one]) if one.is_ascii() && !matches!(one, b'"' | b'\n' | b'\r') => *one,
        Some(_) => {
            let remedy = "write separator = \";\", or \"\\t\" for a tab";
            report.add(reading.place("separator"), Some("read.separator"), "a separator is one character", remedy);
            b','
        }
    }
}

/// The forms of dates under the key `dates`.
fn forms(section: &Section<'_>, report: &mut Report<'_>) -> Option<Vec<DateForm>> {
    let texts = section.texts("dates")?;
    let mut forms = Vec::new();
    for text in texts {
        if let Some(form) = DateForm::read(&text) {
            forms.push(form);
        } else {
            let problem = format!("{text:?} is not a form of dates");
            let remedy = "write a form such as \"DD/MM/YYYY\", \"DD Mon YYYY\", \"MM/YYYY\" or \"YYYY\"";
            report.add(section.place("dates"), Some(&section.path_of("dates")), problem, remedy);
        }
    }
    Some(forms)
}

/// The named lists of codes.
fn codes(top: &Section<'_>) -> BTreeMap<String, BTreeMap<String, String>> {
    let lists = top.section("codes");
    let lists = lists.iter().flat_map(|lists| {
        lists.entries().filter_map(|(name, value)| Some((name.to_owned(), list(value.get_ref().as_table()?))))
    });
    lists.collect()
}

/// A list of codes: what each code of the source becomes.
fn list(table: &Toml<'_>) -> BTreeMap<String, String> {
    let code = |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
        Some((key.get_ref().to_string(), value.get_ref().as_str()?.to_owned()))
    };
    table.iter().filter_map(code).collect()
}

/// Whether a key belongs to every fact.
fn is_of_every_fact(key: &str) -> bool {
    FACT.key(key).is_some()
}

#[cfg(test)]
mod tests;
