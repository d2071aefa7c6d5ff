//! The face of the API: request ids, security headers, origins, unknown addresses, budgets.

use parlor_e2e::{Answer, Client, Method, Mode, Server};
use parlor_protocol::ErrorCode;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_an_id_and_security_headers() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let ann = app.user("ann").await;
    let with_id =
        async |id: &str| ann.send(ann.request(Method::GET, "/users/me").header("X-Request-Id", id)).await;

    assert_eq!(with_id("trace-0001_x").await.header("x-request-id"), "trace-0001_x");
    let long = "x".repeat(65);
    for insane in ["short", long.as_str(), "with space 123", "semi;colon"] {
        let answer = with_id(insane).await;
        assert_ne!(answer.header("x-request-id"), insane);
        assert_eq!(answer.header("x-request-id").len(), 36, "a UUID of our own");
    }

    let answers = [
        ann.get("/users/me").await,
        ann.get("/nothing").await,
        ann.at_root("/docs/errors").await,
        ann.at_root("/openapi.json").await,
    ];
    for answer in answers {
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(answer.header(name), value);
        }
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe-eval") && !policy.contains("script-src"), "{policy}");
        assert_eq!(answer.header("server"), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_allowed_origins_may_call_and_others_may_not() {
    let settings = [("PARLOR_SERVER_ALLOWED_ORIGINS", "https://shop.example,https://app.example")];
    let server = Server::start_with(Mode::Embedded, &settings).await;
    let anyone = server.client(None);
    let preflight = async |origin: &str, method: &str| {
        let request = anyone.request(Method::OPTIONS, "/channels").header("Origin", origin);
        let asked = "authorization,content-type,idempotency-key,x-api-key";
        let request = request.header("Access-Control-Request-Method", method);
        anyone.send(request.header("Access-Control-Request-Headers", asked)).await
    };

    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let answer = preflight("https://app.example", method).await;
        assert_eq!(
            (answer.status, answer.header("access-control-allow-origin")),
            (200, "https://app.example")
        );
        let methods = answer.header("access-control-allow-methods").to_owned();
        assert!(methods.contains(method), "{methods}");
    }
    let long_after = preflight("https://app.example", "POST").await;
    assert_eq!(long_after.header("access-control-max-age"), "3600");
    for origin in ["https://evil.example", "https://app.example.evil.example", "http://app.example", "null"] {
        let answer = preflight(origin, "POST").await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}: {}", answer.status);
    }

    // Errors must be readable by the page, too.
    for (method, path) in [(Method::GET, "/users/me"), (Method::GET, "/nothing"), (Method::PUT, "/unread")] {
        let answer = anyone.send(anyone.request(method, path).header("Origin", "https://app.example")).await;
        assert_eq!(answer.header("access-control-allow-origin"), "https://app.example", "{path}");
        let exposed = answer.header("access-control-expose-headers").to_lowercase();
        let exposed: Vec<&str> = exposed.split(',').map(str::trim).collect();
        for header in [
            "x-request-id",
            "retry-after",
            "idempotency-replayed",
            "x-ratelimit-limit",
            "x-ratelimit-remaining",
            "x-ratelimit-reset",
        ] {
            assert!(exposed.contains(&header), "{path}: {header} is not in {exposed:?}");
        }
        assert!(answer.header("vary").to_lowercase().contains("origin"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_addresses_and_methods_are_in_the_table() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, root) = (app.user("ann").await, server.client(None));

    for path in ["/nothing", "/channels/x/nothing", "/users/a/b/c/d", "/"] {
        ann.get(path).await.refused(ErrorCode::NotFound);
        root.get(path).await.refused(ErrorCode::NotFound);
    }
    for path in ["/api/v2/users", "/nothing", "/.env", "/docs/../.env", "/api/v1"] {
        root.at_root(path).await.refused(ErrorCode::NotFound);
    }
    for (method, path, allow) in [
        (Method::PUT, "/unread", "GET"),
        (Method::DELETE, "/channels", "GET, POST"),
        (Method::PATCH, "/channels/team:x/members", "GET, POST"),
        (Method::POST, "/users/ann", "DELETE, GET, PATCH, PUT"),
        (Method::TRACE, "/users/me", "DELETE, GET, PATCH, PUT"),
    ] {
        let answer = ann.call(method.clone(), path, None).await;
        answer.refused(ErrorCode::MethodNotAllowed);
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_is_shown_and_when_it_is_spent_says_when_to_come_back() {
    let server = Server::start_with(Mode::Embedded, &[("PARLOR_SERVER_USER_RATE_LIMIT_RPS", "3")]).await;
    let create = ["app", "create", "small", "--rate-limit", "5", "--guests", "--json"];
    let keys: Value = serde_json::from_str(&server.command(&create).await.unwrap()).unwrap();
    let small = server.client(keys["secret"].as_str());
    let roomy = server.app("roomy").await;

    let first = small.get("/app").await;
    assert_eq!((first.header("x-ratelimit-limit"), first.header("x-ratelimit-remaining")), ("5", "4"));
    assert!(first.header("x-ratelimit-reset").parse::<u32>().is_ok());
    let refused = spend(&small, "/app").await;
    refused.refused(ErrorCode::RateLimited);
    assert_eq!((refused.header("x-ratelimit-limit"), refused.header("x-ratelimit-remaining")), ("5", "0"));
    assert!((1..=2).contains(&refused.header("retry-after").parse::<u32>().unwrap()));
    roomy.server.get("/app").await.gives(200);

    // A user has a budget of their own, below the app's.
    let (ann, ben) = (roomy.user("ann").await, roomy.user("ben").await);
    assert_eq!(ann.get("/users/me").await.header("x-ratelimit-limit"), "3");
    spend(&ann, "/users/me").await.refused(ErrorCode::RateLimited);
    ben.get("/users/me").await.gives(200);
    ann.post("/guests", json!({})).await.refused(ErrorCode::MissingToken);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_types_much_may_still_send() {
    let server = Server::start_with(Mode::Embedded, &[("PARLOR_SERVER_USER_RATE_LIMIT_RPS", "3")]).await;
    let app = server.app("acme").await;
    let ann = app.user("ann").await;
    let channel = app.channel(&[&ann]).await;
    let typing = format!("/channels/{channel}/typing");
    let calls = (0..20).map(|n| ann.post(&typing, json!({ "typing": n % 2 == 0 })));
    let answers = futures_util::future::join_all(calls).await;
    assert!(answers.iter().any(|answer| answer.status == 429), "typing has a budget, too");
    let answer = ann.post(&format!("/channels/{channel}/messages"), json!({ "text": "hello" })).await;
    assert_eq!((answer.status, answer.header("x-ratelimit-remaining")), (201, "2"), "the first of three");
}

/// Calls at once until one is refused.
async fn spend(client: &Client, path: &str) -> Answer {
    let answers = futures_util::future::join_all((0..40).map(|_| client.get(path))).await;
    answers.into_iter().find(|answer| answer.status != 200).unwrap()
}
