//! Migrations, and the two roles.
//!
//! `parlor_owner` owns the tables, `parlor_app` reads and writes them under row-level security. Neither can
//! log in or bypass security; whoever migrates must be allowed to create them and to act as them.

use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::address::Address;
use crate::config;
use crate::error::{Error, Result};

/// Compiled in, so that a binary knows its own schema.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// One at a time in a database: two nodes that start together would both apply the first migration. The lock ends
/// with the connection. Roles belong to the whole cluster, so two databases may be migrated at the same moment.
const ROLES: &str = "
SELECT pg_advisory_lock(1885434476, 0);
DO $$ DECLARE wanted text; BEGIN
    BEGIN CREATE ROLE parlor_owner NOLOGIN NOBYPASSRLS; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END;
    BEGIN CREATE ROLE parlor_app NOLOGIN NOBYPASSRLS; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END;
    -- From version 16 on, being a member does not imply that one may become the role.
    FOR wanted IN SELECT unnest(ARRAY['parlor_owner', 'parlor_app']) LOOP
        IF NOT pg_has_role(current_user, wanted, CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END) THEN
            EXECUTE format('GRANT %I TO %I', wanted, current_user);
        END IF;
    END LOOP;
    EXECUTE format('GRANT CREATE, CONNECT ON DATABASE %I TO parlor_owner', current_database());
END $$;
GRANT ALL ON SCHEMA public TO parlor_owner;
GRANT USAGE ON SCHEMA public TO parlor_app;
SET ROLE parlor_owner;
";

/// Brings the database up to this binary's schema. Returns the names of what was applied.
pub async fn migrate(database: &config::Database) -> Result<Vec<String>> {
    run(database, |harness| {
        harness
            .run_pending_migrations(MIGRATIONS)
            .map(|versions| versions.iter().map(ToString::to_string).collect())
    })
    .await
}

/// Takes everything down again, newest first.
pub async fn revert_all(database: &config::Database) -> Result<Vec<String>> {
    run(database, |harness| {
        harness
            .revert_all_migrations(MIGRATIONS)
            .map(|versions| versions.iter().map(ToString::to_string).collect())
    })
    .await
}

async fn run<F>(database: &config::Database, work: F) -> Result<Vec<String>>
where
    F: FnOnce(&mut AsyncMigrationHarness<AsyncPgConnection>) -> diesel::migration::Result<Vec<String>>,
{
    let mut conn = Address::new(database)?.connect().await.map_err(Error::unavailable)?;
    conn.batch_execute(ROLES).await?;
    let mut harness = AsyncMigrationHarness::new(conn);
    tokio::task::block_in_place(|| work(&mut harness)).map_err(|error| Error::internal(error.to_string()))
}
