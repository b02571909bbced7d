//! Reads values from a TOML document, and collects every fault with its line.
//!
//! Reading a value reports nothing: [`check`](super::check) reads the whole document against the grammar first, and
//! reports what cannot be read.

use std::ops::Range;

use chrono::{Datelike as _, NaiveDate};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::canonical_toml::whole_number;
use super::grammar::contract::RULEBOOK;
use super::grammar::{Key, Need, Table, Word};
use super::{Days, MonthDay, RulebookError};
use crate::fact::text;

/// The greatest amount of money that is read: a hundred times what any contract pays.
const MONEY_MAX: u64 = 1_000_000_000_000;

/// The text that is read, and every fault found in it so far.
pub(super) struct Report<'t> {
    text: &'t str,
    errors: Vec<RulebookError>,
}

impl<'t> Report<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, errors: Vec::new() }
    }

    /// Adds a fault at a place in the text.
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

    /// The faults in the order of the text.
    pub(super) fn into_errors(mut self) -> Vec<RulebookError> {
        self.errors.sort_by_key(|error| (error.line, error.column));
        self.errors
    }
}

/// The path of a key below a path, as error messages name it.
pub(super) fn path_of(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// One table of the document, with its place in the grammar.
pub(super) struct Section<'d> {
    pub(super) path: String,
    pub(super) at: Range<usize>,
    pub(super) table: &'d DeTable<'d>,
    pub(super) grammar: &'static Table,
}

impl<'d> Section<'d> {
    pub(super) fn root(table: &'d DeTable<'d>) -> Self {
        Self { path: String::new(), at: 0..0, table, grammar: &RULEBOOK }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The path of a key of this table, as error messages name it.
    pub(super) fn path_of(&self, key: &str) -> String {
        path_of(&self.path, key)
    }

    /// The place of a key's value; the place of the table if the key is not written.
    pub(super) fn place_of(&self, key: &str) -> Range<usize> {
        self.table.get(key).map_or_else(|| self.at.clone(), Spanned::span)
    }

    /// The value of a key; none if it is not written.
    pub(super) fn item(&self, key: &str) -> Option<Item<'d>> {
        self.item_of(self.declared(key))
    }

    /// The value of a key of the grammar; none if it is not written.
    pub(super) fn item_of(&self, key: &'static Key) -> Option<Item<'d>> {
        let written = self.table.get(key.name)?;
        let (at, value) = (written.span(), written.get_ref());
        Some(Item { path: self.path_of(key.name), key: key.name, example: key.example, at, value })
    }

    fn declared(&self, key: &str) -> &'static Key {
        let declared = self.grammar.key(key);
        declared.unwrap_or_else(|| panic!("the grammar of {} declares no key {key}", self.grammar.name))
    }

    /// The default of a key that is not written.
    fn default_of(&self, key: &str) -> Option<&'static str> {
        match self.declared(key).need {
            Need::Default(default) if !self.has(key) => Some(default),
            _ => None,
        }
    }

    /// Reports a missing key where its table begins.
    pub(super) fn missing(&self, key: &str, report: &mut Report<'_>) {
        let key = self.declared(key);
        let path = self.path_of(key.name);
        let remedy = match key.table() {
            Some(of) if key.is_section() => {
                let required = of.keys.iter().filter(|key| key.need == Need::Required).map(|key| key.name);
                format!("write [{path}] with {}", and(&required.collect::<Vec<_>>()))
            }
            _ => format!("write {} = {}", key.name, key.example),
        };
        report.add(self.at.clone(), Some(&path), "missing", remedy);
    }

    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.item(key)?.text().ok()
    }

    /// The texts of a list, each with its place. None are read where the key is not written.
    pub(super) fn placed_texts(&self, key: &str) -> Vec<(String, Range<usize>)> {
        let elements = self.item(key).map(|item| item.elements()).unwrap_or_default();
        elements.into_iter().filter_map(|element| Some((element.text().ok()?, element.at))).collect()
    }

    /// The texts of a list. None are read where the key is not written.
    pub(super) fn texts(&self, key: &str) -> Vec<String> {
        self.placed_texts(key).into_iter().map(|(text, _)| text).collect()
    }

    /// The values of facts in a list. None are read where the key is not written.
    pub(super) fn values(&self, key: &str) -> Vec<Value> {
        self.item(key).map(|item| item.values()).unwrap_or_default()
    }

    /// The value of a word, or of its default.
    pub(super) fn word<T: Copy>(&self, key: &str, words: &[Word<T>]) -> Option<T> {
        let text = match self.default_of(key) {
            Some(default) => default.trim_matches('"').to_owned(),
            None => self.text(key)?,
        };
        words.iter().find(|word| word.text == text).map(|word| word.value)
    }

    /// True or false, or the default.
    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        self.default_of(key).map_or_else(|| self.item(key)?.flag().ok(), |default| default.parse().ok())
    }

    /// A whole number, or the default.
    pub(super) fn whole(&self, key: &str) -> Option<u32> {
        self.default_of(key).map_or_else(|| self.item(key)?.whole().ok(), |default| default.parse().ok())
    }

    /// A number, or the default.
    pub(super) fn decimal(&self, key: &str) -> Option<Decimal> {
        self.default_of(key).map_or_else(|| self.item(key)?.decimal().ok(), |default| default.parse().ok())
    }

    pub(super) fn money(&self, key: &str) -> Option<Decimal> {
        self.item(key)?.money().ok()
    }

    pub(super) fn date(&self, key: &str) -> Option<NaiveDate> {
        self.item(key)?.date().ok()
    }

    /// The table under a key.
    pub(super) fn section(&self, key: &str) -> Option<Section<'d>> {
        self.item(key)?.section(self.declared(key).table()?)
    }

    /// The tables of a list of tables. None are read where the key is not written.
    pub(super) fn sections(&self, key: &str) -> Vec<Section<'d>> {
        let (Some(item), Some(grammar)) = (self.item(key), self.declared(key).table()) else { return Vec::new() };
        item.elements().into_iter().filter_map(|element| element.section(grammar)).collect()
    }

    /// The entries of a table with free keys. None are read where the key is not written.
    pub(super) fn entries(&self, key: &str) -> Vec<Item<'d>> {
        self.item(key).map(|item| item.entries("")).unwrap_or_default()
    }
}

/// One value of the document, with its key.
pub(super) struct Item<'d> {
    pub(super) path: String,
    pub(super) key: &'d str,
    pub(super) example: &'static str,
    pub(super) at: Range<usize>,
    pub(super) value: &'d DeValue<'d>,
}

/// Why a value cannot be read.
pub(super) enum Fault {
    /// It is of another kind than this.
    Expected(&'static str),
    /// It is of the right kind, but not allowed.
    Problem(String),
    /// The same, with a remedy of its own.
    Remedied { problem: String, remedy: String },
}

impl<'d> Item<'d> {
    /// Reports a fault of this value.
    pub(super) fn wrong(&self, problem: impl Into<String>, report: &mut Report<'_>) {
        let remedy = if self.example.is_empty() {
            format!("write [{}]", self.path)
        } else {
            format!("write {} = {}", self.key, self.example)
        };
        report.add(self.at.clone(), Some(&self.path), problem, remedy);
    }

    /// Reports why this value cannot be read.
    pub(super) fn faulty(&self, fault: Fault, report: &mut Report<'_>) {
        match fault {
            Fault::Problem(problem) => self.wrong(problem, report),
            Fault::Remedied { problem, remedy } => report.add(self.at.clone(), Some(&self.path), problem, remedy),
            Fault::Expected(kind) => {
                let mut problem = format!("expected {kind}, found {}", found(self.value));
                if matches!(self.value, DeValue::Integer(_) | DeValue::Float(_) | DeValue::Datetime(_)) {
                    problem = format!("{problem} ({})", report.text_at(self.at.clone()));
                }
                self.wrong(problem, report);
            }
        }
    }

    /// A text that is not empty and has no space at its ends.
    pub(super) fn text(&self) -> Result<String, Fault> {
        let DeValue::String(text) = self.value else { return Err(Fault::Expected("a text")) };
        match unfit(text) {
            Some(problem) => Err(Fault::Problem(problem.to_owned())),
            None => Ok(text.clone().into_owned()),
        }
    }

    pub(super) fn flag(&self) -> Result<bool, Fault> {
        self.value.as_bool().ok_or(Fault::Expected("true or false"))
    }

    /// A date as TOML writes it.
    pub(super) fn date(&self) -> Result<NaiveDate, Fault> {
        let date = match self.value {
            DeValue::Datetime(moment) if moment.time.is_none() => moment.date,
            _ => None,
        };
        let civil = date.and_then(|date| NaiveDate::from_ymd_opt(date.year.into(), date.month.into(), date.day.into()));
        civil.ok_or(Fault::Expected("a date without quotes and without a time"))
    }

    /// A date in quotes: `YYYY-MM-DD`, digit for digit.
    pub(super) fn quoted_date(&self) -> Result<NaiveDate, Fault> {
        let text = self.text()?;
        iso_date(&text).ok_or_else(|| Fault::Problem(format!("{text:?} is not a date")))
    }

    /// A first and a last day, both in quotes.
    pub(super) fn days(&self) -> Option<Days> {
        let ends = self.elements();
        let [first, last] = ends.as_slice() else { return None };
        Some(Days { first: first.quoted_date().ok()?, last: last.quoted_date().ok()? })
    }

    /// A day that every year has.
    pub(super) fn month_day(&self) -> Result<MonthDay, Fault> {
        let text = self.text()?;
        // 2001 is not a leap year, so 29 February fails here as it would in most years.
        let day = iso_date(&format!("2001-{text}"));
        let day = day.ok_or_else(|| Fault::Problem(format!("{text:?} is not a day of every year")))?;
        Ok(MonthDay { month: day.month(), day: day.day() })
    }

    pub(super) fn zone(&self) -> Result<Tz, Fault> {
        let name = self.text()?;
        name.parse().map_err(|_| Fault::Problem(format!("there is no time zone {name:?}")))
    }

    pub(super) fn currency(&self) -> Result<String, Fault> {
        let currency = self.text()?;
        if currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Ok(currency);
        }
        Err(Fault::Problem("a currency is three capital letters".to_owned()))
    }

    /// A whole number of 0 or more.
    pub(super) fn whole(&self) -> Result<u32, Fault> {
        let whole = match self.value {
            DeValue::Integer(whole) => whole_number(whole).and_then(|whole| whole.try_into().ok()),
            _ => None,
        };
        whole.ok_or(Fault::Expected("a whole number of 0 or more"))
    }

    /// A number as written, never through binary.
    pub(super) fn decimal(&self) -> Result<Decimal, Fault> {
        let number = match self.value {
            DeValue::Integer(whole) => whole_number(whole).map(Decimal::from),
            DeValue::Float(float) => Decimal::from_str_exact(float.as_str()).ok(),
            _ => None,
        };
        number.ok_or(Fault::Expected("a number in plain digits"))
    }

    /// A number from 0, and up to a greatest one if there is one.
    pub(super) fn not_negative(&self, most: Option<Decimal>) -> Result<Decimal, Fault> {
        let number = self.decimal()?;
        match most {
            _ if is_below_zero(number) => Err(Fault::Problem(format!("{number} is less than 0"))),
            Some(most) if number > most => Err(Fault::Problem(format!("{number} is more than {most}"))),
            _ => Ok(number),
        }
    }

    /// An amount of money of 0 or more: a text in plain digits, or a number.
    pub(super) fn money(&self) -> Result<Decimal, Fault> {
        let DeValue::String(text) = self.value else { return self.not_negative(None) };
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-');
        match Decimal::from_str_exact(text).ok().filter(|_| plain) {
            Some(amount) if is_below_zero(amount) => Err(Fault::Problem(format!("{amount} is less than 0"))),
            Some(amount) if amount > Decimal::from(MONEY_MAX) => {
                Err(Fault::Problem(format!("{amount} is more than {MONEY_MAX}")))
            }
            Some(amount) => Ok(amount),
            None => Err(Fault::Problem(format!("{text:?} is not an amount in plain digits"))),
        }
    }

    /// The value of a fact.
    pub(super) fn fact_value(&self) -> Result<Value, Fault> {
        let value = match self.value {
            DeValue::String(text) => Some(Value::String(text.clone().into_owned())),
            DeValue::Boolean(flag) => Some(Value::Bool(*flag)),
            DeValue::Integer(whole) => whole_number(whole).map(Value::from),
            _ => None,
        };
        value.ok_or_else(|| Fault::Problem("a value is a text, a whole number, true or false".to_owned()))
    }

    /// The values of facts in a list; those that cannot be read are left out.
    pub(super) fn values(&self) -> Vec<Value> {
        self.elements().iter().filter_map(|element| element.fact_value().ok()).collect()
    }

    /// The elements of a list, each with its own place. A value that is not a list has none.
    pub(super) fn elements(&self) -> Vec<Item<'d>> {
        let elements = self.value.as_array().map(|items| items.iter()).into_iter().flatten();
        let element = |item: &'d Spanned<DeValue<'d>>| {
            let (at, value) = (item.span(), item.get_ref());
            Item { path: self.path.clone(), key: self.key, example: self.example, at, value }
        };
        elements.map(element).collect()
    }

    /// The entries of a table with free keys, each with an example of a value. A value that is not a table has none.
    pub(super) fn entries(&self, example: &'static str) -> Vec<Item<'d>> {
        let entries = self.value.as_table().map(|table| table.iter()).into_iter().flatten();
        let entry = |(key, item): (&'d Spanned<std::borrow::Cow<'d, str>>, &'d Spanned<DeValue<'d>>)| {
            let (key, at, value) = (key.get_ref().as_ref(), item.span(), item.get_ref());
            Item { path: path_of(&self.path, key), key, example, at, value }
        };
        entries.map(entry).collect()
    }

    /// The value as a table of the grammar; none if it is not a table.
    pub(super) fn section(&self, grammar: &'static Table) -> Option<Section<'d>> {
        let table = self.value.as_table()?;
        Some(Section { path: self.path.clone(), at: self.at.clone(), table, grammar })
    }
}

fn is_below_zero(number: Decimal) -> bool {
    number.is_sign_negative() && !number.is_zero()
}

/// Words joined by commas, the last by "and".
fn and(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// Only `YYYY-MM-DD`, digit for digit.
fn iso_date(text: &str) -> Option<NaiveDate> {
    let date: NaiveDate = text.parse().ok()?;
    (date.to_string() == text).then_some(date)
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

/// The kind of a value, in words.
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
