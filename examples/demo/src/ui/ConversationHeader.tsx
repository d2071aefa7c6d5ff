import type { Channel } from '../api/wire';
import { useChatState, useSession } from '../hooks/useChat';
import { faceOf } from '../text/identity';
import { Avatar } from './Avatar';
import { Icon } from './Icon';

interface Props {
  channel: Channel;
  title: string;
  membersOpen: boolean;
  onBack: () => void;
  onMembers: () => void;
}

export function ConversationHeader({ channel, title, membersOpen, onBack, onMembers }: Props) {
  const { me } = useSession();
  const people = useChatState((state) => state.list.people.get(channel.id));
  const face = faceOf(channel, people, me.id);
  return (
    <header className="conversation-head">
      <button type="button" className="icon-button back" aria-label="Back to conversations" onClick={onBack}>
        <Icon name="back" />
      </button>
      <Avatar name={face.title} seed={face.seed} image={face.image} size="small" />
      <div className="conversation-names">
        <h2 className="conversation-title" dir="auto">
          {title}
        </h2>
        {channel.member_count > 2 && (
          <p className="conversation-meta" dir="auto">
            {channel.member_count} members
          </p>
        )}
      </div>
      <button
        type="button"
        className="icon-button"
        aria-label="Members"
        aria-expanded={membersOpen}
        onClick={onMembers}
      >
        <Icon name="people" />
      </button>
    </header>
  );
}
