//! Reads the tables and records of a mapping, and resolves the columns that they name.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;
use toml::de::DeValue;

use super::super::facts::{FactKind, FieldKind};
use super::super::{
    AttributeKind, Condition, Conditions, FactTerms, FieldTerms, Join, Origin, Owner, Part, RecordTerms, Source, Spot,
    TableTerms, Template,
};
use super::check::is_field;
use super::{Report, Section, forms, list, texts};
use crate::import::read::{Column, Format, Table};
use throughline_domain::fact::envelope::StreamKind;

/// What records may name.
pub(super) struct Names {
    pub(super) format: Format,
    pub(super) tables: Vec<Table>,
    pub(super) terms: Vec<TableTerms>,
    pub(super) codes: BTreeMap<String, BTreeMap<String, String>>,
}

impl Names {
    fn table(&self, name: &str) -> Option<usize> {
        self.tables.iter().position(|table| table.name == name)
    }

    /// The place of a column of a table: its own, or one of a table that it joins.
    fn spot(&mut self, table: usize, column: &str) -> Spot {
        let joined = column.split_once('.').and_then(|(of, column)| {
            let joins = &self.terms[table].joins;
            let join = joins.iter().position(|join| self.tables[join.table].name == of)?;
            Some((join, joins[join].table, column.to_owned()))
        });
        match joined {
            Some((join, of, column)) => Spot::Joined { join, column: self.column(of, &column) },
            None => Spot::Own(self.column(table, column)),
        }
    }

    /// The index of a column of a table. One that is named for the first time is wanted from now on.
    fn column(&mut self, table: usize, name: &str) -> usize {
        let columns = &mut self.tables[table].columns;
        columns.iter().position(|column| column.name == name).unwrap_or_else(|| {
            columns.push(Column { name: name.to_owned(), is_optional: false });
            columns.len() - 1
        })
    }
}

/// Reads the tables with their keys and joins.
pub(super) fn tables(top: &Section<'_>, names: &mut Names, report: &mut Report<'_>) {
    let sections = top.sections("table");
    for section in &sections {
        let name = section.text("name").unwrap_or_default();
        if names.table(name).is_some() {
            report.add(
                section.place("name"),
                Some("table.name"),
                format!("a second table {name}"),
                "give every table its own name",
            );
        }
        let path = |path: &str| path.split('/').map(str::to_owned).collect();
        let columns = section.texts("optional").unwrap_or_default();
        let columns = columns.into_iter().map(|name| Column { name, is_optional: true }).collect();
        names.tables.push(Table {
            name: name.to_owned(),
            file: section.text("file").map(str::to_owned),
            sheet: section.text("sheet").map(str::to_owned),
            element: section.text("element").map(path).unwrap_or_default(),
            columns,
        });
        names.terms.push(TableTerms { key: None, joins: Vec::new() });
        misplaced(section, names.format, report);
    }
    for (at, section) in sections.iter().enumerate() {
        if let Some(key) = section.text("key") {
            names.terms[at].key = Some(names.column(at, key));
        }
    }
    for (at, section) in sections.iter().enumerate() {
        for join in section.sections("join") {
            let name = join.text("table").unwrap_or_default();
            if let Some(table) = names.table(name).filter(|table| *table != at && names.terms[*table].key.is_some()) {
                let column = names.spot(at, join.text("column").unwrap_or_default());
                names.terms[at].joins.push(Join { table, column });
            } else {
                let problem = format!("there is no other table {name:?} with a key");
                report.add(
                    join.place("table"),
                    Some("table.join.table"),
                    problem,
                    "name another table, and give that one a key",
                );
            }
        }
    }
}

/// Reports keys of a table that its format does not have.
fn misplaced(section: &Section<'_>, format: Format, report: &mut Report<'_>) {
    let allowed = |key: &str| match key {
        "sheet" => format == Format::Xlsx,
        "element" => !format.is_flat(),
        "file" => format.is_flat(),
        _ => true,
    };
    for key in ["sheet", "element", "file"].into_iter().filter(|key| section.get(key).is_some() && !allowed(key)) {
        let problem = format!("a table of a {} file has none", format.as_str());
        report.add(section.place(key), Some(&format!("table.{key}")), problem, "remove it");
    }
}

/// Reads the records with their facts.
pub(super) fn records(top: &Section<'_>, names: &mut Names, report: &mut Report<'_>) -> Vec<RecordTerms> {
    let mut records = Vec::new();
    for section in top.sections("record") {
        let name = section.text("table").unwrap_or_default();
        let Some(table) = names.table(name) else {
            let problem = format!("there is no table {name:?}");
            report.add(section.place("table"), Some("record.table"), problem, "name a table of the mapping");
            continue;
        };
        let mut reading = Reading { names, table, report };
        let Some(owner) = reading.owner(&section) else { continue };
        let id = reading.template(&section, "id");
        let kind = match owner {
            Owner::Case(_) => StreamKind::Journey,
            Owner::Worker(_) => StreamKind::Worker,
            Owner::Offer(_) => StreamKind::Offer,
        };
        let conditions = reading.conditions(&section);
        let purged = reading.those(&section, "purge");
        if kind == StreamKind::Offer && section.get("purge").is_some() {
            let (problem, remedy) = ("an offered referral is never retracted", "remove it: its partner withdraws it");
            reading.report.add(section.place("purge"), Some("record.purge"), problem, remedy);
        }
        let facts = reading.facts(&section, kind);
        let is_earliest = section.flag("earliest");
        records.push(RecordTerms { table, id, owner, conditions, purged, is_earliest, facts });
    }
    records
}

/// Reads the parts of a record of one table.
struct Reading<'a, 't> {
    names: &'a mut Names,
    table: usize,
    report: &'a mut Report<'t>,
}

impl Reading<'_, '_> {
    fn owner(&mut self, section: &Section<'_>) -> Option<Owner> {
        match (section.text("case"), section.text("worker"), section.text("offer")) {
            (Some(_), None, None) => Some(Owner::Case(self.template(section, "case"))),
            (None, Some(_), None) => Some(Owner::Worker(self.template(section, "worker"))),
            (None, None, Some(_)) => Some(Owner::Offer(self.template(section, "offer"))),
            _ => {
                let problem = "a record belongs to a case, to a worker or to an offered referral";
                self.report.add(
                    section.at.clone(),
                    Some("record"),
                    problem,
                    "write case = \"{id}\", worker = \"{id}\" or offer = \"{id}\"",
                );
                None
            }
        }
    }

    /// The template under a key.
    fn template(&mut self, section: &Section<'_>, key: &str) -> Template {
        let text = section.text(key).unwrap_or_default();
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let Some((column, after)) = after.split_once('}').filter(|(column, _)| !column.is_empty()) else {
                let path = section.path_of(key);
                self.report.add(
                    section.place(key),
                    Some(&path),
                    "a brace is not closed",
                    "write the column as {column}",
                );
                return Template(parts);
            };
            parts.push(Part::Column(self.names.spot(self.table, column), column.to_owned()));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        if !parts.iter().any(|part| matches!(part, Part::Column(..))) {
            let path = section.path_of(key);
            self.report.add(
                section.place(key),
                Some(&path),
                "it names no column",
                "write a column in braces, such as {id}",
            );
        }
        Template(parts)
    }

    fn conditions(&mut self, section: &Section<'_>) -> Conditions {
        Conditions { when: self.those(section, "when"), unless: self.those(section, "unless") }
    }

    /// The conditions under a key.
    fn those(&mut self, section: &Section<'_>, key: &str) -> Vec<Condition> {
        let Some(conditions) = section.section(key) else { return Vec::new() };
        let condition = |(column, value): (&str, &Spanned<DeValue<'_>>)| Condition {
            spot: self.names.spot(self.table, column),
            texts: texts(value.get_ref()),
        };
        conditions.entries().map(condition).collect()
    }

    fn facts(&mut self, record: &Section<'_>, stream: StreamKind) -> Vec<FactTerms> {
        let mut seen = BTreeSet::new();
        let mut facts = Vec::new();
        for section in record.sections("fact") {
            let Some(kind) = section.text("type").and_then(FactKind::named) else { continue };
            let place = section.place("type");
            if kind.stream != stream {
                let problem = format!("{} is no fact of a {}", kind.name, stream.as_str());
                self.report.add(place, Some("record.fact.type"), problem, "put it into a record of its own");
                continue;
            }
            if !seen.insert(kind.name) {
                let problem = format!("a second {} in one record", kind.name);
                let remedy = "put it into a further [[record]] of the same table, with an id of its own";
                self.report.add(place, Some("record.fact.type"), problem, remedy);
                continue;
            }
            if kind.name == "referral_received" && !facts.is_empty() {
                self.report.add(
                    place,
                    Some("record.fact.type"),
                    "a referral is the first fact of its record",
                    "write it first",
                );
            }
            facts.push(self.fact(&section, kind));
        }
        facts
    }

    fn fact(&mut self, section: &Section<'_>, kind: &'static FactKind) -> FactTerms {
        let on = section.get("on").expect("the check has seen it");
        let on = self.source("record.fact.on", on);
        let time = section.get("time").map(|time| self.source("record.fact.time", time));
        let conditions = self.conditions(section);
        let mut fields = Vec::new();
        for (name, value) in section.entries().filter(|(name, _)| is_field(name)) {
            let Some(field) = kind.field(name) else { continue };
            let path = format!("record.fact.{name}");
            let is_named = matches!(field.kind, FieldKind::Attributes | FieldKind::Numbers | FieldKind::Flags);
            let terms = match value.get_ref() {
                DeValue::Table(inner) if is_named => {
                    let inner = Section { path: path.clone(), at: value.span(), table: inner };
                    let named = inner
                        .entries()
                        .map(|(name, value)| (name.to_owned(), self.source(&format!("{path}.{name}"), value)));
                    FieldTerms::Named(named.collect())
                }
                _ => FieldTerms::One(self.source(&path, value)),
            };
            fields.push((field, terms));
        }
        FactTerms { kind, on, time, conditions, fields }
    }

    fn source(&mut self, path: &str, value: &Spanned<DeValue<'_>>) -> Source {
        let DeValue::Table(table) = value.get_ref() else {
            let column = value.get_ref().as_str().unwrap_or_default();
            let origin = Origin::Column(self.names.spot(self.table, column), column.to_owned());
            return Source { origin, ..Source::default() };
        };
        let section = Section { path: path.to_owned(), at: value.span(), table };
        let origin = match (section.text("column"), section.text("value")) {
            (Some(column), _) => Origin::Column(self.names.spot(self.table, column), column.to_owned()),
            (None, Some(constant)) => Origin::Constant(constant.to_owned()),
            (None, None) => Origin::Template(self.template(&section, "template")),
        };
        let codes = section.get("codes").and_then(|codes| match codes.get_ref() {
            DeValue::Table(codes) => Some(list(codes)),
            name => {
                let name = name.as_str().unwrap_or_default();
                let found = self.names.codes.get(name).cloned();
                if found.is_none() {
                    let problem = format!("there is no list of codes {name:?}");
                    self.report.add(
                        codes.span(),
                        Some(&section.path_of("codes")),
                        problem,
                        format!("write [codes.{name}]"),
                    );
                }
                found
            }
        });
        Source {
            origin,
            codes,
            default: section.text("default").map(str::to_owned),
            absent: section.texts("absent").unwrap_or_default(),
            dates: forms(&section, self.report),
            is_last_day: section.text("end") == Some("last_day"),
            kind: match section.text("kind") {
                Some("number") => AttributeKind::Number,
                Some("flag") => AttributeKind::Flag,
                _ => AttributeKind::Text,
            },
        }
    }
}
