import { type CSSProperties, type KeyboardEvent, memo, useState } from 'react';

import type { Channel, Message } from '../api/wire';
import { useLongPress } from '../hooks/useLongPress';
import type { Roving } from '../hooks/useRoving';
import type { MessageRow } from '../state/rows';
import { readersOf, type Timeline } from '../state/timeline';
import { hueOf, nameOf } from '../text/identity';
import { isJumbo, plainText } from '../text/markdown';
import { fullTime, timeOfDay } from '../text/time';
import { Avatar } from './Avatar';
import { Delivery, deliveryText } from './Delivery';
import { actionsFor, MessageBar, MessageSheet } from './MessageActions';
import { MessageText } from './MessageText';

interface Props {
  row: MessageRow;
  channel: Channel;
  timeline: Timeline;
  focus: ReturnType<Roving['item']>;
  onEdit: (message: Message) => void;
  onDelete: (message: Message) => void;
}

export const MessageItem = memo(MessageItemInner, (before, after) => {
  const same = (['channel', 'onEdit', 'onDelete'] as const).every((key) => before[key] === after[key]);
  const sameRow = JSON.stringify(before.row) === JSON.stringify(after.row);
  // Readers show on one's own messages only.
  const sameReaders = !after.row.own || before.timeline.members === after.timeline.members;
  return same && sameRow && sameReaders && before.focus.tabIndex === after.focus.tabIndex;
});

function MessageItemInner({ row, channel, timeline, focus, onEdit, onDelete }: Props) {
  const [sheet, setSheet] = useState(false);
  const press = useLongPress(() => setSheet(true));
  const { message, own, user } = row;
  const name = own ? 'You' : nameOf(user);
  const deleted = message !== undefined && message.deleted_at !== null;
  const group = channel.member_count > 2;
  const actions = deleted ? [] : actionsFor(row, channel, onEdit, onDelete);
  const readers = own && message ? readersOf(timeline, message) : [];
  const delivery = own ? `, ${deliveryText(row, readers)}` : '';
  const edited = message?.edited_at != null && !deleted;

  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (event.target !== event.currentTarget) return;
    const key = event.key === 'Backspace' ? 'Delete' : event.key;
    const action = actions.find((candidate) => candidate.shortcut === key);
    if (event.key === 'Enter') event.currentTarget.querySelector<HTMLElement>('.bar button')?.focus();
    else if (action && !event.ctrlKey && !event.metaKey) action.run();
    else return;
    event.preventDefault();
  };

  return (
    <article
      className="message"
      data-row={row.id}
      data-own={own || undefined}
      data-first={row.first || undefined}
      data-last={row.last || undefined}
      data-group={group || undefined}
      aria-label={`${name}: ${deleted ? 'deleted a message' : plainText(row.text)}, ${timeOfDay(row.at)}${delivery}`}
      {...focus}
      onKeyDown={onKeyDown}
    >
      {group && !own && row.last && !deleted && (
        <Avatar name={name} seed={user.id} image={user.image} size="tiny" />
      )}
      <div className="message-body">
        {group && !own && row.first && !deleted && (
          <p className="message-name" style={{ '--avatar-hue': hueOf(user.id) } as CSSProperties}>
            <bdi>{name}</bdi>
          </p>
        )}
        {deleted ? (
          <p className="tombstone">
            <bdi>{name}</bdi> deleted a message
          </p>
        ) : (
          <div
            className="bubble"
            data-jumbo={isJumbo(row.text) || undefined}
            title={fullTime(row.at)}
            {...(actions.length > 0 ? press : {})}
          >
            <MessageText text={row.text} />
            {edited && <span className="edited">Edited</span>}
            {actions.length > 0 && <MessageBar actions={actions} />}
          </div>
        )}
        {(row.last || row.delivery === 'failed') && !deleted && <Delivery row={row} readers={readers} />}
      </div>
      {sheet && <MessageSheet actions={actions} text={row.text} onClose={() => setSheet(false)} />}
    </article>
  );
}
