/**
 * Forward passes of BERT: ours in fp32, int8 and int4, ONNX Runtime's on WASM (onnxruntime-web) and native (onnxruntime-node)
 * in fp32 and int8, and TensorFlow.js's own WASM kernels; one thread each, in one process, by turns.
 *
 * All have the same weights, random ones. ONNX Runtime's graphs are written here, operator by operator; its int8 is what
 * `quantize_dynamic` makes. TensorFlow.js's own kernels get the weights as they like them, `[in, out]`. Hidden states are
 * compared. The vocabulary has 1,000 tokens, for the table is only looked up. Times are the processor's, which a busy machine
 * changes less than those of a clock on the wall.
 *
 *     npm run bench -- inference
 *
 * `KCBERT_SUBJECTS=base-128,small-32` measures some of the subjects only.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus } from "node:os";
import process from "node:process";
import {
  type BertConfig,
  BertForSequenceClassification,
  BertModel,
  kcbertBase,
  quantize,
} from "@kcbert/bert";
import { classifyText } from "@kcbert/pipelines";
import { BertTokenizer } from "@kcbert/tokenizer";
import * as tf from "@tensorflow/tfjs";
import { kernelSets } from "./_kernel_sets.ts";
import { onnxOf } from "./_encoder_onnx.ts";

const base: BertConfig = { ...kcbertBase, vocabSize: 1000 };
const small: BertConfig = {
  ...base,
  hiddenSize: 256,
  numHiddenLayers: 4,
  numAttentionHeads: 4,
  intermediateSize: 1024,
};

/** The geometry of @kcbert/model-mini. */
const mini: BertConfig = {
  ...base,
  hiddenSize: 384,
  numHiddenLayers: 4,
  numAttentionHeads: 6,
  intermediateSize: 1536,
};

interface Subject {
  name: string;
  config: BertConfig;
  /** Tokens of each text. */
  lengths: readonly number[];
  /** Timed, after a third as many of warming up. */
  rounds: number;
}

const subjects: Subject[] = [
  { name: "base-128", config: base, lengths: [128], rounds: 7 },
  { name: "base-16", config: base, lengths: [16], rounds: 7 },
  { name: "base-32", config: base, lengths: [32], rounds: 7 },
  { name: "base-64", config: base, lengths: [64], rounds: 7 },
  { name: "base-300", config: base, lengths: [300], rounds: 7 },
  { name: "base-mixed", config: base, lengths: [9, 14, 17, 23, 31, 12, 20, 32], rounds: 7 },
  { name: "small-32", config: small, lengths: [32], rounds: 60 },
  { name: "mini-32", config: mini, lengths: [32], rounds: 40 },
];

/** What both packages of ONNX Runtime are, as far as is needed here. */
interface OnnxRuntime {
  env: { wasm: { numThreads?: number } };
  Tensor: new (type: string, data: BigInt64Array | Float32Array, dims: number[]) => unknown;
  InferenceSession: {
    create(
      model: Uint8Array,
      options: object,
    ): Promise<{ run(feeds: Record<string, unknown>): Promise<Record<string, { data: Float32Array }>> }>;
  };
}

/** A batch as arrays: B texts in rows of T tokens. */
interface Batch {
  shape: [batch: number, tokens: number];
  ids: Int32Array;
  /** 1 where there is a token. */
  mask: Int32Array;
}

type Run = (batch: Batch) => Promise<Float32Array>;

interface Peer {
  /** Which of the WASM backend's kernels it runs on. */
  kernels: "ours" | "stock";
  run: Run;
}

const use = await kernelSets();
const require = createRequire(import.meta.url);
const web = require("onnxruntime-web") as OnnxRuntime;
const native = require("onnxruntime-node") as OnnxRuntime;
web.env.wasm.numThreads = 1;

console.log(
  `${cpus()[0]!.model.trim()}, Node ${process.version}, one thread, medians, by turns; ${dotLimit()}`,
);
const wanted = process.env["KCBERT_SUBJECTS"]?.split(",");
const chosen = subjects.filter(({ name }) => wanted === undefined || wanted.includes(name));
for (const config of new Set(chosen.map((subject) => subject.config))) {
  const peers = await peersOf(config);
  for (const subject of chosen) if (subject.config === config) await measure(subject, peers);
}
if (wanted === undefined || wanted.includes("text")) await textToLabel();
process.exit(0); // the runtimes of the peers would linger

// --- internal ---

async function peersOf(config: BertConfig): Promise<Map<string, Peer>> {
  use("ours");
  const model = BertModel.init(config, { seed: 1, pooler: false });
  const [int8, int4] = [await quantize(model, "int8"), await quantize(model, "int4")];
  const [fp32File, int8File] = [onnxOf(model, 32), onnxOf(model, 8)];
  const onWasm = { executionProviders: ["wasm"] };
  const alone = { intraOpNumThreads: 1, interOpNumThreads: 1 };
  return new Map<string, Peer>([
    ["ours, int8", { kernels: "ours", run: ours(int8) }],
    ["ours, int4", { kernels: "ours", run: ours(int4) }],
    ["ours, fp32", { kernels: "ours", run: ours(model) }],
    ["onnxruntime-web, int8", { kernels: "ours", run: await onnx(web, int8File, onWasm) }],
    ["onnxruntime-web, fp32", { kernels: "ours", run: await onnx(web, fp32File, onWasm) }],
    ["onnxruntime-node (native), int8", { kernels: "ours", run: await onnx(native, int8File, alone) }],
    ["onnxruntime-node (native), fp32", { kernels: "ours", run: await onnx(native, fp32File, alone) }],
    ["tfjs-wasm, fp32", { kernels: "stock", run: stock(model) }],
  ]);
}

async function measure(
  { name, config, lengths, rounds }: Subject,
  peers: ReadonlyMap<string, Peer>,
): Promise<void> {
  const batch = batchOf(lengths);
  const times = new Map<string, number[]>([...peers.keys()].map((peer) => [peer, []]));
  const said = new Map<string, Float32Array>();
  for (let round = -Math.ceil(rounds / 3); round < rounds; round++) {
    for (const [peer, { kernels, run }] of peers) {
      use(kernels);
      const start = clock();
      const values = await run(batch);
      if (round >= 0) times.get(peer)!.push(clock() - start);
      said.set(peer, Float32Array.from(values));
    }
  }
  const reference = said.get("onnxruntime-node (native), fp32")!;
  const ms = new Map([...times].map(([peer, values]) => [peer, median(values)]));
  const operations = operationsOf(config, batch.shape);
  console.log(
    `\n${name}: ${lengths.length === 1 ? "one text" : `${lengths.length} texts`} of ${lengths.join(", ")} tokens`,
  );
  console.log(
    "\n| | ms | ours int8 takes | ours fp32 takes | GOP/s | cosine to fp32 |\n| --- | ---: | ---: | ---: | ---: | ---: |",
  );
  for (const [peer, time] of ms) {
    const ratio = (ours: string): string => `${(ms.get(ours)! / time).toFixed(2)} ×`;
    const agreement = cosine(said.get(peer)!, reference, batch, config.hiddenSize);
    if (!(agreement > 0.97)) throw new Error(`Hidden states differ: ${peer} has a cosine of ${agreement}`);
    console.log(
      `| ${peer} | ${time.toFixed(1)} | ${ratio("ours, int8")} | ${ratio("ours, fp32")} | ${(operations / time / 1e6).toFixed(0)} | ${agreement.toFixed(5)} |`,
    );
  }
}

/** From a text to its label, tokenizer and all: 4 layers of 256 in int8, KcBERT's vocabulary. */
async function textToLabel(): Promise<void> {
  use("ours");
  const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");
  const tokenizer = BertTokenizer.fromVocab(read("../tests/golden/tokenizer/kcbert.vocab.txt"));
  const model = await quantize(
    BertForSequenceClassification.init({ ...small, vocabSize: 30000 }, { seed: 1 }),
    "int8",
  );
  const text =
    "이 영화 진짜 재미있게 봤는데 마지막 장면이 너무 아쉬웠어요 그래도 배우들 연기는 최고였습니다 다음 편도 기대할게요";
  const times: number[] = [];
  for (let round = -20; round < 100; round++) {
    const start = clock();
    await classifyText(model, tokenizer, [text]);
    if (round >= 0) times.push(clock() - start);
  }
  const { length } = tokenizer.encode(text);
  console.log(
    `\nText to label, 4×256 int8, ${length} tokens, tokenizer included: ${median(times).toFixed(2)} ms`,
  );
}

function ours(model: BertModel): Run {
  return async (batch) => {
    return valuesOf(() => {
      const inputIds = tf.tensor2d(batch.ids, batch.shape, "int32");
      const inputs = batch.mask.every((one) => one === 1)
        ? { inputIds }
        : { inputIds, attentionMask: tf.tensor2d(batch.mask, batch.shape, "int32") };
      return model.forward(inputs).lastHiddenState;
    });
  };
}

async function onnx(runtime: OnnxRuntime, file: Uint8Array, options: object): Promise<Run> {
  const session = await runtime.InferenceSession.create(file, { graphOptimizationLevel: "all", ...options });
  return async ({ ids, mask, shape: [rows, tokens] }) => {
    const int64 = (values: ArrayLike<number>): unknown =>
      new runtime.Tensor("int64", BigInt64Array.from(Array.from(values, BigInt)), [rows, tokens]);
    const outputs = await session.run({
      ids: int64(ids),
      positions: int64(ids.map((_, i) => i % tokens)),
      mask: new runtime.Tensor(
        "float32",
        Float32Array.from(mask, (one) => (one === 1 ? 0 : -1e9)),
        [rows, 1, 1, tokens],
      ),
    });
    return Object.values(outputs)[0]!.data;
  };
}

/** The same encoder by TensorFlow.js's operations and its own kernels, with weights turned to `[in, out]` beforehand. */
function stock(model: BertModel): Run {
  use("stock");
  const { hiddenSize: h, numAttentionHeads: heads, numHiddenLayers, layerNormEps } = model.config;
  const parameter = (key: string): tf.Tensor => model.parameters.get(key)!;
  const turned = new Map(
    [...model.parameters]
      .filter(([key]) => key.endsWith("weight"))
      .map(([key, { shape }]) => [
        key,
        shape.length === 2 && key.startsWith("encoder")
          ? tf.transpose<tf.Tensor>(parameter(key))
          : parameter(key),
      ]),
  );
  const linear = (x: tf.Tensor, name: string): tf.Tensor =>
    tf.add(
      tf.matMul(x as tf.Tensor2D, turned.get(`${name}.weight`) as tf.Tensor2D),
      parameter(`${name}.bias`),
    );
  const norm = (x: tf.Tensor, name: string): tf.Tensor => {
    const { mean, variance } = tf.moments(x, -1, true);
    const normal = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, layerNormEps)));
    return tf.add(tf.mul(normal, parameter(`${name}.weight`)), parameter(`${name}.bias`));
  };
  const forward = (batch: Batch): tf.Tensor => {
    const [rows, tokens] = batch.shape;
    const words = tf.gather(parameter("embeddings.word_embeddings.weight"), tf.tensor1d(batch.ids, "int32"));
    const places = tf.slice(parameter("embeddings.position_embeddings.weight"), [0, 0], [tokens, h]);
    const type = tf.slice(parameter("embeddings.token_type_embeddings.weight"), [0, 0], [1, h]);
    const sum = tf.add(tf.add(tf.reshape(words, [rows, tokens, h]), places), type);
    const bias = tf.mul(tf.sub(1, tf.tensor4d(Float32Array.from(batch.mask), [rows, 1, 1, tokens])), -1e9);
    let hidden = norm(tf.reshape(sum, [-1, h]), "embeddings.LayerNorm");
    for (let l = 0; l < numHiddenLayers; l++) {
      const layer = `encoder.layer.${l}`;
      const split = (part: string, axes: number[]): tf.Tensor =>
        tf.transpose(
          tf.reshape(linear(hidden, `${layer}.attention.self.${part}`), [rows, tokens, heads, h / heads]),
          axes,
        );
      const scores = tf.matMul(split("query", [0, 2, 1, 3]), split("key", [0, 2, 3, 1]));
      const weights = tf.softmax(tf.add(tf.div(scores, Math.sqrt(h / heads)), bias));
      const context = tf.transpose(tf.matMul(weights, split("value", [0, 2, 1, 3])), [0, 2, 1, 3]);
      const out = linear(tf.reshape(context, [-1, h]), `${layer}.attention.output.dense`);
      const attended = norm(tf.add(out, hidden), `${layer}.attention.output.LayerNorm`);
      const wide = linear(attended, `${layer}.intermediate.dense`);
      const grown = tf.mul(tf.mul(wide, tf.add(tf.erf(tf.mul(wide, Math.SQRT1_2)), 1)), 0.5);
      hidden = norm(tf.add(linear(grown, `${layer}.output.dense`), attended), `${layer}.output.LayerNorm`);
    }
    return hidden;
  };
  return async (batch) => valuesOf(() => forward(batch));
}

function batchOf(lengths: readonly number[]): Batch {
  const tokens = Math.max(...lengths);
  const shape: [number, number] = [lengths.length, tokens];
  const place = (i: number): [row: number, token: number] => [Math.floor(i / tokens), i % tokens];
  const cell = (f: (row: number, token: number) => number): Int32Array =>
    Int32Array.from({ length: lengths.length * tokens }, (_, i) => f(...place(i)));
  return {
    shape,
    ids: cell((row, token) => (5 + 37 * token + 11 * row) % 1000),
    mask: cell((row, token) => (token < lengths[row]! ? 1 : 0)),
  };
}

/** Multiplications and additions of the products. */
function operationsOf(
  { hiddenSize: h, intermediateSize: i, numHiddenLayers }: BertConfig,
  [rows, tokens]: readonly [number, number],
): number {
  return 2 * numHiddenLayers * rows * tokens * (4 * h * h + 2 * h * i + 2 * tokens * h);
}

/** Over the tokens that are no padding. */
function cosine(a: Float32Array, b: Float32Array, { mask }: Batch, h: number): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    if (mask[Math.floor(i / h)] === 0) continue;
    dot += a[i]! * b[i]!;
    aa += a[i]! * a[i]!;
    bb += b[i]! * b[i]!;
  }
  return dot / Math.sqrt(aa * bb);
}

/** What a tensor holds; all that was made for it is freed. (`tf.tidy` looks through an array that it is to give back.) */
function valuesOf(f: () => tf.Tensor): Float32Array {
  tf.engine().startScope();
  const values = f().dataSync() as Float32Array;
  tf.engine().endScope();
  return values;
}

/** Milliseconds of processor time: one thread's, and the same on a busy machine as on a quiet one. */
function clock(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/**
 * What the processor's units of 128 bits could do at the clock that this machine shows: a chain of dependent additions takes
 * one cycle each. Two multiplications a cycle; eight-bit products of 16 pairs take one each where the processor has VNNI for
 * 128 bits. Here V8 makes them of a `pmaddubsw` and, once in eight, a `pmaddwd`, 1.125; as many additions fill the other two
 * of its four units.
 */
function dotLimit(): string {
  const count = 2 ** 24;
  let best = Number.POSITIVE_INFINITY;
  let kept: number | undefined;
  for (let round = 0; round < 20; round++) {
    const start = clock();
    kept = chain(count, kept ?? 0);
    best = Math.min(best, clock() - start);
  }
  const cycles = kept === undefined ? 0 : (4 * count) / best / 1e6;
  return `clock about ${cycles.toFixed(1)} GHz: units of 128 bits reach ${(cycles * 16).toFixed(0)} GFLOP/s in fp32, ${((cycles * 64) / 1.125).toFixed(0)} GOP/s in int8 without VNNI, ${(cycles * 64).toFixed(0)} with it`;
}

/** Four dependent operations of a cycle each, so many times. */
function chain(count: number, seed: number): number {
  let x = seed | 0;
  for (let i = 0; i < count; i++) {
    x = (x + i) | 0;
    x = (x ^ 0x5bd1e995) | 0;
    x = (x + 0x1b873593) | 0;
    x = (x ^ i) | 0;
  }
  return x;
}
