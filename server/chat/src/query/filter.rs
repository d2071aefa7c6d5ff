//! Reading filters: JSON into conditions on known fields, with values of their types.

use chrono::{DateTime, Datelike, Utc};
use parlor_platform::{Error, Result};
use parlor_protocol::limits::{FILTER_CONDITIONS, FILTER_DEPTH, FILTER_TEXT_BYTES, FILTER_VALUES};
use parlor_protocol::{Custom, ErrorCode};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::fields::{Field, Kind, Resource};
use crate::validate::is_slug;

/// What must hold.
#[derive(Debug)]
pub enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    None(Vec<Filter>),
    Is(Condition),
}

/// One condition.
#[derive(Debug)]
pub struct Condition {
    pub field: &'static Field,
    /// Of a custom field, where it stands in the custom data.
    pub path: Vec<String>,
    pub test: Test,
}

/// What a field is compared with.
#[derive(Debug)]
pub enum Test {
    Eq(Value),
    /// Greater or less, or equal as well.
    Order(&'static str, Value),
    In(Vec<Value>),
    Exists,
    Contains(Value),
    /// Lower case.
    Autocomplete(String),
    Words(String),
}

/// A value of a field's type.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Text(String),
    Id(Uuid),
    Int(i64),
    Bool(bool),
    Time(DateTime<Utc>),
    Json(Json),
}

/// A reason to refuse a filter or an order.
pub fn invalid(why: impl Into<String>) -> Error {
    Error::with(ErrorCode::InvalidFilter, why)
}

impl Filter {
    /// Reads a filter on this resource.
    pub fn read(resource: &'static Resource, filter: &Custom) -> Result<Self> {
        Reader { resource, conditions: 0 }.all(&filter.0, 0)
    }

    /// The conditions that must hold whatever else is asked.
    pub fn musts(&self) -> Vec<&Condition> {
        match self {
            Self::All(parts) => parts.iter().flat_map(Self::musts).collect(),
            Self::Is(condition) => vec![condition],
            Self::Any(_) | Self::None(_) => Vec::new(),
        }
    }

    /// All conditions.
    pub fn conditions(&self) -> Vec<&Condition> {
        match self {
            Self::All(parts) | Self::Any(parts) | Self::None(parts) => {
                parts.iter().flat_map(Self::conditions).collect()
            }
            Self::Is(condition) => vec![condition],
        }
    }
}

struct Reader {
    resource: &'static Resource,
    conditions: usize,
}

impl Reader {
    fn all(&mut self, object: &Map<String, Json>, depth: usize) -> Result<Filter> {
        let mut parts = Vec::new();
        for (name, value) in object {
            match name.strip_prefix('$') {
                Some(operator) => parts.push(self.several(operator, value, depth)?),
                None => self.field(name, value, &mut parts)?,
            }
        }
        Ok(Filter::All(parts))
    }

    fn several(&mut self, operator: &str, value: &Json, depth: usize) -> Result<Filter> {
        let combine = match operator {
            "and" => Filter::All,
            "or" => Filter::Any,
            "nor" => Filter::None,
            _ => return Err(invalid(format!("`${}` is none of `$and`, `$or`, `$nor`.", shown(operator)))),
        };
        if depth >= FILTER_DEPTH {
            return Err(invalid(format!(
                "`$and`, `$or` and `$nor` stand in each other at most {FILTER_DEPTH} deep."
            )));
        }
        let parts = value.as_array().filter(|parts| !parts.is_empty());
        let parts = parts.ok_or_else(|| invalid(format!("`${operator}` has a list of filters.")))?;
        let part = |part: &Json| match part {
            Json::Object(object) => self.all(object, depth + 1),
            _ => Err(invalid(format!("`${operator}` has a list of filters."))),
        };
        Ok(combine(parts.iter().map(part).collect::<Result<_>>()?))
    }

    fn field(&mut self, name: &str, value: &Json, parts: &mut Vec<Filter>) -> Result<()> {
        let (field, path) = find(self.resource, name)?;
        let Json::Object(operators) = value else {
            return self.condition(field, &path, "eq", value, parts);
        };
        if operators.is_empty() {
            return Err(invalid(format!("`{name}` is compared with nothing.")));
        }
        for (operator, value) in operators {
            let known = operator.strip_prefix('$');
            let operator = known.ok_or_else(|| {
                invalid(format!("`{name}` is compared with operators such as `$eq`, not with an object."))
            })?;
            self.condition(field, &path, operator, value, parts)?;
        }
        Ok(())
    }

    fn condition(
        &mut self,
        field: &'static Field,
        path: &[String],
        operator: &str,
        value: &Json,
        parts: &mut Vec<Filter>,
    ) -> Result<()> {
        self.conditions += 1;
        if self.conditions > FILTER_CONDITIONS {
            return Err(invalid(format!("A filter has at most {FILTER_CONDITIONS} conditions.")));
        }
        if !operators(field).contains(&operator) {
            let name = field.name;
            return Err(invalid(format!("`{name}` can't be asked for `${}`.", shown(operator))));
        }
        let is = |test: Test| Filter::Is(Condition { field, path: path.to_vec(), test });
        let text = || {
            let text = value.as_str().map(str::trim).filter(|text| !text.is_empty());
            text.filter(|text| text.len() <= FILTER_TEXT_BYTES).ok_or_else(|| {
                invalid(format!("`${operator}` has a text of 1 to {FILTER_TEXT_BYTES} bytes."))
            })
        };
        parts.push(match operator {
            "eq" => is(Test::Eq(read(field, value, true)?)),
            "ne" => Filter::None(vec![is(Test::Eq(read(field, value, true)?))]),
            "in" => is(Test::In(list(field, value)?)),
            "nin" => Filter::None(vec![is(Test::In(list(field, value)?))]),
            "gt" => is(Test::Order(">", ordered(field, value)?)),
            "gte" => is(Test::Order(">=", ordered(field, value)?)),
            "lt" => is(Test::Order("<", ordered(field, value)?)),
            "lte" => is(Test::Order("<=", ordered(field, value)?)),
            "contains" => is(Test::Contains(read(field, value, false)?)),
            "autocomplete" => is(Test::Autocomplete(text()?.to_lowercase())),
            "q" => is(Test::Words(text()?.to_owned())),
            _ => match value.as_bool() {
                Some(true) => is(Test::Exists),
                Some(false) => Filter::None(vec![is(Test::Exists)]),
                None => return Err(invalid("`$exists` is `true` or `false`.")),
            },
        });
        Ok(())
    }
}

/// Names and operators come from the client: what is told of them is short.
fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

/// A field by its name, and the path of a custom one.
pub fn find(resource: &'static Resource, name: &str) -> Result<(&'static Field, Vec<String>)> {
    if let Some(field) = resource.field(name) {
        return Ok((field, Vec::new()));
    }
    let path: Option<Vec<String>> = name.strip_prefix("custom.").and_then(|path| {
        path.split('.').map(|key| is_slug(key).then(|| key.to_owned())).collect::<Option<_>>()
    });
    let path = path.filter(|path| path.len() <= FILTER_DEPTH);
    path.map(|path| (&resource.custom, path)).ok_or_else(|| {
        let of = resource.name;
        invalid(format!("There is no field `{}` of {of}; see the documentation of queries.", shown(name)))
    })
}

/// The operators of a field.
pub fn operators(field: &Field) -> Vec<&'static str> {
    let mut operators = match field.kind {
        Kind::Text => vec!["eq", "ne", "in", "nin", "gt", "gte", "lt", "lte", "exists"],
        Kind::Id => vec!["eq", "ne", "in", "nin", "exists"],
        Kind::Int | Kind::Time => vec!["eq", "ne", "in", "nin", "gt", "gte", "lt", "lte", "exists"],
        Kind::Bool => vec!["eq", "ne"],
        Kind::List => vec!["eq", "ne", "in", "nin", "contains", "exists"],
        Kind::Members => vec!["eq", "ne", "in", "nin", "contains"],
        Kind::Custom => {
            vec!["eq", "ne", "in", "nin", "gt", "gte", "lt", "lte", "contains", "exists"]
        }
    };
    if field.autocomplete {
        operators.push("autocomplete");
    }
    if field.words {
        operators.push("q");
    }
    operators
}

fn list(field: &Field, value: &Json) -> Result<Vec<Value>> {
    let values = value.as_array().filter(|values| (1..=FILTER_VALUES).contains(&values.len()));
    let values = values.ok_or_else(|| {
        invalid(format!("`$in` and `$nin` of `{}` have a list of 1 to {FILTER_VALUES} values.", field.name))
    })?;
    values.iter().map(|value| read(field, value, true)).collect()
}

/// A value that is before or after others.
fn ordered(field: &Field, value: &Json) -> Result<Value> {
    match read(field, value, false)? {
        Value::Json(Json::Bool(_)) => {
            Err(invalid(format!("`{}` is before or after a text or a number.", field.name)))
        }
        value => Ok(value),
    }
}

/// A value of the field's type.
pub fn read(field: &Field, value: &Json, nullable: bool) -> Result<Value> {
    if value.is_null() && nullable && !matches!(field.kind, Kind::List | Kind::Members | Kind::Bool) {
        return Ok(Value::Null);
    }
    let text = || value.as_str().filter(|text| text.len() <= FILTER_TEXT_BYTES);
    let read = match field.kind {
        Kind::Text | Kind::List | Kind::Members => text().map(|text| Value::Text(text.to_owned())),
        Kind::Id => text().and_then(|text| text.parse().ok()).map(Value::Id),
        Kind::Int => value.as_i64().map(Value::Int),
        Kind::Bool => value.as_bool().map(Value::Bool),
        Kind::Time => {
            let time = text().and_then(|text| text.parse::<DateTime<Utc>>().ok());
            time.filter(|time| (1..=9999).contains(&time.year())).map(Value::Time)
        }
        Kind::Custom => match value {
            Json::String(_) => text().map(|text| Value::Json(text.into())),
            Json::Bool(_) | Json::Number(_) => Some(Value::Json(value.clone())),
            Json::Null | Json::Array(_) | Json::Object(_) => None,
        },
    };
    read.ok_or_else(|| {
        let wanted = match field.kind {
            Kind::Text | Kind::List | Kind::Members => "a text of at most 1,024 bytes",
            Kind::Id => "a UUID",
            Kind::Int => "an integer",
            Kind::Bool => "`true` or `false`",
            Kind::Time => "a time in RFC 3339",
            Kind::Custom => "a text of at most 1,024 bytes, a number, `true` or `false`",
        };
        invalid(format!("`{}` is compared with {wanted}.", field.name))
    })
}

#[cfg(test)]
mod tests {
    use super::super::fields::{ALL, CHANNELS};
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read_json(filter: Json) -> Result<usize> {
        let filter: Custom = serde_json::from_value(filter).map_err(Error::internal)?;
        Filter::read(&CHANNELS, &filter).map(|filter| filter.conditions().len())
    }

    #[test]
    fn conditions_are_counted_and_nested_so_far_and_no_further() {
        let many = |count: usize| json!({ "$or": vec![json!({ "name": "x" }); count] });
        assert_eq!(read_json(many(FILTER_CONDITIONS)).unwrap(), FILTER_CONDITIONS);
        let deep =
            |levels: usize| (0..levels).fold(json!({ "name": "x" }), |inner, _| json!({ "$and": [inner] }));
        assert_eq!(read_json(deep(FILTER_DEPTH)).unwrap(), 1);
        let values = |count: usize| json!({ "name": { "$in": vec!["x"; count] } });
        assert_eq!(read_json(values(FILTER_VALUES)).unwrap(), 1);
        let text = |bytes: usize| json!({ "name": "x".repeat(bytes) });
        assert_eq!(read_json(text(FILTER_TEXT_BYTES)).unwrap(), 1);
        for (what, refused) in [
            ("conditions", many(FILTER_CONDITIONS + 1)),
            ("depth", deep(FILTER_DEPTH + 1)),
            ("values", values(FILTER_VALUES + 1)),
            ("no values", values(0)),
            ("text", text(FILTER_TEXT_BYTES + 1)),
            ("no filters", json!({ "$or": [] })),
            ("no operator", json!({ "name": {} })),
            ("an object", json!({ "custom.a": { "b": 1 } })),
            ("an unknown field", json!({ "colour": "red" })),
            ("an unknown operator", json!({ "name": { "$like": "x" } })),
            ("an operator of another type", json!({ "frozen": { "$gt": true } })),
            ("another type", json!({ "member_count": "3" })),
            ("a fraction", json!({ "member_count": 1.5 })),
            ("no time", json!({ "created_at": { "$gt": "yesterday" } })),
            ("no key", json!({ "custom.": 1 })),
            ("a key with a quote", json!({ "custom.a'b": 1 })),
            ("a list as a value", json!({ "custom.a": [1] })),
            ("an ordered null", json!({ "custom.a": { "$gt": null } })),
        ] {
            assert_eq!(read_json(refused).unwrap_err().code(), ErrorCode::InvalidFilter, "{what}");
        }
    }

    fn any_json() -> impl Strategy<Value = Json> {
        let names: Vec<String> = ALL
            .iter()
            .flat_map(|resource| resource.fields.iter().map(|field| field.name.to_owned()))
            .chain(
                ["$and", "$or", "$nor", "$eq", "$in", "$gt", "$exists", "$contains", "$q", "custom.a"]
                    .map(str::to_owned),
            )
            .collect();
        let key = prop_oneof![proptest::sample::select(names), "\\PC{0,8}"];
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            "\\PC{0,8}".prop_map(Json::from)
        ];
        leaf.prop_recursive(5, 40, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
                prop::collection::vec((key.clone(), inner), 0..5)
                    .prop_map(|entries| Json::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_is_asked_is_read_or_refused(filter in any_json()) {
            if let Ok(filter) = serde_json::from_value::<Custom>(filter) {
                for resource in ALL {
                    if let Err(error) = Filter::read(resource, &filter) {
                        prop_assert_eq!(error.code(), ErrorCode::InvalidFilter);
                    }
                }
            }
        }
    }
}
