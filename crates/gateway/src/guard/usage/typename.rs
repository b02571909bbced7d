//! Checks `__typename`: it takes no arguments and has no fields, and its directives must be allowed at fields, each
//! once, with their declared arguments.

use async_graphql::parser::types::{BaseType, Directive, Field};
use async_graphql::{Pos, Positioned};
use async_graphql_value::Value;

use super::{Refusal, Usage, Uses, shortened};
use crate::guard::catalogue::{Catalogue, Input};

/// The field that every type has.
pub(super) const NAME: &str = "__typename";

impl<'a> Uses<'a> {
    /// The faults of a `__typename` field, and the variables used in it.
    pub(super) fn typename(&mut self, catalogue: &'a Catalogue, field: &'a Field) {
        let mut refuse = |message: &str, pos| self.refusals.push(invalid(message.to_owned(), pos));
        if let Some((argument, _)) = field.arguments.first() {
            refuse("__typename takes no argument: leave it out", argument.pos);
        }
        if let Some(below) = field.selection_set.node.items.first() {
            refuse("__typename is a name and has no fields: leave them out", below.pos);
        }
        for (at, directive) in field.directives.iter().enumerate() {
            let name = &directive.node.name.node;
            if field.directives[..at].iter().any(|other| other.node.name.node == *name) {
                let message = format!("@{} is used twice here: use it once", shortened(name));
                self.refusals.push(invalid(message, directive.pos));
            }
            if let Some(arguments) = catalogue.directive_of_fields(name) {
                self.arguments(directive, arguments);
            } else {
                let message = format!("there is no directive @{} for fields: leave it out", shortened(name));
                self.refusals.push(invalid(message, directive.pos));
            }
        }
    }

    fn arguments(&mut self, directive: &'a Positioned<Directive>, taken: &'a std::collections::HashMap<String, Input>) {
        let given = &directive.node.arguments;
        let shown = shortened(&directive.node.name.node);
        for (at, (name, value)) in given.iter().enumerate() {
            if given[..at].iter().any(|(other, _)| other.node == name.node) {
                let message = format!("{} of @{shown} is given twice: give it once", shortened(&name.node));
                self.refusals.push(invalid(message, name.pos));
            }
            let Some(Input { ty, has_default, .. }) = taken.get(name.node.as_str()) else {
                let message = format!("@{shown} has no argument {}: leave it out", shortened(&name.node));
                self.refusals.push(invalid(message, name.pos));
                continue;
            };
            let is_boolean = matches!(&ty.base, BaseType::Named(name) if name == "Boolean");
            match &value.node {
                Value::Variable(variable) => {
                    let (pos, has_default) = (name.pos, *has_default);
                    let (is_the_one, is_overlooked) = (false, true);
                    self.variables.push(Usage { variable, pos, ty, has_default, is_the_one, is_overlooked });
                }
                Value::Boolean(_) => {}
                Value::Null if ty.nullable => {}
                _ if is_boolean => {
                    let message = format!("{} of @{shown} is true, false or a variable", shortened(&name.node));
                    self.refusals.push(invalid(message, value.pos));
                }
                _ => {}
            }
        }
        let is_needed = |input: &Input| !input.ty.nullable && !input.has_default;
        let is_given = |name: &str| given.iter().any(|(given, _)| given.node == name);
        let mut missing: Vec<_> =
            taken.iter().filter(|(name, input)| is_needed(input) && !is_given(name)).map(|(name, _)| name).collect();
        missing.sort_unstable();
        if let Some(name) = missing.first() {
            self.refusals.push(invalid(format!("@{shown} needs its argument {name}"), directive.pos));
        }
    }
}

fn invalid(message: String, pos: Pos) -> Refusal {
    Refusal::Invalid { message, at: vec![pos] }
}
