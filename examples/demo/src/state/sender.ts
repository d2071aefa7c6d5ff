/**
 * Empties the outbox one message at a time, so that what was written first arrives first.
 *
 * No answer: the message waits again and so do all behind it, until the connection is back (`kick`)
 * or the next try, 1 to 15 s later. A refusal marks that one message failed and goes on with the next.
 */

import type { Api } from '../api/api';
import { asApiError, describe } from '../api/errors';
import type { Message } from '../api/wire';
import type { ChatState } from './chatState';
import { nextWaiting, type Outbox, remove, setState } from './outbox';
import type { Store } from './store';

const FIRST_DELAY_MS = 1_000;
const LAST_DELAY_MS = 15_000;

export class Sender {
  private running = false;
  private delay = FIRST_DELAY_MS;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly api: Api,
    private readonly store: Store<ChatState>,
    private readonly onSent: (message: Message) => void,
  ) {}

  kick(): void {
    clearTimeout(this.timer);
    if (!this.running) void this.run();
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private async run(): Promise<void> {
    this.running = true;
    for (let item = this.next(); item; item = this.next()) {
      const { id, channelId, text } = item;
      this.change((outbox) => setState(outbox, id, 'sending'));
      try {
        const message = await this.api.sendMessage(channelId, { id, text });
        this.delay = FIRST_DELAY_MS;
        this.onSent(message);
        this.stall(false);
        this.change((outbox) => remove(outbox, id));
      } catch (caught) {
        const error = asApiError(caught);
        if (error.retryable) {
          this.change((outbox) => setState(outbox, id, 'waiting'));
          this.stall(true);
          this.later(error.retryAfterMs ?? this.delay);
          break;
        }
        this.change((outbox) => setState(outbox, id, 'failed', describe(error)));
      }
    }
    this.running = false;
  }

  private later(ms: number): void {
    this.timer = setTimeout(() => this.kick(), ms);
    this.delay = Math.min(this.delay * 2, LAST_DELAY_MS);
  }

  private stall(stalled: boolean): void {
    this.store.update((state) => (state.stalled === stalled ? state : { ...state, stalled }));
  }

  private next() {
    return nextWaiting(this.store.get().outbox);
  }

  private change(change: (outbox: Outbox) => Outbox): void {
    this.store.update((state) => ({ ...state, outbox: change(state.outbox) }));
  }
}
