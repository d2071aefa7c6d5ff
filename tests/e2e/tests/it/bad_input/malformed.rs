//! What has the wrong form: bodies, paths, queries, headers.

use parlor_e2e::Method;
use parlor_protocol::ErrorCode::{self, InvalidId, InvalidJson, InvalidParameter, InvalidRequest, NulByte};

use super::Room;

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_the_wrong_form_are_refused() {
    let room = Room::new().await;
    let (send, members) = (format!("{}/messages", room.at), format!("{}/members", room.at));
    let task = format!("{}/task", room.message);
    let deep = |levels: usize| {
        format!(r#"{{"text":"x","custom":{{"a":{}{}}}}}"#, "[".repeat(levels), "]".repeat(levels))
    };
    let cases: Vec<(&str, ErrorCode, Method, &str, Vec<u8>)> = vec![
        ("half an object", InvalidJson, Method::POST, &send, b"{\"text\":".to_vec()),
        ("words", InvalidJson, Method::POST, &send, b"hello".to_vec()),
        ("bad UTF-8", InvalidJson, Method::POST, &send, b"{\"text\":\"\xff\xfe\"}".to_vec()),
        ("half a surrogate pair", InvalidJson, Method::POST, &send, br#"{"text":"\ud800"}"#.to_vec()),
        ("a trailing word", InvalidJson, Method::POST, &send, br#"{"text":"x"} y"#.to_vec()),
        (
            "a number too large",
            InvalidJson,
            Method::POST,
            &send,
            br#"{"text":"x","custom":{"a":1e999}}"#.to_vec(),
        ),
        ("deep JSON", InvalidJson, Method::POST, &send, deep(5000).into_bytes()),
        ("nested past custom data", ErrorCode::CustomTooLarge, Method::POST, &send, deep(20).into_bytes()),
        ("a raw NUL", NulByte, Method::POST, &send, b"{\"text\":\"a\0b\"}".to_vec()),
        ("an escaped NUL", NulByte, Method::POST, &send, br#"{"text":"a\u0000b"}"#.to_vec()),
        ("a NUL in custom data", NulByte, Method::PATCH, &room.at, br#"{"custom":{"a\u0000":1}}"#.to_vec()),
        ("an unknown field", InvalidRequest, Method::POST, &send, br#"{"text":"x","colour":"red"}"#.to_vec()),
        ("text twice", InvalidRequest, Method::POST, &send, br#"{"text":"x","content":"y"}"#.to_vec()),
        ("a number as text", InvalidRequest, Method::POST, &send, br#"{"text":1}"#.to_vec()),
        ("a list", InvalidRequest, Method::POST, &send, br#"["x"]"#.to_vec()),
        ("a list where no field is needed", InvalidRequest, Method::POST, &task, b" [null, null]".to_vec()),
        ("null", InvalidRequest, Method::POST, &send, b"null".to_vec()),
        (
            "custom data as text",
            InvalidRequest,
            Method::POST,
            &send,
            br#"{"text":"x","custom":"y"}"#.to_vec(),
        ),
        ("a bad message id", InvalidRequest, Method::POST, &send, br#"{"id":"7","text":"x"}"#.to_vec()),
        ("a bad parent id", InvalidRequest, Method::POST, &send, br#"{"text":"x","parent_id":"7"}"#.to_vec()),
        (
            "an empty mention",
            InvalidRequest,
            Method::POST,
            &send,
            br#"{"text":"x","mentions":[""]}"#.to_vec(),
        ),
        ("no members", InvalidRequest, Method::POST, &members, b"{}".to_vec()),
        (
            "an unknown role",
            InvalidRequest,
            Method::POST,
            &members,
            br#"{"members":[{"user_id":"ben","role":"king"}]}"#.to_vec(),
        ),
        (
            "a member twice",
            InvalidRequest,
            Method::POST,
            &members,
            br#"{"members":[{"user_id":"ben"},{"user_id":"ben"}]}"#.to_vec(),
        ),
        ("an unknown type", InvalidRequest, Method::POST, "/channels", br#"{"type":"party"}"#.to_vec()),
        ("no type", InvalidRequest, Method::POST, "/channels", b"{}".to_vec()),
        (
            "a slug with a space",
            InvalidId,
            Method::POST,
            "/channels",
            br#"{"type":"team","id":"a b"}"#.to_vec(),
        ),
        ("an empty slug", InvalidId, Method::POST, "/channels", br#"{"type":"team","id":""}"#.to_vec()),
        (
            "an unknown switch",
            InvalidRequest,
            Method::PATCH,
            &room.at,
            br#"{"config":{"loud":true}}"#.to_vec(),
        ),
        ("the seq", InvalidRequest, Method::PATCH, &room.at, br#"{"seq":99}"#.to_vec()),
        (
            "the author",
            InvalidRequest,
            Method::PATCH,
            &room.message,
            br#"{"text":"x","user_id":"ben"}"#.to_vec(),
        ),
        ("no message to mark", InvalidRequest, Method::POST, "/channels/team:x/unread", b"{}".to_vec()),
        (
            "another realtime channel",
            InvalidParameter,
            Method::POST,
            "/realtime/subscription",
            br#"{"channel":"chat:user:x"}"#.to_vec(),
        ),
    ];
    for (what, code, method, path, body) in cases {
        room.refuses(what, code, room.raw(method, path, body)).await;
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""] {
        let request =
            room.ann.request(Method::POST, &send).header("Content-Type", kind).body(r#"{"text":"x"}"#);
        room.refuses(kind, ErrorCode::UnsupportedMediaType, room.ann.send(request)).await;
    }
    for coding in ["gzip", "zzz", "identity, gzip"] {
        let request = room.ann.request(Method::POST, &send).header("Content-Encoding", coding);
        let request = request.header("Content-Type", "application/json").body(r#"{"text":"x"}"#);
        room.refuses(coding, ErrorCode::UnsupportedMediaType, room.ann.send(request)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_and_queries_of_the_wrong_form_are_refused() {
    let room = Room::new().await;
    let at = &room.at;
    let get = async |what: &str, code: ErrorCode, path: &str| {
        room.refuses(&format!("{what}: {path}"), code, room.ann.get(path)).await;
    };
    for id in [
        "7",
        "not-a-uuid",
        "team:",
        "party:x",
        "team:a%20b",
        "%00",
        "a%00b",
        "team:a%00",
        "%ff",
        "%zz",
        "01a1fd71-a74c-70e5-8068",
    ] {
        get("a channel's id", InvalidId, &format!("/channels/{id}")).await;
        get("a channel's id", InvalidId, &format!("/channels/{id}/messages")).await;
    }
    for id in ["7", "%00", "ann", "%ff"] {
        get("a message's id", InvalidId, &format!("/messages/{id}")).await;
    }
    for id in ["%00", "a%00b", "%0A", "%ff", "%zz", &"i".repeat(65)] {
        get("a user's id", InvalidId, &format!("/users/{id}")).await;
        let path = format!("{at}/members/{id}");
        room.refuses(&path, InvalidId, room.ann.delete(&path)).await;
    }
    for limit in ["0", "101", "-1", "x", "", "1e1", "99999999999999999999"] {
        for list in
            ["/users", "/users/search", "/channels", &format!("{at}/messages"), &format!("{at}/members")]
        {
            get("a limit", InvalidParameter, &format!("{list}?limit={limit}")).await;
        }
    }
    for query in ["q=a%00b", "limit=1&q=%00"] {
        get("a NUL", NulByte, &format!("/users?{query}")).await;
    }
    for path in [
        "/users?colour=red",
        "/channels?type=party",
        "/users?limit=1&limit=2",
        "/users?q=%ff",
        &format!("{at}/messages?before=x&after=y"),
        &format!("{at}/messages?parent_id=7"),
        &format!("{at}/changes"),
        &format!("{at}/changes?since=-1"),
        &format!("{at}/changes?since=x"),
        &format!("{}?hard=maybe", room.message),
    ] {
        let (what, delete) = (path, path.contains("hard"));
        let method = if delete { Method::DELETE } else { Method::GET };
        room.refuses(what, InvalidParameter, room.ann.call(method, path, None)).await;
    }
}
