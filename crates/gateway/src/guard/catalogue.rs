//! What the guard knows of the schema: its types as they are printed, and nothing else.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, DirectiveLocation, FieldDefinition, InputValueDefinition, OperationType, Type, TypeDefinition, TypeKind,
    TypeSystemDefinition,
};
use async_graphql::{Name, Positioned, Value};

use super::cost::{is_bound, length};

/// A place of the schema, such as `Contract.claims`, and what is dear about it in fields of an answer.
pub type Weight = (&'static str, u64);

/// The types of a schema, by name.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    outputs: HashMap<String, Output>,
    inputs: HashMap<String, InputType>,
    directives: HashMap<String, HashMap<String, Input>>,
    /// The directives that may stand at a field.
    of_fields: HashSet<String>,
    /// The types of queries, mutations and subscriptions.
    roots: [Option<String>; 3],
}

/// An object, an interface or a union.
#[derive(Debug, Default)]
struct Output {
    is_object: bool,
    fields: HashMap<String, Shape>,
    /// The interfaces that it implements, and the unions that it is a member of.
    within: HashSet<String>,
}

/// What a field gives, and what it takes.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) returns: String,
    pub(super) is_list: bool,
    /// The bound that holds where the field is given none.
    pub(super) bound: Option<u64>,
    /// What is dear about it, beside that it is a field.
    pub(super) weight: u64,
    arguments: HashMap<String, Input>,
}

/// A place that takes a value.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) ty: Type,
    pub(super) has_default: bool,
    /// What is dear about giving it.
    weight: u64,
}

/// A type of values that are given.
#[derive(Debug)]
pub(super) enum InputType {
    /// A scalar: the validator knows its values.
    Scalar,
    /// An enum: the validator knows its names, and takes a string for one.
    Enum,
    /// An input object with its fields.
    Object {
        fields: HashMap<String, Input>,
        /// Whether exactly one of them is given.
        is_one_of: bool,
    },
}

impl Catalogue {
    /// Reads the printed schema. What is dear is named as `Type.field`, a field of an answer or of an input object.
    pub(super) fn of(sdl: &str, weights: &[Weight]) -> Self {
        let mut catalogue = Self::read(sdl);
        for (place, weight) in weights {
            let (of, field) = place.split_once('.').expect("a field is named with its type");
            let output = catalogue.outputs.get_mut(of).and_then(|output| output.fields.get_mut(field));
            let input = match catalogue.inputs.get_mut(of) {
                Some(InputType::Object { fields, .. }) => fields.get_mut(field),
                _ => None,
            };
            match (output, input) {
                (Some(field), _) => field.weight = *weight,
                (None, Some(field)) => field.weight = *weight,
                (None, None) => panic!("{place} is no field of the schema"),
            }
        }
        catalogue
    }

    fn read(sdl: &str) -> Self {
        let document = parse_schema(sdl).expect("a printed schema can be read");
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

    /// A field of an object or an interface.
    pub(super) fn shape(&self, of: &str, field: &str) -> Option<&Shape> {
        self.outputs.get(of)?.fields.get(field)
    }

    /// A type of values that are given; none if there is no such type, or if it is one of answers.
    pub(super) fn input(&self, name: &str) -> Option<&InputType> {
        self.inputs.get(name)
    }

    /// Whether anything is dear about values of a type.
    pub(super) fn is_weighed(&self, ty: &Type) -> bool {
        match self.inputs.get(name_of(ty)) {
            Some(InputType::Object { fields, .. }) => fields.values().any(|field| field.weight > 0),
            _ => false,
        }
    }

    /// What is dear about a value of a type: about each field that it gives.
    pub(super) fn weight_of(&self, ty: &Type, given: &Value) -> u64 {
        let (Some(InputType::Object { fields, .. }), Value::Object(given)) = (self.inputs.get(name_of(ty)), given)
        else {
            return 0;
        };
        let dear = given.iter().filter(|(_, value)| **value != Value::Null);
        dear.filter_map(|(name, _)| Some(fields.get(name.as_str())?.weight)).fold(0, u64::saturating_add)
    }

    /// The arguments of a directive that may stand at a field; none if there is no such directive.
    pub(super) fn directive_of_fields(&self, directive: &str) -> Option<&HashMap<String, Input>> {
        self.directives.get(directive).filter(|_| self.of_fields.contains(directive))
    }

    /// An argument of a directive.
    pub(super) fn argument_of_directive(&self, directive: &str, argument: &str) -> Option<&Input> {
        self.directives.get(directive)?.get(argument)
    }

    /// Whether the type is one of objects, of which nothing is narrower.
    pub(super) fn is_object(&self, of: &str) -> bool {
        self.outputs.get(of).is_some_and(|output| output.is_object)
    }

    /// Whether the schema has such a type of answers.
    pub(super) fn is_output(&self, of: &str) -> bool {
        self.outputs.contains_key(of)
    }

    /// Whether whatever is of the first type is also of the second.
    pub(super) fn is_within(&self, of: &str, wider: &str) -> bool {
        of == wider || self.outputs.get(of).is_some_and(|output| output.within.contains(wider))
    }
}

/// The name at the heart of a type, whatever lists are around it.
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
