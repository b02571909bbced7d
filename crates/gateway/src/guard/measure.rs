//! Measures a parsed document. Each fragment is measured once, however often it is spread.
//!
//! Sums saturate, so that a document of a thousand doublings gives a number and not a panic. Recursion follows only the
//! nesting of one definition, which the scan has bounded. From fragment to fragment it uses a list, never the stack.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name, Pos, Positioned,
    parser::types::{
        Directive, ExecutableDocument, Field, FragmentDefinition, OperationDefinition, OperationType, Selection,
        SelectionSet,
    },
};

use super::Refusal;

/// The schema lists that lead from a type back to types.
const INTROSPECTION_LISTS: [&str; 4] = ["fields", "inputFields", "interfaces", "possibleTypes"];

/// The measures of a document: sums over all its operations, because all are validated.
#[derive(Debug, Default)]
pub(super) struct Measures {
    /// Fields and fragment spreads, with every fragment expanded.
    pub(super) selections: u64,
    /// The greatest nesting of selection sets in any definition.
    pub(super) depth: u64,
    /// Aliased fields, with fragments expanded.
    pub(super) aliases: u64,
    /// Directives, with fragments expanded.
    pub(super) directives: u64,
    /// The most root fields of one operation.
    pub(super) root_fields: u64,
    /// The number of `__schema` and `__type` fields, with fragments expanded.
    pub(super) introspections: u64,
    /// The greatest nesting of schema lists below `__schema` or `__type`.
    pub(super) introspection_lists: u64,
    /// The positions of arguments whose value comes from variables.
    pub(super) fed_by_variables: HashSet<Pos>,
}

impl Measures {
    /// Measures every operation and every fragment, spread or not. The fragments must be ordered so that each comes
    /// after all that it spreads.
    pub(super) fn of<'a>(
        document: &'a ExecutableDocument,
        fragments: &[(&'a Name, &'a FragmentDefinition)],
    ) -> Result<Self, Refusal> {
        let mut measuring = Measuring::default();
        for (name, fragment) in fragments.iter().copied() {
            let mut size = measuring.set(&fragment.selection_set.node);
            size.directives = measuring.directives(&fragment.directives, size.directives);
            measuring.deepest = measuring.deepest.max(size.depth);
            measuring.fragments.insert(name, size);
        }
        let mut measures = Self::default();
        for (_, operation) in document.operations.iter() {
            measures.add(&mut measuring, &operation.node)?;
        }
        measures.depth = measures.depth.max(measuring.deepest);
        measures.fed_by_variables = measuring.fed_by_variables;
        Ok(measures)
    }

    fn add<'a>(&mut self, measuring: &mut Measuring<'a>, operation: &'a OperationDefinition) -> Result<(), Refusal> {
        let mut size = measuring.set(&operation.selection_set.node);
        size.directives = measuring.directives(&operation.directives, size.directives);
        for variable in &operation.variable_definitions {
            size.directives = measuring.directives(&variable.node.directives, size.directives);
        }
        if operation.ty == OperationType::Subscription && size.root_fields != 1 {
            return Err(Refusal::Invalid {
                message: format!(
                    "a subscription must have one root field, and this one has {}: use a subscription for each",
                    size.root_fields
                ),
                at: vec![operation.selection_set.pos],
            });
        }
        self.selections = self.selections.saturating_add(size.selections);
        self.aliases = self.aliases.saturating_add(size.aliases);
        self.directives = self.directives.saturating_add(size.directives);
        self.introspections = self.introspections.saturating_add(size.introspections);
        self.depth = self.depth.max(size.depth);
        self.root_fields = self.root_fields.max(size.root_fields);
        self.introspection_lists = self.introspection_lists.max(size.lists_below_root);
        Ok(())
    }
}

/// The size of one selection set, with fragments expanded.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    selections: u64,
    /// Nested selection sets, including this one.
    depth: u64,
    aliases: u64,
    directives: u64,
    root_fields: u64,
    introspections: u64,
    /// Nested schema lists, if this set is already below `__schema`.
    lists: u64,
    /// The same below the `__schema` and `__type` fields of this set.
    lists_below_root: u64,
}

impl Size {
    /// Adds a set whose fields become this set's own.
    fn spread(&mut self, inner: Self) {
        self.nest(inner);
        self.root_fields = self.root_fields.saturating_add(inner.root_fields);
        self.lists = self.lists.max(inner.lists);
        self.lists_below_root = self.lists_below_root.max(inner.lists_below_root);
    }

    /// Adds the set below one of this set's fields.
    fn nest(&mut self, inner: Self) {
        self.selections = self.selections.saturating_add(inner.selections);
        self.aliases = self.aliases.saturating_add(inner.aliases);
        self.directives = self.directives.saturating_add(inner.directives);
        self.introspections = self.introspections.saturating_add(inner.introspections);
        self.depth = self.depth.max(inner.depth + 1);
    }
}

#[derive(Default)]
struct Measuring<'a> {
    /// The fragments measured so far. A missing one is unknown; the validator reports it.
    fragments: HashMap<&'a Name, Size>,
    deepest: u64,
    fed_by_variables: HashSet<Pos>,
}

impl<'a> Measuring<'a> {
    fn set(&mut self, set: &'a SelectionSet) -> Size {
        let mut size = Size { depth: 1, ..Size::default() };
        for selection in &set.items {
            size.selections = size.selections.saturating_add(1);
            size.directives = self.directives(selection.node.directives(), size.directives);
            match &selection.node {
                Selection::Field(field) => self.field(&field.node, &mut size),
                Selection::InlineFragment(inline) => {
                    let inner = self.set(&inline.node.selection_set.node);
                    size.spread(inner);
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(&inner) = self.fragments.get(&spread.node.fragment_name.node) {
                        size.spread(inner);
                    }
                }
            }
        }
        size
    }

    fn field(&mut self, field: &'a Field, size: &mut Size) {
        size.root_fields = size.root_fields.saturating_add(1);
        if field.alias.is_some() {
            size.aliases = size.aliases.saturating_add(1);
        }
        // Only a value without variables is a constant.
        for (name, value) in &field.arguments {
            if value.node.clone().into_const().is_none() {
                self.fed_by_variables.insert(name.pos);
            }
        }
        if field.selection_set.node.items.is_empty() {
            return;
        }
        let inner = self.set(&field.selection_set.node);
        size.nest(inner);
        let name = field.name.node.as_str();
        let is_list = INTROSPECTION_LISTS.contains(&name);
        size.lists = size.lists.max(inner.lists + u64::from(is_list));
        let below = if matches!(name, "__schema" | "__type") {
            size.introspections = size.introspections.saturating_add(1);
            inner.lists
        } else {
            inner.lists_below_root
        };
        size.lists_below_root = size.lists_below_root.max(below);
    }

    fn directives(&mut self, directives: &'a [Positioned<Directive>], before: u64) -> u64 {
        for (name, value) in directives.iter().flat_map(|d| &d.node.arguments) {
            if value.node.clone().into_const().is_none() {
                self.fed_by_variables.insert(name.pos);
            }
        }
        before.saturating_add(u64::try_from(directives.len()).unwrap_or(u64::MAX))
    }
}

/// The fragments, ordered so that each comes after all that it spreads.
pub(super) fn innermost_first(
    fragments: &HashMap<Name, Positioned<FragmentDefinition>>,
) -> Result<Vec<(&Name, &FragmentDefinition)>, Refusal> {
    let mut names: Vec<_> = fragments.iter().collect();
    names.sort_unstable_by_key(|(_, fragment)| fragment.pos);
    let mut visits: HashMap<&Name, Visit> = HashMap::new();
    let mut ordered = Vec::with_capacity(names.len());
    for (name, _) in names {
        let mut path = Vec::new();
        enter(name, fragments, &mut visits, &mut path)?;
        while let Some((name, fragment, spreads)) = path.last_mut() {
            if let Some(next) = spreads.pop() {
                enter(next, fragments, &mut visits, &mut path)?;
            } else {
                visits.insert(name, Visit::Done);
                ordered.push((*name, *fragment));
                path.pop();
            }
        }
    }
    Ok(ordered)
}

#[derive(Clone, Copy)]
enum Visit {
    Open,
    Done,
}

/// A fragment being visited, and its spreads that are still to be visited.
type Step<'a> = (&'a Name, &'a FragmentDefinition, Vec<&'a Name>);

fn enter<'a>(
    name: &'a Name,
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    visits: &mut HashMap<&'a Name, Visit>,
    path: &mut Vec<Step<'a>>,
) -> Result<(), Refusal> {
    let Some(fragment) = fragments.get(name) else {
        return Ok(());
    };
    match visits.get(name) {
        Some(Visit::Done) => Ok(()),
        Some(Visit::Open) => Err(Refusal::Invalid {
            message: format!("fragment {} spreads itself: remove the spread", super::shortened(name)),
            at: vec![fragment.pos],
        }),
        None => {
            visits.insert(name, Visit::Open);
            let mut spreads = Vec::new();
            collect_spreads(&fragment.node.selection_set.node, &mut spreads);
            path.push((name, &fragment.node, spreads));
            Ok(())
        }
    }
}

/// Every spread in a selection set, at any depth.
pub(super) fn collect_spreads<'a>(set: &'a SelectionSet, spreads: &mut Vec<&'a Name>) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => collect_spreads(&field.node.selection_set.node, spreads),
            Selection::InlineFragment(inline) => {
                collect_spreads(&inline.node.selection_set.node, spreads);
            }
            Selection::FragmentSpread(spread) => spreads.push(&spread.node.fragment_name.node),
        }
    }
}
