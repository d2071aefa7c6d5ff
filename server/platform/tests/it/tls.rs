//! TLS to PostgreSQL and RabbitMQ: whom we believe, and what is said when we don't.

use std::path::PathBuf;

use diesel::QueryableByName;
use diesel::sql_types::Bool;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use parlor_platform::broker::{Broker, RabbitMq};
use parlor_platform::clock::Clock;
use parlor_platform::config::{self, Secret};
use parlor_platform::db::{Db, migrate};
use parlor_test_support::{Services, TestDb};
use tokio::process::Command;
use uuid::Uuid;

#[derive(QueryableByName)]
struct Encrypted {
    #[diesel(sql_type = Bool)]
    ssl: bool,
}

/// An authority that signed nothing.
struct Stranger(PathBuf);

impl Stranger {
    async fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("parlor-tls-{}", Uuid::new_v4().simple()));
        std::fs::create_dir(&folder).unwrap();
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
            .args(["-subj", "/CN=Somebody else", "-keyout", "ca.key", "-out", "ca.pem"])
            .current_dir(&folder)
            .output()
            .await
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Self(folder)
    }

    fn certificate(&self) -> String {
        self.0.join("ca.pem").display().to_string()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Whether the pool's connection and a dedicated one are encrypted, which must be the same, or why there is none.
async fn encrypted(url: &str, ca: &str) -> Result<bool, String> {
    let settings = config::Database {
        url: Secret::new(url),
        tls_ca_file: ca.to_owned(),
        wait_timeout_ms: 20_000,
        ..config::load(None, []).unwrap().database
    };
    migrate(&settings).await.map_err(|error| format!("{error:?}"))?;
    let db = Db::new(&settings).map_err(|error| format!("{error:?}"))?;
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let tx = db.system().await.map_err(|error| format!("{error:?}"))?;
    // Only who logged in sees its own connections there.
    let mut conn = tx.conn().unwrap();
    conn.batch_execute("RESET ROLE").await.unwrap();
    let pooled: Encrypted = diesel::sql_query(sql).get_result(&mut conn).await.unwrap();
    tx.commit().await.unwrap();
    let mut alone = db.dedicated("RESET ROLE").await.unwrap();
    let dedicated: Encrypted = diesel::sql_query(sql).get_result(&mut alone).await.unwrap();
    assert_eq!(pooled.ssl, dedicated.ssl);
    Ok(pooled.ssl)
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_believed_as_far_as_sslmode_says() {
    let services = Services::start_with_tls("postgres").await;
    let stranger = Stranger::new().await;
    let by_address = services.setting("PARLOR_TEST_PG_ADMIN_URL");
    let by_name = by_address.replace("127.0.0.1", "localhost");
    let (ours, strangers) = (services.setting("PARLOR_TEST_PG_CA"), stranger.certificate());
    for (url, mode, ca, expected) in [
        (by_address, "", "", Ok(true)),
        (by_address, "?sslmode=disable", "", Ok(false)),
        (by_address, "?sslmode=prefer", "", Ok(true)),
        (by_address, "?sslmode=prefer", ours, Err("database.tls_ca_file")),
        (by_address, "?sslmode=require", "", Ok(true)),
        (by_address, "?sslmode=require", strangers.as_str(), Err("UnknownIssuer")),
        (by_address, "?sslmode=verify-ca", ours, Ok(true)),
        (by_address, "?sslmode=verify-ca", strangers.as_str(), Err("UnknownIssuer")),
        (by_address, "?sslmode=verify-full", ours, Err("not valid for name")),
        (&by_name, "?sslmode=verify-full", ours, Ok(true)),
        (&by_name, "?sslmode=verify-full", strangers.as_str(), Err("UnknownIssuer")),
        (&by_name, "?sslmode=verify-full", "/nowhere/ca.pem", Err("/nowhere/ca.pem")),
    ] {
        let outcome = encrypted(&format!("{url}{mode}"), ca).await;
        match (&outcome, expected) {
            (Ok(ssl), Ok(wanted)) => assert_eq!(*ssl, wanted, "{mode}"),
            (Err(said), Err(part)) => assert!(said.contains(part), "{mode}: {said}"),
            _ => panic!("{mode} with the authority {ca:?}: {outcome:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let test_db = TestDb::new().await;
    let url = test_db.url();
    let said = encrypted(&format!("{url}?sslmode=require"), "").await.unwrap_err();
    assert!(said.contains("server does not support TLS"), "{said}");
    assert_eq!(encrypted(&url, "").await, Ok(false), "by default it is taken as it is");
}

async fn answers(url: &str, ca: &str) -> Result<(), String> {
    let settings = config::Broker {
        amqp_url: Secret::new(url),
        tls_ca_file: ca.to_owned(),
        prefix: format!("test-{}", Uuid::new_v4().simple()),
        ..config::load(None, []).unwrap().broker
    };
    let broker =
        RabbitMq::new(&settings, Clock::default(), Vec::new()).map_err(|error| format!("{error:?}"))?;
    broker.ping().await.map_err(|error| format!("{error:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn rabbitmq_is_believed_if_its_authority_is_known() {
    let services = Services::start_with_tls("rabbitmq").await;
    let stranger = Stranger::new().await;
    let url = services.setting("PARLOR_TEST_AMQPS_URL");
    let ours = services.setting("PARLOR_TEST_AMQPS_CA");
    assert_eq!(answers(url, ours).await, Ok(()));
    for (url, ca, part) in [
        (url.to_owned(), stranger.certificate(), "UnknownIssuer"),
        (url.replace("localhost", "127.0.0.1"), ours.to_owned(), "not valid for name"),
        (url.to_owned(), "/nowhere/ca.pem".to_owned(), "/nowhere/ca.pem"),
        (
            services.setting("PARLOR_TEST_AMQP_URL").replace("amqp://", "amqps://"),
            ours.to_owned(),
            "RabbitMQ",
        ),
    ] {
        let said = answers(&url, &ca).await.unwrap_err();
        assert!(said.contains(part), "{said}");
    }
}
