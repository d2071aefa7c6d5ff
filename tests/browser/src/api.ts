/** The server's API, for what a test needs to be there before it looks at the page. */

import { randomUUID } from 'node:crypto';

export const baseUrl = () => {
  const url = process.env['PARLOR_TEST_URL'];
  if (url === undefined) throw new Error('The server was not started.');
  return url;
};

async function post<T>(server: string, path: string, body: unknown, token?: string): Promise<T> {
  for (;;) {
    const answer = await fetch(server + path, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
    });
    if (answer.ok) return (await answer.json()) as T;
    if (answer.status !== 429) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    const seconds = Number(answer.headers.get('retry-after') ?? 1);
    await new Promise((wake) => setTimeout(wake, seconds * 1000));
  }
}

export interface Room {
  id: string;
  name: string;
  /** Where it is. */
  server: string;
}

async function tokenOf(server: string, userId: string): Promise<string> {
  return (await post<{ token: string }>(server, '/dev/token', { user_id: userId })).token;
}

/** A channel of its own for each test, so that tests never see each other's messages. */
export function makeRoom(label: string, server = baseUrl()): Promise<Room> {
  return makeNamedRoom(`${label} ${randomUUID().slice(0, 8)}`, ['ben'], server);
}

export async function makeNamedRoom(name: string, members: string[], server = baseUrl()): Promise<Room> {
  const body = { type: 'team', name, members: members.map((user_id) => ({ user_id })) };
  const { id } = await post<{ id: string }>(server, '/api/v1/channels', body, await tokenOf(server, 'ann'));
  return { id, name, server };
}

/** Messages that were there before anybody looked. */
export async function write(room: Room, userId: string, texts: string[]): Promise<void> {
  const token = await tokenOf(room.server, userId);
  for (const text of texts) await post(room.server, `/api/v1/channels/${room.id}/messages`, { text }, token);
}
