/** The list of my channels. Pure. */

import type { DurableEvent, UserEvent } from '../api/events';
import type { Channel, Member, Message, ReadState } from '../api/wire';
import { isOlder, readOf } from './timeline';

export interface ChannelList {
  status: 'loading' | 'ready' | 'error';
  byId: ReadonlyMap<string, Channel>;
  /** Members of channels that have no name of their own. */
  people: ReadonlyMap<string, readonly Member[]>;
}

export const emptyList: ChannelList = { status: 'loading', byId: new Map(), people: new Map() };

/** Newest activity first. */
export function sorted(list: ChannelList): Channel[] {
  const activity = (channel: Channel) => Date.parse(channel.last_message_at ?? channel.created_at);
  return [...list.byId.values()].sort((a, b) => activity(b) - activity(a) || a.cid.localeCompare(b.cid));
}

export function replaceAll(list: ChannelList, channels: readonly Channel[]): ChannelList {
  const byId = new Map(channels.map((channel) => [channel.id, latest(list.byId.get(channel.id), channel)]));
  return { ...list, status: 'ready', byId };
}

export function put(list: ChannelList, channel: Channel): ChannelList {
  const row = latest(list.byId.get(channel.id), channel);
  return { ...list, byId: new Map(list.byId).set(channel.id, row) };
}

/** An answer can be older than what is held: asked for before a change, or before one read further. */
function latest(held: Channel | undefined, incoming: Channel): Channel {
  if (!held || held === incoming) return incoming;
  if (incoming.seq < held.seq) return held;
  const { membership } = held;
  if (!membership || !incoming.membership || !isOlder(incoming.membership, membership)) return incoming;
  return { ...incoming, unread: held.unread, membership: { ...incoming.membership, ...readOf(membership) } };
}

export function drop(list: ChannelList, channelId: string): ChannelList {
  const byId = new Map(list.byId);
  return byId.delete(channelId) ? { ...list, byId } : list;
}

export function putPeople(list: ChannelList, channelId: string, members: readonly Member[]): ChannelList {
  return { ...list, people: new Map(list.people).set(channelId, members) };
}

function change(list: ChannelList, id: string, patch: (channel: Channel) => Partial<Channel>): ChannelList {
  const channel = list.byId.get(id);
  if (!channel) return list;
  return { ...list, byId: new Map(list.byId).set(id, { ...channel, ...patch(channel) }) };
}

export function setUnread(list: ChannelList, channelId: string, unread: number): ChannelList {
  return change(list, channelId, () => ({ unread }));
}

/** My pointer after I read, here or in another window. */
export function setRead(list: ChannelList, channelId: string, unread: number, read: ReadState): ChannelList {
  return change(list, channelId, ({ membership }) => {
    if (!membership) return { unread };
    // Said of a pointer that has moved on since.
    if (isOlder(read, membership)) return {};
    return { unread, membership: { ...membership, ...read } };
  });
}

/** A message moves its channel up where it is the newest, and changes the row where it was. */
export function putMessage(list: ChannelList, message: Message): ChannelList {
  if (message.parent_id !== null) return list;
  return change(list, message.channel_id, ({ last_message }) => {
    if (!last_message || message.seq > last_message.seq) {
      return { last_message: message, last_message_at: message.created_at };
    }
    const same = message.id === last_message.id && message.updated_seq >= last_message.updated_seq;
    return same ? { last_message: message } : {};
  });
}

/** An event of the open channel also moves its row in the list. */
export function applyToList(list: ChannelList, event: DurableEvent, channelId: string): ChannelList {
  switch (event.type) {
    case 'message.new':
    case 'message.updated':
    case 'message.deleted':
    case 'message.undeleted':
      return putMessage(list, event.data.message);
    case 'member.added':
    case 'member.removed':
      return change(list, channelId, () => ({ member_count: event.data.member_count }));
    case 'channel.updated': {
      const { name, image, config, updated_at } = event.data.channel;
      return change(list, channelId, () => ({ name, image, config, updated_at }));
    }
    case 'channel.deleted':
      return drop(list, channelId);
    case 'member.updated':
    case 'channel.truncated':
      return list;
    default:
      return list;
  }
}

/** Counts from the user's own topic. The channel that is being read (`reading`) never counts up. */
export function applyNotification(list: ChannelList, event: UserEvent, reading: string | null): ChannelList {
  const { channel_id } = event.data;
  switch (event.type) {
    case 'notification.message_new':
      return setUnread(list, channel_id, channel_id === reading ? 0 : event.data.unread);
    case 'notification.mark_read':
      return setRead(list, channel_id, event.data.unread, event.data.read);
    case 'notification.removed_from_channel':
      return drop(list, channel_id);
    case 'notification.added_to_channel':
      return list;
    default:
      // The server tells users of more than this page shows.
      return list;
  }
}

export function totalUnread(list: ChannelList): number {
  let total = 0;
  for (const channel of list.byId.values()) total += channel.unread;
  return total;
}
