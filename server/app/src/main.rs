//! `parlor`: one binary, many roles.

mod apps;
mod dead_letters;
mod dev;
mod http;
mod openapi;
mod run;
mod transfer;
mod wiring;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use parlor_platform::config::{self, Config, ConfigError};
use parlor_platform::{crypto, db, telemetry};

/// A request makes many small allocations: they were a fifth of the server's work with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "parlor", version, about = "Chat rooms inside your app")]
struct Cli {
    /// A file of settings; see `parlor config`.
    #[arg(long, global = true, env = "PARLOR_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API, and with the embedded parts also realtime and jobs.
    Serve,
    /// Work off jobs, or look at those that failed.
    Work {
        #[command(subcommand)]
        command: Option<WorkCommand>,
    },
    /// Run everything on this machine, with a private PostgreSQL and a demo app.
    Dev(dev::Options),
    /// Bring the database up to this version's schema.
    Migrate,
    /// Manage apps, the tenants.
    App {
        #[command(subcommand)]
        command: apps::AppCommand,
    },
    /// Move users, channels and messages into an app.
    Import(transfer::ImportOptions),
    /// Print all of an app, or of one user, as JSON lines that can be imported.
    Export(transfer::ExportOptions),
    /// Print the OpenAPI document.
    Openapi,
    /// Print the JSON Schema of realtime events.
    Events,
    /// Print the effective configuration with its secrets redacted.
    Config {
        #[command(subcommand)]
        command: Option<ConfigCommand>,
    },
}

#[derive(Subcommand)]
enum WorkCommand {
    /// The dead-letter queue.
    Dlq {
        #[command(subcommand)]
        command: dead_letters::DlqCommand,
    },
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Make a key for `security.master_keys`.
    NewMasterKey,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Two runtimes' worth of threads would fight for a small machine: HTTP has its own, this one does the rest.
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::from(error)),
    };
    match runtime.block_on(command(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("parlor: {error:#}");
    ExitCode::FAILURE
}

async fn command(cli: Cli) -> anyhow::Result<()> {
    let load = || settings(cli.config.as_deref());
    match cli.command {
        Command::Serve => {
            let config = load()?;
            let _traces = telemetry::start_logs(&config.telemetry).map_err(cause)?;
            run::serve(config, run::Extra::default()).await
        }
        Command::Work { command: None } => {
            let config = load()?;
            let _traces = telemetry::start_logs(&config.telemetry).map_err(cause)?;
            run::work(config).await
        }
        Command::Work { command: Some(WorkCommand::Dlq { command }) } => {
            dead_letters::run(load()?, command).await
        }
        Command::Dev(options) => dev::run(cli.config.as_deref(), options).await,
        Command::Migrate => {
            let config = load()?;
            let applied = db::migrate(&config.database).await.map_err(cause)?;
            print(&match applied.len() {
                0 => "the schema is up to date".to_owned(),
                count => format!("applied {count} migrations: {}", applied.join(", ")),
            });
            Ok(())
        }
        Command::App { command } => apps::run(load()?, command).await,
        Command::Import(options) => transfer::import(load()?, options).await,
        Command::Export(options) => transfer::export(load()?, options).await,
        Command::Openapi => {
            print(&openapi::document().to_pretty_json()?);
            Ok(())
        }
        Command::Events => {
            print(&serde_json::to_string_pretty(&parlor_protocol::event_data::schema()?)?);
            Ok(())
        }
        Command::Config { command: None } => {
            print(&toml::to_string(&load()?)?);
            Ok(())
        }
        Command::Config { command: Some(ConfigCommand::NewMasterKey) } => {
            print(&crypto::new_master_key());
            Ok(())
        }
    }
}

fn settings(file: Option<&std::path::Path>) -> Result<Config, ConfigError> {
    config::load(file, std::env::vars())
}

/// An error of ours with its cause, for a person at a terminal.
fn cause(error: parlor_platform::Error) -> anyhow::Error {
    match (error.code(), std::error::Error::source(&error)) {
        // What went wrong is all that there is to say; `internal` is a word for clients.
        (parlor_protocol::ErrorCode::Internal, Some(cause)) => anyhow::anyhow!("{cause}"),
        _ => anyhow::anyhow!("{error:?}"),
    }
}

/// The output of a command; a reader that has had enough is no error.
fn print(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{text}");
}
