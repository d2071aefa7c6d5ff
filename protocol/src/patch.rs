//! A field of a PATCH request: left alone, cleared, or set.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Tells "not in the request" from "null". Use with `#[serde(default, skip_serializing_if = "Patch::is_absent")]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// The field was not in the request: leave it as it is.
    #[default]
    Absent,
    /// The field was `null`: clear it.
    Clear,
    /// The field has this new value.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether the field was not in the request.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// The new value if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Absent | Self::Clear => None,
        }
    }

    /// Whether applying it to a field that has this value would leave it as it is.
    pub fn keeps(&self, current: Option<&T>) -> bool
    where
        T: PartialEq,
    {
        match self {
            Self::Absent => true,
            Self::Clear => current.is_none(),
            Self::Set(value) => current == Some(value),
        }
    }

    /// Sets or clears a field, or leaves it.
    pub fn apply(self, field: &mut Option<T>) {
        match self {
            Self::Absent => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value),
        }
    }

    /// As diesel's changesets want it: `None` leaves the column, `Some(None)` clears it.
    pub fn into_change(self) -> Option<Option<T>> {
        match self {
            Self::Absent => None,
            Self::Clear => Some(None),
            Self::Set(value) => Some(Some(value)),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<T>::deserialize(deserializer).map(|value| value.map_or(Self::Clear, Self::Set))
    }
}

impl<T: Serialize> Serialize for Patch<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Request {
        #[serde(default)]
        name: Patch<String>,
    }

    #[test]
    fn absent_null_and_value_are_three_things() {
        let parse = |json| serde_json::from_str::<Request>(json).unwrap().name;
        assert_eq!(parse("{}"), Patch::Absent);
        assert_eq!(parse(r#"{"name":null}"#), Patch::Clear);
        assert_eq!(parse(r#"{"name":"Ann"}"#), Patch::Set("Ann".to_owned()));
    }

    #[test]
    fn what_keeps_a_field_leaves_it_as_it_is() {
        for current in [None, Some("Ann")] {
            for patch in [Patch::Absent, Patch::Clear, Patch::Set("Ann"), Patch::Set("Ben")] {
                let mut field = current;
                patch.clone().apply(&mut field);
                assert_eq!(patch.keeps(current.as_ref()), field == current, "{patch:?} on {current:?}");
            }
        }
    }
}
