//! Migrations, and the two roles.
//!
//! `parlor_owner` owns the tables, `parlor_app` reads and writes them under row-level security. Neither can
//! log in or bypass security; whoever migrates must be allowed to create them and to act as them.

use diesel_async::{AsyncConnection, AsyncMigrationHarness, AsyncPgConnection, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::error::{Error, Result};

/// Compiled in, so that a binary knows its own schema.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// Roles belong to the whole cluster, so two databases may be migrated at the same moment.
const ROLES: &str = "
DO $$ BEGIN
    BEGIN CREATE ROLE parlor_owner NOLOGIN NOBYPASSRLS; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END;
    BEGIN CREATE ROLE parlor_app NOLOGIN NOBYPASSRLS; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END;
    IF NOT pg_has_role(current_user, 'parlor_owner', 'MEMBER') THEN EXECUTE format('GRANT parlor_owner TO %I', current_user); END IF;
    IF NOT pg_has_role(current_user, 'parlor_app', 'MEMBER') THEN EXECUTE format('GRANT parlor_app TO %I', current_user); END IF;
    EXECUTE format('GRANT CREATE, CONNECT ON DATABASE %I TO parlor_owner', current_database());
END $$;
GRANT ALL ON SCHEMA public TO parlor_owner;
GRANT USAGE ON SCHEMA public TO parlor_app;
SET ROLE parlor_owner;
";

/// Brings the database up to this binary's schema. Returns the names of what was applied.
pub async fn migrate(url: &str) -> Result<Vec<String>> {
    run(url, |harness| {
        harness
            .run_pending_migrations(MIGRATIONS)
            .map(|versions| versions.iter().map(ToString::to_string).collect())
    })
    .await
}

/// Takes everything down again, newest first.
pub async fn revert_all(url: &str) -> Result<Vec<String>> {
    run(url, |harness| {
        harness
            .revert_all_migrations(MIGRATIONS)
            .map(|versions| versions.iter().map(ToString::to_string).collect())
    })
    .await
}

async fn run<F>(url: &str, work: F) -> Result<Vec<String>>
where
    F: FnOnce(&mut AsyncMigrationHarness<AsyncPgConnection>) -> diesel::migration::Result<Vec<String>>,
{
    let mut conn = AsyncPgConnection::establish(url).await.map_err(Error::unavailable)?;
    conn.batch_execute(ROLES).await?;
    let mut harness = AsyncMigrationHarness::new(conn);
    tokio::task::block_in_place(|| work(&mut harness)).map_err(|error| Error::internal(error.to_string()))
}
