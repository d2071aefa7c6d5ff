//! What waits to be written to one client.
//!
//! Publishers append finished messages here and wake the connection's task; only that task touches the
//! socket. So fan-out never waits for a network, messages of one channel keep their order, and whatever
//! piled up while the task was busy leaves in one `writev`. A client that lets more than the limit pile
//! up is cut off: a bounded queue is what keeps one stalled phone from eating the server's memory.
//!
//! The waker is taken by the first message and put back by the task, so a burst wakes once.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::task::{Context, Waker};

use bytes::Bytes;

use crate::codes::Disconnect;
use crate::task::lock;

#[derive(Default)]
pub(crate) struct Outbound {
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<Bytes>,
    bytes: usize,
    waker: Option<Waker>,
    closing: Option<Box<Disconnect>>,
    /// Time to drain is over: drop the socket.
    killed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Queued,
    /// The client is being closed.
    Closed,
    /// This message was one too many; the client is now being closed as too slow.
    Overflow,
}

/// What the task finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Drained {
    /// The batch holds at least one message.
    Messages,
    /// Nothing; the task will be woken.
    Empty,
    /// Nothing more will come: say goodbye.
    Closing(Disconnect),
    /// Drop the socket now.
    Killed,
}

impl Outbound {
    pub fn push(&self, message: Bytes, limit: usize) -> Pushed {
        let mut queue = lock(&self.queue);
        if queue.closing.is_some() {
            return Pushed::Closed;
        }
        let outcome = if queue.bytes + message.len() > limit {
            queue.messages = VecDeque::new();
            queue.bytes = 0;
            queue.closing = Some(Box::new(Disconnect::SLOW));
            Pushed::Overflow
        } else {
            queue.bytes += message.len();
            queue.messages.push_back(message);
            Pushed::Queued
        };
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
        outcome
    }

    /// Puts a message before all others: the connect reply, which must precede the publications of the
    /// subscriptions that it announces.
    pub fn push_front(&self, message: Bytes) {
        let mut queue = lock(&self.queue);
        if queue.closing.is_none() {
            queue.bytes += message.len();
            queue.messages.push_front(message);
        }
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Ends the connection once what is queued has been written. The first reason wins.
    pub fn close(&self, reason: Disconnect) -> bool {
        let mut queue = lock(&self.queue);
        if queue.closing.is_some() {
            return false;
        }
        queue.closing = Some(Box::new(reason));
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Ends the connection now.
    pub fn kill(&self) {
        let mut queue = lock(&self.queue);
        queue.killed = true;
        queue.messages = VecDeque::new();
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub fn is_closing(&self) -> bool {
        lock(&self.queue).closing.is_some()
    }

    /// Moves messages of up to `bytes` bytes and `count` pieces into `batch`, and arranges to be woken.
    pub fn drain(&self, cx: &Context<'_>, batch: &mut Vec<Bytes>, count: usize, bytes: usize) -> Drained {
        let mut queue = lock(&self.queue);
        if queue.killed {
            return Drained::Killed;
        }
        if !queue.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            queue.waker = Some(cx.waker().clone());
        }
        let mut taken = 0;
        while batch.len() < count && taken < bytes {
            let Some(message) = queue.messages.pop_front() else { break };
            queue.bytes -= message.len();
            taken += message.len();
            batch.push(message);
        }
        if taken > 0 {
            // A burst must not leave its buffer to a connection that is idle from now on.
            if queue.messages.is_empty() && queue.messages.capacity() > 32 {
                queue.messages = VecDeque::new();
            }
            return Drained::Messages;
        }
        match &queue.closing {
            Some(reason) => Drained::Closing(reason.as_ref().clone()),
            None => Drained::Empty,
        }
    }

    /// Arranges to be woken while the socket is full; returns whether the connection was killed.
    pub fn watch(&self, cx: &Context<'_>) -> bool {
        let mut queue = lock(&self.queue);
        if !queue.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            queue.waker = Some(cx.waker().clone());
        }
        queue.killed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(outbound: &Outbound) -> (Drained, Vec<Bytes>) {
        let mut batch = Vec::new();
        let drained = outbound.drain(&Context::from_waker(Waker::noop()), &mut batch, 64, 1 << 16);
        (drained, batch)
    }

    #[test]
    fn keeps_order_and_says_goodbye_last() {
        let outbound = Outbound::default();
        outbound.push(Bytes::from_static(b"b"), 10);
        outbound.push_front(Bytes::from_static(b"a"));
        assert!(outbound.close(Disconnect::SHUTDOWN));
        assert!(!outbound.close(Disconnect::EXPIRED));
        assert_eq!(outbound.push(Bytes::from_static(b"c"), 10), Pushed::Closed);
        assert_eq!(
            drain(&outbound),
            (Drained::Messages, vec![Bytes::from_static(b"a"), Bytes::from_static(b"b")])
        );
        assert_eq!(drain(&outbound).0, Drained::Closing(Disconnect::SHUTDOWN));
        outbound.kill();
        assert_eq!(drain(&outbound).0, Drained::Killed);
    }

    #[test]
    fn one_byte_too_many_is_slow() {
        let outbound = Outbound::default();
        assert_eq!(outbound.push(Bytes::from_static(b"12345"), 8), Pushed::Queued);
        assert_eq!(outbound.push(Bytes::from_static(b"678"), 8), Pushed::Queued);
        assert_eq!(outbound.push(Bytes::from_static(b"9"), 8), Pushed::Overflow);
        assert_eq!(drain(&outbound).0, Drained::Closing(Disconnect::SLOW));
    }
}
