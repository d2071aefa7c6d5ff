/** Everything the app shows of the chat, in one value. */

import type { UserRef } from '../api/wire';
import { type ChannelList, emptyList } from './channels';
import type { Outbox } from './outbox';
import { emptyTimeline, type Timeline } from './timeline';

export interface ChatState {
  connection: 'connecting' | 'online' | 'offline';
  list: ChannelList;
  timelines: ReadonlyMap<string, Timeline>;
  outbox: Outbox;
  /** The server could not take the last message; it is tried again. */
  stalled: boolean;
  /** Who types where. */
  typing: ReadonlyMap<string, readonly UserRef[]>;
  /** The channel that is heard live, once the server has taken the subscription. */
  live: string | null;
  /** The channel whose newest message is on screen right now. */
  reading: string | null;
}

export const initialChat: ChatState = {
  connection: 'connecting',
  list: emptyList,
  timelines: new Map(),
  outbox: [],
  stalled: false,
  typing: new Map(),
  live: null,
  reading: null,
};

export function withTimeline(
  state: ChatState,
  channelId: string,
  change: (timeline: Timeline) => Timeline,
): ChatState {
  const held = state.timelines.get(channelId) ?? emptyTimeline;
  const next = change(held);
  if (next === held && state.timelines.has(channelId)) return state;
  return { ...state, timelines: new Map(state.timelines).set(channelId, next) };
}

const nobody: readonly UserRef[] = [];

export function typingIn(state: ChatState, channelId: string): readonly UserRef[] {
  return state.typing.get(channelId) ?? nobody;
}

export function setTyping(state: ChatState, channelId: string, user: UserRef, typing: boolean): ChatState {
  const held = typingIn(state, channelId);
  if (!typing && !held.some((other) => other.id === user.id)) return state;
  const others = held.filter((other) => other.id !== user.id);
  return { ...state, typing: new Map(state.typing).set(channelId, typing ? [...others, user] : others) };
}
