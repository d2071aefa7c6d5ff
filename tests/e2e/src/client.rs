//! Callers: tenants, their users, and requests that read like the story.

use parlor_protocol::ErrorCode;
use reqwest::Method;
use serde_json::{Value, json};

use crate::server::reqwest_client;

/// A tenant.
pub struct App {
    pub id: String,
    pub public_key: String,
    pub secret: String,
    /// The customer's server.
    pub server: Client,
    pub(crate) url: String,
}

impl App {
    /// Registers a user and gives a caller with a token of theirs.
    pub async fn user(&self, id: &str) -> Client {
        let answer = self.server.post("/tokens", json!({ "user": { "id": id, "name": id } })).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let token = answer.json["token"].as_str().map(str::to_owned);
        Client { id: id.to_owned(), ..Client::new(&self.url, token.as_deref()) }
    }

    /// A channel of the type `team` with these members; the first is its owner.
    pub async fn channel(&self, members: &[&Client]) -> String {
        let members: Vec<Value> = members
            .iter()
            .enumerate()
            .map(|(at, user)| json!({ "user_id": user.id, "role": if at == 0 { "owner" } else { "member" } }))
            .collect();
        let answer = self.server.post("/channels", json!({ "type": "team", "members": members })).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json["id"].as_str().unwrap_or_default().to_owned()
    }
}

impl App {
    /// A visitor asks to come in, with the app's public key.
    pub async fn guest(&self, request: Value) -> Answer {
        let visitor = Client::new(&self.url, None);
        visitor.with_header(Method::POST, "/guests", ("X-Api-Key", &self.public_key), request).await
    }

    /// A channel from this request; gives its id.
    pub async fn channel_with(&self, request: Value) -> String {
        let channel = self.server.post("/channels", request).await.gives(201);
        channel["id"].as_str().unwrap_or_default().to_owned()
    }
}

/// One who calls.
#[derive(Clone)]
pub struct Client {
    /// The user's id, if it is one.
    pub id: String,
    pub token: Option<String>,
    url: String,
    http: reqwest::Client,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
    /// `null` if the body is not JSON.
    pub json: Value,
}

impl Answer {
    /// The code of an error, or "".
    pub fn code(&self) -> &str {
        self.json["error"]["code"].as_str().unwrap_or_default()
    }

    /// A header as text, or "".
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body of an answer that must have this status.
    #[track_caller]
    pub fn gives(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json
    }

    /// It must be this error of the table, in the form that all errors have.
    #[track_caller]
    pub fn refused(&self, code: ErrorCode) {
        assert_eq!((self.status, self.code()), (code.status(), code.as_str()), "{}", self.text);
        let error = &self.json["error"];
        assert_eq!(error["retryable"], code.retryable(), "{}", self.text);
        assert_eq!(error["doc"], format!("/docs/errors#{}", code.as_str()), "{}", self.text);
        assert_eq!(error["request_id"], self.header("x-request-id"), "{}", self.text);
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{}", self.text);
    }
}

impl Client {
    pub(crate) fn new(url: &str, token: Option<&str>) -> Self {
        Self {
            id: String::new(),
            token: token.map(str::to_owned),
            url: url.to_owned(),
            http: reqwest_client(),
        }
    }

    /// The same caller with another token.
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self { token: token.map(str::to_owned), ..self.clone() }
    }

    /// The same caller at another node.
    pub fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self.clone() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    /// Sends a text and gives the message.
    pub async fn say(&self, channel: &str, text: &str) -> Value {
        let answer = self.post(&format!("/channels/{channel}/messages"), json!({ "text": text })).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json
    }

    /// A path outside of the API.
    pub async fn at_root(&self, path: &str) -> Answer {
        self.send(self.http.get(format!("{}{path}", self.url))).await
    }

    /// A request to be completed by the test: headers, raw bodies.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}/api/v1{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// All items of a list, page after page; `query` says more than `cursor`, such as `limit=2`.
    pub async fn all(&self, path: &str, query: &str) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let mut page = self.get(&format!("{path}?{query}{cursor}")).await.gives(200);
            if let Some(more) = page["items"].as_array_mut() {
                items.append(more);
            }
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// A call with a header of the test's own.
    pub async fn with_header(&self, method: Method, path: &str, header: (&str, &str), body: Value) -> Answer {
        self.send(self.request(method, path).header(header.0, header.1).json(&body)).await
    }

    /// Any call.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = self.request(method, path);
        self.send(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    /// Sends a request that a test built.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        match self.try_send(request).await {
            Ok(answer) => answer,
            Err(error) => panic!("no answer: {error:?}"),
        }
    }

    /// The same, where no answer is a possible outcome.
    pub async fn try_send(&self, request: reqwest::RequestBuilder) -> Result<Answer, reqwest::Error> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status, headers, text, json })
    }
}

/// A message as events tell it, without what is its reader's own.
pub fn told(mut message: Value) -> Value {
    if let Some(fields) = message.as_object_mut() {
        fields.remove("own_reactions");
    }
    message
}
