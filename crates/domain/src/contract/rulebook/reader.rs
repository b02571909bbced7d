//! Reading a TOML document key by key, with every fault reported at its line.
//!
//! It knows no key of the grammar, and never stops at a fault: what cannot be read is
//! reported and left out.

use std::ops::Range;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::RulebookError;
use super::document::whole_number;
use crate::fact::text;

/// The greatest amount of money: a hundred times what any contract pays.
const MONEY_MAX: u64 = 1_000_000_000_000;

/// The text being read and everything found wrong in it so far.
pub(super) struct Report<'t> {
    text: &'t str,
    errors: Vec<RulebookError>,
}

impl<'t> Report<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, errors: Vec::new() }
    }

    /// Notes a fault at a place in the text.
    pub(super) fn add(
        &mut self,
        at: Range<usize>,
        key: Option<&str>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let (line, column) = self.position(at.start);
        self.errors.push(RulebookError {
            line,
            column,
            key: key.map(str::to_owned),
            problem: problem.into(),
            remedy: remedy.into(),
        });
    }

    /// Line and character of a byte offset, both from 1.
    pub(super) fn position(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..self.text.floor_char_boundary(offset)];
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        (line, before[start..].chars().count() + 1)
    }

    pub(super) fn text_at(&self, at: Range<usize>) -> &'t str {
        &self.text[at]
    }

    pub(super) fn is_clean(&self) -> bool {
        self.errors.is_empty()
    }

    /// What was found, in the order of the text.
    pub(super) fn into_errors(mut self) -> Vec<RulebookError> {
        self.errors.sort_by_key(|error| (error.line, error.column));
        self.errors
    }
}

/// A key below a path, as the errors name it.
pub(super) fn path_of(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// One table of the document.
pub(super) struct Section<'d> {
    pub(super) path: String,
    pub(super) at: Range<usize>,
    pub(super) table: &'d DeTable<'d>,
}

impl<'d> Section<'d> {
    pub(super) fn root(table: &'d DeTable<'d>) -> Self {
        Self { path: String::new(), at: 0..0, table }
    }

    /// Reports every key that is not one of these.
    pub(super) fn only(&self, known: &[&str], report: &mut Report<'_>) {
        for (key, _) in self.table {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                report.add(
                    key.span(),
                    Some(&path_of(&self.path, name)),
                    "unknown key",
                    format!("write one of {}, or take it out", known.join(", ")),
                );
            }
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// A key that may be left out. `example` is a value it could have.
    pub(super) fn optional(&self, key: &'static str, example: &'static str) -> Option<Item<'d>> {
        self.table.get(key).map(|item| Item {
            path: path_of(&self.path, key),
            key,
            example,
            at: item.span(),
            value: item.get_ref(),
        })
    }

    /// A key that must be there; its absence is reported where the table begins.
    pub(super) fn required(
        &self,
        key: &'static str,
        example: &'static str,
        report: &mut Report<'_>,
    ) -> Option<Item<'d>> {
        let item = self.optional(key, example);
        if item.is_none() {
            report.add(self.at.clone(), Some(&path_of(&self.path, key)), "missing", format!("write {key} = {example}"));
        }
        item
    }

    /// A table below this one that may be left out.
    pub(super) fn section(&self, key: &'static str, report: &mut Report<'_>) -> Option<Section<'d>> {
        let item = self.table.get(key)?;
        let path = path_of(&self.path, key);
        let DeValue::Table(table) = item.get_ref() else {
            let problem = format!("expected a section, found {}", found(item.get_ref()));
            report.add(item.span(), Some(&path), problem, format!("write [{path}]"));
            return None;
        };
        Some(Section { at: item.span(), table, path })
    }

    /// The tables of a list of tables; none where it is left out.
    pub(super) fn sections(&self, key: &'static str, report: &mut Report<'_>) -> Vec<Section<'d>> {
        let Some(item) = self.table.get(key) else {
            return Vec::new();
        };
        let path = path_of(&self.path, key);
        let mut wrong = |item: &Spanned<DeValue<'_>>| {
            let problem = format!("expected a list of sections, found {}", found(item.get_ref()));
            let remedy = format!("write [[{path}]] above each of them");
            report.add(item.span(), Some(&path), problem, remedy);
        };
        let DeValue::Array(items) = item.get_ref() else {
            wrong(item);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in items {
            if let DeValue::Table(table) = item.get_ref() {
                sections.push(Section { path: path.clone(), at: item.span(), table });
            } else {
                wrong(item);
            }
        }
        sections
    }
}

/// One value of the document, with the key it stands under.
pub(super) struct Item<'d> {
    pub(super) path: String,
    key: &'static str,
    example: &'static str,
    pub(super) at: Range<usize>,
    pub(super) value: &'d DeValue<'d>,
}

impl<'d> Item<'d> {
    /// Reports a fault of this value.
    pub(super) fn wrong(&self, problem: impl Into<String>, report: &mut Report<'_>) {
        let remedy = format!("write {} = {}", self.key, self.example);
        report.add(self.at.clone(), Some(&self.path), problem, remedy);
    }

    fn expected(&self, what: &str, report: &mut Report<'_>) {
        let mut problem = format!("expected {what}, found {}", found(self.value));
        if matches!(self.value, DeValue::Integer(_) | DeValue::Float(_) | DeValue::Datetime(_)) {
            problem = format!("{problem} ({})", report.text_at(self.at.clone()));
        }
        self.wrong(problem, report);
    }

    /// A text that is not empty and has no space at its ends.
    pub(super) fn text(&self, report: &mut Report<'_>) -> Option<String> {
        let DeValue::String(text) = self.value else {
            self.expected("a text", report);
            return None;
        };
        if let Some(problem) = unfit(text) {
            self.wrong(problem, report);
            return None;
        }
        Some(text.clone().into_owned())
    }

    /// One of a few words.
    pub(super) fn one_of<T: Copy>(&self, words: &[(&str, T)], report: &mut Report<'_>) -> Option<T> {
        let text = self.text(report)?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let allowed: Vec<_> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
            report.add(
                self.at.clone(),
                Some(&self.path),
                format!("{text:?} is none of the words it can be"),
                format!("write {} = {}", self.key, allowed.join(" or ")),
            );
        }
        found.map(|(_, value)| *value)
    }

    pub(super) fn flag(&self, report: &mut Report<'_>) -> Option<bool> {
        let flag = self.value.as_bool();
        if flag.is_none() {
            self.expected("true or false", report);
        }
        flag
    }

    /// A civil date, bare as TOML writes it.
    pub(super) fn date(&self, report: &mut Report<'_>) -> Option<NaiveDate> {
        let date = match self.value {
            DeValue::Datetime(moment) if moment.time.is_none() => moment.date,
            _ => None,
        };
        let civil = date.and_then(|date| NaiveDate::from_ymd_opt(date.year.into(), date.month.into(), date.day.into()));
        if civil.is_none() {
            self.expected("a date without quotes and without a time", report);
        }
        civil
    }

    /// A whole number from 0.
    pub(super) fn whole(&self, report: &mut Report<'_>) -> Option<u32> {
        let whole = match self.value {
            DeValue::Integer(whole) => whole_number(whole).and_then(|whole| whole.try_into().ok()),
            _ => None,
        };
        if whole.is_none() {
            self.expected("a whole number of 0 or more", report);
        }
        whole
    }

    /// A whole number from 1.
    pub(super) fn positive(&self, report: &mut Report<'_>) -> Option<u32> {
        let whole = self.whole(report)?;
        if whole == 0 {
            self.wrong("0 is too few", report);
            return None;
        }
        Some(whole)
    }

    /// A number as written, never through binary.
    pub(super) fn decimal(&self, report: &mut Report<'_>) -> Option<Decimal> {
        let number = match self.value {
            DeValue::Integer(whole) => whole_number(whole).map(Decimal::from),
            DeValue::Float(float) => Decimal::from_str_exact(float.as_str()).ok(),
            _ => None,
        };
        if number.is_none() {
            self.expected("a number in plain digits", report);
        }
        number
    }

    /// A number of 0 or more.
    pub(super) fn not_negative(&self, report: &mut Report<'_>) -> Option<Decimal> {
        self.between(None, report)
    }

    /// A part of a whole: a number from 0 to 1.
    pub(super) fn share(&self, report: &mut Report<'_>) -> Option<Decimal> {
        self.between(Some(Decimal::ONE), report)
    }

    /// A number from 0 to 100.
    pub(super) fn percent(&self, report: &mut Report<'_>) -> Option<Decimal> {
        self.between(Some(Decimal::ONE_HUNDRED), report)
    }

    fn between(&self, most: Option<Decimal>, report: &mut Report<'_>) -> Option<Decimal> {
        let number = self.decimal(report)?;
        let problem = match most {
            _ if number.is_sign_negative() && !number.is_zero() => format!("{number} is less than 0"),
            Some(most) if number > most => format!("{number} is more than {most}"),
            _ => return Some(number),
        };
        self.wrong(problem, report);
        None
    }

    /// An amount of money of 0 or more: a text in plain digits, or a number.
    pub(super) fn money(&self, report: &mut Report<'_>) -> Option<Decimal> {
        let DeValue::String(text) = self.value else { return self.not_negative(report) };
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-');
        let amount = Decimal::from_str_exact(text).ok().filter(|_| plain);
        let problem = match amount {
            Some(amount) if amount.is_sign_negative() && !amount.is_zero() => format!("{amount} is less than 0"),
            Some(amount) if amount > Decimal::from(MONEY_MAX) => format!("{amount} is more than {MONEY_MAX}"),
            Some(amount) => return Some(amount),
            None => format!("{text:?} is no amount in plain digits"),
        };
        self.wrong(problem, report);
        None
    }

    /// The value as a table, which may stand in one line.
    pub(super) fn table(&self, what: &str, report: &mut Report<'_>) -> Option<Section<'d>> {
        let DeValue::Table(table) = self.value else {
            self.wrong(format!("expected {what}, found {}", found(self.value)), report);
            return None;
        };
        Some(Section { path: self.path.clone(), at: self.at.clone(), table })
    }

    /// The elements of a list, each of which stands for itself in the errors.
    pub(super) fn elements(&self, report: &mut Report<'_>) -> Option<Vec<Item<'d>>> {
        let DeValue::Array(items) = self.value else {
            self.expected("a list", report);
            return None;
        };
        let elements = items.iter().map(|item| Item {
            path: self.path.clone(),
            key: self.key,
            example: self.example,
            at: item.span(),
            value: item.get_ref(),
        });
        Some(elements.collect())
    }

    /// A list of different texts, each with its place.
    pub(super) fn texts(&self, report: &mut Report<'_>) -> Option<Vec<(String, Range<usize>)>> {
        let mut texts: Vec<(String, Range<usize>)> = Vec::new();
        for element in self.elements(report)? {
            let Some(text) = element.text(report) else {
                continue;
            };
            if texts.iter().any(|(earlier, _)| *earlier == text) {
                report.add(
                    element.at,
                    Some(&self.path),
                    format!("{text:?} stands in the list twice"),
                    "keep one of the two",
                );
            } else {
                texts.push((text, element.at));
            }
        }
        Some(texts)
    }

    /// A list of different texts of which at least one must be named.
    pub(super) fn some_texts(&self, report: &mut Report<'_>) -> Option<Vec<(String, Range<usize>)>> {
        let texts = self.texts(report)?;
        if self.value.as_array().is_some_and(|items| items.is_empty()) {
            self.wrong("the list is empty, so nothing would ever fit", report);
        }
        Some(texts)
    }
}

/// Why a text can be neither a code nor a label.
fn unfit(text: &str) -> Option<&'static str> {
    if text.trim().is_empty() {
        Some("the text is empty")
    } else if text.trim() != text {
        Some("the text begins or ends with a space")
    } else {
        text::fault(text)
    }
}

/// What a value is, in words.
pub(super) fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a decimal",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(moment) if moment.time.is_none() => "a date",
        DeValue::Datetime(_) => "a time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}
