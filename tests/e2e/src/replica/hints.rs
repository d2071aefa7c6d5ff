//! Events without a `seq`: pointers that move, users that change.

use parlor_protocol::receipt::DeliveryState;
use parlor_protocol::{Envelope, EventType, UserId, UserRef};

use super::{Replica, part};

impl Replica {
    pub(super) fn hint(&mut self, envelope: &Envelope) {
        if envelope.kind == EventType::MessageRead {
            let user: UserId = part(envelope, "user_id");
            if let Some(member) = self.members.get_mut(user.as_str()) {
                member.read = part(envelope, "read");
                // What was read has arrived.
                if member.delivered.delivered_seq < member.read.read_seq {
                    member.delivered.delivered_seq = member.read.read_seq;
                    member.delivered.delivered_at = member.read.read_at;
                }
            }
        }
        if envelope.kind == EventType::MessageDelivered {
            for delivery in envelope.data["deliveries"].as_array().into_iter().flatten() {
                let member = delivery["user_id"].as_str().and_then(|user| self.members.get_mut(user));
                let Ok(state) = serde_json::from_value::<DeliveryState>(delivery.clone()) else {
                    panic!("no delivery: {envelope:?}")
                };
                if let Some(member) = member.filter(|it| it.delivered.delivered_seq < state.delivered_seq) {
                    member.delivered = state;
                }
            }
        }
        if envelope.kind == EventType::UserUpdated {
            let user: UserRef = part(envelope, "user");
            let members = self.members.values_mut().map(|member| &mut member.user);
            let shown_by_messages = self.messages.values_mut().flat_map(|message| {
                let thread = message.thread.iter_mut().flat_map(|thread| &mut thread.participants);
                std::iter::once(&mut message.user).chain(thread)
            });
            for shown in members.chain(shown_by_messages).filter(|shown| shown.id == user.id) {
                *shown = user.clone();
            }
        }
    }
}
