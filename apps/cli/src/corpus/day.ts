/**
 * The day of a date, whatever stands behind it: `2019-01-31`, `2019.1.31`, `20190131`, `2019-01-31T09:30:00+09:00`.
 *
 * @param date A date, year first. A time is not looked at, so the day is the one that the text names.
 * @returns Days since 1970-01-01, or `undefined` if it is no date of the calendar.
 */
export function dayOf(date: string): number | undefined {
  // The usual form is read without a pattern: a corpus asks for every line.
  if (isUsual(date)) return dayOfCalendar(digits(date, 0, 4), digits(date, 5, 7), digits(date, 8, 10));
  const found = DATE.exec(date);
  if (found === null) return undefined;
  const [year, month, day] = (found[1] === undefined ? found.slice(4, 7) : found.slice(1, 4)).map(Number);
  return dayOfCalendar(year!, month!, day!);
}

// --- internal ---

const DATE = /^\s*(?:(\d{4})[-./](\d{1,2})[-./](\d{1,2})|(\d{4})(\d{2})(\d{2}))(?!\d)/;
const MONTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Whether it begins as `2019-01-31` does, and no digit follows. */
function isUsual(date: string): boolean {
  if (date.length < 10) return false;
  for (let i = 0; i < 10; i++) {
    const unit = date.charCodeAt(i);
    if (i === 4 || i === 7 ? unit < 0x2d || unit > 0x2f : !isDigit(unit)) return false;
  }
  return date.length === 10 || !isDigit(date.charCodeAt(10));
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}

function digits(text: string, from: number, to: number): number {
  let number = 0;
  for (let i = from; i < to; i++) number = number * 10 + text.charCodeAt(i) - 0x30;
  return number;
}

/** Days since 1970-01-01 in the Gregorian calendar, counted in years that begin in March: the leap day is their last. */
function dayOfCalendar(year: number, month: number, day: number): number | undefined {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = month === 2 && leap ? 29 : MONTHS[month - 1];
  if (days === undefined || day < 1 || day > days) return undefined;
  const years = month > 2 ? year : year - 1;
  const months = (month + 9) % 12;
  const before = 365 * years + Math.floor(years / 4) - Math.floor(years / 100) + Math.floor(years / 400);
  return before + Math.floor((153 * months + 2) / 5) + day - 1 - EPOCH;
}

/** 1970-01-01, in days since 0000-03-01. */
const EPOCH = 719_468;
