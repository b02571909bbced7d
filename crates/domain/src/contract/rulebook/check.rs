//! Checks a document against the grammar: unknown and missing keys, values of the wrong kind, codes that nothing lists.
//!
//! It reports every fault and changes nothing. It does not compare values with each other: the parser does.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use toml::de::DeValue;

use super::grammar::terms::{CLOCK_STARTS, SPELL_STARTED};
use super::grammar::{Fix, Items, Key, Kind, Map, Need, Rule, Table, Word};
use super::reader::{Fault, Item, Report, Section, found};
use super::{CodeList, Codes, Dimension, Pause};
use crate::contract::calendar::BankHolidays;

/// What the document names: the values of its references must be among these.
pub(super) struct Names<'n> {
    /// The code lists.
    pub(super) codes: &'n Codes,
    /// The codes of outcomes.
    pub(super) outcomes: &'n [String],
    /// The codes of the attributes of cases.
    pub(super) attributes: &'n [String],
    /// The pauses of the calendar; none where the calendar cannot be read.
    pub(super) pauses: Option<&'n [Pause]>,
}

/// Reports every fault of a document.
pub(super) fn check(top: &Section<'_>, names: &Names<'_>, report: &mut Report<'_>) {
    Check { names, report }.section(top);
}

struct Check<'c, 'r, 't> {
    names: &'c Names<'c>,
    report: &'r mut Report<'t>,
}

impl Check<'_, '_, '_> {
    fn section(&mut self, section: &Section<'_>) {
        self.unknown_keys(section);
        for key in section.grammar.keys {
            match section.item_of(key) {
                Some(item) => self.value(key.kind, &item),
                None if key.need == Need::Required => section.missing(key.name, self.report),
                None => {}
            }
        }
        for rule in section.grammar.rules {
            self.rule(rule, section);
        }
    }

    fn unknown_keys(&mut self, section: &Section<'_>) {
        for (key, item) in section.table {
            let name = key.get_ref().as_ref();
            if section.grammar.key(name).is_some() {
                continue;
            }
            let heading = match item.get_ref() {
                DeValue::Table(_) => Some(format!("[{name}]")),
                DeValue::Array(items) if items.iter().any(|item| item.get_ref().is_table()) => {
                    Some(format!("[[{name}]]"))
                }
                _ => None,
            };
            let is_root = section.path.is_empty();
            let is_alike = |key: &&Key| !is_root || key.is_section() == heading.is_some();
            let known: Vec<&str> = section.grammar.keys.iter().filter(is_alike).map(|key| key.name).collect();
            let problem = match heading {
                Some(heading) if is_root => format!("unknown section {heading}"),
                _ => "unknown key".to_owned(),
            };
            let remedy = format!("write one of {}, or take it out", known.join(", "));
            self.report.add(key.span(), Some(&section.path_of(name)), problem, remedy);
        }
    }

    fn rule(&mut self, rule: &Rule, section: &Section<'_>) {
        let written = |keys: &[&'static str]| -> Vec<&'static str> {
            keys.iter().copied().filter(|key| section.has(key)).collect()
        };
        match *rule {
            Rule::One { with, of, none, several } => {
                if with.is_some_and(|with| !section.has(with)) {
                    return;
                }
                let path = with.map_or_else(|| section.path.clone(), |with| section.path_of(with));
                match written(of).as_slice() {
                    [_] => {}
                    [] => self.broken(section, &path, "", none),
                    keys => self.broken(section, &path, &keys.join(" and "), several),
                }
            }
            Rule::Some { of, none } if written(of).is_empty() => self.broken(section, &section.path, "", none),
            Rule::Needs { key, other, fix } if section.has(key) && !section.has(other) => {
                self.broken(section, &section.path_of(key), key, fix);
            }
            Rule::Requires { key, other } if section.has(key) && !section.has(other) => {
                section.missing(other, self.report);
            }
            Rule::Together(keys) if !written(keys).is_empty() => {
                keys.iter().filter(|key| !section.has(key)).for_each(|key| section.missing(key, self.report));
            }
            Rule::Apart { key, others, fix } if section.has(key) => {
                for other in written(others) {
                    self.broken(section, &section.path_of(key), other, fix);
                }
            }
            _ => {}
        }
    }

    fn broken(&mut self, section: &Section<'_>, path: &str, keys: &str, fix: Fix) {
        let (problem, remedy) = (fix.problem.replace("{}", keys), fix.remedy.replace("{}", keys));
        self.report.add(section.at.clone(), Some(path), problem, remedy);
    }

    fn value(&mut self, kind: Kind, item: &Item<'_>) {
        match kind {
            Kind::List(of, items) => self.list(*of, items, item),
            Kind::DateRange => self.date_range(item),
            Kind::Table(of) => match item.section(of) {
                Some(section) => self.section(&section),
                None if item.example.is_empty() => item.faulty(Fault::Expected("a section"), self.report),
                None => item.faulty(Fault::Expected(of.noun), self.report),
            },
            Kind::Tables(of) => self.tables(of, item),
            Kind::Map(map) => self.map(map, item),
            single => {
                if let Err(fault) = self.read(single, item) {
                    item.faulty(fault, self.report);
                }
            }
        }
    }

    fn list(&mut self, of: Kind, items: Items, item: &Item<'_>) {
        if !item.value.is_array() {
            return item.faulty(Fault::Expected("a list"), self.report);
        }
        let elements = item.elements();
        if items.needs_one() && elements.is_empty() {
            item.wrong("the list is empty, so nothing would ever match", self.report);
        }
        let mut earlier: Vec<&str> = Vec::new();
        for element in &elements {
            match element.value.as_str() {
                Some(text) if items.are_distinct() && earlier.contains(&text) => {
                    let problem = format!("{text:?} is in the list twice");
                    self.report.add(element.at.clone(), Some(&item.path), problem, "keep one of the two");
                }
                text => {
                    earlier.extend(text);
                    self.value(of, element);
                }
            }
        }
    }

    fn date_range(&mut self, item: &Item<'_>) {
        if !item.value.is_array() {
            return item.faulty(Fault::Expected("a list"), self.report);
        }
        let ends = item.elements();
        let [first, last] = ends.as_slice() else {
            return item.wrong("a range is its first and its last day", self.report);
        };
        let (first, last) = (self.date(first), self.date(last));
        if let (Some(first), Some(last)) = (first, last)
            && last < first
        {
            item.wrong("the range ends before it begins", self.report);
        }
    }

    fn date(&mut self, item: &Item<'_>) -> Option<NaiveDate> {
        item.quoted_date().map_err(|fault| item.faulty(fault, self.report)).ok()
    }

    fn tables(&mut self, of: &'static Table, item: &Item<'_>) {
        let wrong = |item: &Item<'_>, report: &mut Report<'_>| {
            let problem = format!("expected a list of sections, found {}", found(item.value));
            let remedy = format!("write [[{}]] above each of them", item.path);
            report.add(item.at.clone(), Some(&item.path), problem, remedy);
        };
        if !item.value.is_array() {
            return wrong(item, self.report);
        }
        for element in item.elements() {
            match element.section(of) {
                Some(section) => self.section(&section),
                None => wrong(&element, self.report),
            }
        }
    }

    fn map(&mut self, map: &'static Map, item: &Item<'_>) {
        let Some(table) = item.value.as_table() else { return item.faulty(Fault::Expected(map.noun), self.report) };
        for ((key, _), entry) in table.iter().zip(item.entries(map.example)) {
            if let Some(Err(Fault::Remedied { problem, remedy })) = map.codes.map(|list| self.code(list, entry.key)) {
                self.report.add(key.span(), Some(&entry.path), problem, remedy);
            }
            self.value(map.of, &entry);
        }
    }

    /// Reads a single value, for its fault.
    fn read(&self, kind: Kind, item: &Item<'_>) -> Result<(), Fault> {
        match kind {
            // The number of the grammar is read first, and another number ends the reading.
            Kind::Grammar | Kind::List(..) | Kind::Table(_) | Kind::Tables(_) | Kind::Map(_) | Kind::DateRange => {
                Ok(())
            }
            Kind::Text => item.text().map(drop),
            Kind::Code(list) => self.code(list, &item.text()?),
            Kind::Outcome => self.outcome(&item.text()?),
            Kind::Pause => self.pause(&item.text()?),
            Kind::Zone => item.zone().map(drop),
            Kind::Division => division(&item.text()?),
            Kind::MonthDay => item.month_day().map(drop),
            Kind::Currency => item.currency().map(drop),
            Kind::ClockStart => self.clock_start(&item.text()?),
            Kind::Dimension => self.dimension(&item.text()?),
            Kind::Word(words) => one_of(words, item),
            Kind::Flag => item.flag().map(drop),
            Kind::FlagOr(_) if item.value.is_bool() => Ok(()),
            Kind::FlagOr(words) if item.value.is_str() => one_of(words, item),
            Kind::FlagOr(_) => Err(Fault::Expected("true, false or a word")),
            Kind::Date => item.date().map(drop),
            Kind::QuotedDate => item.quoted_date().map(drop),
            Kind::Whole => item.whole().map(drop),
            Kind::Positive => match item.whole()? {
                0 => Err(Fault::Problem("0 is too few".to_owned())),
                _ => Ok(()),
            },
            Kind::Number => item.decimal().map(drop),
            Kind::NotNegative => item.not_negative(None).map(drop),
            Kind::Share => item.not_negative(Some(Decimal::ONE)).map(drop),
            Kind::Percent => item.not_negative(Some(Decimal::ONE_HUNDRED)).map(drop),
            Kind::Money => item.money().map(drop),
            Kind::Value => item.fact_value().map(drop),
        }
    }

    /// A code that a rule names and commands may use.
    fn code(&self, list: CodeList, code: &str) -> Result<(), Fault> {
        listed(self.names.codes, list, code)
    }

    /// An outcome that a rule names and the rulebook has.
    fn outcome(&self, code: &str) -> Result<(), Fault> {
        let outcomes = self.names.outcomes;
        if outcomes.iter().any(|known| known == code) {
            return Ok(());
        }
        let remedy = if outcomes.is_empty() {
            "write an [[outcome]] of that code".to_owned()
        } else {
            format!("write one of {}", outcomes.join(", "))
        };
        Err(Fault::Remedied { problem: format!("there is no outcome {code:?}"), remedy })
    }

    /// A pause that a rule names and the calendar has.
    fn pause(&self, name: &str) -> Result<(), Fault> {
        let Some(pauses) = self.names.pauses else { return Ok(()) };
        if pauses.iter().any(|pause| pause.name == name) {
            return Ok(());
        }
        let named: Vec<_> = pauses.iter().map(|pause| pause.name.as_str()).collect();
        let remedy = if named.is_empty() {
            format!("write [[calendar.pause]] with name = {name:?} and its ranges")
        } else {
            format!("write one of {}, or a [[calendar.pause]] of that name", named.join(", "))
        };
        Err(Fault::Remedied { problem: format!("there is no pause {name:?}"), remedy })
    }

    /// A word that figures are broken down by, or an attribute that the rulebook has.
    fn dimension(&self, text: &str) -> Result<(), Fault> {
        let attributes = self.names.attributes;
        match Dimension::named(text) {
            Some(Dimension::Attribute(code)) if !attributes.contains(&code) => {
                let remedy = if attributes.is_empty() {
                    "write a [[case_attribute]] of that code".to_owned()
                } else {
                    format!("write one of {}, or a [[case_attribute]] of that code", attributes.join(", "))
                };
                Err(Fault::Remedied { problem: format!("there is no attribute {code:?} of cases"), remedy })
            }
            Some(_) => Ok(()),
            None => Err(Fault::Remedied {
                problem: format!("{text:?} is not one of the allowed words"),
                remedy: format!("write one of {}", Dimension::words()),
            }),
        }
    }

    fn clock_start(&self, text: &str) -> Result<(), Fault> {
        if CLOCK_STARTS.contains(&text) {
            return Ok(());
        }
        match text.strip_prefix(SPELL_STARTED).filter(|domain| !domain.is_empty()) {
            Some(domain) => self.code(CodeList::SpellDomains, domain),
            None => Err(Fault::Remedied {
                problem: format!("{text:?} does not start a clock"),
                remedy: format!("write from = one of {}, {SPELL_STARTED}<domain>", CLOCK_STARTS.join(", ")),
            }),
        }
    }
}

/// A code that a list of `[codes]` allows.
pub(super) fn listed(codes: &Codes, list: CodeList, code: &str) -> Result<(), Fault> {
    let Err(allowed) = codes.check(list, code) else { return Ok(()) };
    let add = format!("add it to codes.{}", list.key());
    let remedy = if allowed.is_empty() { add } else { format!("write one of {}, or {add}", allowed.join(", ")) };
    Err(Fault::Remedied { problem: format!("{code:?} is not in codes.{}", list.key()), remedy })
}

/// A division whose bank holidays are known.
fn division(name: &str) -> Result<(), Fault> {
    let known = BankHolidays::known();
    if known.division(name).is_some() {
        return Ok(());
    }
    let names: Vec<_> = known.names().collect();
    let problem = format!("the bank holidays of {name:?} are not known");
    Err(Fault::Remedied { problem, remedy: format!("write one of {}", names.join(", ")) })
}

fn one_of(words: &[Word<()>], item: &Item<'_>) -> Result<(), Fault> {
    let text = item.text()?;
    if words.iter().any(|word| word.text == text) {
        return Ok(());
    }
    let allowed: Vec<_> = words.iter().map(|word| format!("{:?}", word.text)).collect();
    // The example of a list is a list, and a word is an element of it.
    let remedy = if item.example.starts_with('[') {
        format!("write one of {}", allowed.join(", "))
    } else {
        format!("write {} = {}", item.key, allowed.join(" or "))
    };
    Err(Fault::Remedied { problem: format!("{text:?} is not one of the allowed words"), remedy })
}
