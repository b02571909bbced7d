//! What of a journey its row in a list holds, so that no story need be read for it.
//!
//! A field that is not named here is told by the story. Whoever adds one must see to it that the row says the same.

use async_graphql::{Name, SelectionField, Value};

/// Whether the rows of a list hold all that is asked here of its journeys.
pub(in crate::graphql) fn holds(journey: &SelectionField<'_>) -> bool {
    journey.selection_set().all(|field| match field.name() {
        "__typename" | "id" | "contract" | "asOf" | "reference" | "area" | "keyworker" => true,
        "stage" => field.selection_set().all(|of| matches!(of.name(), "__typename" | "code" | "label")),
        "daysSinceContact" | "timeSinceContact" => is_of_anyone(&field),
        _ => false,
    })
}

/// Whether contacts made by anyone count, which is also what is meant where nothing is said.
fn is_of_anyone(field: &SelectionField<'_>) -> bool {
    let anyone = Value::Enum(Name::new("ANYONE"));
    field.arguments().is_ok_and(|arguments| arguments.iter().all(|(_, value)| *value == anyone))
}
