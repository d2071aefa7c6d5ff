import { useChatState, useSession } from '../hooks/useChat';
import { typingIn } from '../state/chatState';
import { nameOf } from '../text/identity';
import { listOf } from '../text/time';

/** Its height is always reserved, so that nothing jumps when somebody starts or stops. */
export function TypingLine({ channelId }: { channelId: string }) {
  const { me } = useSession();
  const typing = useChatState((state) => typingIn(state, channelId));
  const others = typing.filter((user) => user.id !== me.id);
  const who =
    others.length > 3
      ? 'Several people are typing'
      : `${listOf(others.map(nameOf))} ${others.length === 1 ? 'is' : 'are'} typing`;
  return (
    <div className="typing" aria-live="polite">
      {others.length > 0 && (
        <>
          <span className="typing-dots" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          <bdi>{who}</bdi>
        </>
      )}
    </div>
  );
}
