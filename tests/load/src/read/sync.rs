//! A device that was away: a hundred channels with five thousand changed rows, and then nothing new.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::Stage;
use crate::plan::Plan;
use crate::report::{Figure, Report, Target};
use crate::stats::Latency;

/// Makes the rows, which are those of the queries.
const ROWS: &str = include_str!("query_rows.sql");
const TABLES: &str = "channels, channel_members, messages, users";
/// What happens in a hundred of the reader's channels: fifty messages in each, of which ten are edited.
const MISSED: &str = include_str!("sync_missed.sql");
/// Those channels.
const HELD: &str = "SELECT c.id::text, c.seq FROM channel_members m
    JOIN channels c ON (c.app_id, c.id) = (m.app_id, m.channel_id)
    WHERE m.user_id = $1 ORDER BY c.last_message_at DESC LIMIT 100";
/// Somebody who is in a hundred channels and no more.
const FEW: &str = "few";
const OF_FEW: &str =
    "INSERT INTO users (app_id, id, name, created_at, updated_at)
        SELECT app_id, 'few', name, created_at, updated_at FROM users WHERE id = 'reader';
    INSERT INTO channel_members (app_id, channel_id, user_id, role, read_seq, read_ordinal, joined_at, updated_seq)
        SELECT app_id, channel_id, 'few', role, read_seq, read_ordinal, joined_at, updated_seq
        FROM channel_members WHERE user_id = 'reader' ORDER BY channel_id LIMIT 100;";
const CHANNELS: usize = 100;
const CHANGED: usize = 5_000;
/// Rows of an answer.
const PAGE: usize = 1_000;
/// Times that the device comes back.
const ROUNDS: usize = 20;
/// Requests with nothing new.
const ASKED: usize = 300;

/// Makes the rows and comes back, again and again from the same place.
pub async fn run(plan: &Plan, directory: &Path, report: &mut Report) -> Result<()> {
    let rows = ROWS
        .replace(":messages", &plan.query_messages.to_string())
        .replace(":channels", &plan.query_channels.to_string());
    let rows = format!("{rows}\n{OF_FEW}");
    let mut stage = Stage::set(directory, &rows, TABLES).await?;
    report.add(Figure::new("sync.messages", plan.query_messages as f64, "messages"));
    let begin = stage.post("/sync", &json!({}), &[]);
    let latency = stage.repeat(&begin, ROUNDS).await?;
    report.add_some("sync.start_p50", latency.ms(0.5), "ms");
    report.add_some("sync.start_p99", latency.ms(0.99), "ms");

    let reader = std::mem::replace(&mut stage.token, stage.parlor.token(FEW)?);
    let cursor = hold(&mut stage, FEW).await?;
    let latency = nothing(&mut stage, &cursor).await?;
    report.add_some("sync.nothing_p50", latency.ms(0.5), "ms");
    if let Some(p99) = latency.ms(0.99) {
        report.add(Figure::new("sync.nothing_p99", p99, "ms").target(Target::AtMost(5.0)));
    }
    stage.token = reader;
    let cursor = hold(&mut stage, super::READER).await?;
    let latency = nothing(&mut stage, &cursor).await?;
    report.add_some("sync.nothing_in_1000_channels_p50", latency.ms(0.5), "ms");
    report.add_some("sync.nothing_in_1000_channels_p99", latency.ms(0.99), "ms");

    stage.parlor.database.sql.batch_execute(MISSED).await.context("changing rows")?;
    let requests = requests(&mut stage, cursor).await?;
    report.add(Figure::new("sync.missed_answers", requests.len() as f64, "answers"));
    let (mut latency, mut bytes) = (Latency::default(), 0);
    for _ in 0..ROUNDS {
        let mut nanos = 0;
        bytes = 0;
        for request in &requests {
            let (answer, took) = stage.ask(request).await?;
            nanos += took;
            bytes += answer.len();
        }
        latency.record(nanos);
    }
    report.add_some("sync.missed_p50", latency.ms(0.5), "ms");
    if let Some(p99) = latency.ms(0.99) {
        report.add(Figure::new("sync.missed_p99", p99, "ms").target(Target::AtMost(300.0)));
    }
    let mib = bytes as f64 / 1024.0 / 1024.0;
    report.add(Figure::new("sync.missed_gzip", mib, "MiB").target(Target::AtMost(1.5)));
    stage.clear(report).await
}

/// The cursor of a device that has scrolled through its list, and holds more of it than the first page.
async fn hold(stage: &mut Stage, user: &str) -> Result<Value> {
    let begin = stage.post("/sync", &json!({}), &[]);
    let answer = read(&stage.ask(&begin).await?.0)?;
    let held = stage.parlor.database.sql.query(HELD, &[&user]).await?;
    let held: Vec<Value> = held
        .iter()
        .map(|row| json!({ "id": row.get::<_, String>(0), "seq": row.get::<_, i64>(1) }))
        .collect();
    ensure!(held.len() == CHANNELS, "{user} has {} channels", held.len());
    let hold = stage.post("/sync", &json!({ "cursor": answer["cursor"], "hold": held }), &[]);
    Ok(read(&stage.ask(&hold).await?.0)?["cursor"].clone())
}

/// Comes back to nothing new.
async fn nothing(stage: &mut Stage, cursor: &Value) -> Result<Latency> {
    let request = stage.post("/sync", &json!({ "cursor": cursor }), &[]);
    let answer = read(&stage.ask(&request).await?.0)?;
    ensure!(answer["channels"].as_array().is_some_and(Vec::is_empty), "something is new: {answer}");
    stage.repeat(&request, ASKED).await
}

/// Catches up once, looks whether that was everything, and gives the requests that it took, for compressed answers.
async fn requests(stage: &mut Stage, mut cursor: Value) -> Result<Vec<Vec<u8>>> {
    let (mut requests, mut rows, mut channels) = (Vec::new(), 0, std::collections::BTreeSet::new());
    loop {
        let body = json!({ "cursor": cursor, "limit": PAGE });
        requests.push(stage.post("/sync", &body, &["Accept-Encoding: gzip"]));
        let plain = stage.post("/sync", &body, &[]);
        let answer = read(&stage.ask(&plain).await?.0)?;
        for part in answer["channels"].as_array().into_iter().flatten() {
            ensure!(part["reset"] == false, "a channel begins anew");
            rows += part["messages"].as_array().map_or(0, Vec::len);
            channels.insert(part["channel"]["id"].to_string());
        }
        cursor = answer["cursor"].clone();
        if answer["more"] != true {
            break;
        }
    }
    ensure!((channels.len(), rows) == (CHANNELS, CHANGED), "{rows} rows of {} channels", channels.len());
    Ok(requests)
}

fn read(answer: &[u8]) -> Result<Value> {
    serde_json::from_slice(answer).context("the answer is no JSON")
}
