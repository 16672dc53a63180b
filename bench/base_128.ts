/**
 * A forward pass of BERT-base geometry (12 layers of 768, batch 1, 128 tokens, fp32, random weights): ours on TensorFlow.js's
 * WASM backend, onnxruntime-web (WASM) and onnxruntime-node; one thread each, in one process, by turns.
 *
 * All run the same weights; the graph for ONNX Runtime is written here, operator by operator, and the hidden states are
 * compared. The vocabulary has 1,000 tokens: the table is only looked up.
 */
import { createRequire } from "node:module";
import { cpus } from "node:os";
import process from "node:process";
import { type BertConfig, BertModel, kcbertBase } from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs";

const rounds = 7; // timed, after two of warming up
const tokens = 128;
const config: BertConfig = { ...kcbertBase, vocabSize: 1000 };
const ids = Int32Array.from({ length: tokens }, (_, i) => (5 + 37 * i) % config.vocabSize);

// --- protocol buffers, as far as ONNX needs them ---

/** Bytes in pieces, so that weights are not copied from message to message. */
type Pieces = Uint8Array[];

const length = (pieces: Pieces): number => pieces.reduce((sum, { length }) => sum + length, 0);

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.of(...bytes, Number(rest));
}

const integer = (field: number, value: number): Pieces => [varint(field << 3), varint(value)];
const message = (field: number, ...parts: Pieces[]): Pieces => {
  const pieces = parts.flat();
  return [varint((field << 3) | 2), varint(length(pieces)), ...pieces];
};
const text = (field: number, value: string): Pieces => message(field, [new TextEncoder().encode(value)]);
const float = (field: number, value: number): Pieces => [
  varint((field << 3) | 5),
  new Uint8Array(Float32Array.of(value).buffer),
];

// --- the graph ---

const FLOAT = 1;
const INT64 = 7;

class Graph {
  readonly nodes: Pieces[] = [];
  readonly initializers: Pieces[] = [];
  #count = 0;

  /** An operator; gives the name of its output. */
  add(operator: string, inputs: readonly string[], attributes: Record<string, Pieces> = {}): string {
    const output = `t${this.#count++}`;
    const written = Object.entries(attributes).map(([name, value]) => message(5, text(1, name), value));
    this.nodes.push(
      message(1, ...inputs.map((name) => text(1, name)), text(2, output), text(4, operator), ...written),
    );
    return output;
  }

  /** A constant; gives its name. */
  constant(values: Float32Array | BigInt64Array, shape: readonly number[]): string {
    const name = `c${this.#count++}`;
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const type = values instanceof Float32Array ? FLOAT : INT64;
    const dims = shape.map((size) => integer(1, size));
    this.initializers.push(message(5, ...dims, integer(2, type), text(8, name), message(9, [bytes])));
    return name;
  }

  /** The file. */
  model(output: string): Uint8Array {
    const tensor = (field: number, name: string, type: number, shape: readonly number[]): Pieces => {
      const dims = shape.map((size) => message(1, integer(1, size)));
      return message(field, text(1, name), message(2, message(1, integer(1, type), message(2, ...dims))));
    };
    const graph = [
      ...this.nodes,
      text(2, "bert"),
      ...this.initializers,
      tensor(11, "ids", INT64, [tokens]),
      tensor(12, output, FLOAT, [tokens, config.hiddenSize]),
    ];
    const pieces = [...integer(1, 8), ...message(8, text(1, ""), integer(2, 17)), ...message(7, ...graph)];
    const file = new Uint8Array(length(pieces));
    let at = 0;
    for (const piece of pieces) {
      file.set(piece, at);
      at += piece.length;
    }
    return file;
  }
}

const integers = (values: readonly number[]): Pieces => [
  ...values.flatMap((value) => integer(8, value)),
  ...integer(20, 7),
];
const attributeInteger = (value: number): Pieces => [...integer(3, value), ...integer(20, 2)];
const attributeFloat = (value: number): Pieces => [...float(2, value), ...integer(20, 1)];

/** The encoder of the model, without the pooler, as an ONNX file. */
function onnxOf(model: BertModel): Uint8Array {
  const graph = new Graph();
  const { hiddenSize, numAttentionHeads: heads } = config;
  const values = (key: string): Float32Array => model.parameters.get(key)!.dataSync() as Float32Array;
  const parameter = (key: string): string => graph.constant(values(key), model.parameters.get(key)!.shape);
  const scalar = (value: number): string => graph.constant(Float32Array.of(value), []);
  const rows = (key: string, count: number): string =>
    graph.constant(values(key).slice(0, count * hiddenSize), [count, hiddenSize]);
  const linear = (x: string, name: string): string => {
    const weight = model.parameters.get(`${name}.weight`)!;
    const turned = tf.tidy(() => tf.transpose(weight).dataSync() as Float32Array); // [in, out], as MatMul has it
    const product = graph.add("MatMul", [x, graph.constant(turned, weight.shape.toReversed())]);
    return graph.add("Add", [product, parameter(`${name}.bias`)]);
  };
  const norm = (x: string, name: string): string =>
    graph.add("LayerNormalization", [x, parameter(`${name}.weight`), parameter(`${name}.bias`)], {
      axis: attributeInteger(-1),
      epsilon: attributeFloat(config.layerNormEps),
    });
  const [root, half, one] = [scalar(Math.SQRT2), scalar(0.5), scalar(1)];
  const gelu = (x: string): string => {
    const erf = graph.add("Erf", [graph.add("Div", [x, root])]);
    return graph.add("Mul", [graph.add("Mul", [x, graph.add("Add", [erf, one])]), half]);
  };
  const apart = graph.constant(BigInt64Array.of(BigInt(tokens), BigInt(heads), -1n), [3]);
  const together = graph.constant(BigInt64Array.of(BigInt(tokens), BigInt(hiddenSize)), [2]);
  const scale = scalar(Math.sqrt(hiddenSize / heads));
  const transpose = (x: string, axes: readonly number[]): string =>
    graph.add("Transpose", [x], { perm: integers(axes) });
  const attend = (x: string, name: string): string => {
    const split = (part: string, axes: readonly number[]): string =>
      transpose(graph.add("Reshape", [linear(x, `${name}.${part}`), apart]), axes);
    const scores = graph.add("MatMul", [split("query", [1, 0, 2]), split("key", [1, 2, 0])]); // [heads, T, T]
    const weights = graph.add("Softmax", [graph.add("Div", [scores, scale])], { axis: attributeInteger(-1) });
    const context = graph.add("MatMul", [weights, split("value", [1, 0, 2])]); // [heads, T, D]
    return graph.add("Reshape", [transpose(context, [1, 0, 2]), together]);
  };

  const words = graph.add("Gather", [parameter("embeddings.word_embeddings.weight"), "ids"]);
  const placed = graph.add("Add", [words, rows("embeddings.position_embeddings.weight", tokens)]);
  const typed = graph.add("Add", [placed, rows("embeddings.token_type_embeddings.weight", 1)]);
  let hidden = norm(typed, "embeddings.LayerNorm");
  for (let l = 0; l < config.numHiddenLayers; l++) {
    const layer = `encoder.layer.${l}`;
    const context = linear(attend(hidden, `${layer}.attention.self`), `${layer}.attention.output.dense`);
    const attended = norm(graph.add("Add", [context, hidden]), `${layer}.attention.output.LayerNorm`);
    const wide = gelu(linear(attended, `${layer}.intermediate.dense`));
    hidden = norm(
      graph.add("Add", [linear(wide, `${layer}.output.dense`), attended]),
      `${layer}.output.LayerNorm`,
    );
  }
  return graph.model(hidden);
}

// --- the runs ---

/** What both packages of ONNX Runtime are, as far as is needed here. */
interface OnnxRuntime {
  env: { wasm: { numThreads?: number } };
  Tensor: new (type: "int64", data: BigInt64Array, dims: number[]) => unknown;
  InferenceSession: {
    create(
      model: Uint8Array,
      options: object,
    ): Promise<{ run(feeds: Record<string, unknown>): Promise<Record<string, { data: Float32Array }>> }>;
  };
}

type Run = () => Promise<Float32Array>;

async function onnxRun(runtime: OnnxRuntime, file: Uint8Array, options: object): Promise<Run> {
  const session = await runtime.InferenceSession.create(file, { graphOptimizationLevel: "all", ...options });
  const feeds = { ids: new runtime.Tensor("int64", BigInt64Array.from(ids, BigInt), [tokens]) };
  return async () => Object.values(await session.run(feeds))[0]!.data;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

await createWasmBackend();
await tf.setBackend("wasm");
const model = BertModel.init(config, { seed: 1, pooler: false });
const inputIds = tf.tensor2d(ids, [1, tokens], "int32");
const file = onnxOf(model);

const require = createRequire(import.meta.url);
const web = require("onnxruntime-web") as OnnxRuntime;
const native = require("onnxruntime-node") as OnnxRuntime;
web.env.wasm.numThreads = 1;
const runs: Record<string, Run> = {
  "ours, tfjs-wasm": async () =>
    tf.tidy(() => model.forward({ inputIds }).lastHiddenState.dataSync() as Float32Array),
  "onnxruntime-web, wasm": await onnxRun(web, file, { executionProviders: ["wasm"] }),
  "onnxruntime-node, cpu": await onnxRun(native, file, { intraOpNumThreads: 1, interOpNumThreads: 1 }),
};

const times = new Map<string, number[]>(Object.keys(runs).map((name) => [name, []]));
const said = new Map<string, Float32Array>();
for (let round = -2; round < rounds; round++) {
  for (const [name, run] of Object.entries(runs)) {
    const start = performance.now();
    const values = await run();
    if (round >= 0) times.get(name)!.push(performance.now() - start);
    said.set(name, Float32Array.from(values));
  }
}

const [ours] = said.values();
const milliseconds = new Map([...times].map(([name, values]) => [name, median(values)]));
const [reference] = milliseconds.values();
console.log(
  `${cpus()[0]!.model.trim()}, Node ${process.version}, one thread, median of ${rounds}, alternating`,
);
console.table(
  [...milliseconds].map(([name, time]) => {
    const difference = said
      .get(name)!
      .reduce((most, value, i) => Math.max(most, Math.abs(value - ours![i]!)), 0);
    if (!(difference < 1e-3)) throw new Error(`Outputs differ by ${difference}: ${name}`);
    return {
      name,
      ms: Math.round(time),
      "ours takes": `${(reference! / time).toFixed(2)}×`,
      "largest difference": difference.toExponential(1),
    };
  }),
);
process.exit(0); // the runtimes of the peers would linger
