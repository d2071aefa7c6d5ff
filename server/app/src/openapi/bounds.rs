//! What requests must hold to, as far as a schema can say it: how long, how many, of what form. The numbers are those
//! that requests are checked with, and stand once.
//!
//! What depends on other fields, on bytes, or on what is stored stays with the checks, and with the descriptions.

use parlor_protocol::UserId;
use parlor_protocol::limits::{
    ATTACHMENTS, BATCH, CHANNEL_SLUG_CHARS, COUNTER_MOST, COUNTER_OPERATIONS, FORWARD_CHANNELS, IMPORT_PARTS,
    JOB_ITEMS, MENTIONED_GROUPS, MENTIONS, NAME_CHARS, NOTE_CHARS, PAGE_MAX, POLL_OPTION_CHARS, POLL_OPTIONS,
    POLL_OPTIONS_ASKED, QUERY_CHANNELS, QUERY_MEMBERS, QUERY_MESSAGES, REACTION_CHARS, REACTION_SCORE,
    RETENTION_DAYS_MOST, SEARCH_CHARS, SORT_KEYS, STATUS_TEXT_CHARS, SYNC_ROWS_MOST, TAG_CHARS, TAGS,
    TEXT_CHARS, UNDELETE_MINUTES_MOST, URL_CHARS, VISIBLE_TO,
};
use utoipa::Number;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::schema::{ArrayItems, SchemaType};
use utoipa::openapi::{Array, Components, Object, OpenApi, Ref, RefOr, Required, Schema, Type};

/// A bound of one value, or of each item of a list.
#[derive(Clone, Copy)]
enum Bound {
    /// Characters of a text.
    Chars(usize, usize),
    /// A regular expression that it matches as a whole.
    Pattern(&'static str),
    /// A number's least and most.
    Numbers(i64, i64),
    Degrees(f64),
    /// How many items.
    Items(usize, usize),
    /// How many, each once.
    Distinct(usize, usize),
}
use Bound::{Chars, Degrees, Distinct, Items, Numbers, Pattern};

/// Letters, digits, `-` and `_`.
const SLUG: &str = "^[A-Za-z0-9_-]+$";
const URL: &str = "^https?://\\S*$";
/// No control character.
const PRINTABLE: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";
/// No control character and no space.
const SOLID: &str = "^[^\\s\\u0000-\\u001f\\u007f-\\u009f]+$";
/// ASCII that an HTTP header carries: spaces at its ends would be lost.
const HEADER: &str = "^[!-~]([ -~]*[!-~])?$";
/// A tag neither begins nor ends with a space.
const TAG: &str = "^[^\\s\\u0000-\\u001f\\u007f-\\u009f]([^\\u0000-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f])?$";

/// Fields of requests: schema, field, bound. `field[]` is each item of a list.
const FIELDS: &[(&[&str], &str, Bound)] = &[
    (&["AddMembers"], "members", Items(1, BATCH)),
    (&["AddReaction"], "score", Numbers(1, REACTION_SCORE as i64)),
    (&["AddReaction"], "type", Chars(1, REACTION_CHARS)),
    (&["AddReaction"], "type", Pattern(SOLID)),
    (&["AddToUserGroup", "QueryPresence"], "user_ids", Items(1, BATCH)),
    (&["ChangeCounters"], "operations", Items(1, COUNTER_OPERATIONS)),
    (&["CounterOperation"], "compare", Numbers(-COUNTER_MOST, COUNTER_MOST)),
    (&["CounterOperation"], "field", Chars(1, CHANNEL_SLUG_CHARS)),
    (&["CounterOperation"], "field", Pattern(SLUG)),
    (&["CounterOperation"], "increment", Numbers(-COUNTER_MOST, COUNTER_MOST)),
    (&["CounterOperation"], "set", Numbers(-COUNTER_MOST, COUNTER_MOST)),
    (&["CreateChannel"], "id", Chars(1, CHANNEL_SLUG_CHARS)),
    (&["CreateChannel"], "id", Pattern(SLUG)),
    (&["CreateChannels"], "channels", Items(1, JOB_ITEMS)),
    (&["CreatePoll"], "max_votes", Numbers(1, POLL_OPTIONS as i64)),
    (&["CreatePoll"], "options", Distinct(2, POLL_OPTIONS_ASKED)),
    (&["CreatePoll"], "options[]", Chars(1, POLL_OPTION_CHARS)),
    (&["CreateUserGroup"], "user_ids", Items(0, BATCH)),
    (&["ForwardMessage"], "channel_ids", Distinct(1, FORWARD_CHANNELS)),
    (&["ForwardMessage"], "comment", Chars(0, TEXT_CHARS)),
    (&["GroupMentions"], "groups", Items(0, MENTIONED_GROUPS)),
    (&["HeldChannel"], "seq", Numbers(0, i64::MAX)),
    (&["MarkManyDelivered"], "channels", Items(1, BATCH)),
    (&["PutReminder"], "note", Chars(0, NOTE_CHARS)),
    (&["Query"], "limit", Numbers(1, PAGE_MAX as i64)),
    (&["Query", "QueryChannels"], "sort", Items(0, SORT_KEYS)),
    (&["QueryChannels"], "limit", Numbers(1, QUERY_CHANNELS as i64)),
    (&["QueryChannels"], "members", Numbers(0, QUERY_MEMBERS as i64)),
    (&["QueryChannels", "SyncRequest"], "messages", Numbers(1, QUERY_MESSAGES as i64)),
    (&["SyncRequest"], "hold", Items(0, BATCH)),
    (&["SyncRequest"], "limit", Numbers(1, SYNC_ROWS_MOST as i64)),
    (&["UpdateApp"], "undelete_minutes", Numbers(0, UNDELETE_MINUTES_MOST as i64)),
    (&["UpdateChannelConfig", "ChannelConfig"], "retention_days", Numbers(1, RETENTION_DAYS_MOST as i64)),
    (&["UpdateLocation"], "lat", Degrees(90.0)),
    (&["UpdateLocation"], "lon", Degrees(180.0)),
    (&["UpdatePresence"], "status_color", Pattern("^#[0-9A-Fa-f]{6}$")),
    (&["UpdatePresence"], "status_text", Chars(0, STATUS_TEXT_CHARS)),
    (&["UpsertUsers"], "users", Items(1, BATCH)),
    (SAID, "text", Chars(0, TEXT_CHARS)),
    (SAID, "attachments", Items(0, ATTACHMENTS)),
    (MENTIONING, "mentions", Items(0, MENTIONS)),
    (&["CreateScheduledMessage", "SendMessage"], "visible_to", Distinct(1, VISIBLE_TO)),
    (RETENTION, "commerce", Numbers(1, RETENTION_DAYS_MOST as i64)),
    (RETENTION, "livestream", Numbers(1, RETENTION_DAYS_MOST as i64)),
    (RETENTION, "messaging", Numbers(1, RETENTION_DAYS_MOST as i64)),
    (RETENTION, "team", Numbers(1, RETENTION_DAYS_MOST as i64)),
    (NAMED, "name", Chars(0, NAME_CHARS)),
    (PICTURED, "image", Chars(0, URL_CHARS)),
    (PICTURED, "image", Pattern(URL)),
    (&["CreateUserGroup", "UpdateUserGroup"], "name", Chars(1, NAME_CHARS)),
    (&["CreateTask", "UpdateTask"], "title", Chars(0, NAME_CHARS)),
    (TAGGED, "tags", Distinct(0, TAGS)),
    (TAGGED, "tags[]", Chars(1, TAG_CHARS)),
    (TAGGED, "tags[]", Pattern(TAG)),
];
const NAMED: &[&str] =
    &["CreateChannel", "CreateGuest", "ReplaceChannel", "UpdateChannel", "UpdateUser", "UpsertUser"];
const PICTURED: &[&str] = &["CreateChannel", "ReplaceChannel", "UpdateChannel", "UpdateUser", "UpsertUser"];
/// What is said, whatever becomes of it.
const SAID: &[&str] = &[
    "CreateScheduledMessage",
    "DraftContent",
    "SendEphemeral",
    "SendMessage",
    "UpdateMessage",
    "UpdateScheduledMessage",
];
const MENTIONING: &[&str] =
    &["CreateScheduledMessage", "DraftContent", "SendMessage", "UpdateMessage", "UpdateScheduledMessage"];
const TAGGED: &[&str] = &["CreateChannel", "ReplaceChannel", "UpdateChannel"];
const RETENTION: &[&str] = &["UpdateRetentionDays"];

/// What `{id}` is, by the word before it. Channels are named by their `cid`, too, and have no form of their own.
const IDS: &[(&str, &str)] = &[
    ("exports", "ExportId"),
    ("imports", "ImportId"),
    ("jobs", "JobId"),
    ("messages", "MessageId"),
    ("pending_messages", "MessageId"),
    ("scheduled_messages", "MessageId"),
    ("tasks", "TaskId"),
    ("user_deletions", "DeletionId"),
    ("user_groups", "UserGroupId"),
    ("users", "UserId"),
];

/// Says it all.
pub fn add(document: &mut OpenApi) {
    let OpenApi { paths, components, .. } = document;
    let components = components.get_or_insert_default();
    bound_schema(components.schemas.get_mut("UserId"), Chars(1, UserId::MAX_BYTES));
    bound_schema(components.schemas.get_mut("UserId"), Pattern(PRINTABLE));
    for (schemas, field, bound) in FIELDS {
        for schema in *schemas {
            bound_schema(property(components, schema, field), *bound);
        }
    }
    for schema in SAID {
        text_as_content(property(components, schema, "content"));
    }
    for (path, item) in &mut paths.paths {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
        for operation in operations.into_iter().flatten() {
            bodies(operation, components);
            for parameter in operation.parameters.iter_mut().flatten() {
                if let RefOr::T(parameter) = parameter {
                    bound_parameter(path, parameter);
                }
            }
        }
    }
}

/// An empty body is an empty object, which suffices where no field is obligatory.
fn bodies(operation: &mut Operation, components: &Components) {
    if let Some(RefOr::T(body)) = &mut operation.request_body
        && let Some(RefOr::T(content)) = body.content.get("application/json")
        && let Some(schema) = &content.schema
        && is_all_optional(schema, components)
    {
        body.required = Some(Required::False);
    }
}

fn is_all_optional(schema: &RefOr<Schema>, components: &Components) -> bool {
    match schema {
        RefOr::Ref(reference) => {
            let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
            components.schemas.get(name).is_some_and(|schema| is_all_optional(schema, components))
        }
        RefOr::T(Schema::Object(object)) => object.required.is_empty(),
        RefOr::T(Schema::AllOf(all)) => all.items.iter().all(|part| is_all_optional(part, components)),
        RefOr::T(_) => false,
    }
}

/// A string that comes as `content` is read as `text`.
fn text_as_content(content: Option<&mut RefOr<Schema>>) {
    if let Some(RefOr::T(Schema::OneOf(either))) = content {
        either.items.push(Object::with_type(Type::String).into());
    }
}

fn bound_parameter(path: &str, parameter: &mut Parameter) {
    let Parameter { name, parameter_in, schema: Some(schema), .. } = parameter else { return };
    not_null(schema);
    let is_path = matches!(parameter_in, ParameterIn::Path);
    if is_path && let Some(id) = id_of(path, name) {
        *schema = Ref::from_schema_name(id).into();
    }
    let sync = path.ends_with("/sync");
    let bounds: &[Bound] = match (is_path, name.as_str()) {
        (false, "limit") if sync => &[Numbers(1, SYNC_ROWS_MOST as i64)],
        (false, "limit") => &[Numbers(1, PAGE_MAX as i64)],
        (false, "messages") => &[Numbers(1, QUERY_MESSAGES as i64)],
        (false, "q") if path.ends_with("/search/messages") => &[Chars(1, SEARCH_CHARS)],
        (false, "Idempotency-Key") => &[Chars(1, 255), Pattern(HEADER)],
        (true, "number") => &[Numbers(1, IMPORT_PARTS as i64)],
        (_, "type") if path.contains("/reactions") => &[Chars(1, REACTION_CHARS), Pattern(SOLID)],
        _ => &[],
    };
    for bound in bounds {
        bound_schema(Some(schema), *bound);
    }
}

/// What the part of a path is that has this name, if it is an id with a form of its own.
fn id_of(path: &str, name: &str) -> Option<&'static str> {
    if name == "user_id" {
        return Some("UserId");
    }
    let before = path.strip_suffix("/{id}").or_else(|| path.split("/{id}/").next())?;
    let word = before.rsplit('/').next()?;
    IDS.iter().find(|(known, _)| name == "id" && *known == word).map(|(_, schema)| *schema)
}

/// Null does not travel in an address or a header: a parameter is there or it is not.
fn not_null(schema: &mut RefOr<Schema>) {
    if let RefOr::T(Schema::Object(object)) = schema
        && let SchemaType::Array(types) = &object.schema_type
        && let Some(only) = types.iter().find(|kind| !matches!(kind, Type::Null))
    {
        object.schema_type = SchemaType::Type(only.clone());
    }
}

/// The schema of a field, or of its items; parts of a schema are looked through.
fn property<'a>(components: &'a mut Components, schema: &str, field: &str) -> Option<&'a mut RefOr<Schema>> {
    let (field, items) = field.strip_suffix("[]").map_or((field, false), |field| (field, true));
    let found = match components.schemas.get_mut(schema)? {
        RefOr::T(Schema::Object(object)) => object.properties.get_mut(field)?,
        RefOr::T(Schema::AllOf(all)) => all.items.iter_mut().find_map(|part| match part {
            RefOr::T(Schema::Object(object)) => object.properties.get_mut(field),
            _ => None,
        })?,
        _ => return None,
    };
    if !items {
        return Some(found);
    }
    match found {
        RefOr::T(Schema::Array(Array { items: ArrayItems::RefOrSchema(each), .. })) => Some(each),
        _ => None,
    }
}

fn bound_schema(schema: Option<&mut RefOr<Schema>>, bound: Bound) {
    match (schema, bound) {
        (Some(RefOr::T(Schema::Array(array))), Items(least, most) | Distinct(least, most)) => {
            array.min_items = (least > 0).then_some(least);
            array.max_items = Some(most);
            array.unique_items = matches!(bound, Distinct(..));
        }
        (Some(RefOr::T(Schema::Object(object))), bound) => bound_value(object, bound),
        _ => {}
    }
}

fn bound_value(object: &mut Object, bound: Bound) {
    match bound {
        Chars(least, most) => {
            object.min_length = (least > 0).then_some(least);
            object.max_length = Some(most);
        }
        Pattern(pattern) => object.pattern = Some(pattern.to_owned()),
        Numbers(least, most) => {
            object.minimum = Some(Number::Int(least as isize));
            object.maximum = (most < i64::MAX).then_some(Number::Int(most as isize));
        }
        Degrees(most) => {
            object.minimum = Some(Number::Float(-most));
            object.maximum = Some(Number::Float(most));
        }
        Items(..) | Distinct(..) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_is_of_a_field_that_can_have_it() {
        let mut components = crate::openapi::document().components.unwrap();
        for (schemas, field, bound) in FIELDS {
            for schema in *schemas {
                let found = property(&mut components, schema, field);
                let fits = match (found, bound) {
                    (Some(RefOr::T(Schema::Array(array))), Items(..) | Distinct(..)) => {
                        array.max_items.is_some()
                    }
                    (Some(RefOr::T(Schema::Object(object))), Chars(..)) => object.max_length.is_some(),
                    (Some(RefOr::T(Schema::Object(object))), Pattern(..)) => object.pattern.is_some(),
                    (Some(RefOr::T(Schema::Object(object))), Numbers(..) | Degrees(..)) => {
                        object.minimum.is_some()
                    }
                    _ => false,
                };
                assert!(fits, "{schema}.{field}");
            }
        }
    }
}
