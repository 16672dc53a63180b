import {
  _FusedMatMul,
  BatchMatMul,
  broadcast_util,
  Elu,
  getKernel,
  type KernelConfig,
  LeakyRelu,
  Prelu,
  Relu6,
  Sigmoid,
  type TensorInfo,
  util,
} from "@tensorflow/tfjs-core";
import { type Call, defineKernel } from "./_define_kernel.ts";
import { ACTIVATION_CODES, activationOf } from "./_kernel_module.ts";

/** `BatchMatMul` for the WASM backend: any operand may be transposed, and batches broadcast. */
export const batchMatMulConfig: KernelConfig = defineKernel(BatchMatMul, (call) => batchMatMul(call));

/**
 * `_FusedMatMul` for the WASM backend: the same with a bias, of one number or one for each column, and an activation. Of
 * TensorFlow.js's activations `relu` is computed in the product, the others after it.
 */
export const fusedMatMulConfig: KernelConfig = defineKernel(_FusedMatMul, (call) => {
  const activation = String(call.attributes["activation"] ?? "linear");
  const bias = call.optional("bias");
  const code = ACTIVATION_CODES.get(activation);
  const product = batchMatMul(call, bias, code);
  if (code !== undefined) return product;
  const kernelName = AFTERWARDS.get(activation);
  if (kernelName === undefined) {
    const known = [...ACTIVATION_CODES.keys(), ...AFTERWARDS.keys()].join(", ");
    throw new RangeError(`Cannot multiply matrices with the activation ${activation}: known are ${known}`);
  }
  const alpha = call.optional("preluActivationWeights");
  const result = getKernel(kernelName, "wasm").kernelFunc({
    inputs: alpha === undefined ? { x: product } : { x: product, alpha },
    attrs: { alpha: Number(call.attributes["leakyreluAlpha"]) },
    backend: call.backend,
  });
  call.backend.disposeData(product.dataId);
  return result;
});

/** `x·Wᵀ + bias` with an activation, for `linear()` of `@kcbert/bert`: x `[M, I]`, weight `[O, I]`, bias `[O]`. */
export const linearConfig: KernelConfig = defineKernel("Linear", (call) => {
  const x = call.input("x"); // [M, I]
  const weight = call.input("weight"); // [O, I]
  const bias = call.input("bias"); // [O]
  const [m = 0, inner = 0] = x.shape;
  const [n = 0, columns = 0] = weight.shape;
  if (
    x.shape.length !== 2 ||
    weight.shape.length !== 2 ||
    inner !== columns ||
    bias.shape.join() !== `${n}`
  ) {
    throw new TypeError(
      `Cannot run Linear as x, weight and bias must be [M, I], [O, I] and [O]: they are [${x.shape.join(", ")}], [${weight.shape.join(", ")}] and [${bias.shape.join(", ")}]`,
    );
  }
  const code = activationOf(call);
  const [from, by, plus] = [call.at(x), call.at(weight), call.at(bias)];
  const out = call.output([m, n]);
  const scratch = call.scratch(call.module.matMulScratch(m, n, inner));
  call.module.matMul(from, inner, false, by, inner, true, call.at(out), n, m, n, inner, plus, code, scratch);
  return out;
});

// --- internal ---

/** TensorFlow.js's activations that are kernels of their own. */
const AFTERWARDS: ReadonlyMap<string, string> = new Map([
  ["relu6", Relu6],
  ["elu", Elu],
  ["sigmoid", Sigmoid],
  ["prelu", Prelu],
  ["leakyrelu", LeakyRelu],
]);

/** A stack of equal matrices, row by row. */
interface Matrices {
  batch: readonly number[];
  rows: number;
  columns: number;
}

function batchMatMul(call: Call, bias?: TensorInfo, activation = 0): TensorInfo {
  const a = call.input("a");
  const b = call.input("b");
  const transA = call.attributes["transposeA"] === true;
  const transB = call.attributes["transposeB"] === true;
  const left = matrices(a); // [..., M, K] or, transposed, [..., K, M]
  const right = matrices(b); // [..., K, N] or, transposed, [..., N, K]
  const [m, k] = transA ? [left.columns, left.rows] : [left.rows, left.columns];
  const [inner, n] = transB ? [right.columns, right.rows] : [right.rows, right.columns];
  if (k !== inner) {
    throw new TypeError(
      `Cannot multiply matrices as inner dimensions differ: ${operand(a, transA)} and ${operand(b, transB)}`,
    );
  }
  const batch = broadcast_util.assertAndGetBroadcastShape([...left.batch], [...right.batch]);
  const out = call.output([...batch, m, n]); // [..., M, N]
  const row = bias === undefined ? 0 : biasRow(call, bias, n);
  if (util.sizeFromShape(out.shape) === 0) return out;
  const scratch = call.scratch(call.module.matMulScratch(util.sizeFromShape(batch) * m, n, k));
  const multiply = (rows: number, x: number, y: number, to: number): void =>
    call.module.matMul(
      call.at(a) + 4 * m * k * x,
      left.columns,
      transA,
      call.at(b) + 4 * k * n * y,
      right.columns,
      transB,
      call.at(out) + 4 * m * n * to,
      n,
      rows,
      n,
      k,
      row,
      activation,
      scratch,
    );
  const count = util.sizeFromShape(batch);
  if (!transA && util.sizeFromShape([...right.batch]) === 1) {
    multiply(count * m, 0, 0, 0); // the rows of all lie under one another
    return out;
  }
  const leftOf = places(left.batch, batch);
  const rightOf = places(right.batch, batch);
  for (let i = 0; i < count; i++) multiply(m, leftOf(i), rightOf(i), i);
  return out;
}

/** Which matrix of a stack belongs to the i-th of the stack that it is broadcast to. */
function places(batch: readonly number[], broadcast: readonly number[]): (i: number) => number {
  const count = util.sizeFromShape([...batch]);
  if (count === 1) return () => 0;
  if (count === util.sizeFromShape([...broadcast])) return (i) => i;
  const lacking = broadcast.length - batch.length;
  return (i) => {
    let [rest, place, stride] = [i, 0, 1];
    for (let axis = broadcast.length - 1; axis >= lacking; axis--) {
      const size = batch[axis - lacking]!;
      if (size > 1) place += (rest % broadcast[axis]!) * stride;
      rest = Math.floor(rest / broadcast[axis]!);
      stride *= size;
    }
    return place;
  };
}

/** A bias as a row of n numbers: its own place, or scratch with one number n times. */
function biasRow(call: Call, bias: TensorInfo, n: number): number {
  const size = util.sizeFromShape(bias.shape);
  const at = call.at(bias);
  if (size === n && bias.shape.at(-1) === n) return at;
  if (size !== 1) {
    throw new TypeError(
      `Cannot add a bias of shape [${bias.shape.join(", ")}] to a matrix of ${n} columns: it must have one number, or one for each column`,
    );
  }
  const row = call.scratch(4 * n);
  const [value = 0] = call.backend.typedArrayFromHeap(bias);
  new Float32Array(call.backend.typedArrayFromHeap(bias).buffer, row, n).fill(value);
  return row;
}

function matrices({ shape }: TensorInfo): Matrices {
  const [rows = 1, columns = 1] = shape.slice(-2);
  return { batch: shape.slice(0, -2), rows, columns };
}

function operand({ shape }: TensorInfo, transposed: boolean): string {
  return `[${shape.join(", ")}]${transposed ? " transposed" : ""}`;
}
