//! Publishing that is over only when the broker has it safe.
//!
//! A confirmation alone is not enough: what no queue takes is confirmed too, after it was returned. For
//! topics with a consumer we ask for returns (`mandatory`), and any return fails the call, so the rows stay
//! in the outbox and the next call declares the queues anew. A topic that nobody hears is published without
//! asking: a newer version's consumer may hear it, and otherwise it is gone, as it should be.
//!
//! The library hands a returned message to whichever confirmation comes next, not to its own. So a call
//! succeeds or fails as a whole, and never shares its channel with another.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Connection, PublisherConfirm};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::link::Link;
use super::topology::{Topology, name};
use super::{away, message};
use crate::error::{Error, Result};
use crate::outbox::relay::Row;

/// How long a call may take before the caller keeps its rows.
const CALL: Duration = Duration::from_secs(10);

pub(super) struct Publisher {
    link: Arc<Link>,
    topology: Arc<Topology>,
    channel: Mutex<Option<Channel>>,
}

impl Publisher {
    pub(super) fn new(link: Arc<Link>, topology: Arc<Topology>) -> Self {
        Self { link, topology, channel: Mutex::new(None) }
    }

    /// Publishes all rows in one flight. They are safe when it returns.
    pub(super) async fn publish(&self, rows: &[Row]) -> Result<()> {
        let mut place = self.channel.lock().await;
        // Taken out, and put back only after success: a call that failed or was dropped half way leaves no
        // channel with confirmations that nobody read.
        let last = place.take().filter(|channel| channel.status().connected());
        let call = async {
            let channel = match last {
                Some(channel) => channel,
                None => self.open().await?,
            };
            self.send(&channel, rows).await?;
            Ok::<_, Error>(channel)
        };
        *place = Some(timeout(CALL, call).await.map_err(|_| Error::unavailable("RabbitMQ is too slow"))??);
        Ok(())
    }

    async fn open(&self) -> Result<Channel> {
        let channel = confirming_channel(&*self.link.connection().await?).await?;
        self.topology.declare(&channel).await?;
        Ok(channel)
    }

    async fn send(&self, channel: &Channel, rows: &[Row]) -> Result<()> {
        let exchange = self.topology.exchange()?;
        let sending = rows.iter().map(async |row| {
            let options =
                BasicPublishOptions { mandatory: self.topology.is_heard(&row.topic), immediate: false };
            let (exchange, topic) = (exchange.clone(), name(row.topic.as_str())?);
            let properties = message::of_row(row)?;
            channel
                .basic_publish(exchange, topic, options, row.payload.as_bytes(), properties)
                .await
                .map_err(away)
        });
        let confirmations = try_join_all(sending).await?;
        try_join_all(confirmations.into_iter().map(confirmed)).await?;
        Ok(())
    }
}

/// A channel on which publications are confirmed.
pub(super) async fn confirming_channel(connection: &Connection) -> Result<Channel> {
    let channel = connection.create_channel().await.map_err(away)?;
    channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(away)?;
    Ok(channel)
}

/// Puts one message into a queue. It is safe there when this returns.
pub(super) async fn put(
    channel: &Channel,
    queue: ShortString,
    properties: BasicProperties,
    body: &[u8],
) -> Result<()> {
    let options = BasicPublishOptions { mandatory: true, immediate: false };
    let sent = channel.basic_publish("".into(), queue, options, body, properties).await.map_err(away)?;
    confirmed(sent).await
}

async fn confirmed(sent: PublisherConfirm) -> Result<()> {
    let confirmation = sent.await.map_err(away)?;
    if !confirmation.is_ack() {
        return Err(Error::unavailable("RabbitMQ refused a message"));
    }
    match confirmation.take_message() {
        None => Ok(()),
        Some(message) => {
            Err(Error::unavailable(format!("RabbitMQ has no queue for a message: {}", message.reply_text)))
        }
    }
}
