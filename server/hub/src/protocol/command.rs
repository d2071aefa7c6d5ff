//! Commands from a client.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// One command. Centrifugo acts on the first method present, in the order of these fields.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Command<'a> {
    pub id: u32,
    #[serde(borrow)]
    pub connect: Option<Connect<'a>>,
    #[serde(borrow)]
    pub subscribe: Option<Subscribe<'a>>,
    #[serde(borrow)]
    pub unsubscribe: Option<OfChannel<'a>>,
    #[serde(borrow)]
    pub publish: Option<Publish<'a>>,
    #[serde(borrow)]
    pub presence: Option<OfChannel<'a>>,
    #[serde(borrow)]
    pub presence_stats: Option<OfChannel<'a>>,
    #[serde(borrow)]
    pub history: Option<History<'a>>,
    #[serde(borrow)]
    pub ping: Option<&'a RawValue>,
    #[serde(borrow)]
    pub send: Option<&'a RawValue>,
    #[serde(borrow)]
    pub rpc: Option<&'a RawValue>,
    #[serde(borrow)]
    pub refresh: Option<Refresh<'a>>,
    #[serde(borrow)]
    pub sub_refresh: Option<SubRefresh<'a>>,
}

/// `connect`: who I am, and what I was subscribed to by the server before the cut.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Connect<'a> {
    #[serde(borrow)]
    pub token: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub subs: Option<HashMap<Cow<'a, str>, Option<Resume<'a>>>>,
}

/// A position to recover from.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Resume<'a> {
    pub recover: bool,
    #[serde(borrow)]
    pub epoch: Option<Cow<'a, str>>,
    pub offset: u64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Subscribe<'a> {
    #[serde(borrow)]
    pub channel: Cow<'a, str>,
    #[serde(borrow)]
    pub token: Option<Cow<'a, str>>,
    pub recover: bool,
    #[serde(borrow)]
    pub epoch: Option<Cow<'a, str>>,
    pub offset: u64,
    pub positioned: bool,
    pub recoverable: bool,
    pub join_leave: bool,
    #[serde(borrow)]
    pub delta: Option<Cow<'a, str>>,
}

/// A command whose only parameter is the channel.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct OfChannel<'a> {
    #[serde(borrow)]
    pub channel: Cow<'a, str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Publish<'a> {
    #[serde(borrow)]
    pub channel: Cow<'a, str>,
    #[serde(borrow)]
    pub data: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Position<'a> {
    pub offset: u64,
    #[serde(borrow)]
    pub epoch: Option<Cow<'a, str>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct History<'a> {
    #[serde(borrow)]
    pub channel: Cow<'a, str>,
    pub limit: i32,
    #[serde(borrow)]
    pub since: Option<Position<'a>>,
    pub reverse: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Refresh<'a> {
    #[serde(borrow)]
    pub token: Option<Cow<'a, str>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct SubRefresh<'a> {
    #[serde(borrow)]
    pub channel: Cow<'a, str>,
    #[serde(borrow)]
    pub token: Option<Cow<'a, str>>,
}

/// Splits a frame into its commands' texts. Blank lines are skipped, as Centrifugo does.
pub(crate) fn lines(frame: &[u8]) -> impl Iterator<Item = &[u8]> {
    frame.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty())
}

/// Reads one command; `None` if it is not one.
pub(crate) fn parse(line: &[u8]) -> Option<Command<'_>> {
    // serde would also read a struct from a JSON array.
    if line.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    serde_json::from_slice(line).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn several_commands_in_a_frame() {
        let frame = b"{\"id\":1,\"connect\":{\"token\":\"a\\u0062\"}}\n\n{\"id\":2,\"subscribe\":{\"channel\":\"chat:x\",\"offset\":7}}\n";
        let commands: Vec<_> = lines(frame).filter_map(parse).collect();
        assert_eq!(commands.len(), 2);
        assert_eq!(commands[0].connect.as_ref().and_then(|c| c.token.as_deref()), Some("ab"));
        assert_eq!(commands[1].subscribe.as_ref().map(|s| s.offset), Some(7));
    }

    #[test]
    fn what_is_no_command_is_refused() {
        for line in ["[]", "[1]", "1", "\"x\"", "{", "{\"id\":-1}", "{\"id\":1} x", "null"] {
            assert!(parse(line.as_bytes()).is_none(), "{line}");
        }
        assert!(parse(b"{\"id\":1,\"unknown\":{\"a\":[1]}}").is_some());
    }

    proptest! {
        #[test]
        fn hostile_input_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for line in lines(&bytes) {
                let _ = parse(line);
            }
        }

        #[test]
        fn hostile_json_never_panics(text in "\\{(\"(id|connect|subscribe|token|subs|channel)\":[\\{\\}\\[\\]\"0-9a-z,:]{0,20},?){0,6}\\}") {
            let _ = parse(text.as_bytes());
        }
    }
}
