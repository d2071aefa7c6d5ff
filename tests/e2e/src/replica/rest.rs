//! What a replica learns by REST: everything at once, or what it missed.

use parlor_protocol::channel::ChannelChanges;
use parlor_protocol::message::MessagePage;
use parlor_protocol::{Channel, Member, MessageId, Page, Task};
use serde::de::DeserializeOwned;

use super::Replica;
use crate::client::{Answer, Client};

impl Replica {
    /// Reads everything by REST; of threads those of these roots.
    pub async fn snapshot(user: &Client, channel: &str, threads: &[MessageId]) -> Self {
        let mut replica = Self { reader: user.id.clone(), ..Self::default() };
        let answer = user.get(&format!("/channels/{channel}")).await;
        if answer.status == 404 {
            return replica;
        }
        let of: Channel = read(&answer);
        replica.seq = of.seq;
        replica.channel = Some(of);
        let mut cursor = String::new();
        loop {
            let page: Page<Member> =
                read(&user.get(&format!("/channels/{channel}/members?limit=100{cursor}")).await);
            replica
                .members
                .extend(page.items.into_iter().map(|member| (member.user.id.as_str().to_owned(), member)));
            let Some(next) = page.next else { break };
            cursor = format!("&cursor={next}");
        }
        let mut cursor = String::new();
        loop {
            let page: Page<Task> =
                read(&user.get(&format!("/channels/{channel}/tasks?limit=100{cursor}")).await);
            page.items.into_iter().for_each(|task| replica.note(task));
            let Some(next) = page.next else { break };
            cursor = format!("&cursor={next}");
        }
        let lists = std::iter::once(String::new()).chain(threads.iter().map(|id| format!("&parent_id={id}")));
        for list in lists {
            let mut cursor = String::new();
            loop {
                let path = format!("/channels/{channel}/messages?limit=100{list}{cursor}");
                let page: MessagePage = read(&user.get(&path).await);
                page.items.into_iter().for_each(|message| replica.hold(message));
                let Some(before) = page.before else { break };
                cursor = format!("&before={before}");
            }
        }
        replica.forget_what_only_the_server_computes();
        replica
    }

    /// Takes in a part of what was missed; `false` when that was all. Fails while the server is away.
    pub async fn pull(&mut self, user: &Client, channel: &str) -> Result<bool, ()> {
        let path = format!("/channels/{channel}/changes?limit=100&since={}", self.seq);
        let answer = user.try_send(user.request(reqwest::Method::GET, &path)).await.map_err(drop)?;
        if answer.status == 503 {
            return Err(());
        }
        let changes: ChannelChanges = read(&answer);
        self.reader.clone_from(&user.id);
        for message in changes.messages {
            if message.erased {
                self.erase(&message);
            } else {
                self.hold(message);
            }
        }
        for member in changes.members {
            self.place(member);
        }
        changes.tasks.into_iter().for_each(|task| self.note(task));
        // Read pointers move without a `seq`; a reader that was away asks for them with the members.
        self.channel = Some(changes.channel);
        self.seq = changes.seq;
        self.forget_truncated();
        self.forget_what_only_the_server_computes();
        Ok(changes.more)
    }
}

fn read<T: DeserializeOwned>(answer: &Answer) -> T {
    assert_eq!(answer.status, 200, "{}", answer.text);
    match serde_json::from_str(&answer.text) {
        Ok(value) => value,
        Err(error) => panic!("{error}: {}", answer.text),
    }
}
