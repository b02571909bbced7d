//! The cost of an operation: the number of fields that its response can have, with lists at their greatest length, plus
//! the weights of expensive fields.
//!
//! Each fragment is measured once, however often it is spread, and sums saturate. Like the other measures, this takes
//! time linear in the length of the document.

use std::collections::HashMap;

use async_graphql::{
    Name, Value, Variables,
    parser::types::{Field, FragmentDefinition, OperationDefinition, Selection, SelectionSet},
};

use super::catalogue::{Catalogue, Shape};

/// The assumed length of a list without a bound.
const LISTED: u64 = 10;
/// The arguments that bound a list: by number, or by the length of a list.
const BOUNDS: [&str; 3] = ["first", "last", "ids"];

/// The cost of one operation and the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// The number of fields that the response can have, plus weights.
    pub requested: u64,
    /// The limit.
    pub allowed: u64,
}

/// Whether an argument bounds a list.
pub(super) fn is_bound(argument: &str) -> bool {
    BOUNDS.contains(&argument)
}

/// The length of a list from its bound.
pub(super) fn length(bound: &Value) -> Option<u64> {
    match bound {
        Value::Number(number) => number.as_u64(),
        Value::List(items) => u64::try_from(items.len()).ok(),
        _ => None,
    }
}

/// The price of a selection set. It depends on the length of the lists directly in it.
#[derive(Clone, Copy, Debug, Default)]
struct Price {
    /// The price apart from its lists.
    fixed: u64,
    /// The price of one item of each of its lists.
    item: u64,
}

impl Price {
    /// The total price if the lists directly in the set have this length.
    const fn within(self, length: u64) -> u64 {
        self.fixed.saturating_add(self.item.saturating_mul(length))
    }

    fn add(&mut self, other: Self) {
        self.fixed = self.fixed.saturating_add(other.fixed);
        self.item = self.item.saturating_add(other.item);
    }
}

/// The cost of an operation. The fragments must be ordered so that each comes after all that it spreads.
pub(super) fn cost(
    catalogue: &Catalogue,
    operation: &OperationDefinition,
    fragments: &[(&Name, &FragmentDefinition)],
    variables: &Variables,
) -> u64 {
    let mut pricing = Pricing { catalogue, operation, variables, fragments: HashMap::new() };
    for (name, fragment) in fragments {
        let price = pricing.set(&fragment.selection_set.node, &fragment.type_condition.node.on.node);
        pricing.fragments.insert(name, price);
    }
    pricing.set(&operation.selection_set.node, catalogue.root(operation.ty)).within(LISTED)
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
            // The introspection schema, or an unknown type, which the validator reports.
            return Price { fixed: self.set(&field.selection_set.node, "").within(1).saturating_add(1), item: 0 };
        };
        let below = self.set(&field.selection_set.node, &shape.returns);
        let own = self.weight(field, shape).saturating_add(1);
        match (self.bound(field).or(shape.bound), shape.is_list) {
            // A page: the lists directly below it have the requested length.
            (Some(first), false) => Price { fixed: below.within(first).saturating_add(own), item: 0 },
            (Some(first), true) => {
                Price { fixed: below.within(LISTED).saturating_mul(first).saturating_add(own), item: 0 }
            }
            (None, false) => Price { fixed: below.within(LISTED).saturating_add(own), item: 0 },
            // A list in a page: as long as the page.
            (None, true) => Price { fixed: own, item: below.within(LISTED) },
        }
    }

    /// The weight of the field and of its input values.
    fn weight(&self, field: &Field, shape: &Shape) -> u64 {
        let mut weight = shape.weight;
        for (name, value) in &field.arguments {
            let Some(input) = shape.argument(&name.node) else { continue };
            if self.catalogue.is_weighed(&input.ty)
                && let Ok(given) =
                    value.node.clone().into_const_with(|name| self.variable(&name).or(Ok::<_, ()>(Value::Null)))
            {
                weight = weight.saturating_add(self.catalogue.weight_of(&input.ty, &given));
            }
        }
        weight
    }

    /// The length of the field's list, from its arguments.
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
        type Query { nodes(ids: [ID!]!): [Node]!, journey: Journey, journeys(first: Int! = 20, after: String): Journeys!, areas: [Area!]!,
            report(at: At): Journey }
        input At { day: String, known: String }
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

    const WEIGHTS: [(&str, u64); 2] = [("Query.report", 50), ("At.known", 1_000)];

    fn cost_with(query: &str, variables: serde_json::Value) -> u64 {
        let document = parse_query(query).expect("a document");
        let variables = Variables::from_json(variables);
        let fragments = innermost_first(&document.fragments).expect("no cycle");
        let DocumentOperations::Single(operation) = &document.operations else { panic!("one operation") };
        super::cost(&Catalogue::of(SDL, &WEIGHTS), &operation.node, &fragments, &variables)
    }

    fn cost(query: &str) -> u64 {
        cost_with(query, serde_json::json!({}))
    }

    #[test]
    fn a_field_counts_once_and_a_page_as_often_as_it_can_be_long() {
        assert_eq!(cost("{ journey { id } }"), 2);
        assert_eq!(cost("mutation { log(n: 3) { id } }"), 2);
        assert_eq!(cost("{ journeys { total } }"), 2);
        assert_eq!(cost("{ journeys { nodes { id } } }"), 2 + 20);
        assert_eq!(cost("{ journeys(first: 200) { total nodes { id } } }"), 3 + 200);
        assert_eq!(cost("{ journeys(first: 5) { edges { cursor node { id } } } }"), 2 + 5 * 3);
        assert_eq!(cost("{ journeys(first: 0) { nodes { id } } }"), 2);
    }

    #[test]
    fn a_list_without_a_bound_counts_as_ten() {
        assert_eq!(cost("{ areas { code } }"), 1 + 10);
        assert_eq!(cost("{ journey { contacts { on worker { id } } } }"), 2 + 10 * 3);
        assert_eq!(cost("{ journey { newest(last: 3) { on } } }"), 2 + 3);
        assert_eq!(cost("{ journey { newest { on } tags } }"), 3 + 10);
        assert_eq!(cost("{ nodes(ids: [1, 2, 3]) { id } }"), 1 + 3);
        let query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
        assert_eq!(cost_with(query, serde_json::json!({ "ids": vec!["x"; 200] })), 1 + 200);
    }

    #[test]
    fn expensive_fields_count_with_their_weight() {
        assert_eq!(cost("{ report { id } }"), 2 + 50);
        assert_eq!(cost("{ a: report { id } b: report { id } }"), 2 * (2 + 50));
        assert_eq!(cost("{ report(at: { day: \"x\" }) { id } }"), 2 + 50);
        assert_eq!(cost("{ report(at: { known: \"x\" }) { id } }"), 2 + 50 + 1_000);
        let query =
            "query($at: At, $known: String) { a: report(at: $at) { id } b: report(at: { known: $known }) { id } }";
        assert_eq!(cost_with(query, serde_json::json!({})), 2 * (2 + 50));
        let given = serde_json::json!({ "at": { "known": "x" }, "known": "y" });
        assert_eq!(cost_with(query, given), 2 * (2 + 50 + 1_000));
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
    fn a_fragment_costs_the_same_as_its_fields_written_out() {
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
    fn unknown_fields_count_as_written() {
        assert_eq!(cost("{ __schema { types { fields { name } } } __typename }"), 5);
        assert_eq!(cost("{ nothing { at { all } } ...Gone }"), 3);
    }
}
