/** A conversation with people (one for the same people, whoever starts it), or a named team channel. */

import { type SubmitEvent, useState } from 'react';

import { asApiError, describe } from '../api/errors';
import type { CreateChannel } from '../api/wire';
import { useSession } from '../hooks/useChat';
import { Dialog } from './Dialog';
import { PeoplePicker } from './PeoplePicker';

interface Props {
  onClose: () => void;
  onOpen: (channelId: string) => void;
}

type Kind = 'direct' | 'team';

export function NewChannelDialog({ onClose, onOpen }: Props) {
  const { chat } = useSession();
  const [kind, setKind] = useState<Kind>('direct');
  const [name, setName] = useState('');
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const [error, setError] = useState<string>();

  const missing =
    kind === 'direct' && picked.size === 0
      ? 'Pick at least one person.'
      : kind === 'team' && name.trim() === ''
        ? 'Give the channel a name.'
        : undefined;

  const create = (event: SubmitEvent) => {
    event.preventDefault();
    if (missing !== undefined) {
      setError(missing);
      return;
    }
    const members = [...picked].map((user_id) => ({ user_id }));
    const body: CreateChannel =
      kind === 'direct'
        ? { type: 'messaging', distinct: true, members }
        : { type: 'team', name: name.trim(), members };
    chat.create(body).then(
      (channel) => {
        onClose();
        onOpen(channel.id);
      },
      (caught: unknown) => setError(`Couldn’t create it. ${describe(asApiError(caught))}.`),
    );
  };

  return (
    <Dialog title="New conversation" onClose={onClose}>
      <form className="dialog-form" onSubmit={create}>
        <div className="segments" role="radiogroup" aria-label="Kind of conversation">
          {(['direct', 'team'] as const).map((value) => (
            <label key={value} className="segment">
              <input
                type="radio"
                name="kind"
                checked={kind === value}
                onChange={() => {
                  setKind(value);
                  setError(undefined);
                }}
              />
              <span>{value === 'direct' ? 'People' : 'Team channel'}</span>
            </label>
          ))}
        </div>
        {kind === 'team' && (
          <label className="field">
            <span>Name</span>
            <input
              value={name}
              maxLength={100}
              dir={name === '' ? undefined : 'auto'}
              onChange={(event) => setName(event.target.value)}
            />
          </label>
        )}
        <PeoplePicker picked={picked} onChange={setPicked} />
        <p className="dialog-error" role="alert">
          {error}
        </p>
        <div className="button-row">
          <button type="button" className="button" data-quiet onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button">
            {kind === 'direct' ? 'Start chat' : 'Create channel'}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
