/** A signed-in user's chat: the list, the open room and the outbox over one connection. */

import { type Api, createApi } from '../api/api';
import type { UserEvent } from '../api/events';
import { Http } from '../api/http';
import { Realtime } from '../api/realtime';
import type { Channel, CreateChannel, Message } from '../api/wire';
import * as channels from './channels';
import { type ChatState, initialChat, withTimeline } from './chatState';
import { loadOutbox, saveOutbox } from './kept';
import { enqueue, type Outbox, remove, retry } from './outbox';
import { Room } from './room';
import { Sender } from './sender';
import { createStore, type Store } from './store';
import { applyRead, mergeMessages } from './timeline';
import { uuid7 } from './uuid7';

export class Chat {
  readonly api: Api;
  readonly store: Store<ChatState>;
  room: Room | undefined;
  private roomId: string | undefined;
  private readonly realtime: Realtime;
  private readonly sender: Sender;
  private readonly stopKeeping: () => void;

  constructor(readonly userId: string) {
    this.api = createApi(new Http(userId));
    this.store = createStore({ ...initialChat, outbox: loadOutbox(userId) });
    this.stopKeeping = this.store.subscribe(() => saveOutbox(userId, this.store.get().outbox));
    this.sender = new Sender(this.api, this.store, (message) => this.merge(message));
    const events = {
      onConnected: () => this.connected(),
      onDisconnected: () => this.store.update((state) => ({ ...state, connection: 'offline' })),
      onUserEvent: (event: UserEvent) => this.notified(event),
    };
    this.realtime = new Realtime(this.api, events, uuid7());
  }

  start(): void {
    void this.refresh();
    void this.realtime.start();
    this.sender.kick();
  }

  stop(): void {
    this.room?.close();
    this.sender.stop();
    this.realtime.stop();
    this.stopKeeping();
  }

  open(channelId: string | null): void {
    if (channelId === (this.roomId ?? null)) return;
    this.room?.close();
    this.room = channelId === null ? undefined : new Room(channelId, this.api, this.realtime, this.store);
    this.roomId = channelId ?? undefined;
    this.room?.open();
  }

  async refresh(): Promise<void> {
    try {
      const all: Channel[] = [];
      for (let next: string | null = null, first = true; first || next !== null; first = false) {
        const page = await this.api.channels(next);
        all.push(...page.items);
        next = page.next;
      }
      this.list((list) => channels.replaceAll(list, all));
      await Promise.all(all.map((channel) => this.nameChannel(channel)));
    } catch {
      this.list((list) => (list.status === 'ready' ? list : { ...list, status: 'error' }));
    }
  }

  send(channelId: string, text: string): void {
    const item = { id: uuid7(), channelId, text, createdAt: new Date().toISOString() };
    this.outbox((outbox) => enqueue(outbox, item));
    this.sender.kick();
  }

  resend(id: string): void {
    this.outbox((outbox) => retry(outbox, id));
    this.sender.kick();
  }

  discard(id: string): void {
    this.outbox((outbox) => remove(outbox, id));
  }

  async edit(message: Message, text: string): Promise<void> {
    this.merge(await this.api.editMessage(message.id, text));
  }

  async remove(message: Message): Promise<void> {
    this.merge(await this.api.deleteMessage(message.id));
  }

  /** Whether the newest message of a channel is on screen; null when none is. */
  setReading(channelId: string | null): void {
    this.store.update((state) => (state.reading === channelId ? state : { ...state, reading: channelId }));
  }

  async markRead(channelId: string, messageId: string): Promise<void> {
    const result = await this.api.markRead(channelId, messageId);
    this.list((list) => channels.setRead(list, channelId, result.unread, result.read));
    this.store.update((state) =>
      withTimeline(state, channelId, (timeline) => applyRead(timeline, this.userId, result.read)),
    );
  }

  async create(body: CreateChannel): Promise<Channel> {
    const channel = await this.api.createChannel(body);
    this.list((list) => channels.put(list, channel));
    void this.nameChannel(channel);
    return channel;
  }

  private connected(): void {
    const returning = this.store.get().connection === 'offline';
    this.store.update((state) => ({ ...state, connection: 'online' }));
    this.sender.kick();
    if (returning) void this.refresh();
  }

  private notified(event: UserEvent): void {
    const { channel_id } = event.data;
    this.list((list) => channels.applyNotification(list, event, this.store.get().reading));
    const news = event.type === 'notification.message_new' || event.type === 'notification.added_to_channel';
    // The open channel gets the message itself; of the others only the row in the list is read again.
    if (news && channel_id !== this.roomId) void this.refreshOne(channel_id);
  }

  private async refreshOne(channelId: string): Promise<void> {
    try {
      const channel = await this.api.channel(channelId);
      this.list((list) => channels.put(list, channel));
      await this.nameChannel(channel);
    } catch {
      // The next notification or reconnect reads it again.
    }
  }

  /** Channels without a name are called after their members. */
  private async nameChannel(channel: Channel): Promise<void> {
    if (channel.name !== null || this.store.get().list.people.has(channel.id)) return;
    const members = await this.api.members(channel.id);
    this.list((list) => channels.putPeople(list, channel.id, members.items));
  }

  private merge(message: Message): void {
    this.list((list) => channels.putMessage(list, message));
    this.store.update((state) =>
      state.timelines.has(message.channel_id)
        ? withTimeline(state, message.channel_id, (timeline) => mergeMessages(timeline, [message]))
        : state,
    );
  }

  private list(change: (list: channels.ChannelList) => channels.ChannelList): void {
    this.store.update((state) => ({ ...state, list: change(state.list) }));
  }

  private outbox(change: (outbox: Outbox) => Outbox): void {
    this.store.update((state) => ({ ...state, outbox: change(state.outbox) }));
  }
}
