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
  /** The row's part of each output, in row-major order; of what is given a token, those of its padding follow. */
  readonly values: readonly Float32Array[];
}

/** Rows as the model reads them: filled up to a width, with a mask, or where the backend packs them one after another. */
export type RowInputs = Omit<BertInputs, "positionIds">;

/**
 * Run rows through a model, and give each one's output as its batch is done: those of like length together, or where the
 * backend needs no padding as they come.
 *
 * No tensor is left behind, however it ends.
 *
 * @param rows Rows of any lengths that the model has positions for, each at least one token.
 * @param forward Runs the model; gives outputs of which each is `[B, …]`, or `[B, T, …]` for what is given a token. Within
 * `tf.tidy`.
 */
export async function* runRows(
  rows: readonly Row[],
  { model, tokenizer, width }: RowReader,
  { batchSize = 16, signal }: RunOptions,
  forward: (inputs: RowInputs) => tf.Tensor[],
): AsyncGenerator<RowOutput> {
  const most = model.config.maxPositionEmbeddings;
  signal?.throwIfAborted();
  const packed = model.packsRows && width === undefined;
  const batches = packed ? inChunks([...rows.keys()], batchSize) : batchesByLength(rows, batchSize, most);
  for (const batch of batches) {
    signal?.throwIfAborted();
    const members = batch.map((index) => rows[index]!);
    const columns = packed ? undefined : (width ?? widthOf(members, most));
    const outputs = tf.tidy(() => forward(inputsOf(members, columns, tokenizer.padId)));
    try {
      const values = (await Promise.all(outputs.map((output) => output.data()))) as Float32Array[];
      const parts = outputs.map((output, i) => partsOf(output, values[i]!, members, packed));
      for (const [i, index] of batch.entries()) {
        yield { index, values: parts.map((partOf) => partOf(i)) };
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
  return [...buckets.values()].flatMap((members) => inChunks(members, batchSize));
}

function inChunks(indexes: readonly number[], size: number): number[][] {
  const chunks: number[][] = [];
  for (let i = 0; i < indexes.length; i += size) chunks.push(indexes.slice(i, i + size));
  return chunks;
}

/** Backends that compile nothing for a shape, and for which padding is work. */
const EAGER_BACKENDS = new Set(["cpu", "wasm"]);

/** The bucket, or on an eager backend no more than the longest row, to a multiple of eight. */
function widthOf(rows: readonly Row[], most: number): number {
  const longest = Math.max(...rows.map(({ ids }) => ids.length));
  const eager = EAGER_BACKENDS.has(tf.getBackend());
  return eager ? Math.min(most, Math.ceil(longest / 8) * 8) : bucketOf(longest, most);
}

/** Where each row's first token is among those of a batch. */
export function startsOf(rows: readonly Row[], width: number | undefined): number[] {
  let end = 0;
  return rows.map(({ ids }) => (end += width ?? ids.length) - (width ?? ids.length));
}

/** Rows as a model reads them. @param width What they are filled up to; nothing to lay them one after another. */
export function inputsOf(rows: readonly Row[], width: number | undefined, padId: number): RowInputs {
  const starts = startsOf(rows, width);
  const lengths = rows.map(({ ids }) => ids.length);
  const size = starts.at(-1)! + (width ?? lengths.at(-1)!);
  const shape: [number, number] = width === undefined ? [1, size] : [rows.length, width];
  const inputIds = new Int32Array(size).fill(padId);
  const tokenTypeIds = new Int32Array(size);
  for (const [i, { ids, typeIds }] of rows.entries()) {
    inputIds.set(ids, starts[i]!);
    tokenTypeIds.set(typeIds, starts[i]!);
  }
  const inputs = {
    inputIds: tf.tensor2d(inputIds, shape, "int32"), // [B, T]
    tokenTypeIds: tf.tensor2d(tokenTypeIds, shape, "int32"), // [B, T]
  };
  if (width === undefined) return { ...inputs, lengths };
  const attentionMask = new Int32Array(size);
  for (const [i, start] of starts.entries()) attentionMask.fill(1, start, start + lengths[i]!);
  return { ...inputs, attentionMask: tf.tensor2d(attentionMask, shape, "int32") }; // [B, T]
}

/** Cuts an output into its rows: equal parts, or where they lie one after another and it is given a token, as long as they are. */
function partsOf(
  { shape }: tf.Tensor,
  values: Float32Array,
  rows: readonly Row[],
  packed: boolean,
): (row: number) => Float32Array {
  const isOfTokens = packed && rows.length > 1 && shape[0] === 1;
  if (!isOfTokens) {
    const size = values.length / rows.length;
    return (row) => values.subarray(row * size, (row + 1) * size);
  }
  const starts = startsOf(rows, undefined);
  const size = values.length / shape[1]!;
  return (row) => values.subarray(starts[row]! * size, (starts[row]! + rows[row]!.ids.length) * size);
}
