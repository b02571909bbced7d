//! The description of an exported table: a JSON Schema of its NDJSON lines, with the types, units and meanings that all
//! formats share.

use serde_json::{Map, Value, json};

use super::formats::scale;
use super::table::Description;
use super::tables::{Head, Kind};

/// The description of a table.
pub fn of(described: &Description) -> Value {
    let columns = described.columns.iter().map(|head| (head.name.clone(), column(head, &described.currency)));
    let names: Vec<&String> = described.columns.iter().map(|head| &head.name).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("{}: {}", described.title, described.table.as_str()),
        "description": described.table.meaning(),
        "type": "object",
        "properties": columns.collect::<Map<String, Value>>(),
        "required": names,
        "additionalProperties": false,
        "x-table": described.table.as_str(),
        "x-columns": names,
        "x-key": described.table.key(),
        "x-contract": described.contract,
        "x-rulebook": described.rulebook,
        "x-currency": described.currency,
        "x-as-of": described.as_of.to_string(),
        "x-position": described.position,
        "x-pseudonymous": described.is_pseudonymous,
    })
}

/// A column: the JSON of its values, and what they are in every format.
fn column(head: &Head, currency: &str) -> Value {
    let (json_type, format, pattern) = match head.kind {
        Kind::Text => ("string", None, None),
        Kind::Integer => ("integer", None, None),
        Kind::Decimal | Kind::Money => ("string", None, Some("^-?[0-9]+(\\.[0-9]+)?$")),
        Kind::Date => ("string", Some("date"), None),
        Kind::Instant => ("string", Some("date-time"), None),
        Kind::Uuid => ("string", Some("uuid"), None),
        Kind::Boolean => ("boolean", None, None),
    };
    let mut column = Map::new();
    let types = if head.is_optional { json!([json_type, "null"]) } else { json!(json_type) };
    column.insert("type".to_owned(), types);
    let mut add = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            column.insert(key.to_owned(), value);
        }
    };
    add("format", format.map(Value::from));
    add("pattern", pattern.map(Value::from));
    add("description", Some(head.meaning.clone().into()));
    add("x-type", Some(head.kind.as_str().into()));
    add("x-unit", head.unit.map(Value::from));
    let digits = matches!(head.kind, Kind::Decimal | Kind::Money).then(|| scale(head.kind, currency));
    add("x-digits-after-point", digits.map(Value::from));
    add("x-hidden", head.hidden_by.map(|_| true.into()));
    Value::Object(column)
}
