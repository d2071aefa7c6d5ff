//! The demo app: four people, three channels, some history, and tokens for everybody.

use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpResponse, get, post};
use anyhow::Context;
use parlor_chat::apps::admin::{self, NewApp};
use parlor_chat::channels::create::get_or_create;
use parlor_chat::messages::send::{self};
use parlor_chat::web::{Caller, ServerCaller, ValidJson};
use parlor_chat::{Chat, users};
use parlor_platform::{Error, Result, crypto, token};
use parlor_protocol::channel::CreateChannel;
use parlor_protocol::member::NewMember;
use parlor_protocol::message::SendMessage;
use parlor_protocol::token::UserToken;
use parlor_protocol::user::UpsertUser;
use parlor_protocol::{AppId, ChannelId, ChannelType, ErrorCode, MessageId, Patch, Role, User, UserId};
use serde::Deserialize;
use serde_json::json;

use super::Directory;
use crate::cause;
use crate::wiring::Parts;

const NAME: &str = "demo";
/// Fast enough for a page that several people try at once.
const RATE_LIMIT: i32 = 1_000;
/// How long a development token lives.
const TOKEN_S: i64 = 3_600;

const PEOPLE: [(&str, &str); 4] =
    [("ann", "Ann Okafor"), ("ben", "Ben Lindqvist"), ("carla", "Carla Mendes"), ("dev", "Dev Anand")];

/// What was said: channel, minutes ago, who, what.
const HISTORY: [(&str, i64, &str, &str); 16] = [
    ("general", 2900, "ann", "Morning all. This is the **general** channel: everybody is in here."),
    ("general", 2895, "carla", "Good morning from Lisbon"),
    ("general", 2890, "ben", "Is lunch still on for Thursday?"),
    ("general", 2889, "ann", "Yes, 12:30 at the place with the blue door."),
    (
        "general",
        1460,
        "dev",
        "I pushed the new build. Two things to look at:\n1. the login page on small screens\n2. `GET /channels` with a cursor",
    ),
    ("general", 1455, "carla", "On it"),
    ("general", 1440, "ben", "The login page looks right on my phone now, nice."),
    ("general", 35, "ann", "Reminder: demo at three. I'll share my screen."),
    ("general", 31, "dev", "Can we also show the offline mode? Pull the plug, type, plug it in again."),
    ("general", 30, "carla", "That one always gets a smile"),
    ("design", 1600, "carla", "First round of icons is in the shared folder."),
    (
        "design",
        1590,
        "ann",
        "These are lovely. The bell could be a touch heavier, it gets lost beside the others.",
    ),
    ("design", 1585, "carla", "Agreed, I'll thicken it and send both."),
    ("ann+ben", 90, "ben", "Do you have five minutes before the demo?"),
    ("ann+ben", 88, "ann", "Sure. Call me when you're ready"),
    ("ann+ben", 87, "ben", "Thanks, will do"),
];

/// The demo app that this server gives tokens for.
#[derive(Clone)]
pub struct DemoApp {
    app: AppId,
}

/// Finds the demo app, or makes and fills it. What was begun by a run that crashed is completed.
pub async fn demo(parts: &Parts, chat: &Chat, mut directory: Directory) -> anyhow::Result<DemoApp> {
    let apps = admin::list(&parts.db).await.map_err(cause)?;
    let app = match apps.iter().find(|app| app.name == NAME) {
        Some(app) => app.id,
        None => {
            let new = NewApp {
                name: NAME.to_owned(),
                rate_limit_rps: RATE_LIMIT,
                guests_enabled: true,
                webhook_url: None,
            };
            admin::create(&parts.db, &parts.keys, new, parts.clock.now()).await.map_err(cause)?.0
        }
    };
    if !directory.secrets().demo_filled {
        fill(chat, app).await.map_err(cause).context("cannot fill the demo app")?;
        directory.demo_is_filled()?;
    }
    Ok(DemoApp { app })
}

async fn fill(chat: &Chat, app: AppId) -> Result<()> {
    let key = chat.keys.signing_key(app, chat.clock.now()).await?;
    let caller = Caller::Server(ServerCaller { app, key });
    let user = |id: &str| UserId::new(id).map_err(Error::internal);
    let people = PEOPLE
        .iter()
        .map(|(id, name)| {
            let name = Patch::Set((*name).to_owned());
            Ok(UpsertUser { id: user(id)?, name, image: Patch::Absent, custom: Patch::Absent })
        })
        .collect::<Result<Vec<_>>>()?;
    // It began before the first word was said.
    let ids = chat
        .change(app, async |tx, entries, now| {
            let begun = now - chrono::Duration::days(3);
            users::upsert(tx, &people, false, entries, begun).await?;
            let mut ids = std::collections::HashMap::new();
            for (slug, name, members) in [
                ("general", Some("General"), &["ann", "ben", "carla", "dev"][..]),
                ("design", Some("Design"), &["carla", "ann"][..]),
                ("ann+ben", None, &["ann", "ben"][..]),
            ] {
                let distinct = name.is_none();
                let members = members.iter().enumerate().map(|(at, id)| {
                    let role = if at == 0 { Role::Owner } else { Role::Member };
                    Ok(NewMember { user_id: user(id)?, role })
                });
                let request = CreateChannel {
                    kind: if distinct { ChannelType::Messaging } else { ChannelType::Team },
                    id: (!distinct).then(|| slug.to_owned()),
                    distinct,
                    members: members.collect::<Result<_>>()?,
                    name: name.map(str::to_owned),
                    image: None,
                    custom: parlor_protocol::Custom::default(),
                    tags: Vec::new(),
                    config: parlor_protocol::ChannelConfig::default(),
                };
                ids.insert(slug, get_or_create(tx, &caller, request, entries, begun).await?.0.id);
            }
            Ok(ids)
        })
        .await?;
    // Said in the past: the clock goes back, and returns.
    let mut shifted = 0;
    for (slug, minutes_ago, who, text) in HISTORY {
        let wanted = -minutes_ago * 60_000;
        chat.clock.shift_ms(wanted - shifted);
        shifted = wanted;
        let channel = ids.get(slug).copied().ok_or_else(|| Error::internal("no such demo channel"))?;
        let sent = say(chat, &caller, app, channel, &user(who)?, text).await;
        if sent.is_err() {
            chat.clock.shift_ms(-shifted);
            return sent;
        }
    }
    chat.clock.shift_ms(-shifted);
    Ok(())
}

/// The id comes from the text, so that a second run says nothing twice.
async fn say(
    chat: &Chat,
    caller: &Caller,
    app: AppId,
    channel: ChannelId,
    user: &UserId,
    text: &str,
) -> Result<()> {
    let hash = crypto::sha256(&[app.0.as_bytes(), text.as_bytes()]);
    let bytes: [u8; 16] = hash.first_chunk().copied().unwrap_or_default();
    let request = SendMessage {
        id: Some(MessageId(uuid::Builder::from_custom_bytes(bytes).into_uuid())),
        text: text.to_owned(),
        user_id: Some(user.clone()),
        ..SendMessage::default()
    };
    send::send(chat, caller, channel, None, request).await.map(|_| ())
}

/// Adds the routes of development, which ask for no token.
pub fn routes(config: &mut ServiceConfig) {
    config.service(web::scope("/dev").service(list_users).service(create_token));
}

#[get("/users")]
async fn list_users(chat: Data<Chat>, demo: Data<DemoApp>) -> Result<HttpResponse> {
    let tx = chat.db.tenant(demo.app).await?;
    let rows = users::store::page(&tx, users::store::Which::All, None, None, 100).await?;
    tx.commit().await?;
    let users = rows.into_iter().filter(|row| row.deactivated_at.is_none()).map(User::try_from);
    Ok(HttpResponse::Ok().json(json!({ "users": users.collect::<Result<Vec<_>>>()? })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenRequest {
    user_id: UserId,
}

#[post("/token")]
async fn create_token(
    chat: Data<Chat>,
    demo: Data<DemoApp>,
    body: ValidJson<TokenRequest>,
) -> Result<HttpResponse> {
    let now = chat.clock.now();
    let tx = chat.db.tenant(demo.app).await?;
    let row = users::store::find(&tx, &body.value.user_id).await?.ok_or(ErrorCode::UserNotFound)?;
    tx.commit().await?;
    let key = chat.keys.signing_key(demo.app, now).await?;
    let expires_at = now + chrono::Duration::seconds(TOKEN_S);
    let token = token::sign_user(&key.id, &key.secret, &body.value.user_id, now, expires_at)?;
    Ok(HttpResponse::Ok().json(UserToken { token, expires_at, user: User::try_from(row)? }))
}
