//! Load generator and bench runner of Parlor. `script/bench send` builds it, starts what it needs and runs it.

mod centrifuge;
mod clock;
mod crowd;
mod drive;
mod floor;
mod http;
mod hub;
mod import;
mod listen;
mod metrics;
mod output;
mod pace;
mod parlor;
mod plan;
mod postgres;
mod process;
mod publisher;
mod read;
mod report;
mod rest;
mod send;
mod sender;
mod stamp;
mod stats;
mod task;
mod template;
mod websocket;
mod world;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use crate::plan::Plan;
use crate::report::Report;

/// Measures Parlor on this machine, on loopback.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// Durable sends, delivery, the embedded hub beside Centrifugo, unread counts.
    ///
    /// `floor.*`: pgbench inserting message-sized rows, before and after our own runs on the same cluster.
    /// `send.*`: acknowledged sends of 1, 16 and 64 users in 200 channels, and of 64 in one (`hot`), each on one
    /// connection that waits for its answer; the time until the outbox is empty; what the database has of it.
    /// `half.*`: half of that rate by the clock; latencies count from when a message was due to be sent.
    /// `room.*`: deliveries to rooms of 10, 100 and 1,000 members, each message a durable send first.
    /// `hub.*` and `centrifugo.*`: publications to 100 subscribers, and memory of idle connections.
    /// `outage.*`: PostgreSQL stops for ten seconds under the load of all senders, who repeat what is refused.
    /// `scheduled.*`: ten thousand messages that are due in the same second, until the last is sent.
    /// `unread.*`: the unread counts of a user in 100 of 20,000 channels with a million messages.
    ///
    /// A full run takes about half an hour; its figures are medians of three rounds, except memory and
    /// unread counts, which are measured once.
    #[command(verbatim_doc_comment)]
    Send {
        /// One short round that ends within 50 seconds, for a look; figures to quote need the full run.
        #[arg(long)]
        quick: bool,
        /// Only the parts that have this in their name: durable, half, rooms, scheduled, unread, idle, hub, memory, outage. Half needs durable.
        #[arg(long, value_name = "NAMES", value_delimiter = ',')]
        only: Vec<String>,
        /// Where the figures are written as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Thirty channels with messages, members and unread counts, of a user in 1,000 of 100,000 with five million messages.
    Query(Look),
    /// A device's start, its return to 100 channels with 5,000 changed rows, and its return to nothing new.
    Sync(Look),
    /// Two words, a phrase, a beginning, among five million messages.
    Search(Look),
    /// A million messages of another system, moved in by `parlor import`.
    Import(Look),
}

#[derive(clap::Args)]
struct Look {
    /// Fewer rows, within 50 seconds, for a look; figures to quote need the full run.
    #[arg(long)]
    quick: bool,
    /// Where the figures are written as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    let bench = Arguments::parse().bench;
    clock::epoch();
    match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the runtime")
        .and_then(|runtime| {
            runtime.block_on(async {
                match bench {
                    Bench::Send { quick, only, json } => send(quick, only, json).await,
                    Bench::Query(options) => look("query", options, read::query).await,
                    Bench::Sync(options) => look("sync", options, read::sync).await,
                    Bench::Search(options) => look("search", options, read::search).await,
                    Bench::Import(options) => look("import", options, import::run).await,
                }
            })
        }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn send(quick: bool, only: Vec<String>, json: Option<PathBuf>) -> Result<()> {
    let plan = Plan { only, ..if quick { Plan::quick() } else { Plan::full() } };
    let directory = Scratch::create()?;
    let mut report = Report::default();
    if quick {
        report.note(format!(
            "a quick run: one short round, and {} messages for the unread counts instead of a million",
            plan.unread_messages
        ));
    }
    tokio::select! {
        () = send::run(&plan, &directory.0, &mut report) => {}
        signal = stopped() => return signal,
    }
    output::print("send", &report);
    match json {
        Some(file) => output::write("send", &report, &file),
        None => Ok(()),
    }
}

async fn look(
    name: &str,
    options: Look,
    measure: impl AsyncFnOnce(&Plan, &Path, &mut Report) -> Result<()>,
) -> Result<()> {
    let plan = if options.quick { Plan::quick() } else { Plan::full() };
    let directory = Scratch::create()?;
    let mut report = Report::default();
    if options.quick {
        report.note("a quick run: few rows");
    }
    tokio::select! {
        outcome = tokio::time::timeout(plan.left(), measure(&plan, &directory.0, &mut report)) => {
            outcome.context("it took too long")??;
        }
        signal = stopped() => return signal,
    }
    output::print(name, &report);
    match options.json {
        Some(file) => output::write(name, &report, &file),
        None => Ok(()),
    }
}

/// Comes back when this process is asked to stop; what it started ends with it.
async fn stopped() -> Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    anyhow::bail!("stopped by a signal")
}

/// A directory for logs, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn create() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("parlor-load-{}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("creating {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
