/**
 * Scores of named entities, as the CoNLL script and seqeval count them: an entity is right if its kind, its begin and its
 * end are.
 */
import { f1 } from "./classification.ts";

/** How tags are written. */
export interface TagOptions {
  /** Whether a tag's letter stands behind its kind (`PER-B`, as in Naver's NER data) rather than before (`B-PER`). */
  readonly suffix?: boolean;
}

/** An entity in a sentence. */
export interface TaggedEntity {
  /** Its kind, such as `PER`; `_` where tags name none. */
  readonly kind: string;
  /** Its first word. */
  readonly start: number;
  /** Its last word. */
  readonly end: number;
}

/** Precision, recall and F1 of entities, in [0, 1]; 0 where there is nothing to divide by. */
export interface EntityScores {
  /** Part of the found entities that are right. */
  readonly precision: number;
  /** Part of the right entities that are found. */
  readonly recall: number;
  /** Over all kinds together. */
  readonly f1: number;
  /** The mean of the kinds' F1. */
  readonly macroF1: number;
  /** F1 by kind, of those that occur in either. */
  readonly perKind: ReadonlyMap<string, number>;
}

/**
 * The entities that a sentence's tags spell, by the rules of the CoNLL script and of seqeval in its default mode: an `I`
 * without a `B` before begins an entity too, and so does a change of kind. `E`, `S` are understood.
 *
 * @param tags A tag for each word: `O`, or a letter and a kind with a hyphen between.
 *
 * @example
 * ```ts
 * import { entitiesOf } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(entitiesOf(["PER-B", "PER-I", "O", "LOC-B"], { suffix: true }), [
 *   { kind: "PER", start: 0, end: 1 },
 *   { kind: "LOC", start: 3, end: 3 },
 * ]);
 * ```
 */
export function entitiesOf(tags: readonly string[], { suffix = false }: TagOptions = {}): TaggedEntity[] {
  const entities: TaggedEntity[] = [];
  let before: Tag = OUTSIDE;
  let start = 0;
  for (let i = 0; i <= tags.length; i++) {
    const tag = i === tags.length ? OUTSIDE : parseTag(tags[i]!, suffix);
    if (endsBefore(before, tag)) entities.push({ kind: before.kind, start, end: i - 1 });
    if (beginsWith(before, tag)) start = i;
    before = tag;
  }
  return entities;
}

/**
 * Score predicted tags, as seqeval's `f1_score` with its default mode; KcBERT's NER results use `suffix`.
 *
 * @param labels The right tags of each sentence.
 * @param predictions The predicted ones, as many for each.
 * @throws {RangeError} If sentences or their tags differ in number.
 *
 * @example
 * ```ts
 * import { entityScores } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const { precision, recall } = entityScores([["B-PER", "O", "B-LOC"]], [["B-PER", "O", "O"]]);
 * assert.deepEqual([precision, recall], [1, 0.5]);
 * ```
 */
export function entityScores(
  labels: readonly (readonly string[])[],
  predictions: readonly (readonly string[])[],
  options: TagOptions = {},
): EntityScores {
  checkSentences(labels, predictions);
  const counts = new Map<string, { right: number; wanted: number; given: number }>();
  const of = (kind: string) => {
    const found = counts.get(kind) ?? { right: 0, wanted: 0, given: 0 };
    counts.set(kind, found);
    return found;
  };
  for (const [i, tags] of labels.entries()) {
    const wanted = entitiesOf(tags, options);
    const known = new Set(wanted.map(spell));
    for (const { kind } of wanted) of(kind).wanted++;
    for (const entity of entitiesOf(predictions[i]!, options)) {
      of(entity.kind).given++;
      if (known.has(spell(entity))) of(entity.kind).right++;
    }
  }
  const total = { right: 0, wanted: 0, given: 0 };
  for (const { right, wanted, given } of counts.values()) {
    total.right += right;
    total.wanted += wanted;
    total.given += given;
  }
  const perKind = new Map(
    Array.from(counts, ([kind, { right, wanted, given }]) => [kind, f1(right, wanted, given) ?? 0] as const),
  );
  return {
    precision: part(total.right, total.given),
    recall: part(total.right, total.wanted),
    f1: f1(total.right, total.wanted, total.given) ?? 0,
    macroF1: part(
      [...perKind.values()].reduce((sum, score) => sum + score, 0),
      perKind.size,
    ),
    perKind,
  };
}

// --- internal ---

interface Tag {
  readonly letter: string;
  readonly kind: string;
}

const OUTSIDE: Tag = { letter: "O", kind: "_" };

function parseTag(tag: string, suffix: boolean): Tag {
  const letter = suffix ? tag.slice(-1) : tag.slice(0, 1);
  const rest = suffix ? tag.slice(0, -1) : tag.slice(1);
  const kind = suffix ? rest.replace(/-$/, "") : rest.replace(/^-/, "");
  return { letter, kind: kind === "" ? "_" : kind };
}

function isOutside({ letter }: Tag): boolean {
  return letter === "O" || letter === ".";
}

/** Whether an entity of which `before` is a part ends there. */
function endsBefore(before: Tag, tag: Tag): boolean {
  if (isOutside(before)) return false;
  if (before.letter === "E" || before.letter === "S") return true;
  return tag.letter === "B" || tag.letter === "S" || tag.letter === "O" || before.kind !== tag.kind;
}

/** Whether an entity begins with `tag`. */
function beginsWith(before: Tag, tag: Tag): boolean {
  if (isOutside(tag)) return false;
  if (tag.letter === "B" || tag.letter === "S") return true;
  return before.letter === "E" || before.letter === "S" || before.letter === "O" || before.kind !== tag.kind;
}

function spell({ kind, start, end }: TaggedEntity): string {
  return `${start} ${end} ${kind}`;
}

function part(some: number, all: number): number {
  return all === 0 ? 0 : some / all;
}

function checkSentences(
  labels: readonly (readonly string[])[],
  predictions: readonly (readonly string[])[],
): void {
  if (labels.length !== predictions.length) {
    throw new RangeError(
      `Cannot score the predictions as there must be one for each sentence: ${labels.length} sentences, ${predictions.length} predictions`,
    );
  }
  const wrong = labels.findIndex((tags, i) => tags.length !== predictions[i]!.length);
  if (wrong < 0) return;
  throw new RangeError(
    `Cannot score the predictions as sentence ${wrong} has ${labels[wrong]!.length} tags, and ${predictions[wrong]!.length} are predicted`,
  );
}
