//! Nothing lost, nothing twice, no gap: what the database says after the server was under load.

use anyhow::{Result, bail};
use uuid::Uuid;

use crate::plan::Plan;
use crate::postgres::Database;
use crate::report::{Figure, Report, Target};
use crate::sender::Sender;

/// Channels in which the messages' numbers have a gap or a double, or whose last number is not the channel's.
const GAPS: &str = "
SELECT count(*) FROM (
    SELECT FROM messages JOIN channels c ON (c.app_id, c.id) = (messages.app_id, messages.channel_id)
    GROUP BY c.app_id, c.id, c.seq
    HAVING count(DISTINCT messages.seq) <> max(messages.seq) - min(messages.seq) + 1 OR max(messages.seq) <> c.seq
) gaps";
const STORED: &str = "SELECT count(*) FROM messages WHERE id = ANY ($1)";
const ALL: &str = "SELECT count(*) FROM messages";
const WAITING: &str = "SELECT count(*) FROM outbox WHERE dead_at IS NULL";
const WAITING_PUBLICATIONS: &str = "SELECT count(*) FROM outbox WHERE dead_at IS NULL AND sink = 'realtime'";
const DEAD: &str = "SELECT count(*) FROM outbox WHERE dead_at IS NOT NULL";

/// What the servers' answers must be compared with.
#[derive(Default)]
pub struct Ledger {
    acked: Vec<Uuid>,
    before: i64,
}

impl Ledger {
    /// Begins with what is there.
    pub async fn open(database: &Database) -> Result<Self> {
        Ok(Self { acked: Vec::new(), before: database.number(ALL).await? })
    }

    /// Notes what these senders were told.
    pub fn add(&mut self, senders: Vec<Sender>) {
        for sender in senders {
            self.acked.extend(sender.acked);
        }
    }

    /// Compares it with what is stored.
    pub async fn settle(self, name: &str, database: &Database, report: &mut Report) -> Result<()> {
        let stored: i64 = database.sql.query_one(STORED, &[&self.acked]).await?.get(0);
        let all = database.number(ALL).await? - self.before;
        let acked = i64::try_from(self.acked.len())?;
        if acked == 0 {
            bail!("nothing was sent");
        }
        let mut zero = |what: &str, count: i64, unit| {
            report.add(Figure::new(format!("{name}.{what}"), count as f64, unit).target(Target::AtMost(0.0)));
        };
        zero("lost", acked - stored, "messages");
        zero("not_acked", all - acked, "messages");
        zero("seq_gaps", database.number(GAPS).await?, "channels");
        zero("dead_letters", database.number(DEAD).await?, "rows");
        Ok(())
    }
}

/// Waits until everything was told, and says how long the publications and the jobs took.
pub async fn drain(name: &str, plan: &Plan, database: &Database, report: &mut Report) -> Result<()> {
    for (what, query) in [("publish_drain", WAITING_PUBLICATIONS), ("outbox_drain", WAITING)] {
        match database.until_none(query, plan.drain).await? {
            Some(time) => report.add(Figure::new(format!("{name}.{what}"), time.as_secs_f64() * 1e3, "ms")),
            None => report.note(format!(
                "{name}: {} rows still wait in the outbox after {} s ({what})",
                database.number(query).await?,
                plan.drain.as_secs()
            )),
        }
    }
    Ok(())
}
