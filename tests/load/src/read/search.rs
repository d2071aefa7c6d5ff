//! Two words, a phrase, a beginning, among five million messages: of a member of a thousand channels, and of everything.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Stage;
use crate::plan::Plan;
use crate::report::{Figure, Report, Target};
use crate::stats::Latency;

/// Makes the rows.
const ROWS: &str = include_str!("search_rows.sql");
const TABLES: &str = "channels, channel_members, messages, message_search, users";
/// Channels that the messages are spread over.
const CHANNELS: i64 = 20_000;
/// Searches of each kind, each for other words.
const TIMES: usize = 200;
/// Texts to take the words from, that the reader may read.
const TEXTS: &str = "SELECT x.text FROM messages x JOIN channel_members m
    ON (m.app_id, m.channel_id) = (x.app_id, x.channel_id) AND m.user_id = 'reader'
    ORDER BY md5(x.id::text) LIMIT 200";

/// What is searched for, of the words of a text.
type Asked<'a> = &'a dyn Fn(&[String]) -> String;

/// Makes the rows and searches.
pub async fn run(plan: &Plan, directory: &Path, report: &mut Report) -> Result<()> {
    let rows = ROWS
        .replace(":messages", &plan.query_messages.to_string())
        .replace(":channels", &CHANNELS.min(plan.query_messages / 10).to_string());
    let mut stage = Stage::set(directory, &rows, TABLES).await?;
    report.add(Figure::new("search.messages", plan.query_messages as f64, "messages"));
    let texts = stage.parlor.database.sql.query(TEXTS, &[]).await?;
    let texts: Vec<Vec<String>> =
        texts.iter().map(|row| row.get::<_, String>(0).split(' ').map(str::to_owned).collect()).collect();
    ensure!(texts.len() == TIMES, "the reader has {} texts", texts.len());
    let (reader, server) = (stage.token.clone(), stage.parlor.secret.clone());
    let two_words = |words: &[String]| format!("{}%20{}%20", words[0], words[7]);
    let phrase = |words: &[String]| format!("%22{}%20{}%22", words[3], words[4]);
    let beginning = |words: &[String]| format!("{}%20{}", words[2], words[9].get(..3).unwrap_or(&words[9]));
    let kinds: [(&str, &str, Asked<'_>, Option<f64>); 4] = [
        ("search.two_words", &reader, &two_words, Some(150.0)),
        ("search.phrase", &reader, &phrase, None),
        ("search.beginning", &reader, &beginning, None),
        ("search.two_words_of_the_app", &server, &two_words, Some(150.0)),
    ];
    for (name, bearer, asked, target) in kinds {
        let requests: Vec<Vec<u8>> = texts
            .iter()
            .map(|words| stage.get(&format!("/search/messages?q={}&limit=20", asked(words)), bearer))
            .collect();
        // Once to have in memory what they read.
        let mut latency = Latency::default();
        for request in &requests {
            let (answer, _) = stage.ask(request).await?;
            let answer: Value = serde_json::from_slice(&answer).context("the answer is no JSON")?;
            ensure!(
                answer["items"].as_array().is_some_and(|items| !items.is_empty()),
                "{name} finds nothing"
            );
        }
        for request in &requests {
            latency.record(stage.ask(request).await?.1);
        }
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
