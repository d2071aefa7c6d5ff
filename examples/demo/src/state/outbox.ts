/**
 * Messages on their way out, in the order they were written. Pure; `sender.ts` empties it.
 *
 * waiting → sending → gone (the server has it) | waiting again (no answer) | failed (the server said no).
 * A message keeps its id through all of this, so sending it twice makes one message.
 */

export interface Outgoing {
  id: string;
  channelId: string;
  text: string;
  createdAt: string;
  state: 'waiting' | 'sending' | 'failed';
  reason?: string;
}

export type Outbox = readonly Outgoing[];

export function enqueue(outbox: Outbox, item: Omit<Outgoing, 'state'>): Outbox {
  return [...outbox, { ...item, state: 'waiting' }];
}

export function nextWaiting(outbox: Outbox): Outgoing | undefined {
  return outbox.find((item) => item.state === 'waiting');
}

export function setState(outbox: Outbox, id: string, state: Outgoing['state'], reason?: string): Outbox {
  return outbox.map((item) => {
    if (item.id !== id) return item;
    const { id: same, channelId, text, createdAt } = item;
    return { id: same, channelId, text, createdAt, state, ...(reason === undefined ? {} : { reason }) };
  });
}

/** A message tried again stands behind those that wait already. */
export function retry(outbox: Outbox, id: string): Outbox {
  const item = outbox.find((candidate) => candidate.id === id);
  return item ? enqueue(remove(outbox, id), item) : outbox;
}

export function remove(outbox: Outbox, id: string): Outbox {
  return outbox.some((item) => item.id === id) ? outbox.filter((item) => item.id !== id) : outbox;
}

export function countWaiting(outbox: Outbox): number {
  return outbox.filter((item) => item.state !== 'failed').length;
}
