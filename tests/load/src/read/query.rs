//! Thirty channels with what an app shows of them, for a user in a thousand of a hundred thousand channels.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::Stage;
use crate::plan::Plan;
use crate::report::{Figure, Report, Target};

/// Makes the rows.
const ROWS: &str = include_str!("query_rows.sql");
const TABLES: &str = "channels, channel_members, messages, users";
/// Requests of each kind.
const ASKED: usize = 300;

/// Makes the rows and asks.
pub async fn run(plan: &Plan, directory: &Path, report: &mut Report) -> Result<()> {
    let rows = ROWS
        .replace(":messages", &plan.query_messages.to_string())
        .replace(":channels", &plan.query_channels.to_string());
    let mut stage = Stage::set(directory, &rows, TABLES).await?;
    report.add(Figure::new("query.messages", plan.query_messages as f64, "messages"));
    report.add(Figure::new("query.channels", plan.query_channels as f64, "channels"));
    let state = json!({ "messages": 1, "members": 30 });
    let mut by_name = state.clone();
    by_name["filter"] = json!({ "custom.part": { "$lt": 5 }, "members": { "$in": ["other-1"] } });
    by_name["sort"] = json!([{ "field": "name" }]);
    let mut with_history = state.clone();
    with_history["messages"] = json!(25);
    for (name, body, target) in [
        ("query.thirty", state, Some(25.0)),
        ("query.filtered", by_name, None),
        ("query.thirty_with_25_messages", with_history, None),
    ] {
        let request = stage.post("/channels/query", &body, &[]);
        let (answer, _) = stage.ask(&request).await?;
        let answer: Value = serde_json::from_slice(&answer).context("the answer is no JSON")?;
        let items = answer["items"].as_array().map_or(0, Vec::len);
        ensure!(items == 30, "{name}: {items} channels");
        let latency = stage.repeat(&request, ASKED).await?;
        report.add_some(format!("{name}_p50"), latency.ms(0.5), "ms");
        if let Some(p99) = latency.ms(0.99) {
            let figure = Figure::new(format!("{name}_p99"), p99, "ms");
            report.add(match target {
                Some(bound) => figure.target(Target::AtMost(bound)),
                None => figure,
            });
        }
    }
    stage.clear(report).await
}
