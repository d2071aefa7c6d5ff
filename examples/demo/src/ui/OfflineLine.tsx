import { useDelayed } from '../hooks/browser';
import { useChatState } from '../hooks/useChat';
import { countWaiting } from '../state/outbox';
import { Icon } from './Icon';

const SHORT_MS = 400;

/** A line, not a modal: one can go on writing. */
export function OfflineLine() {
  const offline = useChatState((state) => state.connection === 'offline');
  return <div role="status">{offline && <Line />}</div>;
}

function Line() {
  const waiting = useChatState((state) => countWaiting(state.outbox));
  // A connection that is back at once is nobody's business, and a line would push the page down.
  if (!useDelayed(SHORT_MS)) return null;
  return (
    <p className="offline">
      <Icon name="offline" size={16} />
      {waiting === 0
        ? 'You’re offline. Messages will go out when you’re back'
        : `Offline · ${waiting} ${waiting === 1 ? 'message' : 'messages'} waiting`}
    </p>
  );
}
