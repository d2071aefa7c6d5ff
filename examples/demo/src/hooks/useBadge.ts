import { useEffect } from 'react';

import { type ChannelList, totalUnread } from '../state/channels';
import { count } from '../text/time';

/** Unread messages in the title and as a dot on the tab's icon. */
export function useBadge(list: ChannelList): void {
  const unread = totalUnread(list);
  useEffect(() => {
    document.title = unread > 0 ? `(${count(unread)}) Parlor` : 'Parlor';
    const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    if (icon) icon.href = unread > 0 ? '/favicon-unread.svg' : '/favicon.svg';
  }, [unread]);
}
