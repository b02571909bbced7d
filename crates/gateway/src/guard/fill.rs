//! Completes the variables of an operation with their defaults, and removes omitted variables from the document, so
//! that the defaults of arguments apply.
//!
//! The library does neither when it evaluates `@skip` and `@include` and reads arguments.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Number, Positioned, Value as Constant, Variables};
use async_graphql_value::Value;

/// The largest whole number up to which a float holds every whole number exactly: 2^53.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Adds the default of each omitted variable, and converts numbers without a fraction to whole numbers.
pub(super) fn complete(operation: &OperationDefinition, variables: &mut Variables) {
    variables.values_mut().for_each(make_whole);
    for definition in &operation.variable_definitions {
        let definition = &definition.node;
        if let Some(default) = &definition.default_value
            && !variables.contains_key(&definition.name.node)
        {
            variables.insert(definition.name.node.clone(), default.node.clone());
        }
    }
}

/// JSON has one type of number: 30.0 is 30.
fn make_whole(value: &mut Constant) {
    match value {
        Constant::Number(number) => {
            let float = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0);
            if let Some(float) = float.filter(|float| float.abs() <= EXACT_MAX) {
                // Within these bounds the conversion is exact.
                *number =
                    format!("{float:.0}").parse().ok().filter(|whole: &Number| whole.is_i64()).unwrap_or(0.into());
            }
        }
        Constant::List(items) => items.iter_mut().for_each(make_whole),
        Constant::Object(fields) => fields.values_mut().for_each(make_whole),
        _ => {}
    }
}

/// The optional variables that were omitted.
pub(super) fn left_out<'a>(operation: &'a OperationDefinition, variables: &Variables) -> Vec<&'a Name> {
    let declared = operation.variable_definitions.iter().map(|definition| &definition.node.name.node);
    declared.filter(|name| !variables.contains_key(*name)).collect()
}

/// Removes variables from a document with one operation.
pub(super) fn take_out(document: &mut ExecutableDocument, gone: &[Name]) {
    match &mut document.operations {
        DocumentOperations::Single(operation) => take_out_of(&mut operation.node, gone),
        DocumentOperations::Multiple(operations) => {
            for operation in operations.values_mut() {
                take_out_of(&mut operation.node, gone);
            }
        }
    }
    document.fragments.values_mut().for_each(|fragment| out_of_set(&mut fragment.node.selection_set.node, gone));
}

fn take_out_of(operation: &mut OperationDefinition, gone: &[Name]) {
    operation.variable_definitions.retain(|definition| !gone.contains(&definition.node.name.node));
    out_of_set(&mut operation.selection_set.node, gone);
}

fn out_of_set(set: &mut SelectionSet, gone: &[Name]) {
    for selection in &mut set.items {
        for directive in selection.node.directives_mut() {
            out_of_arguments(&mut directive.node.arguments, gone);
        }
        match &mut selection.node {
            Selection::Field(field) => {
                out_of_arguments(&mut field.node.arguments, gone);
                out_of_set(&mut field.node.selection_set.node, gone);
            }
            Selection::InlineFragment(inline) => out_of_set(&mut inline.node.selection_set.node, gone),
            Selection::FragmentSpread(_) => {}
        }
    }
}

fn out_of_arguments(arguments: &mut Vec<(Positioned<Name>, Positioned<Value>)>, gone: &[Name]) {
    let all = std::mem::take(arguments);
    arguments.extend(all.into_iter().filter_map(|(name, value)| {
        let pos = value.pos;
        Some((name, Positioned::new(without(value.node, gone)?, pos)))
    }));
}

/// The value without these variables; none if it was one of them. A removed list item becomes null.
fn without(value: Value, gone: &[Name]) -> Option<Value> {
    match value {
        Value::Variable(name) if gone.contains(&name) => None,
        Value::List(items) => {
            Some(Value::List(items.into_iter().map(|item| without(item, gone).unwrap_or(Value::Null)).collect()))
        }
        Value::Object(fields) => {
            let kept: IndexMap<_, _> =
                fields.into_iter().filter_map(|(name, value)| Some((name, without(value, gone)?))).collect();
            Some(Value::Object(kept))
        }
        other => Some(other),
    }
}
