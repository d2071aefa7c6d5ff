/** Moves my read pointer while the newest message is in view of a visible page. */

import { useEffect, useRef } from 'react';

import type { Channel } from '../api/wire';
import type { Timeline } from '../state/timeline';
import { usePageVisible } from './browser';
import { useChatState, useSession } from './useChat';

export function useReading(channel: Channel, timeline: Timeline, atBottom: boolean | undefined): void {
  const { chat, me } = useSession();
  const online = useChatState((state) => state.connection === 'online');
  const visible = usePageVisible();
  const reading = atBottom === true && visible && channel.membership !== null;
  const newest = timeline.messages.get(timeline.order.at(-1) ?? '');
  const readSeq = timeline.members.get(me.id)?.read_seq ?? channel.membership?.read_seq ?? 0;
  const marked = useRef<string>(undefined);

  useEffect(() => {
    chat.setReading(reading ? channel.id : null);
    return () => chat.setReading(null);
  }, [chat, channel.id, reading]);

  useEffect(() => {
    if (!reading || !online || !newest || marked.current === newest.id) return;
    if (newest.seq <= readSeq && channel.unread === 0) return;
    marked.current = newest.id;
    chat.markRead(channel.id, newest.id).catch(() => {
      marked.current = undefined;
    });
  }, [chat, channel.id, channel.unread, reading, online, newest, readSeq]);
}
