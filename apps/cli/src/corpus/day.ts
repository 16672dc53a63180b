/**
 * The day of a date, whatever stands behind it: `2019-01-31`, `2019.1.31`, `20190131`, `2019-01-31T09:30:00+09:00`.
 *
 * @param date A date, year first. A time is not looked at, so the day is the one that the text names.
 * @returns Days since 1970-01-01, or `undefined` if it is no date of the calendar.
 */
export function dayOf(date: string): number | undefined {
  const found = DATE.exec(date);
  if (found === null) return undefined;
  const [year, month, day] = (found[1] === undefined ? found.slice(4, 7) : found.slice(1, 4)).map(Number);
  const time = Date.UTC(year!, month! - 1, day);
  const named = new Date(time);
  const real = named.getUTCMonth() === month! - 1 && named.getUTCDate() === day;
  return real ? time / 86_400_000 : undefined;
}

// --- internal ---

const DATE = /^\s*(?:(\d{4})[-./](\d{1,2})[-./](\d{1,2})|(\d{4})(\d{2})(\d{2}))(?!\d)/;
