//! One subscriber: reads frames for as long as the connection lasts and notes what is in them.

use std::sync::atomic::Ordering;

use anyhow::{Result, bail};
use chrono::DateTime;
use memchr::memmem;

use crate::clock;
use crate::crowd::Tally;
use crate::stamp::Scanner;
use crate::websocket::{Kind, WebSocket};

/// Reads until the connection ends. `size` is how many subscribers hear the same; the `probe` also measures the
/// way from the envelope's `created_at`, which the others need not parse.
pub async fn listen(mut socket: WebSocket, tally: &Tally, size: u64, probe: bool) -> Result<()> {
    let scanner = Scanner::default();
    let mut stamps = Vec::new();
    let mut created = Vec::new();
    loop {
        let (mut ping, mut protocol_ping) = (false, false);
        while let Some((kind, payload)) = socket.next()? {
            match kind {
                Kind::Text => {
                    stamps.extend(scanner.scan(payload));
                    protocol_ping |= has_ping(payload);
                    if probe {
                        created.extend(payload.split(|byte| *byte == b'\n').filter_map(created_at));
                    }
                }
                Kind::Ping => ping = true,
                Kind::Pong => {}
                Kind::Close => bail!("closed by the server"),
            }
        }
        if !stamps.is_empty() {
            note(tally, size, &stamps, &created);
            stamps.clear();
            created.clear();
        }
        if ping {
            socket.pong().await?;
        }
        if protocol_ping {
            socket.send("{}").await?;
        }
        socket.fill().await?;
    }
}

fn note(tally: &Tally, size: u64, stamps: &[u64], created: &[i64]) {
    let now = clock::nanos(clock::now());
    if let Ok(mut latencies) = tally.latencies.lock() {
        for stamp in stamps {
            latencies.0.record(now.saturating_sub(*stamp));
        }
        let utc = if created.is_empty() { 0 } else { clock::utc().timestamp_micros() };
        for created in created {
            latencies.1.record(u64::try_from(utc - created).unwrap_or(0) * 1_000);
        }
    }
    let count = stamps.len() as u64;
    let before = tally.delivered.fetch_add(count, Ordering::Relaxed);
    let complete = (before + count) / size - before / size;
    if complete > 0 {
        tally.window.add_permits(complete as usize);
    }
}

/// Whether the protocol's ping, an empty object on a line of its own, is among the replies.
fn has_ping(payload: &[u8]) -> bool {
    payload.starts_with(b"{}") || (payload.ends_with(b"}") && memmem::find(payload, b"\n{}").is_some())
}

/// The first `created_at` of a publication, which is its envelope's, in microseconds since 1970.
fn created_at(line: &[u8]) -> Option<i64> {
    const KEY: &[u8] = b"\"created_at\":\"";
    let from = memmem::find(line, KEY)? + KEY.len();
    let length = memchr::memchr(b'"', line.get(from..)?)?;
    let text = std::str::from_utf8(line.get(from..from + length)?).ok()?;
    Some(DateTime::parse_from_rfc3339(text).ok()?.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pings_are_seen_among_other_replies() {
        for (payload, expected) in [
            ("{}", true),
            ("{}\n{\"push\":1}", true),
            ("{\"push\":1}\n{}", true),
            ("{\"push\":{}}", false),
            ("", false),
        ] {
            assert_eq!(has_ping(payload.as_bytes()), expected, "{payload}");
        }
    }

    #[test]
    fn the_envelopes_time_is_read_and_not_the_messages() {
        let line =
            br#"{"pub":{"data":{"created_at":"1970-01-01T00:00:01.000002Z","data":{"created_at":"x"}}}}"#;
        assert_eq!(created_at(line), Some(1_000_002));
        assert_eq!(created_at(b"{}"), None);
        assert_eq!(created_at(b"{\"created_at\":\"soon"), None);
    }
}
