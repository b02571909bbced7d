//! Checks whether variables are allowed where they are used (rule 5.8.5 of the specification), whether input objects
//! are given as objects and enum values as names (rule 5.6.1), and whether `__typename` is requested like any other
//! field.
//!
//! The library implements the first rule but never applies it: a document with a bad variable runs until execution
//! reaches the variable. It accepts a string for an enum value, as JSON requires, and never checks `__typename`. Each
//! fragment is checked once, however often it is spread.

mod typename;

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    BaseType, Directive, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet, Type,
    VariableDefinition,
};
use async_graphql::{Name, Pos, Positioned, Value as Constant};
use async_graphql_value::Value;

use super::catalogue::{Catalogue, Input, InputType, name_of};
use super::{Refusal, shortened};

/// A variable at a place of use.
struct Usage<'a> {
    variable: &'a Name,
    pos: Pos,
    /// The type of the place.
    ty: &'a Type,
    has_default: bool,
    /// Whether the place is the single field of a `@oneOf` input object.
    is_the_one: bool,
    /// Whether the library never checks this place, so that an undeclared variable must be found here.
    is_overlooked: bool,
}

/// The variables and spreads of a definition.
#[derive(Default)]
struct Uses<'a> {
    variables: Vec<Usage<'a>>,
    spreads: Vec<&'a Name>,
    refusals: Vec<Refusal>,
}

/// Refuses variables that are not allowed at their place, in any operation, and values that should be input objects.
pub(super) fn check(catalogue: &Catalogue, document: &ExecutableDocument) -> Result<(), Vec<Refusal>> {
    let mut refusals = Vec::new();
    let mut fragments = HashMap::new();
    for (name, fragment) in &document.fragments {
        let fragment = &fragment.node;
        let mut uses = Uses::of(catalogue, &fragment.directives);
        uses.set(catalogue, &fragment.selection_set.node, &fragment.type_condition.node.on.node);
        refusals.append(&mut uses.refusals);
        fragments.insert(name, uses);
    }
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        refusals.extend(operation.variable_definitions.iter().filter_map(|of| is_no_input(catalogue, of)));
        refusals.extend(operation.variable_definitions.iter().filter_map(|of| has_a_string_for_a_name(catalogue, of)));
        let mut uses = Uses::of(catalogue, &operation.directives);
        uses.set(catalogue, &operation.selection_set.node, catalogue.root(operation.ty));
        refusals.append(&mut uses.refusals);
        let (mut waiting, mut seen) = (vec![&uses], HashSet::new());
        while let Some(uses) = waiting.pop() {
            refusals.extend(uses.variables.iter().filter_map(|usage| usage.refused(operation)));
            let spread = uses.spreads.iter().filter(|name| seen.insert(**name));
            waiting.extend(spread.filter_map(|name| fragments.get(*name)));
        }
    }
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

/// The fault of a variable's type: it must be an input type.
fn is_no_input(catalogue: &Catalogue, definition: &Positioned<VariableDefinition>) -> Option<Refusal> {
    let ty = &definition.node.var_type.node;
    if catalogue.input(name_of(ty)).is_some() {
        return None;
    }
    let name = shortened(&definition.node.name.node);
    let message = format!("variable ${name} must have an input type, and {} is not one", shortened(&ty.to_string()));
    Some(Refusal::Invalid { message, at: vec![definition.pos] })
}

/// The fault of a variable's default: in the document an enum value must not be a string.
fn has_a_string_for_a_name(catalogue: &Catalogue, definition: &Positioned<VariableDefinition>) -> Option<Refusal> {
    let default = definition.node.default_value.as_ref()?;
    let name = string_for_a_name(catalogue, &default.node, &definition.node.var_type.node)?;
    Some(Refusal::Invalid { message: no_string(&name), at: vec![default.pos] })
}

/// The enum for which a value has a string instead of a name, if there is one.
fn string_for_a_name(catalogue: &Catalogue, value: &Constant, ty: &Type) -> Option<String> {
    match (value, &ty.base) {
        (Constant::List(values), BaseType::List(item)) => {
            values.iter().find_map(|value| string_for_a_name(catalogue, value, item))
        }
        (value, BaseType::List(item)) => string_for_a_name(catalogue, value, item),
        (value, BaseType::Named(name)) => match (catalogue.input(name)?, value) {
            (InputType::Enum, Constant::String(_)) => Some(name.to_string()),
            (InputType::Object { fields, .. }, Constant::Object(given)) => given.iter().find_map(|(name, value)| {
                let field = fields.get(name.as_str())?;
                string_for_a_name(catalogue, value, &field.ty)
            }),
            _ => None,
        },
    }
}

fn no_string(of: &str) -> String {
    format!("{of} is an enum: write its name without quotation marks")
}

impl<'a> Uses<'a> {
    fn of(catalogue: &'a Catalogue, directives: &'a [Positioned<Directive>]) -> Self {
        let mut uses = Self::default();
        uses.directives(catalogue, directives);
        uses
    }

    fn set(&mut self, catalogue: &'a Catalogue, set: &'a SelectionSet, of: &str) {
        for selection in &set.items {
            let is_typename =
                matches!(&selection.node, Selection::Field(field) if field.node.name.node == typename::NAME);
            if !is_typename {
                self.directives(catalogue, selection.node.directives());
            }
            match &selection.node {
                Selection::Field(field) => self.field(catalogue, &field.node, of),
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let of = condition.map_or(of, |condition| condition.node.on.node.as_str());
                    self.set(catalogue, &inline.node.selection_set.node, of);
                }
                Selection::FragmentSpread(spread) => self.spreads.push(&spread.node.fragment_name.node),
            }
        }
    }

    fn field(&mut self, catalogue: &'a Catalogue, field: &'a Field, of: &str) {
        if field.name.node == typename::NAME {
            return self.typename(catalogue, field);
        }
        let shape = catalogue.shape(of, &field.name.node);
        for (name, value) in &field.arguments {
            if let Some(input) = shape.and_then(|shape| shape.argument(&name.node)) {
                self.value(catalogue, &value.node, name.pos, input);
            }
        }
        self.set(catalogue, &field.selection_set.node, shape.map_or("", |shape| &shape.returns));
    }

    fn directives(&mut self, catalogue: &'a Catalogue, directives: &'a [Positioned<Directive>]) {
        for directive in directives {
            for (name, value) in &directive.node.arguments {
                let input = catalogue.argument_of_directive(&directive.node.name.node, &name.node);
                if let Some(input) = input {
                    self.value(catalogue, &value.node, name.pos, input);
                }
            }
        }
    }

    fn value(&mut self, catalogue: &'a Catalogue, value: &'a Value, pos: Pos, input: &'a Input) {
        let place = Place { ty: &input.ty, has_default: input.has_default, is_the_one: false };
        self.at(catalogue, value, pos, place);
    }

    fn at(&mut self, catalogue: &'a Catalogue, value: &'a Value, pos: Pos, place: Place<'a>) {
        let Place { ty, has_default, is_the_one } = place;
        let item = |ty| Place { ty, has_default: false, is_the_one: false };
        match (value, &ty.base) {
            (Value::Variable(variable), _) => {
                self.variables.push(Usage { variable, pos, ty, has_default, is_the_one, is_overlooked: false });
            }
            (Value::List(values), BaseType::List(ty)) => {
                for value in values {
                    self.at(catalogue, value, pos, item(ty));
                }
            }
            // A single value counts as a list with one item.
            (Value::Object(_) | Value::String(_), BaseType::List(ty)) => self.at(catalogue, value, pos, item(ty)),
            (Value::Null, _) | (_, BaseType::List(_)) => {}
            (Value::String(_), BaseType::Named(name)) if matches!(catalogue.input(name), Some(InputType::Enum)) => {
                self.refusals.push(Refusal::Invalid { message: no_string(name), at: vec![pos] });
            }
            (given, BaseType::Named(name)) => {
                let Some(InputType::Object { fields, is_one_of }) = catalogue.input(name) else { return };
                let Value::Object(given) = given else {
                    let message = format!("{name} is an input object: write it in braces, with its fields");
                    self.refusals.push(Refusal::Invalid { message, at: vec![pos] });
                    return;
                };
                for (name, value) in given {
                    let Some(field) = fields.get(name.as_str()) else { continue };
                    let place = Place { ty: &field.ty, has_default: field.has_default, is_the_one: *is_one_of };
                    self.at(catalogue, value, pos, place);
                }
            }
        }
    }
}

/// A place for an input value.
#[derive(Clone, Copy)]
struct Place<'a> {
    ty: &'a Type,
    has_default: bool,
    is_the_one: bool,
}

impl Usage<'_> {
    /// Why the variable, as declared by the operation, is not allowed here; none if it is allowed or not declared.
    fn refused(&self, operation: &OperationDefinition) -> Option<Refusal> {
        let declared = operation.variable_definitions.iter().find(|of| of.node.name.node == *self.variable);
        let Some(declared) = declared else {
            let message = format!("variable ${} is not declared: declare it with its type", shortened(self.variable));
            return self.is_overlooked.then(|| Refusal::Invalid { message, at: vec![self.pos] });
        };
        let ty = &declared.node.var_type.node;
        let default = declared.node.default_value.as_ref();
        let has_default = self.has_default || default.is_some_and(|default| default.node != Constant::Null);
        let fits = if self.is_the_one {
            !ty.nullable && fits_base(&ty.base, &self.ty.base)
        } else if ty.nullable && !self.ty.nullable {
            has_default && fits_base(&ty.base, &self.ty.base)
        } else {
            fits_base(&ty.base, &self.ty.base)
        };
        if fits {
            return None;
        }
        let expected = if self.is_the_one { format!("{}!", self.ty.base) } else { self.ty.to_string() };
        let message = format!(
            "variable ${} is {} but is used where {expected} is expected: declare it as that",
            shortened(self.variable),
            shortened(&ty.to_string()),
        );
        Some(Refusal::Invalid { message, at: vec![declared.pos, self.pos] })
    }
}

/// Whether every value of the first type is allowed at a place of the second.
fn fits(ty: &Type, place: &Type) -> bool {
    (place.nullable || !ty.nullable) && fits_base(&ty.base, &place.base)
}

fn fits_base(ty: &BaseType, place: &BaseType) -> bool {
    match (ty, place) {
        (BaseType::Named(ty), BaseType::Named(place)) => ty == place,
        (BaseType::List(ty), BaseType::List(place)) => fits(ty, place),
        _ => false,
    }
}
