//! The JSON Schema (2020-12) of mappings, generated from the grammar, for editors that complete and check TOML.
//!
//! A schema cannot look up tables and columns: `throughline import check` also does that.

use serde_json::{Map, Value, json};

use super::facts::{FACTS, FactKind, Field, FieldKind};
use super::grammar::{FACT, GRAMMAR, Key, Kind, MAPPING, Need, Table, VALUE};

/// The schema as JSON text.
pub fn json_schema() -> String {
    let mut schema = table(&MAPPING);
    let facts: Vec<Value> = FACTS.iter().map(fact).collect();
    let head = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://throughline.example/mapping.schema.json",
        "title": format!("Throughline mapping, grammar {GRAMMAR}"),
        "description": "How the files of another system become facts. `throughline import check` also checks what a \
                        schema cannot: names of tables, columns and lists of codes.",
        "$defs": { "value": value(), "fact": { "oneOf": facts } },
    });
    if let (Value::Object(schema), Value::Object(head)) = (&mut schema, head) {
        schema.extend(head);
    }
    format!("{schema:#}\n")
}

fn table(of: &'static Table) -> Value {
    let properties: Map<String, Value> = of.keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> = of.keys.iter().filter(|key| key.need == Need::Required).map(|key| key.name).collect();
    json!({
        "description": of.about,
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

fn value() -> Value {
    json!({ "oneOf": [{ "description": "The name of a column.", "type": "string", "minLength": 1 }, table(&VALUE)] })
}

fn property(key: &'static Key) -> Value {
    let mut schema = kind(key.kind);
    schema["description"] = json!(format!("{}{}", key.meaning, words(key.kind)));
    schema
}

fn words(of: Kind) -> String {
    match of {
        Kind::Word(words) => {
            let each: Vec<_> = words.iter().map(|(word, meaning)| format!("{word}: {meaning}")).collect();
            format!(" {}.", each.join("; "))
        }
        _ => String::new(),
    }
}

fn kind(of: Kind) -> Value {
    let text = || json!({ "type": "string" });
    match of {
        Kind::Grammar => json!({ "const": GRAMMAR }),
        Kind::Text => json!({ "type": "string", "minLength": 1 }),
        Kind::Texts => json!({ "type": "array", "items": text() }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Percent => json!({ "type": "integer", "minimum": 0, "maximum": 100 }),
        Kind::Word(words) => json!({ "enum": words.iter().map(|(word, _)| *word).collect::<Vec<_>>() }),
        Kind::Value => json!({ "$ref": "#/$defs/value" }),
        Kind::Conditions => {
            let texts = json!({ "type": "array", "minItems": 1, "items": text() });
            json!({ "type": "object", "additionalProperties": { "oneOf": [text(), texts] } })
        }
        Kind::CodeLists => {
            json!({ "type": "object", "additionalProperties": { "type": "object", "additionalProperties": text() } })
        }
        Kind::CodesOrName => {
            json!({ "oneOf": [text(), { "type": "object", "additionalProperties": text() }] })
        }
        Kind::Table(of) => table(of),
        Kind::Tables(of) if std::ptr::eq(of, &raw const FACT) => {
            json!({ "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/fact" } })
        }
        Kind::Tables(of) => json!({ "type": "array", "minItems": 1, "items": table(of) }),
    }
}

fn fact(of: &FactKind) -> Value {
    let mut schema = table(&FACT);
    schema["properties"]["type"] = json!({ "const": of.name });
    for field in of.fields {
        schema["properties"][field.name] = field_schema(field);
        if field.is_needed
            && let Some(required) = schema["required"].as_array_mut()
        {
            required.push(json!(field.name));
        }
    }
    schema
}

fn field_schema(field: &Field) -> Value {
    let value = json!({ "$ref": "#/$defs/value" });
    match field.kind {
        FieldKind::Attributes | FieldKind::Numbers | FieldKind::Flags => {
            json!({ "type": "object", "additionalProperties": value })
        }
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_has_every_fact_with_its_fields_and_every_key_with_its_meaning() {
        let schema: Value = serde_json::from_str(&json_schema()).expect("JSON");
        let facts = schema["$defs"]["fact"]["oneOf"].as_array().expect("facts");
        assert_eq!(facts.len(), FACTS.len());
        for (fact, of) in facts.iter().zip(FACTS) {
            assert_eq!(fact["properties"]["type"]["const"], of.name);
            assert!(of.fields.iter().all(|field| fact["properties"][field.name].is_object()), "{}", of.name);
        }
        for key in MAPPING.keys {
            let meaning = schema["properties"][key.name]["description"].as_str().unwrap_or_default();
            assert!(meaning.starts_with(key.meaning), "{}", key.name);
        }
    }
}
