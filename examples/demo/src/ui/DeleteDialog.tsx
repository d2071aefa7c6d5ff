import { useState } from 'react';

import { asApiError, describe } from '../api/errors';
import type { Message } from '../api/wire';
import { useSession } from '../hooks/useChat';
import { Dialog } from './Dialog';

export function DeleteDialog({ message, onClose }: { message: Message; onClose: () => void }) {
  const { chat } = useSession();
  const [error, setError] = useState<string>();
  const remove = () => {
    chat.remove(message).then(onClose, (caught: unknown) => setError(describe(asApiError(caught))));
  };
  return (
    <Dialog title="Delete this message?" onClose={onClose}>
      <p className="dialog-text">It disappears for everyone in the conversation.</p>
      {error !== undefined && (
        <p className="dialog-error" role="alert">
          Couldn’t delete. {error}.
        </p>
      )}
      <div className="button-row">
        <button type="button" className="button" data-quiet onClick={onClose}>
          Cancel
        </button>
        <button type="button" className="button" data-danger data-first-focus onClick={remove}>
          Delete
        </button>
      </div>
    </Dialog>
  );
}
