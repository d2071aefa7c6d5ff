/** The open channel: header, messages, composer, and what is being done to a message. */

import { type RefObject, useCallback, useState } from 'react';

import type { Channel, Message } from '../api/wire';
import { useMediaQuery } from '../hooks/browser';
import { useChatState, useSession } from '../hooks/useChat';
import { emptyTimeline } from '../state/timeline';
import { faceOf } from '../text/identity';
import { Composer } from './Composer';
import { ConversationHeader } from './ConversationHeader';
import { DeleteDialog } from './DeleteDialog';
import { Dialog } from './Dialog';
import { Empty } from './Empty';
import { Members } from './Members';
import { MessageList } from './MessageList';
import { OfflineLine } from './OfflineLine';
import { Skeleton } from './Skeleton';
import { TypingLine } from './TypingLine';

interface Props {
  channel: Channel;
  composer: RefObject<HTMLTextAreaElement | null>;
  onBack: () => void;
}

export function Conversation({ channel, composer, onBack }: Props) {
  const { chat, me } = useSession();
  const timeline = useChatState((state) => state.timelines.get(channel.id) ?? emptyTimeline);
  const people = useChatState((state) => state.list.people.get(channel.id));
  const live = useChatState((state) => state.live === channel.id);
  const [editing, setEditing] = useState<Message>();
  const [deleting, setDeleting] = useState<Message>();
  const [membersOpen, setMembersOpen] = useState(false);
  const roomy = useMediaQuery('(min-width: 70rem)');
  const { title } = faceOf(channel, people, me.id);
  const focusComposer = useCallback(() => composer.current?.focus(), [composer]);

  const editLast = () => {
    const last = timeline.order.findLast((id) => {
      const message = timeline.messages.get(id);
      return message?.user.id === me.id && message.deleted_at === null;
    });
    setEditing(timeline.messages.get(last ?? ''));
  };

  return (
    <>
      <main className="conversation" aria-label={title} data-live={live ? channel.id : undefined}>
        <ConversationHeader
          channel={channel}
          title={title}
          membersOpen={membersOpen}
          onBack={onBack}
          onMembers={() => setMembersOpen(!membersOpen)}
        />
        <OfflineLine />
        {(timeline.status === 'loading' || timeline.status === 'behind') && <Skeleton kind="messages" />}
        {timeline.status === 'error' && (
          <Empty text="Couldn’t load the messages.">
            <button type="button" className="button" onClick={() => void chat.room?.sync()}>
              Retry
            </button>
          </Empty>
        )}
        {timeline.status === 'ready' && (
          <MessageList
            channel={channel}
            title={title}
            timeline={timeline}
            onEdit={setEditing}
            onDelete={setDeleting}
            onLeave={focusComposer}
          />
        )}
        <TypingLine channelId={channel.id} />
        <Composer
          key={editing?.id ?? 'new'}
          ref={composer}
          channel={channel}
          title={title}
          editing={editing}
          onEditLast={editLast}
          onEdited={() => setEditing(undefined)}
        />
      </main>
      {membersOpen && roomy && (
        <aside className="aside" aria-label="Members">
          <Members timeline={timeline} onClose={() => setMembersOpen(false)} />
        </aside>
      )}
      {membersOpen && !roomy && (
        <Dialog title="Members" kind="side" onClose={() => setMembersOpen(false)}>
          <Members timeline={timeline} />
        </Dialog>
      )}
      {deleting && <DeleteDialog message={deleting} onClose={() => setDeleting(undefined)} />}
    </>
  );
}
