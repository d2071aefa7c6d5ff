//! What is left to forget of an erased message: the words of it that very many others quote.
//!
//! A few at a time, each in a transaction of its own; whatever happens in between, the next attempt goes on with those
//! that still know them.

use async_trait::async_trait;
use parlor_platform::broker::{Binding, Consumer, Delivery};
use parlor_platform::db::Db;
use parlor_platform::{Error, Result};
use parlor_protocol::AppId;

use super::{AT_ONCE, ERASED_TOPIC, Erased};
use crate::messages::store;

pub const BINDING: Binding = Binding { name: "quotes", topics: &[ERASED_TOPIC], at_once: AT_ONCE };

/// Makes quotations forget.
pub struct Quotes {
    pub db: Db,
}

#[async_trait]
impl Consumer for Quotes {
    fn binding(&self) -> Binding {
        BINDING
    }

    async fn handle(&self, app: AppId, jobs: &[Delivery]) -> Result<()> {
        for job in jobs {
            let erased: Erased = serde_json::from_str(&job.payload).map_err(Error::internal)?;
            loop {
                let tx = self.db.tenant_for_job(app).await?;
                let forgot = store::forget_quoted(&tx, &[erased.message_id.0]).await?;
                tx.commit().await?;
                if forgot < store::QUOTED_AT_ONCE {
                    break;
                }
            }
        }
        Ok(())
    }
}
