//! The root field of a subscription: one field of the schema, directly in the operation.
//!
//! The executor follows only a field directly at the root, so fragments around it are removed first. Otherwise the
//! subscription would end at once without a message.

use std::collections::HashSet;

use async_graphql::{
    Name, Positioned,
    parser::types::{DocumentOperations, ExecutableDocument, Field, OperationDefinition, Selection},
};

use super::Refusal;
use super::measure::collect_spreads;

/// A root field inside fragments.
pub(super) struct Wrapped {
    field: Positioned<Field>,
    fragments: HashSet<Name>,
}

/// Finds the single root field of a subscription inside fragments. None if the field is directly in the operation, or
/// if the validator will refuse the document.
pub(super) fn wrapped(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    root: &str,
) -> Result<Option<Wrapped>, Refusal> {
    let (mut set, mut fragments, mut is_wrapped) = (&operation.selection_set, HashSet::new(), false);
    loop {
        let [only] = &set.node.items[..] else { return Ok(None) };
        let refuse = |message: &str| Err(Refusal::Invalid { message: message.to_owned(), at: vec![only.pos] });
        if !only.node.directives().is_empty() {
            return refuse("the root field of a subscription cannot be conditional: remove the directive");
        }
        let condition = match &only.node {
            Selection::Field(field) if field.node.name.node.starts_with("__") => {
                return refuse("a subscription cannot follow this field: use a query");
            }
            Selection::Field(field) => return Ok(is_wrapped.then(|| Wrapped { field: field.clone(), fragments })),
            Selection::InlineFragment(inline) => {
                set = &inline.node.selection_set;
                inline.node.type_condition.as_ref()
            }
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                let Some(fragment) = document.fragments.get(name) else { return Ok(None) };
                fragments.insert(name.clone());
                set = &fragment.node.selection_set;
                Some(&fragment.node.type_condition)
            }
        };
        if condition.is_some_and(|condition| condition.node.on.node != root) {
            return Ok(None);
        }
        is_wrapped = true;
    }
}

impl Wrapped {
    /// Replaces the fragments by the field, and removes fragments that nothing spreads any more.
    pub(super) fn unwrap_in(self, document: &mut ExecutableDocument, operation_name: Option<&str>) {
        let operation = match (&mut document.operations, operation_name) {
            (DocumentOperations::Single(operation), _) => Some(operation),
            (DocumentOperations::Multiple(operations), Some(name)) => operations.get_mut(name),
            (DocumentOperations::Multiple(operations), None) => operations.values_mut().next(),
        };
        let operation = operation.expect("the guard has selected an operation");
        let set = &mut operation.node.selection_set.node;
        set.items = vec![Positioned::new(Selection::Field(self.field), operation.pos)];
        let still_spread = spread_in(document);
        document.fragments.retain(|name, _| still_spread.contains(name) || !self.fragments.contains(name));
    }
}

/// The fragments that the operations of a document spread, directly or through other fragments.
fn spread_in(document: &ExecutableDocument) -> HashSet<Name> {
    let mut waiting = Vec::new();
    for (_, operation) in document.operations.iter() {
        collect_spreads(&operation.node.selection_set.node, &mut waiting);
    }
    let mut spread = HashSet::new();
    while let Some(name) = waiting.pop() {
        if let Some(fragment) = document.fragments.get(name).filter(|_| spread.insert(name.clone())) {
            collect_spreads(&fragment.node.selection_set.node, &mut waiting);
        }
    }
    spread
}
