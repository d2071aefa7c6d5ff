/** Rows for tests, with as little noise as possible. */

import type { DurableEvent } from '../api/events';
import type { Channel, Member, Message, UserRef } from '../api/wire';

export const person = (id: string): UserRef => ({ id, name: null, image: null });

export function message(seq: number, fields: Partial<Message> = {}): Message {
  const at = new Date(Date.UTC(2026, 0, 5, 12, 0, seq)).toISOString();
  return {
    id: `m${seq}`,
    channel_id: 'c',
    user: person('ann'),
    text: `text ${seq}`,
    parent_id: null,
    reply_to_id: null,
    seq,
    updated_seq: seq,
    ordinal: seq,
    created_at: at,
    edited_at: null,
    deleted_at: null,
    ...fields,
  };
}

export function member(id: string, fields: Partial<Member> = {}): Member {
  return {
    user: person(id),
    role: 'member',
    joined_at: '2026-01-01T00:00:00Z',
    removed_at: null,
    read_seq: 0,
    read_ordinal: 0,
    read_at: null,
    last_read_message_id: null,
    updated_seq: 1,
    ...fields,
  };
}

export function channel(id: string, fields: Partial<Channel> = {}): Channel {
  return {
    id,
    cid: `messaging:${id}`,
    type: 'messaging',
    name: id,
    image: null,
    config: { frozen: false, open: false, typing_disabled: false },
    created_by: null,
    member_count: 2,
    seq: 0,
    ordinal: 0,
    last_message_at: null,
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
    membership: null,
    unread: 0,
    capabilities: [],
    last_message: null,
    ...fields,
  };
}

type MessageEventType = 'message.new' | 'message.updated' | 'message.deleted';

export function messageEvent(type: MessageEventType, seq: number, about: Message): DurableEvent {
  const data = { message: { ...about, updated_seq: seq } };
  return { id: `e${seq}`, type, seq, prev_seq: seq - 1, created_at: about.created_at, data };
}
