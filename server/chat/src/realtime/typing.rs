//! Typing: who types where, for those who look at the moment.
//!
//! Nothing of it is stored, and nobody waits for it. Clients repeat `start` with every few keystrokes, so of a user in
//! a channel one goes on every [`PAUSE`], and one `stop` after it; the others are answered without a look at the
//! database, because they follow one that was let through.

use std::time::Duration;

use moka::sync::Cache;
use parlor_platform::outbox::Command;
use parlor_platform::{Result, task};
use parlor_protocol::channel::Typing;
use parlor_protocol::{AppId, Capability, ChannelId, EventType, MessageId, UserId, event};
use serde_json::json;

use crate::channels::access;
use crate::channels::change::hint;
use crate::messages::access::require_thread;
use crate::web::{Caller, UserCaller};
use crate::{Chat, users};

/// How often it is told that somebody goes on typing, or has stopped. No longer: the start between two stops may have
/// been told by another node.
const PAUSE: Duration = Duration::from_secs(2);

/// Who, and where: a channel, or a thread in it by its root.
type Place = (AppId, UserId, ChannelId, Option<MessageId>);

/// What this node told lately.
#[derive(Clone)]
pub struct Throttle {
    started: Cache<Place, ()>,
    stopped: Cache<Place, ()>,
}

impl Default for Throttle {
    fn default() -> Self {
        let lately = || Cache::builder().max_capacity(200_000).time_to_live(PAUSE).build();
        Self { started: lately(), stopped: lately() }
    }
}

impl Throttle {
    /// Whether this was told lately; changes nothing.
    fn knows(&self, place: &Place, typing: bool) -> bool {
        if typing { self.started.contains_key(place) } else { self.stopped.contains_key(place) }
    }

    /// Takes the right to tell it. Of several at the same moment one gets it.
    fn take(&self, place: Place, typing: bool) -> bool {
        if !typing {
            return self.stopped.entry(place).or_insert(()).is_fresh();
        }
        let fresh = self.started.entry(place.clone()).or_insert(()).is_fresh();
        if fresh {
            self.stopped.invalidate(&place);
        }
        fresh
    }
}

/// Tells the channel that the user types, or stopped, unless it heard so a moment ago.
pub async fn tell(chat: &Chat, caller: UserCaller, channel: ChannelId, request: Typing) -> Result<()> {
    let Typing { typing, parent_id } = request;
    chat.presence.active(caller.app, &caller.user);
    let place = (caller.app, caller.user.clone(), channel, parent_id);
    if chat.typing.knows(&place, typing) {
        return Ok(());
    }
    let tx = chat.db.tenant(caller.app).await?;
    let access =
        access::require(&tx, &Caller::User(caller.clone()), channel, Capability::SendMessage).await?;
    require_thread(&tx, channel, access.history_from_seq(), parent_id, None).await?;
    let user = users::store::active(&tx, &[caller.user.as_str()]).await?.pop();
    let shown = users::settings::find(&tx, &caller.user).await?.typing;
    tx.commit().await?;
    if !chat.typing.take(place, typing) || access.channel.config.typing_disabled || !shown {
        return Ok(());
    }
    let kind = if typing { EventType::TypingStart } else { EventType::TypingStop };
    let envelope = hint(kind, channel, chat.clock.now(), json!({ "user": user, "parent_id": parent_id }));
    let command = Command::publish(event::channel_topic(channel), &envelope)?;
    let realtime = chat.realtime.clone();
    task::spawn("typing", async move {
        if let Err(error) = realtime.carry_out(vec![command]).await {
            tracing::debug!(?error, "a typing event was lost");
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_starts_and_stops_one_each_goes_on() {
        let throttle = Throttle::default();
        let place = |user: &str| (AppId::default(), UserId::new(user).unwrap(), ChannelId::default(), None);
        let (ann, ben) = (place("ann"), place("ben"));
        let told =
            |place: &Place, typing| !throttle.knows(place, typing) && throttle.take(place.clone(), typing);
        assert_eq!([told(&ann, true), told(&ann, true), told(&ann, true)], [true, false, false]);
        assert!(told(&ben, true), "each for themselves");
        let thread = (ann.0, ann.1.clone(), ann.2, Some(MessageId::default()));
        assert!(told(&thread, true), "and each thread for itself");
        assert_eq!([told(&ann, false), told(&ann, false)], [true, false]);
        assert!(!told(&ann, true), "who stops and starts at once was told a moment ago");
        throttle.started.invalidate(&ann);
        assert!(told(&ann, true), "after a pause");
        assert!(told(&ann, false), "and then the stop is news again");
    }
}
