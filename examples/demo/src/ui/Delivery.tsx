import type { Member } from '../api/wire';
import { useSession } from '../hooks/useChat';
import type { MessageRow } from '../state/rows';
import { nameOf } from '../text/identity';
import { listOf, timeOfDay } from '../text/time';
import { Icon } from './Icon';

export function deliveryText(row: MessageRow, readers: readonly Member[]): string {
  if (row.delivery === 'waiting') return 'waiting to be sent';
  if (row.delivery === 'failed') return 'not sent';
  if (readers.length === 0) return 'sent';
  const names = listOf(readers.map((reader) => nameOf(reader.user)));
  return readers.length > 4 ? `read by ${readers.length}` : `read by ${names}`;
}

/** Below a group: when, and how far one's own last message got. */
export function Delivery({ row, readers }: { row: MessageRow; readers: readonly Member[] }) {
  const { chat } = useSession();
  if (row.delivery === 'failed') {
    return (
      <p className="delivery" data-failed>
        <Icon name="alert" size={16} />
        <span>Couldn’t send{row.outgoing?.reason ? `: ${row.outgoing.reason}` : ''}.</span>
        <button type="button" className="link" onClick={() => chat.resend(row.id)}>
          Retry
        </button>
        <button type="button" className="link" onClick={() => chat.discard(row.id)}>
          Discard
        </button>
      </p>
    );
  }
  const read = readers.length > 0;
  const icon = row.delivery === 'waiting' ? 'clock' : read ? 'checks' : 'check';
  const text = deliveryText(row, readers);
  return (
    <p className="delivery" aria-hidden="true">
      <time dateTime={row.at} dir="auto">
        {timeOfDay(row.at)}
      </time>
      {row.own && (
        <span className="delivery-mark" data-read={read || undefined} title={text}>
          <Icon name={icon} size={16} />
        </span>
      )}
    </p>
  );
}
