//! Whatever is asked of some channels: the answer is what one gets by looking at each of them.

use std::cmp::Ordering;

use parlor_e2e::{Client, Mode, Server};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use serde_json::{Value, json};

use crate::cases;

/// The value of a field, as a channel shows it.
fn field(channel: &Value, name: &str) -> Value {
    match name.strip_prefix("custom.") {
        Some(key) => channel["custom"].get(key).cloned().unwrap_or_default(),
        None if name == "frozen" => channel["config"]["frozen"].clone(),
        None => channel[name].clone(),
    }
}

fn order(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::String(one), Value::String(other)) => Some(one.as_bytes().cmp(other.as_bytes())),
        (Value::Number(one), Value::Number(other)) => one.as_f64()?.partial_cmp(&other.as_f64()?),
        _ => None,
    }
}

fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(_), Value::Number(_)) => order(one, other) == Some(Ordering::Equal),
        _ => one == other,
    }
}

fn compare(name: &str, found: &Value, operator: &str, value: &Value) -> bool {
    // Tags are equal to what they contain; a list in custom data is a value like any other.
    let tags = found.as_array().filter(|_| name == "tags");
    let equal =
        |found: &Value, value: &Value| tags.map_or_else(|| equal(found, value), |tags| tags.contains(value));
    let any = |values: &Value| values.as_array().unwrap().iter().any(|value| equal(found, value));
    let is = |wanted: &[Ordering]| order(found, value).is_some_and(|order| wanted.contains(&order));
    match operator {
        "$eq" => equal(found, value),
        "$ne" => !equal(found, value),
        "$in" => any(value),
        "$nin" => !any(value),
        "$gt" => is(&[Ordering::Greater]),
        "$gte" => is(&[Ordering::Greater, Ordering::Equal]),
        "$lt" => is(&[Ordering::Less]),
        "$lte" => is(&[Ordering::Less, Ordering::Equal]),
        "$exists" => (!found.is_null() && tags.is_none_or(|tags| !tags.is_empty())) == (*value == true),
        "$contains" => found.as_array().is_some_and(|list| list.contains(value)),
        "$autocomplete" => {
            let words = format!(" {}", found.as_str().unwrap_or_default().to_lowercase());
            words.contains(&format!(" {}", value.as_str().unwrap().to_lowercase()))
        }
        other => panic!("{other}"),
    }
}

fn holds(channel: &Value, filter: &Value) -> bool {
    filter.as_object().unwrap().iter().all(|(name, value)| {
        let parts = || value.as_array().unwrap().iter();
        match name.as_str() {
            "$and" => parts().all(|part| holds(channel, part)),
            "$or" => parts().any(|part| holds(channel, part)),
            "$nor" => !parts().any(|part| holds(channel, part)),
            name => match value.as_object() {
                Some(operators) => operators
                    .iter()
                    .all(|(operator, value)| compare(name, &field(channel, name), operator, value)),
                None => compare(name, &field(channel, name), "$eq", value),
            },
        }
    })
}

const NAMES: [&str; 5] = ["alpha", "beta ray", "Beta", "zed alpha", "éclair"];
const TAGS: [&str; 3] = ["red", "blue", "green"];

fn names() -> impl Strategy<Value = Value> {
    proptest::sample::select(NAMES.to_vec()).prop_map(Value::from)
}

/// Something that custom data has, or may be compared with.
fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-2..4_i64).prop_map(Value::from),
        Just(json!(1.5)),
        Just(json!(2.0)),
        any::<bool>().prop_map(Value::from),
        names(),
    ]
}

fn channel() -> impl Strategy<Value = Value> {
    let custom = prop_oneof![
        3 => scalar(),
        1 => Just(Value::Null),
        1 => prop::collection::vec(scalar(), 0..3).prop_map(Value::from),
    ];
    let tags = proptest::sample::subsequence(TAGS.to_vec(), 0..=3);
    let frozen = any::<bool>();
    (prop::option::of(names()), prop::option::of(custom), tags, frozen).prop_map(
        |(name, custom, tags, frozen)| {
            let mut channel =
                json!({ "type": "team", "name": name, "tags": tags, "config": { "frozen": frozen } });
            channel["custom"] = custom.map_or(json!({}), |value| json!({ "a": value }));
            channel
        },
    )
}

fn condition() -> impl Strategy<Value = Value> {
    let equals = || proptest::sample::select(vec!["$eq", "$ne"]);
    let ordered = || proptest::sample::select(vec!["$gt", "$gte", "$lt", "$lte"]);
    let among = || proptest::sample::select(vec!["$in", "$nin"]);
    let one = |field: &'static str, operator: &str, value: Value| json!({ field: { operator: value } });
    prop_oneof![
        names().prop_map(|name| json!({ "name": name })),
        Just(json!({ "name": null })),
        (equals(), names()).prop_map(move |(operator, value)| one("name", operator, value)),
        (ordered(), names()).prop_map(move |(operator, value)| one("name", operator, value)),
        (among(), prop::collection::vec(prop_oneof![4 => names(), 1 => Just(Value::Null)], 1..3))
            .prop_map(move |(operator, values)| one("name", operator, values.into())),
        any::<bool>().prop_map(move |exists| one("name", "$exists", exists.into())),
        proptest::sample::select(vec!["al", "beta r", "RAY", "x"]).prop_map(move |typed| one(
            "name",
            "$autocomplete",
            typed.into()
        )),
        (equals(), any::<bool>()).prop_map(move |(operator, value)| one("frozen", operator, value.into())),
        (among(), proptest::sample::subsequence(TAGS.to_vec(), 1..=2)).prop_map(move |(operator, tags)| one(
            "tags",
            operator,
            json!(tags)
        )),
        proptest::sample::select(TAGS.to_vec()).prop_map(move |tag| one("tags", "$contains", tag.into())),
        any::<bool>().prop_map(move |exists| one("tags", "$exists", exists.into())),
        (ordered(), 0..3_i64).prop_map(move |(operator, value)| one("member_count", operator, value.into())),
        (equals(), scalar()).prop_map(move |(operator, value)| one("custom.a", operator, value)),
        (ordered(), prop_oneof![(-2..4_i64).prop_map(Value::from), Just(json!(1.5)), names()])
            .prop_map(move |(operator, value)| one("custom.a", operator, value)),
        (among(), prop::collection::vec(prop_oneof![5 => scalar(), 1 => Just(Value::Null)], 1..3))
            .prop_map(move |(operator, values)| one("custom.a", operator, values.into())),
        scalar().prop_map(move |value| one("custom.a", "$contains", value)),
        any::<bool>().prop_map(move |exists| one("custom.a", "$exists", exists.into())),
    ]
}

fn filter() -> impl Strategy<Value = Value> {
    condition().prop_recursive(3, 12, 3, |inner| {
        let several = proptest::sample::select(vec!["$and", "$or", "$nor"]);
        (several, prop::collection::vec(inner, 1..4)).prop_map(|(operator, parts)| json!({ operator: parts }))
    })
}

fn sort() -> impl Strategy<Value = Vec<(&'static str, bool)>> {
    let fields = vec!["name", "member_count", "created_at", "last_message_at"];
    (proptest::sample::subsequence(fields, 0..=2).prop_shuffle(), prop::collection::vec(any::<bool>(), 2))
        .prop_map(|(fields, ways)| fields.into_iter().zip(ways).collect())
}

/// In the order that was asked for, what has no value last, and then by id.
fn sorted(mut channels: Vec<Value>, keys: &[(&str, bool)]) -> Vec<String> {
    let last = keys.last().is_none_or(|(_, descending)| *descending);
    channels.sort_by(|one, other| {
        let by_keys = keys.iter().map(|(name, descending)| {
            let (one, other) = (&one[*name], &other[*name]);
            let by_value = order(one, other).unwrap_or(Ordering::Equal);
            let by_value = if *descending { by_value.reverse() } else { by_value };
            one.is_null().cmp(&other.is_null()).then(by_value)
        });
        let by_id = order(&one["id"], &other["id"]).unwrap();
        let by_id = if last { by_id.reverse() } else { by_id };
        by_keys.fold(Ordering::Equal, Ordering::then).then(by_id)
    });
    channels.iter().map(|channel| channel["id"].as_str().unwrap().to_owned()).collect()
}

/// All pages, of three channels each.
async fn pages(user: &Client, filter: &Value, keys: &[(&str, bool)]) -> Vec<String> {
    let order = |descending: bool| if descending { "desc" } else { "asc" };
    let sort: Vec<Value> =
        keys.iter().map(|(name, descending)| json!({ "field": name, "order": order(*descending) })).collect();
    let (mut ids, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let mut body = json!({ "filter": filter, "sort": sort, "limit": 3 });
        if cursor.is_string() {
            body["cursor"] = cursor;
        }
        let page = user.post("/channels/query", body).await.gives(200);
        let items = page["items"].as_array().unwrap();
        ids.extend(items.iter().map(|state| state["channel"]["id"].as_str().unwrap().to_owned()));
        cursor = page["next"].clone();
        if cursor.is_null() {
            return ids;
        }
    }
}

#[test]
fn the_answer_is_what_one_gets_by_looking_at_each() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let server = runtime.block_on(Server::start(Mode::Embedded));
    let mut runner = cases::runner(150);
    let (ann, channels) = runtime.block_on(async {
        let app = server.app("acme").await;
        let (ann, _) = (app.user("ann").await, app.user("ben").await);
        for n in 0..14 {
            let mut made = channel().new_tree(&mut runner).unwrap().current();
            let members = if n % 3 == 0 { vec!["ann", "ben"] } else { vec!["ann"] };
            made["members"] = members.iter().map(|id| json!({ "user_id": id })).collect();
            let made = app.server.post("/channels", made).await.gives(201);
            if n % 4 == 0 {
                let say = json!({ "text": "x", "user_id": "ann" });
                app.server
                    .post(&format!("/channels/{}/messages", made["id"].as_str().unwrap()), say)
                    .await
                    .gives(201);
            }
        }
        let channels = ann.all("/channels", "limit=100").await;
        (ann, channels)
    });
    assert_eq!(channels.len(), 14);
    cases::all(&mut runner, &(filter(), sort()), |(filter, keys)| {
        let expected: Vec<Value> =
            channels.iter().filter(|channel| holds(channel, &filter)).cloned().collect();
        let usual = [("active_at", true)];
        let found = runtime.block_on(pages(&ann, &filter, &keys));
        if keys.is_empty() {
            // `active_at` is not shown.
            let with = |channel: &Value| {
                let mut channel = channel.clone();
                let said = channel["last_message_at"].clone();
                channel["active_at"] = if said.is_null() { channel["created_at"].clone() } else { said };
                channel
            };
            prop_assert_eq!(found, sorted(expected.iter().map(with).collect(), &usual), "{}", filter);
        } else {
            prop_assert_eq!(found, sorted(expected, &keys), "{} by {:?}", filter, keys);
        }
        Ok(())
    });
    runtime.block_on(server.settled());
    runtime.block_on(async { drop(server) });
}

/// Any JSON that may be meant as a filter, and much that is not.
fn anything() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        proptest::sample::select(vec![
            "id",
            "name",
            "type",
            "members",
            "tags",
            "seq",
            "text",
            "channel_id",
            "user_id",
            "custom.a",
            "created_at",
            "$and",
            "$or",
            "$nor",
            "$eq",
            "$in",
            "$gt",
            "$contains",
            "$q",
            "$autocomplete",
            "$exists",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,6}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!("2026-01-01T00:00:00Z")),
        Just(json!("0198c0de-5a17-7c3e-9b1f-6d2a4e8f0b11")),
    ];
    leaf.prop_recursive(4, 20, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

#[test]
fn whatever_is_asked_is_answered_or_refused() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let server = runtime.block_on(Server::start(Mode::Embedded));
    let (app, ann, room) = runtime.block_on(async {
        let app = server.app("acme").await;
        let ann = app.user("ann").await;
        let room = app.channel(&[&ann]).await;
        ann.say(&room, "hello").await;
        (app, ann, room)
    });
    let mut runner = cases::runner(200);
    cases::all(&mut runner, &anything(), |filter| {
        let mut of_room = filter.clone();
        if let Some(fields) = of_room.as_object_mut() {
            fields.insert("channel_id".to_owned(), json!(room));
        }
        let members = format!("/channels/{room}/members/query");
        for (path, filter) in [
            ("/channels/query", &filter),
            ("/users/query", &filter),
            (members.as_str(), &filter),
            ("/messages/query", &of_room),
        ] {
            for by in [&ann, &app.server] {
                let answer = runtime.block_on(by.post(path, json!({ "filter": filter })));
                prop_assert!(
                    answer.status == 200 || (400..500).contains(&answer.status),
                    "{}: {}",
                    path,
                    answer.text
                );
            }
        }
        Ok(())
    });
    runtime.block_on(async { drop(server) });
}
