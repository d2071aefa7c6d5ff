import { describe, expect, it } from 'vitest';

import type { DurableEvent } from '../api/events';
import { channel, member, message, messageEvent, person } from './fixtures';
import {
  applyDurable,
  applyRead,
  emptyTimeline,
  hidesNew,
  judge,
  mergeChanges,
  mergeMessages,
  mergePage,
  readersOf,
  type Timeline,
} from './timeline';

const loaded = mergePage({ ...emptyTimeline, status: 'ready', seq: 12 }, [message(11), message(12)], 'older');

describe('a timeline', () => {
  it('orders by seq, however messages come', () => {
    const timeline = mergeMessages(loaded, [message(15), message(13), message(14)]);
    expect(timeline.order).toEqual(['m11', 'm12', 'm13', 'm14', 'm15']);
  });

  it('puts an older page in front and takes its cursor', () => {
    const timeline = mergePage(loaded, [message(9), message(10)], null);
    expect(timeline.order).toEqual(['m9', 'm10', 'm11', 'm12']);
    expect(timeline.before).toBeNull();
  });

  it('leaves changes of messages that are not loaded to their page', () => {
    const edited = message(3, { updated_seq: 13, text: 'edited' });
    expect(mergeMessages(loaded, [edited]).order).toEqual(loaded.order);
  });

  it('keeps the row with the highest updated_seq', () => {
    const edited = mergeMessages(loaded, [message(11, { updated_seq: 14, text: 'edited' })]);
    const overtaken = mergeMessages(edited, [message(11, { updated_seq: 13, text: 'older edit' })]);
    expect(overtaken.messages.get('m11')?.text).toBe('edited');
  });

  it('leaves replies out', () => {
    expect(mergeMessages(loaded, [message(13, { parent_id: 'm11' })]).order).toEqual(loaded.order);
  });

  it('forgets what was truncated, and moves on past what it does not show', () => {
    const event = (type: string, seq: number, data: object) =>
      ({ id: 'e', type, created_at: '2026-01-05T00:00:00Z', seq, prev_seq: seq - 1, data }) as DurableEvent;
    const truncated = applyDurable(loaded, event('channel.truncated', 13, { truncated_seq: 11 }));
    expect([truncated.order, truncated.seq]).toEqual([['m12'], 13]);
    expect(applyDurable(loaded, event('task.created', 13, {}))).toEqual({ ...loaded, seq: 13 });
  });

  it.each([
    [12, 11, 'drop'],
    [13, 12, 'apply'],
    [15, 14, 'gap'],
  ])('judges an event with seq %i after %i: %s', (seq, prev_seq, verdict) => {
    expect(judge(loaded.seq, { seq, prev_seq })).toBe(verdict);
  });

  it('is the same by events and by the change list', () => {
    const deleted = message(12, { updated_seq: 15, text: '', deleted_at: '2026-01-05T13:00:00Z' });
    const edited = message(13, { updated_seq: 14, text: 'edited', edited_at: '2026-01-05T13:00:00Z' });
    const byEvents = [
      messageEvent('message.new', 13, message(13)),
      messageEvent('message.updated', 14, edited),
      messageEvent('message.deleted', 15, deleted),
    ].reduce(applyDurable, loaded);
    const byChanges = mergeChanges(loaded, {
      channel: channel('c'),
      messages: [edited, deleted],
      members: [],
      seq: 15,
      more: false,
    });
    expect(byChanges).toEqual(byEvents);
  });

  it.each([
    [{ newAfter: 10, before: 'older' }, true],
    [{ newAfter: 11, before: 'older' }, false],
    [{ newAfter: 10, before: null }, false],
    [{ newAfter: null, before: 'older' }, false],
  ])('with %o hides the first unread message: %s', (fields, hidden) => {
    expect(hidesNew({ ...loaded, ...fields })).toBe(hidden);
  });

  it('moves read pointers forward only and knows the readers', () => {
    const members = new Map([
      ['ann', member('ann', { read_seq: 12 })],
      ['ben', member('ben', { read_seq: 10 })],
    ]);
    const read = { read_seq: 12, read_ordinal: 12, read_at: null, last_read_message_id: 'm12' };
    const timeline = applyRead({ ...loaded, members }, 'ben', read);
    expect(readersOf(timeline, message(12)).map((reader) => reader.user.id)).toEqual(['ben']);
    expect(applyRead(timeline, 'ben', { ...read, read_seq: 11 })).toBe(timeline);
  });

  it('takes who writes for one who has read, by event and by change list', () => {
    const timeline = { ...loaded, members: new Map([['ben', member('ben', { read_seq: 10 })]]) };
    const answer = message(13, { user: person('ben') });
    const readers = (seen: Timeline) => readersOf(seen, message(12)).map((reader) => reader.user.id);
    expect(readers(applyDurable(timeline, messageEvent('message.new', 13, answer)))).toEqual(['ben']);
    const changes = { channel: channel('c'), messages: [answer], members: [], seq: 13, more: false };
    expect(readers(mergeChanges(timeline, changes))).toEqual(['ben']);
    const later = member('ben', { read_seq: 10, read_at: '2026-01-05T13:00:00Z' });
    const unread = { ...timeline, members: new Map([['ben', later]]) };
    expect(readers(mergeChanges(unread, changes))).toEqual([]);
  });
});
