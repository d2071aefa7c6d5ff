/** Dates and counts as the reader's locale writes them. */

const locale = navigator.language;
const clock = new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit' });
const weekday = new Intl.DateTimeFormat(locale, { weekday: 'long' });
const shortWeekday = new Intl.DateTimeFormat(locale, { weekday: 'short' });
const date = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'long' });
const shortDate = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' });
const dateWithYear = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'long', year: 'numeric' });
const full = new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'short' });
const number = new Intl.NumberFormat(locale);
const list = new Intl.ListFormat(locale, { type: 'conjunction' });

const DAY_MS = 86_400_000;

/** Whole days between two moments, as the wall calendar counts them. */
function daysBetween(at: Date, now: Date): number {
  const midnight = (moment: Date) => Date.UTC(moment.getFullYear(), moment.getMonth(), moment.getDate());
  return Math.round((midnight(now) - midnight(at)) / DAY_MS);
}

export const timeOfDay = (at: string) => clock.format(new Date(at));
export const fullTime = (at: string) => full.format(new Date(at));
export const count = (value: number) => (value > 99 ? '99+' : number.format(value));
export const listOf = (items: readonly string[]) => list.format(items);

/** The separator between days. */
export function dayName(at: string, now = new Date()): string {
  const moment = new Date(at);
  const days = daysBetween(moment, now);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  if (days > 1 && days < 7) return weekday.format(moment);
  return moment.getFullYear() === now.getFullYear() ? date.format(moment) : dateWithYear.format(moment);
}

/** The time of a row in the channel list. */
export function shortTime(at: string, now = new Date()): string {
  const moment = new Date(at);
  const days = daysBetween(moment, now);
  if (days <= 0) return clock.format(moment);
  return days < 7 ? shortWeekday.format(moment) : shortDate.format(moment);
}
