import { createContext, use } from 'react';

import type { User } from '../api/wire';
import type { Chat } from '../state/chat';
import type { ChatState } from '../state/chatState';
import { useStore } from '../state/store';

export interface Session {
  chat: Chat;
  me: User;
}

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = use(SessionContext);
  if (!session) throw new Error('A component of the chat stands outside of it.');
  return session;
}

export function useChatState<T>(select: (state: ChatState) => T): T {
  return useStore(useSession().chat.store, select);
}
