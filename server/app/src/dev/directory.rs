//! The data directory: one server at a time, and the secrets that belong to its cluster.

use std::fs::{File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use parlor_platform::crypto;
use serde::{Deserialize, Serialize};

/// An opened data directory. It is ours until the last clone is dropped.
#[derive(Clone)]
pub struct Directory {
    path: PathBuf,
    secrets: Secrets,
    _lock: Arc<File>,
}

/// What was made once for this directory.
#[derive(Clone, Serialize, Deserialize)]
pub struct Secrets {
    pub database_password: String,
    pub master_key: String,
    pub token_secret: String,
    /// Whether the demo app was filled to the end.
    #[serde(default)]
    pub demo_filled: bool,
}

/// `/var/lib/parlor/dev` for root, whose home no other user may enter; else below the user's data.
pub fn default_path() -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    match (super::postgres::is_root(), std::env::var_os("XDG_DATA_HOME"), home) {
        (true, _, _) => PathBuf::from("/var/lib/parlor/dev"),
        (false, Some(data), _) => PathBuf::from(data).join("parlor/dev"),
        (false, None, Some(home)) => home.join(".local/share/parlor/dev"),
        (false, None, None) => PathBuf::from("parlor-data"),
    }
}

impl Directory {
    /// Makes the directory if need be, and takes it.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        std::fs::create_dir_all(path).with_context(|| format!("cannot make the data directory {shown}"))?;
        let path = path.canonicalize().with_context(|| format!("cannot enter the data directory {shown}"))?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path.join("lock"));
        let lock = lock.with_context(|| format!("cannot write to the data directory {shown}"))?;
        lock.try_lock().with_context(|| format!("another parlor uses the data directory {shown}"))?;
        let file = path.join("secrets.toml");
        let secrets = if file.exists() {
            let text = std::fs::read_to_string(&file).context("cannot read secrets.toml")?;
            toml::from_str(&text).with_context(|| format!("{} is damaged", file.display()))?
        } else {
            anyhow::ensure!(
                !path.join("pg").exists(),
                "{shown} has a cluster but no secrets.toml: restore the file, or remove the directory to start anew"
            );
            let secrets = Secrets {
                database_password: crypto::new_secret(),
                master_key: crypto::new_master_key(),
                token_secret: crypto::new_secret(),
                demo_filled: false,
            };
            write(&file, &secrets)?;
            secrets
        };
        Ok(Self { path, secrets, _lock: Arc::new(lock) })
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The settings of the server that runs here, for other commands: `parlor --config … app create`.
    pub fn settings_file(&self) -> PathBuf {
        self.path.join("parlor.toml")
    }

    /// Writes [`settings_file`](Self::settings_file).
    pub fn write_settings(&self, settings: &toml::Table) -> anyhow::Result<()> {
        write(&self.settings_file(), settings)
    }

    /// What was made for it.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Notes that the demo app needs no more filling.
    pub fn demo_is_filled(&mut self) -> anyhow::Result<()> {
        self.secrets.demo_filled = true;
        write(&self.path.join("secrets.toml"), &self.secrets)
    }
}

/// Written beside and renamed, so that a crash leaves the old file or the new one.
fn write<T: Serialize>(file: &Path, content: &T) -> anyhow::Result<()> {
    let beside = file.with_extension("new");
    let mut new = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
    new.set_permissions(Permissions::from_mode(0o600))?;
    new.write_all(toml::to_string(content)?.as_bytes())?;
    new.sync_all()?;
    std::fs::rename(&beside, file).with_context(|| format!("cannot write {}", file.display()))
}
