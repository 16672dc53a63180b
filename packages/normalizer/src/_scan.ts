/**
 * The scanner under `clean`, `cleanWithOffsets` and `repeatNormalize`: one look that most texts leave unchanged, and one
 * pass that writes the others. The published steps run one after another over the whole text; here each character passes
 * all of them at once:
 *
 * 1. a stretch of characters that are not kept, or of white space, or of both, becomes one space, none at the ends;
 * 2. a link becomes nothing, so its neighbours meet before runs are counted;
 * 3. a run of one same word character, `minRun` or longer, becomes `numRepeats` of it.
 */
import { type Classes, isWord, LINK, PLAIN, REMOVED, slotOf, SURROGATE } from "./_kept.ts";
import { linkEnd } from "./_link.ts";

/** What to keep, and which runs to shorten. */
export interface Rules {
  /** Class of each character. */
  readonly classes: Classes;
  /** The shortest run that is collapsed, at least 2. */
  readonly minRun: number;
  /** What such a run is collapsed to, less than `minRun`. */
  readonly numRepeats: number;
}

/** Whether `text` would come out of {@linkcode rewrite} as another text. Allocates nothing. */
export function needsRewrite(text: string, { classes, minRun }: Rules): boolean {
  const length = text.length;
  let previous = 0x20; // a space at the start counts as doubled
  let run = 1;
  for (let i = 0; i < length; i++) {
    let c = text.charCodeAt(i);
    const kind = classes[c];
    if (kind !== PLAIN) {
      if (kind === LINK) {
        if (linkEnd(text, i, classes) > i) return true;
      } else if (kind === SURROGATE) {
        c = text.codePointAt(i)!;
        if (classes[slotOf(c)] !== PLAIN) return true;
        if (c > 0xffff) i++;
      } else {
        return true;
      }
    }
    if (c !== previous) {
      previous = c;
      run = 1;
    } else if (c === 0x20 || (++run === minRun && isWord(c))) {
      return true;
    }
  }
  return previous === 0x20 && length > 0;
}

/**
 * Write what becomes of `text` into `units`, which has room for all of it, and return how many units it is.
 *
 * @param offsets If given, one longer than `text`: gets the index in `text` of each unit written, a space's being that of
 * the stretch it stands for, and behind them the index just past the last character that was kept or collapsed.
 * @param spared Starts and ends, ascending, of stretches in which no character counts as removed.
 */
export function rewrite(
  text: string,
  { classes, minRun, numRepeats }: Rules,
  units: Uint16Array,
  offsets?: Uint32Array,
  spared?: readonly number[],
): number {
  let out = 0; // units written
  let end = 0; // just past the last character kept or collapsed
  let space = -1; // where the stretch of white space began that is not yet written
  let previous = -1; // the character before, -1 after white space
  let run = 0; // how often in a row it came
  let collapsed = false; // whether that run reached `minRun`
  let nextSpared = 0;

  for (let i = 0; i < text.length;) {
    const start = i++;
    let c = text.charCodeAt(start);
    let kind = classes[c];
    if (kind === SURROGATE) {
      c = text.codePointAt(start)!;
      kind = classes[slotOf(c)];
      if (c > 0xffff) i++;
    } else if (kind === LINK) {
      const after = linkEnd(text, start, classes);
      if (after > start) {
        i = after;
        continue;
      }
      kind = PLAIN;
    }
    if (kind === REMOVED && spared !== undefined) {
      while (nextSpared < spared.length && spared[nextSpared + 1]! <= start) nextSpared += 2;
      if (nextSpared < spared.length && spared[nextSpared]! <= start) kind = PLAIN;
    }

    if (kind !== PLAIN || c === 0x20) {
      if (space < 0) space = start;
      previous = -1;
      continue;
    }
    if (space >= 0) {
      if (out > 0) {
        if (offsets !== undefined) offsets[out] = space;
        units[out++] = 0x20;
      }
      space = -1;
    }

    end = i;
    if (c !== previous) {
      previous = c;
      run = 1;
      collapsed = false;
    } else if (++run === minRun) {
      collapsed = isWord(c);
      if (collapsed) out -= (minRun - 1 - numRepeats) * (c > 0xffff ? 2 : 1);
    }
    if (collapsed) continue;
    for (let at = start; at < i; at++) {
      if (offsets !== undefined) offsets[out] = at;
      units[out++] = text.charCodeAt(at);
    }
  }
  if (offsets !== undefined) offsets[out] = end;
  return out;
}
