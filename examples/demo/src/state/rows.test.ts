import { describe, expect, it } from 'vitest';

import { message, person } from './fixtures';
import type { Outgoing } from './outbox';
import { layoutRows, type Row } from './rows';
import { emptyTimeline, mergePage, type Timeline } from './timeline';

const ann = person('ann');
const ben = person('ben');
const timeline = (messages: Parameters<typeof mergePage>[1], fields: Partial<Timeline> = {}): Timeline => ({
  ...mergePage(emptyTimeline, messages, null),
  ...fields,
});
const draw = (rows: Row[]) =>
  rows.map((row) =>
    row.kind === 'message' ? `${row.first ? '[' : ''}${row.id}${row.last ? ']' : ''}` : row.kind,
  );

describe('rows', () => {
  it('groups what one person wrote in one go', () => {
    const later = message(4, { created_at: '2026-01-05T12:30:00Z' });
    const rows = layoutRows(
      timeline([message(1), message(2), message(3, { user: ben }), later]),
      [],
      'c',
      ben,
    );
    expect(draw(rows)).toEqual(['day', '[m1', 'm2]', '[m3]', '[m4]']);
  });

  it('separates days', () => {
    const tomorrow = message(2, { created_at: '2026-01-07T12:00:00Z' });
    expect(draw(layoutRows(timeline([message(1), tomorrow]), [], 'c', ben))).toEqual([
      'day',
      '[m1]',
      'day',
      '[m2]',
    ]);
  });

  it.each([
    ['after the last read message', { newAfter: 1, before: 'more' }, ['day', '[m1]', 'new', '[m2', 'm3]']],
    ['nowhere when that is not loaded', { newAfter: 0, before: 'more' }, ['day', '[m1', 'm2', 'm3]']],
    ['on top when nothing was ever read', { newAfter: 0, before: null }, ['day', 'new', '[m1', 'm2', 'm3]']],
    ['nowhere when all was read', { newAfter: null, before: null }, ['day', '[m1', 'm2', 'm3]']],
  ])('draws "New" %s', (_, fields, expected) => {
    const rows = layoutRows(timeline([message(1), message(2), message(3)], fields), [], 'c', ben);
    expect(draw(rows)).toEqual(expected);
  });

  it('ends with what is on its way, failed ones alone', () => {
    const going = (id: string, state: Outgoing['state']): Outgoing => ({
      id,
      channelId: 'c',
      text: id,
      createdAt: '2026-01-05T12:00:09Z',
      state,
    });
    const outbox = [
      going('o1', 'sending'),
      going('o2', 'waiting'),
      going('o3', 'failed'),
      going('m1', 'sending'),
    ];
    const rows = layoutRows(timeline([message(1)]), outbox, 'c', ann);
    expect(draw(rows)).toEqual(['day', '[m1', 'o1', 'o2]', '[o3]']);
  });
});
