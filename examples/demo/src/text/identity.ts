/** How people and channels are called and coloured. */

import type { Channel, Member, UserRef } from '../api/wire';
import { listOf } from './time';

export const nameOf = (user: UserRef) => user.name ?? user.id;

/** FNV-1a over the id: the same hue on every device. */
export function hueOf(id: string): number {
  let hash = 0x811c9dc5;
  for (const unit of id) hash = Math.imul(hash ^ (unit.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 0) % 360;
}

/** First grapheme of the first and of the last word. */
export function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/);
  const first = (word: string | undefined) =>
    [...new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(word ?? '')][0]?.segment ?? '';
  return (first(words[0]) + (words.length > 1 ? first(words.at(-1)) : '')).toLocaleUpperCase();
}

export const firstNameOf = (user: UserRef) => nameOf(user).split(/\s+/)[0] ?? user.id;

export interface ChannelFace {
  title: string;
  /** What hue and picture come from: the other person in a conversation of two, else the channel. */
  seed: string;
  image: string | null;
}

export function faceOf(channel: Channel, people: readonly Member[] | undefined, me: string): ChannelFace {
  const others = people?.map((member) => member.user).filter((user) => user.id !== me) ?? [];
  const [only] = others;
  if (channel.name !== null) return { title: channel.name, seed: channel.id, image: channel.image };
  if (only && others.length === 1) return { title: nameOf(only), seed: only.id, image: only.image };
  if (only)
    return { title: listOf(others.slice(0, 4).map(firstNameOf)), seed: channel.id, image: channel.image };
  return { title: people ? 'Just you' : '', seed: channel.id, image: channel.image };
}
