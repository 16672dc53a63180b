import type { BertInputs, BertPreTrainedModel } from "@kcbert/bert";
import type { BertTokenizer } from "@kcbert/tokenizer";
import * as tf from "@tensorflow/tfjs-core";

/** How texts go through the model. */
export interface RunOptions {
  /** How many texts, or windows of them, go through the model together; 16 by default. */
  readonly batchSize?: number;
  /** Stops between two batches; its reason is thrown. */
  readonly signal?: AbortSignal;
}

/** The tokens of a row; an `Encoding` is one. */
export interface Row {
  /** int32 `[T]`. */
  readonly ids: Int32Array;
  /** int32 `[T]`. */
  readonly typeIds: Int32Array;
}

/** A model and the token that fills its rows up. */
export interface RowReader {
  readonly model: BertPreTrainedModel;
  readonly tokenizer: BertTokenizer;
  /** Width of every row; by default that of its batch. */
  readonly width?: number;
}

/** What the model said about a row. */
export interface RowOutput {
  /** The row's place in what was given. */
  readonly index: number;
  /** The row's part of each output, in row-major order, padding included. */
  readonly values: readonly Float32Array[];
}

/** The model's inputs with everything given. */
export type RowInputs = Required<Omit<BertInputs, "positionIds">>;

/**
 * Run rows through a model, those of like length together, and give each one's output as its batch is done.
 *
 * No tensor is left behind, however it ends.
 *
 * @param rows Rows of any lengths that the model has positions for, each at least one token.
 * @param forward Runs the model; gives outputs whose first dimension is the rows. Within `tf.tidy`.
 */
export async function* runRows(
  rows: readonly Row[],
  { model, tokenizer, width }: RowReader,
  { batchSize = 16, signal }: RunOptions,
  forward: (inputs: RowInputs) => tf.Tensor[],
): AsyncGenerator<RowOutput> {
  const most = model.config.maxPositionEmbeddings;
  signal?.throwIfAborted();
  for (const batch of batchesByLength(rows, batchSize, most)) {
    signal?.throwIfAborted();
    const columns = width ?? widthOf(batch, rows, most);
    const outputs = tf.tidy(() => forward(inputsOf(batch, rows, columns, tokenizer.padId)));
    try {
      const values = (await Promise.all(outputs.map((output) => output.data()))) as Float32Array[];
      for (const [i, index] of batch.entries()) {
        yield { index, values: values.map((all) => partOf(all, i, batch.length)) };
      }
    } finally {
      tf.dispose(outputs);
    }
  }
}

/** The length that a row is filled up to where shapes are to be few: a step of the ladder, and no more than `most`. */
export function bucketOf(length: number, most: number): number {
  return Math.min(most, LADDER.find((step) => step >= length) ?? most);
}

// --- internal ---

/** Comments are short; 300 is where KcBERT ends, 512 where BERT does. */
const LADDER = [16, 32, 64, 128, 300, 512];

/** Indexes of rows that share a bucket, at most `batchSize` together, short ones first. */
function batchesByLength(rows: readonly Row[], batchSize: number, most: number): number[][] {
  const buckets = new Map<number, number[]>();
  for (const index of [...rows.keys()].sort((a, b) => rows[a]!.ids.length - rows[b]!.ids.length)) {
    const bucket = bucketOf(rows[index]!.ids.length, most);
    const members = buckets.get(bucket);
    if (members === undefined) buckets.set(bucket, [index]);
    else members.push(index);
  }
  const batches: number[][] = [];
  for (const members of buckets.values()) {
    for (let i = 0; i < members.length; i += batchSize) batches.push(members.slice(i, i + batchSize));
  }
  return batches;
}

/** Backends that compile nothing for a shape, and for which padding is work. */
const EAGER_BACKENDS = new Set(["cpu", "wasm"]);

/** The bucket, or on an eager backend no more than the longest row, to a multiple of eight. */
function widthOf(batch: readonly number[], rows: readonly Row[], most: number): number {
  const longest = Math.max(...batch.map((index) => rows[index]!.ids.length));
  const eager = EAGER_BACKENDS.has(tf.getBackend());
  return eager ? Math.min(most, Math.ceil(longest / 8) * 8) : bucketOf(longest, most);
}

function inputsOf(batch: readonly number[], rows: readonly Row[], width: number, padId: number): RowInputs {
  const shape: [number, number] = [batch.length, width];
  const inputIds = new Int32Array(batch.length * width).fill(padId);
  const tokenTypeIds = new Int32Array(inputIds.length);
  const attentionMask = new Int32Array(inputIds.length);
  for (const [row, index] of batch.entries()) {
    const { ids, typeIds } = rows[index]!;
    inputIds.set(ids, row * width);
    tokenTypeIds.set(typeIds, row * width);
    attentionMask.fill(1, row * width, row * width + ids.length);
  }
  return {
    inputIds: tf.tensor2d(inputIds, shape, "int32"), // [B, T]
    attentionMask: tf.tensor2d(attentionMask, shape, "int32"), // [B, T]
    tokenTypeIds: tf.tensor2d(tokenTypeIds, shape, "int32"), // [B, T]
  };
}

/** The `i`-th of `count` equal parts. */
function partOf(values: Float32Array, i: number, count: number): Float32Array {
  const size = values.length / count;
  return values.subarray(i * size, (i + 1) * size);
}
