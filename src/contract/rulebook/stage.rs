//! The grammar of the funnel: `[[stage]]` and the forms of its `when`.
//!
//! It never accepts a form that this build cannot evaluate.

use std::collections::BTreeMap;

use serde_json::Value;
use toml::de::DeValue;

use super::document::whole_number;
use super::parse::{COUNTS_WHEN, check_code};
use super::reader::{Item, Report, Section, found, path_of};
use super::{CodeList, Codes, Stage, StageWhen};

/// What a `when` can name, of which it names one.
const FORMS: [&str; 7] = ["spell", "achievement", "plan", "engagement", "measure", "referral", "outcome"];

/// What narrows a form, and the form it belongs to.
const NARROWS: [(&str, &str); 2] = [("where", "spell"), ("level", "achievement")];

pub(super) fn stages(top: &Section<'_>, codes: &Codes, report: &mut Report<'_>) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    for section in top.sections("stage", report) {
        section.only(&["code", "label", "when"], report);
        let code = section.required("code", "\"job_started\"", report);
        let code = code.and_then(|item| Some((item.text(report)?, item)));
        let label = section.required("label", "\"Job started\"", report).and_then(|item| item.text(report));
        let when = when(&section, codes, report);
        if let Some((code, item)) = &code
            && stages.iter().any(|earlier| earlier.code == *code)
        {
            report.add(
                item.at.clone(),
                Some(&item.path),
                format!("a stage {code:?} stands above already"),
                "give it another code",
            );
        }
        if let (Some((code, _)), Some(label), Some(when)) = (code, label, when) {
            stages.push(Stage { code, label, when });
        }
    }
    stages
}

fn when(stage: &Section<'_>, codes: &Codes, report: &mut Report<'_>) -> Option<StageWhen> {
    let example = "{ plan = [\"employment_plan\"] }";
    let item = stage.required("when", example, report)?;
    let DeValue::Table(table) = item.value else {
        item.wrong(format!("expected one fact, found {}", found(item.value)), report);
        return None;
    };
    let when = Section { path: item.path.clone(), at: item.at.clone(), table };
    let narrows = NARROWS.map(|(key, _)| key);
    let known: Vec<_> = FORMS.iter().chain(&narrows).copied().collect();
    when.only(&known, report);
    for (key, form) in NARROWS {
        if when.has(key) && !when.has(form) {
            let problem = format!("{key} belongs to {form}, which is not there");
            report.add(when.at.clone(), Some(&path_of(&when.path, key)), problem, format!("take {key} out"));
        }
    }
    let forms: Vec<_> = FORMS.into_iter().filter(|form| when.has(form)).collect();
    match forms.as_slice() {
        [form] => fact(form, &when, codes, report),
        [] => {
            item.wrong("it names no fact", report);
            None
        }
        several => {
            let problem = format!("it names {}, but a stage has one fact", several.join(" and "));
            report.add(when.at, Some(&when.path), problem, "write a stage for each");
            None
        }
    }
}

fn fact(form: &str, when: &Section<'_>, codes: &Codes, report: &mut Report<'_>) -> Option<StageWhen> {
    match form {
        "spell" => {
            let item = when.optional("spell", "[\"employment\"]")?;
            let domains = listed(&item, CodeList::SpellDomains, codes, report);
            let attributes = attributes(when, report);
            Some(StageWhen::Spell { domains: domains?, attributes })
        }
        "achievement" => {
            let item = when.optional("achievement", "[\"qualification\"]")?;
            let achievements = listed(&item, CodeList::AchievementCodes, codes, report);
            let levels = match when.optional("level", "[\"2\"]") {
                Some(level) => texts(level.some_texts(report)?),
                None => Vec::new(),
            };
            Some(StageWhen::Achievement { codes: achievements?, levels })
        }
        "plan" => {
            let item = when.optional("plan", "[\"employment_plan\"]")?;
            let kinds = listed(&item, CodeList::PlanKinds, codes, report)?;
            Some(StageWhen::Plan { kinds })
        }
        "engagement" => {
            let item = when.optional("engagement", "[]")?;
            let bases = texts(item.texts(report)?);
            Some(StageWhen::Engagement { bases })
        }
        "measure" => measure(when, codes, report),
        "referral" => {
            let item = when.optional("referral", "\"received\"")?;
            item.one_of(&COUNTS_WHEN, report).map(StageWhen::Referral)
        }
        _ => {
            report.add(
                when.at.clone(),
                Some(&path_of(&when.path, form)),
                format!("this build does not know the form {form}"),
                "take the stage out until a build that knows it is in use",
            );
            None
        }
    }
}

fn measure(when: &Section<'_>, codes: &Codes, report: &mut Report<'_>) -> Option<StageWhen> {
    let measure = when.section("measure", report)?;
    measure.only(&["code", "at_least"], report);
    let code = measure.required("code", "\"sessions\"", report).and_then(|item| {
        let code = (item.text(report)?, item.at.clone());
        check_code(codes, CodeList::MeasureCodes, &code, &item.path, report);
        Some(code.0)
    });
    let at_least = measure.required("at_least", "10", report).and_then(|item| item.decimal(report));
    Some(StageWhen::Measure { code: code?, at_least: at_least? })
}

/// A list of codes, each of which a command must be able to use.
fn listed(item: &Item<'_>, list: CodeList, codes: &Codes, report: &mut Report<'_>) -> Option<Vec<String>> {
    let found = item.some_texts(report)?;
    for code in &found {
        check_code(codes, list, code, &item.path, report);
    }
    Some(texts(found))
}

fn texts<T>(found: Vec<(String, T)>) -> Vec<String> {
    found.into_iter().map(|(text, _)| text).collect()
}

fn attributes(when: &Section<'_>, report: &mut Report<'_>) -> BTreeMap<String, Vec<Value>> {
    let Some(section) = when.section("where", report) else {
        return BTreeMap::new();
    };
    let mut attributes = BTreeMap::new();
    for (key, item) in section.table {
        let name = key.get_ref().as_ref();
        let path = path_of(&section.path, name);
        let mut wrong = |at, problem: &str| {
            let remedy = format!("write where = {{ {name} = [\"a_value\"] }}");
            report.add(at, Some(&path), problem, remedy);
        };
        let DeValue::Array(items) = item.get_ref() else {
            wrong(item.span(), "expected a list of values");
            continue;
        };
        if items.is_empty() {
            wrong(item.span(), "the list is empty, so nothing would ever fit");
        }
        let mut values = Vec::new();
        for item in items {
            match attribute_value(item.get_ref()) {
                Some(value) => values.push(value),
                None => wrong(item.span(), "a value is a text, a whole number, true or false"),
            }
        }
        attributes.insert(name.to_owned(), values);
    }
    attributes
}

fn attribute_value(value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::String(text) => Some(Value::String(text.clone().into_owned())),
        DeValue::Boolean(flag) => Some(Value::Bool(*flag)),
        DeValue::Integer(whole) => whole_number(whole).map(Value::from),
        _ => None,
    }
}
