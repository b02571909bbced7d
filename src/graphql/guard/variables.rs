//! Checks the variables of a request against what the operation declares of them.
//!
//! It knows the built-in scalars, lists and what may be null, and leaves enums, inputs and our own
//! scalars to the validator, which knows the schema. It must never let a declared variable pass
//! that is missing: the executor would fail half-way through a mutation.

use async_graphql::{
    Number, Value, Variables,
    parser::types::{BaseType, OperationDefinition, Type},
};

use super::{Refusal, shortened};

/// Refuses every variable that is missing, null where it must not be, or of another type.
pub(super) fn check(operation: &OperationDefinition, variables: &Variables) -> Result<(), Vec<Refusal>> {
    let refusals: Vec<_> = operation
        .variable_definitions
        .iter()
        .filter_map(|definition| {
            let declared = &definition.node.var_type.node;
            let problem = match variables.get(&definition.node.name.node) {
                Some(value) => mismatch(value, declared)?,
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

/// What is wrong with a value, if anything is.
fn mismatch(value: &Value, declared: &Type) -> Option<String> {
    match (&declared.base, value) {
        (_, Value::Null) if declared.nullable => None,
        (_, Value::Null) => Some("it is null".to_owned()),
        (BaseType::List(item), Value::List(values)) => values
            .iter()
            .enumerate()
            .find_map(|(index, value)| mismatch(value, item).map(|problem| format!("at [{index}], {problem}"))),
        (BaseType::List(item), single) => mismatch(single, item),
        (BaseType::Named(name), value) => {
            let expected = expected_of_built_in(name, value)?;
            Some(format!("it is {}, not {expected}", kind(value)))
        }
    }
}

/// What a built-in scalar accepts, if that is not this value.
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
