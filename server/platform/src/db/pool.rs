//! The pool of connections.
//!
//! Every connection drops to the role `parlor_app` before it is used, so row-level security holds even
//! where the login role is a superuser, as on a developer's machine. A request waits for a connection less
//! than a second: when PostgreSQL is away it is better to say so at once.

use std::time::Duration;

use deadpool::managed::QueueMode;
use diesel_async::pooled_connection::deadpool::{Object, Pool, PoolError};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use futures_util::FutureExt;
use parlor_protocol::{AppId, ErrorCode};

use super::address::Address;
use super::count;
use super::scope::{Lease, SystemTx, TenantTx};
use super::share::Shares;
use crate::clock::monotonic;
use crate::config;
use crate::error::{Error, Result};

/// Every statement here is served by an index and touches few rows. A plan that is kept for all tenants may guess
/// otherwise and read a whole tenant; these settings leave it less choice. What they can't decide is which side of a
/// join leads. Statements that work on arrays say it themselves: with `LATERAL (… OFFSET 0)` where they read, and
/// where they change rows with a `MERGE` whose last branch is never taken, because only an outer join has one order.
/// What is looked up in a list is another row each time, so nothing is kept for the next (`memoize`): it was a fourth of the
/// time that reading a thousand channels of a user takes.
const PLANS: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
                     SET enable_material = off; SET enable_memoize = off; SET plan_cache_mode = force_generic_plan; \
                     SET jit = off; SET max_parallel_workers_per_gather = 0";

/// The database. Clones share the pool.
#[derive(Clone)]
pub struct Db {
    pool: Pool<AsyncPgConnection>,
    shares: Shares,
    wait: Duration,
    address: Address,
    setup: String,
}

impl Db {
    /// Makes the pool; connects to nothing yet, so a server may start before its database.
    pub fn new(config: &config::Database) -> Result<Self> {
        let setup = format!(
            "SET application_name = 'parlor'; SET statement_timeout = {0}; SET lock_timeout = {0}; \
             SET idle_in_transaction_session_timeout = 60000; \
             SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; \
             {PLANS}; SET ROLE parlor_app",
            config.statement_timeout_ms
        );
        let address = Address::new(config)?;
        let for_pool = (address.clone(), setup.clone());
        let mut manager = ManagerConfig::default();
        manager.recycling_method = RecyclingMethod::Fast;
        manager.custom_setup = Box::new(move |_| {
            let (address, setup) = for_pool.clone();
            async move { establish(&address, &setup).await }.boxed()
        });
        let manager =
            AsyncDieselConnectionManager::<AsyncPgConnection>::new_with_config(config.url.expose(), manager);
        let wait = Duration::from_millis(config.wait_timeout_ms);
        let pool = Pool::builder(manager)
            .max_size(config.pool_size)
            // Few busy connections, whose plans and caches are warm, instead of all of them in turn.
            .queue_mode(QueueMode::Lifo)
            .wait_timeout(Some(wait))
            .create_timeout(Some(wait))
            .recycle_timeout(Some(wait))
            .runtime(deadpool_runtime())
            .build()
            .map_err(Error::internal)?;
        Ok(Self { pool, shares: Shares::new(config), wait, address, setup })
    }

    /// Opens a transaction in which only this app's rows exist.
    pub async fn tenant(&self, app: AppId) -> Result<TenantTx> {
        TenantTx::begin(self.lease(app).await?, app).await
    }

    /// The same for a job. It takes nothing of the app's share, which its requests may have in use: how many jobs run
    /// is bounded by itself.
    pub async fn tenant_for_job(&self, app: AppId) -> Result<TenantTx> {
        TenantTx::begin(Lease::of_nobody(self.connection().await?), app).await
    }

    /// The same, but it only reads, and all of its queries see one moment.
    pub async fn tenant_snapshot(&self, app: AppId) -> Result<TenantTx> {
        TenantTx::begin_snapshot(self.lease(app).await?, app).await
    }

    /// The same for an export, which looks at all there is and takes its time.
    pub async fn tenant_export(&self, app: AppId) -> Result<TenantTx> {
        TenantTx::begin_export(Lease::of_nobody(self.connection().await?), app).await
    }

    /// Opens a transaction for what belongs to no tenant: keys before the tenant is known, and queues.
    pub async fn system(&self) -> Result<SystemTx> {
        SystemTx::begin(Lease::of_nobody(self.connection().await?)).await
    }

    /// A connection outside of the pool, for what needs a session: locks and notifications.
    pub async fn dedicated(&self, sql: &str) -> Result<AsyncPgConnection> {
        let connect = establish(&self.address, &self.setup);
        let mut conn = tokio::time::timeout(Duration::from_secs(5), connect)
            .await
            .map_err(Error::unavailable)?
            .map_err(Error::unavailable)?;
        conn.batch_execute(sql).await?;
        Ok(conn)
    }

    /// Whether PostgreSQL answers.
    pub async fn ping(&self) -> Result<()> {
        self.system().await?.commit().await
    }

    /// Connections in use and connections at all.
    pub fn usage(&self) -> (usize, usize) {
        let status = self.pool.status();
        (status.size.saturating_sub(status.available), status.max_size)
    }

    /// One wait for the app's share and for the pool.
    async fn lease(&self, app: AppId) -> Result<Lease> {
        let until = tokio::time::Instant::from_std(monotonic() + self.wait);
        let late = |why: &'static str| Error::unavailable(why).retry_after(1);
        let share = tokio::time::timeout_at(until, self.shares.take(app)).await;
        let share = share.map_err(|_| late("the app has its share of database connections in use"))??;
        let connection = tokio::time::timeout_at(until, self.connection()).await;
        let connection = connection.map_err(|_| late("no database connection in time"))??;
        Ok(Lease::of_app(connection, share))
    }

    async fn connection(&self) -> Result<Object<AsyncPgConnection>> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Timeout(_) | PoolError::Backend(_) | PoolError::Closed => {
                Error::unavailable(format!("no database connection: {error}")).retry_after(1)
            }
            other => {
                tracing::error!(error = %other, "the database pool failed");
                Error::new(ErrorCode::Unavailable)
            }
        })
    }
}

async fn establish(address: &Address, setup: &str) -> diesel::ConnectionResult<AsyncPgConnection> {
    let mut conn = address.connect().await?;
    conn.set_instrumentation(count::note);
    conn.batch_execute(setup).await.map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}

fn deadpool_runtime() -> deadpool::Runtime {
    deadpool::Runtime::Tokio1
}
