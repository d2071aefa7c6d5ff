import { describe, expect, it } from 'vitest';

import type { DurableEvent, UserEvent } from '../api/events';
import type { Channel, Member } from '../api/wire';
import {
  applyNotification,
  applyToList,
  emptyList,
  put,
  replaceAll,
  setRead,
  sorted,
  totalUnread,
} from './channels';
import { channel, member, message, messageEvent } from './fixtures';

const list = replaceAll(emptyList, [
  channel('old', {
    last_message: message(1, { channel_id: 'old' }),
    last_message_at: '2026-01-02T00:00:00Z',
    unread: 2,
  }),
  channel('newer', { last_message_at: '2026-01-03T00:00:00Z' }),
]);
const news = (channel_id: string, unread: number): UserEvent => ({
  id: 'e',
  type: 'notification.message_new',
  created_at: '2026-01-05T00:00:00Z',
  data: { channel_id, unread, message_id: 'm', seq: 1 },
});

describe('the channel list', () => {
  it('has the newest activity first, and a message moves its channel up', () => {
    expect(sorted(list).map(({ id }) => id)).toEqual(['newer', 'old']);
    const moved = applyToList(list, messageEvent('message.new', 7, message(7, { channel_id: 'old' })), 'old');
    expect(sorted(moved).map(({ id }) => id)).toEqual(['old', 'newer']);
  });

  it('stays as it is on events that it knows nothing of', () => {
    const presence = { ...news('newer', 3), type: 'user.presence.changed', data: { users: [] } };
    expect(applyNotification(list, presence as unknown as UserEvent, null)).toBe(list);
    const poll = { ...messageEvent('message.new', 7, message(7)), type: 'poll.updated' };
    expect(applyToList(list, poll as unknown as DurableEvent, 'old')).toBe(list);
  });

  it('counts by notification, except where one is reading', () => {
    expect(totalUnread(applyNotification(list, news('newer', 3), null))).toBe(5);
    expect(totalUnread(applyNotification(list, news('newer', 3), 'newer'))).toBe(2);
  });

  it('does not go back to what was true before one read, but to unread where one says so', () => {
    const at = (minute: number, read_seq: number) =>
      member('me', { read_seq, read_at: minute === 0 ? null : `2026-01-05T00:0${minute}:00Z` });
    const row = (membership: Member, fields: Partial<Channel>) =>
      channel('c', { seq: 9, membership, ...fields });
    const opened = replaceAll(emptyList, [row(at(0, 0), { unread: 9 })]);
    const read = setRead(opened, 'c', 0, at(2, 9));
    expect(totalUnread(read)).toBe(0);
    const late = row(at(0, 0), { unread: 9, name: 'Renamed' });
    expect(put(read, late).byId.get('c')).toMatchObject({ unread: 0, name: 'Renamed' });
    expect(totalUnread(replaceAll(read, [late]))).toBe(0);
    expect(totalUnread(setRead(read, 'c', 9, at(1, 0)))).toBe(0);
    expect(totalUnread(setRead(read, 'c', 9, at(3, 0)))).toBe(9);
    expect(totalUnread(put(read, row(at(2, 9), { seq: 10, unread: 1 })))).toBe(1);
    expect(put(read, row(at(2, 9), { seq: 8, name: 'Old' })).byId.get('c')?.name).toBe('c');
  });

  it('shows an edit of the newest message only', () => {
    const edit = (seq: number) =>
      messageEvent('message.updated', 9, message(seq, { channel_id: 'old', text: 'edited' }));
    expect(applyToList(list, edit(1), 'old').byId.get('old')?.last_message?.text).toBe('edited');
    const older = applyToList(list, { ...edit(0), seq: 9 }, 'old');
    expect(older.byId.get('old')?.last_message?.text).toBe('text 1');
  });
});
