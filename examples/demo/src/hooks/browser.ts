/** What the browser tells: media queries, visibility, the address, and time gone by. */

import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';

/** Both panes beside each other; less shows one at a time. */
export const ROOM_FOR_BOTH = '(min-width: 45rem)';

export function useMediaQuery(query: string): boolean {
  const subscribe = useCallback(
    (listener: () => void) => {
      const list = matchMedia(query);
      list.addEventListener('change', listener);
      return () => list.removeEventListener('change', listener);
    },
    [query],
  );
  return useSyncExternalStore(subscribe, () => matchMedia(query).matches);
}

function onVisibility(listener: () => void): () => void {
  document.addEventListener('visibilitychange', listener);
  return () => document.removeEventListener('visibilitychange', listener);
}

export function usePageVisible(): boolean {
  return useSyncExternalStore(onVisibility, () => document.visibilityState === 'visible');
}

function onHash(listener: () => void): () => void {
  window.addEventListener('hashchange', listener);
  return () => window.removeEventListener('hashchange', listener);
}

/** The open channel stands in the address, so that reload and the back button do what one expects. */
export function useOpenChannel(): [string | null, (channelId: string | null) => void] {
  const open = useSyncExternalStore(onHash, () => location.hash.slice(1) || null);
  return [open, setOpenChannel];
}

function setOpenChannel(channelId: string | null): void {
  location.hash = channelId ?? '';
}

/** True once `ms` have gone by: a skeleton that flashes is worse than none. */
export function useDelayed(ms = 150): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), ms);
    return () => clearTimeout(timer);
  }, [ms]);
  return late;
}

export const reducedMotion = () => matchMedia('(prefers-reduced-motion: reduce)').matches;
