/**
 * Corpora larger than memory: lines that come shard by shard.
 */
import { checksum } from "./_checksum.ts";
import { holdOut } from "./hold_out.ts";
import type { TokenizedLines } from "./tokenized_lines.ts";

/** Lines in shards that are read one at a time; a loader holds no more than two at once. */
export interface LineShards {
  /** What the shards hold, in order; none is empty. */
  readonly shards: readonly { readonly sequences: number; readonly tokens: number }[];
  /** Tells this corpus from others: a run goes on with the one that it began with. */
  readonly checksum: string;
  /**
   * Read a shard.
   *
   * @param shard Its number, in [0, shards).
   */
  read(shard: number): Promise<TokenizedLines>;
}

/**
 * Hold out lines of the first shard, drawn at random: as `holdOut`, for a corpus in shards. That shard is read only once;
 * the rest of it stays in memory.
 *
 * @param corpus The corpus; its lines are in random order, so that one shard is like the others.
 * @param count How many lines, whole, at least 1, less than the first shard has.
 * @param seed Draws them.
 * @returns The lines held out, and the corpus without them.
 * @throws {RangeError} If `count` is out of range.
 *
 * @example
 * ```ts
 * import { holdOutOfShards, lineCount } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const lines = { ids: Uint16Array.of(2, 7, 3, 2, 8, 3), rowStarts: Uint32Array.of(0, 3, 6) };
 * const shards = [{ sequences: 2, tokens: 6 }];
 * const { train, heldOut } = await holdOutOfShards({ shards, checksum: "", read: async () => lines }, 1, 42);
 * assert.deepEqual(train.shards, [{ sequences: 1, tokens: 3 }]);
 * assert.equal(lineCount(heldOut), 1);
 * ```
 */
export async function holdOutOfShards(
  corpus: LineShards,
  count: number,
  seed: number,
): Promise<{ train: LineShards; heldOut: TokenizedLines }> {
  const { heldOut, train: rest } = holdOut(await corpus.read(0), count, seed);
  const shards = corpus.shards.map(({ sequences, tokens }, i) =>
    i === 0 ? { sequences: sequences - count, tokens: tokens - heldOut.ids.length } : { sequences, tokens },
  );
  return {
    heldOut,
    train: {
      ...corpus,
      shards,
      read: async (shard) => (shard === 0 ? rest : corpus.read(shard)),
    },
  };
}

/**
 * Lines in memory as a corpus of one shard.
 *
 * @example
 * ```ts
 * import { oneShard } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const corpus = oneShard({ ids: Uint16Array.of(2, 7, 3), rowStarts: Uint32Array.of(0, 3) });
 * assert.deepEqual(corpus.shards, [{ sequences: 1, tokens: 3 }]);
 * ```
 */
export function oneShard(lines: TokenizedLines): LineShards {
  return {
    shards: [{ sequences: lines.rowStarts.length - 1, tokens: lines.ids.length }],
    checksum: checksum([lines.ids, lines.rowStarts]),
    read: async () => lines,
  };
}
