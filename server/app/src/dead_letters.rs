//! `parlor work dlq`: jobs that failed for good.

use clap::Subcommand;
use parlor_platform::config::Config;
use parlor_protocol::EventId;

use crate::wiring::Parts;
use crate::{cause, print};

#[derive(Subcommand)]
pub enum DlqCommand {
    /// Show them, oldest first.
    List {
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Try them again, with the whole ladder before them.
    Replay {
        /// Only this event.
        event: Option<EventId>,
    },
}

/// Does it.
pub async fn run(config: Config, command: DlqCommand) -> anyhow::Result<()> {
    let parts = Parts::patient(config).map_err(cause)?;
    match command {
        DlqCommand::List { limit, json } => {
            let letters = parts.broker.dead_letters(limit).await.map_err(cause)?;
            if json {
                print(&serde_json::to_string_pretty(&letters)?);
            } else {
                for letter in &letters {
                    print(&format!(
                        "{}  {}  {}  {} attempts  {}",
                        letter.event_id, letter.topic, letter.consumer, letter.attempts, letter.error
                    ));
                }
                print(&format!("{} dead letters", letters.len()));
            }
        }
        DlqCommand::Replay { event } => {
            let count = parts.broker.replay(event).await.map_err(cause)?;
            print(&format!("{count} jobs are tried again"));
        }
    }
    Ok(())
}
