/**
 * What is held of one channel: messages by id and in the order of their `seq`, members, and the `seq`
 * up to which every durable change is known. Pure; `room.ts` does the talking.
 *
 * A message can come by page, answer, event and change list, in any order: the row with the highest
 * `updated_seq` wins, so each of them may be merged twice.
 */

import type { DurableEvent } from '../api/events';
import type { ChannelChanges, Member, Message, ReadState } from '../api/wire';

export interface Timeline {
  /** `behind` holds messages, but is opened at its unread ones and so waits for them. */
  status: 'loading' | 'behind' | 'ready' | 'error';
  /** Every durable change up to here is in. */
  seq: number;
  messages: ReadonlyMap<string, Message>;
  order: readonly string[];
  /** Cursor to older messages, `null` when the beginning is loaded. */
  before: string | null;
  members: ReadonlyMap<string, Member>;
  /** The reader's pointer when the channel was opened: the line "New" stands after it. */
  newAfter: number | null;
}

export const emptyTimeline: Timeline = {
  status: 'loading',
  seq: 0,
  messages: new Map(),
  order: [],
  before: null,
  members: new Map(),
  newAfter: null,
};

/** Replies belong to threads, which this app doesn't show. */
function belongs(timeline: Timeline, message: Message): boolean {
  if (message.parent_id !== null) return false;
  if (timeline.messages.has(message.id) || timeline.before === null) return true;
  const first = timeline.messages.get(timeline.order[0] ?? '');
  return first === undefined || message.seq > first.seq;
}

function merge(timeline: Timeline, incoming: readonly Message[]): Timeline {
  const messages = new Map(timeline.messages);
  let changed = false;
  for (const message of incoming) {
    const held = messages.get(message.id);
    if (held && held.updated_seq >= message.updated_seq) continue;
    messages.set(message.id, message);
    changed = true;
  }
  if (!changed) return timeline;
  const order = [...messages.values()].sort((a, b) => a.seq - b.seq).map((message) => message.id);
  return { ...timeline, messages, order };
}

/** A change of single messages; those older than what is loaded come with their page. */
export function mergeMessages(timeline: Timeline, incoming: readonly Message[]): Timeline {
  return merge(
    timeline,
    incoming.filter((message) => belongs(timeline, message)),
  );
}

/** A page of older messages. */
export function mergePage(timeline: Timeline, items: readonly Message[], before: string | null): Timeline {
  const replies = items.filter((message) => message.parent_id === null);
  return { ...merge(timeline, replies), before };
}

export function readOf({ read_seq, read_ordinal, read_at, last_read_message_id }: Member): ReadState {
  return { read_seq, read_ordinal, read_at, last_read_message_id };
}

/** Whether one pointer was set before the other; marking as unread moves it back, so places don't tell. */
export function isOlder(one: ReadState, other: ReadState): boolean {
  return Date.parse(one.read_at ?? '') < Date.parse(other.read_at ?? '') || (!one.read_at && !!other.read_at);
}

export function mergeMembers(timeline: Timeline, incoming: readonly Member[]): Timeline {
  const members = new Map(timeline.members);
  for (const member of incoming) {
    const held = members.get(member.user.id);
    if (member.removed_at !== null) members.delete(member.user.id);
    // The pointer may have moved since this was answered.
    else members.set(member.user.id, held && isOlder(member, held) ? { ...member, ...readOf(held) } : member);
  }
  return { ...timeline, members };
}

export function mergeChanges(timeline: Timeline, changes: ChannelChanges): Timeline {
  const members = mergeMembers(mergeMessages(timeline, changes.messages), changes.members);
  const merged = changes.messages.reduce(readByWriting, members);
  return { ...merged, seq: Math.max(merged.seq, changes.seq) };
}

/** A member's pointer; it never moves back through an event that was overtaken. */
export function applyRead(timeline: Timeline, userId: string, read: ReadState): Timeline {
  const member = timeline.members.get(userId);
  if (!member || member.read_seq >= read.read_seq) return timeline;
  return { ...timeline, members: new Map(timeline.members).set(userId, { ...member, ...read }) };
}

/** Who writes has read up to there: the server moves the pointer too, and says so by the message alone. */
function readByWriting(timeline: Timeline, message: Message): Timeline {
  const { id, seq, ordinal, created_at, parent_id } = message;
  if (parent_id !== null) return timeline;
  const read = { read_seq: seq, read_ordinal: ordinal, read_at: created_at, last_read_message_id: id };
  const member = timeline.members.get(message.user.id);
  return member && isOlder(member, read) ? applyRead(timeline, message.user.id, read) : timeline;
}

export type Arrival = 'apply' | 'drop' | 'gap';

export function judge(held: number, event: { seq: number; prev_seq: number }): Arrival {
  if (event.seq <= held) return 'drop';
  return event.prev_seq === held ? 'apply' : 'gap';
}

/** Applies an event that `judge` let through. */
export function applyDurable(timeline: Timeline, event: DurableEvent): Timeline {
  const next = { ...timeline, seq: event.seq };
  switch (event.type) {
    case 'message.new':
      return readByWriting(mergeMessages(next, [event.data.message]), event.data.message);
    case 'message.updated':
    case 'message.deleted':
    case 'message.undeleted':
      return mergeMessages(next, [event.data.message]);
    case 'channel.truncated':
      return without(next, event.data.truncated_seq);
    case 'member.added':
    case 'member.updated':
      return mergeMembers(next, [event.data.member]);
    case 'member.removed': {
      const members = new Map(next.members);
      members.delete(event.data.member.user.id);
      return { ...next, members };
    }
    case 'channel.updated':
    case 'channel.deleted':
      return next;
    default:
      // A channel has more than this page shows: reactions, votes, tasks.
      return next;
  }
}

/** Without the messages up to a `seq`. */
function without(timeline: Timeline, seq: number): Timeline {
  const messages = new Map([...timeline.messages].filter(([, message]) => message.seq > seq));
  return { ...timeline, messages, order: timeline.order.filter((id) => messages.has(id)) };
}

/** Whether the first unread message is further up than what is loaded. */
export function hidesNew({ newAfter, before, order, messages }: Timeline): boolean {
  const first = messages.get(order[0] ?? '');
  return newAfter !== null && before !== null && first !== undefined && first.seq > newAfter;
}

/** Who has read up to this message, without its author. */
export function readersOf(timeline: Timeline, message: Message): Member[] {
  return [...timeline.members.values()].filter(
    (member) => member.user.id !== message.user.id && member.read_seq >= message.seq,
  );
}
