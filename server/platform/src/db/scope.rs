//! The scope of a transaction: one tenant, or the system.
//!
//! A [`TenantTx`] is the only way to a tenant's tables: queries take it, and row-level security sees the
//! app that it was opened for. The setting ends with the transaction, so nothing leaks through the pool. A
//! scope that is dropped before its commit rolls back in the background and gives the connection back.

use diesel_async::pooled_connection::deadpool::Object;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use parlor_protocol::AppId;
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::task;

/// A transaction in which only one app's rows exist.
pub struct TenantTx {
    tx: Tx,
    app: AppId,
}

/// A transaction that sees keys and queues of all apps, and no tenant's conversations.
pub struct SystemTx {
    tx: Tx,
}

/// Ends a transaction without waiting for the disk.
const LAZILY: &str = "SET LOCAL synchronous_commit = off; COMMIT";

/// A database that does not answer a statement without work in this time has gone silent.
const SILENCE: std::time::Duration = std::time::Duration::from_millis(900);

struct Tx {
    /// `None` once it is over.
    conn: Option<Lease>,
}

/// A connection of the pool, with the share of its app that it takes up. The connection goes back first.
pub(super) struct Lease {
    conn: Object<AsyncPgConnection>,
    _share: Option<OwnedSemaphorePermit>,
}

impl Lease {
    pub fn of_app(conn: Object<AsyncPgConnection>, share: OwnedSemaphorePermit) -> Self {
        Self { conn, _share: Some(share) }
    }

    pub fn of_nobody(conn: Object<AsyncPgConnection>) -> Self {
        Self { conn, _share: None }
    }

    /// Closes the connection instead of giving it back: nobody knows in which state it is.
    fn discard(self) {
        drop(Object::take(self.conn));
    }
}

/// What opens a tenant's transaction, for who drives one by hand. The id is a UUID, so its text can't carry SQL.
pub fn tenant_begin_sql(app: AppId) -> String {
    format!("BEGIN; SELECT set_config('app.current_app', '{app}', true)")
}

impl TenantTx {
    pub(super) async fn begin(conn: Lease, app: AppId) -> Result<Self> {
        Ok(Self { tx: Tx::begin(conn, &tenant_begin_sql(app)).await?, app })
    }

    pub(super) async fn begin_snapshot(conn: Lease, app: AppId) -> Result<Self> {
        let sql =
            tenant_begin_sql(app).replacen("BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", 1);
        Ok(Self { tx: Tx::begin(conn, &sql).await?, app })
    }

    pub(super) async fn begin_export(conn: Lease, app: AppId) -> Result<Self> {
        let tx = Self::begin_snapshot(conn, app).await?;
        // Whoever takes the lines may be slow, too.
        tx.without_time_limit().await?;
        Ok(tx)
    }

    /// For work that looks at all of an app: its statements may take long.
    pub async fn without_time_limit(&self) -> Result<()> {
        let mut conn: &AsyncPgConnection = self.conn()?;
        conn.batch_execute(
            "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0",
        )
        .await?;
        Ok(())
    }

    /// The tenant.
    pub fn app(&self) -> Uuid {
        self.app.0
    }

    /// The tenant.
    pub fn app_id(&self) -> AppId {
        self.app
    }

    /// The connection, for queries. Several at once on it are sent in one flight.
    pub fn conn(&self) -> Result<&AsyncPgConnection> {
        self.tx.conn()
    }

    /// Makes it durable.
    pub async fn commit(self) -> Result<()> {
        self.tx.commit().await
    }

    /// Commits without waiting for the disk: for effects that are repeated if a crash undoes them.
    pub async fn commit_lazily(self) -> Result<()> {
        self.tx.end(LAZILY).await
    }
}

impl SystemTx {
    pub(super) async fn begin(conn: Lease) -> Result<Self> {
        Ok(Self { tx: Tx::begin(conn, "BEGIN; SELECT set_config('app.scope', 'system', true)").await? })
    }

    /// The connection, for queries.
    pub fn conn(&self) -> Result<&AsyncPgConnection> {
        self.tx.conn()
    }

    /// Makes it durable.
    pub async fn commit(self) -> Result<()> {
        self.tx.commit().await
    }

    /// Commits without waiting for the disk: for bookkeeping that may be done twice after a crash.
    pub async fn commit_lazily(self) -> Result<()> {
        self.tx.end(LAZILY).await
    }
}

impl Tx {
    async fn begin(conn: Lease, sql: &str) -> Result<Self> {
        let mut tx = Self { conn: Some(conn) };
        let mut conn: &AsyncPgConnection = tx.conn()?;
        match tokio::time::timeout(SILENCE, conn.batch_execute(sql)).await {
            Ok(begun) => begun?,
            Err(silent) => {
                if let Some(conn) = tx.conn.take() {
                    conn.discard();
                }
                return Err(Error::unavailable(silent));
            }
        }
        Ok(tx)
    }

    fn conn(&self) -> Result<&AsyncPgConnection> {
        self.conn.as_ref().map(|lease| &*lease.conn).ok_or_else(|| Error::internal("the transaction is over"))
    }

    async fn commit(self) -> Result<()> {
        self.end("COMMIT").await
    }

    async fn end(mut self, sql: &str) -> Result<()> {
        let mut conn: &AsyncPgConnection = self.conn()?;
        match conn.batch_execute(sql).await {
            Ok(()) => {
                self.conn = None;
                Ok(())
            }
            Err(error) => {
                // Whether it was committed is unknown: the connection must not be used again.
                if let Some(conn) = self.conn.take() {
                    conn.discard();
                }
                Err(error.into())
            }
        }
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        if tokio::runtime::Handle::try_current().is_err() {
            conn.discard();
            return;
        }
        task::spawn("rollback", async move {
            let mut shared: &AsyncPgConnection = &conn.conn;
            let rolled_back = tokio::time::timeout(SILENCE, shared.batch_execute("ROLLBACK")).await;
            if !matches!(rolled_back, Ok(Ok(()))) {
                conn.discard();
            }
        });
    }
}
