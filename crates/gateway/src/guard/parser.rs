//! The parser of the GraphQL specification of September 2025. Its output uses the library's types.
//!
//! The library's parser refuses some valid documents and accepts some invalid ones; see docs/upstream/. Recursion
//! follows the brackets of the text, which were counted before. Never call it with a text whose nesting is not bounded.

use std::collections::{HashMap, HashSet};

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    BaseType, Directive, DocumentOperations, ExecutableDocument, Field, FragmentDefinition, FragmentSpread,
    InlineFragment, OperationDefinition, OperationType, Selection, SelectionSet, Type, TypeCondition,
    VariableDefinition,
};
use async_graphql::{Name, Pos, Positioned};
use async_graphql_value::{ConstValue, Value};

use super::lexer::{Lexer, Token, syntax};
use super::{Refusal, shortened};

type Read<T> = Result<T, Refusal>;
/// The arguments of a field or directive, in their order.
type Arguments = Vec<(Positioned<Name>, Positioned<Value>)>;

/// Parses a whole document.
pub(super) fn parse(text: &str) -> Read<ExecutableDocument> {
    let mut parser = Parser::new(text)?;
    let mut document = Definitions::default();
    while parser.token != Token::End {
        parser.definition(&mut document)?;
    }
    let document = document.into_document(parser.pos)?;
    match parser.given_twice {
        Some(refusal) => Err(refusal),
        None => Ok(document),
    }
}

/// The definitions of a document read so far.
#[derive(Default)]
struct Definitions {
    nameless: Option<Positioned<OperationDefinition>>,
    named: HashMap<Name, Positioned<OperationDefinition>>,
    fragments: HashMap<Name, Positioned<FragmentDefinition>>,
}

impl Definitions {
    fn add_operation(&mut self, name: Option<Name>, operation: Positioned<OperationDefinition>) -> Read<()> {
        let pos = operation.pos;
        let taken = match name {
            None => {
                self.nameless.replace(operation).map(|first| (first.pos, "several operations without a name".into()))
            }
            Some(name) => {
                let message = format!("operation {} is defined twice", shortened(&name));
                self.named.insert(name, operation).map(|first| (first.pos, message))
            }
        };
        match taken {
            Some((first, message)) => {
                Err(Refusal::Invalid { message: format!("{message}: give each its own name"), at: vec![first, pos] })
            }
            None => Ok(()),
        }
    }

    fn add_fragment(&mut self, name: Name, fragment: Positioned<FragmentDefinition>) -> Read<()> {
        let (pos, message) =
            (fragment.pos, format!("fragment {} is defined twice: give each its own name", shortened(&name)));
        match self.fragments.insert(name, fragment) {
            Some(first) => Err(Refusal::Invalid { message, at: vec![first.pos, pos] }),
            None => Ok(()),
        }
    }

    fn into_document(self, end: Pos) -> Read<ExecutableDocument> {
        let operations = match (self.nameless, self.named) {
            (Some(only), named) if named.is_empty() => DocumentOperations::Single(only),
            (Some(nameless), _) => {
                let message = "an operation without a name must be the only one: name them all".to_owned();
                return Err(Refusal::Invalid { message, at: vec![nameless.pos] });
            }
            (None, named) if !named.is_empty() => DocumentOperations::Multiple(named),
            (None, _) if self.fragments.is_empty() => {
                return Err(syntax(end, "expected a query, a mutation or a subscription"));
            }
            (None, _) => {
                let message = "the document has no operation: add a query or a mutation".to_owned();
                return Err(Refusal::Operation { message });
            }
        };
        Ok(ExecutableDocument { operations, fragments: self.fragments })
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// The current token and its position.
    token: Token<'a>,
    pos: Pos,
    /// The first argument or input field that is given twice. It is reported only if the rest of the document is valid.
    given_twice: Option<Refusal>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Read<Self> {
        let mut lexer = Lexer::new(text);
        let (token, pos) = lexer.next()?;
        Ok(Self { lexer, token, pos, given_twice: None })
    }

    /// Takes the current token and reads the next.
    fn take(&mut self) -> Read<Token<'a>> {
        let (token, pos) = self.lexer.next()?;
        self.pos = pos;
        Ok(std::mem::replace(&mut self.token, token))
    }

    fn is_sign(&self, sign: char) -> bool {
        self.token == Token::Sign(sign)
    }

    /// Takes a punctuator if it is the current token.
    fn takes(&mut self, sign: char) -> Read<bool> {
        let is_next = self.is_sign(sign);
        if is_next {
            self.take()?;
        }
        Ok(is_next)
    }

    fn expect(&mut self, sign: char) -> Read<()> {
        if self.takes(sign)? { Ok(()) } else { Err(syntax(self.pos, &format!("expected {sign}"))) }
    }

    fn name(&mut self) -> Read<Positioned<Name>> {
        let pos = self.pos;
        match self.token {
            Token::Name(name) => {
                self.take()?;
                Ok(Positioned::new(Name::new(name), pos))
            }
            _ => Err(syntax(pos, "expected name")),
        }
    }

    /// One or more items between two punctuators.
    fn between<T>(&mut self, open: char, close: char, mut read: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        self.expect(open)?;
        let mut all = vec![read(self)?];
        while !self.takes(close)? {
            all.push(read(self)?);
        }
        Ok(all)
    }

    fn definition(&mut self, document: &mut Definitions) -> Read<()> {
        let described = matches!(self.token, Token::Text(_));
        if described {
            self.take()?;
        }
        let pos = self.pos;
        match self.token {
            Token::Sign('{') if !described => {
                let selection_set = self.selection_set()?;
                let (variable_definitions, directives) = (Vec::new(), Vec::new());
                let ty = OperationType::Query;
                let operation = OperationDefinition { ty, variable_definitions, directives, selection_set };
                document.add_operation(None, Positioned::new(operation, pos))
            }
            Token::Name("query") => self.operation(OperationType::Query, document),
            Token::Name("mutation") => self.operation(OperationType::Mutation, document),
            Token::Name("subscription") => self.operation(OperationType::Subscription, document),
            Token::Name("fragment") => self.fragment_definition(document),
            _ => Err(syntax(pos, "expected a query, a mutation, a subscription or a fragment")),
        }
    }

    fn operation(&mut self, ty: OperationType, document: &mut Definitions) -> Read<()> {
        let pos = self.pos;
        self.take()?;
        let name = if let Token::Name(_) = self.token { Some(self.name()?.node) } else { None };
        let variable_definitions =
            if self.is_sign('(') { self.between('(', ')', Self::variable_definition)? } else { Vec::new() };
        let directives = self.directives()?;
        let selection_set = self.selection_set()?;
        let operation = OperationDefinition { ty, variable_definitions, directives, selection_set };
        document.add_operation(name, Positioned::new(operation, pos))
    }

    fn fragment_definition(&mut self, document: &mut Definitions) -> Read<()> {
        let pos = self.pos;
        self.take()?;
        if self.token == Token::Name("on") {
            return Err(syntax(self.pos, "a fragment must not be named on"));
        }
        let name = self.name()?.node;
        let Some(type_condition) = self.type_condition()? else { return Err(syntax(self.pos, "expected on")) };
        let directives = self.directives()?;
        let selection_set = self.selection_set()?;
        let fragment = FragmentDefinition { type_condition, directives, selection_set };
        document.add_fragment(name, Positioned::new(fragment, pos))
    }

    fn type_condition(&mut self) -> Read<Option<Positioned<TypeCondition>>> {
        let pos = self.pos;
        if self.token != Token::Name("on") {
            return Ok(None);
        }
        self.take()?;
        Ok(Some(Positioned::new(TypeCondition { on: self.name()? }, pos)))
    }

    fn variable_definition(&mut self) -> Read<Positioned<VariableDefinition>> {
        if let Token::Text(_) = self.token {
            self.take()?;
        }
        let pos = self.pos;
        self.expect('$')?;
        let name = self.name()?;
        self.expect(':')?;
        let at = self.pos;
        let var_type = Positioned::new(self.type_of()?, at);
        let default_value = if self.takes('=')? { Some(self.constant()?) } else { None };
        let directives = self.directives()?;
        Ok(Positioned::new(VariableDefinition { name, var_type, directives, default_value }, pos))
    }

    fn variable(&mut self) -> Read<Positioned<Name>> {
        let pos = self.pos;
        self.expect('$')?;
        Ok(Positioned::new(self.name()?.node, pos))
    }

    fn type_of(&mut self) -> Read<Type> {
        let base = if self.takes('[')? {
            let item = self.type_of()?;
            self.expect(']')?;
            BaseType::List(Box::new(item))
        } else {
            BaseType::Named(self.name()?.node)
        };
        Ok(Type { base, nullable: !self.takes('!')? })
    }

    fn directives(&mut self) -> Read<Vec<Positioned<Directive>>> {
        let mut all = Vec::new();
        while self.is_sign('@') {
            let pos = self.pos;
            self.take()?;
            let (name, arguments) = (self.name()?, self.arguments()?);
            all.push(Positioned::new(Directive { name, arguments }, pos));
        }
        Ok(all)
    }

    fn arguments(&mut self) -> Read<Arguments> {
        if !self.is_sign('(') {
            return Ok(Vec::new());
        }
        let arguments = self.between('(', ')', |parser| {
            let name = parser.name()?;
            parser.expect(':')?;
            Ok((name, parser.value()?))
        })?;
        let mut names = HashSet::new();
        for (name, _) in &arguments {
            if !names.insert(&name.node) {
                self.given_twice.get_or_insert_with(|| given_twice("argument", name));
            }
        }
        Ok(arguments)
    }

    fn selection_set(&mut self) -> Read<Positioned<SelectionSet>> {
        let pos = self.pos;
        let items = self.between('{', '}', Self::selection)?;
        Ok(Positioned::new(SelectionSet { items }, pos))
    }

    fn selection(&mut self) -> Read<Positioned<Selection>> {
        let pos = self.pos;
        if self.token != Token::Spread {
            let field = self.field()?;
            return Ok(Positioned::new(Selection::Field(Positioned::new(field, pos)), pos));
        }
        self.take()?;
        let is_spread = matches!(self.token, Token::Name(name) if name != "on");
        let selection = if is_spread {
            let (fragment_name, directives) = (self.name()?, self.directives()?);
            Selection::FragmentSpread(Positioned::new(FragmentSpread { fragment_name, directives }, pos))
        } else {
            let (type_condition, directives) = (self.type_condition()?, self.directives()?);
            let selection_set = self.selection_set()?;
            let fragment = InlineFragment { type_condition, directives, selection_set };
            Selection::InlineFragment(Positioned::new(fragment, pos))
        };
        Ok(Positioned::new(selection, pos))
    }

    fn field(&mut self) -> Read<Field> {
        let first = self.name()?;
        let (alias, name) = if self.takes(':')? { (Some(first), self.name()?) } else { (None, first) };
        let arguments = self.arguments()?;
        let directives = self.directives()?;
        let selection_set = if self.is_sign('{') { self.selection_set()? } else { Positioned::default() };
        Ok(Field { alias, name, arguments, directives, selection_set })
    }

    fn value(&mut self) -> Read<Positioned<Value>> {
        let pos = self.pos;
        let value = match &self.token {
            Token::Sign('$') => return Ok(self.variable()?.map(Value::Variable)),
            Token::Sign('[') => {
                self.take()?;
                let mut items = Vec::new();
                while !self.takes(']')? {
                    items.push(self.value()?.node);
                }
                return Ok(Positioned::new(Value::List(items), pos));
            }
            Token::Sign('{') => return Ok(Positioned::new(self.object()?, pos)),
            Token::Number(number) => Value::Number(number.clone()),
            Token::Text(text) => Value::String(text.clone()),
            Token::Name("true") => Value::Boolean(true),
            Token::Name("false") => Value::Boolean(false),
            Token::Name("null") => Value::Null,
            Token::Name(word) => Value::Enum(Name::new(word)),
            _ => return Err(syntax(pos, "expected a value")),
        };
        self.take()?;
        Ok(Positioned::new(value, pos))
    }

    fn object(&mut self) -> Read<Value> {
        self.expect('{')?;
        let mut fields = IndexMap::new();
        while !self.takes('}')? {
            let name = self.name()?;
            self.expect(':')?;
            let value = self.value()?.node;
            if fields.insert(name.node.clone(), value).is_some() {
                self.given_twice.get_or_insert_with(|| given_twice("input field", &name));
            }
        }
        Ok(Value::Object(fields))
    }

    /// A value without variables.
    fn constant(&mut self) -> Read<Positioned<ConstValue>> {
        let value = self.value()?;
        let pos = value.pos;
        let constant = value.node.into_const().ok_or_else(|| syntax(pos, "a default must not contain a variable"))?;
        Ok(Positioned::new(constant, pos))
    }
}

/// Two values under one name are refused, because it is unclear which was meant.
fn given_twice(what: &str, name: &Positioned<Name>) -> Refusal {
    let message = format!("{what} {} is given twice: give it once", shortened(&name.node));
    Refusal::Invalid { message, at: vec![name.pos] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_documents_are_read_as_the_library_reads_them() {
        for text in [
            include_str!("introspection.graphql"),
            "query A($a: [Int!]! = [1, 2], $b: B = { c: \"d\", e: [X, null, true] }) @d(x: $a) { f(g: $b) @h { i } ...J \
             ... on K { l } ... { m } ... @n { o: p } } fragment J on Q @r { s } mutation T { u(v: -1.5e3, w: {}) }",
        ] {
            let ours = parse(text).expect("a document");
            let theirs = async_graphql::parser::parse_query(text).expect("a document");
            for (name, operation) in theirs.operations.iter() {
                let same = ours.operations.iter().find(|(other, _)| *other == name).expect("the same operation").1;
                assert_eq!(format!("{same:?}"), format!("{operation:?}"));
            }
            assert_eq!(ours.fragments.len(), theirs.fragments.len());
            for (name, fragment) in &theirs.fragments {
                assert_eq!(format!("{:?}", ours.fragments[name]), format!("{fragment:?}"));
            }
        }
    }

    #[test]
    fn valid_documents_that_the_library_refuses_are_read() {
        for text in [
            "query($ids: [ ID ! ] !) { a }",
            "query($n: Int = 3 @d) { a }",
            "\"what it is for\" query A(\"which\" $n: Int) { a } \"\"\"of which\"\"\" fragment F on # here\n Q { b }",
            "{ a(x: trueish, y: [nullable, falsehood], on: on, fragment: query) }",
            "{ query: mutation fragment on type ... on on { on } }",
        ] {
            assert!(parse(text).is_ok(), "{text}: {:?}", parse(text).err());
        }
    }

    #[test]
    fn invalid_documents_are_refused() {
        for text in [
            "queryA { a }",
            "fragmentF on Q { a }",
            "{ a } extend type Q { b: Int }",
            "query() { a }",
            "{ a() }",
            "{ }",
            "{ a { } }",
            "fragment on on Q { a }",
            "{ a } fragment F { b }",
            "{ ...on }",
            "{ a(x: [1.2.3]) }",
            "{ a(x: [00]) }",
            "{ a(x: $) }",
            "query($a: Int = $b) { a }",
            "\"described\" { a }",
            "{ a } }",
            "{ a ? }",
            "{ a .. }",
        ] {
            assert!(matches!(parse(text), Err(Refusal::Syntax { .. })), "{text}: {:?}", parse(text));
        }
    }
}
