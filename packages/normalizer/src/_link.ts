/**
 * Where a link that begins at `start` ends, or `start` if none begins there. By the README's pattern:
 *
 * `https?://(www\.)?[-a-zA-Z0-9@:%._+~#=]{1,256}\.[a-zA-Z0-9()]{1,6}\b([-a-zA-Z0-9()@:%_+.~#?&/=]*)`
 *
 * The characters of its tail hold those of host and ending. So whichever way the pattern backtracks to a match, the tail
 * brings it to the same end, and it is enough to know whether there is a match. A failed look costs its host alone, which
 * holds no `/`: hosts of two looks never overlap, and a text of nothing but beginnings of links takes linear time.
 */
import { type Classes, isWord, LINK, PLAIN, slotOf } from "./_kept.ts";

/** The end of the link that begins with the `h` at `start`, or `start` if there is none. */
export function linkEnd(text: string, start: number, classes: Classes): number {
  if (text.charCodeAt(start + 1) !== 0x74 || !text.startsWith("http", start)) return start;
  const scheme = text.charCodeAt(start + 4) === 0x73 ? start + 5 : start + 4;
  if (!text.startsWith("://", scheme)) return start;
  const host = scheme + 3;
  const matched =
    (text.startsWith("www.", host) && hostMatches(text, host + 4, classes)) ||
    hostMatches(text, host, classes);
  if (!matched) return start;
  let end = host;
  while (isTail(text.charCodeAt(end))) end++;
  return end;
}

// --- internal ---

/** 1 to 256 characters of a host from `host` on, then a dot and an ending. */
function hostMatches(text: string, host: number, classes: Classes): boolean {
  for (let at = host; at <= host + 256; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 0x2e && at > host && endingMatches(text, at + 1, classes)) return true;
    if (!isHost(unit)) return false;
  }
  return false;
}

/** 1 to 6 letters, digits or parentheses from `start` on, up to a word boundary. */
function endingMatches(text: string, start: number, classes: Classes): boolean {
  for (let at = start; at < start + 6; at++) {
    const unit = text.charCodeAt(at);
    const parenthesis = unit === 0x28 || unit === 0x29;
    if (!parenthesis && !isAlphanumeric(unit)) return false;
    if (parenthesis === wordFollows(text, at + 1, classes)) return true;
  }
  return false;
}

/** Whether the character at `at` is a kept word character; a removed one is a space by now. */
function wordFollows(text: string, at: number, classes: Classes): boolean {
  const codePoint = text.codePointAt(at);
  if (codePoint === undefined) return false;
  const kind = classes[slotOf(codePoint)];
  return (kind === PLAIN || kind === LINK) && isWord(codePoint);
}

function isAlphanumeric(unit: number): boolean {
  const letter = unit | 0x20;
  return (letter >= 0x61 && letter <= 0x7a) || (unit >= 0x30 && unit <= 0x39);
}

/** `[-a-zA-Z0-9@:%._+~#=]` */
function isHost(unit: number): boolean {
  return isAlphanumeric(unit) || (unit < 0x7f && "-@:%._+~#=".includes(String.fromCharCode(unit)));
}

/** `[-a-zA-Z0-9()@:%_+.~#?&/=]` */
function isTail(unit: number): boolean {
  return isHost(unit) || (unit < 0x7f && "()?&/".includes(String.fromCharCode(unit)));
}
