//! Where the lines come from: a file, or the parts that were uploaded. In chunks of whole lines, from any place on.

use std::path::PathBuf;

use memchr::{memchr, memchr_iter, memrchr};
use parlor_platform::db::TenantTx;
use parlor_platform::{Error, Result};
use parlor_protocol::limits::IMPORT_PART_BYTES;
use parlor_protocol::{ErrorCode, ImportId};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::store;

/// How many bytes a chunk has.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// As a rule.
    pub bytes: usize,
    /// Where a line is longer.
    pub most: usize,
}

impl Size {
    /// A megabyte.
    pub const CHUNK: Self = Self::of(1024 * 1024);

    /// So many, unless a line is longer.
    pub const fn of(bytes: usize) -> Self {
        Self { bytes, most: IMPORT_PART_BYTES + 1 }
    }

    /// No more than this.
    pub fn within(self, most: usize) -> Self {
        Self { bytes: self.bytes.min(most), most: self.most.min(most) }
    }
}

/// Where the lines are.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file of this machine.
    File(PathBuf),
    /// Parts in the database.
    Parts(ImportId),
}

/// A place between two lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Number of the part; 0 for a file.
    pub part: i32,
    /// Bytes of it before this place.
    pub offset: i64,
    /// Lines before this place, counted through all parts.
    pub line: i64,
}

impl Place {
    /// Nothing comes after it.
    pub const END: Self = Self { part: i32::MAX, offset: 0, line: 0 };
}

/// Whole lines.
pub struct Chunk {
    bytes: Vec<u8>,
    first_line: i64,
    /// Where the next chunk begins.
    pub next: Place,
}

impl Chunk {
    /// The lines with their numbers, from 1, without empty ones.
    pub fn lines(&self) -> impl Iterator<Item = (i64, &[u8])> {
        let lines = (self.first_line..).zip(lines_of(&self.bytes));
        lines.map(|(number, line)| (number, line.trim_ascii())).filter(|(_, line)| !line.is_empty())
    }
}

/// What stands between the line ends: of a text that ends with one, nothing comes last.
fn lines_of(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut from = 0;
    memchr_iter(b'\n', bytes).chain([bytes.len()]).map(move |end| {
        let line = bytes.get(from..end).unwrap_or_default();
        from = end + 1;
        line
    })
}

impl Source {
    /// The lines from this place on; `None` at the end.
    pub async fn chunk(&self, tx: &TenantTx, at: Place, size: Size) -> Result<Option<Chunk>> {
        match self {
            Self::File(path) => {
                let (bytes, more) = read_file(path, at.offset, size).await.map_err(Error::internal)?;
                cut(bytes, more, at)
            }
            Self::Parts(import) => {
                let mut at = at;
                loop {
                    let bytes = i32::try_from(size.bytes).map_err(Error::internal)?;
                    let Some(slice) = store::slice(tx, *import, at, bytes).await? else { return Ok(None) };
                    let slice = match slice {
                        (bytes, more) if more && memchr(b'\n', &bytes).is_none() => {
                            let most = i32::try_from(size.most).map_err(Error::internal)?;
                            store::slice(tx, *import, at, most).await?.unwrap_or((bytes, more))
                        }
                        slice => slice,
                    };
                    if let Some(chunk) = cut(slice.0, slice.1, at)? {
                        return Ok(Some(chunk));
                    }
                    // A part ends where its last line ends.
                    at = Place { part: at.part + 1, offset: 0, line: at.line };
                }
            }
        }
    }
}

async fn read_file(path: &PathBuf, offset: i64, size: Size) -> std::io::Result<(Vec<u8>, bool)> {
    let mut file = tokio::fs::File::open(path).await?;
    file.seek(std::io::SeekFrom::Start(offset.unsigned_abs())).await?;
    let mut bytes = Vec::with_capacity(size.bytes);
    let mut most = size.bytes;
    loop {
        let want = most - bytes.len();
        let got = (&mut file).take(want as u64).read_to_end(&mut bytes).await?;
        let more = got == want;
        if !more || memchr(b'\n', &bytes).is_some() || most >= size.most {
            return Ok((bytes, more));
        }
        most = size.most;
    }
}

/// Cuts what was read after its last line. `more`: it does not end where its source ends.
fn cut(mut bytes: Vec<u8>, more: bool, at: Place) -> Result<Option<Chunk>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let end = memrchr(b'\n', &bytes).map(|at| at + 1);
    let end = match end {
        Some(end) if more => end,
        _ if !more => bytes.len(),
        _ => {
            let line = at.line + 1;
            return Err(Error::with(ErrorCode::BodyTooLarge, format!("Line {line} has more than 5 MiB.")));
        }
    };
    bytes.truncate(end);
    let ends = memchr_iter(b'\n', &bytes).count();
    let lines = ends + usize::from(bytes.last() != Some(&b'\n'));
    let as_i64 = |number: usize| i64::try_from(number).map_err(Error::internal);
    let next = Place { offset: at.offset + as_i64(end)?, line: at.line + as_i64(lines)?, ..at };
    // The mark with which some programs begin a file.
    if at.offset == 0 && bytes.starts_with(b"\xEF\xBB\xBF") {
        bytes.drain(..3);
    }
    Ok(Some(Chunk { bytes, first_line: at.line + 1, next }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_chunk_ends_after_its_last_whole_line() {
        let at = Place { part: 3, offset: 10, line: 4 };
        let chunk = cut(b"a\n\nb\nhalf".to_vec(), true, at).unwrap().unwrap();
        assert_eq!(chunk.lines().collect::<Vec<_>>(), [(5, &b"a"[..]), (7, b"b")]);
        assert_eq!(chunk.next, Place { part: 3, offset: 15, line: 7 });
        let last = cut(b"half".to_vec(), false, chunk.next).unwrap().unwrap();
        assert_eq!(last.lines().collect::<Vec<_>>(), [(8, &b"half"[..])]);
        assert_eq!(last.next, Place { part: 3, offset: 19, line: 8 });
        assert!(cut(b"half".to_vec(), true, at).is_err());
        assert!(cut(Vec::new(), false, at).unwrap().is_none());
    }

    proptest! {
        /// However a file is cut: every line comes once, with its number.
        #[test]
        fn every_line_comes_once(lines in prop::collection::vec("[a-z]{0,6}", 1..30), most in 8_usize..20) {
            let text = lines.join("\n");
            let expected: Vec<(i64, String)> =
                (1..).zip(lines).filter(|(_, line)| !line.is_empty()).collect();
            let (mut at, mut seen) = (Place::default(), Vec::new());
            loop {
                let from = usize::try_from(at.offset).unwrap();
                let to = (from + most).min(text.len());
                let read = text.as_bytes()[from..to].to_vec();
                let Some(chunk) = cut(read, to < text.len(), at).unwrap() else { break };
                seen.extend(chunk.lines().map(|(n, line)| (n, String::from_utf8(line.to_vec()).unwrap())));
                at = chunk.next;
            }
            prop_assert_eq!(seen, expected);
        }
    }
}
