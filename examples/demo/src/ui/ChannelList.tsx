import { useRef } from 'react';

import type { Channel } from '../api/wire';
import { ROOM_FOR_BOTH, useMediaQuery } from '../hooks/browser';
import { useChatState, useSession } from '../hooks/useChat';
import { useFlip } from '../hooks/useFlip';
import { useRoving } from '../hooks/useRoving';
import { nameOf } from '../text/identity';
import { Avatar } from './Avatar';
import { ChannelRow } from './ChannelRow';
import { Empty } from './Empty';
import { Icon } from './Icon';
import { OfflineLine } from './OfflineLine';
import { Skeleton } from './Skeleton';

interface Props {
  channels: readonly Channel[];
  openId: string | null;
  onOpen: (channelId: string) => void;
  onNew: () => void;
  onSettings: () => void;
}

export function ChannelList({ channels, openId, onOpen, onNew, onSettings }: Props) {
  const { chat, me } = useSession();
  const status = useChatState((state) => state.list.status);
  const wide = useMediaQuery(ROOM_FOR_BOTH);
  const ids = channels.map((channel) => channel.id);
  const list = useRef<HTMLUListElement>(null);
  useFlip(list, ids.join());
  const roving = useRoving(ids, openId ?? ids[0]);

  return (
    <nav className="sidebar" aria-label="Conversations">
      <header className="sidebar-head">
        <Avatar name={nameOf(me)} seed={me.id} image={me.image} size="small" />
        <h1 className="sidebar-title" dir="auto">
          {nameOf(me)}
        </h1>
        <button type="button" className="icon-button" aria-label="Settings" onClick={onSettings}>
          <Icon name="settings" />
        </button>
        <button type="button" className="icon-button" aria-label="New conversation" onClick={onNew}>
          <Icon name="compose" />
        </button>
      </header>
      {!wide && <OfflineLine />}
      {status === 'loading' && <Skeleton kind="channels" />}
      {status === 'error' && (
        <Empty text="Couldn’t load your conversations.">
          <button type="button" className="button" onClick={() => void chat.refresh()}>
            Retry
          </button>
        </Empty>
      )}
      {status === 'ready' && channels.length === 0 && (
        <Empty text="No conversations yet.">
          <button type="button" className="button" onClick={onNew}>
            Start one
          </button>
        </Empty>
      )}
      <ul ref={list} className="channels" onKeyDown={roving.onKeyDown}>
        {channels.map((channel) => (
          <ChannelRow
            key={channel.id}
            channel={channel}
            open={channel.id === openId}
            focus={roving.item(channel.id)}
            onOpen={onOpen}
          />
        ))}
      </ul>
    </nav>
  );
}
