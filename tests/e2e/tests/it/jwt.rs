//! Tokens that must not open anything: forged, stale, meant for others, or not tokens at all.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use parlor_e2e::{App, Mode, Server};
use parlor_platform::clock::Clock;
use parlor_protocol::ErrorCode::{self, InvalidToken, MissingToken, TokenExpired};
use serde_json::{Value, json};

struct Forge<'a> {
    app: &'a App,
    now: i64,
}

impl Forge<'_> {
    fn claims(&self) -> Value {
        json!({ "sub": "ann", "iat": self.now, "exp": self.now + 600 })
    }

    /// The good claims with this one changed, or removed by `null`.
    fn with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        let fields = claims.as_object_mut().unwrap();
        if value.is_null() {
            fields.remove(name)
        } else {
            fields.insert(name.to_owned(), value)
        };
        claims
    }

    fn sign(&self, claims: &Value) -> String {
        self.sign_as(Algorithm::HS256, Some(&self.app.public_key), claims, &self.app.secret)
    }

    fn sign_as(&self, algorithm: Algorithm, kid: Option<&str>, claims: &Value, secret: &str) -> String {
        let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
        encode(&header, claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
    }
}

/// Base64url without padding, for parts that no library would make.
fn part(text: &str) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..=chunk.len() {
            out.push(char::from(LETTERS[(bits >> (18 - 6 * at)) as usize & 63]));
        }
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn no_forged_token_opens_anything() {
    let server = Server::start(Mode::Embedded).await;
    let (app, other) = (server.app("acme").await, server.app("other").await);
    app.user("ann").await;
    other.user("ann").await;
    let forge = Forge { app: &app, now: Clock::default().now().timestamp() };
    let good = forge.sign(&forge.claims());
    let (head, rest) = good.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();
    let eve = part(&forge.with("sub", json!("eve")).to_string());
    let none = |alg: &str| part(&json!({ "alg": alg, "typ": "JWT", "kid": app.public_key }).to_string());
    let kid = Some(app.public_key.as_str());

    let corpus: Vec<(&str, ErrorCode, String)> = vec![
        (
            "another tenant's secret",
            InvalidToken,
            forge.sign_as(Algorithm::HS256, kid, &forge.claims(), &other.secret),
        ),
        (
            "another tenant's kid",
            InvalidToken,
            forge.sign_as(Algorithm::HS256, Some(&other.public_key), &forge.claims(), &app.secret),
        ),
        (
            "an unknown kid",
            InvalidToken,
            forge.sign_as(Algorithm::HS256, Some("pk_unknown"), &forge.claims(), &app.secret),
        ),
        (
            "a kid that is SQL",
            InvalidToken,
            forge.sign_as(Algorithm::HS256, Some("' OR 1=1 --"), &forge.claims(), &app.secret),
        ),
        (
            "no kid and no header",
            InvalidToken,
            forge.sign_as(Algorithm::HS256, None, &forge.claims(), &app.secret),
        ),
        ("an empty secret", InvalidToken, forge.sign_as(Algorithm::HS256, kid, &forge.claims(), "")),
        (
            "the public key as secret",
            InvalidToken,
            forge.sign_as(Algorithm::HS256, kid, &forge.claims(), &app.public_key),
        ),
        ("HS384", InvalidToken, forge.sign_as(Algorithm::HS384, kid, &forge.claims(), &app.secret)),
        ("HS512", InvalidToken, forge.sign_as(Algorithm::HS512, kid, &forge.claims(), &app.secret)),
        ("alg none", InvalidToken, format!("{}.{body}.", none("none"))),
        ("alg NONE with a signature", InvalidToken, format!("{}.{body}.{signature}", none("NONE"))),
        ("RS256 over an HS256 signature", InvalidToken, format!("{}.{body}.{signature}", none("RS256"))),
        ("ES256 over an HS256 signature", InvalidToken, format!("{}.{body}.{signature}", none("ES256"))),
        ("an unknown algorithm", InvalidToken, format!("{}.{body}.{signature}", none("HS1"))),
        ("a tampered payload", InvalidToken, format!("{head}.{eve}.{signature}")),
        ("a cut signature", InvalidToken, good[..good.len() - 2].to_owned()),
        ("no signature", InvalidToken, format!("{head}.{body}.")),
        ("a fourth part", InvalidToken, format!("{good}.x")),
        ("no exp", InvalidToken, forge.sign(&forge.with("exp", Value::Null))),
        ("exp as text", InvalidToken, forge.sign(&forge.with("exp", json!("tomorrow")))),
        ("no iat", InvalidToken, forge.sign(&forge.with("iat", Value::Null))),
        ("expired", TokenExpired, forge.sign(&forge.with("exp", json!(forge.now - 60)))),
        ("expired long ago", TokenExpired, forge.sign(&forge.with("exp", json!(0)))),
        ("issued tomorrow", InvalidToken, forge.sign(&forge.with("iat", json!(forge.now + 86_400)))),
        ("not yet", InvalidToken, forge.sign(&forge.with("nbf", json!(forge.now + 120)))),
        ("another audience", InvalidToken, forge.sign(&forge.with("aud", json!("billing")))),
        ("other audiences", InvalidToken, forge.sign(&forge.with("aud", json!(["a", "b"])))),
        ("no sub", InvalidToken, forge.sign(&forge.with("sub", Value::Null))),
        ("an empty sub", InvalidToken, forge.sign(&forge.with("sub", json!("")))),
        ("a sub with NUL", InvalidToken, forge.sign(&forge.with("sub", json!("ann\0")))),
        ("a number as sub", InvalidToken, forge.sign(&forge.with("sub", json!(7)))),
        ("sub and another user_id", InvalidToken, forge.sign(&forge.with("user_id", json!("ben")))),
        ("a user of no app", ErrorCode::UserNotRegistered, forge.sign(&forge.with("sub", json!("nobody")))),
        ("a list as claims", InvalidToken, forge.sign(&json!([1]))),
        ("a made-up secret", InvalidToken, "sk_1234_abcdef".to_owned()),
        ("a secret with a wrong end", InvalidToken, format!("{}x", app.secret)),
        ("a secret without its end", InvalidToken, app.secret[..app.secret.len() - 1].to_owned()),
        ("sk_ alone", InvalidToken, "sk_".to_owned()),
        ("the public key", InvalidToken, app.public_key.clone()),
        ("words", InvalidToken, "not-a-token".to_owned()),
        ("dots", InvalidToken, "..".to_owned()),
        ("nothing", MissingToken, String::new()),
        ("a long one", InvalidToken, "a".repeat(6000)),
    ];
    for (what, code, token) in corpus {
        let client = server.client(Some(&token));
        for path in ["/users/me", "/channels"] {
            let answer = client.get(path).await;
            assert_eq!(answer.code(), code.as_str(), "{what}: {}", answer.text);
            answer.refused(code);
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{what}");
            for internal in
                ["secret_ciphertext", "diesel", "postgres", "SELECT", "panicked", app.secret.as_str(), "rs:"]
            {
                assert!(!answer.text.contains(internal), "{what}: {}", answer.text);
            }
        }
    }
    server.client(Some(&good)).get("/users/me").await.gives(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_differ_in_what_may_differ_are_good() {
    let server = Server::start(Mode::Embedded).await;
    let (app, other) = (server.app("acme").await, server.app("other").await);
    app.user("ann").await;
    let forge = Forge { app: &app, now: Clock::default().now().timestamp() };
    for (what, claims) in [
        ("user_id instead of sub", json!({ "user_id": "ann", "iat": forge.now, "exp": forge.now + 600 })),
        ("our audience among others", forge.with("aud", json!(["x", "parlor"]))),
        ("claims of the customer's own", forge.with("role", json!("admin"))),
        ("a clock that is five seconds ahead", forge.with("iat", json!(forge.now + 5))),
        ("fractions of seconds", forge.with("iat", json!(forge.now as f64 - 0.25))),
    ] {
        let answer = server.client(Some(&forge.sign(&claims))).get("/users/me").await;
        assert_eq!(answer.status, 200, "{what}: {}", answer.text);
    }
    // A token without `kid` names its key in a header, and only the right one fits.
    let plain = forge.sign_as(Algorithm::HS256, None, &forge.claims(), &app.secret);
    let client = server.client(Some(&plain));
    for (key, status) in [(&app.public_key, 200), (&other.public_key, 401)] {
        let answer =
            client.send(client.request(parlor_e2e::Method::GET, "/users/me").header("X-Api-Key", key)).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    // How the header is written.
    let bare = server.client(None);
    let good = forge.sign(&forge.claims());
    for (value, status) in [
        (format!("bearer {good}"), 200),
        (format!("BEARER  {good}"), 200),
        (format!("Basic {good}"), 401),
        (good.clone(), 401),
        ("Bearer".to_owned(), 401),
    ] {
        let request = bare.request(parlor_e2e::Method::GET, "/users/me").header("Authorization", &value);
        assert_eq!(bare.send(request).await.status, status, "{value}");
    }
}
