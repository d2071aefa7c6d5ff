/** One calm pill. Enter sends (a line break on touch keyboards); a draft survives leaving and reload. */

import {
  type KeyboardEvent,
  type Ref,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
} from 'react';

import { asApiError, describe } from '../api/errors';
import type { Channel, Message } from '../api/wire';
import { useMediaQuery } from '../hooks/browser';
import { useSession } from '../hooks/useChat';
import { useTypingSignal } from '../hooks/useTypingSignal';
import { loadDraft, saveDraft } from '../state/kept';
import { Icon } from './Icon';

interface Props {
  ref: Ref<HTMLTextAreaElement>;
  channel: Channel;
  title: string;
  editing: Message | undefined;
  onEditLast: () => void;
  onEdited: () => void;
}

export function Composer({ ref, channel, title, editing, onEditLast, onEdited }: Props) {
  const { chat } = useSession();
  const [text, setText] = useState(() => editing?.text ?? loadDraft(chat.userId, channel.id));
  const [error, setError] = useState<string>();
  const touch = useMediaQuery('(pointer: coarse)');
  const field = useRef<HTMLTextAreaElement>(null);
  const signal = useTypingSignal(channel.id, !editing && !channel.config.typing_disabled);
  useImperativeHandle(ref, () => field.current as HTMLTextAreaElement, []);

  useLayoutEffect(() => {
    const area = field.current;
    if (!area) return;
    area.style.blockSize = 'auto';
    area.style.blockSize = `${area.scrollHeight}px`;
  }, [text]);
  useEffect(() => {
    if (!touch || editing) field.current?.focus();
    field.current?.setSelectionRange(-1, -1);
  }, [touch, editing]);

  const change = (next: string) => {
    setText(next);
    setError(undefined);
    if (editing) return;
    saveDraft(chat.userId, channel.id, next);
    if (next === '') signal.stop();
    else signal.typed();
  };

  const submit = () => {
    const trimmed = text.trim();
    if (trimmed === '' || (editing && trimmed === editing.text)) {
      if (editing) onEdited();
      return;
    }
    if (editing) {
      chat.edit(editing, trimmed).then(onEdited, (caught: unknown) => setError(describe(asApiError(caught))));
      return;
    }
    chat.send(channel.id, trimmed);
    change('');
    field.current?.focus();
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey && !touch) submit();
    else if (event.key === 'ArrowUp' && text === '' && !editing) onEditLast();
    else if (event.key === 'Escape' && editing) onEdited();
    else return;
    event.preventDefault();
  };

  if (!channel.capabilities.includes('send_message')) {
    return (
      <p className="composer-closed">
        {channel.config.frozen ? 'This channel is frozen' : 'You can only read here'}
      </p>
    );
  }
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {editing && (
        <div className="composer-note">
          <Icon name="edit" size={16} />
          <span>Editing message</span>
          <button type="button" className="link" onClick={onEdited}>
            Cancel
          </button>
        </div>
      )}
      {error !== undefined && (
        <p className="composer-error" role="alert">
          Couldn’t save. {error}.
        </p>
      )}
      <div className="composer-pill">
        <textarea
          ref={field}
          rows={1}
          dir={text === '' ? undefined : 'auto'}
          value={text}
          placeholder="Message"
          aria-label={editing ? 'Edit message' : `Message to ${title}`}
          maxLength={20_000}
          onChange={(event) => change(event.target.value)}
          onKeyDown={onKeyDown}
        />
        <button
          type="submit"
          className="send"
          aria-label={editing ? 'Save' : 'Send'}
          data-ready={text.trim() !== '' || undefined}
        >
          <Icon name={editing ? 'check' : 'send'} />
        </button>
      </div>
    </form>
  );
}
