//! Tables: rows that are all there, told at once instead of field by field.
//!
//! To resolve every field of every row by itself costs several times what it takes to count a board of a thousand rows.
//! So the wall is asked once for a field, not once for each row of it, and a row is read without waiting for anything.
//! An answer must never depend on that: wherever a field is kept back, or is not simply there, the whole table is resolved
//! as any list is.

use std::borrow::Cow;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{ContextSelectionSet, Name, OutputType, Positioned, SelectionField, ServerResult, Value};

use super::context::Caller;
use super::wall;

/// The rows of a board.
pub struct Table<T>(pub(super) Vec<T>);

/// How a field of a row is read.
pub type Read<T> = Box<dyn Fn(&T) -> Value + Send>;

/// A row of a table.
pub trait Row: OutputType + Sized + 'static {
    /// How a field is read; none where it is not simply there.
    fn read(asked: &Asked<'_>) -> Option<Read<Self>>;
}

/// A field that somebody asks for.
pub struct Asked<'a> {
    field: SelectionField<'a>,
    caller: &'a Caller,
}

/// What is asked for of each row, in the order of the question.
struct Columns<T> {
    /// A row of the answer with nothing in it yet.
    blank: IndexMap<Name, Value>,
    reads: Vec<Read<T>>,
}

impl Asked<'_> {
    /// The field's name.
    pub fn name(&self) -> &str {
        self.field.name()
    }

    /// How what is asked for of one row below this field is read.
    pub fn row<T: Row>(&self) -> Option<Read<T>> {
        let columns = Columns::<T>::of(&self.field, self.caller)?;
        Some(Box::new(move |row| columns.told(row)))
    }
}

impl<T: Row> Columns<T> {
    /// What is asked for below a field; none where a field of it is not simply there for this caller.
    fn of(field: &SelectionField<'_>, caller: &Caller) -> Option<Self> {
        let (mut blank, mut reads) = (IndexMap::default(), Vec::new());
        for field in field.selection_set() {
            if !field.directives().is_ok_and(|directives| directives.is_empty()) {
                return None;
            }
            let name = Name::new(field.alias().unwrap_or(field.name()));
            // Asked for twice, it would be one of both.
            if blank.insert(name, Value::Null).is_some() {
                return None;
            }
            reads.push(Self::read(&Asked { field, caller })?);
        }
        Some(Self { blank, reads })
    }

    fn read(asked: &Asked<'_>) -> Option<Read<T>> {
        let name = T::type_name();
        if asked.name() == "__typename" {
            return Some(Box::new(move |_| Value::from(&*name)));
        }
        if wall::is_open(asked.caller, &name, asked.name()) { T::read(asked) } else { None }
    }

    fn told(&self, row: &T) -> Value {
        let mut told = self.blank.clone();
        for (value, read) in told.values_mut().zip(&self.reads) {
            *value = read(row);
        }
        Value::Object(told)
    }
}

impl<T: Row> Table<T> {
    /// All rows, where everything that is asked for is there to be read.
    fn told(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> Option<Value> {
        let columns = Columns::of(&ctx.with_field(field).field(), ctx.data_opt()?)?;
        Some(Value::List(self.0.iter().map(|row| columns.told(row)).collect()))
    }
}

impl<T: Row> OutputType for Table<T> {
    fn type_name() -> Cow<'static, str> {
        Vec::<T>::type_name()
    }

    fn qualified_type_name() -> String {
        Vec::<T>::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        Vec::<T>::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        match self.told(ctx, field) {
            Some(told) => Ok(told),
            None => self.0.resolve(ctx, field).await,
        }
    }
}
