//! Lists of names with values: attributes, criteria, items. Each name stands once.

use std::collections::BTreeMap;

use async_graphql::InputObject;
use serde_json::Value;

use super::patch::Patches;
use super::reading::{Means, Reading};
use crate::graphql::scalars::Decimal;
use throughline_domain::fact::event::{Attribute, Quantity};

/// A list as the map that it means, where `by` is the field that tells one entry from another. Of two that are alike
/// neither may be dropped in silence.
pub(super) fn each_once<K: Ord, V>(
    entries: impl IntoIterator<Item = (K, V)>,
    by: &str,
    reading: &mut Reading,
) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    for (index, (key, value)) in entries.into_iter().enumerate() {
        if map.insert(key, value).is_some() {
            let message = format!("this {by} stands twice: write each once");
            reading.entry(index, |reading| reading.field(by, |reading| reading.invalid(message)));
        }
    }
    map
}

/// Declares a name with a value, and how the list of them becomes a payload's map.
macro_rules! named {
    ($($(#[$doc:meta])* $name:ident | $patch:ident => $value:ty: $read:expr, {
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

        impl Means<BTreeMap<String, $value>> for Vec<$name> {
            fn meant(self, reading: &mut Reading) -> BTreeMap<String, $value> {
                let read: fn($given) -> $value = $read;
                each_once(self.into_iter().map(|named| (named.name, read(named.value))), "name", reading)
            }
        }

        $(#[$doc])*
        ///
        /// In a correction, the others stay as they were.
        #[derive(Debug, Clone, InputObject)]
        pub struct $patch {
            /// Its name.
            pub name: String,
            $(#[$value_doc])*
            ///
            /// Null takes it out.
            pub value: Option<$given>,
        }

        impl Patches for Vec<$patch> {
            fn patched(self, reading: &mut Reading) -> Value {
                let read: fn($given) -> $value = $read;
                let written = |value| serde_json::to_value(read(value)).expect("a value is JSON");
                let entries = self.into_iter().map(|named| (named.name, named.value.map_or(Value::Null, written)));
                Value::Object(each_once(entries, "name", reading).into_iter().collect())
            }
        }
    )*};
}

named! {
    /// Something known of a spell, such as `secured_as: kept`.
    SpellAttributeInput | SpellAttributePatch => Attribute: attribute, {
        /// Its value: `true` and `false` are yes and no, a decimal is a quantity, everything else a word.
        value: String,
    }
    /// Something that was so when eligibility was judged, such as `age: 34`.
    FactAtAssessmentInput | FactAtAssessmentPatch => Attribute: attribute, {
        /// Its value: `true` and `false` are yes and no, a decimal is a quantity, everything else a word.
        value: String,
    }
    /// A criterion of eligibility that was looked at.
    CriterionInput | CriterionPatch => bool: |met| met, {
        /// Whether it was met.
        value: bool,
    }
    /// An item of an instrument with its score.
    ItemScoreInput | ItemScorePatch => Quantity: |score| Quantity(score.0), {
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
