//! What only RabbitMQ can be asked: messages that we did not write, and queues that we did not delete.

use lapin::options::{
    BasicAckOptions, BasicGetOptions, BasicNackOptions, BasicPublishOptions, ConfirmSelectOptions,
    QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use parlor_protocol::EventId;
use parlor_test_support::until;

use super::probe::Probe;
use super::site::{Kind, Site};
use crate::outbox;

async fn channel(site: &Site) -> Channel {
    let url = site.config.amqp_url.expose();
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    channel
}

fn queue(site: &Site, rest: &str) -> lapin::types::ShortString {
    format!("{}.{rest}", site.config.prefix).into()
}

async fn put(channel: &Channel, queue: lapin::types::ShortString, body: &[u8], properties: BasicProperties) {
    let options = BasicPublishOptions { mandatory: true, immediate: false };
    let sent = channel.basic_publish("".into(), queue, options, body, properties).await.unwrap();
    assert!(sent.await.unwrap().take_message().is_none(), "the queue is there");
}

/// What the relay would write.
fn properties(event: EventId, topic: &str) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert("app".into(), AMQPValue::LongString(event.to_string().into()));
    headers.insert("topic".into(), AMQPValue::LongString(topic.into()));
    headers.insert("attempt".into(), AMQPValue::LongLongInt(1));
    BasicProperties::default().with_message_id(event.to_string().into()).with_headers(headers)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_read_is_dead_at_once_and_holds_up_nothing() {
    let mut site = Site::new(Kind::RabbitMq, &[3_600_000]).await;
    site.config.concurrency = 1;
    let probe = Probe::content("probe", &["test.a"]);
    let process = site.process(std::slice::from_ref(&probe));
    site.jobs("test.a", [0]).await;
    until("the queue is there", async || probe.heard().len() == 1).await;

    let channel = channel(&site).await;
    let event = EventId::new();
    put(&channel, queue(&site, "probe"), b"\xff\xfe", BasicProperties::default()).await;
    put(&channel, queue(&site, "probe"), b"{}", BasicProperties::default()).await;
    put(&channel, queue(&site, "probe"), b"no JSON", properties(event, "test.a")).await;
    site.jobs("test.a", [1]).await;
    until("the job behind them is done", async || probe.heard().len() == 2).await;

    let letters = process.broker.dead_letters(10).await.unwrap();
    let errors: Vec<_> = letters.iter().map(|letter| letter.error.as_str()).collect();
    assert_eq!(letters.len(), 3, "{errors:?}");
    assert!(errors[0].contains("utf-8") && errors[1].contains("message_id is missing"), "{errors:?}");
    assert_eq!((letters[2].event_id, letters[2].topic.as_str()), (event, "test.a"));
    assert!(errors[2].starts_with("the body: "), "{errors:?}");
    assert!(letters.iter().all(|letter| letter.consumer == "probe" && letter.died_at.is_some()));

    // They die again faster than a replay goes, which ends all the same.
    assert_eq!(process.broker.replay(None).await.unwrap(), 3);
    until("they are dead again", async || process.broker.dead_letters(10).await.unwrap().len() == 3).await;
    process.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_ends_each_of_its_workers_dies() {
    let site = Site::new(Kind::RabbitMq, &[3_600_000]).await;
    let probe = Probe::content("probe", &["test.a"]);
    let process = site.process(std::slice::from_ref(&probe));
    site.jobs("test.a", [0]).await;
    until("the queue is there", async || probe.heard().len() == 1).await;
    process.end().await;

    // As RabbitMQ sees it, a worker that crashes is one that gives its message back.
    let channel = channel(&site).await;
    let event = EventId::new();
    put(&channel, queue(&site, "probe"), br#"{"n": 1}"#, properties(event, "test.a")).await;
    let mut deliveries = 0;
    until("it is dead", async || {
        if let Some(message) =
            channel.basic_get(queue(&site, "probe"), BasicGetOptions::default()).await.unwrap()
        {
            deliveries += 1;
            message.nack(BasicNackOptions { multiple: false, requeue: true }).await.unwrap();
        }
        process.broker.dead_letters(10).await.unwrap().len() == 1
    })
    .await;
    assert_eq!(deliveries, 21, "the limit, and the one that broke it");
    let letter = process.broker.dead_letters(10).await.unwrap().remove(0);
    assert_eq!((letter.event_id, letter.consumer.as_str()), (event, "probe"));
    assert!(letter.error.contains("each worker"), "{}", letter.error);
    assert!(letter.died_at.is_some());

    let process = site.process(std::slice::from_ref(&probe));
    assert_eq!(process.broker.replay(Some(event)).await.unwrap(), 1);
    until("it was done", async || probe.counts().contains_key(&1)).await;
    process.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_was_deleted_is_declared_again_before_anything_is_forgotten() {
    let site = Site::new(Kind::RabbitMq, &[3_600_000]).await;
    let probe = Probe::content("probe", &["test.a"]);
    let process = site.process(std::slice::from_ref(&probe));
    site.jobs("test.a", [0]).await;
    until("the queue is there", async || probe.heard().len() == 1).await;

    let channel = channel(&site).await;
    channel.queue_delete(queue(&site, "probe"), QueueDeleteOptions::default()).await.unwrap();
    site.jobs("test.a", 1..20).await;
    until("all were done", async || probe.counts().len() == 20).await;
    outbox::is_empty(&site.test_db).await;
    process.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_versions_topic_waits_for_a_worker_that_knows_it() {
    let site = Site::new(Kind::RabbitMq, &[100; 20]).await;
    let old = Probe::content("probe", &["test.a"]);
    let process = site.process(std::slice::from_ref(&old));
    site.jobs("test.a", [0]).await;
    until("the queue is there", async || old.heard().len() == 1).await;

    let channel = channel(&site).await;
    let event = EventId::new();
    put(&channel, queue(&site, "probe"), br#"{"n": 1}"#, properties(event, "test.b")).await;
    let waits = queue(&site, "probe.retry.100");
    until("it waits", async || {
        let look = lapin::options::QueueDeclareOptions { passive: true, ..Default::default() };
        channel.queue_declare(waits.clone(), look, FieldTable::default()).await.unwrap().message_count() == 1
    })
    .await;
    process.end().await;

    let new = Probe::content("probe", &["test.a", "test.b"]);
    let process = site.process(std::slice::from_ref(&new));
    until("it was done", async || new.counts().contains_key(&1)).await;
    process.end().await;
    assert_eq!(old.heard().len(), 1, "the old version never had it");
    assert!(process.broker.dead_letters(10).await.unwrap().is_empty());
    let left = channel.basic_get(queue(&site, "probe"), BasicGetOptions::default()).await.unwrap();
    if let Some(message) = left {
        message.ack(BasicAckOptions::default()).await.unwrap();
        panic!("the queue is not empty");
    }
}
