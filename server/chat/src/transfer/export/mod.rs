//! Moving out: the lines of an app, or of one user, at one moment.
//!
//! All pages are read in one transaction that sees the database as it was when it began, one page after the other, so
//! memory does not grow with what there is. An app is told channel by channel, and each channel in the order of its
//! timeline, so that an import of the lines gives the same again.
//!
//! Of a user are told: the user, the channels that they are or were in, their memberships and pointers, their messages,
//! their reactions, and what belongs to them alone ([`own`]). Who voted what in an anonymous poll is told to nobody but the
//! one who voted.

mod messages;
mod own;
mod reactions;
mod store;

use std::collections::HashSet;

use parlor_platform::db::{Db, TenantTx};
use parlor_platform::{Error, Result};
use parlor_protocol::transfer::{Line, UserExportLine};
use parlor_protocol::{AppId, ErrorCode, UserId};
use serde::Serialize;
use tokio::sync::mpsc::Sender;
use uuid::Uuid;

/// Rows of a page.
const PAGE: i64 = 1_000;

/// Where the lines go: texts of whole lines, none longer than `size` unless a single line is.
#[derive(Clone)]
pub struct Out {
    pub sender: Sender<String>,
    pub size: usize,
}

/// All of an app.
pub async fn app(db: &Db, app: AppId, out: Out) -> Result<i64> {
    let mut out = Teller::begin(db, app, out).await?;
    let mut after = String::new();
    loop {
        let page = store::users(&out.tx, &after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id.as_str().to_owned();
        for line in page {
            out.tell(&Line::User(line)).await?;
        }
    }
    let mut after = String::new();
    loop {
        let page = store::channels(&out.tx, &after, PAGE).await?;
        let Some((.., last)) = page.last() else { break };
        after.clone_from(&last.cid);
        for (id, truncated, line) in page {
            let cid = line.cid.clone();
            out.tell(&Line::Channel(line)).await?;
            out.channel(id, &cid, truncated).await?;
        }
    }
    out.end().await
}

/// All of a user.
pub async fn user(db: &Db, app: AppId, user: &UserId, out: Out) -> Result<i64> {
    let mut out = Teller::begin(db, app, out).await?;
    let line = store::user(&out.tx, user).await?.ok_or(ErrorCode::UserNotFound)?;
    out.tell(&Line::User(line)).await?;
    let mut told = HashSet::new();
    for (id, line, member) in store::channels_of(&out.tx, user).await? {
        let cid = line.cid.clone();
        out.tell(&Line::Channel(line)).await?;
        out.tell(&Line::Member(member)).await?;
        for line in store::reads(&out.tx, id, &cid, Some(user), "", 1).await? {
            out.tell(&Line::Read(line)).await?;
        }
        told.insert(cid);
    }
    let mut after = Uuid::nil();
    loop {
        let page = messages::by(&out.tx, user, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for message in page {
            if told.insert(message.line.channel.clone()) {
                out.tell(&Line::Channel(store::only_named(&message.line.channel))).await?;
            }
            out.tell(&Line::Message(Box::new(message.line))).await?;
        }
    }
    let mut after = (Uuid::nil(), String::new());
    loop {
        let page = reactions::by(&out.tx, user, &after, PAGE).await?;
        let Some((id, last)) = page.last() else { break };
        after = (*id, last.kind.clone());
        for (_, line) in page {
            out.tell(&Line::Reaction(line)).await?;
        }
    }
    for kind in own::KINDS {
        let mut after = Uuid::nil();
        loop {
            let page = own::page(&out.tx, kind, user, after, PAGE).await?;
            let Some((key, _)) = page.last() else { break };
            after = *key;
            for (_, line) in page {
                if let Some(cid) = line.channel().filter(|cid| !told.contains(*cid)) {
                    out.tell(&Line::Channel(store::only_named(cid))).await?;
                    told.insert(cid.to_owned());
                }
                out.tell(&UserExportLine::Own(line)).await?;
            }
        }
    }
    out.end().await
}

struct Teller {
    tx: TenantTx,
    out: Out,
    text: String,
    lines: i64,
}

impl Teller {
    async fn begin(db: &Db, app: AppId, out: Out) -> Result<Self> {
        Ok(Self { tx: db.tenant_export(app).await?, out, text: String::new(), lines: 0 })
    }

    async fn tell(&mut self, line: &impl Serialize) -> Result<()> {
        let json = serde_json::to_string(line).map_err(Error::internal)?;
        if !self.text.is_empty() && self.text.len() + json.len() + 1 > self.out.size {
            self.hand_over().await?;
        }
        self.text.push_str(&json);
        self.text.push('\n');
        self.lines += 1;
        Ok(())
    }

    async fn hand_over(&mut self) -> Result<()> {
        let text = std::mem::take(&mut self.text);
        self.out.sender.send(text).await.map_err(|_| Error::internal("nobody takes the lines"))
    }

    async fn end(mut self) -> Result<i64> {
        if !self.text.is_empty() {
            self.hand_over().await?;
        }
        self.tx.commit().await?;
        Ok(self.lines)
    }

    async fn channel(&mut self, id: Uuid, cid: &str, truncated: i64) -> Result<()> {
        let mut after = String::new();
        loop {
            let page = store::members(&self.tx, id, cid, &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.user_id.as_str().to_owned();
            for line in page {
                self.tell(&Line::Member(line)).await?;
            }
        }
        let mut seq = truncated;
        loop {
            // A page may have nothing to tell, and the next one have.
            let end = messages::end_of_page(&self.tx, id, seq, PAGE).await?;
            let page = messages::of(&self.tx, (id, cid, truncated), seq, end.unwrap_or(i64::MAX)).await?;
            // What a deletion keeps aside for a while is not told.
            let there = page.iter().filter(|message| message.line.deleted_at.is_none());
            let ids: Vec<_> = there.map(|message| message.id).collect();
            for message in page {
                self.tell(&Line::Message(Box::new(message.line))).await?;
            }
            for line in reactions::of(&self.tx, &ids).await? {
                self.tell(&Line::Reaction(line)).await?;
            }
            let Some(end) = end else { break };
            seq = end;
        }
        let mut after = String::new();
        loop {
            let page = store::reads(&self.tx, id, cid, None, &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.user_id.as_str().to_owned();
            for line in page {
                self.tell(&Line::Read(line)).await?;
            }
        }
        Ok(())
    }
}
