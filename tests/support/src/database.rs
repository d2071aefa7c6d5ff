//! A database for each test, copied from a migrated template.
//!
//! The template is made once per cluster and version of the migrations, by whoever comes first: an advisory
//! lock keeps the others waiting, and it gets its final name only when it is complete. Copying files takes
//! some 15 ms.

use std::hash::{DefaultHasher, Hasher};
use std::path::Path;

use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use parlor_platform::config::{self, Secret};
use parlor_platform::db::{Db, migrate};
use parlor_platform::telemetry;
use uuid::Uuid;

use crate::setting;

/// All tables: every row belongs to one tenant, or is one.
pub const TENANT_TABLES: [&str; 39] = [
    "apps",
    "api_keys",
    "users",
    "user_sessions",
    "status_ends",
    "watched_channels",
    "channels",
    "channel_members",
    "channel_tags",
    "channel_invites",
    "access_code_tries",
    "jobs",
    "messages",
    "message_edits",
    "deleted_messages",
    "message_search",
    "user_groups",
    "user_group_members",
    "pending_messages",
    "poll_votes",
    "reactions",
    "pins",
    "user_messages",
    "stars",
    "drafts",
    "scheduled_messages",
    "reminders",
    "due",
    "thread_members",
    "tasks",
    "imports",
    "import_parts",
    "import_channels",
    "exports",
    "export_parts",
    "user_deletions",
    "outbox",
    "inbox",
    "idempotency_keys",
];

/// A database that is gone after the test.
pub struct TestDb {
    name: String,
    admin_url: String,
}

impl TestDb {
    /// One with the current schema and no rows.
    pub async fn new() -> Self {
        Self::on(setting("PARLOR_TEST_PG_ADMIN_URL")).await
    }

    /// The same in a cluster of the test's own.
    pub async fn on(admin_url: String) -> Self {
        let template = template(&admin_url).await;
        Self::create(admin_url, &format!("TEMPLATE {template} STRATEGY file_copy")).await
    }

    /// One without a schema.
    pub async fn empty() -> Self {
        Self::create(setting("PARLOR_TEST_PG_ADMIN_URL"), "").await
    }

    async fn create(admin_url: String, options: &str) -> Self {
        show_logs();
        let name = format!("parlor_test_{}", Uuid::new_v4().simple());
        run(&admin_url, &format!("CREATE DATABASE {name} {options}")).await;
        Self { name, admin_url }
    }

    /// Its address, for a superuser. The server's own connections drop to its role at once.
    pub fn url(&self) -> String {
        in_database(&self.admin_url, &self.name)
    }

    /// Settings that lead to it. The wait is long, as a test machine may be busy; the rest is as by default.
    pub fn config(&self) -> config::Database {
        settings(self.url())
    }

    /// A pool on it.
    pub fn db(&self) -> Db {
        match Db::new(&self.config()) {
            Ok(db) => db,
            Err(error) => panic!("no pool: {error:?}"),
        }
    }

    /// A connection that no row-level security holds back, to look behind the server's back.
    pub async fn admin(&self) -> AsyncPgConnection {
        connect(&self.url()).await
    }

    /// The number that a query gives, asked as a superuser.
    pub async fn number(&self, sql: &str) -> i64 {
        let number: String = self.text(&format!("SELECT ({sql})::text")).await;
        match number.parse() {
            Ok(number) => number,
            Err(error) => panic!("{sql}: {number}: {error}"),
        }
    }

    /// How many statements wait for a lock that another one holds.
    pub async fn waiting(&self) -> i64 {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        self.number(sql).await
    }

    /// The text that a query gives, asked as a superuser.
    pub async fn text(&self, sql: &str) -> String {
        #[derive(diesel::QueryableByName)]
        struct Row {
            #[diesel(sql_type = diesel::sql_types::Text)]
            value: String,
        }
        let sql = format!("SELECT value FROM ({sql}) AS asked (value)");
        match diesel::sql_query(&sql).get_result::<Row>(&mut self.admin().await).await {
            Ok(row) => row.value,
            Err(error) => panic!("{sql}: {error}"),
        }
    }

    /// Runs statements as a superuser.
    pub async fn execute(&self, sql: &str) {
        run(&self.url(), sql).await;
    }
}

impl Drop for TestDb {
    /// Best effort: the whole cluster is thrown away in the end.
    fn drop(&mut self) {
        let (admin_url, sql) = (self.admin_url.clone(), format!("DROP DATABASE {} WITH (FORCE)", self.name));
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                if let Ok(mut conn) = AsyncPgConnection::establish(&admin_url).await {
                    let _ = conn.batch_execute(&sql).await;
                }
            });
            Ok::<_, std::io::Error>(())
        });
        let _ = dropping.join();
    }
}

/// With `RUST_LOG` set, as in `RUST_LOG=parlor_platform=info`, a test shows what the server says in it.
fn show_logs() {
    if let Ok(log) = std::env::var("RUST_LOG") {
        let log_format = config::LogFormat::Text;
        let settings = config::Telemetry { log, log_format, otlp_endpoint: String::new() };
        let _ = telemetry::start_logs(&settings);
    }
}

fn settings(url: String) -> config::Database {
    let Ok(defaults) = config::load(None, []) else { panic!("the default settings do not load") };
    config::Database { url: Secret::new(url), pool_size: 8, wait_timeout_ms: 20_000, ..defaults.database }
}

async fn template(admin_url: &str) -> String {
    let name = format!("parlor_template_{:016x}", hash_of_migrations());
    let mut conn = connect(admin_url).await;
    // Held until the connection is closed.
    execute(&mut conn, &format!("SELECT pg_advisory_lock(hashtext('{name}'))")).await;
    let known = diesel::sql_query(format!("SELECT FROM pg_database WHERE datname = '{name}'"));
    if matches!(known.execute(&mut conn).await, Ok(1)) {
        return name;
    }
    execute(&mut conn, &format!("DROP DATABASE IF EXISTS {name}_unfinished WITH (FORCE)")).await;
    execute(&mut conn, &format!("CREATE DATABASE {name}_unfinished")).await;
    if let Err(error) = migrate(&settings(in_database(admin_url, &format!("{name}_unfinished")))).await {
        panic!("the migrations fail: {error:?}");
    }
    // No connection may be open on a template.
    execute(&mut conn, &format!("ALTER DATABASE {name}_unfinished ALLOW_CONNECTIONS false")).await;
    execute(&mut conn, &format!("ALTER DATABASE {name}_unfinished RENAME TO {name}")).await;
    name
}

fn hash_of_migrations() -> u64 {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let mut files: Vec<_> = entries(&folder).iter().flat_map(|migration| entries(migration)).collect();
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        match std::fs::read(&file) {
            Ok(text) => hasher.write(&text),
            Err(error) => panic!("{}: {error}", file.display()),
        }
    }
    hasher.finish()
}

fn entries(folder: &Path) -> Vec<std::path::PathBuf> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(error) => panic!("{}: {error}", folder.display()),
    }
}

/// The address with another database in its path.
fn in_database(url: &str, name: &str) -> String {
    match url.rsplit_once('/') {
        Some((server, _)) => format!("{server}/{name}"),
        None => panic!("PARLOR_TEST_PG_ADMIN_URL names no database"),
    }
}

async fn connect(url: &str) -> AsyncPgConnection {
    match AsyncPgConnection::establish(url).await {
        Ok(conn) => conn,
        Err(error) => panic!("PostgreSQL of the tests does not answer: {error}"),
    }
}

async fn run(url: &str, sql: &str) {
    execute(&mut connect(url).await, sql).await;
}

async fn execute(conn: &mut AsyncPgConnection, sql: &str) {
    if let Err(error) = conn.batch_execute(sql).await {
        panic!("{sql}: {error}");
    }
}
