//! Connections of the embedded hub, as sessions.
//!
//! A session may have two connections for a moment: the new one, and the old one that nobody knows yet to be dead. It
//! lives as long as one of them does. The hub tells of connections on their own tasks, where a coming may be told after
//! the going of the same connection; so they are counted, and the session is what the sum says.

use std::collections::HashMap;

use parlor_platform::realtime::Present;
use parlor_protocol::event::parse_realtime_user;
use parlor_protocol::{AppId, Device, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Whose session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub app: AppId,
    pub user: UserId,
    pub session: Uuid,
}

/// What the token of a connection says of its session: visible to the realtime server, and to nobody else.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Info {
    pub session_id: Uuid,
    pub device: Device,
}

/// The session that a connection belongs to. One whose token names none is a session of its own.
pub fn session_of(present: &Present) -> Option<(Key, Device)> {
    let (app, user) = parse_realtime_user(&present.user)?;
    let info = present.info.as_deref().and_then(|info| serde_json::from_str::<Info>(info).ok());
    let (session, device) = match info {
        Some(info) => (info.session_id, info.device),
        None => (present.client.parse().ok()?, Device::default()),
    };
    Some((Key { app, user, session }, device))
}

/// The connections of this process.
#[derive(Debug, Default)]
pub struct Sessions {
    /// By the connection's id; `None` where it went before it came.
    clients: HashMap<String, Option<Key>>,
    connections: HashMap<Key, usize>,
}

impl Sessions {
    /// A connection came. Gives its session.
    pub fn came(&mut self, present: &Present) -> Option<(Key, Device)> {
        let (key, device) = session_of(present)?;
        if self.clients.remove(&present.client).is_some() {
            return None;
        }
        self.clients.insert(present.client.clone(), Some(key.clone()));
        *self.connections.entry(key.clone()).or_default() += 1;
        Some((key, device))
    }

    /// A connection went. Gives its session, if that has none left.
    pub fn went(&mut self, client: &str) -> Option<Key> {
        let Some(key) = self.clients.remove(client).flatten() else {
            self.clients.insert(client.to_owned(), None);
            return None;
        };
        let left = self.connections.get_mut(&key)?;
        *left -= 1;
        if *left > 0 {
            return None;
        }
        self.connections.remove(&key);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlor_protocol::event::realtime_user;

    fn present(session: Uuid, client: &str) -> Present {
        let user = realtime_user(AppId(Uuid::nil()), &UserId::new("ann").unwrap());
        let info = serde_json::to_string(&Info { session_id: session, device: Device::Mobile }).unwrap();
        Present { client: client.into(), user, info: Some(info) }
    }

    #[test]
    fn a_session_lives_as_long_as_one_of_its_connections() {
        let (mut sessions, session) = (Sessions::default(), Uuid::from_u128(7));
        let (key, device) = sessions.came(&present(session, "a")).unwrap();
        assert_eq!((key.session, key.user.as_str(), device), (session, "ann", Device::Mobile));
        assert!(sessions.came(&present(session, "b")).is_some());
        assert_eq!(sessions.went("a"), None);
        assert_eq!(sessions.went("b"), Some(key));
        assert!(sessions.clients.is_empty() && sessions.connections.is_empty());
    }

    #[test]
    fn a_going_that_overtakes_its_coming_leaves_nobody() {
        let mut sessions = Sessions::default();
        assert_eq!(sessions.went("a"), None);
        assert_eq!(sessions.came(&present(Uuid::nil(), "a")), None);
        assert!(sessions.clients.is_empty() && sessions.connections.is_empty());
    }

    #[test]
    fn a_connection_without_a_session_is_one() {
        let client = Uuid::from_u128(9);
        let present = Present { info: None, ..present(Uuid::nil(), &client.to_string()) };
        assert_eq!(session_of(&present).unwrap().0.session, client);
        assert_eq!(session_of(&Present { user: "nobody".into(), ..present }), None);
    }
}
