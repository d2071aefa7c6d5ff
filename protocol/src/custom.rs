//! A customer's own JSON, read with care: it is stored, and given to others.

use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Number, Value};

/// Beyond this depth nothing is read, whatever the limits say of less.
const DEPTH: usize = 32;
/// The largest number that survives the database: beyond it parsers refuse what they get back.
const LARGEST: f64 = 1e300;
/// Keys by which `serde_json` marks values of its own; it would interpret them again when they are read back.
const RESERVED: &str = "$serde_json::private::";

/// A JSON object of the customer's own, at most [`crate::limits::CUSTOM_BYTES`] bytes when serialised.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "utoipa", schema(value_type = Object))]
#[serde(transparent)]
pub struct Custom(pub Map<String, Value>);

impl Custom {
    /// Whether it has no field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for Custom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match value(deserializer)? {
            Value::Object(fields) => Ok(Self(fields)),
            _ => Err(Error::custom("an object was expected")),
        }
    }
}

/// Reads any JSON with the same care.
pub(crate) fn value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    (Level { depth: 0 }).deserialize(deserializer)
}

/// Reads one value at this depth.
#[derive(Clone, Copy)]
struct Level {
    depth: usize,
}

impl Level {
    fn below<E: Error>(self) -> Result<Self, E> {
        if self.depth >= DEPTH {
            Err(E::custom("nested too deeply"))
        } else {
            Ok(Self { depth: self.depth + 1 })
        }
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).filter(|_| value.abs() <= LARGEST);
        number.map(Value::Number).ok_or_else(|| E::custom("a number is too large to keep"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let level = self.below()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(level)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let level = self.below()?;
        let mut fields = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if key.starts_with(RESERVED) {
                return Err(Error::custom("a key is reserved"));
            }
            fields.insert(key, entries.next_value_seed(level)?);
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Custom, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn ordinary_json_is_kept_as_it_is() {
        let json = r#"{"a":[1,-2,2.5,"x",null,true],"b":{"c":{}}}"#;
        assert_eq!(serde_json::to_string(&read(json).unwrap()).unwrap(), json);
        assert!(read("[]").is_err());
    }

    #[test]
    fn what_would_not_come_back_is_refused() {
        assert!(read(r#"{"a":1e300}"#).is_ok());
        assert!(read(r#"{"a":1.7976931348623157e308}"#).unwrap_err().contains("too large"));
        assert!(read(r#"{"a":[-1e301]}"#).unwrap_err().contains("too large"));
        for key in ["$serde_json::private::RawValue", r"\u0024serde_json::private::Number"] {
            assert!(read(&format!(r#"{{"a":{{"{key}":"[[[["}}}}"#)).unwrap_err().contains("reserved"));
        }
    }

    #[test]
    fn depth_ends_before_the_stack_does() {
        let nested = |levels: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
        assert!(read(&nested(DEPTH - 1)).is_ok());
        assert!(read(&nested(DEPTH)).unwrap_err().contains("nested too deeply"));
    }
}
