/** Who types in the open channel. One who fell silent without saying so is forgotten. */

import type { UserRef } from '../api/wire';
import { type ChatState, setTyping } from './chatState';
import type { Store } from './store';

/** Senders repeat `typing.start` every 3 s. */
const FORGET_MS = 8_000;

export class Typists {
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(
    private readonly channelId: string,
    private readonly store: Store<ChatState>,
  ) {}

  show(user: UserRef, typing: boolean): void {
    clearTimeout(this.timers.get(user.id));
    if (typing)
      this.timers.set(
        user.id,
        setTimeout(() => this.show(user, false), FORGET_MS),
      );
    this.store.update((state) => setTyping(state, this.channelId, user, typing));
  }

  clear(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.store.update((state) => ({ ...state, typing: new Map() }));
  }
}
