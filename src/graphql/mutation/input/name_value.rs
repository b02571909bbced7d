//! Lists of names and values: attributes, criteria, items. Each name may occur once.

use std::collections::BTreeMap;

use async_graphql::InputObject;
use serde_json::Value;

use super::convert::{Conversion, IntoDomain};
use super::patch::Patches;
use crate::graphql::scalars::Decimal;
use throughline_domain::fact::event::{Attribute, Quantity};

/// Converts a list to a map. `by` is the field that identifies an entry. An entry that occurs twice is refused, because
/// neither may be dropped silently.
pub(super) fn each_once<K: Ord, V>(
    entries: impl IntoIterator<Item = (K, V)>,
    by: &str,
    conversion: &mut Conversion,
) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    for (index, (key, value)) in entries.into_iter().enumerate() {
        if map.insert(key, value).is_some() {
            let message = format!("this {by} occurs twice: give each once");
            conversion.entry(index, |conversion| conversion.field(by, |conversion| conversion.invalid(message)));
        }
    }
    map
}

/// Declares an entry with name and value, and the conversion of a list of entries to a payload's map.
macro_rules! name_values {
    ($($(#[$doc:meta])* $name:ident | $patch:ident => $value:ty: $read:expr, {
        $(#[$value_doc:meta])* value: $given:ty $(,)?
    })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, InputObject)]
        pub struct $name {
            /// The name.
            pub name: String,
            $(#[$value_doc])*
            pub value: $given,
        }

        impl IntoDomain<BTreeMap<String, $value>> for Vec<$name> {
            fn into_domain(self, conversion: &mut Conversion) -> BTreeMap<String, $value> {
                let read: fn($given) -> $value = $read;
                each_once(self.into_iter().map(|named| (named.name, read(named.value))), "name", conversion)
            }
        }

        $(#[$doc])*
        ///
        /// In a correction, names that are left out stay the same.
        #[derive(Debug, Clone, InputObject)]
        pub struct $patch {
            /// The name.
            pub name: String,
            $(#[$value_doc])*
            ///
            /// Null removes the entry.
            pub value: Option<$given>,
        }

        impl Patches for Vec<$patch> {
            fn patched(self, conversion: &mut Conversion) -> Value {
                let read: fn($given) -> $value = $read;
                let written = |value| serde_json::to_value(read(value)).expect("a value serialises to JSON");
                let entries = self.into_iter().map(|named| (named.name, named.value.map_or(Value::Null, written)));
                Value::Object(each_once(entries, "name", conversion).into_iter().collect())
            }
        }
    )*};
}

name_values! {
    /// An attribute of a spell, such as `secured_as: kept`.
    SpellAttributeInput | SpellAttributePatch => Attribute: attribute, {
        /// The value. `true` and `false` become yes and no, a decimal becomes a quantity, anything else a word.
        value: String,
    }
    /// A fact at the eligibility assessment, such as `age: 34`.
    FactAtAssessmentInput | FactAtAssessmentPatch => Attribute: attribute, {
        /// The value. `true` and `false` become yes and no, a decimal becomes a quantity, anything else a word.
        value: String,
    }
    /// An eligibility criterion that was assessed.
    CriterionInput | CriterionPatch => bool: |met| met, {
        /// Whether the criterion was met.
        value: bool,
    }
    /// An item of an assessment instrument with its score.
    ItemScoreInput | ItemScorePatch => Quantity: |score| Quantity(score.0), {
        /// The score.
        value: Decimal,
    }
}

fn attribute(value: String) -> Attribute {
    match (value.as_str(), value.parse()) {
        ("true", _) => Attribute::Flag(true),
        ("false", _) => Attribute::Flag(false),
        // `007` and `1E5` are codes, not numbers.
        (text, Ok(decimal)) if Quantity(decimal).to_string() == text => Attribute::Quantity(Quantity(decimal)),
        _ => Attribute::Text(value),
    }
}
