//! The hub as a process of its own, with Centrifugo's publish API on a second port: for benchmarks, and
//! for trying a client by hand.
//!
//! `cargo run --release -p parlor-hub --example standalone -- [client address] [api address] [secret] [api key]`
//!
//! `POST /api/publish {"channel", "data", "idempotency_key"}`, likewise `broadcast`, `subscribe`,
//! `unsubscribe`, `disconnect`, `refresh`, `presence`, `presence_stats`, `history`, `channels`, `info`,
//! and `stats` of our own; header `X-API-Key`.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use parlor_hub::{
    CommandError, Disconnect, HistoryRange, Hub, HubConfig, PublishOptions, StreamPosition, SubscribeOptions,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Call {
    channel: String,
    channels: Vec<String>,
    data: Option<Box<RawValue>>,
    idempotency_key: Option<String>,
    skip_history: bool,
    tags: std::collections::BTreeMap<String, String>,
    user: String,
    client: Option<String>,
    info: Option<Box<RawValue>>,
    expire_at: Option<u64>,
    expired: bool,
    disconnect: Option<Reason>,
    limit: usize,
    since: Option<Since>,
    reverse: bool,
}

#[derive(Deserialize)]
struct Reason {
    code: u16,
    reason: String,
}

#[derive(Deserialize)]
struct Since {
    offset: u64,
    epoch: String,
}

fn position(position: &StreamPosition) -> Value {
    if position.offset == 0 { json!({}) } else { json!({"offset": position.offset, "epoch": position.epoch}) }
}

fn run(hub: &Hub, method: &str, call: &Call) -> Result<Value, CommandError> {
    let (channel, user, client) = (call.channel.as_str(), call.user.as_str(), call.client.as_deref());
    let tags: Vec<(&str, &str)> = call.tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let options = PublishOptions {
        idempotency_key: call.idempotency_key.as_deref(),
        skip_history: call.skip_history,
        tags: &tags,
    };
    let data = || call.data.as_deref().ok_or(CommandError::BAD_REQUEST);
    Ok(match method {
        "publish" => position(&hub.publish(channel, data()?, &options)?),
        "broadcast" => {
            let channels: Vec<&str> = call.channels.iter().map(String::as_str).collect();
            let responses =
                hub.broadcast(&channels, data()?, &options).into_iter().map(|result| match result {
                    Ok(at) => json!({"result": position(&at)}),
                    Err(error) => json!({"error": {"code": error.code, "message": error.message}}),
                });
            json!({"responses": responses.collect::<Vec<_>>()})
        }
        "subscribe" => {
            let (info, data, expire_at) = (call.info.clone(), call.data.clone(), call.expire_at);
            hub.subscribe(user, channel, &SubscribeOptions { client, info, data, expire_at })?;
            json!({})
        }
        "unsubscribe" => {
            hub.unsubscribe(user, channel, client);
            json!({})
        }
        "disconnect" => {
            let custom =
                call.disconnect.as_ref().map(|custom| Disconnect::new(custom.code, custom.reason.clone()));
            hub.disconnect(user, client, &custom.unwrap_or(Disconnect::FORCE_NO_RECONNECT), &[]);
            json!({})
        }
        "refresh" if call.expired => {
            hub.expire(user, client);
            json!({})
        }
        "refresh" => {
            hub.refresh(user, client, call.expire_at);
            json!({})
        }
        "presence" => json!({"clients": hub.presence(channel)?.len()}),
        "presence_stats" => {
            let stats = hub.presence_stats(channel)?;
            json!({"num_clients": stats.num_clients, "num_users": stats.num_users})
        }
        "history" => {
            let since =
                call.since.as_ref().map(|s| StreamPosition { offset: s.offset, epoch: s.epoch.clone() });
            let history =
                hub.history(channel, &HistoryRange { limit: call.limit, since, reverse: call.reverse })?;
            let publications =
                history.publications.iter().map(|p| json!({"offset": p.offset, "data": p.data}));
            json!({
                "publications": publications.collect::<Vec<_>>(),
                "offset": history.position.offset,
                "epoch": history.position.epoch,
            })
        }
        "channels" => json!({"channels": hub.channels("")}),
        "info" => {
            let info = hub.info();
            json!({
                "num_clients": info.num_clients, "num_users": info.num_users,
                "num_channels": info.num_channels, "num_subscriptions": info.num_subscriptions,
            })
        }
        "stats" => json!(format!("{:?}", hub.stats())),
        _ => return Err(CommandError::METHOD_NOT_FOUND),
    })
}

async fn api(hub: Arc<Hub>, key: Arc<str>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let authorised =
        request.headers().get("x-api-key").is_some_and(|given| given.as_bytes() == key.as_bytes());
    let method = request.uri().path().trim_start_matches("/api/").to_owned();
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let (status, answer) = match serde_json::from_slice::<Call>(&body) {
        _ if !authorised => (StatusCode::UNAUTHORIZED, json!({})),
        Err(_) => (StatusCode::BAD_REQUEST, json!({})),
        Ok(call) => match run(&hub, &method, &call) {
            Ok(result) => (StatusCode::OK, json!({"result": result})),
            Err(error) => (StatusCode::OK, json!({"error": {"code": error.code, "message": error.message}})),
        },
    };
    let mut response = Response::new(Full::new(Bytes::from(answer.to_string())));
    *response.status_mut() = status;
    response
}

#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "an example: its tasks need no names")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut argument = |default: &str| arguments.next().unwrap_or_else(|| default.to_owned());
    let client_address = argument("127.0.0.1:8000").parse()?;
    let api_address = argument("127.0.0.1:9000").parse()?;
    let mut config = HubConfig::new(argument("secret"));
    let key: Arc<str> = argument("key").into();
    config.allowed_origins = vec!["http://localhost:*".to_owned()];
    let hub = Hub::new(config);

    let api_listener = parlor_hub::bind(api_address)?;
    let api_hub = Arc::clone(&hub);
    tokio::spawn(async move {
        while let Ok((socket, _)) = api_listener.accept().await {
            let (hub, key) = (Arc::clone(&api_hub), Arc::clone(&key));
            let service = service_fn(move |request| {
                let (hub, key) = (Arc::clone(&hub), Arc::clone(&key));
                async move { Ok::<_, Infallible>(api(hub, key, request).await) }
            });
            tokio::spawn(async move {
                // A client that breaks its connection off is its own affair.
                drop(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(socket), service)
                        .await,
                );
            });
        }
    });
    hub.serve(parlor_hub::bind(client_address)?, async {
        drop(tokio::signal::ctrl_c().await);
    })
    .await?;
    Ok(())
}
