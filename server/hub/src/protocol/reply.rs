//! Replies and pushes, written straight into the frame.
//!
//! Zero values are left out (`offset: 0`, `recovered: false`), as Centrifugo's encoder does and as its
//! clients expect.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::message::{Draft, Message};
use crate::codes::{CommandError, Disconnect, Unsubscribe};

/// A JSON string.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    // Writing to a Vec cannot fail.
    let written = serde_json::to_writer(out, text);
    debug_assert!(written.is_ok());
}

/// A decimal number.
pub(crate) fn number(out: &mut Vec<u8>, number: u64) {
    let written = serde_json::to_writer(out, &number);
    debug_assert!(written.is_ok());
}

/// Raw JSON of an application. A newline can only stand between tokens there, and would end the
/// message in line framing: it becomes a space.
pub(crate) fn raw(out: &mut Vec<u8>, json: &RawValue) {
    let start = out.len();
    out.extend_from_slice(json.get().as_bytes());
    for byte in &mut out[start..] {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}

/// Writes `{"a":1,"b":2}` field by field.
pub(crate) struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Object<'a> {
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    pub fn field(&mut self, name: &str) -> &mut Vec<u8> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// A field whose name needs escaping.
    pub fn key(&mut self, name: &str) -> &mut Vec<u8> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        string(self.out, name);
        self.out.push(b':');
        self.out
    }

    pub fn string(&mut self, name: &str, value: &str) -> &mut Self {
        string(self.field(name), value);
        self
    }

    /// Left out when 0.
    pub fn number(&mut self, name: &str, value: u64) -> &mut Self {
        if value != 0 {
            number(self.field(name), value);
        }
        self
    }

    /// Left out when false.
    pub fn flag(&mut self, name: &str, value: bool) -> &mut Self {
        if value {
            self.field(name).extend_from_slice(b"true");
        }
        self
    }

    /// Left out when absent.
    pub fn raw(&mut self, name: &str, value: Option<&RawValue>) -> &mut Self {
        if let Some(value) = value {
            raw(self.field(name), value);
        }
        self
    }

    pub fn end(self) {
        self.out.push(b'}');
    }
}

/// `{"id":7,"subscribe":{…}}`
pub(crate) fn result(id: u32, method: &str, capacity: usize, body: impl FnOnce(&mut Vec<u8>)) -> Message {
    let mut draft = Draft::with_capacity(48 + capacity);
    let mut object = Object::new(draft.json());
    object.number("id", u64::from(id));
    body(object.field(method));
    object.end();
    draft.finish()
}

/// `{"id":7,"error":{"code":103,"message":"permission denied"}}`
pub(crate) fn error(id: u32, error: CommandError) -> Message {
    result(id, "error", 64, |out| {
        let mut object = Object::new(out);
        object.number("code", u64::from(error.code)).string("message", error.message);
        object.flag("temporary", error.temporary);
        object.end();
    })
}

/// `{"push":{"channel":"…","pub":{…}}}`
pub(crate) fn push(channel: &str, kind: &str, capacity: usize, body: impl FnOnce(&mut Draft)) -> Message {
    let mut draft = Draft::with_capacity(48 + channel.len() + capacity);
    let out = draft.json();
    out.extend_from_slice(b"{\"push\":{");
    if !channel.is_empty() {
        out.extend_from_slice(b"\"channel\":");
        string(out, channel);
        out.push(b',');
    }
    out.push(b'"');
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\":");
    body(&mut draft);
    draft.json().extend_from_slice(b"}}");
    draft.finish()
}

/// `join` and `leave`; `info` is a finished client info object.
pub(crate) fn membership(channel: &str, kind: &str, info: &str) -> Message {
    push(channel, kind, info.len() + 16, |draft| {
        let out = draft.json();
        out.extend_from_slice(b"{\"info\":");
        out.extend_from_slice(info.as_bytes());
        out.push(b'}');
    })
}

pub(crate) fn unsubscribe(channel: &str, unsubscribe: Unsubscribe) -> Message {
    push(channel, "unsubscribe", 64, |draft| {
        let mut object = Object::new(draft.json());
        object.number("code", u64::from(unsubscribe.code)).string("reason", unsubscribe.reason);
        object.end();
    })
}

/// For transports without a close frame.
pub(crate) fn disconnect(disconnect: &Disconnect) -> Message {
    push("", "disconnect", 64, |draft| {
        let mut object = Object::new(draft.json());
        object.number("code", u64::from(disconnect.code)).string("reason", &disconnect.reason);
        object.end();
    })
}

/// `expires` and `ttl` (seconds), of `connect`, `refresh`, `subscribe` and `sub_refresh`.
pub(crate) fn expiry(object: &mut Object<'_>, ttl: Option<u64>) {
    if let Some(ttl) = ttl {
        object.flag("expires", true).number("ttl", ttl);
    }
}

/// Finished publications as an array.
pub(crate) fn publications(out: &mut Vec<u8>, publications: &[Bytes]) {
    out.push(b'[');
    for (index, publication) in publications.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(publication);
    }
    out.push(b']');
}

/// `{"user":"…","client":"…","conn_info":…,"chan_info":…}`
pub(crate) fn client_info(
    user: &str,
    client: &str,
    conn_info: Option<&RawValue>,
    chan_info: Option<&RawValue>,
) -> Box<str> {
    let mut out = Vec::with_capacity(80 + user.len());
    let mut object = Object::new(&mut out);
    if !user.is_empty() {
        object.string("user", user);
    }
    object.string("client", client).raw("conn_info", conn_info).raw("chan_info", chan_info);
    object.end();
    String::from_utf8(out).unwrap_or_default().into_boxed_str()
}
