//! `schema/rulebook.schema.json`: what an editor completes is what the program reads.
//!
//! The part of JSON Schema that the file uses is checked here; a key that this does not know is a failure, so that
//! nothing stands in the schema unchecked.

use serde_json::{Map, Value};
use throughline_domain::contract::rulebook::{canonical_json, packs::packs};

const SCHEMA: &str = include_str!("../../schema/rulebook.schema.json");
/// What says nothing about which values fit, or is checked elsewhere.
const REMARKS: [&str; 8] = ["$schema", "$id", "$defs", "title", "description", "default", "format", "uniqueItems"];

fn schema() -> Value {
    serde_json::from_str(SCHEMA).expect("JSON")
}

/// What is wrong with a value, each with its path.
fn faults(root: &Value, schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let mut faults_found = Vec::new();
    let rules = schema.as_object().expect("a schema is an object");
    for (rule, says) in rules {
        let found = match rule.as_str() {
            remark if REMARKS.contains(&remark) => Vec::new(),
            "$ref" => {
                let name = says.as_str().and_then(|says| says.strip_prefix("#/$defs/")).expect("a definition");
                faults(root, &root["$defs"][name], value, path)
            }
            "const" => wrong(value == says, path, "is another"),
            "enum" => wrong(says.as_array().is_some_and(|words| words.contains(value)), path, "is none of the words"),
            "type" => wrong(is_of_type(value, says), path, "is of another type"),
            "pattern" => wrong(value.is_string() || !rules.contains_key("type"), path, "is no text"),
            "minimum" | "maximum" => bound(value, rule, says, path),
            "minItems" => wrong(items(value) >= says.as_u64().unwrap_or(0), path, "has too few"),
            "maxItems" => wrong(items(value) <= says.as_u64().unwrap_or(0), path, "has too many"),
            "items" => {
                let items = value.as_array().into_iter().flatten();
                items.flat_map(|item| faults(root, says, item, path)).collect()
            }
            "required" => required(says, value, path),
            "properties" => properties(root, says, value, path),
            "additionalProperties" => additional(root, rules, says, value, path),
            "oneOf" => wrong(fitting(root, says, value, path) == 1, path, "fits none or several forms"),
            "anyOf" => wrong(fitting(root, says, value, path) > 0, path, "fits no form"),
            unknown => panic!("{path}: this test does not know {unknown}"),
        };
        faults_found.extend(found);
    }
    faults_found
}

fn wrong(fits: bool, path: &str, problem: &str) -> Vec<String> {
    if fits { Vec::new() } else { vec![format!("{path} {problem}")] }
}

fn items(value: &Value) -> u64 {
    value.as_array().map_or(0, Vec::len) as u64
}

fn is_of_type(value: &Value, says: &Value) -> bool {
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64(),
        // The canonical form writes a decimal as text.
        "number" => value.is_number() || value.as_str().is_some_and(|text| text.parse::<f64>().is_ok()),
        other => panic!("this test does not know the type {other}"),
    };
    says.as_str().map_or_else(|| says.as_array().into_iter().flatten().filter_map(Value::as_str).any(is), is)
}

fn bound(value: &Value, rule: &str, says: &Value, path: &str) -> Vec<String> {
    let number = value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    let (Some(number), Some(bound)) = (number, says.as_f64()) else { return Vec::new() };
    wrong(if rule == "minimum" { number >= bound } else { number <= bound }, path, "is out of bounds")
}

fn required(says: &Value, value: &Value, path: &str) -> Vec<String> {
    let keys = says.as_array().into_iter().flatten().filter_map(Value::as_str);
    keys.filter(|key| value.get(key).is_none()).map(|key| format!("{path} lacks {key}")).collect()
}

fn properties(root: &Value, says: &Value, value: &Value, path: &str) -> Vec<String> {
    let known = says.as_object().into_iter().flatten();
    known
        .filter_map(|(key, schema)| Some((key, schema, value.get(key)?)))
        .flat_map(|(key, schema, value)| faults(root, schema, value, &format!("{path}.{key}")))
        .collect()
}

fn additional(root: &Value, rules: &Map<String, Value>, says: &Value, value: &Value, path: &str) -> Vec<String> {
    let known = rules.get("properties").and_then(Value::as_object);
    let others =
        value.as_object().into_iter().flatten().filter(|(key, _)| known.is_none_or(|known| !known.contains_key(*key)));
    others
        .flat_map(|(key, value)| match says {
            Value::Bool(false) => vec![format!("{path} has the unknown {key}")],
            schema => faults(root, schema, value, &format!("{path}.{key}")),
        })
        .collect()
}

fn fitting(root: &Value, says: &Value, value: &Value, path: &str) -> usize {
    let forms = says.as_array().into_iter().flatten();
    forms.filter(|form| faults(root, form, value, path).is_empty()).count()
}

fn faults_of(text: &str) -> Vec<String> {
    let schema = schema();
    let value = serde_json::from_str(&canonical_json(text).expect("TOML")).expect("JSON");
    faults(&schema, &schema, &value, "")
}

#[test]
fn the_schema_takes_every_pack_and_the_fixture() {
    for pack in packs() {
        assert_eq!(faults_of(pack.text), Vec::<String>::new(), "{}", pack.code);
    }
    assert_eq!(faults_of(include_str!("../try/rulebook.toml")), Vec::<String>::new());
}

#[test]
fn the_schema_refuses_what_the_program_refuses() {
    let text = include_str!("../try/rulebook.toml");
    for (part, otherwise) in [
        ("applies_by = \"achieved\"", "applies_by = \"soon\""),
        ("contract = \"try\"", "colour = \"red\"\ncontract = \"try\""),
        ("continuity = \"cumulative\", ", ""),
        ("amount = \"900.00\"\n", ""),
        (
            "weeks = 13, continuity = \"none\", combine = \"nothing\" }",
            "weeks = 13, days = 91, continuity = \"none\", combine = \"nothing\" }",
        ),
        ("trigger = { spell = [\"education\"] }", "trigger = { spell = [] }"),
        ("basis = \"average\", at_least = 16, ", "basis = \"average\", "),
    ] {
        assert!(text.contains(part), "{part}");
        let text = text.replacen(part, otherwise, 1);
        assert!(throughline_domain::contract::Rulebook::parse(&text).is_err(), "{otherwise:?} is read");
        assert!(!faults_of(&text).is_empty(), "{otherwise:?} fits the schema");
    }
}
