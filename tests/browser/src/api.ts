/** The server's API, for what a test needs to be there before it looks at the page. */

import { randomUUID } from 'node:crypto';

export const baseUrl = () => {
  const url = process.env['PARLOR_TEST_URL'];
  if (url === undefined) throw new Error('The server was not started.');
  return url;
};

async function post<T>(path: string, body: unknown, token?: string): Promise<T> {
  for (;;) {
    const answer = await fetch(baseUrl() + path, {
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
}

async function tokenOf(userId: string): Promise<string> {
  return (await post<{ token: string }>('/dev/token', { user_id: userId })).token;
}

/** A channel of its own for each test, so that tests never see each other's messages. */
export function makeRoom(label: string): Promise<Room> {
  return makeNamedRoom(`${label} ${randomUUID().slice(0, 8)}`, ['ben']);
}

export async function makeNamedRoom(name: string, members: string[]): Promise<Room> {
  const body = { type: 'team', name, members: members.map((user_id) => ({ user_id })) };
  const { id } = await post<{ id: string }>('/api/v1/channels', body, await tokenOf('ann'));
  return { id, name };
}

/** Messages that were there before anybody looked. */
export async function write(room: Room, userId: string, texts: string[]): Promise<void> {
  const token = await tokenOf(userId);
  for (const text of texts) await post(`/api/v1/channels/${room.id}/messages`, { text }, token);
}
