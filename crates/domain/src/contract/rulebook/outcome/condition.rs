//! The grammar of `only_if`: all, any and not over facts that were frozen.
//!
//! It knows no fact by name: which ones are stated is the programme's business.

use super::super::reader::{Item, Report, found};
use super::Condition;
use super::trigger::values;

const FORMS: [&str; 4] = ["all", "any", "not", "fact"];

pub(super) fn condition(item: &Item<'_>, report: &mut Report<'_>) -> Option<Condition> {
    let table = item.table("a condition", report)?;
    table.only(&["all", "any", "not", "fact", "in"], report);
    let named: Vec<_> = FORMS.into_iter().filter(|form| table.has(form)).collect();
    let [form] = named.as_slice() else {
        let problem = if named.is_empty() { "it names no fact".to_owned() } else { named.join(" and ") };
        let problem = if named.is_empty() { problem } else { format!("it names {problem}, but a condition is one") };
        item.wrong(problem, report);
        return None;
    };
    if table.has("in") && *form != "fact" {
        item.wrong("in belongs to fact, which is not there", report);
    }
    match *form {
        "fact" => {
            let name = table.required("fact", "\"employment_status\"", report)?.text(report);
            let values = table.required("in", "[\"unemployed\"]", report).and_then(|_| {
                let listed = table.table.get("in")?;
                values(listed, &format!("{}.in", table.path), "write in = [\"unemployed\"]", report)
            });
            Some(Condition::Fact { name: name?, values: values? })
        }
        "not" => {
            let item = table.optional("not", "{ fact = \"employment_status\", in = [\"employed\"] }")?;
            condition(&item, report).map(|inner| Condition::Not(Box::new(inner)))
        }
        many => {
            let example = "[{ fact = \"employment_status\", in = [\"unemployed\"] }]";
            let item = table.optional(if many == "all" { "all" } else { "any" }, example)?;
            let elements = item.elements(report)?;
            if elements.is_empty() {
                item.wrong(format!("the list is empty, found {}", found(item.value)), report);
            }
            let inner: Vec<_> = elements.iter().filter_map(|element| condition(element, report)).collect();
            Some(if many == "all" { Condition::All(inner) } else { Condition::Any(inner) })
        }
    }
}
