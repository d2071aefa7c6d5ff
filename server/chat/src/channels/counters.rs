//! Numbers in a channel's custom data that many change at once.
//!
//! The channel's row is held meanwhile, so no addition is lost, and of two who compare with the same number one is refused.
//! The operations of a request are done one after the other, all or none.

use chrono::{DateTime, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::channel::{ChangeCounters, CounterOperation};
use parlor_protocol::limits::{COUNTER_MOST, COUNTER_OPERATIONS};
use parlor_protocol::{Capability, Channel, ChannelId, Custom, ErrorCode, Patch};
use serde_json::Value;

use super::{access, store, update, view};
use crate::users::store::custom;
use crate::validate;
use crate::web::Caller;

/// Does the operations, as one change of the channel.
pub async fn change(
    tx: &TenantTx,
    caller: &Caller,
    id: ChannelId,
    request: &ChangeCounters,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Channel> {
    let operations = checked(request)?;
    let access = access::require_locked(tx, caller, id, Capability::UpdateChannel).await?;
    let mut fields = custom(access.row.custom.clone());
    for (field, operation) in operations {
        operate(&mut fields, field, operation)?;
    }
    validate::custom(&fields)?;
    let fields = Value::Object(fields.0);
    if fields == access.row.custom {
        return view::channel(tx, caller.user(), access.row, now).await;
    }
    let changes = store::Changes {
        name: None,
        image: None,
        custom: Some(fields),
        config: None,
        tags: None,
        updated_at: now,
    };
    update::write(tx, caller, id, changes, entries, now).await
}

/// What to do with a field.
#[derive(Clone, Copy)]
enum Operation {
    Add(i64),
    /// `None`: the field must not be there.
    Swap {
        old: Option<i64>,
        new: i64,
    },
}

fn checked(request: &ChangeCounters) -> Result<Vec<(&str, Operation)>> {
    let refuse = |why: &str| Err(Error::with(ErrorCode::InvalidRequest, why));
    if !(1..=COUNTER_OPERATIONS).contains(&request.operations.len()) {
        return refuse("There are 1 to 20 operations.");
    }
    let operation = |operation: &CounterOperation| match operation {
        CounterOperation { increment: Some(by), compare: Patch::Absent, set: None, .. } => {
            Some(Operation::Add(*by))
        }
        CounterOperation { increment: None, compare: Patch::Clear, set: Some(new), .. } => {
            Some(Operation::Swap { old: None, new: *new })
        }
        CounterOperation { increment: None, compare: Patch::Set(old), set: Some(new), .. } => {
            Some(Operation::Swap { old: Some(*old), new: *new })
        }
        _ => None,
    };
    let mut operations = Vec::new();
    for one in &request.operations {
        if !validate::is_slug(&one.field) {
            return refuse("A counter's field is 1 to 64 of `A-Z a-z 0-9 _ -`.");
        }
        match operation(one) {
            Some(operation) if fits(operation) => operations.push((one.field.as_str(), operation)),
            Some(_) => return refuse("A counter is at most 2^53 − 1."),
            None => return refuse("An operation has `increment`, or `compare` and `set`."),
        }
    }
    Ok(operations)
}

fn in_range(number: i64) -> bool {
    (-COUNTER_MOST..=COUNTER_MOST).contains(&number)
}

fn fits(operation: Operation) -> bool {
    match operation {
        Operation::Add(by) => in_range(by),
        Operation::Swap { old, new } => old.is_none_or(in_range) && in_range(new),
    }
}

fn operate(fields: &mut Custom, field: &str, operation: Operation) -> Result<()> {
    let mismatch = |why: String| Error::with(ErrorCode::CounterMismatch, why);
    let old = match fields.0.get(field) {
        None => None,
        Some(value) => {
            let number = value.as_i64().filter(|number| in_range(*number));
            Some(number.ok_or_else(|| mismatch(format!("`{field}` is no counter but {value}.")))?)
        }
    };
    let new = match operation {
        Operation::Add(by) => Some(old.unwrap_or(0) + by).filter(|sum| in_range(*sum)),
        Operation::Swap { old: expected, new } => Some(new).filter(|_| old == expected),
    };
    let is = || old.map_or("not there".to_owned(), |old| old.to_string());
    let new = new.ok_or_else(|| mismatch(format!("`{field}` is {}; nothing was changed.", is())))?;
    fields.0.insert(field.to_owned(), new.into());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn done(fields: Value, operations: Value) -> Result<Value, ErrorCode> {
        let request: ChangeCounters = serde_json::from_value(json!({ "operations": operations }))
            .map_err(|_| ErrorCode::InvalidJson)?;
        let mut fields: Custom = serde_json::from_value(fields).unwrap();
        let run = checked(&request).and_then(|operations| {
            operations.into_iter().try_for_each(|(field, operation)| operate(&mut fields, field, operation))
        });
        run.map(|()| Value::Object(fields.0)).map_err(|error| error.code())
    }

    #[test]
    fn operations_follow_each_other() {
        let operations = json!([
            { "field": "a", "increment": 2 }, { "field": "a", "compare": 3, "set": 10 }, { "field": "b", "increment": -1 },
            { "field": "c", "compare": null, "set": 0 },
        ]);
        assert_eq!(
            done(json!({ "a": 1, "x": "y" }), operations),
            Ok(json!({ "a": 10, "b": -1, "c": 0, "x": "y" }))
        );
    }

    #[test]
    fn what_does_not_fit_is_a_mismatch() {
        let most = COUNTER_MOST;
        for (fields, operation) in [
            (json!({ "a": 1 }), json!({ "field": "a", "compare": 2, "set": 3 })),
            (json!({ "a": 1 }), json!({ "field": "a", "compare": null, "set": 3 })),
            (json!({}), json!({ "field": "a", "compare": 0, "set": 3 })),
            (json!({ "a": "1" }), json!({ "field": "a", "increment": 1 })),
            (json!({ "a": 1.5 }), json!({ "field": "a", "increment": 1 })),
            (json!({ "a": null }), json!({ "field": "a", "compare": null, "set": 1 })),
            (json!({ "a": most }), json!({ "field": "a", "increment": 1 })),
            (json!({ "a": -most }), json!({ "field": "a", "increment": -1 })),
        ] {
            assert_eq!(done(fields, json!([operation])), Err(ErrorCode::CounterMismatch), "{operation}");
        }
        assert_eq!(
            done(json!({ "a": most - 1 }), json!([{ "field": "a", "increment": 1 }])),
            Ok(json!({ "a": most }))
        );
    }

    #[test]
    fn an_operation_is_one_of_two() {
        for operation in [
            json!({ "field": "a" }),
            json!({ "field": "a", "set": 1 }),
            json!({ "field": "a", "compare": 1 }),
            json!({ "field": "a", "increment": 1, "set": 1 }),
            json!({ "field": "a b", "increment": 1 }),
            json!({ "field": "", "increment": 1 }),
            json!({ "field": "a", "increment": COUNTER_MOST + 1 }),
            json!({ "field": "a", "compare": null, "set": COUNTER_MOST + 1 }),
        ] {
            assert_eq!(done(json!({}), json!([operation])), Err(ErrorCode::InvalidRequest), "{operation}");
        }
        let twenty = |count: usize| json!(vec![json!({ "field": "a", "increment": 1 }); count]);
        assert_eq!(done(json!({}), twenty(20)), Ok(json!({ "a": 20 })));
        for wrong in [0, 21] {
            assert_eq!(done(json!({}), twenty(wrong)), Err(ErrorCode::InvalidRequest));
        }
        assert_eq!(done(json!({}), json!([{ "field": "a", "increment": 0.5 }])), Err(ErrorCode::InvalidJson));
    }
}
