/** Children of a list that changed place slide there instead of jumping. They carry `data-flip={id}`. */

import { type RefObject, useLayoutEffect, useRef } from 'react';

import { reducedMotion } from './browser';

const SLIDE = { duration: 180, easing: 'ease-out' };

export function useFlip(list: RefObject<HTMLElement | null>, order: string): void {
  const places = useRef(new Map<string, number>());
  useLayoutEffect(() => {
    const next = new Map<string, number>();
    for (const item of list.current?.querySelectorAll<HTMLElement>('[data-flip]') ?? []) {
      const id = item.dataset['flip'] ?? '';
      next.set(id, item.offsetTop);
      const moved = (places.current.get(id) ?? item.offsetTop) - item.offsetTop;
      if (moved !== 0 && !reducedMotion()) item.animate([{ transform: `translateY(${moved}px)` }, {}], SLIDE);
    }
    places.current = next;
  }, [list, order]);
}
