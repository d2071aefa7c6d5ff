/** fetch with a user's token: kept in memory only, renewed before it expires and once after a 401. */

import { ApiError } from './errors';
import type { UserToken } from './wire';

const TIMEOUT_MS = 15_000;
const RENEW_BEFORE_MS = 30_000;

async function send(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    throw ApiError.offline();
  }
}

/** A request without a token: only for `/dev`, which exists in `parlor dev` alone. */
export async function plainRequest<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await send(path, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  if (!response.ok) throw await ApiError.from(response);
  return (await response.json()) as T;
}

export class Http {
  private held: Promise<UserToken> | undefined;

  constructor(readonly userId: string) {}

  /** The token; in a real app this asks your own server, which knows who is signed in. */
  session(): Promise<UserToken> {
    this.held ??= plainRequest<UserToken>('POST', '/dev/token', { user_id: this.userId });
    const held = this.held;
    return held.then(
      (session) => {
        if (Date.parse(session.expires_at) - Date.now() > RENEW_BEFORE_MS) return session;
        if (this.held === held) this.held = undefined;
        return this.session();
      },
      (error: unknown) => {
        if (this.held === held) this.held = undefined;
        throw error;
      },
    );
  }

  async request<T>(method: string, path: string, body?: unknown): Promise<T> {
    let response = await this.attempt(method, path, body);
    if (response.status === 401) {
      this.held = undefined;
      response = await this.attempt(method, path, body);
    }
    if (!response.ok) throw await ApiError.from(response);
    return (response.status === 204 ? undefined : await response.json()) as T;
  }

  private async attempt(method: string, path: string, body: unknown): Promise<Response> {
    const { token } = await this.session();
    const headers: Record<string, string> = { authorization: `Bearer ${token}` };
    if (body !== undefined) headers['content-type'] = 'application/json';
    return send(`/api/v1${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }
}
