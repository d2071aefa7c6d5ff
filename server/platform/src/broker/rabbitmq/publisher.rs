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

use super::link::{Link, answered};
use super::topology::{Topology, name};
use super::{away, message};
use crate::error::{Error, Result};
use crate::outbox::relay::Row;

/// How long a call may take before the caller keeps its rows.
const CALL: Duration = Duration::from_secs(10);

/// Where calls go out, one after the other.
pub(super) struct Outlet {
    connection: Arc<Connection>,
    channel: Channel,
}

pub(super) struct Publisher {
    link: Arc<Link>,
    topology: Arc<Topology>,
    outlet: Mutex<Option<Outlet>>,
}

impl Publisher {
    pub(super) fn new(link: Arc<Link>, topology: Arc<Topology>) -> Self {
        Self { link, topology, outlet: Mutex::new(None) }
    }

    /// Publishes all rows in one flight. They are safe when it returns.
    pub(super) async fn publish(&self, rows: &[Row]) -> Result<()> {
        let mut place = self.outlet.lock().await;
        // Taken out, and put back only after success: a call that failed or was dropped half way leaves no
        // channel with confirmations that nobody read.
        let last = place.take().filter(Outlet::is_open);
        let call = async {
            let outlet = match last {
                Some(outlet) => outlet,
                None => self.open().await?,
            };
            answered(&outlet.connection, self.send(&outlet.channel, rows)).await?;
            Ok::<_, Error>(outlet)
        };
        *place = Some(timeout(CALL, call).await.map_err(|_| Error::unavailable("RabbitMQ is too slow"))??);
        Ok(())
    }

    async fn open(&self) -> Result<Outlet> {
        let outlet = Outlet::open(self.link.connection().await?).await?;
        self.topology.declare(&outlet.channel).await?;
        Ok(outlet)
    }

    async fn send(&self, channel: &Channel, rows: &[Row]) -> Result<()> {
        let exchange = self.topology.exchange()?;
        let sending = rows.iter().map(async |row| {
            let mandatory = self.topology.is_heard(&row.topic);
            let options = BasicPublishOptions { mandatory, immediate: false };
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

impl Outlet {
    /// A new channel, on which publications are confirmed.
    pub(super) async fn open(connection: Arc<Connection>) -> Result<Self> {
        let channel = connection.create_channel().await.map_err(away)?;
        channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(away)?;
        Ok(Self { connection, channel })
    }

    fn is_open(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }

    /// The channel, for what is not a publication.
    pub(super) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Puts one message into a queue. It is safe there when this returns.
    pub(super) async fn put(
        &mut self,
        queue: ShortString,
        properties: BasicProperties,
        body: &[u8],
    ) -> Result<()> {
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        let call = async {
            let sent = self.channel.basic_publish("".into(), queue, options, body, properties).await;
            confirmed(sent.map_err(away)?).await
        };
        timeout(CALL, answered(&self.connection, call))
            .await
            .map_err(|_| Error::unavailable("RabbitMQ is too slow"))?
    }
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
