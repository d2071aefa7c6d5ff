//! The schema: that it can be taken down and put up again, that every table is walled, and that the code
//! knows it as it is.

use std::collections::{BTreeMap, BTreeSet};

use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Text};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{migrate, revert_all};
use parlor_test_support::{TENANT_TABLES, TestDb, setting};
use tokio::process::Command;

async fn dump(test_db: &TestDb) -> String {
    let program = format!("{}/pg_dump", setting("PARLOR_TEST_PG_BIN"));
    let output = Command::new(program).args(["--schema-only", &test_db.url()]).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // These two lines have a key that is another each time.
    let same =
        text.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
    same.collect::<Vec<_>>().join("\n")
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

async fn names(test_db: &TestDb, sql: &str) -> BTreeSet<String> {
    let rows = diesel::sql_query(sql).load::<Name>(&mut test_db.admin().await).await.unwrap();
    rows.into_iter().map(|row| row.name).collect()
}

const OUR_TABLES: &str = "SELECT relname::text AS name FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
    AND relname <> '__diesel_schema_migrations'";

#[tokio::test(flavor = "multi_thread")]
async fn migrations_go_up_down_and_up_again_to_the_same_schema() {
    let test_db = TestDb::empty().await;
    let applied = migrate(&test_db.config()).await.unwrap();
    assert!(!applied.is_empty());
    assert_eq!(
        migrate(&test_db.config()).await.unwrap(),
        Vec::<String>::new(),
        "a second time there is nothing to do"
    );
    let first = dump(&test_db).await;
    assert!(first.contains("CREATE TABLE public.messages"));

    let reverted = revert_all(&test_db.config()).await.unwrap();
    assert_eq!(reverted.len(), applied.len());
    assert_eq!(names(&test_db, OUR_TABLES).await, BTreeSet::new(), "nothing is left");
    let functions = "SELECT proname::text AS name FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND proname LIKE 'parlor%'";
    assert_eq!(names(&test_db, functions).await, BTreeSet::new(), "nothing is left");

    assert_eq!(migrate(&test_db.config()).await.unwrap(), applied);
    similar(&first, &dump(&test_db).await);
}

fn similar(first: &str, second: &str) {
    let (first, second): (BTreeSet<_>, BTreeSet<_>) = (first.lines().collect(), second.lines().collect());
    let differences: Vec<_> = first.symmetric_difference(&second).collect();
    assert!(differences.is_empty(), "{differences:#?}");
}

#[derive(QueryableByName, Debug)]
struct Wall {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    forced: bool,
    #[diesel(sql_type = Bool)]
    has_policy: bool,
    #[diesel(sql_type = Bool)]
    keys_lead_with_app: bool,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_of_tenants_is_walled() {
    let test_db = TestDb::new().await;
    let walls = diesel::sql_query(
        "SELECT c.relname::text AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced,
            EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = '*'
                AND pg_get_expr(p.polqual, p.polrelid) LIKE '%parlor_current_app()%') AS has_policy,
            NOT EXISTS (SELECT FROM pg_constraint k JOIN pg_attribute a
                ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
                WHERE k.conrelid = c.oid AND k.contype IN ('p', 'f') AND a.attname <> 'app_id') AS keys_lead_with_app
         FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
            AND (c.relname = 'apps' OR EXISTS (SELECT FROM pg_attribute a
                WHERE a.attrelid = c.oid AND a.attname = 'app_id' AND NOT a.attisdropped))",
    )
    .load::<Wall>(&mut test_db.admin().await)
    .await
    .unwrap();
    for wall in &walls {
        assert!(wall.forced, "{}: FORCE ROW LEVEL SECURITY", wall.name);
        assert!(wall.has_policy, "{}: a policy for all commands", wall.name);
        assert!(wall.keys_lead_with_app || wall.name == "apps", "{}: keys lead with app_id", wall.name);
    }
    let walled: BTreeSet<_> = walls.into_iter().map(|wall| wall.name).collect();
    assert_eq!(walled, names(&test_db, OUR_TABLES).await, "there is no table without a tenant");
    let listed = TENANT_TABLES.map(str::to_owned).into_iter().collect();
    assert_eq!(walled, listed, "other tests know all of them");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_role_can_not_go_round_the_wall() {
    let test_db = TestDb::new().await;
    let strong = "SELECT rolname::text AS name FROM pg_roles
        WHERE rolname IN ('parlor_app', 'parlor_owner') AND (rolbypassrls OR rolsuper OR rolcreaterole OR rolcanlogin)";
    assert_eq!(names(&test_db, strong).await, BTreeSet::new());
    let owned = "SELECT relname::text AS name FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND pg_has_role('parlor_app', relowner, 'MEMBER')";
    assert_eq!(names(&test_db, owned).await, BTreeSet::new(), "an owner could switch the wall off");
    let truncatable = "SELECT relname::text AS name FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND has_table_privilege('parlor_app', oid, 'TRUNCATE')";
    assert_eq!(names(&test_db, truncatable).await, BTreeSet::new(), "TRUNCATE asks no policy");

    let tx = test_db.db().system().await.unwrap();
    let user = diesel::dsl::sql::<Text>("SELECT current_user::text");
    assert_eq!(user.get_result::<String>(&mut tx.conn().unwrap()).await.unwrap(), "parlor_app");
}

/// Table → (primary key, column → type).
type Tables = BTreeMap<String, (Vec<String>, BTreeMap<String, String>)>;

/// Reads the `table!` macros of `schema.rs`.
fn in_code() -> Tables {
    let mut tables = Tables::new();
    let (mut table, mut renamed) = (String::new(), None);
    for line in include_str!("../../src/schema.rs").lines().map(str::trim) {
        if let Some((name, rest)) = line.split_once(" (").filter(|_| line.ends_with(") {")) {
            let key = rest.trim_end_matches(") {").split(", ").map(str::to_owned).collect();
            name.clone_into(&mut table);
            tables.insert(table.clone(), (key, BTreeMap::new()));
        } else if let Some(name) = line.strip_prefix("#[sql_name = \"") {
            renamed = name.strip_suffix("\"]").map(str::to_owned);
        } else if let Some((column, kind)) = line.trim_end_matches(',').split_once(" -> ") {
            let column = renamed.take().unwrap_or_else(|| column.to_owned());
            tables.get_mut(&table).unwrap().1.insert(column, kind.to_owned());
        }
    }
    tables
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table: String,
    #[diesel(sql_type = Text)]
    column: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Bool)]
    required: bool,
    #[diesel(sql_type = Array<Text>)]
    key: Vec<String>,
}

async fn in_catalogue(test_db: &TestDb) -> Tables {
    let columns = diesel::sql_query(
        "SELECT c.relname::text AS table, a.attname::text AS column, format_type(a.atttypid, NULL) AS kind,
            a.attnotnull AS required, ARRAY(SELECT k.attname::text FROM pg_index i
                CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY AS part (number, place)
                JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum = part.number
                WHERE i.indrelid = c.oid AND i.indisprimary ORDER BY part.place) AS key
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
            AND c.relname <> '__diesel_schema_migrations'",
    )
    .load::<Column>(&mut test_db.admin().await)
    .await
    .unwrap();
    let mut tables = Tables::new();
    for column in columns {
        let kind = diesel_name(&column.kind);
        let kind = if column.required { kind } else { format!("Nullable<{kind}>") };
        tables
            .entry(column.table)
            .or_insert_with(|| (column.key, BTreeMap::new()))
            .1
            .insert(column.column, kind);
    }
    tables
}

fn diesel_name(kind: &str) -> String {
    if let Some(item) = kind.strip_suffix("[]") {
        return format!("Array<{}>", diesel_name(item));
    }
    let name = match kind {
        "uuid" => "Uuid",
        "text" => "Text",
        "boolean" => "Bool",
        "smallint" => "Int2",
        "integer" => "Int4",
        "bigint" => "Int8",
        "bytea" => "Binary",
        "jsonb" => "Jsonb",
        "tsvector" => "Tsvector",
        "timestamp with time zone" => "Timestamptz",
        other => other,
    };
    name.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_knows_the_tables_as_they_are() {
    let (code, catalogue) = (in_code(), in_catalogue(&TestDb::new().await).await);
    assert_eq!(code.keys().collect::<Vec<_>>(), catalogue.keys().collect::<Vec<_>>());
    for (table, in_code) in code {
        assert_eq!(in_code, catalogue[&table], "{table}: left is schema.rs, right the database");
    }
}
