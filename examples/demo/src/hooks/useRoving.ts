/** One tab stop for a list; arrows, Home and End move inside it. Items carry `data-roving={id}`. */

import { type KeyboardEvent, useState } from 'react';

export interface Roving {
  item: (id: string) => { 'data-roving': string; tabIndex: 0 | -1; onFocus: () => void };
  onKeyDown: (event: KeyboardEvent<HTMLElement>) => void;
}

export function useRoving(ids: readonly string[], fallback: string | undefined): Roving {
  const [focused, setFocused] = useState<string>();
  const stop = focused !== undefined && ids.includes(focused) ? focused : fallback;
  return {
    item: (id) => ({ 'data-roving': id, tabIndex: id === stop ? 0 : -1, onFocus: () => setFocused(id) }),
    onKeyDown: (event) => {
      const items = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-roving]')];
      const at = items.findIndex((item) => item === document.activeElement);
      const to = destination(event.key, at, items.length);
      if (at === -1 || to === null) return;
      event.preventDefault();
      items[to]?.focus({ preventScroll: true });
      items[to]?.scrollIntoView({ block: 'nearest' });
    },
  };
}

function destination(key: string, at: number, length: number): number | null {
  switch (key) {
    case 'ArrowDown':
      return Math.min(at + 1, length - 1);
    case 'ArrowUp':
      return Math.max(at - 1, 0);
    case 'Home':
      return 0;
    case 'End':
      return length - 1;
    default:
      return null;
  }
}
