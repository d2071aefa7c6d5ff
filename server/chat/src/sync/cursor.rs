//! Where a device is: what the cursor of a sync holds.
//!
//! The user's own `seq`, the `seq` of each channel that the device holds, and when it was last told everything. As bytes,
//! because a device may hold a thousand channels: nineteen for each. It is bound to its user, and opaque to the client. Who
//! changes one asks for something else that they may read, or for nothing: what is readable is asked anew each time.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use parlor_platform::crypto::sha256;
use parlor_platform::{Error, Result};
use parlor_protocol::limits::SYNC_HELD;
use parlor_protocol::{AppId, ErrorCode, UserId};
use uuid::Uuid;

const VERSION: u8 = 1;

/// Where a device is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The user's own `seq`.
    pub user_seq: i64,
    /// When everything was told, as of that moment.
    pub at: DateTime<Utc>,
    /// The `seq` that is held of each channel.
    pub held: BTreeMap<Uuid, i64>,
}

impl Place {
    /// As a cursor of this user's.
    pub fn write(&self, app: AppId, user: &UserId) -> String {
        let mut bytes = Vec::with_capacity(32 + self.held.len() * 19);
        bytes.push(VERSION);
        bytes.extend_from_slice(&mark(app, user));
        number(&mut bytes, self.at.timestamp_micros());
        number(&mut bytes, self.user_seq);
        for (channel, seq) in &self.held {
            bytes.extend_from_slice(channel.as_bytes());
            number(&mut bytes, *seq);
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor of this user's.
    pub fn read(cursor: &str, app: AppId, user: &UserId) -> Result<Self> {
        let parsed = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| parse(&bytes, &mark(app, user)));
        parsed.ok_or_else(|| Error::new(ErrorCode::InvalidCursor))
    }
}

fn mark(app: AppId, user: &UserId) -> [u8; 8] {
    let hash = sha256(&[b"sync", app.0.as_bytes(), user.as_str().as_bytes()]);
    std::array::from_fn(|at| hash[at])
}

fn parse(bytes: &[u8], mark: &[u8; 8]) -> Option<Place> {
    let rest = bytes.strip_prefix(&[VERSION])?.strip_prefix(mark)?;
    let (at, rest) = read_number(rest)?;
    let (user_seq, mut rest) = read_number(rest)?;
    let at = DateTime::from_timestamp_micros(at)?;
    let mut held = BTreeMap::new();
    while let Some((channel, after)) = rest.split_first_chunk::<16>() {
        let seq;
        (seq, rest) = read_number(after)?;
        held.insert(Uuid::from_bytes(*channel), seq);
    }
    (rest.is_empty() && held.len() <= SYNC_HELD).then_some(Place { user_seq, at, held })
}

/// Seven bits a byte, the lowest first. Numbers here are not negative.
fn number(bytes: &mut Vec<u8>, value: i64) {
    let mut rest = u64::try_from(value).unwrap_or(0);
    while rest >= 0x80 {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

fn read_number(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let mut value: u64 = 0;
    for (at, byte) in bytes.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((i64::try_from(value).ok()?, bytes.get(at + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ann() -> UserId {
        UserId::new("ann").unwrap()
    }

    const APP: AppId = AppId(Uuid::nil());

    #[test]
    fn a_cursor_is_of_its_user_alone() {
        let place = Place { user_seq: 7, at: DateTime::UNIX_EPOCH, held: [(Uuid::max(), 300)].into() };
        let cursor = place.write(APP, &ann());
        assert_eq!(Place::read(&cursor, APP, &ann()).unwrap(), place);
        for (app, user) in [(APP, UserId::new("ben").unwrap()), (AppId(Uuid::max()), ann())] {
            assert_eq!(Place::read(&cursor, app, &user).unwrap_err().code(), ErrorCode::InvalidCursor);
        }
    }

    #[test]
    fn a_cursor_holds_a_thousand_channels_and_no_more() {
        let held = |count: u128| (0..count).map(|n| (Uuid::from_u128(n), 1)).collect();
        let read = |count| {
            let place = Place { user_seq: 0, at: DateTime::UNIX_EPOCH, held: held(count) };
            Place::read(&place.write(APP, &ann()), APP, &ann())
        };
        assert!(read(SYNC_HELD as u128).is_ok() && read(SYNC_HELD as u128 + 1).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            user_seq in 0..i64::MAX, at in 0..4_000_000_000_000_000_i64, held in prop::collection::btree_map(any::<u128>(), 0..i64::MAX, 0..20),
        ) {
            let at = DateTime::from_timestamp_micros(at).unwrap();
            let held = held.into_iter().map(|(id, seq)| (Uuid::from_u128(id), seq)).collect();
            let place = Place { user_seq, at, held };
            prop_assert_eq!(Place::read(&place.write(APP, &ann()), APP, &ann()).unwrap(), place);
        }

        #[test]
        fn whatever_is_given_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut own = vec![VERSION];
            own.extend_from_slice(&mark(APP, &ann()));
            own.extend_from_slice(&bytes);
            for bytes in [bytes, own] {
                let _ = Place::read(&URL_SAFE_NO_PAD.encode(bytes), APP, &ann());
            }
        }
    }
}
