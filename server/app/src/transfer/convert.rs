//! Exports of other systems, written as lines to a file of their own: from there on they are imported like any other.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use parlor_chat::transfer::from::{matrix, slack};
use parlor_protocol::transfer::Line;
use serde_json::Value;

use super::From;

/// Bytes of one file of an archive: more than any day has, and less than fills the memory.
const MOST: u64 = 512 * 1024 * 1024;

/// Gives the file of lines.
pub fn to_lines(from: From, path: &Path) -> anyhow::Result<PathBuf> {
    let target = std::env::temp_dir().join(format!("parlor-import-{}.jsonl", uuid::Uuid::new_v4()));
    let file = File::options().write(true).create_new(true).open(&target)?;
    let mut out = Out(BufWriter::new(file));
    let written = match from {
        From::Slack => slack(&mut Files::open(path)?, &mut out),
        From::Matrix => matrix(path, &mut out),
    };
    match written.and_then(|()| Ok(out.0.flush()?)) {
        Ok(()) => Ok(target),
        Err(error) => {
            let _ = fs::remove_file(&target);
            Err(error)
        }
    }
}

struct Out(BufWriter<File>);

impl Out {
    fn lines(&mut self, lines: Vec<Line>) -> anyhow::Result<()> {
        for line in lines {
            serde_json::to_writer(&mut self.0, &line)?;
            self.0.write_all(b"\n")?;
        }
        Ok(())
    }
}

fn matrix(path: &Path, out: &mut Out) -> anyhow::Result<()> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    let export: Value = serde_json::from_reader(std::io::BufReader::new(file))?;
    anyhow::ensure!(
        export.get("messages").is_some_and(Value::is_array),
        "this is no room that Element exported"
    );
    out.lines(matrix::room(&export))
}

fn slack(files: &mut Files, out: &mut Out) -> anyhow::Result<()> {
    let users = match files.json("users.json")? {
        Some(users) => Some(users),
        None => files.json("org_users.json")?,
    };
    let users = users.context("there is no users.json: this is no export of Slack")?;
    let mut reader = slack::Reader::default();
    out.lines(reader.users(&users))?;
    for name in slack::CONVERSATIONS {
        let Some(list) = files.json(name)? else { continue };
        for conversation in slack::conversations(name, &list) {
            let (cid, folder) = (conversation.cid.clone(), conversation.folder.clone());
            out.lines(reader.conversation(conversation))?;
            for day in files.days(&folder)? {
                let messages = files.json(&day)?.unwrap_or_default();
                for message in messages.as_array().into_iter().flatten() {
                    out.lines(reader.message(&cid, message))?;
                }
            }
        }
    }
    Ok(())
}

/// A folder, or an archive.
enum Files {
    Folder(PathBuf),
    Archive(Box<zip::ZipArchive<File>>),
}

impl Files {
    fn open(path: &Path) -> anyhow::Result<Self> {
        if path.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        let file = File::open(path).with_context(|| path.display().to_string())?;
        let archive = zip::ZipArchive::new(file).context("neither a folder nor a zip archive")?;
        Ok(Self::Archive(Box::new(archive)))
    }

    /// A file as JSON; `None` if there is none of this name.
    fn json(&mut self, name: &str) -> anyhow::Result<Option<Value>> {
        let mut text = Vec::new();
        match self {
            Self::Folder(folder) => match File::open(folder.join(name)) {
                Ok(file) => drop(file.take(MOST).read_to_end(&mut text)?),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error).with_context(|| name.to_owned()),
            },
            Self::Archive(archive) => match archive.by_name(name) {
                Ok(file) => drop(file.take(MOST).read_to_end(&mut text)?),
                Err(zip::result::ZipError::FileNotFound) => return Ok(None),
                Err(error) => return Err(error).with_context(|| name.to_owned()),
            },
        }
        let list: Value = serde_json::from_slice(&text).with_context(|| name.to_owned())?;
        anyhow::ensure!(list.is_array(), "{name} is no list: this is no export of Slack");
        Ok(Some(list))
    }

    /// The files of a conversation, day by day.
    fn days(&self, folder: &str) -> anyhow::Result<Vec<String>> {
        anyhow::ensure!(!folder.contains(['/', '\\']), "{folder:?} is no name of a conversation");
        let prefix = format!("{folder}/");
        let mut names: Vec<String> = match self {
            Self::Folder(root) => match fs::read_dir(root.join(folder)) {
                Ok(entries) => {
                    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
                    let names: Vec<String> = names.collect::<std::io::Result<_>>()?;
                    names.into_iter().map(|name| format!("{prefix}{name}")).collect()
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
                Err(error) => return Err(error).with_context(|| folder.to_owned()),
            },
            Self::Archive(archive) => {
                let names = archive.file_names().filter_map(Result::ok).map(|name| name.into_owned());
                names.filter(|name| name.starts_with(&prefix)).collect()
            }
        };
        names.retain(|name| name.ends_with(".json"));
        names.sort_unstable();
        Ok(names)
    }
}
