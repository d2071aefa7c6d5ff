import { describe, expect, it } from 'vitest';

import { eventsOf } from './events';

describe('a publication', () => {
  it('is one event, or a frame of several in their order', () => {
    const [first, second] = [{ seq: 7 }, { seq: 8 }];
    expect(eventsOf(first)).toEqual([first]);
    expect(eventsOf({ batch: [first, second] })).toEqual([first, second]);
  });
});
