import { useChatState } from '../hooks/useChat';
import { countWaiting } from '../state/outbox';
import { Icon } from './Icon';

/** A line, not a modal: one can go on writing. */
export function OfflineLine() {
  const offline = useChatState((state) => state.connection === 'offline');
  const waiting = useChatState((state) => countWaiting(state.outbox));
  return (
    <div role="status">
      {offline && (
        <p className="offline">
          <Icon name="offline" size={16} />
          {waiting === 0
            ? 'You’re offline. Messages will go out when you’re back'
            : `Offline · ${waiting} ${waiting === 1 ? 'message' : 'messages'} waiting`}
        </p>
      )}
    </div>
  );
}
