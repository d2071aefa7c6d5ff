//! Messages that are due in the same second: how long until the last is sent.
//!
//! The rows are made by SQL, because a user may have a hundred that wait; the server does the rest. What is measured is
//! the database's own account: from the time that they were to be sent at, to the `created_at` of the messages.

use anyhow::{Context, Result};

use super::Stage;
use super::check::drain;
use crate::plan::Plan;
use crate::report::{Figure, Report, Target};

/// Makes the messages, due in three seconds.
const ROWS: &str = include_str!("scheduled_rows.sql");
const LEFT: &str = "SELECT count(*) FROM scheduled_messages WHERE state IN ('waiting', 'sending')";
const SENT: &str =
    "SELECT count(*) FROM scheduled_messages s JOIN messages m ON (m.app_id, m.id) = (s.app_id, s.id)
    WHERE s.state = 'sent'";
/// From their time to the first and the last message, and to the last author's word of it, in microseconds.
const TIMES: &str = "
SELECT (extract(epoch FROM min(m.created_at) - min(s.send_at)) * 1000000)::bigint,
    (extract(epoch FROM max(m.created_at) - min(s.send_at)) * 1000000)::bigint,
    (extract(epoch FROM max(s.updated_at) - min(s.send_at)) * 1000000)::bigint
FROM scheduled_messages s JOIN messages m ON (m.app_id, m.id) = (s.app_id, s.id)";

/// Makes the rows and waits for the messages.
pub async fn run(plan: &Plan, stage: &Stage, report: &mut Report) -> Result<()> {
    let database = &stage.parlor.database;
    let rows = ROWS.replace(":messages", &plan.scheduled_messages.to_string());
    database.sql.batch_execute(&rows).await.context("making the scheduled messages")?;
    database.until_none(LEFT, plan.drain.max(std::time::Duration::from_secs(20))).await?;
    report.add(Figure::new("scheduled.messages", plan.scheduled_messages as f64, "messages"));
    let unsent = plan.scheduled_messages - database.number(SENT).await?;
    report.add(Figure::new("scheduled.unsent", unsent as f64, "messages").target(Target::AtMost(0.0)));
    let times = database.sql.query_one(TIMES, &[]).await?;
    let seconds = |at: usize| -> Result<f64> { Ok(times.try_get::<_, i64>(at)? as f64 / 1e6) };
    report.add(Figure::new("scheduled.first_sent", seconds(0)?, "s").target(Target::AtMost(1.0)));
    report.add(Figure::new("scheduled.last_sent", seconds(1)?, "s").target(Target::AtMost(5.0)));
    report.add(Figure::new("scheduled.last_noted", seconds(2)?, "s"));
    drain("scheduled", plan, database, report).await
}
