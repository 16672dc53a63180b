import type { WrittenShard } from "./write_shard.ts";
import type { CleanState, ProblemExample } from "./clean_stage.ts";
import { type LineProblem } from "./records.ts";

/** What became of the lines, for a person and for a program. */
export interface CorpusReport {
  /** Lines read, and why those went that went. */
  readonly lines: {
    readonly read: number;
    readonly problems: Readonly<Record<LineProblem, number>>;
    readonly short: number;
    readonly long: number;
    /** Texts that came before. */
    readonly repeated: number;
    /** Texts that are among the excluded ones. */
    readonly excluded: number;
    /** Distinct texts that the sample did not take. */
    readonly notSampled: number;
    readonly kept: number;
    /** Lines whose text cleaning changed, kept or not. */
    readonly changed: number;
  };
  /** The first lines that gave no text. */
  readonly examples: readonly ProblemExample[];
  /** UTF-8 bytes: of the inputs as text, and of the kept texts. */
  readonly bytes: { readonly read: number; readonly kept: number };
  /** Absent where nothing was tokenised. */
  readonly tokens?: {
    readonly total: number;
    /** `[UNK]` among the tokens that are not `[CLS]` or `[SEP]`, from 0 to 1. */
    readonly unknownRate: number;
    /** Texts that were longer than a sequence may be. */
    readonly cut: number;
  };
  /** How many sequences have so many tokens (texts so many code points), by that number; without zeros at the end. */
  readonly lengths: readonly number[];
  readonly shards: number;
  /** What it took, in the runs together that made it. */
  readonly cost: { readonly seconds: number; readonly cpuSeconds: number; readonly peakRssBytes: number };
}

/** Add up what the stages found. */
export function corpusReport(
  cleaned: CleanState,
  distinct: readonly { readonly texts: number; readonly rows: number }[],
  shards: readonly WrittenShard[],
  { tokenised, cost }: { readonly tokenised: boolean; readonly cost: CorpusReport["cost"] },
): CorpusReport {
  const { counts } = cleaned;
  const sum = (of: (shard: WrittenShard) => number) => shards.reduce((total, shard) => total + of(shard), 0);
  const texts = distinct.reduce((total, part) => total + part.texts, 0);
  const rows = distinct.reduce((total, part) => total + part.rows, 0);
  const bucketRows = cleaned.sizes.rows.reduce((total, count) => total + count, 0) - cleaned.excludedRows;
  const kept = sum((shard) => shard.texts);
  const tokens = sum(({ entry }) => entry.tokens);
  return {
    lines: {
      read: counts.lines,
      problems: counts.problems,
      short: counts.short,
      long: counts.long,
      repeated: rows - texts,
      excluded: bucketRows - rows,
      notSampled: texts - kept,
      kept,
      changed: counts.changed,
    },
    examples: cleaned.examples,
    bytes: { read: cleaned.bytesRead, kept: sum((shard) => shard.textBytes) },
    ...(tokenised
      ? {
          tokens: {
            total: tokens,
            unknownRate: sum(({ unknown }) => unknown) / Math.max(1, tokens - 2 * kept),
            cut: sum(({ cut }) => cut),
          },
        }
      : {}),
    lengths: addLengths(shards.map(({ lengths }) => lengths)),
    shards: shards.length,
    cost,
  };
}

// --- internal ---

function addLengths(all: readonly ArrayLike<number>[]): number[] {
  const total: number[] = [];
  for (const lengths of all) {
    for (let i = 0; i < lengths.length; i++) total[i] = (total[i] ?? 0) + lengths[i]!;
  }
  return total.slice(0, total.findLastIndex((count) => count > 0) + 1);
}
