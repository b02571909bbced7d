//! Tests of the declaration itself: examples, defaults and rules fit the keys that they belong to.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use toml::de::DeTable;

use super::super::check::{Names, check};
use super::super::reader::{Report, Section};
use super::super::tests::LEAST;
use super::super::{Codes, Days, Pause, Rulebook};
use super::contract::RULEBOOK;
use super::{Kind, Need, Rule, Table};

/// Every table of the grammar, each once.
fn tables() -> Vec<&'static Table> {
    fn add(kind: Kind, tables: &mut Vec<&'static Table>) {
        match kind {
            Kind::Table(of) | Kind::Tables(of) if tables.iter().all(|table| !std::ptr::eq(*table, of)) => {
                tables.push(of);
                of.keys.iter().for_each(|key| add(key.kind, tables));
            }
            Kind::List(of, _) => add(*of, tables),
            Kind::Map(map) => add(map.of, tables),
            _ => {}
        }
    }
    let mut tables = Vec::new();
    add(Kind::Table(&RULEBOOK), &mut tables);
    tables
}

/// The faults of one value of a table. Keys that are missing beside it are not counted.
fn faults(table: &'static Table, key: &str, value: &str) -> Vec<String> {
    let text = format!("{key} = {value}\n");
    let document = DeTable::parse(&text).unwrap_or_else(|error| panic!("{text}{error}"));
    let day = NaiveDate::from_ymd_opt(2015, 3, 28).expect("a date");
    let pauses = [Pause { name: "school-holidays".to_owned(), ranges: vec![Days { first: day, last: day }] }];
    let outcomes = ["job_13w", "job_13w_under16h"].map(str::to_owned);
    let names = Names { codes: &Codes::default(), outcomes: &outcomes, attributes: &[], pauses: Some(&pauses) };
    let mut report = Report::new(&text);
    check(&Section { grammar: table, ..Section::root(document.get_ref()) }, &names, &mut report);
    let of_key = |path: &str| path == key || path.starts_with(&format!("{key}."));
    let errors = report.into_errors().into_iter().filter(|error| error.key.as_deref().is_some_and(of_key));
    let errors = errors.filter(|error| error.problem != "missing" || error.key.as_deref() != Some(key));
    // The key that it needs is not beside it either.
    let stands_alone = |problem: &str| problem.contains("works only with") || problem.contains("and there is no");
    errors.filter(|error| !stands_alone(&error.problem)).map(|error| error.to_string()).collect()
}

#[test]
fn every_example_and_every_default_is_a_value_of_its_key() {
    for table in tables() {
        for key in table.keys {
            // The scope of an outcome alone breaks the rule that it needs a ratio or a volume.
            if !key.is_section() && (table.name, key.name) != ("outcome", "scope") {
                assert_eq!(faults(table, key.name, key.example), Vec::<String>::new(), "{}", table.name);
            }
            if let Need::Default(default) = key.need {
                assert_eq!(faults(table, key.name, default), Vec::<String>::new(), "{}", table.name);
            }
        }
    }
}

#[test]
fn every_rule_names_keys_of_its_table() {
    for table in tables() {
        for rule in table.rules {
            let keys = match *rule {
                Rule::One { with, of, .. } => of.iter().copied().chain(with).collect(),
                Rule::Some { of, .. } => of.to_vec(),
                Rule::Needs { key, other, .. } | Rule::Requires { key, other } => vec![key, other],
                Rule::Together(keys) => keys.to_vec(),
                Rule::Apart { key, others, .. } => others.iter().copied().chain([key]).collect(),
            };
            assert!(keys.iter().all(|key| table.key(key).is_some()), "{}: {keys:?}", table.name);
        }
    }
}

#[test]
fn every_table_has_its_own_name_and_every_key_a_sentence() {
    let tables = tables();
    let names: BTreeSet<_> = tables.iter().map(|table| table.name).collect();
    assert_eq!(names.len(), tables.len());
    for key in tables.iter().flat_map(|table| table.keys) {
        assert!(key.meaning.ends_with('.'), "{}: {}", key.name, key.meaning);
    }
}

/// The sections to add to [`LEAST`], with nothing that may be left out, except the parts that each default needs. A
/// mark such as `#outcome` is where the defaults of that table go.
const MARKED: &str = r#"[recency]
#recency
[attributes.employment]
sector = { #attribute
}
[[standard]]
code = "standard"
from = "referral_received"
within = { days = 7 }
met_by = { contact = { #contact
}, #met_by
}
[[outcome]]
code = "job"
title = "A job"
trigger = { spell = ["employment"] }
#outcome
claim = { #claim
}
evidence = { all_of = ["payslip"], #evidence
}
[[outcome.tariff]]
amount = "1.00"
#tariff
[[outcome]]
code = "lasting"
title = "A lasting job"
trigger = { spell = ["employment"] }
sustain = { days = 1, continuity = "none", combine = "nothing", #sustain
}
hours = { basis = "average", below = 1, #hours
}
[[outcome]]
code = "many"
title = "Many"
scope = "area"
volume = { measure = "visits", #volume
}
[[measure]]
code = "contacts_each"
title = "Contacts for each case"
ratio = { of = "contacts", over = "caseload", #measure_ratio
}
#own_measure
[[cap]]
scope = "contract"
amount = "1.00"
#cap
[[case_attribute]]
code = "age"
title = "Age"
#case_attribute
[reports]
#reports
[[report]]
code = "monthly"
title = "Monthly"
every = "month"
#report
[[report.section]]
code = "numbers"
title = "Numbers"
#report_section
[[report.section.table]]
measures = ["contacts"]
#report_table
[[kpi]]
code = "met"
title = "Met"
measure = "contacts_each"
minimum_level = 1
#kpi

[[retention]]
class = "identity"
years = 6
source = "contract, clause 27.4"
#retention
"#;

#[test]
fn a_default_that_is_written_out_changes_nothing() {
    let marked = format!("{LEAST}{MARKED}");
    let least = Rulebook::parse(&marked).unwrap_or_else(|errors| panic!("{errors:#?}"));
    for table in tables() {
        let defaults = table.keys.iter().filter_map(|key| match key.need {
            // `all_of` is written in MARKED, which an evidence section needs.
            Need::Default(default) if (table.name, key.name) != ("evidence", "all_of") => Some((key.name, default)),
            _ => None,
        });
        let defaults: Vec<_> = defaults.collect();
        if defaults.is_empty() {
            continue;
        }
        let mark = format!("#{}\n", table.name);
        assert_eq!(marked.matches(&mark).count(), 1, "{} has no place", table.name);
        let is_inline = marked.split(&mark).nth(1).is_some_and(|rest| rest.starts_with('}'));
        let separator = if is_inline { ", " } else { "\n" };
        let written: Vec<_> = defaults.iter().map(|(key, default)| format!("{key} = {default}")).collect();
        let text = marked.replace(&mark, &(written.join(separator) + separator));
        let mut read = Rulebook::parse(&text).unwrap_or_else(|errors| panic!("{text}\n{errors:#?}"));
        read.hash.clone_from(&least.hash);
        assert_eq!(read, least, "{}", table.name);
    }
}
