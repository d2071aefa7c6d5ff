//! Whoever copies an example from the documentation sends something that the server takes.

use std::collections::BTreeSet;

use parlor_e2e::parlor;
use parlor_protocol::attachment::UpdateLocation;
use parlor_protocol::channel::{
    AccessCode, ChangeCounters, ChannelChanges, CreateChannel, JoinByCode, ReplaceChannel, TruncateChannel,
    Typing, UpdateChannel,
};
use parlor_protocol::deletion::UserDeletion;
use parlor_protocol::draft::PutDraft;
use parlor_protocol::group::{AddToUserGroup, CreateUserGroup, UpdateUserGroup};
use parlor_protocol::job::{AcceptedJob, ChangeMembers, CreateChannels};
use parlor_protocol::member::{
    AddMembers, AddedMembers, MarkRead, MarkUnread, ReadResult, TransferOwnership, UnreadCounts, UpdateMember,
};
use parlor_protocol::membership::UpdateMembership;
use parlor_protocol::message::{
    ForwardMessage, Forwarded, MessageEdit, MessagePage, SendEphemeral, SendMessage, UpdateMessage,
    UserMessage,
};
use parlor_protocol::pending::RejectMessage;
use parlor_protocol::pin::PinMessage;
use parlor_protocol::poll::{PollVote, SuggestOption, Vote};
use parlor_protocol::presence::{
    Goodbye, OwnPresence, QueryPresence, UpdatePresence, UserPresence, Watchers,
};
use parlor_protocol::query::{ChannelState, Query, QueryChannels};
use parlor_protocol::reaction::AddReaction;
use parlor_protocol::receipt::{
    DeliveredChannels, DeliveryReceipt, DeliveryState, MarkDelivered, MarkManyDelivered, ReadEverything,
    ReadReceipt,
};
use parlor_protocol::reminder::PutReminder;
use parlor_protocol::scheduled::{CreateScheduledMessage, UpdateScheduledMessage};
use parlor_protocol::search::FoundMessage;
use parlor_protocol::sync::{SyncAnswer, SyncRequest};
use parlor_protocol::task::{CreateTask, UpdateTask};
use parlor_protocol::thread::{MarkThreadRead, ThreadReadResult};
use parlor_protocol::token::{
    App, CreateGuest, CreateToken, OpenConnection, RealtimeConnection, RevokeTokens, SubscribeRequest,
    SubscriptionToken, UpdateApp, UserToken,
};
use parlor_protocol::transfer::{Export, Import, ImportPart, StartImport};
use parlor_protocol::user::{
    UpdateUser, UpdateUserSettings, UpsertUser, UpsertUsers, UpsertedUsers, UserSettings,
};
use parlor_protocol::{
    Channel, Draft, EphemeralMessage, ErrorBody, Invite, Job, Member, Message, PendingMessage, Reaction,
    Reminder, ScheduledMessage, Task, Thread, User, UserGroup, UserGroupMember,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads the example as the server or a client would, and gives what it means.
fn read<T: DeserializeOwned + Serialize>(example: &Value) -> Result<Value, serde_json::Error> {
    serde_json::to_value(serde_json::from_value::<T>(example.clone())?)
}

type Read = fn(&Value) -> Result<Value, serde_json::Error>;

const REQUESTS: &[(&str, Read)] = &[
    ("AddToUserGroup", read::<AddToUserGroup>),
    ("CreateUserGroup", read::<CreateUserGroup>),
    ("RejectMessage", read::<RejectMessage>),
    ("SendEphemeral", read::<SendEphemeral>),
    ("UpdateLocation", read::<UpdateLocation>),
    ("UpdateUserGroup", read::<UpdateUserGroup>),
    ("AddMembers", read::<AddMembers>),
    ("ChangeCounters", read::<ChangeCounters>),
    ("ChangeMembers", read::<ChangeMembers>),
    ("AddReaction", read::<AddReaction>),
    ("CreateChannel", read::<CreateChannel>),
    ("CreateChannels", read::<CreateChannels>),
    ("CreateGuest", read::<CreateGuest>),
    ("CreateScheduledMessage", read::<CreateScheduledMessage>),
    ("CreateTask", read::<CreateTask>),
    ("CreateToken", read::<CreateToken>),
    ("ForwardMessage", read::<ForwardMessage>),
    ("Goodbye", read::<Goodbye>),
    ("JoinByCode", read::<JoinByCode>),
    ("MarkDelivered", read::<MarkDelivered>),
    ("MarkManyDelivered", read::<MarkManyDelivered>),
    ("OpenConnection", read::<OpenConnection>),
    ("QueryPresence", read::<QueryPresence>),
    ("UpdatePresence", read::<UpdatePresence>),
    ("MarkRead", read::<MarkRead>),
    ("MarkThreadRead", read::<MarkThreadRead>),
    ("MarkUnread", read::<MarkUnread>),
    ("ReplaceChannel", read::<ReplaceChannel>),
    ("PinMessage", read::<PinMessage>),
    ("SuggestOption", read::<SuggestOption>),
    ("Vote", read::<Vote>),
    ("PutDraft", read::<PutDraft>),
    ("Query", read::<Query>),
    ("QueryChannels", read::<QueryChannels>),
    ("SyncRequest", read::<SyncRequest>),
    ("PutReminder", read::<PutReminder>),
    ("RevokeTokens", read::<RevokeTokens>),
    ("SendMessage", read::<SendMessage>),
    ("StartImport", read::<StartImport>),
    ("SubscribeRequest", read::<SubscribeRequest>),
    ("TransferOwnership", read::<TransferOwnership>),
    ("TruncateChannel", read::<TruncateChannel>),
    ("Typing", read::<Typing>),
    ("UpdateApp", read::<UpdateApp>),
    ("UpdateChannel", read::<UpdateChannel>),
    ("UpdateMember", read::<UpdateMember>),
    ("UpdateMembership", read::<UpdateMembership>),
    ("UpdateMessage", read::<UpdateMessage>),
    ("UpdateScheduledMessage", read::<UpdateScheduledMessage>),
    ("UpdateTask", read::<UpdateTask>),
    ("UpdateUser", read::<UpdateUser>),
    ("UpdateUserSettings", read::<UpdateUserSettings>),
    ("UpsertUser", read::<UpsertUser>),
    ("UpsertUsers", read::<UpsertUsers>),
];

/// Answers, and the items of pages.
const RESPONSES: &[(&str, Read)] = &[
    ("AcceptedJob", read::<AcceptedJob>),
    ("AccessCode", read::<AccessCode>),
    ("AddedMembers", read::<AddedMembers>),
    ("App", read::<App>),
    ("Channel", read::<Channel>),
    ("ChannelState", read::<ChannelState>),
    ("SyncAnswer", read::<SyncAnswer>),
    ("ChannelChanges", read::<ChannelChanges>),
    ("DeliveredChannels", read::<DeliveredChannels>),
    ("DeliveryReceipt", read::<DeliveryReceipt>),
    ("DeliveryState", read::<DeliveryState>),
    ("Draft", read::<Draft>),
    ("EphemeralMessage", read::<EphemeralMessage>),
    ("PendingMessage", read::<PendingMessage>),
    ("UserGroup", read::<UserGroup>),
    ("UserGroupMember", read::<UserGroupMember>),
    ("ErrorBody", read::<ErrorBody>),
    ("Export", read::<Export>),
    ("Import", read::<Import>),
    ("ImportPart", read::<ImportPart>),
    ("Invite", read::<Invite>),
    ("Job", read::<Job>),
    ("FoundMessage", read::<FoundMessage>),
    ("Forwarded", read::<Forwarded>),
    ("Member", read::<Member>),
    ("Message", read::<Message>),
    ("MessageEdit", read::<MessageEdit>),
    ("MessagePage", read::<MessagePage>),
    ("ReadEverything", read::<ReadEverything>),
    ("ReadReceipt", read::<ReadReceipt>),
    ("Reaction", read::<Reaction>),
    ("OwnPresence", read::<OwnPresence>),
    ("PollVote", read::<PollVote>),
    ("UserPresence", read::<UserPresence>),
    ("Watchers", read::<Watchers>),
    ("ReadResult", read::<ReadResult>),
    ("RealtimeConnection", read::<RealtimeConnection>),
    ("Reminder", read::<Reminder>),
    ("ScheduledMessage", read::<ScheduledMessage>),
    ("SubscriptionToken", read::<SubscriptionToken>),
    ("Task", read::<Task>),
    ("Thread", read::<Thread>),
    ("ThreadReadResult", read::<ThreadReadResult>),
    ("UnreadCounts", read::<UnreadCounts>),
    ("UpsertedUsers", read::<UpsertedUsers>),
    ("User", read::<User>),
    ("UserSettings", read::<UserSettings>),
    ("UserDeletion", read::<UserDeletion>),
    ("UserMessage", read::<UserMessage>),
    ("UserToken", read::<UserToken>),
];

/// The names of the schemas of all JSON bodies of requests and of answers.
fn bodies(document: &Value) -> (BTreeSet<String>, BTreeSet<String>) {
    let name = |content: &Value| {
        let schema = content["content"]["application/json"]["schema"]["$ref"].as_str();
        schema.map(|path| path.trim_start_matches("#/components/schemas/").to_owned())
    };
    let (mut requests, mut responses) = (BTreeSet::new(), BTreeSet::new());
    for operation in
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values())
    {
        requests.extend(name(&operation["requestBody"]));
        for response in operation["responses"].as_object().unwrap().values() {
            let known = name(response);
            let json = &response["content"]["application/json"];
            assert!(known.is_some() || json.is_null(), "an answer without a name: {response}");
            responses.extend(known.map(|name| name.trim_start_matches("Page_").to_owned()));
        }
    }
    (requests, responses)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_body_has_an_example_that_is_what_it_says() {
    let document: Value = serde_json::from_str(&parlor(&["openapi"], &[]).await.unwrap()).unwrap();
    let (requests, responses) = bodies(&document);
    let names =
        |table: &[(&str, Read)]| table.iter().map(|(name, _)| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!((requests, responses), (names(REQUESTS), names(RESPONSES)), "each body needs its line here");

    for (name, read) in REQUESTS.iter().chain(RESPONSES) {
        let schema = &document["components"]["schemas"][name];
        let example = &schema["example"];
        assert!(
            example.as_object().is_some_and(|fields| !fields.is_empty()),
            "{name} has no example: {schema}"
        );
        let meaning = match read(example) {
            Ok(meaning) => meaning,
            Err(error) => panic!("the example of {name} is none: {error}\n{example}"),
        };
        // What a reader makes of it contains all that it shows; an answer shows all that there is.
        let complete = RESPONSES.iter().any(|(response, _)| response == name);
        for (field, shown) in example.as_object().unwrap() {
            assert!(
                complete || holds(&meaning[field], shown),
                "{name}.{field}: {shown} is read as {}",
                meaning[field]
            );
        }
        assert!(!complete || meaning == *example, "{name}: {example}\nis read as\n{meaning}");
    }
}

/// Whether a value shows everything that another does; requests may leave out what has a default.
fn holds(value: &Value, shown: &Value) -> bool {
    match (value, shown) {
        (Value::Object(value), Value::Object(shown)) => {
            shown.iter().all(|(name, shown)| value.get(name).is_some_and(|value| holds(value, shown)))
        }
        (Value::Array(value), Value::Array(shown)) => {
            value.len() == shown.len() && value.iter().zip(shown).all(|(value, shown)| holds(value, shown))
        }
        _ => value == shown,
    }
}
