import * as tf from "@tensorflow/tfjs-core";
import { fromFloat32, type SafetensorsTensor, toFloat32 } from "@kcbert/safetensors";
import {
  dequantizeGroups,
  dequantizeRows,
  MOST_OF_TABLES,
  MOST_OF_WEIGHTS,
  type Quantized,
  quantizeGroups,
  quantizeRows,
} from "./_quantized_numbers.ts";
import type { Quantization } from "./quantization.ts";
import {
  type FusedActivation,
  gatherRows,
  linearByBlocks,
  owned,
  type SavedTensor,
  type StoredMatrix,
} from "./stored_matrix.ts";

/**
 * The names of the TensorFlow.js kernels that multiply by a {@link QuantizedMatrix} without making floats of it. A backend
 * that registers them is used; others dequantise.
 *
 * `QuantizedLinear` takes `x` float32 `[M, C]`, `bias` float32 `[R]` and the matrix's `values` and `scales`, and gives
 * float32 `[M, R]`; its attribute `activation` is `"linear"` or `"gelu"`. A backend may have an order of its own for the
 * matrix: `QuantizedPack` takes `values` and `scales` and gives both in that order, once, and `QuantizedUnpack` gives them
 * back as they were. Attributes of all three: `bits` 8 or 4, `rows` R, `columns` C, `groupSize`.
 */
const QUANTIZED_PACK = "QuantizedPack";
const QUANTIZED_UNPACK = "QuantizedUnpack";
export const QUANTIZED_LINEAR = "QuantizedLinear";

type Shape = readonly [rows: number, columns: number];

/**
 * The weight of a dense layer in small integers, which lie on the backend: `bits` 8, one scale a row, integers in
 * [−63, 63]; or `bits` 4, one scale a group of columns, two integers in [−8, 7] a byte (low four bits first, plus 8).
 */
export class QuantizedMatrix implements StoredMatrix {
  readonly shape: Shape;
  readonly bits: 8 | 4;
  /** Columns that share a scale. */
  readonly groupSize: number;
  /** int32 `[⌈bytes / 4⌉]`: the bytes of the integers, row-major, four in an element; or as a backend packed them. */
  #values: tf.Tensor;
  /** float32 `[R, ⌈C / groupSize⌉]`; or as a backend packed them. */
  #scales: tf.Tensor;
  /** The backend in whose order they are. */
  #packedBy: string | undefined;

  /** Of the bytes of the integers, and their scales. */
  constructor(
    shape: Shape,
    quantization: Quantization,
    { values, scales }: Quantized<Int8Array | Uint8Array>,
  ) {
    const [rows, columns] = shape;
    this.shape = shape;
    this.bits = quantization.bits;
    this.groupSize = quantization.groupSize ?? columns;
    this.#values = tf.keep(tf.tensor1d(wordsOf(values), "int32"));
    this.#scales = tf.keep(tf.tensor2d(scales, [rows, Math.ceil(columns / this.groupSize)], "float32"));
    this.#isTaken();
  }

  static quantize(floats: Float32Array, shape: Shape, quantization: Quantization): QuantizedMatrix {
    const { groupSize } = quantization;
    const [, columns] = shape;
    const quantized =
      groupSize === undefined
        ? quantizeRows(floats, columns, MOST_OF_WEIGHTS)
        : quantizeGroups(floats, columns, groupSize);
    return new QuantizedMatrix(shape, quantization, quantized);
  }

  /** How a matrix of this shape is saved, by what is put behind its key. */
  static layout([rows, columns]: Shape, { groupSize }: Quantization): Layout {
    if (groupSize === undefined) return rowsLayout([rows, columns]);
    return new Map([
      ["", { dtype: "U8", shape: [rows, Math.ceil(columns / 2)] }],
      [SCALE, { dtype: "F16", shape: [rows, Math.ceil(columns / groupSize)] }],
    ]);
  }

  /** From tensors of that layout. */
  static load(shape: Shape, quantization: Quantization, tensors: Tensors): QuantizedMatrix {
    const { bytes } = tensors.get("")!;
    return new QuantizedMatrix(shape, quantization, {
      values: bytes,
      scales: toFloat32(tensors.get(SCALE)!),
    });
  }

  /** The numbers of tensors of that layout, row-major; needs no backend. */
  static dequantize([rows, columns]: Shape, { groupSize }: Quantization, tensors: Tensors): Float32Array {
    if (groupSize === undefined) return dequantizeRows(rowsOf(tensors), columns, 0, rows);
    const [values, scales] = [tensors.get("")!.bytes, toFloat32(tensors.get(SCALE)!)];
    return dequantizeGroups({ values, scales }, columns, groupSize, 0, rows);
  }

  linear(x: tf.Tensor2D, bias: tf.Tensor, activation?: FusedActivation): tf.Tensor2D {
    if (!this.#isTaken()) {
      const quantized = this.#read(); // once for all blocks
      const readRows = (begin: number, end: number) => this.#dequantize(quantized, begin, end);
      return linearByBlocks(x, { shape: this.shape, readRows }, bias, activation);
    }
    const inputs = { x, bias, ...this.#tensors() };
    const attributes = { ...this.#attributes(), activation: activation ?? "linear" };
    return tf.engine().runKernel(QUANTIZED_LINEAR, inputs, attributes) as tf.Tensor2D;
  }

  /** What the current backend has packed, and how; nothing if it multiplies by no packed matrix. The matrix keeps it. */
  packed(): { values: tf.Tensor; scales: tf.Tensor; bits: 8 | 4; groupSize: number } | undefined {
    if (!this.#isTaken() || this.#packedBy === undefined) return undefined;
    return { ...this.#tensors(), bits: this.bits, groupSize: this.groupSize };
  }

  gather(ids: ArrayLike<number>): tf.Tensor2D {
    const quantized = this.#read();
    const readRows = (begin: number, end: number) => this.#dequantize(quantized, begin, end);
    return gatherRows({ shape: this.shape, readRows }, ids);
  }

  addRow(row: number, to: Float32Array, at: number): void {
    for (const [i, value] of this.readRows(row, row + 1).entries()) to[at + i]! += value;
  }

  readRows(begin: number, end: number): Float32Array {
    return this.#dequantize(this.#read(), begin, end);
  }

  saved(): ReadonlyMap<string, SavedTensor> {
    const layout = QuantizedMatrix.layout(this.shape, { bits: this.bits, groupSize: this.#savedGroupSize() });
    const { dtype, shape } = layout.get(SCALE)!;
    return new Map([
      ["", { ...layout.get("")!, bytes: () => this.#read().values }],
      [
        SCALE,
        { dtype, shape, bytes: () => fromFloat32(this.#read().scales, shape, dtype as "F32" | "F16").bytes },
      ],
    ]);
  }

  dispose(): void {
    this.#values.dispose();
    this.#scales.dispose();
  }

  /** Whether the current backend multiplies by the matrix; one with an order of its own is given the matrix first. */
  #isTaken(): boolean {
    const backend = tf.getBackend();
    if (this.#packedBy !== undefined) return this.#packedBy === backend;
    if (tf.getKernel(QUANTIZED_LINEAR, backend) == null) return false;
    if (tf.getKernel(QUANTIZED_PACK, backend) == null) return true;
    const loose = this.#tensors();
    const packed = tf.engine().runKernel(QUANTIZED_PACK, loose, this.#attributes()) as unknown as tf.Tensor[];
    [this.#values, this.#scales] = packed.map((tensor) => tf.keep(tensor)) as [tf.Tensor, tf.Tensor];
    this.#packedBy = backend;
    tf.dispose(loose);
    return true;
  }

  #tensors(): { values: tf.Tensor; scales: tf.Tensor } {
    return { values: this.#values, scales: this.#scales };
  }

  #attributes(): { bits: number; rows: number; columns: number; groupSize: number } {
    const { bits, shape, groupSize } = this;
    return { bits, rows: shape[0], columns: shape[1], groupSize };
  }

  #savedGroupSize(): 32 | 64 | undefined {
    return this.bits === 8 ? undefined : (this.groupSize as 32 | 64);
  }

  #read(): Quantized<Uint8Array> {
    const [words, scales] =
      this.#packedBy === undefined ? this.#readLoose() : this.#readPacked(this.#packedBy);
    const [rows, columns] = this.shape;
    const length = rows * Math.ceil((columns * this.bits) / 8);
    return { values: new Uint8Array(words.buffer, words.byteOffset, length), scales };
  }

  #readLoose(): [Int32Array, Float32Array] {
    return [this.#values.dataSync() as Int32Array, this.#scales.dataSync() as Float32Array];
  }

  /** By the backend that packed them, which need not be the current one. */
  #readPacked(name: string): [Int32Array, Float32Array] {
    const backend = tf.engine().findBackend(name);
    const [values, scales] = tf.getKernel(QUANTIZED_UNPACK, name).kernelFunc({
      inputs: this.#tensors(),
      attrs: this.#attributes(),
      backend,
    }) as [tf.TensorInfo, tf.TensorInfo];
    const read = [backend.readSync(values.dataId).slice(0), backend.readSync(scales.dataId).slice(0)];
    backend.disposeData(values.dataId);
    backend.disposeData(scales.dataId);
    return read as [Int32Array, Float32Array];
  }

  #dequantize({ values, scales }: Quantized<Uint8Array>, begin: number, end: number): Float32Array {
    const [, columns] = this.shape;
    if (this.bits === 4) return dequantizeGroups({ values, scales }, columns, this.groupSize, begin, end);
    const integers = new Int8Array(values.buffer, values.byteOffset, values.length);
    return dequantizeRows({ values: integers, scales }, columns, begin, end);
  }
}

/** A table of int8 rows, in [−127, 127] with a scale each, in JavaScript's memory rather than the backend's. */
export class QuantizedTable implements StoredMatrix {
  readonly shape: Shape;
  readonly #quantized: Quantized<Int8Array>;

  /** The table keeps the arrays. */
  constructor(shape: Shape, quantized: Quantized<Int8Array>) {
    this.shape = shape;
    this.#quantized = quantized;
  }

  static quantize(floats: Float32Array, shape: Shape): QuantizedTable {
    return new QuantizedTable(shape, quantizeRows(floats, shape[1], MOST_OF_TABLES));
  }

  /** How a table of this shape is saved, by what is put behind its key. */
  static layout(shape: Shape): Layout {
    return rowsLayout(shape);
  }

  /** From tensors of that layout. */
  static load(shape: Shape, tensors: Tensors): QuantizedTable {
    const bytes = owned(tensors.get("")!.bytes);
    const scales = new Float32Array(toFloat32(tensors.get(SCALE)!));
    return new QuantizedTable(shape, { values: new Int8Array(bytes.buffer), scales });
  }

  /** The numbers of tensors of that layout, row-major. */
  static dequantize([rows, columns]: Shape, tensors: Tensors): Float32Array {
    return dequantizeRows(rowsOf(tensors), columns, 0, rows);
  }

  linear(x: tf.Tensor2D, bias: tf.Tensor, activation?: FusedActivation): tf.Tensor2D {
    return linearByBlocks(x, this, bias, activation);
  }

  gather(ids: ArrayLike<number>): tf.Tensor2D {
    return gatherRows(this, ids);
  }

  addRow(row: number, to: Float32Array, at: number): void {
    const { values, scales } = this.#quantized;
    const [, columns] = this.shape;
    const [from, scale] = [row * columns, scales[row]!];
    for (let i = 0; i < columns; i++) to[at + i]! += values[from + i]! * scale;
  }

  readRows(begin: number, end: number): Float32Array {
    return dequantizeRows(this.#quantized, this.shape[1], begin, end);
  }

  saved(): ReadonlyMap<string, SavedTensor> {
    const layout = rowsLayout(this.shape);
    const { values, scales } = this.#quantized;
    return new Map([
      [
        "",
        { ...layout.get("")!, bytes: () => new Uint8Array(values.buffer, values.byteOffset, values.length) },
      ],
      [SCALE, { ...layout.get(SCALE)!, bytes: () => fromFloat32(scales, [scales.length]).bytes }],
    ]);
  }

  dispose(): void {}
}

// --- internal ---

type Layout = ReadonlyMap<string, Pick<SafetensorsTensor, "dtype" | "shape">>;
type Tensors = ReadonlyMap<string, SafetensorsTensor>;

/** Bytes as words, the last one filled up; without a copy where the backend makes one anyway, as it packs them at once. */
function wordsOf({ buffer, byteOffset, length }: Int8Array | Uint8Array): Int32Array {
  const isAligned = byteOffset % 4 === 0 && length % 4 === 0;
  if (isAligned && tf.getKernel(QUANTIZED_PACK, tf.getBackend()) != null) {
    return new Int32Array(buffer, byteOffset, length / 4);
  }
  const words = new Uint8Array(Math.ceil(length / 4) * 4);
  words.set(new Uint8Array(buffer, byteOffset, length));
  return new Int32Array(words.buffer);
}

/** What is put behind a matrix's key for its scales. */
const SCALE = "_scale";

/** Integers with a scale a row, as they lie in a file. */
function rowsOf(tensors: Tensors): Quantized<Int8Array> {
  const { bytes } = tensors.get("")!;
  const values = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  return { values, scales: toFloat32(tensors.get(SCALE)!) };
}

function rowsLayout([rows, columns]: Shape): Layout {
  return new Map([
    ["", { dtype: "I8", shape: [rows, columns] }],
    [SCALE, { dtype: "F32", shape: [rows] }],
  ]);
}
