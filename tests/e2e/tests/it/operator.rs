//! What the operator types, and what the binary says to mistakes.

use parlor_e2e::{Mode, Server, parlor};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_is_printed_without_its_secrets() {
    let secrets = [
        ("PARLOR_DATABASE_URL", "postgres://parlor:hunter2-db@db.internal/parlor"),
        ("PARLOR_SECURITY_MASTER_KEYS", "aHVudGVyMi1tYXN0ZXIta2V5LWh1bnRlcjItbWFzdGU="),
        ("PARLOR_REALTIME_TOKEN_SECRET", "hunter2-token-hunter2-token-hunter2-token"),
        ("PARLOR_REALTIME_CENTRIFUGO_API_KEY", "hunter2-centrifugo-api-key"),
        ("PARLOR_BROKER_AMQP_URL", "amqp://parlor:hunter2-amqp@mq.internal:5672/%2f"),
    ];
    let mut settings = secrets.to_vec();
    settings.push(("PARLOR_SERVER_USER_RATE_LIMIT_RPS", "77"));
    let printed = parlor(&["config"], &settings).await.unwrap();
    assert!(printed.contains("user_rate_limit_rps = 77"), "{printed}");
    assert!(!printed.contains("hunter2") && !printed.contains("aHVudGVyMi"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_the_configuration_are_named() {
    for (name, value, part) in [
        ("PARLOR_SERVER_COLOUR", "red", "server.colour"),
        ("PARLOR_DATABASE_POOL_SIZE", "many", "database.pool_size must be a whole number"),
        ("PARLOR_DATABASE_POOL_SIZE", "1", "database.pool_size must be at least 2"),
        ("PARLOR_REALTIME_KIND", "pigeon", "pigeon"),
        ("PARLOR_CONFIG", "/nowhere/parlor.toml", "/nowhere/parlor.toml"),
    ] {
        let said = parlor(&["config"], &[(name, value)]).await.unwrap_err();
        assert!(said.starts_with("parlor: ") && said.contains(part), "{name}={value}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn production_refuses_what_is_unsafe_and_names_all_of_it() {
    let unsafe_settings = [
        ("PARLOR_SERVER_MODE", "production"),
        ("PARLOR_SERVER_ALLOWED_ORIGINS", "*,http://a.example"),
        ("PARLOR_SERVER_PUBLIC_URL", "http://chat.example"),
        ("PARLOR_REALTIME_KIND", "centrifugo"),
        ("PARLOR_REALTIME_TOKEN_SECRET", "short"),
        ("PARLOR_REALTIME_CENTRIFUGO_API_URL", "http://centrifugo.internal:9000/api"),
        ("PARLOR_BROKER_KIND", "rabbitmq"),
    ];
    let said = parlor(&["serve"], &unsafe_settings).await.unwrap_err();
    for part in [
        "server.allowed_origins is \"*\"",
        "http:// origin",
        "server.public_url",
        "realtime.public_url",
        "security.master_keys",
        "realtime.token_secret",
        "realtime.centrifugo_api_key",
        "realtime.centrifugo_api_url",
        "broker.amqp_url",
    ] {
        assert!(said.contains(part), "{part} is missing in: {said}");
    }
    let key = parlor(&["config", "new-master-key"], &[]).await.unwrap();
    let safe = [
        ("PARLOR_SERVER_MODE", "production"),
        ("PARLOR_SERVER_PUBLIC_URL", "https://chat.example"),
        ("PARLOR_REALTIME_PUBLIC_URL", "wss://chat.example"),
        ("PARLOR_REALTIME_TOKEN_SECRET", "0123456789012345678901234567890123456789"),
        ("PARLOR_SECURITY_MASTER_KEYS", key.trim()),
    ];
    parlor(&["config"], &safe).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_are_created_and_listed() {
    let server = Server::start(Mode::Embedded).await;
    let (first, second) = (server.app("first").await, server.app("second").await);
    let listed: Value =
        serde_json::from_str(&server.command(&["app", "list", "--json"]).await.unwrap()).unwrap();
    let ids: Vec<&str> = listed.as_array().unwrap().iter().map(|app| app["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [first.id.as_str(), second.id.as_str()], "oldest first");
    let text = server.command(&["app", "list"]).await.unwrap();
    assert!(text.contains(&first.public_key) && text.contains("second"), "{text}");
    assert!(!text.contains("sk_") && !listed.to_string().contains("sk_"), "secrets are shown once");
    let long = "x".repeat(101);
    for wrong in [
        &["app", "create", "x", "--rate-limit", "0"][..],
        &["app", "create", " "],
        &["app", "create", &long],
        &["app", "suspend", "not-an-id"],
        &["app", "suspend", "01a1fd71-a74c-70e5-8068-a19b41835d1e"],
    ] {
        server.command(wrong).await.unwrap_err();
    }
    assert!(server.command(&["migrate"]).await.unwrap().contains("up to date"));
}
