import { expect, it, vi } from 'vitest';

import type { Api } from '../api/api';
import { ApiError } from '../api/errors';
import { initialChat } from './chatState';
import { message } from './fixtures';
import { countWaiting, enqueue, nextWaiting, retry, setState } from './outbox';
import { Sender } from './sender';
import { createStore } from './store';
import { uuid7 } from './uuid7';

const item = (id: string) => ({ id, channelId: 'c', text: id, createdAt: '2026-01-05T12:00:00Z' });
const three = ['a', 'b', 'c'].map(item).reduce(enqueue, []);

it('sends in the order of writing and skips what failed', () => {
  expect(nextWaiting(three)?.id).toBe('a');
  const failed = setState(three, 'a', 'failed', 'No');
  expect(nextWaiting(failed)?.id).toBe('b');
  expect(countWaiting(failed)).toBe(2);
  expect(retry(failed, 'a').map(({ id, state }) => `${id} ${state}`)).toEqual([
    'b waiting',
    'c waiting',
    'a waiting',
  ]);
});

it('waits without a connection and goes on in order, each message under its first id', async () => {
  vi.useFakeTimers();
  let online = false;
  const sent: string[] = [];
  const sendMessage = vi.fn((_channel: string, { id }: { id: string }) => {
    if (!online) return Promise.reject(ApiError.offline());
    if (id === 'b') return Promise.reject(new ApiError('text_too_long', 'Too long', false));
    sent.push(id);
    return Promise.resolve(message(sent.length, { id }));
  });
  const store = createStore({ ...initialChat, outbox: three });
  const sender = new Sender({ sendMessage } as unknown as Api, store, () => undefined);

  sender.kick();
  await vi.waitFor(() => expect(store.get().outbox[0]?.state).toBe('waiting'));
  expect(sendMessage).toHaveBeenCalledTimes(1);

  online = true;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(sent).toEqual(['a', 'c']);
  expect(store.get().outbox).toMatchObject([{ id: 'b', state: 'failed', reason: 'The text is too long' }]);
  vi.useRealTimers();
});

it('makes ids of version 7 that sort by time', () => {
  const early = uuid7(1_700_000_000_000);
  expect(early).toMatch(/^018bcfe5-6800-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(early < uuid7(1_700_000_000_001)).toBe(true);
});
