//! The input of a mutation as the client sent it, and how to find the field that a problem is about.
//!
//! Some maps in a payload are lists of names and values in the input. This module only translates paths. It judges
//! nothing.

use async_graphql::{Context, Value};

use throughline_domain::fact::path::{Path, Step};

/// For lists that are maps in a payload: the field that holds an entry's key and the field that holds its value.
const ENTRIES: [(&str, &str); 3] = [("name", "value"), ("month", "target"), ("year", "target")];

/// An input as the client sent it.
#[derive(Debug, Default)]
pub struct SentInput {
    input: Option<Value>,
    /// The path of the corrected fact's payload in the input.
    payload: Vec<String>,
}

impl SentInput {
    /// The input of the mutation being resolved.
    pub fn of(ctx: &Context<'_>) -> async_graphql::Result<Self> {
        let given = ctx.field().arguments()?.into_iter().find(|(name, _)| name == "input");
        Ok(Self { input: given.map(|(_, input)| input), payload: Vec::new() })
    }

    /// The same for a correction, whose payload is in this field of the replacement.
    #[must_use]
    pub fn replacing(self, field: &str) -> Self {
        Self { payload: vec!["replacement".to_owned(), field.to_owned()], ..self }
    }

    /// Translates a path in a payload into a path in the input.
    pub fn input_path(&self, path: &Path) -> Vec<String> {
        let mut walk = Walk { here: self.input.as_ref(), way: Vec::new() };
        let mut steps = path.0.as_slice();
        if let ([Step::Field(first), rest @ ..], false) = (steps, self.payload.is_empty())
            && first == "payload"
        {
            for field in &self.payload {
                walk.field(field);
            }
            steps = rest;
        }
        for step in steps {
            walk.step(step);
        }
        walk.way
    }
}

/// An entry of a list that is a map in a payload.
struct Entry<'a> {
    name: &'a str,
    index: usize,
    by: &'static str,
    value: &'static str,
}

impl Entry<'_> {
    /// The place of the entry's key.
    const fn key(&self) -> (usize, &'static str) {
        (self.index, self.by)
    }

    /// The place of the entry's value.
    const fn worth(&self) -> (usize, &'static str) {
        (self.index, self.value)
    }
}

/// The path followed so far.
struct Walk<'a> {
    here: Option<&'a Value>,
    way: Vec<String>,
}

impl<'a> Walk<'a> {
    fn step(&mut self, step: &Step) {
        match step {
            Step::Field(name) => self.field(&camel_case(name)),
            Step::At(index) => self.entry(*index),
            Step::Nth(nth) => self.side_of(self.entries().get(*nth).map(Entry::key)),
            Step::Name(name) => self.side_of(self.entries().iter().find(|one| one.name == name).map(Entry::key)),
            Step::Under(name) => self.side_of(self.entries().iter().find(|one| one.name == name).map(Entry::worth)),
        }
    }

    fn field(&mut self, name: &str) {
        self.here = match self.here {
            Some(Value::Object(fields)) => fields.get(name),
            _ => None,
        };
        self.way.push(name.to_owned());
    }

    /// GraphQL allows a list with one element to be sent without brackets.
    fn entry(&mut self, index: usize) {
        if let Some(Value::List(entries)) = self.here {
            self.here = entries.get(index);
            self.way.push(index.to_string());
        }
    }

    /// The entries of a list that is a map in a payload, in the payload's order, by key.
    fn entries(&self) -> Vec<Entry<'a>> {
        let entries = match self.here {
            Some(Value::List(entries)) => entries.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        let named = |(index, entry): (usize, &'a Value)| {
            let Value::Object(fields) = entry else { return None };
            ENTRIES.into_iter().find_map(|(by, value)| match fields.get(by) {
                Some(Value::String(name)) => Some(Entry { name, index, by, value }),
                _ => None,
            })
        };
        let mut entries: Vec<Entry<'a>> = entries.iter().enumerate().filter_map(named).collect();
        entries.sort_by_key(|entry| entry.name);
        entries
    }

    /// The key or value of an entry. If there is no such entry, the path ends at the list.
    fn side_of(&mut self, side: Option<(usize, &str)>) {
        if let Some((index, field)) = side {
            self.entry(index);
            self.field(field);
        }
    }
}

/// A payload's name in GraphQL spelling: `external_references` becomes `externalReferences`.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut name, word| {
        let mut letters = word.chars();
        name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        name.push_str(letters.as_str());
        name
    })
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;
    use throughline_domain::fact::path::{Name, Nth, Under};

    fn sent(input: Value) -> SentInput {
        SentInput { input: Some(input), payload: Vec::new() }
    }

    #[test]
    fn a_path_uses_the_spelling_of_the_input() {
        assert_eq!(camel_case("external_references"), "externalReferences");
        assert_eq!(camel_case("channel"), "channel");
        let given = sent(value!({ "externalReferences": [{ "system": "council", "id": "x" }] }));
        assert_eq!(given.input_path(&"external_references.0.id".into()), ["externalReferences", "0", "id"]);
        assert_eq!(given.input_path(&"occurred_on".into()), ["occurredOn"], "a field that was left out");
    }

    #[test]
    fn a_named_entry_is_found_at_its_place_in_the_input() {
        let spell = value!({ "attributes": [{ "name": "rent", "value": "7" }, { "name": "a.b", "value": "8" }] });
        let given = sent(spell.clone());
        assert_eq!(given.input_path(&Under("attributes", "a.b").into()), ["attributes", "1", "value"]);
        assert_eq!(given.input_path(&Name("attributes", "rent").into()), ["attributes", "0", "name"]);
        assert_eq!(
            given.input_path(&Nth("attributes", 0).into()),
            ["attributes", "1", "name"],
            "a payload is sorted by name"
        );
        assert_eq!(given.input_path(&Nth("attributes", 2).into()), ["attributes"]);
        assert_eq!(given.input_path(&Name("attributes", "unknown").into()), ["attributes"]);
        let given = sent(value!({ "series": [{ "months": { "month": "2018-01-15", "target": "1" } }] }));
        let month = Under("series.0.months", "2018-01-15");
        assert_eq!(
            given.input_path(&month.into()),
            ["series", "0", "months", "target"],
            "a single element without brackets"
        );
        let given = sent(value!({ "replacement": { "spell": spell } })).replacing("spell");
        let path = Path::from(Under("attributes", "rent")).beneath("payload");
        assert_eq!(given.input_path(&path), ["replacement", "spell", "attributes", "0", "value"]);
    }
}
