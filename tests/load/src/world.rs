//! The app that the bench talks in: its users, 200 small channels, a hot one, and rooms to listen in.

use anyhow::Result;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::parlor::Parlor;
use crate::rest::Api;

/// Users that send, each on a connection of its own.
pub const SENDERS: usize = 64;
/// Small channels.
const CHANNELS: usize = 200;
/// Members of a small channel.
const MEMBERS: usize = 5;
/// Members of the hot channel: the senders, and as many who only read. More than get a row of flags for each message,
/// which would be 128 rows a message: that cost has rooms of its own.
const HOT_MEMBERS: usize = 128;
/// Sizes of the rooms in which deliveries are counted.
pub const ROOMS: [usize; 3] = [10, 100, 1_000];
/// Members or users in one request.
const BATCH: usize = 100;

/// Ids of what was set up.
pub struct World {
    /// For each sender, the channels it sends to. Every channel has one in every fourth sender.
    pub channels: Vec<Vec<String>>,
    /// The channel that all send to.
    pub hot: String,
    /// A room of each size of [`ROOMS`].
    pub rooms: Vec<String>,
}

#[derive(Deserialize)]
struct Created {
    id: String,
}

/// A sender's user id.
pub fn sender(index: usize) -> String {
    format!("sender-{index:02}")
}

/// The user id of a member of the rooms; a room of n has the first n.
pub fn listener(index: usize) -> String {
    format!("listener-{index:04}")
}

/// Registers the users and makes the channels.
pub async fn build(parlor: &Parlor) -> Result<World> {
    let mut api = parlor.api().await?;
    let hot_members: Vec<_> = (0..HOT_MEMBERS).map(sender).collect();
    let listeners: Vec<_> = (0..ROOMS[2]).map(listener).collect();
    for users in hot_members.chunks(BATCH).chain(listeners.chunks(BATCH)) {
        let users: Vec<_> = users.iter().map(|id| json!({"id": id})).collect();
        let _: Value = api.put("/users", &json!({"users": users})).await?;
    }
    let mut channels = vec![Vec::new(); SENDERS];
    for index in 0..CHANNELS {
        let members = members(index);
        let id = channel(&mut api, &members.iter().map(|index| sender(*index)).collect::<Vec<_>>()).await?;
        members.iter().for_each(|member| channels[*member].push(id.clone()));
    }
    let hot = channel(&mut api, &hot_members).await?;
    let mut rooms = Vec::new();
    for size in ROOMS {
        rooms.push(channel(&mut api, &listeners[..size]).await?);
    }
    Ok(World { channels, hot, rooms })
}

/// The senders in a small channel: neighbours, so that any fourth sender is in each.
fn members(channel: usize) -> [usize; MEMBERS] {
    std::array::from_fn(|member| (channel * MEMBERS + member) % SENDERS)
}

async fn channel(api: &mut Api, members: &[String]) -> Result<String> {
    let mut batches = members
        .chunks(BATCH)
        .map(|batch| json!({"members": batch.iter().map(|id| json!({"user_id": id})).collect::<Vec<_>>()}));
    let mut body = batches.next().unwrap_or_else(|| json!({}));
    body["type"] = json!("messaging");
    let Created { id } = api.post("/channels", &body).await?;
    for batch in batches {
        let _: Value = api.post(&format!("/channels/{id}/members"), &batch).await?;
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_of_the_senders_reach_every_channel() {
        for channel in 0..CHANNELS {
            assert!(members(channel).iter().any(|sender| sender % 4 == 0), "channel {channel}");
        }
        let all: std::collections::BTreeSet<_> = (0..CHANNELS).flat_map(members).collect();
        assert_eq!(all.len(), SENDERS);
    }
}
