/** What the message list draws, top to bottom: days, the line "New", and messages in their groups. Pure. */

import type { Message, UserRef } from '../api/wire';
import type { Outbox, Outgoing } from './outbox';
import type { Timeline } from './timeline';

const GROUP_MS = 5 * 60_000;

export type Delivery = 'waiting' | 'sent' | 'failed';

export interface MessageRow {
  kind: 'message';
  id: string;
  user: UserRef;
  text: string;
  at: string;
  own: boolean;
  delivery: Delivery;
  /** Opens and closes a group: same author, same day, less than five minutes apart. */
  first: boolean;
  last: boolean;
  message?: Message;
  outgoing?: Outgoing;
}

export type Row = { kind: 'day'; id: string; at: string } | { kind: 'new'; id: string } | MessageRow;

const dayOf = (at: string) => new Date(at).toDateString();

function fromMessage(message: Message, me: UserRef): MessageRow {
  const { id, user, text, created_at: at } = message;
  const own = user.id === me.id;
  return { kind: 'message', id, user, text, at, own, delivery: 'sent', first: true, last: true, message };
}

function fromOutgoing(item: Outgoing, me: UserRef): MessageRow {
  const { id, text, createdAt: at } = item;
  const delivery = item.state === 'failed' ? 'failed' : 'waiting';
  return {
    kind: 'message',
    id,
    user: me,
    text,
    at,
    own: true,
    delivery,
    first: true,
    last: true,
    outgoing: item,
  };
}

function joins(above: MessageRow, below: MessageRow): boolean {
  if (above.message?.deleted_at || below.message?.deleted_at) return false;
  if (above.delivery === 'failed' || below.delivery === 'failed') return false;
  return above.user.id === below.user.id && Date.parse(below.at) - Date.parse(above.at) < GROUP_MS;
}

export function layoutRows(timeline: Timeline, outbox: Outbox, channelId: string, me: UserRef): Row[] {
  const sent = timeline.order.flatMap((id) => timeline.messages.get(id) ?? []);
  const outgoing = outbox.filter((item) => item.channelId === channelId && !timeline.messages.has(item.id));
  const all = [
    ...sent.map((item) => fromMessage(item, me)),
    ...outgoing.map((item) => fromOutgoing(item, me)),
  ];
  const rows: Row[] = [];
  let above: MessageRow | undefined;
  let newShown = timeline.newAfter === null;
  for (const row of all) {
    const day = !above || dayOf(above.at) !== dayOf(row.at);
    if (day) rows.push({ kind: 'day', id: `day-${row.id}`, at: row.at });
    const fresh = !newShown && startsNew(timeline, row, above);
    if (fresh) {
      rows.push({ kind: 'new', id: 'new' });
      newShown = true;
    }
    if (above && !day && !fresh && joins(above, row)) {
      above.last = false;
      row.first = false;
    }
    rows.push(row);
    above = row;
  }
  return rows;
}

/** Only where the last read message is loaded too, or there is none: else the line would be too low. */
function startsNew(timeline: Timeline, row: MessageRow, above: MessageRow | undefined): boolean {
  const after = timeline.newAfter;
  if (after === null || row.own || !row.message || row.message.seq <= after) return false;
  return above ? (above.message?.seq ?? 0) <= after || above.own : timeline.before === null;
}
