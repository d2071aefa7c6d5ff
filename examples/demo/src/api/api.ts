/** One function per route that this app uses. */

import { type Http, plainRequest } from './http';
import type {
  Channel,
  ChannelChanges,
  CreateChannel,
  Member,
  Message,
  MessagePage,
  Page,
  ReadResult,
  RealtimeConnection,
  User,
} from './wire';

const PAGE = 50;

export const listDevUsers = () =>
  plainRequest<{ users: User[] }>('GET', '/dev/users').then((answer) => answer.users);

export function createApi(http: Http) {
  const channel = (id: string) => `/channels/${encodeURIComponent(id)}`;
  const cursor = (name: string, value: string | null) =>
    value === null ? '' : `&${name}=${encodeURIComponent(value)}`;
  return {
    session: () => http.session(),
    channels: (next: string | null) =>
      http.request<Page<Channel>>('GET', `/channels?limit=${PAGE}${cursor('cursor', next)}`),
    channel: (id: string) => http.request<Channel>('GET', channel(id)),
    createChannel: (body: CreateChannel) => http.request<Channel>('POST', '/channels', body),
    members: (id: string) => http.request<Page<Member>>('GET', `${channel(id)}/members?limit=100`),
    messages: (id: string, before: string | null) =>
      http.request<MessagePage>('GET', `${channel(id)}/messages?limit=${PAGE}${cursor('before', before)}`),
    changes: (id: string, since: number) =>
      http.request<ChannelChanges>('GET', `${channel(id)}/changes?since=${since}&limit=100`),
    sendMessage: (id: string, body: { id: string; text: string }) =>
      http.request<Message>('POST', `${channel(id)}/messages`, body),
    editMessage: (id: string, text: string) => http.request<Message>('PATCH', `/messages/${id}`, { text }),
    deleteMessage: (id: string) => http.request<Message>('DELETE', `/messages/${id}`),
    markRead: (id: string, messageId: string) =>
      http.request<ReadResult>('POST', `${channel(id)}/read`, { message_id: messageId }),
    typing: (id: string, typing: boolean) => http.request('POST', `${channel(id)}/typing`, { typing }),
    users: (query: string) =>
      query === ''
        ? http.request<Page<User>>('GET', `/users?limit=${PAGE}`)
        : http.request<Page<User>>('GET', `/users/search?q=${encodeURIComponent(query)}`),
    connection: (sessionId: string) =>
      http.request<RealtimeConnection>('POST', '/realtime/connection', {
        session_id: sessionId,
        device: 'web',
      }),
    subscription: (topic: string) =>
      http.request<{ token: string }>('POST', '/realtime/subscription', { channel: topic }),
  };
}

export type Api = ReturnType<typeof createApi>;
