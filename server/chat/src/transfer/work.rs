//! Working imports and exports off.
//!
//! A delivery of an import works for a moment, and then makes another one, so that a long import does not keep a worker
//! from others. An export is made in one go, because all of it is seen at one moment; one that was cut off begins anew.

use std::time::Duration;

use async_trait::async_trait;
use parlor_platform::broker::{Binding, Consumer, Delivery};
use parlor_platform::clock::monotonic;
use parlor_platform::{Error, Result};
use parlor_protocol::limits::IMPORT_PART_BYTES;
use parlor_protocol::transfer::{ExportState, ImportState};
use parlor_protocol::{AppId, ErrorCode, ExportId, ImportId};

use super::export::{self, Out};
use super::import::{Beside, Importer, Source, store as imports};
use super::{BINDING, Step, TOPIC, store};
use crate::jobs::Steps;
use crate::users::store::user_id;

/// How long one delivery works.
const WORK: Duration = Duration::from_secs(2);

/// The worker.
pub struct Transfers {
    pub steps: Steps,
}

#[async_trait]
impl Consumer for Transfers {
    fn binding(&self) -> Binding {
        BINDING
    }

    async fn handle(&self, app: AppId, jobs: &[Delivery]) -> Result<()> {
        for delivery in jobs {
            match serde_json::from_str(&delivery.payload).map_err(Error::internal)? {
                Step::Import(id) => self.import(app, id, delivery).await?,
                Step::Export(id) => self.export(app, id).await?,
            }
        }
        Ok(())
    }
}

impl Transfers {
    async fn import(&self, app: AppId, id: ImportId, delivery: &Delivery) -> Result<()> {
        let importer = Importer { steps: self.steps.clone() };
        let source = Source::Parts(id);
        let tx = self.steps.db.tenant_for_job(app).await?;
        let row = imports::find(&tx, id).await?;
        tx.commit().await?;
        if row.is_some_and(|row| row.state == ImportState::Checking.as_str()) {
            importer.check(app, id, &source).await?;
        }
        let began = monotonic();
        let mut beside = Beside::default();
        while began.elapsed() < WORK {
            if !importer.step(app, id, &source, &mut beside).await? {
                return Ok(());
            }
        }
        self.steps.go_on(app, BINDING.name, delivery, (&id.0, TOPIC, &Step::Import(id))).await
    }

    async fn export(&self, app: AppId, id: ExportId) -> Result<()> {
        let tx = self.steps.db.tenant_for_job(app).await?;
        let row = store::find(&tx, id).await?;
        tx.commit().await?;
        let Some(row) = row.filter(|row| row.state == ExportState::Waiting.as_str()) else { return Ok(()) };
        let (sender, mut take) = tokio::sync::mpsc::channel(1);
        let user = user_id(row.user_id)?;
        let keep = async {
            let mut number = 0;
            while let Some(part) = take.recv().await {
                let part: String = part;
                let tx = self.steps.db.tenant_for_job(app).await?;
                number += 1;
                store::put_part(&tx, id, number, &part).await?;
                tx.commit().await?;
            }
            Ok::<i32, Error>(number)
        };
        let out = Out { sender, size: IMPORT_PART_BYTES };
        let (parts, lines) = tokio::join!(keep, export::user(&self.steps.db, app, &user, out));
        let lines = match lines {
            // The user went meanwhile, and the export with them.
            Err(error) if error.code() == ErrorCode::UserNotFound => return Ok(()),
            lines => lines?,
        };
        let tx = self.steps.db.tenant_for_job(app).await?;
        store::end(&tx, id, parts?, lines, self.steps.clock.now()).await?;
        tx.commit().await
    }
}
