//! The JSON Schema (2020-12) of rulebooks, generated from the grammar, for editors that complete and check TOML.
//!
//! A schema cannot compare values or look up codes: a rulebook that it accepts may still have faults. A rulebook that
//! it refuses always has one.

use serde_json::{Map as Object, Value, json};

use super::grammar::contract::RULEBOOK;
use super::grammar::report::DIMENSIONS;
use super::grammar::{Items, Key, Kind, Need, Rule, Table, Word};
use super::parse::GRAMMAR;

/// The schema as JSON text, as `schema/rulebook.schema.json` holds it.
pub fn json_schema() -> String {
    let mut definitions = Object::new();
    let mut schema = table(&RULEBOOK, &mut definitions);
    let head = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://throughline.example/rulebook.schema.json",
        "title": format!("Throughline rulebook, grammar {GRAMMAR}"),
        "description": "One version of the rules of one contract. `throughline rulebook check` also checks what a \
                        schema cannot: listed codes, the length of windows, conversions without a circle.",
        "$defs": definitions,
    });
    if let (Value::Object(schema), Value::Object(head)) = (&mut schema, head) {
        schema.extend(head);
    }
    format!("{schema:#}\n")
}

fn table(of: &'static Table, definitions: &mut Object<String, Value>) -> Value {
    let properties: Object<String, Value> =
        of.keys.iter().map(|key| (key.name.to_owned(), property(key, definitions))).collect();
    let required: Vec<&str> = of.keys.iter().filter(|key| key.need == Need::Required).map(|key| key.name).collect();
    let rules: Vec<Value> = of.rules.iter().map(rule).collect();
    let mut schema = json!({
        "description": of.about,
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if !rules.is_empty() {
        schema["allOf"] = json!(rules);
    }
    schema
}

fn property(key: &Key, definitions: &mut Object<String, Value>) -> Value {
    let mut schema = kind(key.kind, definitions);
    let unit = key.unit.map(|unit| format!(" In {unit}.")).unwrap_or_default();
    schema["description"] = json!(format!("{}{unit}{}", key.meaning, words(key.kind)));
    if let Need::Default(default) = key.need {
        schema["default"] = serde_json::from_str(default).expect("a default is also JSON");
    }
    if let Ok(example) = serde_json::from_str::<Value>(key.example) {
        schema["examples"] = json!([example]);
    }
    schema
}

/// The words of a key with their meaning, for its description.
fn words(of: Kind) -> String {
    let of_words = |words: &[Word<()>]| {
        let each: Vec<_> = words.iter().map(|word| format!("{}: {}", word.text, word.meaning)).collect();
        format!(" {}.", each.join("; "))
    };
    match of {
        Kind::Word(words) | Kind::FlagOr(words) => of_words(words),
        Kind::Dimension => of_words(&DIMENSIONS),
        Kind::List(of, _) => words(*of),
        _ => String::new(),
    }
}

fn kind(of: Kind, definitions: &mut Object<String, Value>) -> Value {
    match of {
        Kind::Grammar => json!({ "const": GRAMMAR }),
        Kind::Text | Kind::Code(_) | Kind::Outcome | Kind::Pause | Kind::Zone | Kind::Division => {
            json!({ "type": "string", "pattern": r"^\S(.*\S)?$" })
        }
        Kind::MonthDay => json!({ "type": "string", "pattern": r"^\d{2}-\d{2}$" }),
        Kind::Currency => json!({ "type": "string", "pattern": "^[A-Z]{3}$" }),
        Kind::ClockStart => json!({
            "type": "string",
            "pattern": "^(referral_received|referral_accepted|missed_contact|plan_agreed|last_review|spell_started:.+)$",
        }),
        Kind::Dimension => json!({
            "type": "string",
            "pattern": "^(area|cohort|referrer|keyworker|team|code|month|attribute:.+)$",
        }),
        Kind::Word(words) => json!({ "enum": words.iter().map(|word| word.text).collect::<Vec<_>>() }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::FlagOr(words) => {
            json!({ "anyOf": [{ "type": "boolean" }, kind(Kind::Word(words), definitions)] })
        }
        Kind::Date => json!({ "type": "string", "format": "date" }),
        Kind::QuotedDate => json!({ "type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$" }),
        Kind::DateRange => {
            json!({ "type": "array", "items": kind(Kind::QuotedDate, definitions), "minItems": 2, "maxItems": 2 })
        }
        Kind::Whole => json!({ "type": "integer", "minimum": 0 }),
        Kind::Positive => json!({ "type": "integer", "minimum": 1 }),
        Kind::Number => json!({ "type": "number" }),
        Kind::NotNegative => json!({ "type": "number", "minimum": 0 }),
        Kind::Share => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        Kind::Percent => json!({ "type": "number", "minimum": 0, "maximum": 100 }),
        Kind::Money => json!({ "anyOf": [
            { "type": "string", "pattern": "^[-.0-9]+$" },
            { "type": "number", "minimum": 0 },
        ] }),
        Kind::Value => json!({ "type": ["string", "integer", "boolean"] }),
        Kind::List(of, items) => list(&kind(*of, definitions), items),
        Kind::Table(of) => reference(of, definitions),
        Kind::Tables(of) => list(&reference(of, definitions), Items::Any),
        Kind::Map(map) => json!({ "type": "object", "additionalProperties": kind(map.of, definitions) }),
    }
}

fn list(elements: &Value, items: Items) -> Value {
    let mut schema = json!({ "type": "array", "items": elements });
    if items.needs_one() {
        schema["minItems"] = json!(1);
    }
    if items.are_distinct() {
        schema["uniqueItems"] = json!(true);
    }
    schema
}

/// A table by its name. The first reference defines it; a table that holds itself refers to the same definition.
fn reference(of: &'static Table, definitions: &mut Object<String, Value>) -> Value {
    if !definitions.contains_key(of.name) {
        definitions.insert(of.name.to_owned(), Value::Null);
        let definition = table(of, definitions);
        definitions.insert(of.name.to_owned(), definition);
    }
    json!({ "$ref": format!("#/$defs/{}", of.name) })
}

fn rule(of: &Rule) -> Value {
    let each = |keys: &[&str]| keys.iter().map(|key| json!({ "required": [key] })).collect::<Vec<_>>();
    match *of {
        Rule::One { with: None, of, .. } => json!({ "oneOf": each(of) }),
        Rule::One { with: Some(key), of, .. } => json!({ "dependentSchemas": { key: { "oneOf": each(of) } } }),
        Rule::Some { of, .. } => json!({ "anyOf": each(of) }),
        Rule::Needs { key, other, .. } | Rule::Requires { key, other } => {
            json!({ "dependentRequired": { key: [other] } })
        }
        Rule::Together(keys) => {
            let all: Object<String, Value> = keys.iter().map(|key| ((*key).to_owned(), json!(keys))).collect();
            json!({ "dependentRequired": all })
        }
        Rule::Apart { key, others, .. } => json!({ "dependentSchemas": { key: { "not": { "anyOf": each(others) } } } }),
    }
}
