//! Checks a document against the grammar: unknown and missing keys, and values of another kind.

use toml::Spanned;
use toml::de::DeValue;

use super::super::facts::{FACTS, FactKind, FieldKind};
use super::super::grammar::{FACT, GRAMMAR, Key, Kind, Need, Table, VALUE};
use super::{Report, Section, is_of_every_fact};

/// Checks a table and everything in it.
pub(super) fn table(section: &Section<'_>, grammar: &'static Table, report: &mut Report<'_>) {
    for key in grammar.keys {
        match section.get(key.name) {
            Some(value) => self::value(section, key, value, report),
            None if key.need == Need::Required => missing(section, key, report),
            None => {}
        }
    }
    let is_fact = std::ptr::eq(grammar, &raw const FACT);
    let fact = if is_fact { fact(section, report) } else { None };
    for (name, value) in section.entries() {
        if grammar.key(name).is_some() {
            continue;
        }
        match fact.and_then(|fact| fact.field(name)) {
            Some(field) => field_value(&section.path_of(name), field.kind, value, report),
            None if is_fact && fact.is_none() => {}
            None => unknown(section, name, value, &names_of(grammar, fact), report),
        }
    }
    if let Some(fact) = fact {
        for field in fact.fields.iter().filter(|field| field.is_needed && section.get(field.name).is_none()) {
            let remedy = format!("write {} = \"COLUMN\", or {} = {{ value = \"…\" }}", field.name, field.name);
            report.add(section.at.clone(), Some(&section.path_of(field.name)), "missing", remedy);
        }
    }
}

/// The type of a fact. Reports one that there is not.
fn fact(section: &Section<'_>, report: &mut Report<'_>) -> Option<&'static FactKind> {
    let name = section.text("type")?;
    let kind = FactKind::named(name);
    if kind.is_none() {
        let names: Vec<&str> = FACTS.iter().map(|kind| kind.name).collect();
        let remedy = format!("write one of {}", names.join(", "));
        report.add(section.place("type"), Some(&section.path_of("type")), format!("there is no fact {name:?}"), remedy);
    }
    kind
}

fn names_of(grammar: &Table, fact: Option<&FactKind>) -> Vec<&'static str> {
    let fields = fact.iter().flat_map(|fact| fact.fields.iter().map(|field| field.name));
    grammar.keys.iter().map(|key| key.name).chain(fields).collect()
}

fn unknown(section: &Section<'_>, name: &str, value: &Spanned<DeValue<'_>>, known: &[&str], report: &mut Report<'_>) {
    let remedy = format!("remove it, or write one of {}", known.join(", "));
    report.add(value.span(), Some(&section.path_of(name)), "there is no such key here", remedy);
}

fn missing(section: &Section<'_>, key: &Key, report: &mut Report<'_>) {
    let path = section.path_of(key.name);
    let remedy = match key.kind {
        Kind::Table(_) => format!("write [{path}]"),
        Kind::Tables(_) => format!("write [[{path}]]"),
        _ => format!("write {} = {}", key.name, key.example),
    };
    report.add(section.at.clone(), Some(&path), "missing", remedy);
}

/// Whether a plain value is one that the key may have.
fn is_right(kind: Kind, value: &DeValue<'_>) -> bool {
    match (kind, value) {
        (Kind::Grammar, DeValue::Integer(number)) => number.as_str().parse() == Ok(GRAMMAR),
        (Kind::Text, DeValue::String(text)) => !text.is_empty(),
        (Kind::Texts, DeValue::Array(items)) => items.iter().all(|item| item.get_ref().is_str()),
        (Kind::Percent, DeValue::Integer(number)) => number.as_str().parse::<u8>().is_ok_and(|of| of <= 100),
        (Kind::Word(words), DeValue::String(text)) => words.iter().any(|(word, _)| *word == text.as_ref()),
        (Kind::Flag, DeValue::Boolean(_)) | (Kind::CodesOrName, DeValue::String(_)) => true,
        _ => false,
    }
}

fn value(section: &Section<'_>, key: &'static Key, value: &Spanned<DeValue<'_>>, report: &mut Report<'_>) {
    let path = section.path_of(key.name);
    let wrong = |problem: &str, report: &mut Report<'_>| {
        report.add(value.span(), Some(&path), problem, format!("write {} = {}", key.name, key.example));
    };
    match (key.kind, value.get_ref()) {
        (kind, value) if is_right(kind, value) => {}
        (Kind::Grammar, _) => wrong("this build reads grammar 1 of mappings", report),
        (Kind::Text, _) => wrong("expected a text that is not empty", report),
        (Kind::Texts, _) => wrong("expected a list of texts", report),
        (Kind::Flag, _) => wrong("expected true or false", report),
        (Kind::Percent, _) => wrong("expected a whole number from 0 to 100", report),
        (Kind::Word(words), _) => {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            wrong(&format!("expected one of {}", words.join(", ")), report);
        }
        (Kind::Value, _) => one(&path, value, report),
        (Kind::Conditions, DeValue::Table(inner)) => {
            let inner = Section { path, at: value.span(), table: inner };
            for (name, value) in inner.entries() {
                texts_only(&inner.path_of(name), value, report);
            }
        }
        (Kind::Conditions, _) => wrong("expected columns with the texts that they must have", report),
        (Kind::CodesOrName, DeValue::Table(inner)) => {
            codes(&Section { path, at: value.span(), table: inner }, report);
        }
        (Kind::CodesOrName, _) => wrong("expected codes, or the name of a list under [codes]", report),
        (Kind::CodeLists, DeValue::Table(inner)) => {
            let lists = Section { path, at: value.span(), table: inner };
            for (name, value) in lists.entries() {
                match value.get_ref() {
                    DeValue::Table(inner) => {
                        codes(&Section { path: lists.path_of(name), at: value.span(), table: inner }, report);
                    }
                    _ => report.add(
                        value.span(),
                        Some(&lists.path_of(name)),
                        "expected a list of codes",
                        format!("write [codes.{name}]"),
                    ),
                }
            }
        }
        (Kind::CodeLists, _) => wrong("expected lists of codes", report),
        (Kind::Table(of), DeValue::Table(inner)) => {
            table(&Section { path, at: value.span(), table: inner }, of, report);
        }
        (Kind::Table(_), _) => report.add(value.span(), Some(&path), "expected a table", format!("write [{path}]")),
        (Kind::Tables(of), DeValue::Array(items)) => {
            for section in section.sections(key.name) {
                table(&section, of, report);
            }
            if items.iter().any(|item| !item.get_ref().is_table()) || items.is_empty() {
                report.add(value.span(), Some(&path), "expected tables", format!("write [[{path}]]"));
            }
        }
        (Kind::Tables(_), _) => report.add(value.span(), Some(&path), "expected tables", format!("write [[{path}]]")),
    }
}

fn codes(section: &Section<'_>, report: &mut Report<'_>) {
    for (name, value) in section.entries() {
        if !value.get_ref().is_str() {
            let remedy = format!("write {name:?} = \"code\"");
            report.add(value.span(), Some(&section.path_of(name)), "expected the text that the code becomes", remedy);
        }
    }
}

fn texts_only(path: &str, value: &Spanned<DeValue<'_>>, report: &mut Report<'_>) {
    let is_text = |value: &DeValue<'_>| value.is_str();
    let fits = match value.get_ref() {
        DeValue::Array(items) => !items.is_empty() && items.iter().all(|item| is_text(item.get_ref())),
        value => is_text(value),
    };
    if !fits {
        report.add(
            value.span(),
            Some(path),
            "expected a text, or a list of texts",
            "write { status = [\"open\", \"new\"] }",
        );
    }
}

/// The value of a field: one value, or named values.
fn field_value(path: &str, kind: FieldKind, value: &Spanned<DeValue<'_>>, report: &mut Report<'_>) {
    if !matches!(kind, FieldKind::Attributes | FieldKind::Numbers | FieldKind::Flags) {
        return one(path, value, report);
    }
    let DeValue::Table(inner) = value.get_ref() else {
        return report.add(
            value.span(),
            Some(path),
            "expected named values",
            format!("write [{path}] with a line for each, such as name = \"COLUMN\""),
        );
    };
    let inner = Section { path: path.to_owned(), at: value.span(), table: inner };
    for (name, value) in inner.entries() {
        one(&inner.path_of(name), value, report);
    }
}

/// One value: a column, or a table that says how to get it.
fn one(path: &str, value: &Spanned<DeValue<'_>>, report: &mut Report<'_>) {
    let remedy = "write the name of a column, or { value = \"…\" } for a constant";
    match value.get_ref() {
        DeValue::String(text) if !text.is_empty() => {}
        DeValue::Table(inner) => {
            let section = Section { path: path.to_owned(), at: value.span(), table: inner };
            table(&section, &VALUE, report);
            let ways = ["column", "value", "template"].iter().filter(|way| section.get(way).is_some()).count();
            if ways != 1 {
                report.add(value.span(), Some(path), "a value has one of column, value and template", remedy);
            }
        }
        _ => report.add(value.span(), Some(path), "expected a column", remedy),
    }
}

/// The names that no field may have, because every fact has them.
pub(super) fn is_field(name: &str) -> bool {
    !is_of_every_fact(name)
}
