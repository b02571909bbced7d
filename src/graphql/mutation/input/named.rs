//! Lists of names with values: attributes, criteria, items. Each name stands once.

use std::collections::BTreeMap;

use async_graphql::{CustomValidator, InputObject, InputType, InputValueError};

use super::Means;
use crate::graphql::scalars::Decimal;
use crate::journey::event::{Attribute, Quantity};

/// A list in which no name stands twice: of two values neither may be dropped in silence.
pub(super) struct NamedOnce;

impl<N: Named + InputType> CustomValidator<Vec<N>> for NamedOnce {
    fn check(&self, given: &Vec<N>) -> Result<(), InputValueError<Vec<N>>> {
        let names: std::collections::BTreeSet<&str> = given.iter().map(Named::name).collect();
        if names.len() == given.len() { Ok(()) } else { Err("a name stands twice: write each once".into()) }
    }
}

/// What has a name in a list.
pub(super) trait Named {
    /// Its name.
    fn name(&self) -> &str;
}

/// Declares a name with a value, and how the list of them becomes a payload's map.
macro_rules! named {
    ($($(#[$doc:meta])* $name:ident => $value:ty: $read:expr, {
        $(#[$value_doc:meta])* value: $given:ty $(,)?
    })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, InputObject)]
        pub struct $name {
            /// Its name.
            pub name: String,
            $(#[$value_doc])*
            pub value: $given,
        }

        impl Named for $name {
            fn name(&self) -> &str {
                &self.name
            }
        }

        impl Means<BTreeMap<String, $value>> for Vec<$name> {
            fn meant(self) -> BTreeMap<String, $value> {
                let read: fn($given) -> $value = $read;
                self.into_iter().map(|named| (named.name, read(named.value))).collect()
            }
        }
    )*};
}

named! {
    /// Something known of a spell, such as `secured_as: kept`.
    SpellAttributeInput => Attribute: attribute, {
        /// Its value: `true` and `false` are yes and no, a decimal is a quantity, everything else a word.
        value: String,
    }
    /// Something that was so when eligibility was judged, such as `age: 34`.
    FactAtAssessmentInput => Attribute: attribute, {
        /// Its value: `true` and `false` are yes and no, a decimal is a quantity, everything else a word.
        value: String,
    }
    /// A criterion of eligibility that was looked at.
    CriterionInput => bool: |met| met, {
        /// Whether it was met.
        value: bool,
    }
    /// An item of an instrument with its score.
    ItemScoreInput => Quantity: |score| Quantity(score.0), {
        /// Its score.
        value: Decimal,
    }
}

fn attribute(value: String) -> Attribute {
    match (value.as_str(), value.parse()) {
        ("true", _) => Attribute::Flag(true),
        ("false", _) => Attribute::Flag(false),
        // `007` and `1E5` are codes of somebody's, not numbers.
        (text, Ok(decimal)) if Quantity(decimal).to_string() == text => Attribute::Quantity(Quantity(decimal)),
        _ => Attribute::Text(value),
    }
}
