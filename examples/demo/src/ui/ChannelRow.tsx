import type { Channel } from '../api/wire';
import { useChatState, useSession } from '../hooks/useChat';
import type { Roving } from '../hooks/useRoving';
import { typingIn } from '../state/chatState';
import { faceOf, firstNameOf } from '../text/identity';
import { plainText } from '../text/markdown';
import { count, shortTime } from '../text/time';
import { Avatar } from './Avatar';

interface Props {
  channel: Channel;
  open: boolean;
  focus: ReturnType<Roving['item']>;
  onOpen: (channelId: string) => void;
}

export function ChannelRow({ channel, open, focus, onOpen }: Props) {
  const { me } = useSession();
  const people = useChatState((state) => state.list.people.get(channel.id));
  const typing = useChatState((state) => typingIn(state, channel.id).length > 0);
  const face = faceOf(channel, people, me.id);
  return (
    <li data-flip={channel.id}>
      <button
        type="button"
        className="channel"
        aria-current={open ? 'page' : undefined}
        data-unread={channel.unread > 0 || undefined}
        {...focus}
        onClick={() => onOpen(channel.id)}
      >
        <Avatar name={face.title} seed={face.seed} image={face.image} />
        <span className="channel-title" dir="auto">
          {face.title}
        </span>
        {channel.last_message_at !== null && (
          <time className="channel-time" dir="auto" dateTime={channel.last_message_at}>
            {shortTime(channel.last_message_at)}
          </time>
        )}
        <span className="channel-preview" dir="auto">
          {typing ? 'Typing…' : previewOf(channel, me.id)}
        </span>
        {channel.unread > 0 && (
          <span className="badge">
            {count(channel.unread)}
            <span className="hidden"> unread</span>
          </span>
        )}
      </button>
    </li>
  );
}

function previewOf(channel: Channel, me: string): string {
  const message = channel.last_message;
  if (!message) return 'No messages yet';
  const own = message.user.id === me;
  if (message.deleted_at !== null) return `${own ? 'You' : firstNameOf(message.user)} deleted a message`;
  const text = plainText(message.text.slice(0, 300));
  if (own) return `You: ${text}`;
  return channel.member_count > 2 ? `${firstNameOf(message.user)}: ${text}` : text;
}
