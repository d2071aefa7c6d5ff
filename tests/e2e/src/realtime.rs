//! One who listens: the official Centrifugo client, which nobody here wrote, with tokens from our API.
//!
//! It keeps all that it heard in order, so that a test waits for a fact and then looks at how it came about.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use centrifuge::{HistoryOptions, Protocol, StreamPosition, Subscription, TokenError, TransportEndpoint};
use parlor_protocol::{Envelope, EventType, Publication};
use parlor_test_support::until;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::Client;
use crate::schema::wrong_with;

/// What the client was told.
#[derive(Clone, Debug)]
pub enum Heard {
    /// It connects, for the first time or again, because of this code.
    Connecting(u32),
    Connected,
    /// It will not connect again by itself.
    Disconnected(u32),
    /// A channel is heard; `recovered` says whether a recovery was tried, and whether it succeeded.
    Subscribed {
        topic: String,
        recovered: Option<bool>,
    },
    /// A channel is no longer heard.
    Unsubscribed {
        topic: String,
        code: u32,
    },
    /// A publication.
    Event {
        topic: String,
        envelope: Envelope,
    },
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Heard>>>, Arc<Mutex<Vec<String>>>);

/// When a listener goes, nothing that it heard may have been other than the schema of events says.
struct Verdict(Log);

impl Drop for Verdict {
    fn drop(&mut self) {
        let wrong = self.0.1.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(std::thread::panicking() || wrong.is_empty(), "not as the schema says: {}", wrong.join("\n"));
    }
}

impl Log {
    fn note(&self, heard: Heard) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(heard);
    }

    fn event(&self, topic: &str, data: &[u8]) {
        let sent: Value = serde_json::from_slice(data).unwrap_or_default();
        let each = sent["batch"].as_array().map_or(std::slice::from_ref(&sent), Vec::as_slice);
        let wrong: Vec<String> = each.iter().filter_map(wrong_with).collect();
        self.1.lock().unwrap_or_else(PoisonError::into_inner).extend(wrong);
        match serde_json::from_slice::<Publication>(data) {
            Ok(publication) => {
                for envelope in publication.into_envelopes() {
                    self.note(Heard::Event { topic: topic.to_owned(), envelope });
                }
            }
            Err(error) => panic!("no publication on {topic}: {error}"),
        }
    }

    fn since(&self, seen: usize) -> Vec<Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().skip(seen).cloned().collect()
    }
}

/// A user's connection.
pub struct Listener {
    client: centrifuge::Client,
    log: Log,
    _verdict: Verdict,
    user: Client,
    /// The user's own channel.
    pub user_topic: String,
}

impl Listener {
    /// Connects by WebSocket, and waits until the server has let the user in.
    pub async fn connect(user: &Client) -> Self {
        Self::connect_by(user, |url| url).await
    }

    /// The same along another way to the server.
    pub async fn connect_by(user: &Client, way: impl FnOnce(String) -> String) -> Self {
        Self::connect_as(user, json!({}), way).await
    }

    /// The same as a session of the test's own: `{session_id, device}`.
    pub async fn connect_as(user: &Client, session: Value, way: impl FnOnce(String) -> String) -> Self {
        let answer = user.post("/realtime/connection", session.clone()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let text = |key: &str| answer.json[key].as_str().unwrap_or_default().to_owned();
        let log = Log::default();
        let (a, b, c, d, e, f) =
            (log.clone(), log.clone(), log.clone(), log.clone(), log.clone(), log.clone());
        let asking = user.clone();
        let client =
            centrifuge::Client::builder_with_transports([TransportEndpoint::websocket(way(text("url")))])
                .protocol(Protocol::Json)
                .get_token(move |_| {
                    let (user, session) = (asking.clone(), session.clone());
                    async move { token(&user, "/realtime/connection", session).await.map(Some) }
                })
                .min_reconnect_delay(Duration::from_millis(10))
                .max_reconnect_delay(Duration::from_millis(200))
                .on_connecting(move |_, event| a.note(Heard::Connecting(event.code)))
                .on_connected(move |_, _| b.note(Heard::Connected))
                .on_disconnected(move |_, event| c.note(Heard::Disconnected(event.code)))
                .on_subscribed(move |_, event| {
                    let recovered = event.info.was_recovering.then_some(event.info.recovered);
                    d.note(Heard::Subscribed { topic: event.channel, recovered });
                })
                .on_unsubscribed(move |_, event| {
                    e.note(Heard::Unsubscribed { topic: event.channel, code: 0 });
                })
                .on_publication(move |_, event| f.event(&event.channel, &event.publication.data))
                .build();
        let client = match client {
            Ok(client) => client,
            Err(error) => panic!("no client: {error}"),
        };
        let listener = Self {
            client,
            _verdict: Verdict(log.clone()),
            log,
            user: user.clone(),
            user_topic: text("user_channel"),
        };
        if let Err(error) = listener.client.connect() {
            panic!("no connection: {error}");
        }
        listener.until("connected", |heard| matches!(heard, Heard::Connected)).await;
        listener
    }

    /// Listens to a chat channel, with leave from our API each time it is needed, and waits until it is heard.
    pub async fn subscribe(&self, channel: &str) {
        let topic = format!("chat:channel:{channel}");
        let (user, asked) = (self.user.clone(), topic.clone());
        let _ = self.subscription(&topic, move || {
            let (user, body) = (user.clone(), json!({ "channel": asked }));
            async move { token(&user, "/realtime/subscription", body).await }
        });
        self.until(
            "subscribed",
            |heard| matches!(heard, Heard::Subscribed { topic: of, .. } if *of == topic),
        )
        .await;
    }

    /// Listens to a chat channel as one who claims to have missed all that was ever told there, and asks for it again in the
    /// other way that the protocol has. Gives the code by which that was refused.
    pub async fn subscribe_from_the_beginning(&self, channel: &str) -> Option<u32> {
        let topic = format!("chat:channel:{channel}");
        let answer = self.user.post("/realtime/subscription", json!({ "channel": topic })).await;
        let token = answer.json["token"].as_str().unwrap_or_default();
        let missed = StreamPosition::new(0, "");
        let subscription = match self.builder(&topic).token(token).recoverable(true).since(missed).build() {
            Ok(subscription) => subscription,
            Err(error) => panic!("no subscription: {error}"),
        };
        subscription.subscribe();
        self.until(
            "subscribed",
            |heard| matches!(heard, Heard::Subscribed { topic: of, .. } if *of == topic),
        )
        .await;
        match subscription.history(HistoryOptions::new().limit(300)).await {
            Err(centrifuge::Error::Server(error)) => Some(error.code),
            Err(error) => panic!("the history: {error}"),
            Ok(_) => None,
        }
    }

    /// Asks for a topic with a token of the test's own, and gives the code of the refusal: of the command, or, for a
    /// token that can only have been tampered with, of the end of the connection.
    pub async fn refused(&self, topic: &str, token: Option<&str>) -> u32 {
        let token = token.unwrap_or_default().to_owned();
        let subscription = match self.builder(topic).token(token).build() {
            Ok(subscription) => subscription,
            Err(error) => panic!("no subscription: {error}"),
        };
        subscription.subscribe();
        let mut refusal = None;
        until("the subscription is refused", async || {
            refusal = self.heard().iter().find_map(|heard| match heard {
                Heard::Unsubscribed { topic: of, code } if of == topic => Some(*code),
                Heard::Disconnected(code) => Some(*code),
                Heard::Subscribed { topic: of, .. } if of == topic => panic!("{topic} was given away"),
                _ => None,
            });
            refusal.is_some()
        })
        .await;
        let _ = self.client.remove_subscription(&subscription);
        refusal.unwrap_or_default()
    }

    fn builder(&self, topic: &str) -> centrifuge::SubscriptionBuilder {
        let (a, b, c) = (self.log.clone(), self.log.clone(), self.log.clone());
        let (of_a, of_b, of_c) = (topic.to_owned(), topic.to_owned(), topic.to_owned());
        self.client
            .new_subscription(topic)
            .min_resubscribe_delay(Duration::from_millis(10))
            .max_resubscribe_delay(Duration::from_millis(200))
            .on_subscribed(move |_, event| {
                let recovered = event.was_recovering.then_some(event.recovered);
                a.note(Heard::Subscribed { topic: of_a.clone(), recovered });
            })
            .on_unsubscribed(move |_, event| {
                b.note(Heard::Unsubscribed { topic: of_b.clone(), code: event.code });
            })
            .on_publication(move |_, event| c.event(&of_c, &event.publication.data))
    }

    fn subscription<F>(&self, topic: &str, token: impl Fn() -> F + Send + Sync + 'static) -> Subscription
    where
        F: Future<Output = Result<String, TokenError>> + Send + 'static,
    {
        match self.builder(topic).get_token(move |_| token()).build() {
            Ok(subscription) => {
                subscription.subscribe();
                subscription
            }
            Err(error) => panic!("no subscription: {error}"),
        }
    }

    /// Everything so far, in order.
    pub fn heard(&self) -> Vec<Heard> {
        self.heard_since(0)
    }

    /// What came after the first `seen`, in order.
    pub fn heard_since(&self, seen: usize) -> Vec<Heard> {
        self.log.since(seen)
    }

    /// The events of a topic so far, in order.
    pub fn events(&self, topic: &str) -> Vec<Envelope> {
        let of_topic = |heard| match heard {
            Heard::Event { topic: of, envelope } if of == topic => Some(envelope),
            _ => None,
        };
        self.heard().into_iter().filter_map(of_topic).collect()
    }

    /// The events of a chat channel so far, in order.
    pub fn events_of(&self, channel: &str) -> Vec<Envelope> {
        self.events(&format!("chat:channel:{channel}"))
    }

    /// Waits until it was told this.
    pub async fn until(&self, what: &str, is_it: impl Fn(&Heard) -> bool) {
        until(what, async || self.log.0.lock().unwrap_or_else(PoisonError::into_inner).iter().any(&is_it))
            .await;
    }

    /// Waits for the next event of this type on a topic that came after the first `seen` ones, and gives it.
    pub async fn next(&self, topic: &str, seen: usize, kind: EventType) -> Envelope {
        let mut found = None;
        until(kind.as_str(), async || {
            found = self.events(topic).into_iter().skip(seen).find(|envelope| envelope.kind == kind);
            found.is_some()
        })
        .await;
        match found {
            Some(envelope) => envelope,
            None => panic!("no {}", kind.as_str()),
        }
    }

    /// The code with which the server threw it out for good.
    pub async fn thrown_out(&self) -> u32 {
        self.until("disconnected", |heard| matches!(heard, Heard::Disconnected(_))).await;
        let code = |heard| match heard {
            Heard::Disconnected(code) => Some(code),
            _ => None,
        };
        self.heard().into_iter().find_map(code).unwrap_or_default()
    }

    /// Says goodbye.
    pub async fn close(self) {
        self.client.close().await;
    }
}

/// A token from our API. A refusal ends the matter; anything else is tried again.
async fn token(user: &Client, path: &str, body: Value) -> Result<String, TokenError> {
    let answer = user.try_send(user.request(Method::POST, path).json(&body)).await?;
    match answer.status {
        200 => Ok(answer.json["token"].as_str().unwrap_or_default().to_owned()),
        401 | 403 | 404 => Err(TokenError::Unauthorized),
        status => Err(std::io::Error::other(format!("{path}: {status}")).into()),
    }
}
