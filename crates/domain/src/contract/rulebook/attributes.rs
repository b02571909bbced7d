//! What spells of a domain may say beside their hours: the names and values of attributes, and which are required.
//!
//! It never judges a spell: it says what a rulebook allows. A domain without a section allows anything.

use std::collections::BTreeMap;

use serde_json::Value;
use toml::de::DeValue;

use super::outcome::Trigger;
use super::outcome::trigger::values;
use super::parse::check_code;
use super::reader::{Item, Report, Section, path_of};
use super::{CodeList, Codes};

/// The attributes of spells, by domain. A domain that is left out allows any attribute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes(BTreeMap<String, BTreeMap<String, AttributeRule>>);

/// What one attribute may say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeRule {
    /// The values that it may have, in the rulebook's order; none: any.
    pub values: Option<Vec<Value>>,
    /// Whether every spell of the domain states it from its start.
    pub required: bool,
}

impl Attributes {
    /// The attributes of a domain by their names; none where the rulebook does not list them.
    pub fn of(&self, domain: &str) -> Option<&BTreeMap<String, AttributeRule>> {
        self.0.get(domain)
    }

    /// Every domain whose attributes are listed, with them.
    pub fn domains(&self) -> impl Iterator<Item = (&str, &BTreeMap<String, AttributeRule>)> {
        self.0.iter().map(|(domain, attributes)| (domain.as_str(), attributes))
    }
}

/// A value as people read it.
pub fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Reads `[attributes.<domain>]`.
pub(super) fn attributes(top: &Section<'_>, codes: &Codes, report: &mut Report<'_>) -> Attributes {
    let Some(section) = top.section("attributes", report) else { return Attributes::default() };
    let mut read = BTreeMap::new();
    for (key, item) in section.table {
        let domain = (key.get_ref().clone().into_owned(), key.span());
        let path = path_of(&section.path, &domain.0);
        check_code(codes, CodeList::SpellDomains, &domain, &path, report);
        let DeValue::Table(table) = item.get_ref() else {
            report.add(item.span(), Some(&path), "expected the attributes of a domain", format!("write [{path}]"));
            continue;
        };
        let of_domain = Section { path, at: item.span(), table };
        let names = of_domain.table.iter();
        let rules = names.filter_map(|(name, item)| {
            let name = name.get_ref().clone().into_owned();
            let path = path_of(&of_domain.path, &name);
            rule(&name, item, path, report).map(|rule| (name, rule))
        });
        read.insert(domain.0, rules.collect());
    }
    Attributes(read)
}

fn rule(name: &str, item: &toml::Spanned<DeValue<'_>>, path: String, report: &mut Report<'_>) -> Option<AttributeRule> {
    let DeValue::Table(table) = item.get_ref() else {
        let remedy = format!("write {name} = {{ values = [\"a_value\"], required = false }}");
        report.add(item.span(), Some(&path), "expected what the attribute may say", remedy);
        return None;
    };
    let section = Section { path, at: item.span(), table };
    section.only(&["values", "required"], report);
    let listed = section.table.get("values").map(|listed| {
        let path = path_of(&section.path, "values");
        values(listed, &path, "write values = [\"a_value\"], or leave values out to allow any", report)
    });
    let required = section.optional("required", "true").map_or(Some(false), |item: Item<'_>| item.flag(report));
    let values = match listed {
        Some(listed) => Some(listed?),
        None => None,
    };
    Some(AttributeRule { values, required: required? })
}

/// Reports what a fact asks of the attributes of spells that no spell could ever say.
pub(super) fn check_trigger(
    trigger: &Trigger,
    attributes: &Attributes,
    section: &Section<'_>,
    report: &mut Report<'_>,
) {
    let Trigger::Spell { domains, attributes: asked } = trigger else { return };
    let path = path_of(&section.path, "where");
    for (domain, listed) in domains.iter().filter_map(|domain| Some((domain, attributes.of(domain)?))) {
        for (name, wanted) in asked {
            let Some(rule) = listed.get(name) else {
                let names = listed.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                let problem = format!("no spell of {domain} has the attribute {name:?}");
                let remedy = format!("write one of {names}, or add it to [attributes.{domain}]");
                report.add(section.at.clone(), Some(&path), problem, remedy);
                continue;
            };
            let Some(values) = &rule.values else { continue };
            for value in wanted.iter().filter(|value| !values.contains(value)) {
                let allowed = values.iter().map(shown).collect::<Vec<_>>().join(", ");
                let problem = format!("no spell of {domain} has {name} = {:?}", shown(value));
                let remedy = format!("write one of {allowed}, or add it to [attributes.{domain}]");
                report.add(section.at.clone(), Some(&path), problem, remedy);
            }
        }
    }
}
