//! The attributes that spells of a domain may have: their names and values, and which are required.
//!
//! It does not check spells. A domain without a section allows any attribute.

use std::collections::BTreeMap;

use super::grammar::contract::ATTRIBUTE;
use super::outcome::Trigger;
use super::reader::{Item, Report, Section};
use serde_json::Value;

/// The attributes of spells, by domain. A domain that is left out allows any attribute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes(BTreeMap<String, BTreeMap<String, AttributeRule>>);

/// The values that one attribute may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeRule {
    /// The values that it may have, in the order of the rulebook; `None` allows any value.
    pub values: Option<Vec<Value>>,
    /// Whether every spell of the domain must state it from its start.
    pub required: bool,
}

impl Attributes {
    /// The attributes of a domain by name; `None` if the rulebook does not list them.
    pub fn of(&self, domain: &str) -> Option<&BTreeMap<String, AttributeRule>> {
        self.0.get(domain)
    }

    /// Every domain with a list of attributes, and the list.
    pub fn domains(&self) -> impl Iterator<Item = (&str, &BTreeMap<String, AttributeRule>)> {
        self.0.iter().map(|(domain, attributes)| (domain.as_str(), attributes))
    }
}

/// A value as people read it: a text without quotes.
pub fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Reads `[attributes.<domain>]`.
pub(super) fn attributes(top: &Section<'_>) -> Attributes {
    let attribute = |item: &Item<'_>| Some((item.key.to_owned(), rule(&item.section(&ATTRIBUTE)?)?));
    let domain = |item: &Item<'_>| (item.key.to_owned(), item.entries("").iter().filter_map(attribute).collect());
    Attributes(top.entries("attributes").iter().map(domain).collect())
}

fn rule(section: &Section<'_>) -> Option<AttributeRule> {
    let values = section.has("values").then(|| section.values("values"));
    Some(AttributeRule { values, required: section.flag("required")? })
}

/// Reports attributes and values that a fact asks for and no spell could have.
pub(super) fn check_trigger(
    trigger: &Trigger,
    attributes: &Attributes,
    section: &Section<'_>,
    report: &mut Report<'_>,
) {
    let Trigger::Spell { domains, attributes: asked } = trigger else { return };
    let path = section.path_of("where");
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
