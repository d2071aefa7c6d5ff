import { useCallback, useEffect, useState } from 'react';

import { listDevUsers } from '../api/api';
import type { User } from '../api/wire';
import { useRoving } from '../hooks/useRoving';
import { nameOf } from '../text/identity';
import { Avatar } from './Avatar';
import { Empty } from './Empty';
import { Skeleton } from './Skeleton';

type Users = User[] | 'loading' | 'error';

export function UserPicker({ onPick }: { onPick: (userId: string) => void }) {
  const [users, setUsers] = useState<Users>('loading');
  const load = useCallback(() => {
    listDevUsers().then(setUsers, () => setUsers('error'));
  }, []);
  useEffect(load, [load]);
  const ids = Array.isArray(users) ? users.map((user) => user.id) : [];
  const roving = useRoving(ids, ids[0]);

  return (
    <main className="picker">
      <h1>Who are you?</h1>
      <p className="picker-hint">Open a second window and pick somebody else to chat with yourself.</p>
      {users === 'loading' && <Skeleton kind="channels" rows={4} />}
      {users === 'error' && (
        <Empty text="The server can’t be reached.">
          <button type="button" className="button" onClick={load}>
            Retry
          </button>
        </Empty>
      )}
      {Array.isArray(users) && (
        <ul className="picker-list" onKeyDown={roving.onKeyDown}>
          {users.map((user) => (
            <li key={user.id}>
              <button
                type="button"
                className="picker-card"
                {...roving.item(user.id)}
                onClick={() => onPick(user.id)}
              >
                <Avatar name={nameOf(user)} seed={user.id} image={user.image} size="large" />
                <span className="picker-name">
                  <bdi>{nameOf(user)}</bdi>
                </span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </main>
  );
}
