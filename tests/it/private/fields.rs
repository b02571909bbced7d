//! Finds the fields of a payload by reading an example of it: a deserializer that writes down what it is asked for.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Error, Value};
use throughline_domain::fact::event::EventType;

/// The fields that were asked for, each with the values that the example has.
pub(super) type Found = BTreeMap<String, Vec<Value>>;

/// The fields of a payload, also those that the example leaves out.
pub(super) fn of_payload(event_type: EventType, payload: Value, found: &RefCell<Found>) {
    let reader = Reader { value: payload, path: String::new(), found };
    event_type.read(reader).unwrap_or_else(|error| panic!("{}: {error}", event_type.as_str()));
}

/// Reads a value at a path.
struct Reader<'f> {
    value: Value,
    path: String,
    found: &'f RefCell<Found>,
}

impl Reader<'_> {
    fn child(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// A value that has no fields.
    fn leaf(self) -> Value {
        if !self.path.is_empty() {
            self.found.borrow_mut().entry(self.path).or_default().push(self.value.clone());
        }
        self.value
    }
}

/// Values without fields are read as they are.
macro_rules! leaves {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.leaf().$method(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Error;

    leaves! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64
        deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_unit
        deserialize_map deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        self.leaf().deserialize_unit_struct(name, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.leaf().deserialize_enum(name, variants, visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Value::Array(values) = self.value else { return self.leaf().deserialize_seq(visitor) };
        let elements = Elements { values: values.into_iter(), path: self.path, found: self.found };
        visitor.visit_seq(elements)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        self.leaf().deserialize_tuple(len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.leaf().deserialize_tuple_struct(name, len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        for field in fields {
            self.found.borrow_mut().entry(self.child(field)).or_default();
        }
        // It has fields, so it is none itself.
        self.found.borrow_mut().remove(&self.path);
        let Value::Object(entries) = &self.value else { panic!("{}: no object: {}", self.path, self.value) };
        let entries: Vec<(String, Reader<'_>)> = entries
            .iter()
            .map(|(name, value)| {
                (name.clone(), Reader { value: value.clone(), path: self.child(name), found: self.found })
            })
            .collect();
        visitor.visit_map(Entries { entries: entries.into_iter(), value: None })
    }
}

/// The elements of a list: they stand at the path of the list.
struct Elements<'f> {
    values: std::vec::IntoIter<Value>,
    path: String,
    found: &'f RefCell<Found>,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(value) = self.values.next() else { return Ok(None) };
        seed.deserialize(Reader { value, path: self.path.clone(), found: self.found }).map(Some)
    }
}

/// The entries of an object.
struct Entries<'f> {
    entries: std::vec::IntoIter<(String, Reader<'f>)>,
    value: Option<Reader<'f>>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((name, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(self.value.take().expect("a key comes before its value"))
    }
}
