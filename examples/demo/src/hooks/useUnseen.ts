import { useState } from 'react';

import type { Timeline } from '../state/timeline';

/** How many messages of others came below what was on screen at the bottom last. */
export function useUnseen(timeline: Timeline, me: string, atBottom: boolean | undefined): number {
  const newest = timeline.messages.get(timeline.order.at(-1) ?? '')?.seq ?? 0;
  const [seen, setSeen] = useState(timeline.newAfter ?? newest);
  if (atBottom && seen < newest) setSeen(newest);
  let unseen = 0;
  for (const message of timeline.messages.values()) {
    if (message.seq > seen && message.user.id !== me && message.deleted_at === null) unseen += 1;
  }
  return unseen;
}
