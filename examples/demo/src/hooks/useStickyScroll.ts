/**
 * Keeps what one reads in its place: at the bottom new messages push up, anywhere else nothing moves,
 * whatever is added above, below or in between. The anchor is the lower edge of the first row in view:
 * its upper edge moves when an older message joins its group.
 */

import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';

import { reducedMotion } from './browser';

const BOTTOM_SLACK = 40;

type Anchor = 'bottom' | { row: string; edge: number };

/** The lower edge of a row, seen from the top of the box. */
function edgeOf(box: HTMLElement, row: Element): number {
  return row.getBoundingClientRect().bottom - box.getBoundingClientRect().top;
}

function anchorOf(box: HTMLElement): Anchor {
  if (box.scrollHeight - box.scrollTop - box.clientHeight <= BOTTOM_SLACK) return 'bottom';
  for (const row of box.querySelectorAll<HTMLElement>('[data-row]')) {
    const edge = edgeOf(box, row);
    if (edge > 0) return { row: row.dataset['row'] ?? '', edge };
  }
  return 'bottom';
}

function restore(box: HTMLElement, anchor: Anchor): void {
  if (anchor === 'bottom') {
    box.scrollTop = box.scrollHeight;
    return;
  }
  const row = box.querySelector(`[data-row="${CSS.escape(anchor.row)}"]`);
  if (row) box.scrollTop += edgeOf(box, row) - anchor.edge;
}

export function useStickyScroll(ref: RefObject<HTMLElement | null>, content: unknown) {
  const anchor = useRef<Anchor>(undefined);
  // Not known before the first look: what is not on screen must not count as read.
  const [atBottom, setAtBottom] = useState<boolean>();

  const remember = useCallback(() => {
    const box = ref.current;
    if (!box) return;
    anchor.current = anchorOf(box);
    setAtBottom(anchor.current === 'bottom');
  }, [ref]);

  useLayoutEffect(() => {
    const box = ref.current;
    if (!box) return;
    if (anchor.current) restore(box, anchor.current);
    else startAtNew(box);
    remember();
  }, [content, ref, remember]);

  useEffect(() => {
    const box = ref.current;
    if (!box) return undefined;
    const observer = new ResizeObserver(() => anchor.current && restore(box, anchor.current));
    observer.observe(box);
    if (box.firstElementChild) observer.observe(box.firstElementChild);
    return () => observer.disconnect();
  }, [ref]);

  const toBottom = useCallback(
    (smooth: boolean) => {
      const box = ref.current;
      if (!box) return;
      if (!smooth) anchor.current = 'bottom';
      box.scrollTo({ top: box.scrollHeight, behavior: smooth && !reducedMotion() ? 'smooth' : 'instant' });
    },
    [ref],
  );

  return { atBottom, toBottom, onScroll: remember };
}

/** Opens at the line "New", a third down from the top, or at the end. */
function startAtNew(box: HTMLElement): void {
  const line = box.querySelector('[data-row="new"]');
  box.scrollTop = box.scrollHeight;
  if (line) box.scrollTop += Math.min(0, edgeOf(box, line) - box.clientHeight / 3);
}
