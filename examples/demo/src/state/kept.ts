/** What outlives a reload of the tab: unsent messages and drafts, in sessionStorage, per user. */

import type { Outbox, Outgoing } from './outbox';

const outboxKey = (userId: string) => `parlor-outbox:${userId}`;
const draftKey = (userId: string, channelId: string) => `parlor-draft:${userId}:${channelId}`;

/** A message that was being sent when the tab closed waits again: its id makes that safe. */
export function loadOutbox(userId: string): Outbox {
  try {
    const kept = JSON.parse(sessionStorage.getItem(outboxKey(userId)) ?? '[]') as Outgoing[];
    return kept.map((item) => (item.state === 'sending' ? { ...item, state: 'waiting' } : item));
  } catch {
    return [];
  }
}

const saved = new Map<string, Outbox>();

export function saveOutbox(userId: string, outbox: Outbox): void {
  if (saved.get(userId) === outbox) return;
  saved.set(userId, outbox);
  keep(outboxKey(userId), outbox.length === 0 ? null : JSON.stringify(outbox));
}

export function loadDraft(userId: string, channelId: string): string {
  return sessionStorage.getItem(draftKey(userId, channelId)) ?? '';
}

export function saveDraft(userId: string, channelId: string, text: string): void {
  keep(draftKey(userId, channelId), text === '' ? null : text);
}

function keep(key: string, value: string | null): void {
  try {
    if (value === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, value);
  } catch {
    // Storage is full or forbidden: the app works on without it.
  }
}
