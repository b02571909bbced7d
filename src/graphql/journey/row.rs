//! The fields of a case that its row in a list holds, so that its stream need not be read.
//!
//! Any other field is read from the stream. A field added here must have the same value in the row.

use async_graphql::{Name, SelectionField, Value};

/// Whether the rows of a list hold all requested fields of its cases.
pub(in crate::graphql) fn holds(journey: &SelectionField<'_>) -> bool {
    journey.selection_set().all(|field| match field.name() {
        "__typename" | "id" | "contract" | "asOf" | "reference" | "area" | "keyworker" => true,
        "stage" => field.selection_set().all(|of| matches!(of.name(), "__typename" | "code" | "label")),
        "daysSinceContact" | "timeSinceContact" => is_of_anyone(&field),
        _ => false,
    })
}

/// Whether contacts with any worker count, which is also the default.
fn is_of_anyone(field: &SelectionField<'_>) -> bool {
    let anyone = Value::Enum(Name::new("ANYONE"));
    field.arguments().is_ok_and(|arguments| arguments.iter().all(|(_, value)| *value == anyone))
}
