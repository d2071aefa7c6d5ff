//! Unread counts of a user in a hundred channels, beside a million messages.
//!
//! The rows are made by SQL; the question is asked through the API, and the database is asked how it answered.

use anyhow::{Context, Result};
use parlor_protocol::member::UnreadCounts;

use super::Stage;
use crate::clock;
use crate::plan::Plan;
use crate::report::{Figure, Report, Target};
use crate::rest::Api;
use crate::stats::Latency;

/// Channels that the messages are spread over; the reader is in a hundred. With few channels, reading all of them would
/// be the better plan.
const CHANNELS: i64 = 20_000;
const READER: &str = "reader";
/// Requests.
const ASKED: usize = 300;
/// Makes the messages, and counts the slow way what the reader has not read.
const ROWS: &str = include_str!("unread_rows.sql");
/// Where the server's own question stands. It is read from there, so that the two cannot drift apart; as a dependency
/// the server would be linked into this program for one text.
const STORE: &str = include_str!("../../../../server/chat/src/reads/store.rs");
const SCANS: &str = "SELECT coalesce(sum(seq_scan), 0)::bigint FROM pg_stat_user_tables
    WHERE relname IN ('channels', 'channel_members', 'messages', 'user_messages')";

/// Makes the rows and asks.
pub async fn run(plan: &Plan, stage: &Stage, report: &mut Report) -> Result<()> {
    let database = &stage.parlor.database;
    let rows = ROWS
        .replace(":messages", &plan.unread_messages.to_string())
        .replace(":channels", &CHANNELS.to_string());
    database.sql.batch_execute(&rows).await.context("making the messages")?;
    database.sql.batch_execute("VACUUM ANALYZE channels, channel_members, messages, users").await?;
    report.add(Figure::new("unread.messages", plan.unread_messages as f64, "messages"));

    let mut api = Api::connect(&stage.parlor.host, &stage.parlor.token(READER)?).await?;
    let counts: UnreadCounts = api.get("/unread").await?;
    let expected = database.number("SELECT sum(unread)::bigint FROM unread_expected").await?;
    let wrong = (counts.total - expected).abs() as f64;
    report.add(Figure::new("unread.wrong", wrong, "messages").target(Target::AtMost(0.0)));

    let scans = database.number(SCANS).await?;
    let mut latency = Latency::default();
    for _ in 0..ASKED {
        let start = clock::now();
        let _: UnreadCounts = api.get("/unread").await?;
        latency.record(clock::as_nanos(clock::now().duration_since(start)));
    }
    report.add_some("unread.request_p50", latency.ms(0.5), "ms");
    report.add_some("unread.request_p99", latency.ms(0.99), "ms");
    explain(stage, report).await?;
    // A connection of the server reports what it did a second later at the earliest, with its next transaction.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let _: UnreadCounts = api.get("/unread").await?;
    let scans = database.number(SCANS).await? - scans;
    report.add(Figure::new("unread.seq_scans", scans as f64, "scans").target(Target::AtMost(0.0)));
    Ok(())
}

/// Runs the question by itself, often enough that everything is cached, and reads the plan.
async fn explain(stage: &Stage, report: &mut Report) -> Result<()> {
    let sql = &stage.parlor.database.sql;
    let app = sql.query_one("SELECT id::text FROM apps LIMIT 1", &[]).await?;
    let app: &str = app.get(0);
    // As the server asks: under row-level security.
    let begin =
        format!("BEGIN; SET LOCAL ROLE parlor_app; SELECT set_config('app.current_app', '{app}', true)");
    sql.batch_execute(&begin).await?;
    let question = question(STORE).context("the server's store has no UNREAD_SQL any more")?;
    let question =
        question.replacen('?', &format!("'{app}'::uuid"), 1).replacen('?', &format!("'{READER}'"), 1);
    let explain = format!("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {question}");
    let mut times = Vec::new();
    let mut lines = Vec::new();
    for _ in 0..9 {
        let rows = sql.query(&explain, &[]).await.context("explaining the question")?;
        lines = rows.iter().map(|row| row.get::<_, String>(0)).collect();
        times.extend(lines.iter().find_map(|line| execution_ms(line)));
    }
    sql.batch_execute("ROLLBACK").await?;
    if let Some(ms) = crate::stats::median(&times) {
        report.add(Figure::new("unread.sql", ms, "ms").target(Target::AtMost(1.0)));
    }
    let sequential = lines.iter().filter(|line| line.contains("Seq Scan on")).count() as f64;
    report.add(Figure::new("unread.seq_scans_planned", sequential, "scans").target(Target::AtMost(0.0)));
    if sequential > 0.0 {
        report.note(format!("the plan of the unread counts:\n{}", lines.join("\n")));
    }
    Ok(())
}

/// The text of the constant `UNREAD_SQL`, whose lines end in a backslash.
fn question(source: &str) -> Option<String> {
    let (_, rest) = source.split_once("UNREAD_SQL: &str = \"")?;
    let (text, _) = rest.split_once("\";")?;
    Some(text.split("\\\n").map(str::trim_start).collect())
}

fn execution_ms(line: &str) -> Option<f64> {
    line.trim().strip_prefix("Execution Time: ")?.strip_suffix(" ms")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_question_is_found_in_its_source() {
        let source =
            "const UNREAD_SQL: &str = \"SELECT a \\\n    FROM b WHERE c = ? \\\n    AND d = ?\";\nfn";
        assert_eq!(question(source).unwrap(), "SELECT a FROM b WHERE c = ? AND d = ?");
        let question = question(STORE).unwrap();
        assert!(question.starts_with("SELECT ") && question.matches('?').count() == 2, "{question}");
    }

    #[test]
    fn the_time_is_read_from_the_plan() {
        assert_eq!(execution_ms("Execution Time: 0.342 ms"), Some(0.342));
        assert_eq!(execution_ms("Planning Time: 0.342 ms"), None);
    }
}
