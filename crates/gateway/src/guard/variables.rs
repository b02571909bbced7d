//! Checks the variables of a request against their declarations in the operation.
//!
//! It checks built-in scalars, lists, input objects and nullability. Enums and custom scalars are left to the
//! validator. It must never let a declared variable pass that is missing or has the wrong type: the executor would fail
//! halfway through a mutation.

use std::collections::HashMap;

use async_graphql::{
    Number, Value, Variables,
    parser::types::{BaseType, OperationDefinition, Type},
};

use super::catalogue::{Catalogue, Input, InputType};
use super::{Refusal, shortened};

/// Refuses every variable that is missing, null where it must not be, or of the wrong type.
pub(super) fn check(
    catalogue: &Catalogue,
    operation: &OperationDefinition,
    variables: &Variables,
) -> Result<(), Vec<Refusal>> {
    let refusals: Vec<_> = operation
        .variable_definitions
        .iter()
        .filter_map(|definition| {
            let declared = &definition.node.var_type.node;
            let problem = match variables.get(&definition.node.name.node) {
                Some(value) => mismatch(catalogue, value, declared)?,
                None if declared.nullable || definition.node.default_value.is_some() => {
                    return None;
                }
                None => "it is missing".to_owned(),
            };
            Some(Refusal::Variable {
                message: format!(
                    "variable ${} must be {}: {problem}",
                    shortened(&definition.node.name.node),
                    shortened(&declared.to_string()),
                ),
                at: definition.pos,
            })
        })
        .collect();
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

/// The fault of a value; none if it is valid.
fn mismatch(catalogue: &Catalogue, value: &Value, declared: &Type) -> Option<String> {
    match (&declared.base, value) {
        (_, Value::Null) if declared.nullable => None,
        (_, Value::Null) => Some("it is null".to_owned()),
        (BaseType::List(item), Value::List(values)) => values.iter().enumerate().find_map(|(index, value)| {
            mismatch(catalogue, value, item).map(|problem| format!("at [{index}], {problem}"))
        }),
        (BaseType::List(item), single) => mismatch(catalogue, single, item),
        (BaseType::Named(name), value) => {
            if let Some(InputType::Object { fields, .. }) = catalogue.input(name) {
                return mismatch_of_fields(catalogue, value, fields);
            }
            let expected = expected_of_built_in(name, value)?;
            Some(format!("it is {}, not {expected}", kind(value)))
        }
    }
}

/// The fault of a value where an input object with these fields is expected.
fn mismatch_of_fields(catalogue: &Catalogue, value: &Value, fields: &HashMap<String, Input>) -> Option<String> {
    let Value::Object(given) = value else { return Some(format!("it is {}, not an object", kind(value))) };
    for (name, value) in given {
        let Some(field) = fields.get(name.as_str()) else {
            return Some(format!("it has no field {}", shortened(name)));
        };
        if let Some(problem) = mismatch(catalogue, value, &field.ty) {
            return Some(format!("at {}, {problem}", shortened(name)));
        }
    }
    let mut missing: Vec<_> = fields
        .iter()
        .filter(|(name, field)| !field.ty.nullable && !field.has_default && !given.contains_key(name.as_str()))
        .map(|(name, _)| name.as_str())
        .collect();
    missing.sort_unstable();
    missing.first().map(|name| format!("its field {name} is missing"))
}

/// A description of the values that a built-in scalar accepts, if this value is not one of them.
fn expected_of_built_in(scalar: &str, value: &Value) -> Option<&'static str> {
    match (scalar, value) {
        ("Int", Value::Number(number)) if is_int(number) => None,
        ("Int", _) => Some("a whole number of 32 bits"),
        ("Float", Value::Number(_)) | ("String" | "ID", Value::String(_)) | ("Boolean", Value::Boolean(_)) => None,
        ("ID", Value::Number(number)) if number.is_i64() => None,
        ("Float", _) => Some("a number"),
        ("String", _) => Some("a string"),
        ("Boolean", _) => Some("true or false"),
        ("ID", _) => Some("a string or a whole number"),
        _ => None,
    }
}

fn is_int(number: &Number) -> bool {
    number.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
}

fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(_) | Value::Enum(_) | Value::Binary(_) => "a string".to_owned(),
        Value::Boolean(flag) => flag.to_string(),
        Value::List(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
