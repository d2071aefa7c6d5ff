import { describe, expect, it } from 'vitest';

import type { UserEvent } from '../api/events';
import { applyNotification, applyToList, emptyList, replaceAll, sorted, totalUnread } from './channels';
import { channel, message, messageEvent } from './fixtures';

const list = replaceAll(emptyList, [
  channel('old', { last_message: message(1), last_message_at: '2026-01-02T00:00:00Z', unread: 2 }),
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
    const moved = applyToList(list, messageEvent('message.new', 7, message(7)), 'old');
    expect(sorted(moved).map(({ id }) => id)).toEqual(['old', 'newer']);
  });

  it('counts by notification, except where one is reading', () => {
    expect(totalUnread(applyNotification(list, news('newer', 3), null))).toBe(5);
    expect(totalUnread(applyNotification(list, news('newer', 3), 'newer'))).toBe(2);
  });

  it('shows an edit of the newest message only', () => {
    const edit = (seq: number) => messageEvent('message.updated', 9, message(seq, { text: 'edited' }));
    expect(applyToList(list, edit(1), 'old').byId.get('old')?.last_message?.text).toBe('edited');
    const older = applyToList(list, { ...edit(0), seq: 9 }, 'old');
    expect(older.byId.get('old')?.last_message?.text).toBe('text 1');
  });
});
