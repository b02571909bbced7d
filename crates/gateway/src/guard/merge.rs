//! Merges fields that are selected twice under one response name (§6.3.2 of the specification), and refuses them if
//! they are not the same field (rule 5.3.2).
//!
//! The library would execute each of them, and so run a mutation twice. The merged document requests the same as the
//! original. Execute it only after the original was validated, because errors in a fragment no longer show in it. It
//! never has more fields than the original with its fragments expanded.

use std::collections::{HashMap, HashSet};

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    Directive, DocumentOperations, ExecutableDocument, Field, InlineFragment, OperationDefinition, Selection,
    SelectionSet, TypeCondition,
};
use async_graphql::{Name, Pos, Positioned, Value as Constant, Variables};
use async_graphql_value::Value;

use super::catalogue::Catalogue;
use super::measure::collect_spreads;
use super::{Refusal, shortened};

/// A selection set whose fields are collected, and whether it is included or skipped.
#[derive(Clone, Copy)]
struct Part<'a> {
    set: &'a SelectionSet,
    counts: bool,
}

/// A selected field, and whether it is included or skipped.
#[derive(Clone, Copy)]
struct Selected<'a> {
    field: &'a Positioned<Field>,
    counts: bool,
}

/// The fields selected on one object.
#[derive(Default)]
struct Collected<'a> {
    /// Fields for any type of the object, by response name.
    always: IndexMap<&'a Name, Vec<Selected<'a>>>,
    /// Fields only for a narrower type.
    narrower: IndexMap<&'a Name, (Pos, Vec<Part<'a>>)>,
}

struct Merging<'a> {
    catalogue: &'a Catalogue,
    document: &'a ExecutableDocument,
    variables: &'a Variables,
    /// Whether any field was selected twice.
    has_merged: bool,
    conflicts: Vec<Refusal>,
}

/// The operation with each field selected once; none if it is so already.
pub(super) fn merged(
    catalogue: &Catalogue,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Variables,
) -> Result<Option<OperationDefinition>, Vec<Refusal>> {
    let mut merging = Merging { catalogue, document, variables, has_merged: false, conflicts: Vec::new() };
    let root = Part { set: &operation.selection_set.node, counts: true };
    let set = merging.set(&[root], catalogue.root(operation.ty));
    if !merging.conflicts.is_empty() {
        return Err(merging.conflicts);
    }
    let merged = || OperationDefinition {
        selection_set: Positioned::new(set, operation.selection_set.pos),
        ..operation.clone()
    };
    Ok(merging.has_merged.then(merged))
}

impl<'a> Merging<'a> {
    /// All selections on one object of a type, each field once.
    fn set(&mut self, parts: &[Part<'a>], of: &str) -> SelectionSet {
        if !self.catalogue.is_output(of) {
            // The introspection schema, which has no side effects, or a type that the validator will refuse.
            let items = parts.iter().filter(|part| part.counts).flat_map(|part| part.set.items.iter().cloned());
            return SelectionSet { items: items.collect() };
        }
        let mut collected = Collected::default();
        for part in parts {
            self.collect(&mut collected, *part, of);
        }
        self.compare_narrower(&collected, of);
        let mut items = Vec::new();
        for selected in collected.always.values() {
            items.push(self.field(selected, of));
        }
        for (narrower, (pos, parts)) in collected.narrower {
            let selection_set = Positioned::new(self.set(&parts, narrower), pos);
            let on = Positioned::new(narrower.clone(), pos);
            let type_condition = Some(Positioned::new(TypeCondition { on }, pos));
            let fragment = InlineFragment { type_condition, directives: Vec::new(), selection_set };
            items.push(Positioned::new(Selection::InlineFragment(Positioned::new(fragment, pos)), pos));
        }
        SelectionSet { items }
    }

    fn collect(&self, collected: &mut Collected<'a>, part: Part<'a>, of: &str) {
        for selection in &part.set.items {
            let counts = part.counts && self.counts(selection.node.directives());
            let (condition, set) = match &selection.node {
                Selection::Field(field) => {
                    let key = &field.node.response_key().node;
                    collected.always.entry(key).or_default().push(Selected { field, counts });
                    continue;
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref().map(|condition| &condition.node.on.node);
                    (condition, &inline.node.selection_set)
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    let Some(fragment) = self.document.fragments.get(name) else { continue };
                    (Some(&fragment.node.type_condition.node.on.node), &fragment.node.selection_set)
                }
            };
            let part = Part { set: &set.node, counts };
            match condition {
                Some(narrower) if !self.catalogue.is_within(of, narrower) => {
                    let at = collected.narrower.entry(narrower).or_insert_with(|| (selection.pos, Vec::new()));
                    at.1.push(part);
                }
                _ => self.collect(collected, part, of),
            }
        }
    }

    /// One field for all selections under one response name.
    fn field(&mut self, selected: &[Selected<'a>], of: &str) -> Positioned<Selection> {
        let first = selected[0];
        for other in &selected[1..] {
            self.has_merged = true;
            self.compare(first.field, other.field);
        }
        let any_counts = selected.iter().any(|selected| selected.counts);
        let shown = selected.iter().find(|selected| selected.counts == any_counts).unwrap_or(&first);
        let returns = self.catalogue.shape(of, &shown.field.node.name.node).map_or("", |shape| shape.returns.as_str());
        let parts: Vec<Part<'a>> = selected
            .iter()
            .map(|selected| Part {
                set: &selected.field.node.selection_set.node,
                counts: selected.counts == any_counts,
            })
            .collect();
        let is_leaf = parts.iter().all(|part| part.set.items.is_empty());
        let set = if is_leaf { SelectionSet::default() } else { self.set(&parts, returns) };
        let Field { alias, name, arguments, directives, selection_set } = &shown.field.node;
        let kept = directives.iter().filter(|directive| !is_condition(&directive.node)).cloned();
        let skipped = (!any_counts).then(|| Positioned::new(skip(shown.field.pos), shown.field.pos));
        let field = Field {
            alias: alias.clone(),
            name: name.clone(),
            arguments: arguments.clone(),
            directives: kept.chain(skipped).collect(),
            selection_set: Positioned::new(set, selection_set.pos),
        };
        Positioned::new(Selection::Field(Positioned::new(field, shown.field.pos)), shown.field.pos)
    }

    /// A field selected for every type and for a narrower type under the same response name must be the same field.
    fn compare_narrower(&mut self, collected: &Collected<'a>, of: &str) {
        let mut others: Vec<(bool, IndexMap<&'a Name, Vec<Selected<'a>>>)> = Vec::new();
        for (narrower, (_, parts)) in &collected.narrower {
            let mut own = Collected::default();
            for part in parts {
                self.collect(&mut own, *part, narrower);
            }
            let is_object = self.catalogue.is_object(narrower);
            // An object cannot have two object types, so such selections never overlap.
            let mut overlapping: Vec<_> =
                others.iter().filter(|(other, _)| !(*other && is_object)).map(|(_, fields)| fields).collect();
            if self.catalogue.is_output(of) {
                overlapping.push(&collected.always);
            }
            let mut pairs = Vec::new();
            for (key, selected) in &own.always {
                let same = overlapping.iter().filter_map(|fields| fields.get(*key));
                pairs.extend(same.map(|other| (other[0].field, selected[0].field)));
            }
            for (first, other) in pairs {
                self.compare(first, other);
            }
            others.push((is_object, own.always));
        }
    }

    /// Two fields under one response name must be the same field with the same arguments.
    fn compare(&mut self, first: &Positioned<Field>, other: &Positioned<Field>) {
        let (one, two) = (&first.node, &other.node);
        let key = shortened(&one.response_key().node);
        let refuse = |why: &str| Refusal::Invalid {
            message: format!("two fields have the response name {key} and {why}: give one of them an alias"),
            at: vec![first.pos, other.pos],
        };
        if one.name.node != two.name.node {
            self.conflicts.push(refuse("are different fields"));
        } else if !is_same(one, two) {
            self.conflicts.push(refuse("have different arguments"));
        }
    }

    /// Whether a selection with these directives is included.
    fn counts(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().all(|directive| {
            let wanted = directive.node.name.node == "include";
            if !is_condition(&directive.node) {
                return true;
            }
            let condition = directive.node.get_argument("if");
            let given = condition.and_then(|condition| match &condition.node {
                Value::Boolean(given) => Some(*given),
                Value::Variable(name) => match self.variables.get(name) {
                    Some(Constant::Boolean(given)) => Some(*given),
                    _ => None,
                },
                _ => None,
            });
            // The validator refuses a condition that is not a boolean.
            given.is_none_or(|given| given == wanted)
        })
    }
}

fn is_condition(directive: &Directive) -> bool {
    matches!(directive.name.node.as_str(), "include" | "skip")
}

/// `@skip(if: true)`
fn skip(pos: Pos) -> Directive {
    let at = |name| Positioned::new(Name::new(name), pos);
    Directive { name: at("skip"), arguments: vec![(at("if"), Positioned::new(Value::Boolean(true), pos))] }
}

fn is_same(one: &Field, two: &Field) -> bool {
    one.arguments.len() == two.arguments.len()
        && one
            .arguments
            .iter()
            .all(|(name, value)| two.get_argument(&name.node).is_some_and(|other| other.node == value.node))
}

/// The document with one operation and the fragments that it still spreads.
pub(super) fn alone(
    document: &ExecutableDocument,
    mut operation: OperationDefinition,
    name: Option<&Name>,
    pos: Pos,
) -> ExecutableDocument {
    let mut waiting = Vec::new();
    collect_spreads(&operation.selection_set.node, &mut waiting);
    let mut spread = HashSet::new();
    while let Some(next) = waiting.pop() {
        if let Some(fragment) = document.fragments.get(next).filter(|_| spread.insert(next.clone())) {
            collect_spreads(&fragment.node.selection_set.node, &mut waiting);
        }
    }
    let fragments = document.fragments.iter().filter(|(name, _)| spread.contains(*name));
    let fragments: HashMap<_, _> = fragments.map(|(name, fragment)| (name.clone(), fragment.clone())).collect();
    // Conditions are evaluated at this point, so variables used only in them are removed: an unused variable would be
    // refused.
    let mut used = HashSet::new();
    directives_use(&operation.directives, &mut used);
    set_uses(&operation.selection_set.node, &mut used);
    for fragment in fragments.values() {
        directives_use(&fragment.node.directives, &mut used);
        set_uses(&fragment.node.selection_set.node, &mut used);
    }
    operation.variable_definitions.retain(|definition| used.contains(&definition.node.name.node));
    let operation = Positioned::new(operation, pos);
    let operations = match name {
        Some(name) => DocumentOperations::Multiple([(name.clone(), operation)].into()),
        None => DocumentOperations::Single(operation),
    };
    ExecutableDocument { operations, fragments }
}

/// The variables that a selection set uses.
fn set_uses(set: &SelectionSet, used: &mut HashSet<Name>) {
    for item in &set.items {
        let (directives, inner) = match &item.node {
            Selection::Field(field) => {
                field.node.arguments.iter().for_each(|(_, value)| value_uses(&value.node, used));
                (&field.node.directives, Some(&field.node.selection_set.node))
            }
            Selection::InlineFragment(part) => (&part.node.directives, Some(&part.node.selection_set.node)),
            Selection::FragmentSpread(spread) => (&spread.node.directives, None),
        };
        directives_use(directives, used);
        if let Some(inner) = inner {
            set_uses(inner, used);
        }
    }
}

fn directives_use(directives: &[Positioned<Directive>], used: &mut HashSet<Name>) {
    let arguments = directives.iter().flat_map(|directive| &directive.node.arguments);
    arguments.for_each(|(_, value)| value_uses(&value.node, used));
}

fn value_uses(value: &Value, used: &mut HashSet<Name>) {
    match value {
        Value::Variable(name) => drop(used.insert(name.clone())),
        Value::List(values) => values.iter().for_each(|value| value_uses(value, used)),
        Value::Object(fields) => fields.values().for_each(|value| value_uses(value, used)),
        _ => {}
    }
}
