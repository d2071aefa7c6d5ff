// The same life on every transport: connect, hear, be cut off, recover, be refused, be removed.
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";

import { Centrifuge } from "centrifuge";
import { EventSource } from "eventsource";
import WebSocket from "ws";

import { createChannel, createUser } from "./api.mjs";

// Where the API's answer to `/realtime/connection` says how each is reached.
const TRANSPORTS = {
  websocket: (address) => ({ transport: "websocket", endpoint: address.url }),
  http_stream: (address) => ({ transport: "http_stream", endpoint: address.http_stream_url }),
  sse: (address) => ({ transport: "sse", endpoint: address.sse_url }),
};

let ann;
let ben;
before(async () => {
  ann = await createUser("ann");
  ben = await createUser("ben");
});

// A promise of the next event of a client or subscription; ask before what causes it.
const next = async (emitter, name) => (await once(emitter, name))[0];

// A user's client, connected.
async function connect(user, transport) {
  const address = await user.post("/realtime/connection");
  const client = new Centrifuge([TRANSPORTS[transport](address)], {
    websocket: WebSocket,
    eventsource: EventSource,
    emulationEndpoint: address.emulation_url,
    getToken: async () => (await user.post("/realtime/connection")).token,
    minReconnectDelay: 10,
    maxReconnectDelay: 100,
  });
  const connected = next(client, "connected");
  client.connect();
  assert.equal((await connected).transport, transport);
  return { client, address };
}

// A subscription that collects what it hears; `until(n)` waits for the nth event.
async function listen(client, user, channel) {
  const topic = `chat:channel:${channel}`;
  const subscription = client.newSubscription(topic, {
    getToken: async () => (await user.post("/realtime/subscription", { channel: topic })).token,
    minResubscribeDelay: 10,
  });
  const events = [];
  let wake = () => {};
  subscription.on("publication", ({ data }) => {
    // A busy channel is told in frames of several.
    events.push(...(data.batch ?? [data]));
    wake();
  });
  const until = async (count) => {
    while (events.length < count) await new Promise((resolve) => (wake = resolve));
  };
  const subscribed = next(subscription, "subscribed");
  subscription.subscribe();
  await subscribed;
  return { subscription, events, until };
}

for (const transport of Object.keys(TRANSPORTS)) {
  describe(`centrifuge-js over ${transport}`, { timeout: 60_000 }, () => {
    const clients = [];
    after(() => clients.forEach((client) => client.disconnect()));
    const open = async (user) => {
      const connection = await connect(user, transport);
      clients.push(connection.client);
      return connection;
    };

    test("hears everything once, in order, also what it missed", async () => {
      const channel = await createChannel([ann, ben]);
      const { client } = await open(ben);
      const { subscription, events, until } = await listen(client, ben, channel);
      for (let n = 0; n < 5; n++) await ann.say(channel, `${n}`);
      await until(5);
      // Gone for a moment, with a place to come back to.
      client.disconnect();
      for (let n = 5; n < 10; n++) await ann.say(channel, `${n}`);
      const again = next(subscription, "subscribed");
      client.connect();
      const { wasRecovering, recovered } = await again;
      assert.deepEqual({ wasRecovering, recovered }, { wasRecovering: true, recovered: true });
      await ann.say(channel, "10");
      await until(11);
      assert.deepEqual(
        events.map((event) => event.data.message.text),
        Array.from({ length: 11 }, (_, n) => `${n}`),
      );
      events.forEach((event, at) => {
        assert.equal(event.type, "message.new");
        assert.deepEqual([event.prev_seq, event.seq], [1 + at, 2 + at]);
      });
    });

    test("the user's own channel needs no subscription", async () => {
      const { client, address } = await open(ben);
      const room = await createChannel([ann, ben]);
      // Counts of other rooms may still be on their way.
      const told = new Promise((resolve) => {
        client.on("publication", ({ channel, data: { type, data } }) => {
          const isTold = type === "notification.message_new" && data.channel_id === room;
          if (channel === address.user_channel && isTold) resolve(data);
        });
      });
      await ann.say(room, "hello");
      assert.equal((await told).unread, 1);
    });

    test("what one may not hear is refused with the protocol's codes", async () => {
      const channel = await createChannel([ann]);
      const topic = `chat:channel:${channel}`;
      const { client } = await open(ben);
      for (const [name, code] of [
        [topic, 103],
        ["nowhere:1", 102],
      ]) {
        const subscription = client.newSubscription(name);
        const refused = next(subscription, "unsubscribed");
        subscription.subscribe();
        assert.equal((await refused).code, code, name);
        client.removeSubscription(subscription);
      }
      // Somebody else's token is a reason to end the connection.
      const { token } = await ann.post("/realtime/subscription", { channel: topic });
      const ended = next(client, "disconnected");
      client.newSubscription(topic, { token }).subscribe();
      assert.equal((await ended).code, 3500);
    });

    test("who is removed is told, and who publishes past the API is refused", async () => {
      const channel = await createChannel([ann, ben]);
      const { client } = await open(ben);
      const { subscription, events } = await listen(client, ben, channel);
      await assert.rejects(subscription.publish({ type: "message.new" }), { code: 103 });
      const ended = next(subscription, "unsubscribed");
      await ann.delete(`/channels/${channel}/members/${ben.id}`);
      await ended;
      assert.equal(events.at(-1).type, "member.removed");
    });

    test("history and presence are for the server alone", async () => {
      const channel = await createChannel([ann, ben]);
      const { client } = await open(ben);
      const { subscription, until } = await listen(client, ben, channel);
      await ann.say(channel, "hello");
      await until(1);
      await assert.rejects(subscription.presence(), { code: 103 });
      // Who listens may have come to a channel that hides what was before.
      await assert.rejects(subscription.history({ limit: 10 }), { code: 103 });
    });

    test("who is shut out does not come back", async () => {
      const guest = await createUser(`guest-${transport}`);
      const { client } = await open(guest);
      const ended = next(client, "disconnected");
      await guest.deactivate();
      assert.equal((await ended).code, 4500);
      assert.equal(client.state, "disconnected");
    });
  });
}
