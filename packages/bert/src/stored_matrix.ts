import * as tf from "@tensorflow/tfjs-core";
import { gelu } from "./ops/activations.ts";
import { fromFloat32, type SafetensorsTensor } from "@kcbert/safetensors";

/**
 * A matrix of weights that is no tensor: its numbers lie in a form of their own, and come to the backend as float32 a
 * part at a time, when they are needed. It is for inference: no gradient reaches it.
 */
export interface StoredMatrix {
  /** `[R, C]`: the outputs and inputs of a dense layer, or the rows of a table. */
  readonly shape: readonly [rows: number, columns: number];
  /** An affine map by the matrix, float32 `[M, C]` → `[M, R]`: `activation(x·Wᵀ + b)`; the caller owns the result. */
  linear(x: tf.Tensor2D, bias: tf.Tensor, activation?: FusedActivation): tf.Tensor2D;
  /** The rows of these numbers, each in [0, R): float32 `[M, C]`; the caller owns it. */
  gather(ids: ArrayLike<number>): tf.Tensor2D;
  /** Add the numbers of a row to those in `to` that begin at `at`. */
  addRow(row: number, to: Float32Array, at: number): void;
  /** The numbers of the rows from `begin` to before `end`, row-major; not to be written to. */
  readRows(begin: number, end: number): Float32Array;
  /** What is saved of it: tensors by what is put behind the matrix's key. */
  saved(): ReadonlyMap<string, SavedTensor>;
  /** Free it. */
  dispose(): void;
}

/** An activation that a matrix product may end with. */
export type FusedActivation = "gelu";

/** A matrix of weights, in whatever form. */
export type Matrix = tf.Tensor | StoredMatrix;

/** A tensor in a file of which the bytes are made when its turn comes. */
export type SavedTensor = Pick<SafetensorsTensor, "dtype" | "shape"> & { bytes(): Uint8Array };

/** A float32 table in JavaScript's memory rather than the backend's. */
export class FloatTable implements StoredMatrix {
  readonly shape: readonly [rows: number, columns: number];
  readonly #values: Float32Array;

  /** The table keeps `values`. */
  constructor(values: Float32Array, shape: readonly [rows: number, columns: number]) {
    this.shape = shape;
    this.#values = values;
  }

  linear(x: tf.Tensor2D, bias: tf.Tensor, activation?: FusedActivation): tf.Tensor2D {
    return linearByBlocks(x, this, bias, activation);
  }

  gather(ids: ArrayLike<number>): tf.Tensor2D {
    return gatherRows(this, ids);
  }

  addRow(row: number, to: Float32Array, at: number): void {
    const [, columns] = this.shape;
    const from = row * columns;
    for (let i = 0; i < columns; i++) to[at + i]! += this.#values[from + i]!;
  }

  readRows(begin: number, end: number): Float32Array {
    return this.#values.subarray(begin * this.shape[1], end * this.shape[1]);
  }

  saved(): ReadonlyMap<string, SavedTensor> {
    const { shape } = this;
    return new Map([["", { dtype: "F32", shape, bytes: () => fromFloat32(this.#values, shape).bytes }]]);
  }

  dispose(): void {}
}

// --- for the other forms ---

/** What {@link linearByBlocks} and {@link gatherRows} need of a matrix. */
type Rows = Pick<StoredMatrix, "shape" | "readRows">;

/**
 * `x·Wᵀ + b` of which the backend holds at most 1,024 rows of W at a time: float32 `[M, C]` → `[M, R]`.
 *
 * A block is an array of its own, for some backends keep what a tensor is made of.
 */
export function linearByBlocks(
  x: tf.Tensor2D,
  matrix: Rows,
  bias: tf.Tensor,
  activation?: FusedActivation,
): tf.Tensor2D {
  const [rows, columns] = matrix.shape;
  return tf.tidy(() => {
    const parts: tf.Tensor2D[] = [];
    for (let begin = 0; begin < rows; begin += BLOCK_ROWS) {
      const end = Math.min(begin + BLOCK_ROWS, rows);
      const block = tf.tensor2d(matrix.readRows(begin, end), [end - begin, columns], "float32"); // [block, C]
      parts.push(tf.matMul(x, block, false, true)); // [M, block]
      block.dispose();
    }
    const y = tf.add(parts.length === 1 ? parts[0]! : tf.concat(parts, 1), bias) as tf.Tensor2D; // [M, R]
    return activation === "gelu" ? gelu(y) : y;
  });
}

/** Rows of a matrix, put together in JavaScript's memory: float32 `[M, C]`. */
export function gatherRows(matrix: Rows, ids: ArrayLike<number>): tf.Tensor2D {
  const [, columns] = matrix.shape;
  const values = new Float32Array(ids.length * columns);
  for (let i = 0; i < ids.length; i++) values.set(matrix.readRows(ids[i]!, ids[i]! + 1), i * columns);
  return tf.tensor2d(values, [ids.length, columns], "float32");
}

/** Bytes in a buffer of their own, copied unless they are: what is kept must not hold a whole file. */
export function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const alone = bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer;
  return alone ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
}

// --- internal ---

const BLOCK_ROWS = 1024;
