/** centrifuge-js with Parlor's tokens. It reconnects, resubscribes and recovers on its own. */

import { Centrifuge, State, type SubscribedContext } from 'centrifuge';

import type { Api } from './api';
import { type ChannelEvent, eventsOf, type Publication, type UserEvent } from './events';

export interface RealtimeEvents {
  onConnected: () => void;
  onDisconnected: () => void;
  onUserEvent: (event: UserEvent) => void;
}

export interface TopicEvents {
  onEvent: (event: ChannelEvent) => void;
  /** `recovered` says that nothing was missed since the last time. */
  onSubscribed: (recovered: boolean) => void;
  /** Not, or no longer, subscribed; it is being tried. */
  onSubscribing: () => void;
}

const RETRY_MS = 2_000;
/** The code of `connecting` where `connect()` was called. */
const CONNECT_CALLED = 0;

export class Realtime {
  private client: Centrifuge | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private stopped = false;
  private readonly wanted = new Map<string, TopicEvents>();

  constructor(
    private readonly api: Api,
    private readonly events: RealtimeEvents,
    /** The same for as long as the page lives: a reconnect is no new session. */
    private readonly sessionId: string,
  ) {}

  /** Where to connect comes from the server, so the first request is retried here. */
  async start(): Promise<void> {
    try {
      const connection = await this.api.connection(this.sessionId);
      if (this.stopped) return;
      const client = new Centrifuge(
        [
          { transport: 'websocket', endpoint: connection.url },
          { transport: 'http_stream', endpoint: connection.http_stream_url },
          { transport: 'sse', endpoint: connection.sse_url },
        ],
        {
          token: connection.token,
          getToken: async () => (await this.api.connection(this.sessionId)).token,
          emulationEndpoint: connection.emulation_url,
          maxReconnectDelay: 5_000,
        },
      );
      client.on('connected', this.events.onConnected);
      // The first attempt is not the loss of anything, unless it fails.
      client.on('connecting', ({ code }) => code !== CONNECT_CALLED && this.events.onDisconnected());
      client.on('error', () => client.state !== State.Connected && this.events.onDisconnected());
      client.on('disconnected', this.events.onDisconnected);
      client.on('publication', (context) => this.events.onUserEvent(context.data as UserEvent));
      this.client = client;
      for (const [channelId, events] of this.wanted) this.listen(channelId, events);
      client.connect();
    } catch {
      this.events.onDisconnected();
      if (!this.stopped) this.retry = setTimeout(() => void this.start(), RETRY_MS);
    }
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.retry);
    this.client?.disconnect();
  }

  subscribe(channelId: string, events: TopicEvents): void {
    this.wanted.set(channelId, events);
    this.listen(channelId, events);
  }

  unsubscribe(channelId: string): void {
    this.wanted.delete(channelId);
    const subscription = this.client?.getSubscription(topic(channelId));
    if (subscription) this.client?.removeSubscription(subscription);
  }

  private listen(channelId: string, events: TopicEvents): void {
    const client = this.client;
    if (!client || client.getSubscription(topic(channelId))) return;
    const subscription = client.newSubscription(topic(channelId), {
      getToken: async (context) => (await this.api.subscription(context.channel)).token,
      recoverable: true,
    });
    subscription.on('publication', (context) =>
      eventsOf(context.data as Publication<ChannelEvent>).forEach(events.onEvent),
    );
    subscription.on('subscribed', (context: SubscribedContext) => events.onSubscribed(context.recovered));
    subscription.on('subscribing', events.onSubscribing);
    subscription.subscribe();
  }
}

function topic(channelId: string): string {
  return `chat:channel:${channelId}`;
}
