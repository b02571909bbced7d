//! Converts an input to a payload value by value, and collects the invalid values.
//!
//! A value that its GraphQL type allows but the payload does not is a problem of one field, not an error of the
//! request. It is collected here with its path. This module decides nothing and never looks at recorded facts.

use async_graphql::MaybeUndefined;

use throughline_domain::fact::event::{Event, Patched};
use throughline_domain::fact::path::{Path, Step};
use throughline_domain::fact::refusal::{Refusal, RefusalCode};

/// The state of converting an input.
#[derive(Debug, Default)]
pub struct Conversion {
    /// The path to the current value.
    at: Vec<Step>,
    refusals: Vec<Refusal>,
}

impl Conversion {
    /// Converts the value of a field.
    pub fn field<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.within(Step::Field(name.to_owned()), read)
    }

    /// Converts an entry of a list.
    pub fn entry<T>(&mut self, index: usize, read: impl FnOnce(&mut Self) -> T) -> T {
        self.within(Step::At(index), read)
    }

    fn within<T>(&mut self, step: Step, read: impl FnOnce(&mut Self) -> T) -> T {
        self.at.push(step);
        let value = read(self);
        self.at.pop();
        value
    }

    /// Reports that the current value is invalid.
    pub fn invalid(&mut self, message: impl Into<String>) {
        let refusal = Refusal::new(RefusalCode::InvalidValue, message);
        self.refusals.push(refusal.at(Path(self.at.clone())));
    }

    /// Reports that the current value is required but missing.
    pub fn missing(&mut self, message: impl Into<String>) {
        let refusal = Refusal::new(RefusalCode::MissingValue, message);
        self.refusals.push(refusal.at(Path(self.at.clone())));
    }

    /// The problems found, if there are any.
    pub fn done(self) -> Result<(), Vec<Refusal>> {
        if self.refusals.is_empty() { Ok(()) } else { Err(self.refusals) }
    }
}

/// Conversion of an input value to its type in the payload.
pub trait IntoDomain<T> {
    /// The payload value. After an invalid input, any value: the command is refused anyway.
    fn into_domain(self, conversion: &mut Conversion) -> T;
}

impl<T, M: IntoDomain<T>> IntoDomain<Option<T>> for Option<M> {
    fn into_domain(self, conversion: &mut Conversion) -> Option<T> {
        self.map(|given| given.into_domain(conversion))
    }
}

impl<T, M: IntoDomain<T>> IntoDomain<Patched<T>> for MaybeUndefined<M> {
    fn into_domain(self, conversion: &mut Conversion) -> Patched<T> {
        match self {
            Self::Undefined => Patched::Stays,
            Self::Null => Patched::Cleared,
            Self::Value(given) => Patched::Becomes(given.into_domain(conversion)),
        }
    }
}

/// A fact given by an input.
pub trait IntoFact {
    /// The fact.
    fn into_fact(self, conversion: &mut Conversion) -> Event;
}
