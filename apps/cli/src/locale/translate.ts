import { koreanFailures } from "./korean_failures.ts";
import { koreanHelp } from "./korean_help.ts";
import { koreanMessages } from "./korean_messages.ts";
import { koreanReports } from "./korean_reports.ts";
import { type Locale, localeOf } from "./locale.ts";

/**
 * A text of the program in a person's language. What the tables do not know stays as it is.
 *
 * Texts are written in English where they arise. The tables hold sentences with holes, `Cannot read {0}: {1}`, and
 * what stands in a hole is translated by itself, so a reason needs one entry, whatever failed for it. A list within a
 * sentence is translated item by item, and a text of several lines line by line.
 *
 * @param text A sentence, or several lines.
 * @param locale The language; the environment's by default.
 */
export function localized(text: string, locale: Locale = localeOf()): string {
  return locale === "ko" ? text.split("\n").map(inKorean).join("\n") : text;
}

// --- internal ---

interface Pattern {
  readonly english: RegExp;
  readonly korean: string;
  /** Which hole each group of `english` is. */
  readonly holes: readonly number[];
}

const exact: ReadonlyMap<string, string> = new Map([
  ...Object.entries(koreanFailures),
  ...Object.entries(koreanHelp),
  ...Object.entries(koreanMessages),
  ...Object.entries(koreanReports),
]);
let compiled: readonly Pattern[] | undefined;

/** The patterns, those first that say most themselves. */
function patterns(): readonly Pattern[] {
  compiled ??= [...exact]
    .filter(([english]) => english.includes("{"))
    .sort(([a], [b]) => b.replaceAll(HOLE, "").length - a.replaceAll(HOLE, "").length)
    .map(([english, korean]) => ({
      english: new RegExp(`^${english.split(HOLE_SPLIT).filter(Boolean).map(literalOrHole).join("")}$`, "su"),
      korean,
      holes: [...english.matchAll(HOLE)].map((match) => Number(match[1])),
    }));
  return compiled;
}

const HOLE = /\{(\d)\}/g;
const HOLE_SPLIT = /(\{\d\})/;

/** A hole at the beginning is one item: `{0} repeated` is not a list that ends so. */
function literalOrHole(piece: string, place: number): string {
  if (!HOLE_SPLIT.test(piece)) return piece.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return place === 0 ? "((?:(?!, ).)+?)" : "(.+?)";
}

function inKorean(text: string): string {
  const known = exact.get(text);
  if (known !== undefined) return known;
  for (const { english, korean, holes } of patterns()) {
    const found = english.exec(text);
    if (found === null) continue;
    const filled = korean.replaceAll(HOLE, (_, hole: string) =>
      inKorean(found[holes.indexOf(Number(hole)) + 1]!),
    );
    return withParticles(filled);
  }
  const items = text.split(", ");
  return items.length > 1 ? items.map(inKorean).join(", ") : text;
}

/** Choose each particle by the sound before it: `파일(을/를)` is 파일을, `corpus.gz(을/를)` as it is read. */
function withParticles(text: string): string {
  return text.replaceAll(
    /(\S)\(([가-힣]+)\/([가-힣]+)\)/gu,
    (_, before: string, closed: string, open: string) =>
      before + (endsClosed(before, closed) ? closed : open),
  );
}

function endsClosed(character: string, particle: string): boolean {
  const syllable = character.codePointAt(0)! - 0xac00;
  const rieul = syllable % 28 === 8 || /[1780lLrR]/.test(character);
  if (particle === "으로" && rieul) return /0/.test(character); // 서울로, 파일로
  if (syllable >= 0 && syllable < 11_172) return syllable % 28 !== 0;
  return /[013678lmnrLMNR]/.test(character);
}
