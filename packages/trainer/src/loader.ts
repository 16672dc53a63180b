/**
 * The loader: masked batches of one shape after another, from lines in memory or in shards, without an end.
 */
import { shuffled } from "./_random.ts";
import { type Batch, cutBatch } from "./batches.ts";
import { bucketLines } from "./buckets.ts";
import { cutPairs, pairSentences, type SentencePairs, type TokenizedDocuments } from "./next_sentence.ts";
import type { LineShards } from "./line_shards.ts";
import { type MaskedBatch, type MaskingOptions, maskTokens } from "./masked_lm.ts";
import { type PackedRows, packLines } from "./packing.ts";

/** Where a loader stands. */
export interface LoaderPosition {
  /** Times that the data has been gone through. */
  readonly epoch: number;
  /** Shards gone through in this epoch. */
  readonly shard: number;
  /** Batches taken of this shard. */
  readonly batch: number;
}

/** What batches a loader makes. */
export interface LoaderOptions {
  /** Rows per batch, B. */
  batchSize: number;
  /** Tokens per row, T; longer lines are cut. */
  rowLength: number;
  /**
   * Lengths of rows, ascending, the last one `rowLength`: each line stands alone, in the shortest row that takes it, and a
   * batch has rows of one length, about B · T tokens in all. @default lines are packed into rows of `rowLength`
   */
  buckets?: readonly number[];
  /**
   * Make pairs for next-sentence prediction, one a row, in place of packed lines; the corpus must hold documents, see
   * `TokenizedDocuments`. @default no pairs
   */
  pairs?: { readonly clsId: number; readonly sepId: number };
  /** Chooses order and masks; whole, in [0, 2³²). */
  seed: number;
  /** Fills rows. */
  padId: number;
  /** How tokens are masked. */
  masking: Omit<MaskingOptions, "seed" | "step" | "copy" | "places">;
  /**
   * Places for predictions, for each row: `max_predictions_per_seq` of google-research/bert.
   *
   * @default `placesFor(tokens of the batch, probability)` for the whole batch
   */
  predictionsPerRow?: number;
  /**
   * How many masks each line has, as `dupe_factor` of google-research/bert's `create_pretraining_data.py`: its masks of one
   * epoch come again after so many. @default every epoch has masks of its own
   */
  maskCopies?: number;
}

/**
 * Makes masked batches, the same ones from the same position on.
 *
 * A corpus in shards goes through memory shard by shard, in an order drawn for every epoch, the next one being read while
 * this one is used. Rows that do not fill a batch at the end of a shard are left out until the next epoch.
 *
 * @example
 * ```ts
 * import { BatchLoader, type LineShards } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const lines = { ids: Uint16Array.of(2, 7, 8, 3), rowStarts: Uint32Array.of(0, 4) };
 * const corpus: LineShards = { shards: [{ sequences: 1, tokens: 4 }], checksum: "", read: async () => lines };
 * const masking = { maskId: 4, specialIds: [0, 1, 2, 3, 4], vocabSize: 10 };
 * const loader = new BatchLoader(corpus, { batchSize: 1, rowLength: 6, seed: 1, padId: 0, masking });
 * const { tokens, predictions } = await loader.next(0);
 * assert.deepEqual([tokens, predictions], [4, 1]);
 * ```
 */
export class BatchLoader {
  readonly #corpus: LineShards;
  readonly #options: LoaderOptions;
  readonly #firstLines: readonly number[];
  #position: LoaderPosition;
  #plan: Plan | undefined;
  /** The shard that is read ahead. */
  #ahead: { readonly shard: number; readonly lines: ReturnType<LineShards["read"]> } | undefined;

  /**
   * Begin to load; nothing is read yet.
   *
   * @param corpus What is learnt; at least one of its tokens can be masked.
   * @param options What batches are made.
   * @param position Where to go on.
   */
  constructor(corpus: LineShards, options: LoaderOptions, position: LoaderPosition = BEGIN) {
    this.#corpus = corpus;
    this.#options = options;
    const { epoch, shard, batch } = position;
    this.#position = { epoch, shard, batch };
    let sum = 0;
    this.#firstLines = corpus.shards.map(({ sequences }) => (sum += sequences) - sequences);
  }

  /** Where it stands: a loader that begins there gives what this one gives next. */
  get position(): LoaderPosition {
    return this.#position;
  }

  /** Go on from another position. */
  goTo({ epoch, shard, batch }: LoaderPosition): void {
    this.#position = { epoch, shard, batch };
    this.#plan = undefined;
  }

  /**
   * The next batch; those in which nothing can be masked are passed over.
   *
   * @param draw Draws its masks, in [0, 2³²): a number of its own for every batch. Static masks do not depend on it.
   * @throws Whatever the corpus throws when a shard cannot be read.
   */
  async next(draw: number): Promise<MaskedBatch> {
    const { seed, masking, maskCopies, predictionsPerRow } = this.#options;
    for (;;) {
      const batch = await this.#nextRows();
      const copy = maskCopies === undefined ? {} : { copy: this.#position.epoch % maskCopies };
      const places = predictionsPerRow === undefined ? {} : { places: predictionsPerRow * batch.rows };
      const masked = maskTokens(batch, { ...masking, ...copy, ...places, seed, step: draw });
      if (masked.predictions > 0) return masked;
    }
  }

  async #nextRows(): Promise<Batch> {
    let plan = (this.#plan ??= await this.#plans());
    while (this.#position.batch >= plan.batches.length) {
      const { epoch, shard } = this.#position;
      const last = shard + 1 >= this.#corpus.shards.length;
      this.#position = last
        ? { epoch: epoch + 1, shard: 0, batch: 0 }
        : { epoch, shard: shard + 1, batch: 0 };
      plan = this.#plan = await this.#plans();
    }
    const { padId } = this.#options;
    const { packed, first, count, rowLength } = plan.batches[this.#position.batch]!;
    this.#position = { ...this.#position, batch: this.#position.batch + 1 };
    const place = { first, count, rowLength, padId, firstLine: plan.firstLine };
    return plan.pairs === undefined ? cutBatch(plan.lines, packed, place) : cutPairs(plan.pairs, place);
  }

  /** Read the shard of the position, and lay out its batches. */
  async #plans(): Promise<Plan> {
    const { epoch, shard } = this.#position;
    const number = this.#shardAt(epoch, shard);
    const lines = await (this.#ahead?.shard === number ? this.#ahead.lines : this.#corpus.read(number));
    this.#readAhead();
    const firstLine = this.#firstLines[number]!;
    if (this.#options.pairs === undefined)
      return { lines, firstLine, batches: layOut(lines, epoch, this.#options) };
    return { ...layOutPairs(lines, epoch, this.#options, this.#options.pairs), firstLine };
  }

  #readAhead(): void {
    const count = this.#corpus.shards.length;
    if (count === 1) return;
    const { epoch, shard } = this.#position;
    const next = shard + 1 < count ? this.#shardAt(epoch, shard + 1) : this.#shardAt(epoch + 1, 0);
    const lines = this.#corpus.read(next);
    lines.catch(() => {}); // told when its turn comes
    this.#ahead = { shard: next, lines };
  }

  /** The number of the shard that comes at a place of an epoch. */
  #shardAt(epoch: number, place: number): number {
    return shuffled(this.#corpus.shards.length, this.#options.seed, epoch, "packing.shards")[place]!;
  }
}

// --- internal ---

const BEGIN: LoaderPosition = { epoch: 0, shard: 0, batch: 0 };

/** The batches of one shard in one epoch. */
interface Plan {
  readonly lines: Awaited<ReturnType<LineShards["read"]>>;
  /** The number that its first line has in the whole corpus. */
  readonly firstLine: number;
  readonly batches: readonly BatchPlan[];
  readonly pairs?: SentencePairs;
}

interface BatchPlan {
  readonly packed: PackedRows;
  readonly first: number;
  readonly count: number;
  readonly rowLength: number;
}

function layOut(
  lines: Plan["lines"],
  epoch: number,
  { batchSize, rowLength, buckets, seed }: LoaderOptions,
): BatchPlan[] {
  if (buckets === undefined)
    return batchesOf(packLines(lines, { rowLength, seed, epoch }), batchSize, rowLength);
  const batches = bucketLines(lines, { buckets, seed, epoch }).flatMap((packed, i) => {
    const count = Math.max(1, Math.floor((batchSize * rowLength) / buckets[i]!));
    return packed.starts.length === 1 ? [] : batchesOf(packed, count, buckets[i]!);
  });
  return Array.from(shuffled(batches.length, seed, epoch, "buckets.batches"), (i) => batches[i]!);
}

/** One pair a row. With static masks the pairs of an epoch come again too, as in a file. */
function layOutPairs(
  lines: Plan["lines"],
  epoch: number,
  { batchSize, rowLength, seed, maskCopies }: LoaderOptions,
  ids: { readonly clsId: number; readonly sepId: number },
): Pick<Plan, "lines" | "batches" | "pairs"> {
  const made = maskCopies === undefined ? epoch : epoch % maskCopies;
  const pairs = pairSentences(lines as TokenizedDocuments, { rowLength, seed, epoch: made, ...ids });
  const rows = { lines: new Int32Array(), starts: new Int32Array(pairs.labels.length + 1) };
  return { lines: pairs, pairs, batches: batchesOf(rows, batchSize, rowLength) };
}

/** Whole batches; at least one, padded, where lines are few. */
function batchesOf(packed: PackedRows, count: number, rowLength: number): BatchPlan[] {
  const batches = Math.max(1, Math.floor((packed.starts.length - 1) / count));
  return Array.from({ length: batches }, (_, i) => ({ packed, first: i * count, count, rowLength }));
}
