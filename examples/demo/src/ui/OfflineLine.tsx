import { useDelayed } from '../hooks/browser';
import { useChatState } from '../hooks/useChat';
import { countWaiting } from '../state/outbox';
import { Icon } from './Icon';

const SHORT_MS = 400;

/** A line, not a modal: one can go on writing. */
export function OfflineLine() {
  const offline = useChatState((state) => state.connection === 'offline');
  const waiting = useChatState((state) => countWaiting(state.outbox));
  const stalled = useChatState((state) => state.stalled) && waiting > 0;
  const messages = `${waiting} ${waiting === 1 ? 'message' : 'messages'} waiting`;
  let text: string | undefined;
  if (offline && waiting === 0) text = 'You’re offline. Messages will go out when you’re back';
  else if (offline) text = `Offline · ${messages}`;
  else if (stalled) text = `Sending takes longer than usual · ${messages}`;
  return <div role="status">{text !== undefined && <Line text={text} />}</div>;
}

function Line({ text }: { text: string }) {
  // A connection that is back at once is nobody's business, and a line would push the page down.
  if (!useDelayed(SHORT_MS)) return null;
  return (
    <p className="offline">
      <Icon name="offline" size={16} />
      {text}
    </p>
  );
}
