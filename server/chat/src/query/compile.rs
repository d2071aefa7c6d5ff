//! SQL of filters and orders. Text of the statement comes from the table of fields and from here; what a client gave is
//! bound, never part of the text.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::query_builder::BoxedSqlQuery;
use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Text, Timestamptz, Uuid as SqlUuid};
use serde_json::Value as Json;
use uuid::Uuid;

use super::fields::Kind;
use super::filter::{Condition, Filter, Test, Value};

/// A value that is bound.
#[derive(Clone, Debug)]
pub enum Bind {
    Text(String),
    Id(Uuid),
    Int(i64),
    Bool(bool),
    Time(DateTime<Utc>),
    Json(Json),
    Texts(Vec<String>),
    Ids(Vec<Uuid>),
    Ints(Vec<i64>),
    Times(Vec<DateTime<Utc>>),
    Jsons(Vec<Json>),
}

/// Values of a statement, in their order.
#[derive(Debug, Default)]
pub struct Binds(Vec<Bind>);

impl Binds {
    /// Binds a value and gives what stands for it.
    pub fn push(&mut self, value: Bind) -> String {
        self.0.push(value);
        format!("${}", self.0.len())
    }

    /// The statement with its values.
    pub fn into_query(self, sql: String) -> BoxedSqlQuery<'static, Pg, diesel::query_builder::SqlQuery> {
        let mut query = diesel::sql_query(sql).into_boxed::<Pg>();
        for value in self.0 {
            query = match value {
                Bind::Text(value) => query.bind::<Text, _>(value),
                Bind::Id(value) => query.bind::<SqlUuid, _>(value),
                Bind::Int(value) => query.bind::<BigInt, _>(value),
                Bind::Bool(value) => query.bind::<Bool, _>(value),
                Bind::Time(value) => query.bind::<Timestamptz, _>(value),
                Bind::Json(value) => query.bind::<Jsonb, _>(value),
                Bind::Texts(values) => query.bind::<Array<Text>, _>(values),
                Bind::Ids(values) => query.bind::<Array<SqlUuid>, _>(values),
                Bind::Ints(values) => query.bind::<Array<BigInt>, _>(values),
                Bind::Times(values) => query.bind::<Array<Timestamptz>, _>(values),
                Bind::Jsons(values) => query.bind::<Array<Jsonb>, _>(values),
            };
        }
        query
    }
}

/// A value as it is bound; `None` for none.
pub fn bound(value: &Value) -> Option<Bind> {
    Some(match value {
        Value::Null => return None,
        Value::Text(value) => Bind::Text(value.clone()),
        Value::Id(value) => Bind::Id(*value),
        Value::Int(value) => Bind::Int(*value),
        Value::Bool(value) => Bind::Bool(*value),
        Value::Time(value) => Bind::Time(*value),
        Value::Json(value) => Bind::Json(value.clone()),
    })
}

/// Several values as they are bound. All are of one type, which is that of their field.
fn array(kind: Kind, values: &[Value]) -> Bind {
    macro_rules! of {
        ($variant:ident, $array:ident) => {
            Bind::$array(
                values
                    .iter()
                    .filter_map(|value| match value {
                        Value::$variant(value) => Some(value.clone()),
                        _ => None,
                    })
                    .collect(),
            )
        };
    }
    match kind {
        Kind::Text | Kind::List | Kind::Members | Kind::Bool => of!(Text, Texts),
        Kind::Id => of!(Id, Ids),
        Kind::Int => of!(Int, Ints),
        Kind::Time => of!(Time, Times),
        Kind::Custom => of!(Json, Jsons),
    }
}

/// A filter as a condition that is true or false, never unknown: so that its opposite is what it says.
pub fn condition(filter: &Filter, binds: &mut Binds) -> String {
    let mut joined = |parts: &[Filter], with: &str, none: &str| {
        let parts: Vec<String> = parts.iter().map(|part| condition(part, binds)).collect();
        if parts.is_empty() { none.to_owned() } else { format!("({})", parts.join(with)) }
    };
    match filter {
        Filter::All(parts) => joined(parts, " AND ", "true"),
        Filter::Any(parts) => joined(parts, " OR ", "false"),
        Filter::None(parts) => format!("NOT {}", joined(parts, " OR ", "false")),
        Filter::Is(is) => match is.field.kind {
            Kind::Custom => custom(is, binds),
            Kind::List => list(is, binds),
            Kind::Members => members(is, binds),
            _ => plain(is, binds),
        },
    }
}

fn plain(is: &Condition, binds: &mut Binds) -> String {
    let field = is.field.sql;
    match &is.test {
        Test::Eq(value) => compare(field, "=", value, binds),
        Test::Order(operator, value) => compare(field, operator, value, binds),
        Test::In(values) => {
            let array = binds.push(array(is.field.kind, values));
            let null =
                if values.contains(&Value::Null) { format!(" OR {field} IS NULL") } else { String::new() };
            format!("(coalesce({field} = ANY({array}), false){null})")
        }
        Test::Exists => format!("({field} IS NOT NULL)"),
        Test::Autocomplete(typed) => {
            let typed = binds.push(Bind::Text(format!(" {typed}")));
            format!("(strpos(' ' || lower(coalesce({field}, '')), {typed}) > 0)")
        }
        // What it finds is where the statement begins.
        Test::Words(_) => "true".to_owned(),
        Test::Contains(_) => "false".to_owned(),
    }
}

fn compare(field: &str, operator: &str, value: &Value, binds: &mut Binds) -> String {
    match bound(value) {
        Some(value) => format!("coalesce({field} {operator} {}, false)", binds.push(value)),
        None => format!("({field} IS NULL)"),
    }
}

fn list(is: &Condition, binds: &mut Binds) -> String {
    let field = is.field.sql;
    match &is.test {
        Test::Eq(value) | Test::Contains(value) => match bound(value) {
            Some(value) => format!("coalesce({} = ANY({field}), false)", binds.push(value)),
            None => "false".to_owned(),
        },
        Test::In(values) => {
            let array = binds.push(array(Kind::List, values));
            format!("coalesce({field} && {array}, false)")
        }
        Test::Exists => format!("(cardinality({field}) > 0)"),
        _ => "false".to_owned(),
    }
}

fn members(is: &Condition, binds: &mut Binds) -> String {
    let users = match users(&is.test) {
        Some(users) => binds.push(Bind::Texts(users)),
        None => return "false".to_owned(),
    };
    format!(
        "EXISTS (SELECT FROM channel_members x WHERE x.app_id = c.app_id AND x.channel_id = c.id \
             AND x.user_id = ANY({users}) AND x.removed_at IS NULL)"
    )
}

/// The users that a condition on members names.
pub fn users(test: &Test) -> Option<Vec<String>> {
    let values = match test {
        Test::Eq(value) | Test::Contains(value) => std::slice::from_ref(value),
        Test::In(values) => values,
        _ => return None,
    };
    match array(Kind::Members, values) {
        Bind::Texts(users) => Some(users),
        _ => None,
    }
}

/// The ids or texts that a condition on a key names.
pub fn keys(is: &Condition) -> Option<Bind> {
    match &is.test {
        Test::Eq(value) => Some(array(is.field.kind, std::slice::from_ref(value))),
        Test::In(values) => Some(array(is.field.kind, values)),
        _ => None,
    }
}

fn custom(is: &Condition, binds: &mut Binds) -> String {
    let path = binds.push(Bind::Texts(is.path.clone()));
    let field = format!("({} #> {path}::text[])", is.field.sql);
    let exists = format!("coalesce(jsonb_typeof({field}) <> 'null', false)");
    match &is.test {
        Test::Eq(value) => match bound(value) {
            Some(value) => format!("coalesce({field} = {}, false)", binds.push(value)),
            None => format!("NOT {exists}"),
        },
        Test::In(values) => {
            let array = binds.push(array(Kind::Custom, values));
            let null =
                if values.contains(&Value::Null) { format!(" OR NOT {exists}") } else { String::new() };
            format!("(coalesce({field} = ANY({array}), false){null})")
        }
        Test::Exists => exists,
        // Only what is of the same type is before or after; texts by their bytes.
        Test::Order(operator, Value::Json(Json::String(text))) => {
            let text = binds.push(Bind::Text(text.clone()));
            format!(
                "CASE WHEN jsonb_typeof({field}) = 'string' THEN ({field} #>> '{{}}') COLLATE \"C\" {operator} {text} \
                 ELSE false END"
            )
        }
        Test::Order(operator, Value::Json(number)) => {
            let number = binds.push(Bind::Json(number.clone()));
            format!(
                "CASE WHEN jsonb_typeof({field}) = 'number' THEN {field} {operator} {number} ELSE false END"
            )
        }
        Test::Contains(Value::Json(value)) => {
            let value = binds.push(Bind::Json(Json::Array(vec![value.clone()])));
            format!("CASE WHEN jsonb_typeof({field}) = 'array' THEN {field} @> {value} ELSE false END")
        }
        _ => "false".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields::CHANNELS;
    use super::*;
    use serde_json::json;

    fn sql(filter: Json) -> (String, usize) {
        let filter = Filter::read(&CHANNELS, &serde_json::from_value(filter).unwrap()).unwrap();
        let mut binds = Binds::default();
        (condition(&filter, &mut binds), binds.0.len())
    }

    #[test]
    fn values_are_bound_and_never_part_of_the_text() {
        let evil = "'; DROP TABLE users; --";
        let (text, binds) = sql(json!({
            "name": evil, "custom.a.b": { "$in": [evil, 1, true], "$gt": evil }, "tags": { "$contains": evil },
            "members": { "$in": [evil] },
        }));
        assert!(!text.contains("DROP"), "{text}");
        assert_eq!(binds, 7);
    }

    #[test]
    fn each_operator_becomes_a_condition_that_is_never_unknown() {
        for (filter, expected) in [
            (json!({}), "true"),
            (json!({ "name": "x" }), "(coalesce((c.name COLLATE \"C\") = $1, false))"),
            (json!({ "name": null }), "(((c.name COLLATE \"C\") IS NULL))"),
            (json!({ "name": { "$ne": "x" } }), "(NOT (coalesce((c.name COLLATE \"C\") = $1, false)))"),
            (json!({ "tags": { "$in": ["x"] } }), "(coalesce(c.tags && $1, false))"),
            (
                json!({ "frozen": true }),
                "(coalesce(coalesce((c.config ->> 'frozen')::boolean, false) = $1, false))",
            ),
            (
                json!({ "custom.a": { "$exists": true } }),
                "(coalesce(jsonb_typeof((c.custom #> $1::text[])) <> 'null', false))",
            ),
        ] {
            assert_eq!(sql(filter.clone()).0, expected, "{filter}");
        }
    }
}
