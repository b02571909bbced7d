//! The GraphQL `Int`: 32 bits everywhere. It only makes the validator stricter.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::registry::{MetaType, Registry};
use async_graphql::{InputType, InputValueError, InputValueResult, Value};

/// The built-in `Int`, limited to the 32 bits of the specification. The library's own type accepts 64 bits.
///
/// A schema that registers it refuses a longer number before execution, wherever an `Int` is declared.
pub(super) struct Int(i32);

impl Int {
    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::Number(number) if number.as_i64().is_some_and(|long| i32::try_from(long).is_ok()))
    }
}

impl InputType for Int {
    type RawValueType = i32;

    fn type_name() -> Cow<'static, str> {
        <i32 as InputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        let name = <i32 as InputType>::create_type_info(registry);
        if let Some(MetaType::Scalar { is_valid, .. }) = registry.types.get_mut(&*Self::type_name()) {
            *is_valid = Some(Arc::new(Self::is_valid));
        }
        name
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        <i32 as InputType>::parse(value).map(Self).map_err(InputValueError::propagate)
    }

    fn to_value(&self) -> Value {
        InputType::to_value(&self.0)
    }

    fn as_raw_value(&self) -> Option<&i32> {
        Some(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::Number;

    use super::*;

    #[test]
    fn an_int_has_32_bits() {
        for (number, is_valid) in [(i64::from(i32::MAX), true), (i64::from(i32::MAX) + 1, false), (-1, true)] {
            assert_eq!(Int::is_valid(&Value::Number(Number::from(number))), is_valid, "{number}");
        }
        assert!(!Int::is_valid(&Value::Number(Number::from(u64::MAX))));
        assert!(!Int::is_valid(&Value::from_json(serde_json::json!(1.5)).expect("a value")));
    }
}
