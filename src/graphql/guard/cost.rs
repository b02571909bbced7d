//! What an operation may cost: the fields that its answer can have, lists counted as long as they may be.
//!
//! Each fragment is looked at once, however often it is spread, and sums saturate: like the other measures this must
//! never cost more than the document is long. It knows the schema only by its printed form.

use std::collections::HashMap;

use async_graphql::{
    Name, Value, Variables,
    parser::{
        parse_schema,
        types::{
            BaseType, Field, FieldDefinition, FragmentDefinition, OperationDefinition, OperationType, Selection,
            SelectionSet, TypeKind, TypeSystemDefinition,
        },
    },
};

/// How long a list is taken to be that no argument bounds.
const LISTED: u64 = 10;
/// The arguments that say how long a list may be: a number, or a list that is as long.
const BOUNDS: [&str; 3] = ["first", "last", "ids"];

/// What one operation may cost, and how much it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// The fields that its answer can have.
    pub requested: u64,
    /// The most that are allowed.
    pub allowed: u64,
}

/// The schema's objects and interfaces, as far as a cost depends on them.
#[derive(Debug)]
pub(super) struct Catalogue {
    types: HashMap<String, HashMap<String, Shape>>,
    /// The types of queries, mutations and subscriptions.
    roots: [Option<String>; 3],
}

/// What a field gives.
#[derive(Debug)]
struct Shape {
    returns: String,
    is_list: bool,
    /// The bound that holds where the field is given none.
    bound: Option<u64>,
}

impl Catalogue {
    /// Reads the printed schema.
    pub(super) fn of(sdl: &str) -> Self {
        let document = parse_schema(sdl).expect("a printed schema can be read");
        let mut catalogue = Self { types: HashMap::new(), roots: [const { None }; 3] };
        for definition in document.definitions {
            match definition {
                TypeSystemDefinition::Schema(schema) => {
                    let schema = schema.node;
                    catalogue.roots = [schema.query, schema.mutation, schema.subscription]
                        .map(|root| root.map(|name| name.node.to_string()));
                }
                TypeSystemDefinition::Type(of) => {
                    let fields = match of.node.kind {
                        TypeKind::Object(object) => object.fields,
                        TypeKind::Interface(interface) => interface.fields,
                        _ => continue,
                    };
                    let shapes = fields.iter().map(|field| (field.node.name.node.to_string(), Shape::of(&field.node)));
                    catalogue.types.insert(of.node.name.node.to_string(), shapes.collect());
                }
                TypeSystemDefinition::Directive(_) => {}
            }
        }
        catalogue
    }

    /// The name of the type at the root of such operations; empty if there is none.
    pub(super) fn root(&self, of: OperationType) -> &str {
        let [query, mutation, subscription] = &self.roots;
        let root = match of {
            OperationType::Query => query,
            OperationType::Mutation => mutation,
            OperationType::Subscription => subscription,
        };
        root.as_deref().unwrap_or_default()
    }

    fn shape(&self, of: &str, field: &str) -> Option<&Shape> {
        self.types.get(of)?.get(field)
    }

    /// What an operation of a document may cost; the fragments are in an order in which each comes after all that it
    /// spreads.
    pub(super) fn cost(
        &self,
        operation: &OperationDefinition,
        fragments: &[(&Name, &FragmentDefinition)],
        variables: &Variables,
    ) -> u64 {
        let mut pricing = Pricing { catalogue: self, operation, variables, fragments: HashMap::new() };
        for (name, fragment) in fragments {
            let price = pricing.set(&fragment.selection_set.node, &fragment.type_condition.node.on.node);
            pricing.fragments.insert(name, price);
        }
        pricing.set(&operation.selection_set.node, self.root(operation.ty)).within(LISTED)
    }
}

impl Shape {
    fn of(field: &FieldDefinition) -> Self {
        let (mut of, mut is_list) = (&field.ty.node, false);
        let returns = loop {
            match &of.base {
                BaseType::Named(name) => break name.to_string(),
                BaseType::List(item) => (of, is_list) = (&**item, true),
            }
        };
        let bounds = field.arguments.iter().filter(|argument| is_bound(&argument.node.name.node));
        let bound = bounds.filter_map(|argument| length(&argument.node.default_value.as_ref()?.node)).max();
        Self { returns, is_list, bound }
    }
}

fn is_bound(argument: &str) -> bool {
    BOUNDS.contains(&argument)
}

/// How long a list may be by a bound.
fn length(bound: &Value) -> Option<u64> {
    match bound {
        Value::Number(number) => number.as_u64(),
        Value::List(items) => u64::try_from(items.len()).ok(),
        _ => None,
    }
}

/// The price of a selection set, which depends on how long the lists are that stand directly in it.
#[derive(Clone, Copy, Debug, Default)]
struct Price {
    /// What it costs apart from its lists.
    fixed: u64,
    /// What one item of each of its lists costs.
    item: u64,
}

impl Price {
    /// The whole price if the lists directly in the set are so long.
    const fn within(self, length: u64) -> u64 {
        self.fixed.saturating_add(self.item.saturating_mul(length))
    }

    fn add(&mut self, other: Self) {
        self.fixed = self.fixed.saturating_add(other.fixed);
        self.item = self.item.saturating_add(other.item);
    }
}

struct Pricing<'a> {
    catalogue: &'a Catalogue,
    operation: &'a OperationDefinition,
    variables: &'a Variables,
    fragments: HashMap<&'a Name, Price>,
}

impl Pricing<'_> {
    fn set(&self, set: &SelectionSet, of: &str) -> Price {
        let mut price = Price::default();
        for selection in &set.items {
            price.add(match &selection.node {
                Selection::Field(field) => self.field(&field.node, of),
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let of = condition.map_or(of, |condition| condition.node.on.node.as_str());
                    self.set(&inline.node.selection_set.node, of)
                }
                Selection::FragmentSpread(spread) => {
                    self.fragments.get(&spread.node.fragment_name.node).copied().unwrap_or_default()
                }
            });
        }
        price
    }

    fn field(&self, field: &Field, of: &str) -> Price {
        let Some(shape) = self.catalogue.shape(of, &field.name.node) else {
            // Of the schema itself, or of no type at all: the validator tells.
            return Price { fixed: self.set(&field.selection_set.node, "").within(1).saturating_add(1), item: 0 };
        };
        let below = self.set(&field.selection_set.node, &shape.returns);
        match (self.bound(field).or(shape.bound), shape.is_list) {
            // A page: what is directly below it is as long as was asked.
            (Some(first), false) => Price { fixed: below.within(first).saturating_add(1), item: 0 },
            (Some(first), true) => {
                Price { fixed: below.within(LISTED).saturating_mul(first).saturating_add(1), item: 0 }
            }
            (None, false) => Price { fixed: below.within(LISTED).saturating_add(1), item: 0 },
            // As long as the page that it stands in.
            (None, true) => Price { fixed: 1, item: below.within(LISTED) },
        }
    }

    /// How long the field's list may be, as its arguments say.
    fn bound(&self, field: &Field) -> Option<u64> {
        let bounds = field.arguments.iter().filter(|(name, _)| is_bound(&name.node));
        let given = bounds.map(|(_, value)| value.node.clone().into_const_with(|name| self.variable(&name)));
        given.filter_map(|given| length(&given.ok()?)).max()
    }

    fn variable(&self, name: &Name) -> Result<Value, ()> {
        if let Some(given) = self.variables.get(name) {
            return Ok(given.clone());
        }
        let declared = self.operation.variable_definitions.iter().find(|declared| declared.node.name.node == *name);
        declared.and_then(|declared| declared.node.default_value.as_ref()).map(|value| value.node.clone()).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{parser::parse_query, parser::types::DocumentOperations};

    use super::super::measure::innermost_first;
    use super::*;

    const SDL: &str = "
        type Query { nodes(ids: [ID!]!): [Node]!, journey: Journey, journeys(first: Int! = 20, after: String): Journeys!, areas: [Area!]! }
        type Mutation { log(n: Int): Journey }
        interface Node { id: ID! }
        type Journeys { nodes: [Journey!]!, edges: [Edge!]!, total: Int! }
        type Edge { cursor: String!, node: Journey! }
        type Journey implements Node { id: ID!, contacts: [Contact!]!, newest(last: Int): [Contact!]!, tags: [String!]!
            like(first: Int): Journeys! }
        type Contact { on: String!, worker: Worker }
        type Worker { id: ID! }
        type Area { code: String! }
        schema { query: Query, mutation: Mutation }";

    fn cost_with(query: &str, variables: serde_json::Value) -> u64 {
        let document = parse_query(query).expect("a document");
        let variables = Variables::from_json(variables);
        let fragments = innermost_first(&document.fragments).expect("no cycle");
        let DocumentOperations::Single(operation) = &document.operations else { panic!("one operation") };
        Catalogue::of(SDL).cost(&operation.node, &fragments, &variables)
    }

    fn cost(query: &str) -> u64 {
        cost_with(query, serde_json::json!({}))
    }

    #[test]
    fn every_field_counts_once_and_a_page_as_often_as_it_may_be_long() {
        assert_eq!(cost("{ journey { id } }"), 2);
        assert_eq!(cost("mutation { log(n: 3) { id } }"), 2);
        assert_eq!(cost("{ journeys { total } }"), 2);
        assert_eq!(cost("{ journeys { nodes { id } } }"), 2 + 20);
        assert_eq!(cost("{ journeys(first: 200) { total nodes { id } } }"), 3 + 200);
        assert_eq!(cost("{ journeys(first: 5) { edges { cursor node { id } } } }"), 2 + 5 * 3);
        assert_eq!(cost("{ journeys(first: 0) { nodes { id } } }"), 2);
    }

    #[test]
    fn a_list_that_nothing_bounds_counts_as_ten() {
        assert_eq!(cost("{ areas { code } }"), 1 + 10);
        assert_eq!(cost("{ journey { contacts { on worker { id } } } }"), 2 + 10 * 3);
        assert_eq!(cost("{ journey { newest(last: 3) { on } } }"), 2 + 3);
        assert_eq!(cost("{ journey { newest { on } tags } }"), 3 + 10);
        assert_eq!(cost("{ nodes(ids: [1, 2, 3]) { id } }"), 1 + 3);
        let query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
        assert_eq!(cost_with(query, serde_json::json!({ "ids": vec!["x"; 200] })), 1 + 200);
    }

    #[test]
    fn pages_below_pages_multiply_and_saturate() {
        assert_eq!(
            cost("{ journeys(first: 200) { nodes { like(first: 100) { nodes { id } } } } }"),
            2 + 200 * (2 + 100)
        );
        let (open, close) = ("like(first: 2000000000) { nodes { ".repeat(10), "} }".repeat(10));
        assert_eq!(cost(&format!("{{ journey {{ {open} id {close} }} }}")), u64::MAX);
    }

    #[test]
    fn a_bound_may_come_from_a_variable_or_its_default() {
        let query = "query($n: Int = 7) { journeys(first: $n) { nodes { id } } }";
        assert_eq!(cost(query), 2 + 7);
        assert_eq!(cost_with(query, serde_json::json!({ "n": 100 })), 2 + 100);
        assert_eq!(cost_with(query, serde_json::json!({ "n": null })), 2 + 20);
        assert_eq!(cost_with(query, serde_json::json!({ "n": -1 })), 2 + 20);
    }

    #[test]
    fn a_fragment_costs_what_stands_in_it_wherever_it_is_spread() {
        let written_out = cost("{ journeys(first: 50) { nodes { id contacts { on } } } }");
        assert_eq!(
            cost(
                "{ journeys(first: 50) { ...P } } fragment P on Journeys { nodes { ...J } } \
                  fragment J on Journey { id contacts { on } }"
            ),
            written_out
        );
        assert_eq!(
            cost("{ journeys(first: 50) { ... { nodes { ... on Journey { id contacts { on } } } } } }"),
            written_out
        );
        assert_eq!(cost("{ journey { ...N ...N } } fragment N on Node { id }"), 3);
    }

    #[test]
    fn what_the_schema_does_not_know_counts_as_it_is_written() {
        assert_eq!(cost("{ __schema { types { fields { name } } } __typename }"), 5);
        assert_eq!(cost("{ nothing { at { all } } ...Gone }"), 3);
    }
}
