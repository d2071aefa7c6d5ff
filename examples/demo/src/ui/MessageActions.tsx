/** What one may do with a message: a bar at its corner for pointers and keys, a sheet for fingers. */

import type { Channel, Message } from '../api/wire';
import type { MessageRow } from '../state/rows';
import { Dialog } from './Dialog';
import { Icon, type IconName } from './Icon';
import { MessageText } from './MessageText';

export interface Action {
  label: string;
  icon: IconName;
  shortcut: string;
  danger?: boolean;
  run: () => void;
}

export function actionsFor(
  row: MessageRow,
  channel: Channel,
  onEdit: (message: Message) => void,
  onDelete: (message: Message) => void,
): Action[] {
  const may = new Set(channel.capabilities);
  const { message, own } = row;
  const copy = () => void navigator.clipboard.writeText(row.text);
  const actions: Action[] = [{ label: 'Copy', icon: 'copy', shortcut: 'c', run: copy }];
  if (!message) return actions;
  if (own && may.has('update_own_message')) {
    actions.push({ label: 'Edit', icon: 'edit', shortcut: 'e', run: () => onEdit(message) });
  }
  if (may.has('delete_any_message') || (own && may.has('delete_own_message'))) {
    actions.push({
      label: 'Delete',
      icon: 'trash',
      shortcut: 'Delete',
      danger: true,
      run: () => onDelete(message),
    });
  }
  return actions;
}

export function MessageBar({ actions }: { actions: readonly Action[] }) {
  return (
    <div className="bar" role="group" aria-label="Message actions">
      {actions.map((action) => (
        <button
          key={action.label}
          type="button"
          className="bar-button"
          aria-label={action.label}
          title={action.label}
          data-danger={action.danger}
          onClick={action.run}
        >
          <Icon name={action.icon} size={16} />
        </button>
      ))}
    </div>
  );
}

interface SheetProps {
  actions: readonly Action[];
  text: string;
  onClose: () => void;
}

export function MessageSheet({ actions, text, onClose }: SheetProps) {
  return (
    <Dialog title="Message" kind="sheet" onClose={onClose}>
      <div className="sheet-message">
        <MessageText text={text} />
      </div>
      <ul className="sheet-actions">
        {actions.map((action) => (
          <li key={action.label}>
            <button
              type="button"
              className="sheet-action"
              data-danger={action.danger}
              onClick={() => {
                onClose();
                action.run();
              }}
            >
              <Icon name={action.icon} />
              {action.label}
            </button>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
