/** Who one is stands in the address (`?user=ann`) and in the tab, so two windows can be two people. */

import { useEffect, useState } from 'react';

import { describe, asApiError } from '../api/errors';
import { type Session, SessionContext } from '../hooks/useChat';
import { Chat } from '../state/chat';
import { ChatScreen } from './ChatScreen';
import { Empty } from './Empty';
import { UserPicker } from './UserPicker';

const USER_KEY = 'parlor-user';

function rememberedUser(): string | null {
  return new URLSearchParams(location.search).get('user') ?? sessionStorage.getItem(USER_KEY);
}

function remember(userId: string | null): void {
  const url = new URL(location.href);
  if (userId === null) {
    url.searchParams.delete('user');
    url.hash = '';
    sessionStorage.removeItem(USER_KEY);
  } else {
    url.searchParams.set('user', userId);
    sessionStorage.setItem(USER_KEY, userId);
  }
  history.replaceState(null, '', url);
}

export function App() {
  const [userId, setUserId] = useState(rememberedUser);
  const pick = (next: string | null) => {
    remember(next);
    setUserId(next);
  };
  if (userId === null) return <UserPicker onPick={pick} />;
  return <SignedIn key={userId} userId={userId} onLeave={() => pick(null)} />;
}

function SignedIn({ userId, onLeave }: { userId: string; onLeave: () => void }) {
  const [session, setSession] = useState<Session>();
  const [failure, setFailure] = useState<string>();
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    const chat = new Chat(userId);
    let left = false;
    chat.api.session().then(
      ({ user }) => {
        if (left) return;
        remember(userId);
        setSession({ chat, me: user });
        chat.start();
      },
      (error: unknown) => !left && setFailure(describe(asApiError(error))),
    );
    return () => {
      left = true;
      chat.stop();
    };
  }, [userId, attempt]);

  if (session) {
    return (
      <SessionContext value={session}>
        <ChatScreen onLeave={onLeave} />
      </SessionContext>
    );
  }
  if (failure === undefined) return null;
  return (
    <main className="picker">
      <Empty text={`Couldn’t sign in as ${userId}. ${failure}.`}>
        <div className="button-row">
          <button
            type="button"
            className="button"
            onClick={() => {
              setFailure(undefined);
              setAttempt(attempt + 1);
            }}
          >
            Retry
          </button>
          <button type="button" className="button" data-quiet onClick={onLeave}>
            Pick another user
          </button>
        </div>
      </Empty>
    </main>
  );
}
