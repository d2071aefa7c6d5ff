//! Messages that are to be sent at a time.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::content::{Content, ContentType, GroupMentions, reads_content_as_text};
use crate::message::SendMessage;
use crate::{ChannelId, Custom, ErrorCode, MessageId, Patch, UserId};

/// What has become of a scheduled message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ScheduledState {
    /// Its time has not come. Only now it can be changed.
    Waiting,
    /// Its time has come.
    Sending,
    /// It is a message.
    Sent,
    /// It waits for approval: what becomes of it, its pending message of the same `id` says.
    Pending,
    /// Its author may not send it; `error` says why.
    Failed,
    /// Its author thought better of it.
    Cancelled,
}

impl ScheduledState {
    /// All states.
    pub const ALL: [Self; 6] =
        [Self::Waiting, Self::Sending, Self::Sent, Self::Pending, Self::Failed, Self::Cancelled];

    /// The state's name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Pending => "pending",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// A message that is to be sent at a time, or was. It is forgotten 30 days after it was sent, came to wait for
/// approval, or was cancelled.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::scheduled_message))]
pub struct ScheduledMessage {
    /// The id that the client gave it.
    pub id: MessageId,
    /// Where it is sent to.
    pub channel_id: ChannelId,
    /// Whose message it is.
    pub user_id: UserId,
    /// When it is sent, to the second.
    pub send_at: DateTime<Utc>,
    /// What is sent; its `id` and `user_id` stand here above. `null` once it was sent, waits for approval, or
    /// was cancelled.
    pub content: Option<SendMessage>,
    /// What has become of it.
    pub state: ScheduledState,
    /// Why it failed: what sending it was answered with.
    pub error: Option<ErrorCode>,
    /// Id of the message that it becomes: the same as `id`.
    pub message_id: MessageId,
    /// The user's own `seq` of its last change.
    pub user_seq: i64,
    /// When it was scheduled.
    pub created_at: DateTime<Utc>,
    /// When content, time or state last changed.
    pub updated_at: DateTime<Utc>,
}

/// A message to send at a time. Its author's rights are asked for now, and again when it is sent.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CreateScheduledMessage {
    /// When: 5 seconds to 365 days from now.
    pub send_at: DateTime<Utc>,
    /// What: as it would be sent now. The same `id` again answers with the first result.
    #[serde(flatten)]
    pub message: SendMessage,
}

/// By hand: a schema of two parts would not hold, because each refuses the other's fields as unknown.
#[cfg(feature = "utoipa")]
mod schema {
    use utoipa::openapi::RefOr;
    use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
    use utoipa::{PartialSchema, ToSchema};

    use super::{CreateScheduledMessage, SendMessage};

    impl PartialSchema for CreateScheduledMessage {
        fn schema() -> RefOr<Schema> {
            let mut schema = SendMessage::schema();
            if let RefOr::T(Schema::Object(object)) = &mut schema {
                let send_at = ObjectBuilder::new()
                    .schema_type(Type::String)
                    .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
                    .description(Some("When: 5 seconds to 365 days from now."));
                object.properties.insert("send_at".to_owned(), RefOr::T(Schema::Object(send_at.build())));
                object.required.push("send_at".to_owned());
                object.description = Some(
                    "A message to send at a time. Its author's rights are asked for now, and again when it is sent."
                        .to_owned(),
                );
                object.example = Some(crate::examples::create_scheduled_message());
            }
            schema
        }
    }

    impl ToSchema for CreateScheduledMessage {
        fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
            SendMessage::schemas(schemas);
        }
    }
}

/// Changes a scheduled message that still waits. Fields left out stay.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::update_scheduled_message))]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct UpdateScheduledMessage {
    /// When: 5 seconds to 365 days from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_at: Option<DateTime<Utc>>,
    /// Markdown, at most 20,000 characters. It replaces a TipTap document, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What kind of message it is to be. One that has no `content` loses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
    /// Replaces the document or object. A string is read as `text`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// Replaces the attachments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachments: Option<Vec<Custom>>,
    /// Replaces the mentioned users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mentions: Option<Vec<UserId>>,
    /// Replaces whom it calls beside those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_mentions: Option<GroupMentions>,
    /// Replaces the sender's own fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<Custom>,
    /// The message to quote; `null` for none.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<MessageId>))]
    pub reply_to_id: Patch<MessageId>,
}

reads_content_as_text!(UpdateScheduledMessage);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_send_stand_beside_the_time() {
        let read = |rest: &str| {
            serde_json::from_str::<CreateScheduledMessage>(&format!(
                r#"{{"send_at":"2026-03-02T09:30:00Z",{rest}}}"#
            ))
        };
        let full = read(
            r#""content":"x","thread_id":"0198c0de-7f42-7a90-8c55-1e3b9d7a6c02","custom":{"n":[1,2.5]}"#,
        );
        let full = full.unwrap();
        assert_eq!((full.message.text.as_str(), full.message.parent_id.is_some()), ("x", true));
        let custom = serde_json::to_string(&full.message.custom).unwrap();
        assert_eq!(custom, r#"{"n":[1,2.5]}"#, "numbers stay what they are");
        for wrong in [r#""tekst":"x""#, r#""text":"x","content":"y""#, r#""text":1"#, r#""id":"7""#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(serde_json::from_str::<CreateScheduledMessage>(r#"{"text":"x"}"#).is_err(), "no time");
    }
}
