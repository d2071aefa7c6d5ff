/** Realtime events, as they travel on a channel's or a user's topic. */

import type { Channel, Member, Message, ReadState, UserRef } from './wire';

interface Base<Type extends string, Data> {
  id: string;
  type: Type;
  channel_id?: string;
  created_at: string;
  data: Data;
}

/** Durable changes carry the channel's `seq` after and before them, so that a gap shows. */
interface Numbered {
  seq: number;
  prev_seq: number;
}

export type DurableEvent = Numbered &
  (
    | Base<'message.new' | 'message.updated' | 'message.deleted' | 'message.undeleted', { message: Message }>
    | Base<'member.added' | 'member.removed', { member: Member; member_count: number }>
    | Base<'member.updated', { member: Member }>
    | Base<'channel.updated', { channel: Channel }>
    | Base<'channel.truncated', { truncated_seq: number }>
    | Base<'channel.deleted', Record<string, never>>
  );

export type FleetingEvent =
  | Base<'message.read', { user_id: string; read: ReadState }>
  | Base<'typing.start' | 'typing.stop', { user: UserRef; parent_id: string | null }>;

export type UserEvent =
  | Base<'notification.message_new', { channel_id: string; unread: number; message_id: string; seq: number }>
  | Base<'notification.mark_read', { channel_id: string; unread: number; read: ReadState }>
  | Base<'notification.added_to_channel' | 'notification.removed_from_channel', { channel_id: string }>;

export type ChannelEvent = DurableEvent | FleetingEvent;

/** A busy channel is told in frames of several events that came shortly after each other. */
export type Publication<Event> = Event | { batch: readonly Event[] };

export function eventsOf<Event extends object>(publication: Publication<Event>): readonly Event[] {
  return 'batch' in publication ? publication.batch : [publication];
}

export function isDurable(event: ChannelEvent): event is DurableEvent {
  return 'seq' in event && typeof event.seq === 'number';
}
