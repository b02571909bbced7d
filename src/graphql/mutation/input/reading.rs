//! What an input means, read value by value, and what in it cannot be meant.
//!
//! What a type of GraphQL cannot say is no fault of the request but a problem of one field: it is kept here, with the
//! way to it, and nothing is decided. It never looks at a fact that is recorded.

use async_graphql::MaybeUndefined;

use throughline_domain::fact::event::{Event, Patched};
use throughline_domain::fact::path::{Path, Step};
use throughline_domain::fact::refusal::{Refusal, RefusalCode};

/// An input as it is read.
#[derive(Debug, Default)]
pub struct Reading {
    /// The way to what is being read.
    at: Vec<Step>,
    refusals: Vec<Refusal>,
}

impl Reading {
    /// Reads what a field holds.
    pub fn field<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.within(Step::Field(name.to_owned()), read)
    }

    /// Reads an entry of a list.
    pub fn entry<T>(&mut self, index: usize, read: impl FnOnce(&mut Self) -> T) -> T {
        self.within(Step::At(index), read)
    }

    fn within<T>(&mut self, step: Step, read: impl FnOnce(&mut Self) -> T) -> T {
        self.at.push(step);
        let value = read(self);
        self.at.pop();
        value
    }

    /// What is being read cannot be.
    pub fn invalid(&mut self, message: impl Into<String>) {
        let refusal = Refusal::new(RefusalCode::InvalidValue, message);
        self.refusals.push(refusal.at(Path(self.at.clone())));
    }

    /// What is being read is wanted, and is not there.
    pub fn missing(&mut self, message: impl Into<String>) {
        let refusal = Refusal::new(RefusalCode::MissingValue, message);
        self.refusals.push(refusal.at(Path(self.at.clone())));
    }

    /// What cannot be meant, if anything cannot.
    pub fn done(self) -> Result<(), Vec<Refusal>> {
        if self.refusals.is_empty() { Ok(()) } else { Err(self.refusals) }
    }
}

/// A value of an input as a payload has it.
pub trait Means<T> {
    /// The value of the payload; any, where what was given cannot be and is refused.
    fn meant(self, reading: &mut Reading) -> T;
}

impl<T, M: Means<T>> Means<Option<T>> for Option<M> {
    fn meant(self, reading: &mut Reading) -> Option<T> {
        self.map(|given| given.meant(reading))
    }
}

impl<T, M: Means<T>> Means<Patched<T>> for MaybeUndefined<M> {
    fn meant(self, reading: &mut Reading) -> Patched<T> {
        match self {
            Self::Undefined => Patched::Stays,
            Self::Null => Patched::Cleared,
            Self::Value(given) => Patched::Becomes(given.meant(reading)),
        }
    }
}

/// A fact as an input states it.
pub trait States {
    /// The fact.
    fn stated(self, reading: &mut Reading) -> Event;
}
