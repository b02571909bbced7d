//! The forms of a fact: what an outcome's `trigger` and a stage's `when` can name.
//!
//! It never accepts two facts where one is asked.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::Value;
use toml::de::DeValue;

use super::super::document::whole_number;
use super::super::parse::check_code;
use super::super::reader::{Item, Report, Section, path_of};
use super::super::{CodeList, Codes};
use super::Trigger;

/// What narrows a form, and the form it belongs to.
const NARROWS: [(&str, &str); 2] = [("where", "spell"), ("level", "achievement")];

/// The forms that every fact can have.
pub(in super::super) const FORMS: [&str; 5] = ["spell", "achievement", "plan", "engagement", "measure"];

/// The one form that a table names, of these.
pub(in super::super) fn form<'d>(
    item: &Item<'d>,
    forms: &[&'static str],
    noun: &str,
    report: &mut Report<'_>,
) -> Option<(&'static str, Section<'d>)> {
    let table = item.table("one fact", report)?;
    let narrows = NARROWS.map(|(key, _)| key);
    let known: Vec<_> = forms.iter().chain(&narrows).copied().collect();
    table.only(&known, report);
    for (key, form) in NARROWS {
        if table.has(key) && !table.has(form) {
            let problem = format!("{key} belongs to {form}, which is not there");
            report.add(table.at.clone(), Some(&path_of(&table.path, key)), problem, format!("take {key} out"));
        }
    }
    let named: Vec<_> = forms.iter().copied().filter(|form| table.has(form)).collect();
    match named.as_slice() {
        [form] => Some((form, table)),
        [] => {
            item.wrong("it names no fact", report);
            None
        }
        several => {
            let article = if noun.starts_with('o') { "an" } else { "a" };
            let problem = format!("it names {}, but {article} {noun} has one fact", several.join(" and "));
            report.add(table.at, Some(&table.path), problem, format!("write {article} {noun} for each"));
            None
        }
    }
}

/// The fact of one of [`FORMS`].
pub(in super::super) fn fact(
    form: &str,
    table: &Section<'_>,
    codes: &Codes,
    report: &mut Report<'_>,
) -> Option<Trigger> {
    match form {
        "spell" => {
            let item = table.optional("spell", "[\"employment\"]")?;
            let domains = listed(&item, CodeList::SpellDomains, codes, report);
            let attributes = attributes(table, report);
            Some(Trigger::Spell { domains: domains?, attributes })
        }
        "achievement" => {
            let item = table.optional("achievement", "[\"qualification\"]")?;
            let achievements = listed(&item, CodeList::AchievementCodes, codes, report);
            let levels = match table.optional("level", "[\"2\"]") {
                Some(level) => texts(level.some_texts(report)?),
                None => Vec::new(),
            };
            Some(Trigger::Achievement { codes: achievements?, levels })
        }
        "plan" => {
            let item = table.optional("plan", "[\"employment_plan\"]")?;
            let kinds = listed(&item, CodeList::PlanKinds, codes, report)?;
            Some(Trigger::Plan { kinds })
        }
        "engagement" => {
            let item = table.optional("engagement", "[]")?;
            let bases = texts(item.texts(report)?);
            Some(Trigger::Engagement { bases })
        }
        _ => measure(table, codes, report),
    }
}

fn measure(table: &Section<'_>, codes: &Codes, report: &mut Report<'_>) -> Option<Trigger> {
    let measure = table.section("measure", report)?;
    measure.only(&["code", "at_least"], report);
    let code = code(&measure, "code", "\"sessions\"", CodeList::MeasureCodes, codes, report);
    let at_least: Option<Decimal> = measure.required("at_least", "10", report).and_then(|item| item.decimal(report));
    Some(Trigger::Measure { code: code?, at_least: at_least? })
}

/// A key that holds one code that commands may use.
pub(in super::super) fn code(
    section: &Section<'_>,
    key: &'static str,
    example: &'static str,
    list: CodeList,
    codes: &Codes,
    report: &mut Report<'_>,
) -> Option<String> {
    let item = section.required(key, example, report)?;
    let code = (item.text(report)?, item.at.clone());
    check_code(codes, list, &code, &item.path, report);
    Some(code.0)
}

/// A list of codes, each of which a command must be able to use.
pub(in super::super) fn listed(
    item: &Item<'_>,
    list: CodeList,
    codes: &Codes,
    report: &mut Report<'_>,
) -> Option<Vec<String>> {
    let found = item.some_texts(report)?;
    for code in &found {
        check_code(codes, list, code, &item.path, report);
    }
    Some(texts(found))
}

pub(in super::super) fn texts<T>(found: Vec<(String, T)>) -> Vec<String> {
    found.into_iter().map(|(text, _)| text).collect()
}

fn attributes(table: &Section<'_>, report: &mut Report<'_>) -> BTreeMap<String, Vec<Value>> {
    let Some(section) = table.section("where", report) else {
        return BTreeMap::new();
    };
    let mut attributes = BTreeMap::new();
    for (key, item) in section.table {
        let name = key.get_ref().as_ref();
        let path = path_of(&section.path, name);
        let remedy = format!("write where = {{ {name} = [\"a_value\"] }}");
        if let Some(values) = values(item, &path, &remedy, report) {
            attributes.insert(name.to_owned(), values);
        }
    }
    attributes
}

/// A list of values that a fact can have, of which at least one must be named.
pub(in super::super) fn values(
    item: &toml::Spanned<DeValue<'_>>,
    path: &str,
    remedy: &str,
    report: &mut Report<'_>,
) -> Option<Vec<Value>> {
    let mut wrong = |at, problem: &str| report.add(at, Some(path), problem, remedy);
    let DeValue::Array(items) = item.get_ref() else {
        wrong(item.span(), "expected a list of values");
        return None;
    };
    if items.is_empty() {
        wrong(item.span(), "the list is empty, so nothing would ever fit");
    }
    let mut values = Vec::new();
    for item in items {
        match value(item.get_ref()) {
            Some(value) => values.push(value),
            None => wrong(item.span(), "a value is a text, a whole number, true or false"),
        }
    }
    Some(values)
}

fn value(value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::String(text) => Some(Value::String(text.clone().into_owned())),
        DeValue::Boolean(flag) => Some(Value::Bool(*flag)),
        DeValue::Integer(whole) => whole_number(whole).map(Value::from),
        _ => None,
    }
}
