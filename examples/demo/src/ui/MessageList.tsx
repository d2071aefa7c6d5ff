/** The log of messages: opens at "New", keeps its place, loads older ones on the way up. */

import { type KeyboardEvent, useEffect, useMemo, useRef } from 'react';

import type { Channel, Message } from '../api/wire';
import { useChatState, useSession } from '../hooks/useChat';
import { useReading } from '../hooks/useReading';
import { useRoving } from '../hooks/useRoving';
import { useStickyScroll } from '../hooks/useStickyScroll';
import { useUnseen } from '../hooks/useUnseen';
import { layoutRows } from '../state/rows';
import type { Timeline } from '../state/timeline';
import { dayName } from '../text/time';
import { Empty } from './Empty';
import { MessageItem } from './MessageItem';
import { NewestPill } from './NewestPill';

interface Props {
  channel: Channel;
  title: string;
  timeline: Timeline;
  onEdit: (message: Message) => void;
  onDelete: (message: Message) => void;
  onLeave: () => void;
}

const LOAD_OLDER_PX = 800;

export function MessageList({ channel, title, timeline, onEdit, onDelete, onLeave }: Props) {
  const { chat, me } = useSession();
  const outbox = useChatState((state) => state.outbox);
  const box = useRef<HTMLDivElement>(null);
  const rows = useMemo(
    () => layoutRows(timeline, outbox, channel.id, me),
    [timeline, outbox, channel.id, me],
  );
  const { atBottom, toBottom, onScroll } = useStickyScroll(box, rows);
  const unseen = useUnseen(timeline, me.id, atBottom);
  useReading(channel, timeline, atBottom);
  const ids = rows.flatMap((row) => (row.kind === 'message' ? row.id : []));
  const roving = useRoving(ids, ids.at(-1));
  const written = outbox.findLast((item) => item.channelId === channel.id)?.id;

  useEffect(() => {
    if (written !== undefined) toBottom(false);
  }, [written, toBottom]);

  const loadOlder = () => {
    if ((box.current?.scrollTop ?? Infinity) < LOAD_OLDER_PX) void chat.room?.loadOlder();
  };
  useEffect(loadOlder, [rows, chat]);

  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (event.key === 'Escape') onLeave();
    else roving.onKeyDown(event);
  };

  return (
    <div className="log-frame">
      <div
        ref={box}
        className="log"
        role="log"
        aria-label={`Messages in ${title}`}
        onKeyDown={onKeyDown}
        onScroll={() => {
          onScroll();
          loadOlder();
        }}
      >
        <div className="log-rows">
          {rows.length === 0 && <Empty text="No messages yet. Say hello." />}
          {rows.map((row) => {
            if (row.kind === 'day') {
              return (
                <div key={row.id} className="day" data-row={row.id}>
                  <time dateTime={row.at}>{dayName(row.at)}</time>
                </div>
              );
            }
            if (row.kind === 'new') {
              return (
                <div key={row.id} className="new" data-row={row.id}>
                  New
                </div>
              );
            }
            return (
              <MessageItem
                key={row.id}
                row={row}
                channel={channel}
                timeline={timeline}
                focus={roving.item(row.id)}
                onEdit={onEdit}
                onDelete={onDelete}
              />
            );
          })}
        </div>
      </div>
      {atBottom === false && <NewestPill unseen={unseen} onClick={() => toBottom(true)} />}
    </div>
  );
}
