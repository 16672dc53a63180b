/**
 * Examples as the inputs of a function of tensors: B rows of T tokens, always as many, whatever there is to fill them.
 */
import type { BertInputs } from "@kcbert/bert";
import * as tf from "@tensorflow/tfjs-core";
import { IGNORED_LABEL } from "../masked_lm.ts";
import type { EncodedTexts, Examples } from "./examples.ts";
import type { RowBatch } from "./length_batches.ts";

/** The shape of a batch. */
export interface BatchShape {
  /** B; rows beyond those of the batch hold a single padding token, and no label. */
  readonly batchSize: number;
  /** Fills rows up. */
  readonly padId: number;
}

/** Tokens of each example; of the longer sentence, where sentences are embedded one by one. */
export function exampleLengths(examples: Examples): Int32Array {
  const first = rowLengths(examples.texts);
  if (examples.kind !== "embeddings") return first;
  const second = rowLengths(examples.others);
  return first.map((length, i) => Math.max(length, second[i]!));
}

/**
 * Upload what the model reads of a batch; the caller owns the tensors.
 *
 * @returns int32 `[B, T]` ids, int32 `[B, T]` types, int32 `[B]` lengths; for embeddings `[2B, T]`, all first sentences
 * before all second ones.
 */
export function uploadTexts(examples: Examples, { rows, width }: RowBatch, shape: BatchShape): tf.Tensor[] {
  const sides = examples.kind === "embeddings" ? [examples.texts, examples.others] : [examples.texts];
  const count = sides.length * shape.batchSize;
  const ids = new Int32Array(count * width).fill(shape.padId);
  const types = new Int32Array(count * width);
  const lengths = new Int32Array(count).fill(1); // a row in which all is hidden would attend to nothing
  for (const [side, texts] of sides.entries()) {
    for (let i = 0; i < rows.length; i++) {
      const row = side * shape.batchSize + i;
      const [from, to] = [texts.rowStarts[rows[i]!]!, texts.rowStarts[rows[i]! + 1]!];
      ids.set(texts.ids.subarray(from, to), row * width);
      if (texts.typeIds !== undefined) types.set(texts.typeIds.subarray(from, to), row * width);
      lengths[row] = to - from;
    }
  }
  return [
    tf.tensor2d(ids, [count, width], "int32"),
    tf.tensor2d(types, [count, width], "int32"),
    tf.tensor1d(lengths, "int32"),
  ];
}

/**
 * Upload the labels of a batch; the caller owns the tensors.
 *
 * @returns Classes: int32 `[B]`, or `[B, T]` of tokens. Numbers: float32 `[B, L]`, and float32 `[B]`, 1 for a row that
 * counts and 0 for one that only fills the batch. Spans: int32 `[B]` begins and ends.
 */
export function uploadLabels(
  examples: Examples,
  { rows, width }: RowBatch,
  { batchSize }: BatchShape,
): tf.Tensor[] {
  switch (examples.kind) {
    case "tokens": {
      const labels = new Int32Array(batchSize * width).fill(IGNORED_LABEL);
      const { rowStarts } = examples.texts;
      for (let i = 0; i < rows.length; i++) {
        labels.set(examples.labels.subarray(rowStarts[rows[i]!], rowStarts[rows[i]! + 1]), i * width);
      }
      return [tf.tensor2d(labels, [batchSize, width], "int32")];
    }
    case "spans": {
      return [examples.starts, examples.ends].map((places) => {
        const filled = new Int32Array(batchSize).fill(width); // beyond the row: ignored
        for (let i = 0; i < rows.length; i++) filled[i] = places[rows[i]!]!;
        return tf.tensor1d(filled, "int32");
      });
    }
    default: {
      if (examples.labels instanceof Int32Array) {
        const labels = new Int32Array(batchSize).fill(IGNORED_LABEL);
        for (let i = 0; i < rows.length; i++) labels[i] = examples.labels[rows[i]!]!;
        return [tf.tensor1d(labels, "int32")];
      }
      return uploadNumbers(examples.labels, examples.texts.rowStarts.length - 1, rows, batchSize);
    }
  }
}

/** The inputs of a function, as what the model reads of them: padding is hidden. */
export function readTexts([inputIds, tokenTypeIds, lengths]: readonly tf.Tensor[]): Required<
  Omit<BertInputs, "positionIds" | "lengths">
> {
  const places = tf.range(0, inputIds!.shape[1]!, 1, "int32"); // [T]
  return {
    inputIds: inputIds as tf.Tensor2D,
    tokenTypeIds: tokenTypeIds as tf.Tensor2D,
    attentionMask: tf.less(places, tf.expandDims(lengths!, 1)), // [B, T]
  };
}

// --- internal ---

function rowLengths({ rowStarts }: EncodedTexts): Int32Array {
  return Int32Array.from({ length: rowStarts.length - 1 }, (_, row) => rowStarts[row + 1]! - rowStarts[row]!);
}

function uploadNumbers(
  labels: Float32Array,
  count: number,
  rows: Int32Array,
  batchSize: number,
): tf.Tensor[] {
  const each = labels.length / count; // L
  const filled = new Float32Array(batchSize * each);
  for (let i = 0; i < rows.length; i++) {
    filled.set(labels.subarray(rows[i]! * each, (rows[i]! + 1) * each), i * each);
  }
  const counts = new Float32Array(batchSize).fill(1, 0, rows.length);
  return [tf.tensor2d(filled, [batchSize, each]), tf.tensor1d(counts)];
}
