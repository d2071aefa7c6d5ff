//! Pages of what a query finds: keyset over the keys of the order and a field whose values all differ.
//!
//! The statement gives what identifies each row, with the values of its keys; the rows are read by that afterwards, as
//! everywhere else. A cursor belongs to one filter and order: their hash is in its name.

use chrono::{DateTime, Utc};
use parlor_platform::crypto::sha256;
use parlor_platform::db::TenantTx;
use parlor_platform::{Error, Result};
use parlor_protocol::limits::SORT_KEYS;
use parlor_protocol::query::{Order, SortKey};
use parlor_protocol::{Custom, ErrorCode, Page};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::compile::{Bind, Binds, bound, condition};
use super::fields::{CHANNELS, Field, Kind, Resource};
use super::filter::{self, Filter, Value, invalid};
use super::store::{self, Found};
use crate::web::{decode, encode, one_more};

/// A query that was read.
pub struct Asked {
    pub filter: Filter,
    /// Keys of the order; the last one's values all differ.
    pub keys: Vec<Key>,
    pub size: usize,
    /// The values of the keys after which the page begins.
    after: Option<Vec<Value>>,
    /// Name of its cursors.
    list: String,
}

/// A key of an order.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub field: &'static Field,
    pub order: Order,
}

impl Asked {
    /// Reads a query. `usual` is the order unless one is asked for.
    pub fn read(
        resource: &'static Resource,
        filter: &Custom,
        sort: &[SortKey],
        usual: &[(&'static str, Order)],
        size: usize,
        cursor: Option<&str>,
    ) -> Result<Self> {
        if sort.len() > SORT_KEYS {
            return Err(invalid(format!("An order has at most {SORT_KEYS} keys.")));
        }
        let mut keys = Vec::new();
        for key in sort {
            keys.push(Key { field: sortable(resource, &key.field)?, order: key.order });
        }
        if keys.iter().enumerate().any(|(at, key)| keys[..at].iter().any(|other| same(other, key))) {
            return Err(invalid("A field is sorted by twice."));
        }
        if keys.is_empty() {
            for (name, order) in usual {
                keys.push(Key { field: sortable(resource, name)?, order: *order });
            }
        }
        match keys.iter().position(|key| key.field.name == resource.unique) {
            // What follows would never decide.
            Some(at) => keys.truncate(at + 1),
            None => {
                let order = keys.last().map_or(Order::Asc, |key| key.order);
                keys.push(Key { field: sortable(resource, resource.unique)?, order });
            }
        }
        let list = list(resource, filter, sort)?;
        let after = decode::<Vec<Json>>(&list, cursor)?.map(|values| position(&keys, &values)).transpose()?;
        let filter = Filter::read(resource, filter)?;
        Ok(Self { filter, keys, size, after, list })
    }

    /// Whether it is sorted by the field that is unique, and nothing else.
    pub fn by_unique(&self) -> bool {
        self.keys.len() == 1
    }

    /// Runs the statement `SELECT … FROM {from} …` on rows that are identified by `id`.
    pub async fn run(&self, tx: &TenantTx, id: &str, from: &str, mut binds: Binds) -> Result<Page<Found>> {
        let holds = condition(&self.filter, &mut binds);
        let after = self.after(&mut binds);
        let keys: Vec<&str> = self.keys.iter().map(|key| key.field.sql).collect();
        let limit = binds.push(Bind::Int(one_more(self.size)));
        let sql = format!(
            "SELECT {id}::text AS id, jsonb_build_array({}) AS keys FROM {from} AND {holds} AND {after} \
             ORDER BY {} LIMIT {limit}",
            keys.join(", "),
            self.order()
        );
        let rows = store::found(tx, sql, binds).await?;
        Page::of(rows, self.size, |row| encode(&self.list, &row.keys))
    }

    /// A cursor to these values of the keys.
    pub fn cursor(&self, keys: &Json) -> Result<String> {
        encode(&self.list, keys)
    }

    /// Where the page begins, if the order is by the unique field alone.
    pub fn after_number(&self) -> Option<i64> {
        match self.after.as_deref() {
            Some([Value::Int(number)]) => Some(*number),
            _ => None,
        }
    }

    /// Where a row is after the page before.
    fn after(&self, binds: &mut Binds) -> String {
        let Some(values) = &self.after else { return "true".to_owned() };
        let mut ways = Vec::new();
        let mut equal: Vec<String> = Vec::new();
        for (key, value) in self.keys.iter().zip(values) {
            let field = key.field.sql;
            match bound(value) {
                Some(value) => {
                    let value = binds.push(value);
                    let operator = if key.order == Order::Asc { ">" } else { "<" };
                    let null =
                        if key.field.nullable { format!(" OR {field} IS NULL") } else { String::new() };
                    let after = format!("({field} {operator} {value}{null})");
                    ways.push(equal.iter().cloned().chain([after]).collect::<Vec<_>>().join(" AND "));
                    equal.push(format!("{field} = {value}"));
                }
                // The last ones.
                None => equal.push(format!("{field} IS NULL")),
            }
        }
        let ways: Vec<String> = ways.into_iter().map(|way| format!("({way})")).collect();
        format!("({})", ways.join(" OR "))
    }

    fn order(&self) -> String {
        let keys = self.keys.iter().map(|key| {
            let field = key.field.sql;
            let way = if key.order == Order::Asc { "ASC" } else { "DESC" };
            if key.field.nullable {
                format!("({field} IS NULL), {field} {way}")
            } else {
                format!("{field} {way}")
            }
        });
        keys.collect::<Vec<_>>().join(", ")
    }
}

fn same(one: &Key, other: &Key) -> bool {
    one.field.name == other.field.name
}

fn sortable(resource: &'static Resource, name: &str) -> Result<&'static Field> {
    let (field, _) = filter::find(resource, name)?;
    if field.sort {
        return Ok(field);
    }
    let fields = resource.fields.iter().filter(|field| field.sort).map(|field| format!("`{}`", field.name));
    let fields: Vec<String> = fields.collect();
    let why = format!("{} can't be sorted by `{}`, but by {}.", resource.name, field.name, fields.join(", "));
    Err(Error::with(ErrorCode::QueryNotServable, why))
}

/// Cursors open only the query that made them.
fn list(resource: &Resource, filter: &Custom, sort: &[SortKey]) -> Result<String> {
    let query = serde_json::to_vec(&(filter, sort)).map_err(Error::internal)?;
    let hash = sha256(&[&query]);
    let hash: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("query-{}-{hash}", resource.name))
}

fn position(keys: &[Key], values: &[Json]) -> Result<Vec<Value>> {
    let value = |(key, value): (&Key, &Json)| {
        filter::read(key.field, value, key.field.nullable)
            .or_else(|_| {
                // A cursor may hold what no filter may name: a value that is longer.
                let text = value.as_str().filter(|_| key.field.kind == Kind::Text);
                text.map(|text| Value::Text(text.to_owned())).ok_or(ErrorCode::InvalidCursor)
            })
            .map_err(|_| Error::new(ErrorCode::InvalidCursor))
    };
    if keys.len() != values.len() {
        return Err(ErrorCode::InvalidCursor.into());
    }
    keys.iter().zip(values).map(value).collect()
}

/// The cursor of a user's channels, without filter or order, after the one that was active then.
pub fn after_active(active_at: DateTime<Utc>, channel: Uuid) -> Result<String> {
    encode(&list(&CHANNELS, &Custom::default(), &[])?, &json!([active_at, channel]))
}
