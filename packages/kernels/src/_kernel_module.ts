/**
 * Our WebAssembly module, beside TensorFlow.js's and on its memory.
 *
 * @module
 */

/** What the module exports; `assembly/` says what each does. Numbers that name tensors or scratch are addresses. */
export interface KernelModule {
  activate(x: number, to: number, n: number, activation: number): void;
  geluGrad(dy: number, x: number, dx: number, n: number): void;
  matMulScratch(m: number, n: number, k: number): number;
  matMul(
    a: number,
    lda: number,
    transA: boolean,
    b: number,
    ldb: number,
    transB: boolean,
    c: number,
    ldc: number,
    m: number,
    n: number,
    k: number,
    bias: number,
    activation: number,
    scratch: number,
  ): void;
  sumRows(x: number, rows: number, width: number, to: number): void;
  segmentSum(
    x: number,
    ids: number,
    to: number,
    count: number,
    width: number,
    segments: number,
    isFloat: boolean,
  ): void;
  layerNorm(
    x: number,
    residual: number,
    gain: number,
    bias: number,
    y: number,
    normal: number,
    inverse: number,
    m: number,
    h: number,
    eps: number,
  ): void;
  layerNormGrad(
    dy: number,
    normal: number,
    inverse: number,
    gain: number,
    dx: number,
    dgain: number,
    dbias: number,
    m: number,
    h: number,
  ): void;
  crossEntropy(
    logits: number,
    labels: number,
    probabilities: number,
    rows: number,
    n: number,
    ignored: number,
    keep: boolean,
  ): number;
  crossEntropyGrad(
    dy: number,
    probabilities: number,
    labels: number,
    dx: number,
    rows: number,
    n: number,
    ignored: number,
  ): void;
  attentionScratch(tokens: number, size: number): number;
  attention(
    q: number,
    k: number,
    v: number,
    width: number,
    bias: number,
    biasRows: number,
    drop: number,
    context: number,
    probabilities: number,
    batch: number,
    heads: number,
    tokens: number,
    size: number,
    scale: number,
    scratch: number,
  ): void;
  attentionGrad(
    dy: number,
    q: number,
    k: number,
    v: number,
    probabilities: number,
    drop: number,
    dq: number,
    dk: number,
    dv: number,
    batch: number,
    heads: number,
    tokens: number,
    size: number,
    scale: number,
    scratch: number,
  ): void;
  dropout(
    x: number,
    y: number,
    n: number,
    low: number,
    high: number,
    step: number,
    stream: number,
    bound: number,
    keep: number,
  ): void;
  adamW(
    p: number,
    m: number,
    v: number,
    g: number,
    nextP: number,
    nextM: number,
    nextV: number,
    n: number,
    firstWeight: number,
    secondWeight: number,
    rate: number,
    firstCorrection: number,
    secondCorrection: number,
    beta1: number,
    beta2: number,
    epsilon: number,
    decay: number,
  ): void;
  sumOfSquares(x: number, n: number): number;
  packedBytes(rows: number, columns: number, bits: number): number;
  packInt8(from: number, scales: number, to: number, toScales: number, rows: number, columns: number): void;
  unpackInt8(from: number, to: number, rows: number, columns: number): void;
  unpackInt8Scales(from: number, to: number, rows: number): void;
  packInt4(from: number, to: number, rows: number, columns: number): void;
  unpackInt4(from: number, to: number, rows: number, columns: number): void;
  packScales(from: number, to: number, rows: number, groups: number): void;
  unpackScales(from: number, to: number, rows: number, groups: number): void;
  quantizedBytes(m: number, columns: number): number;
  quantize(
    bits: number,
    scales: number,
    x: number,
    m: number,
    columns: number,
    activation: number,
    to: number,
  ): void;
  quantizedScratch(columns: number): number;
  quantizedLinear(
    bits: number,
    x: number,
    weights: number,
    scales: number,
    groupSize: number,
    bias: number,
    y: number,
    m: number,
    rows: number,
    columns: number,
    activation: number,
    scratch: number,
  ): void;
}

/** Activations that the module knows, under the names that kernels' attributes have. */
export const ACTIVATION_CODES: ReadonlyMap<string, number> = new Map([
  ["linear", 0],
  ["gelu", 1],
  ["relu", 2],
]);

/** The code of a kernel's attribute `activation`; nothing is `"linear"`. */
export function activationOf({ attributes }: { attributes: Readonly<Record<string, unknown>> }): number {
  const given = attributes["activation"] ?? "linear";
  const name = typeof given === "string" ? given : JSON.stringify(given);
  const code = ACTIVATION_CODES.get(name);
  if (code !== undefined) return code;
  const known = [...ACTIVATION_CODES.keys()].join(", ");
  throw new RangeError(`Cannot run a kernel with the activation ${name}: known are ${known}`);
}

/** Where the module comes from if not from the package. */
export type KernelSource = WebAssembly.Module | URL | Uint8Array;

/** Start the module on a memory. */
export async function instantiateKernels(
  memory: WebAssembly.Memory,
  source: KernelSource | undefined,
): Promise<KernelModule> {
  const module = source === undefined ? await compileOwn() : await compile(source, "kernels");
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  return exports as unknown as KernelModule;
}

/** Compile a binary, from wherever it is. */
export async function compile(source: KernelSource, option: string): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  if (source instanceof Uint8Array) return WebAssembly.compile(source as Uint8Array<ArrayBuffer>);
  if (!(source instanceof URL)) {
    throw new TypeError(
      `Cannot start the WASM backend as ${option} must be a WebAssembly.Module, a Uint8Array or a URL: it is ${typeof source}`,
    );
  }
  const response = await fetch(source);
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`.trim());
  return WebAssembly.compile(await response.arrayBuffer());
}

// --- internal ---

/** The build for this engine, out of this package. */
async function compileOwn(): Promise<WebAssembly.Module> {
  const { WASM } = WebAssembly.validate(RELAXED_PROBE)
    ? await import("./_kernels_relaxed.ts")
    : await import("./_kernels_simd.ts");
  return WebAssembly.compile(Uint8Array.from(atob(WASM), (letter) => letter.charCodeAt(0)));
}

/** `(func (result v128) (i8x16.relaxed_swizzle (v128.const 0) (v128.const 0)))`: valid where relaxed SIMD is. */
// oxfmt-ignore
const RELAXED_PROBE: Uint8Array<ArrayBuffer> = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, // magic, version
  1, 5, 1, 96, 0, 1, 123, // type: () → v128
  3, 2, 1, 0, // function 0 of type 0
  10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11, // its code
]);
