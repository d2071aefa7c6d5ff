//! The tenant scope: what one app can't see or change of another, even with SQL of its own.

use diesel::QueryResult;
use diesel::sql_types::{BigInt, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use parlor_platform::config;
use parlor_platform::db::Db;
use parlor_protocol::ErrorCode;
use parlor_test_support::{TENANT_TABLES, TestDb, until};

use crate::outbox;

async fn execute(conn: &AsyncPgConnection, sql: &str) -> QueryResult<usize> {
    diesel::sql_query(sql).execute(&mut &*conn).await
}

async fn count(conn: &AsyncPgConnection, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    diesel::dsl::sql::<BigInt>(&sql).get_result(&mut &*conn).await.unwrap()
}

/// Rows of one app in every kind of table.
async fn furnish(db: &Db, app: parlor_protocol::AppId) {
    let tx = db.tenant(app).await.unwrap();
    let conn = tx.conn().unwrap();
    for sql in [
        "INSERT INTO users (app_id, id, created_at, updated_at) VALUES ('{app}', 'ann', now(), now())",
        "INSERT INTO channels (app_id, id, type, cid, created_at, updated_at)
            VALUES ('{app}', '{app}', 'messaging', 'messaging:1', now(), now())",
        "INSERT INTO channel_members (app_id, channel_id, user_id, role, joined_at, updated_seq)
            VALUES ('{app}', '{app}', 'ann', 'owner', now(), 1)",
        "INSERT INTO messages (app_id, id, channel_id, user_id, seq, updated_seq, ordinal, countable, text, fingerprint, created_at)
            VALUES ('{app}', '{app}', '{app}', 'ann', 1, 1, 1, true, 'hello', 0, now())",
        "INSERT INTO message_edits (app_id, message_id, seq, text, created_at) VALUES ('{app}', '{app}', 2, 'helo', now())",
        "INSERT INTO deleted_messages (app_id, message_id, content, created_at, expires_at)
            VALUES ('{app}', '{app}', '{}', now(), now())",
        "INSERT INTO user_sessions (app_id, user_id, session_id, device, connected_at)
            VALUES ('{app}', 'ann', '{app}', 'web', now())",
        "INSERT INTO status_ends (app_id, user_id, ends_at) VALUES ('{app}', 'ann', now())",
        "INSERT INTO watched_channels (app_id, channel_id, until) VALUES ('{app}', '{app}', now())",
        "INSERT INTO channel_tags (app_id, tag, channel_id) VALUES ('{app}', 'sale', '{app}')",
        "INSERT INTO channel_invites (app_id, channel_id, user_id, role, hide_history, state, created_at, expires_at)
            VALUES ('{app}', '{app}', 'ann', 'member', false, 'pending', now(), now())",
        "INSERT INTO access_code_tries (app_id, user_id, tried_at) VALUES ('{app}', 'ann', ARRAY[now()])",
        "INSERT INTO jobs (app_id, id, kind, state, total, created_at) VALUES ('{app}', '{app}', 'channels', 'waiting', 1, now())",
        "INSERT INTO message_search (app_id, message_id, channel_id, created_at, seq, updated_seq, words)
            VALUES ('{app}', '{app}', '{app}', now(), 1, 1, 'hello')",
        "INSERT INTO user_groups (app_id, id, name, created_at, updated_at) VALUES ('{app}', '{app}', 'g', now(), now())",
        "INSERT INTO user_group_members (app_id, group_id, user_id, added_at) VALUES ('{app}', '{app}', 'ann', now())",
        "INSERT INTO pending_messages (app_id, id, channel_id, user_id, content, fingerprint, user_seq, created_at, updated_at)
            VALUES ('{app}', '{app}', '{app}', 'ann', '{}', 0, 1, now(), now())",
        "INSERT INTO poll_votes (app_id, message_id, user_id, option, seq, created_at)
            VALUES ('{app}', '{app}', 'ann', '1', 2, now())",
        "INSERT INTO reactions (app_id, message_id, user_id, kind, score, seq, created_at)
            VALUES ('{app}', '{app}', 'ann', 'like', 1, 2, now())",
        "INSERT INTO pins (app_id, message_id, channel_id, created_at) VALUES ('{app}', '{app}', '{app}', now())",
        "INSERT INTO user_messages (app_id, user_id, message_id, channel_id, seq, flags)
            VALUES ('{app}', 'ann', '{app}', '{app}', 1, 0)",
        "INSERT INTO stars (app_id, user_id, message_id, channel_id, starred, user_seq, updated_at)
            VALUES ('{app}', 'ann', '{app}', '{app}', true, 1, now())",
        "INSERT INTO drafts (app_id, user_id, channel_id, place, content, user_seq, updated_at)
            VALUES ('{app}', 'ann', '{app}', '{app}', '{}', 1, now())",
        "INSERT INTO scheduled_messages (app_id, id, channel_id, user_id, by_server, send_at, state, content, fingerprint,
                user_seq, created_at, updated_at)
            VALUES ('{app}', '{app}', '{app}', 'ann', false, now(), 'waiting', '{}', 0, 1, now(), now())",
        "INSERT INTO reminders (app_id, user_id, message_id, channel_id, state, user_seq, created_at)
            VALUES ('{app}', 'ann', '{app}', '{app}', 'saved', 1, now())",
        "INSERT INTO due (app_id, kind, user_id, id, available_at) VALUES ('{app}', 'reminder', 'ann', '{app}', now())",
        "INSERT INTO thread_members (app_id, root_id, user_id) VALUES ('{app}', '{app}', 'ann')",
        "INSERT INTO tasks (app_id, id, channel_id, message_id, title, status, created_at, updated_at, updated_seq)
            VALUES ('{app}', '{app}', '{app}', '{app}', 'call', 'open', now(), now(), 1)",
        "INSERT INTO imports (app_id, id, state, created_at, expires_at)
            VALUES ('{app}', '{app}', 'open', now(), now() + interval '1 day')",
        "INSERT INTO import_parts (app_id, import_id, number, body, lines) VALUES ('{app}', '{app}', 1, '', 1)",
        "INSERT INTO import_channels (app_id, import_id, channel_id, created, ordinal)
            VALUES ('{app}', '{app}', '{app}', true, 0)",
        "INSERT INTO exports (app_id, id, user_id, state, created_at, expires_at)
            VALUES ('{app}', '{app}', 'ann', 'waiting', now(), now() + interval '1 day')",
        "INSERT INTO export_parts (app_id, export_id, number, body) VALUES ('{app}', '{app}', 1, 'x')",
        "INSERT INTO user_deletions (app_id, id, subject, mode, created_at, finished_at)
            VALUES ('{app}', '{app}', '', 'soft', now(), now())",
        "INSERT INTO api_keys (app_id, id, secret_ciphertext, created_at) VALUES ('{app}', 'key {app}', '', now())",
        "INSERT INTO outbox (app_id, event_id, sink, lane, topic, payload, created_at, available_at)
            VALUES ('{app}', '{app}', 'job', 0, 't', '{{}}', now(), now())",
        "INSERT INTO inbox (app_id, consumer, event_id, created_at) VALUES ('{app}', 'c', '{app}', now())",
        "INSERT INTO idempotency_keys (app_id, key, request, created_at) VALUES ('{app}', '', '', now())",
    ] {
        execute(conn, &sql.replace("{app}", &app.to_string())).await.unwrap();
    }
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_holds_its_share_of_connections_does_not_stop_another() {
    let test_db = TestDb::new().await;
    let settings =
        config::Database { pool_size: 3, app_connections: 2, wait_timeout_ms: 300, ..test_db.config() };
    let db = Db::new(&settings).unwrap();
    let (greedy, modest) = (outbox::app(&test_db).await, outbox::app(&test_db).await);
    // A loaded machine may take its time to connect.
    let begin = async |app| {
        let mut begun = None;
        until("a transaction begins", async || {
            begun = db.tenant(app).await.ok();
            begun.is_some()
        })
        .await;
        begun.unwrap()
    };
    let (first, second) = (begin(greedy).await, begin(greedy).await);
    let refused = db.tenant(greedy).await.map(drop).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Unavailable);
    assert!(format!("{refused:?}").contains("share"), "{refused:?}");
    begin(modest).await.commit().await.unwrap();
    db.system().await.unwrap().commit().await.unwrap();

    // A connection that comes back frees its share, whichever way its transaction ended.
    first.commit().await.unwrap();
    let third = begin(greedy).await;
    drop(second);
    let fourth = begin(greedy).await;
    let refused = db.tenant_snapshot(greedy).await.map(drop).unwrap_err();
    assert!(format!("{refused:?}").contains("share"), "{refused:?}");
    drop((third, fourth));
    begin(greedy).await.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_neither_sees_nor_changes_rows_of_another() {
    let test_db = TestDb::new().await;
    let db = test_db.db();
    let (a, b) = (outbox::app(&test_db).await, outbox::app(&test_db).await);
    furnish(&db, a).await;

    let tx = db.tenant(b).await.unwrap();
    let conn = tx.conn().unwrap();
    for table in TENANT_TABLES {
        let own = i64::from(table == "apps");
        assert_eq!(count(conn, table).await, own, "{table}: rows that are seen");
        let of_a = if table == "apps" { format!("id = '{a}'") } else { format!("app_id = '{a}'") };
        for sql in [
            format!("SELECT 1 FROM {table} WHERE {of_a}"),
            format!("UPDATE {table} SET created_at = now() WHERE {of_a}"),
            format!("DELETE FROM {table} WHERE {of_a}"),
        ] {
            let timeless = [
                "channel_members",
                "channel_tags",
                "access_code_tries",
                "user_messages",
                "thread_members",
                "user_group_members",
                "drafts",
                "stars",
                "due",
                "user_sessions",
                "status_ends",
                "watched_channels",
                "import_parts",
                "import_channels",
                "export_parts",
            ];
            if sql.contains("created_at") && timeless.contains(&table) {
                continue;
            }
            assert_eq!(execute(conn, &sql).await.unwrap(), 0, "{sql}");
        }
    }
    tx.commit().await.unwrap();

    let tx = db.tenant(a).await.unwrap();
    for table in TENANT_TABLES {
        assert_eq!(count(tx.conn().unwrap(), table).await, 1, "{table}: the owner still has its row");
    }
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_can_store_nothing_under_the_name_of_another() {
    let test_db = TestDb::new().await;
    let db = test_db.db();
    let (a, b) = (outbox::app(&test_db).await, outbox::app(&test_db).await);
    for sql in [
        format!("INSERT INTO users (app_id, id, created_at, updated_at) VALUES ('{a}', 'eve', now(), now())"),
        format!(
            "INSERT INTO inbox (app_id, consumer, event_id, created_at) VALUES ('{a}', 'c', '{a}', now())"
        ),
        format!("INSERT INTO apps (id, name, created_at) VALUES ('{}', 'new', now())", uuid::Uuid::now_v7()),
    ] {
        let tx = db.tenant(b).await.unwrap();
        let error = execute(tx.conn().unwrap(), &sql).await.unwrap_err().to_string();
        assert!(error.contains("row-level security"), "{sql}: {error}");
    }
    // Nor move a row of its own there.
    furnish(&db, b).await;
    let tx = db.tenant(b).await.unwrap();
    let error = execute(tx.conn().unwrap(), &format!("UPDATE inbox SET app_id = '{a}'")).await.unwrap_err();
    assert!(error.to_string().contains("row-level security"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_system_sees_keys_and_queues_and_no_conversations() {
    let test_db = TestDb::new().await;
    let db = test_db.db();
    furnish(&db, outbox::app(&test_db).await).await;
    let tx = db.system().await.unwrap();
    for table in TENANT_TABLES {
        let seen = count(tx.conn().unwrap(), table).await;
        let keys_and_queues =
            ["apps", "api_keys", "outbox", "inbox", "idempotency_keys", "due", "access_code_tries"];
        let presence = ["user_sessions", "status_ends", "watched_channels"];
        let open = keys_and_queues.contains(&table) || presence.contains(&table);
        assert_eq!(seen, i64::from(open), "{table}");
    }
    tx.commit().await.unwrap();
    // But for pins that wait for their end, and for imports and exports whose time is over.
    let over = "UPDATE pins SET expires_at = now(); UPDATE imports SET expires_at = now() - interval '1 s'; \
        UPDATE exports SET expires_at = now() - interval '1 s'";
    TestDb::execute(&test_db, over).await;
    let tx = db.system().await.unwrap();
    for table in ["pins", "imports", "exports"] {
        assert_eq!(count(tx.conn().unwrap(), table).await, 1, "{table}");
    }
    for table in ["import_parts", "export_parts", "user_deletions"] {
        assert_eq!(count(tx.conn().unwrap(), table).await, 0, "{table}");
    }
    tx.commit().await.unwrap();
}

/// A pool of one, so that the next scope must have the connection of the last.
fn single(test_db: &TestDb) -> Db {
    Db::new(&config::Database { pool_size: 1, wait_timeout_ms: 10_000, ..test_db.config() }).unwrap()
}

async fn setting(conn: &AsyncPgConnection, name: &str) -> String {
    let sql = format!("SELECT coalesce(current_setting('{name}', true), '')");
    diesel::dsl::sql::<Text>(&sql).get_result(&mut &*conn).await.unwrap()
}

async fn backend(conn: &AsyncPgConnection) -> i64 {
    diesel::dsl::sql::<BigInt>("SELECT pg_backend_pid()::bigint").get_result(&mut &*conn).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_is_dropped_rolls_back_and_leaves_a_clean_connection() {
    let test_db = TestDb::new().await;
    let db = single(&test_db);
    let (a, b) = (outbox::app(&test_db).await, outbox::app(&test_db).await);

    let tx = db.tenant(a).await.unwrap();
    let first = backend(tx.conn().unwrap()).await;
    execute(tx.conn().unwrap(), &format!("INSERT INTO inbox VALUES ('{a}', 'c', '{a}', now())"))
        .await
        .unwrap();
    drop(tx);

    let tx = db.tenant(b).await.unwrap();
    assert_eq!(backend(tx.conn().unwrap()).await, first, "the same connection");
    assert_eq!(setting(tx.conn().unwrap(), "app.current_app").await, b.to_string());
    assert_eq!(setting(tx.conn().unwrap(), "app.scope").await, "");
    tx.commit().await.unwrap();

    let tx = db.system().await.unwrap();
    assert_eq!(setting(tx.conn().unwrap(), "app.current_app").await, "", "no tenant is left over");
    assert_eq!(count(tx.conn().unwrap(), "inbox").await, 0, "the insert was rolled back");
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_is_dropped_in_the_middle_of_a_statement_leaves_a_clean_connection() {
    let test_db = TestDb::new().await;
    let db = single(&test_db);
    let (a, b) = (outbox::app(&test_db).await, outbox::app(&test_db).await);

    let tx = db.tenant(a).await.unwrap();
    {
        let slow = format!("INSERT INTO inbox SELECT '{a}', 'c', '{a}', now() FROM pg_sleep(2)");
        let runs = until("the statement runs", async || {
            let sql = "SELECT count(*) FROM pg_stat_activity
                WHERE wait_event = 'PgSleep' AND datname = current_database()";
            diesel::dsl::sql::<BigInt>(sql).get_result::<i64>(&mut test_db.admin().await).await.unwrap() == 1
        });
        tokio::select! {
            done = execute(tx.conn().unwrap(), &slow) => panic!("it ended too soon: {done:?}"),
            () = runs => {}
        }
    }
    drop(tx);

    let tx = db.tenant(b).await.unwrap();
    assert_eq!(setting(tx.conn().unwrap(), "app.current_app").await, b.to_string());
    tx.commit().await.unwrap();
    let tx = db.tenant(a).await.unwrap();
    assert_eq!(count(tx.conn().unwrap(), "inbox").await, 0, "the insert was rolled back");
    tx.commit().await.unwrap();
}

/// The functions of search look past the policies of their tables, and must say themselves whose rows they give.
#[tokio::test(flavor = "multi_thread")]
async fn a_search_gives_an_app_its_own_rows_alone() {
    let test_db = TestDb::new().await;
    let db = test_db.db();
    let (a, b) = (outbox::app(&test_db).await, outbox::app(&test_db).await);
    furnish(&db, a).await;
    furnish(&db, b).await;
    let messages = "SELECT message_id::text AS id FROM parlor_search_messages(\n            '''hello''', NULL, 'infinity', '00000000-0000-0000-0000-000000000000', '-infinity', 10, '{}', '{}', NULL)";
    let users =
        "SELECT app_id::text AS id FROM parlor_search_users('ann', 'ann', 2, '', 10) f JOIN users USING (id)";
    for app in [a, b] {
        let tx = db.tenant(app).await.unwrap();
        for sql in [messages, users] {
            let ids: Vec<Id> = diesel::sql_query(sql).load(&mut tx.conn().unwrap()).await.unwrap();
            let ids: Vec<String> = ids.into_iter().map(|row| row.id).collect();
            assert_eq!(ids, [app.to_string()], "{sql}");
        }
        tx.commit().await.unwrap();
    }
    let tx = db.system().await.unwrap();
    for sql in [messages, users] {
        assert_eq!(
            execute(tx.conn().unwrap(), sql).await.unwrap(),
            0,
            "who is no tenant finds nothing: {sql}"
        );
    }
}

#[derive(diesel::QueryableByName)]
struct Id {
    #[diesel(sql_type = Text)]
    id: String,
}
