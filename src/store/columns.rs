//! Rows of a statement as structs.

/// Makes a struct a row of a statement: each field is read from the column of the same name. A field that is marked
/// `[default]` has its default value if the statement has no such column.
///
/// sqlx has a derive for this. It would build both drivers, `SQLite` and the TLS library a second time, for the
/// compiler.
macro_rules! columns {
    ($(#[$of:meta])* $see:vis struct $name:ident {
        $($(#[$field_of:meta])* $field_see:vis $field:ident $([$default:ident])?: $kind:ty),* $(,)?
    }) => {
        $(#[$of])*
        $see struct $name {
            $($(#[$field_of])* $field_see $field: $kind),*
        }

        impl<'r, R: sqlx::Row> sqlx::FromRow<'r, R> for $name
        where
            &'static str: sqlx::ColumnIndex<R>,
            $($kind: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>),*
        {
            fn from_row(row: &'r R) -> sqlx::Result<Self> {
                Ok(Self { $($field: columns!(@read row $field $($default)?)?),* })
            }
        }
    };
    (@read $row:ident $field:ident) => { $row.try_get(stringify!($field)) };
    (@read $row:ident $field:ident default) => {
        match $row.try_get(stringify!($field)) {
            Err(sqlx::Error::ColumnNotFound(_)) => Ok(Default::default()),
            read => read,
        }
    };
}
pub(crate) use columns;
