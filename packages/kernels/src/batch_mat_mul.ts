import { BatchMatMul, broadcast_util, getKernel, type KernelConfig } from "@tensorflow/tfjs-core";
import { type TensorInfo, Transpose, util } from "@tensorflow/tfjs-core";
import type { WasmBackend } from "./_wasm_backend.ts";

/**
 * `BatchMatMul` for the WASM backend, on XNNPACK whatever the operands look like.
 *
 * The stock kernel reaches XNNPACK only for one untransposed pair of matrices; transposed and batched products
 * fall to a scalar loop more than ten times slower. Here operands are transposed first, and a batch is a loop
 * over its matrices. Of the two ways to a product, `A·B` and `(Bᵀ·Aᵀ)ᵀ`, the one that moves fewer elements is
 * taken: for a short text times a weight matrix stored `[out, in]`, the weights are never copied.
 */
export const batchMatMulConfig: KernelConfig = {
  kernelName: BatchMatMul,
  backendName: "wasm",
  kernelFunc: ({ inputs, backend, attrs }) => {
    const { transposeA, transposeB } = attrs as unknown as { transposeA: boolean; transposeB: boolean };
    return batchMatMul(
      inputs["a"] as TensorInfo,
      inputs["b"] as TensorInfo,
      transposeA,
      transposeB,
      backend as WasmBackend,
    );
  },
};

// --- internal ---

/** A stack of equal matrices on the heap, row by row. */
interface Matrices {
  tensor: TensorInfo;
  count: number;
  rows: number;
  columns: number;
}

function batchMatMul(
  a: TensorInfo,
  b: TensorInfo,
  transposeA: boolean,
  transposeB: boolean,
  backend: WasmBackend,
): TensorInfo {
  if (a.dtype !== "float32" || b.dtype !== "float32") {
    throw new TypeError(`Cannot multiply matrices of ${a.dtype} and ${b.dtype}: both must be float32`);
  }
  const left = matrices(a); // [count, M, K] or, transposed, [count, K, M]
  const right = matrices(b); // [count, K, N] or, transposed, [count, N, K]
  const inner = transposeA ? left.rows : left.columns;
  const rightInner = transposeB ? right.columns : right.rows;
  if (inner !== rightInner) {
    throw new TypeError(
      `Cannot multiply matrices as inner dimensions differ: ${operand(a, transposeA)} and ${operand(b, transposeB)}`,
    );
  }
  const m = transposeA ? left.columns : left.rows;
  const n = transposeB ? right.rows : right.columns;
  const outer = broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));

  const direct = (transposeA ? size(left) : 0) + (transposeB ? size(right) : 0);
  const swapped =
    (transposeA ? 0 : size(left)) + (transposeB ? 0 : size(right)) + util.sizeFromShape(outer) * m * n;
  if (direct <= swapped) {
    return withTransposed(left, transposeA, backend, (x) =>
      withTransposed(right, transposeB, backend, (y) => ({
        ...multiply(x, y, backend),
        shape: [...outer, m, n],
      })),
    );
  }
  const product = withTransposed(right, !transposeB, backend, (y) =>
    withTransposed(left, !transposeA, backend, (x) => multiply(y, x, backend)),
  ); // [count, N, M]
  const out = transpose(matrices(product), backend); // [count, M, N]
  backend.disposeData(product.dataId);
  return { ...out, shape: [...outer, m, n] };
}

/** `a·b` for untransposed stacks; a stack of one matrix is used for every matrix of the other. */
function multiply(a: Matrices, b: Matrices, backend: WasmBackend): TensorInfo {
  const count = a.count === 0 || b.count === 0 ? 0 : Math.max(a.count, b.count);
  const out = backend.makeOutput([count, a.rows, b.columns], "float32"); // [count, M, N]
  if (size(matrices(out)) === 0) return out;
  if (a.columns === 0) {
    backend.typedArrayFromHeap(out).fill(0);
    return out;
  }
  if (b.count === 1) {
    multiplyEach({ ...a, count: 1, rows: a.count * a.rows }, b, out, 1, backend);
  } else {
    multiplyEach(a, b, out, count, backend);
  }
  return out;
}

/**
 * Ids for matrices inside a tensor. TensorFlow.js counts its own upwards from 1, and its module looks tensors up
 * by id alone, so an id may stand for any piece of the heap.
 */
const A_ID = 0x7fff_fff1;
const B_ID = 0x7fff_fff2;
const OUT_ID = 0x7fff_fff3;

/** XNNPACK, matrix by matrix. */
function multiplyEach(a: Matrices, b: Matrices, out: TensorInfo, count: number, backend: WasmBackend): void {
  const { wasm } = backend;
  const shapes = wasm._malloc(24);
  // A view of its own: `out` and `shapes` may have grown the memory.
  new Int32Array(wasm.HEAPU8.buffer, shapes, 6).set([1, a.rows, a.columns, 1, b.rows, b.columns]);
  const place = (id: number, { tensor, rows, columns, count }: Matrices, i: number): void => {
    const start = backend.dataIdMap.get(tensor.dataId).memoryOffset;
    wasm.tfjs.registerTensor(id, rows * columns, start + (count === 1 ? 0 : i) * rows * columns * 4);
  };
  const result = { tensor: out, count, rows: a.rows, columns: b.columns };
  for (let i = 0; i < count; i++) {
    place(A_ID, a, i);
    place(B_ID, b, i);
    place(OUT_ID, result, i);
    wasm._BatchMatMul(A_ID, shapes, 3, B_ID, shapes + 12, 3, 0, 0, OUT_ID);
    for (const id of [A_ID, B_ID, OUT_ID]) wasm.tfjs.disposeData(id);
  }
  wasm._free(shapes);
}

/** Call `use` with the matrices, transposed if so wished, and free the copy after. */
function withTransposed<T>(
  x: Matrices,
  transposed: boolean,
  backend: WasmBackend,
  use: (x: Matrices) => T,
): T {
  if (!transposed) return use(x);
  const copy = transpose(x, backend);
  const result = use(matrices(copy));
  backend.disposeData(copy.dataId);
  return result;
}

function transpose({ tensor, count, rows, columns }: Matrices, backend: WasmBackend): TensorInfo {
  const x = { ...tensor, shape: [count, rows, columns] };
  const kernel = getKernel(Transpose, "wasm");
  return kernel.kernelFunc({
    inputs: { x },
    backend,
    attrs: { perm: [0, 2, 1] },
  }) as TensorInfo;
}

function matrices(tensor: TensorInfo): Matrices {
  const { shape } = tensor;
  const [rows = 1, columns = 1] = shape.slice(-2);
  return { tensor, count: util.sizeFromShape(shape.slice(0, -2)), rows, columns };
}

function operand({ shape }: TensorInfo, transposed: boolean): string {
  return `[${shape.join(", ")}]${transposed ? " transposed" : ""}`;
}

function size({ count, rows, columns }: Matrices): number {
  return count * rows * columns;
}
