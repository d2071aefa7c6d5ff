/**
 * The open channel: loads it, follows its events and pulls what was missed.
 *
 * Events that come while a load or pull is under way wait for it. The held `seq` is read from the
 * channel before its messages, so an event is at worst applied twice, which `timeline.ts` allows.
 */

import type { Api } from '../api/api';
import { type ChannelEvent, type DurableEvent, isDurable } from '../api/events';
import type { Realtime } from '../api/realtime';
import { applyToList, drop, put, setUnread } from './channels';
import { type ChatState, withTimeline } from './chatState';
import { remove } from './outbox';
import type { Store } from './store';
import * as timelines from './timeline';
import { Typists } from './typists';

/** A channel opens at its first unread message, unless that is further up than this. */
const MAX_FIRST_PAGES = 5;

export class Room {
  private syncing = false;
  private again = false;
  private closed = false;
  private loadingOlder = false;
  private waiting: DurableEvent[] = [];
  private readonly typists: Typists;

  constructor(
    private readonly channelId: string,
    private readonly api: Api,
    private readonly realtime: Realtime,
    private readonly store: Store<ChatState>,
  ) {
    this.typists = new Typists(channelId, store);
  }

  open(): void {
    const channel = this.store.get().list.byId.get(this.channelId);
    const newAfter = channel && channel.unread > 0 ? (channel.membership?.read_seq ?? null) : null;
    this.change((timeline) => ({
      ...timeline,
      newAfter,
      status: timeline.status === 'ready' && newAfter !== null ? 'behind' : timeline.status,
    }));
    this.realtime.subscribe(this.channelId, {
      onEvent: (event) => this.receive(event),
      onSubscribing: () => this.setLive(false),
      onSubscribed: (recovered) => {
        this.setLive(true);
        if (!recovered) void this.sync();
        if (this.timeline().status === 'ready') void this.refreshMembers();
      },
    });
    void this.sync();
  }

  close(): void {
    this.closed = true;
    this.realtime.unsubscribe(this.channelId);
    this.typists.clear();
    this.setLive(false);
  }

  async loadOlder(): Promise<void> {
    const { before } = this.timeline();
    if (before === null || this.loadingOlder) return;
    this.loadingOlder = true;
    try {
      const page = await this.api.messages(this.channelId, before);
      this.change((timeline) => timelines.mergePage(timeline, page.items, page.before));
    } catch {
      // Scrolling up again asks again; being offline is said elsewhere.
    } finally {
      this.loadingOlder = false;
    }
  }

  /** Loads the channel the first time, and after that pulls what changed. */
  async sync(): Promise<void> {
    if (this.syncing) {
      this.again = true;
      return;
    }
    this.syncing = true;
    try {
      const { status } = this.timeline();
      if (status === 'ready' || status === 'behind') await this.pull();
      else await this.load();
      // What is still ahead of us waits for the next event or reconnect: no pulling in circles.
      this.waiting = this.waiting.filter((event) => this.apply(event) === 'gap');
    } catch {
      this.change((timeline) => ({ ...timeline, status: timeline.status === 'loading' ? 'error' : 'ready' }));
    } finally {
      this.syncing = false;
    }
    if (this.again && !this.closed) {
      this.again = false;
      await this.sync();
    }
  }

  private async load(): Promise<void> {
    this.change((timeline) => ({ ...timeline, status: 'loading' }));
    const channel = await this.api.channel(this.channelId);
    const [page, members] = await Promise.all([
      this.api.messages(this.channelId, null),
      this.api.members(this.channelId),
    ]);
    this.store.update((state) => ({ ...state, list: put(state.list, channel) }));
    this.change((timeline) => {
      const newAfter =
        timeline.newAfter ?? (channel.unread > 0 ? (channel.membership?.read_seq ?? null) : null);
      const withPage = timelines.mergePage({ ...timeline, newAfter }, page.items, page.before);
      const loaded = timelines.mergeMembers(withPage, members.items);
      return { ...loaded, seq: Math.max(loaded.seq, channel.seq) };
    });
    for (let pages = 1; pages < MAX_FIRST_PAGES && timelines.hidesNew(this.timeline()); pages += 1) {
      await this.loadOlder();
    }
    this.change((timeline) => ({ ...timeline, status: 'ready' }));
  }

  private async pull(): Promise<void> {
    for (let more = true; more && !this.closed;) {
      const changes = await this.api.changes(this.channelId, this.timeline().seq);
      more = changes.more;
      this.change((timeline) => timelines.mergeChanges(timeline, changes));
      this.settle(changes.messages.map((message) => message.id));
      this.store.update((state) => {
        const list = put(state.list, changes.channel);
        return {
          ...state,
          list: state.reading === this.channelId ? setUnread(list, this.channelId, 0) : list,
        };
      });
    }
    this.change((timeline) => (timeline.status === 'ready' ? timeline : { ...timeline, status: 'ready' }));
  }

  /** How far others have read is told while one listens, and is no change that could be pulled later. */
  private async refreshMembers(): Promise<void> {
    const page = await this.api.members(this.channelId).catch(() => undefined);
    if (page) this.change((timeline) => timelines.mergeMembers(timeline, page.items));
  }

  private receive(event: ChannelEvent): void {
    if (isDurable(event)) {
      const busy = this.syncing || this.timeline().status !== 'ready';
      if (busy) this.waiting.push(event);
      else if (this.apply(event) === 'gap') {
        this.waiting.push(event);
        void this.sync();
      }
    } else if (event.type === 'message.read') {
      const { user_id, read } = event.data;
      this.change((timeline) => timelines.applyRead(timeline, user_id, read));
    } else if (event.data.parent_id === null) {
      // Who types in a thread is not shown: this page has none.
      this.typists.show(event.data.user, event.type === 'typing.start');
    }
  }

  private apply(event: DurableEvent): timelines.Arrival {
    const arrival = timelines.judge(this.timeline().seq, event);
    if (arrival !== 'apply') return arrival;
    this.change((timeline) => timelines.applyDurable(timeline, event));
    this.store.update((state) => ({ ...state, list: applyToList(state.list, event, this.channelId) }));
    if (event.type === 'message.new') {
      this.settle([event.data.message.id]);
      this.typists.show(event.data.message.user, false);
    }
    if (event.type === 'channel.deleted') {
      this.store.update((state) => ({ ...state, list: drop(state.list, this.channelId) }));
    }
    return arrival;
  }

  /** A message that came back from the server is no longer on its way. */
  private settle(ids: readonly string[]): void {
    this.store.update((state) => {
      const outbox = ids.reduce(remove, state.outbox);
      return outbox === state.outbox ? state : { ...state, outbox };
    });
  }

  private setLive(live: boolean): void {
    this.store.update((state) => ({ ...state, live: live ? this.channelId : null }));
  }

  private timeline(): timelines.Timeline {
    return this.store.get().timelines.get(this.channelId) ?? timelines.emptyTimeline;
  }

  private change(change: (timeline: timelines.Timeline) => timelines.Timeline): void {
    this.store.update((state) => withTimeline(state, this.channelId, change));
  }
}
