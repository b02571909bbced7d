//! The guard's view of the schema: the types of the printed schema.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, DirectiveLocation, FieldDefinition, InputValueDefinition, OperationType, Type, TypeDefinition, TypeKind,
    TypeSystemDefinition,
};
use async_graphql::{Name, Positioned, Value};

use super::cost::{is_bound, length};

/// A place in the schema, such as `Contract.claims`, and its extra cost in fields.
pub type Weight = (&'static str, u64);

/// The types of a schema, by name.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    outputs: HashMap<String, Output>,
    inputs: HashMap<String, InputType>,
    directives: HashMap<String, HashMap<String, Input>>,
    /// The directives allowed at a field.
    of_fields: HashSet<String>,
    /// The root types of queries, mutations and subscriptions.
    roots: [Option<String>; 3],
}

/// An object, an interface or a union.
#[derive(Debug, Default)]
struct Output {
    is_object: bool,
    fields: HashMap<String, Shape>,
    /// The interfaces that it implements and the unions that it belongs to.
    within: HashSet<String>,
}

/// The type and the arguments of a field.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) returns: String,
    pub(super) is_list: bool,
    /// The default of the argument that bounds the list.
    pub(super) bound: Option<u64>,
    /// The extra cost of the field.
    pub(super) weight: u64,
    arguments: HashMap<String, Input>,
}

/// A place for an input value: an argument or an input field.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) ty: Type,
    pub(super) has_default: bool,
    /// The extra cost of giving a value.
    weight: u64,
}

/// An input type.
#[derive(Debug)]
pub(super) enum InputType {
    /// A scalar. The validator checks its values.
    Scalar,
    /// An enum. The validator checks its names, and accepts strings as names.
    Enum,
    /// An input object with its fields.
    Object {
        fields: HashMap<String, Input>,
        /// Whether exactly one field must be given.
        is_one_of: bool,
    },
}

impl Catalogue {
    /// Reads the printed schema. A weight names `Type.field`, of an output or input type.
    pub(super) fn of(sdl: &str, weights: &[Weight]) -> Self {
        let mut catalogue = Self::read(sdl);
        for (place, weight) in weights {
            let (of, field) = place.split_once('.').expect("a weight is named Type.field");
            let output = catalogue.outputs.get_mut(of).and_then(|output| output.fields.get_mut(field));
            let input = match catalogue.inputs.get_mut(of) {
                Some(InputType::Object { fields, .. }) => fields.get_mut(field),
                _ => None,
            };
            match (output, input) {
                (Some(field), _) => field.weight = *weight,
                (None, Some(field)) => field.weight = *weight,
                (None, None) => panic!("{place} is not a field of the schema"),
            }
        }
        catalogue
    }

    fn read(sdl: &str) -> Self {
        let document = parse_schema(sdl).expect("a printed schema parses");
        let mut catalogue = Self::default();
        for scalar in ["Int", "Float", "String", "Boolean", "ID"] {
            catalogue.inputs.insert(scalar.to_owned(), InputType::Scalar);
        }
        for condition in ["include", "skip"] {
            let ty = Type::new("Boolean!").expect("a type");
            let condition_of = HashMap::from([("if".to_owned(), Input { ty, has_default: false, weight: 0 })]);
            catalogue.directives.insert(condition.to_owned(), condition_of);
            catalogue.of_fields.insert(condition.to_owned());
        }
        for definition in document.definitions {
            match definition {
                TypeSystemDefinition::Schema(schema) => {
                    let schema = schema.node;
                    catalogue.roots = [schema.query, schema.mutation, schema.subscription]
                        .map(|root| root.map(|name| name.node.to_string()));
                }
                TypeSystemDefinition::Type(of) => catalogue.add(of.node),
                TypeSystemDefinition::Directive(of) => {
                    if of.node.locations.iter().any(|place| place.node == DirectiveLocation::Field) {
                        catalogue.of_fields.insert(of.node.name.node.to_string());
                    }
                    let arguments = of.node.arguments.iter().map(|argument| Input::named(&argument.node));
                    catalogue.directives.insert(of.node.name.node.to_string(), arguments.collect());
                }
            }
        }
        catalogue
    }

    fn add(&mut self, of: TypeDefinition) {
        let name = of.name.node.to_string();
        match of.kind {
            TypeKind::Object(object) => self.add_output(name, true, &object.fields, object.implements),
            TypeKind::Interface(interface) => self.add_output(name, false, &interface.fields, interface.implements),
            TypeKind::Union(union) => {
                for member in union.members {
                    self.outputs.entry(member.node.to_string()).or_default().within.insert(name.clone());
                }
                self.outputs.entry(name).or_default();
            }
            TypeKind::Scalar => drop(self.inputs.insert(name, InputType::Scalar)),
            TypeKind::Enum(_) => drop(self.inputs.insert(name, InputType::Enum)),
            TypeKind::InputObject(object) => {
                let is_one_of = of.directives.iter().any(|directive| directive.node.name.node == "oneOf");
                let fields = object.fields.iter().map(|field| Input::named(&field.node)).collect();
                self.inputs.insert(name, InputType::Object { fields, is_one_of });
            }
        }
    }

    fn add_output(
        &mut self,
        name: String,
        is_object: bool,
        fields: &[Positioned<FieldDefinition>],
        implements: Vec<Positioned<Name>>,
    ) {
        let output = self.outputs.entry(name).or_default();
        output.is_object = is_object;
        output.fields = fields.iter().map(|field| (field.node.name.node.to_string(), Shape::of(&field.node))).collect();
        output.within.extend(implements.into_iter().map(|interface| interface.node.to_string()));
    }

    /// The root type of an operation type; empty if there is none.
    pub(super) fn root(&self, of: OperationType) -> &str {
        let [query, mutation, subscription] = &self.roots;
        let root = match of {
            OperationType::Query => query,
            OperationType::Mutation => mutation,
            OperationType::Subscription => subscription,
        };
        root.as_deref().unwrap_or_default()
    }

    /// A field of an object or an interface.
    pub(super) fn shape(&self, of: &str, field: &str) -> Option<&Shape> {
        self.outputs.get(of)?.fields.get(field)
    }

    /// An input type; none if the type does not exist or is an output type.
    pub(super) fn input(&self, name: &str) -> Option<&InputType> {
        self.inputs.get(name)
    }

    /// Whether values of a type have an extra cost.
    pub(super) fn is_weighed(&self, ty: &Type) -> bool {
        match self.inputs.get(name_of(ty)) {
            Some(InputType::Object { fields, .. }) => fields.values().any(|field| field.weight > 0),
            _ => false,
        }
    }

    /// The extra cost of a value: the sum over the fields that it gives.
    pub(super) fn weight_of(&self, ty: &Type, given: &Value) -> u64 {
        let (Some(InputType::Object { fields, .. }), Value::Object(given)) = (self.inputs.get(name_of(ty)), given)
        else {
            return 0;
        };
        let dear = given.iter().filter(|(_, value)| **value != Value::Null);
        dear.filter_map(|(name, _)| Some(fields.get(name.as_str())?.weight)).fold(0, u64::saturating_add)
    }

    /// The arguments of a directive allowed at a field; none if there is no such directive.
    pub(super) fn directive_of_fields(&self, directive: &str) -> Option<&HashMap<String, Input>> {
        self.directives.get(directive).filter(|_| self.of_fields.contains(directive))
    }

    /// An argument of a directive.
    pub(super) fn argument_of_directive(&self, directive: &str, argument: &str) -> Option<&Input> {
        self.directives.get(directive)?.get(argument)
    }

    /// Whether the type is an object type, which has no subtypes.
    pub(super) fn is_object(&self, of: &str) -> bool {
        self.outputs.get(of).is_some_and(|output| output.is_object)
    }

    /// Whether the schema has an output type with this name.
    pub(super) fn is_output(&self, of: &str) -> bool {
        self.outputs.contains_key(of)
    }

    /// Whether every object of the first type is also of the second.
    pub(super) fn is_within(&self, of: &str, wider: &str) -> bool {
        of == wider || self.outputs.get(of).is_some_and(|output| output.within.contains(wider))
    }
}

/// The named type inside all lists.
pub(super) fn name_of(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(item) => name_of(item),
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
        let arguments = field.arguments.iter().map(|argument| Input::named(&argument.node)).collect();
        Self { returns, is_list, bound, weight: 0, arguments }
    }

    /// An argument of the field.
    pub(super) fn argument(&self, name: &str) -> Option<&Input> {
        self.arguments.get(name)
    }
}

impl Input {
    fn named(value: &InputValueDefinition) -> (String, Self) {
        let input = Self { ty: value.ty.node.clone(), has_default: value.default_value.is_some(), weight: 0 };
        (value.name.node.to_string(), input)
    }
}
