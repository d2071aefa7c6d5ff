//! `parlor import` and `parlor export`: moving in and out.

mod convert;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use parlor_chat::apps::admin;
use parlor_chat::transfer::export;
use parlor_chat::transfer::import::{Beside, Importer, Source, check, store};
use parlor_platform::clock::monotonic;
use parlor_platform::config::Config;
use parlor_platform::crypto;
use parlor_protocol::limits::IMPORT_DAYS;
use parlor_protocol::transfer::{ImportState, LineError};
use parlor_protocol::{AppId, ErrorCode, Import, ImportId, UserId};

use crate::run::keep_statistics;
use crate::wiring::Parts;
use crate::{cause, print};

/// How often a person hears how far it is.
const TELL: Duration = Duration::from_secs(2);

#[derive(Args)]
pub struct ImportOptions {
    /// JSON lines; see docs/transfer.md.
    file: PathBuf,
    /// The app's id.
    #[arg(long)]
    app: AppId,
    /// What the file is, if it is no JSON lines.
    #[arg(long)]
    from: Option<From>,
    /// Only look for errors.
    #[arg(long)]
    validate: bool,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// An export of another system.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum From {
    /// Slack's archive, or the folder that it unpacks to.
    Slack,
    /// A room that Element exported as JSON.
    Matrix,
}

#[derive(Args)]
pub struct ExportOptions {
    /// The app's id.
    #[arg(long)]
    app: AppId,
    /// Only what is of this user.
    #[arg(long)]
    user: Option<UserId>,
}

/// Imports a file. One that was cut off goes on where it was.
pub async fn import(config: Config, options: ImportOptions) -> anyhow::Result<()> {
    let parts = Parts::patient(config).map_err(cause)?;
    must_exist(&parts, options.app).await?;
    let lines = match options.from {
        None => Lines { path: options.file, made: false },
        Some(from) => Lines { path: convert::to_lines(from, &options.file)?, made: true },
    };
    let file = File::open(&lines.path).with_context(|| lines.path.display().to_string())?;
    let digest = crypto::sha256_of(file)?;
    let source = Source::File(lines.path.clone());
    if options.validate {
        let found = check::all(&parts.db, options.app, &source, parts.clock.now()).await.map_err(cause)?;
        if options.json {
            let report = serde_json::json!({
                "lines": found.lines, "counts": found.counts, "failed": found.refused.count,
                "errors": found.refused.first,
            });
            print(&report.to_string());
        } else {
            let counts: Vec<_> = found.counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
            print(&format!("{} lines: {}", found.lines, counts.join(", ")));
            show(found.refused.count, &found.refused.first);
        }
        anyhow::ensure!(found.refused.count == 0, "{} lines are wrong", found.refused.count);
        return Ok(());
    }
    keep_statistics(&parts);
    let importer = Importer { steps: parts.steps() };
    let report = run(&parts, &importer, options.app, &digest, &source).await?;
    if options.json {
        print(&serde_json::to_string(&report)?);
    } else {
        let counts: Vec<_> = report.counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
        print(&format!("imported {}", counts.join(", ")));
        show(report.failed, &report.errors);
    }
    anyhow::ensure!(
        report.state == ImportState::Done && report.failed == 0,
        "{} lines were refused",
        report.failed
    );
    Ok(())
}

/// The lines, as a file; one that was made for this goes with it.
struct Lines {
    path: PathBuf,
    made: bool,
}

impl Drop for Lines {
    fn drop(&mut self) {
        if self.made {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

async fn run(
    parts: &Parts,
    importer: &Importer,
    app: AppId,
    digest: &[u8],
    source: &Source,
) -> anyhow::Result<Import> {
    // The same file in the same app is the same import.
    let hash = crypto::sha256(&[app.0.as_bytes(), digest]);
    let id: [u8; 16] = hash.first_chunk().copied().unwrap_or_default();
    let id = ImportId(uuid::Builder::from_custom_bytes(id).into_uuid());
    let now = parts.clock.now();
    let until = now + chrono::Duration::days(IMPORT_DAYS);
    let tx = parts.db.tenant_for_job(app).await.map_err(cause)?;
    store::insert(&tx, id, now, until).await.map_err(cause)?;
    let known = store::lock(&tx, id).await.map_err(cause)?.context("the import is gone")?;
    let state = known.state().map_err(cause)?;
    if matches!(state, ImportState::Open | ImportState::Failed) {
        store::begin(&tx, id, ImportState::Checking, false, until).await.map_err(cause)?;
    }
    tx.commit().await.map_err(cause)?;
    if !matches!(state, ImportState::Running | ImportState::Done) {
        eprintln!("looking at all lines");
        let checked = importer.check(app, id, source).await.map_err(cause)?;
        if checked.state != ImportState::Running {
            return Ok(checked);
        }
    }
    let mut told = monotonic();
    let mut beside = Beside::default();
    while importer.step(app, id, source, &mut beside).await.map_err(cause)? {
        if told.elapsed() > TELL {
            told = monotonic();
            let report = report(parts, app, id).await?;
            eprintln!("{}: line {}", report.phase, report.line);
        }
    }
    report(parts, app, id).await
}

async fn report(parts: &Parts, app: AppId, id: ImportId) -> anyhow::Result<Import> {
    let tx = parts.db.tenant_for_job(app).await.map_err(cause)?;
    let row = store::find(&tx, id).await.map_err(cause)?.context("the import is gone")?;
    tx.commit().await.map_err(cause)?;
    row.into_import().map_err(cause)
}

fn show(count: i64, errors: &[LineError]) {
    for error in errors {
        print(&format!("line {}: {}: {}", error.line, error.code.as_str(), error.reason));
    }
    let shown = i64::try_from(errors.len()).unwrap_or(i64::MAX);
    if count > shown {
        print(&format!("and {} more", count - shown));
    }
}

async fn must_exist(parts: &Parts, app: AppId) -> anyhow::Result<()> {
    let apps = admin::list(&parts.db).await.map_err(cause)?;
    anyhow::ensure!(apps.iter().any(|known| known.id == app), "there is no app {app}");
    Ok(())
}

/// Prints the lines, as they are at one moment.
pub async fn export(config: Config, options: ExportOptions) -> anyhow::Result<()> {
    let parts = Parts::patient(config).map_err(cause)?;
    must_exist(&parts, options.app).await?;
    let (sender, mut lines) = tokio::sync::mpsc::channel::<String>(4);
    let out = export::Out { sender, size: 256 * 1024 };
    let write = async {
        let mut stdout = BufWriter::new(std::io::stdout());
        while let Some(text) = lines.recv().await {
            stdout.write_all(text.as_bytes())?;
        }
        stdout.flush()
    };
    let told = async {
        match &options.user {
            Some(user) => export::user(&parts.db, options.app, user, out).await,
            None => export::app(&parts.db, options.app, out).await,
        }
    };
    let (written, told) = tokio::join!(write, told);
    written?;
    match told {
        Ok(_) => Ok(()),
        Err(error) if error.code() == ErrorCode::UserNotFound => anyhow::bail!("the app has no such user"),
        Err(error) => Err(cause(error)),
    }
}
