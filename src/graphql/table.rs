//! Tables: lists of complete rows, resolved at once instead of field by field.
//!
//! Resolving every field of every row costs several times what it takes to count a board of a thousand rows. So access
//! is checked once per field, not once per row, and a row is read without waiting. The response must be the same either
//! way: if a field is restricted, or cannot be read directly, the whole table is resolved like any other list.

use std::borrow::Cow;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{
    ContextSelectionSet, ID, Name, OutputType, Positioned, ScalarType as _, SelectionField, ServerResult, Value,
};

use super::context::Caller;
use super::field_access;

/// The rows of a board.
pub struct Table<T>(pub(super) Vec<T>);

/// Reads a value of the response.
pub type Read<T> = Box<dyn Fn(&T) -> Value + Send>;

/// A row of a table. The macro `row!` makes a type one.
pub trait Row: OutputType + Sized + 'static {
    /// How to read the requested field of a row; none if it cannot be read directly.
    fn field(asked: &RequestedField<'_>) -> Option<Read<Self>>;
}

/// The value of a field: a scalar, a row below it, or some or many of these.
pub trait Cell: Sized {
    /// How to read a value of the requested field; none if it cannot be read directly.
    fn read(asked: &RequestedField<'_>) -> Option<Read<Self>>;
}

macro_rules! scalars {
    ($($scalar:ty),+) => {
        $(impl Cell for $scalar {
            fn read(_: &RequestedField<'_>) -> Option<Read<Self>> {
                Some(Box::new(Self::to_value))
            }
        })+
    };
}

scalars!(bool, u32, u64, String, ID);

impl<T: Cell + 'static> Cell for Option<T> {
    fn read(asked: &RequestedField<'_>) -> Option<Read<Self>> {
        let read = T::read(asked)?;
        Some(Box::new(move |value| value.as_ref().map_or(Value::Null, &read)))
    }
}

impl<T: Cell + 'static> Cell for Vec<T> {
    fn read(asked: &RequestedField<'_>) -> Option<Read<Self>> {
        let read = T::read(asked)?;
        Some(Box::new(move |values| Value::List(values.iter().map(&read).collect())))
    }
}

/// Makes an object a row, with these fields. The others are not read directly.
macro_rules! row {
    ($row:ty { $($field:ident),+ }) => {
        impl $crate::graphql::table::Row for $row {
            fn field(asked: &$crate::graphql::table::RequestedField<'_>) -> Option<$crate::graphql::table::Read<Self>> {
                $(if asked.is(stringify!($field)) {
                    let read = $crate::graphql::table::Cell::read(asked)?;
                    return Some(Box::new(move |row: &Self| read(&row.$field)));
                })+
                None
            }
        }

        impl $crate::graphql::table::Cell for $row {
            fn read(asked: &$crate::graphql::table::RequestedField<'_>) -> Option<$crate::graphql::table::Read<Self>> {
                asked.row()
            }
        }
    };
}
pub(super) use row;

/// A requested field.
pub struct RequestedField<'a> {
    field: SelectionField<'a>,
    caller: &'a Caller,
}

/// The requested fields of each row, in the order of the query.
struct Columns<T> {
    /// An empty row of the response.
    blank: IndexMap<Name, Value>,
    reads: Vec<Read<T>>,
}

impl RequestedField<'_> {
    /// Whether it is the field of this name, as Rust writes it: `up_to_days` is `upToDays`.
    pub fn is(&self, name: &str) -> bool {
        self.field.name().eq_ignore_ascii_case(&name.replace('_', ""))
    }

    /// How to read a row below this field.
    pub fn row<T: Row>(&self) -> Option<Read<T>> {
        let columns = Columns::<T>::of(&self.field, self.caller)?;
        Some(Box::new(move |row| columns.value_of(row)))
    }
}

impl<T: Row> Columns<T> {
    /// The fields requested below a field; none if one of them cannot be read directly for this caller.
    fn of(field: &SelectionField<'_>, caller: &Caller) -> Option<Self> {
        let (mut blank, mut reads) = (IndexMap::default(), Vec::new());
        for field in field.selection_set() {
            if !field.directives().is_ok_and(|directives| directives.is_empty()) {
                return None;
            }
            let name = Name::new(field.alias().unwrap_or(field.name()));
            // The same response name twice would need merging.
            if blank.insert(name, Value::Null).is_some() {
                return None;
            }
            reads.push(Self::read(&RequestedField { field, caller })?);
        }
        Some(Self { blank, reads })
    }

    fn read(asked: &RequestedField<'_>) -> Option<Read<T>> {
        let name = T::type_name();
        if asked.field.name() == "__typename" {
            return Some(Box::new(move |_| Value::from(&*name)));
        }
        if field_access::is_open(asked.caller, &name, asked.field.name()) { T::field(asked) } else { None }
    }

    fn value_of(&self, row: &T) -> Value {
        let mut fields = self.blank.clone();
        for (value, read) in fields.values_mut().zip(&self.reads) {
            *value = read(row);
        }
        Value::Object(fields)
    }
}

impl<T: Row> Table<T> {
    /// All rows, if every requested field can be read directly.
    fn resolved_at_once(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> Option<Value> {
        let columns = Columns::of(&ctx.with_field(field).field(), ctx.data_opt()?)?;
        Some(Value::List(self.0.iter().map(|row| columns.value_of(row)).collect()))
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
        match self.resolved_at_once(ctx, field) {
            Some(value) => Ok(value),
            None => self.0.resolve(ctx, field).await,
        }
    }
}
