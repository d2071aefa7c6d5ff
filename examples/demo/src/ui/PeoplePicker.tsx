import { useEffect, useState } from 'react';

import type { User } from '../api/wire';
import { useSession } from '../hooks/useChat';
import { useRoving } from '../hooks/useRoving';
import { nameOf } from '../text/identity';
import { Avatar } from './Avatar';

interface Props {
  picked: ReadonlySet<string>;
  onChange: (picked: ReadonlySet<string>) => void;
}

const PAUSE_MS = 200;

export function PeoplePicker({ picked, onChange }: Props) {
  const { chat, me } = useSession();
  const [query, setQuery] = useState('');
  const [found, setFound] = useState<User[]>();
  const [failed, setFailed] = useState(false);
  const users = found?.filter((user) => user.id !== me.id) ?? [];
  const roving = useRoving(
    users.map((user) => user.id),
    users[0]?.id,
  );

  useEffect(() => {
    let stale = false;
    const ask = () => {
      chat.api.users(query.trim()).then(
        (page) => {
          if (stale) return;
          setFound(page.items);
          setFailed(false);
        },
        () => !stale && setFailed(true),
      );
    };
    const timer = setTimeout(ask, query === '' ? 0 : PAUSE_MS);
    return () => {
      stale = true;
      clearTimeout(timer);
    };
  }, [chat, query]);

  const toggle = (userId: string) => {
    const next = new Set(picked);
    if (!next.delete(userId)) next.add(userId);
    onChange(next);
  };

  return (
    <>
      <label className="field">
        <span>People{picked.size > 0 && ` (${picked.size})`}</span>
        <input
          type="search"
          value={query}
          placeholder="Search by name"
          dir={query === '' ? undefined : 'auto'}
          onChange={(event) => setQuery(event.target.value)}
        />
      </label>
      <div className="people" data-picking role="group" aria-label="People" onKeyDown={roving.onKeyDown}>
        {users.map((user) => (
          <label key={user.id} className="person">
            <Avatar name={nameOf(user)} seed={user.id} image={user.image} size="small" />
            <span className="person-name">
              <bdi>{nameOf(user)}</bdi>
            </span>
            <input
              type="checkbox"
              checked={picked.has(user.id)}
              onChange={() => toggle(user.id)}
              {...roving.item(user.id)}
            />
          </label>
        ))}
        {found && users.length === 0 && <p className="muted people-none">Nobody by that name.</p>}
        {failed && <p className="muted people-none">Couldn’t load people.</p>}
      </div>
    </>
  );
}
