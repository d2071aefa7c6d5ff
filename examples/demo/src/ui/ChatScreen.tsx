/** Both panes: my channels and the open one. On a phone one at a time. */

import { useEffect, useMemo, useRef, useState } from 'react';

import { ROOM_FOR_BOTH, useMediaQuery, useOpenChannel } from '../hooks/browser';
import { useBadge } from '../hooks/useBadge';
import { useChatState, useSession } from '../hooks/useChat';
import { useTheme } from '../hooks/useTheme';
import { sorted } from '../state/channels';
import { ChannelList } from './ChannelList';
import { Conversation } from './Conversation';
import { Empty } from './Empty';
import { NewChannelDialog } from './NewChannelDialog';
import { SettingsDialog } from './SettingsDialog';

type Open = 'none' | 'new' | 'settings';

export function ChatScreen({ onLeave }: { onLeave: () => void }) {
  const { chat } = useSession();
  const theme = useTheme();
  const list = useChatState((state) => state.list);
  const [wanted, setOpenChannel] = useOpenChannel();
  const wide = useMediaQuery(ROOM_FOR_BOTH);
  const [dialog, setDialog] = useState<Open>('none');
  const composer = useRef<HTMLTextAreaElement>(null);
  const channels = useMemo(() => sorted(list), [list]);
  useBadge(list);

  // With room for both panes the newest channel is open at once.
  const [firstId, setFirstId] = useState<string>();
  if (firstId === undefined && channels[0]) setFirstId(channels[0].id);
  const openId = wanted ?? (wide ? (firstId ?? null) : null);
  const channel = openId === null ? undefined : list.byId.get(openId);
  const shownId = channel?.id ?? null;

  const open = (channelId: string) => {
    if (channelId === shownId) composer.current?.focus();
    else setOpenChannel(channelId);
  };

  useEffect(() => chat.open(shownId), [chat, shownId]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLElement && event.target.matches('input, textarea');
      if (event.key === '?' && !typing) setDialog('settings');
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);

  return (
    <div className="shell" data-pane={channel ? 'conversation' : 'list'}>
      <ChannelList
        channels={channels}
        openId={shownId}
        onOpen={open}
        onNew={() => setDialog('new')}
        onSettings={() => setDialog('settings')}
      />
      {channel ? (
        <Conversation
          key={channel.id}
          channel={channel}
          composer={composer}
          onBack={() => setOpenChannel(null)}
        />
      ) : (
        <main className="conversation" data-empty>
          {list.status === 'ready' && (
            <Empty text={wanted === null ? 'Pick a conversation.' : 'This conversation isn’t here.'}>
              <button type="button" className="button" onClick={() => setDialog('new')}>
                New conversation
              </button>
            </Empty>
          )}
        </main>
      )}
      {dialog === 'new' && <NewChannelDialog onClose={() => setDialog('none')} onOpen={setOpenChannel} />}
      {dialog === 'settings' && (
        <SettingsDialog theme={theme} onClose={() => setDialog('none')} onLeave={onLeave} />
      )}
    </div>
  );
}
