//! PostgreSQL: the pool, the tenant scope, migrations.

mod address;
mod count;
pub mod leader;
mod migrate;
mod pool;
mod prepared;
mod scope;
mod share;
mod statistics;

pub(crate) use address::is_protected;
pub use count::counted;
pub use migrate::{MIGRATIONS, migrate, revert_all};
pub use pool::Db;
pub use prepared::{Prepared, prepared};
pub use scope::{SystemTx, TenantTx, tenant_begin_sql};
pub use statistics::analyze_small_tables;
