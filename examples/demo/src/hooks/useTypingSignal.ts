/** Says that I type: again every 3 s while I go on, and stop after 5 s of silence, on send and on leaving. */

import { useCallback, useEffect, useRef } from 'react';

import { useSession } from './useChat';

const REPEAT_MS = 3_000;
const SILENCE_MS = 5_000;

export function useTypingSignal(channelId: string, enabled: boolean) {
  const { api } = useSession().chat;
  const saidAt = useRef(0);
  const silence = useRef<ReturnType<typeof setTimeout>>(undefined);

  const stop = useCallback(() => {
    clearTimeout(silence.current);
    if (saidAt.current === 0) return;
    saidAt.current = 0;
    api.typing(channelId, false).catch(() => undefined);
  }, [api, channelId]);

  const typed = useCallback(() => {
    if (!enabled) return;
    clearTimeout(silence.current);
    silence.current = setTimeout(stop, SILENCE_MS);
    if (Date.now() - saidAt.current < REPEAT_MS) return;
    saidAt.current = Date.now();
    api.typing(channelId, true).catch(() => undefined);
  }, [api, channelId, enabled, stop]);

  useEffect(() => stop, [stop]);

  return { typed, stop };
}
