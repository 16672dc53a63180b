import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  type BertClass,
  BertForMaskedLM,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
  BertModel,
  BertPreTrainedModel,
  loadConfig,
  type PretrainedSource,
} from "@kcbert/bert";
import { loadTokenizer } from "@kcbert/pipelines";
import * as tf from "@tensorflow/tfjs-core";

/** What a model takes, measured in this process on the WASM backend. */
export interface Measured {
  /** The class of the model. */
  readonly architecture: string;
  /** Numbers in its weights. */
  readonly parameters: number;
  /** `float32`, `int8` or `int4`. */
  readonly weights: string;
  /** Bytes of its files. */
  readonly fileBytes: number;
  /** Bytes of memory that it takes while it answers: WebAssembly's heap, and JavaScript's. */
  readonly memory: number;
  /** Bytes of memory that it takes at most, while its weights are read. */
  readonly peakMemory: number;
  /** Tokens of the text that was timed. */
  readonly tokens: number;
  /** Milliseconds of a text, median of five after one of warming up, one thread. */
  readonly millisecondsPerText: number;
}

/**
 * Load a model on the WASM backend, run it, and take down what that takes.
 *
 * @param source Gives the files of its folder.
 * @throws As `fromPretrained` and `loadTokenizer` throw.
 */
export async function measureModel(
  source: PretrainedSource,
  { tokens, signal }: { tokens: number; signal: AbortSignal },
): Promise<Measured> {
  const collect = garbageCollector();
  const files = new Map<string, number>();
  const counted: PretrainedSource = async (name, options) => {
    const found = await source(name, options);
    if (found === undefined) return undefined;
    if (found instanceof Uint8Array) {
      files.set(name, Math.max(files.get(name) ?? 0, found.length));
      return found;
    }
    return counting(found, (bytes) => files.set(name, bytes));
  };
  collect();
  const before = process.memoryUsage();
  const config = await loadConfig(counted, { signal });
  const Model = MODELS.get(config.architectures?.[0] ?? "BertForMaskedLM") ?? BertModel;
  const tokenizer = await loadTokenizer(counted, { signal });
  const options = { signal, frozen: true, pooler: false };
  const model: BertPreTrainedModel = await BertPreTrainedModel.fromPretrained.call(Model, counted, options);
  const length = Math.min(tokens, config.maxPositionEmbeddings);
  const times: number[] = [];
  for (let i = 0; i < 6; i++) {
    signal.throwIfAborted();
    const start = performance.now();
    await run(model, length, tokenizer.maskId);
    times.push(performance.now() - start);
  }
  collect();
  const after = process.memoryUsage();
  const javascript = after.heapUsed - before.heapUsed + (after.arrayBuffers - before.arrayBuffers);
  const memory = Math.max(0, javascript) + wasmHeapBytes();
  const sizes = [...files.values()];
  const shapes = [...model.parameters.values(), ...model.matrices.values()].map(({ shape }) => shape);
  model.dispose();
  return {
    architecture: model.architecture,
    parameters: shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0),
    weights: weightsOf(config.extra),
    fileBytes: sizes.reduce((a, b) => a + b, 0),
    memory,
    peakMemory: memory + Math.max(0, ...sizes), // a server reads a file whole, to check its hash
    tokens: length,
    millisecondsPerText: times.slice(1).sort((a, b) => a - b)[2]!,
  };
}

// --- internal ---

const MODELS: ReadonlyMap<string, BertClass<BertPreTrainedModel>> = new Map<
  string,
  BertClass<BertPreTrainedModel>
>([
  ["BertForMaskedLM", BertForMaskedLM],
  ["BertForPreTraining", BertForMaskedLM],
  ["BertForSequenceClassification", BertForSequenceClassification],
  ["BertForTokenClassification", BertForTokenClassification],
  ["BertForQuestionAnswering", BertForQuestionAnswering],
]);

/** One text of so many tokens, as a server would run it; of a masked language model one mask is scored. */
async function run(model: BertPreTrainedModel, length: number, maskId: number): Promise<void> {
  const outputs = tf.tidy(() => {
    const inputIds = tf.tensor2d(new Int32Array(length).fill(maskId), [1, length], "int32"); // [1, T]
    const maskedPositions = tf.tensor1d([length >> 1], "int32");
    const forward = model as BertForMaskedLM;
    return Object.values(forward.forward({ inputIds }, { maskedPositions })).filter(
      (value): value is tf.Tensor => value instanceof tf.Tensor,
    );
  });
  await Promise.all(outputs.map((output) => output.data()));
  tf.dispose(outputs);
}

function weightsOf(extra: ReadonlyMap<string, unknown> | undefined): string {
  const bits: unknown = new Map(Object.entries(extra?.get("quantization_config") ?? {})).get("bits");
  return typeof bits === "number" ? `int${bits}` : "float32";
}

function wasmHeapBytes(): number {
  return (tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } }).wasm.HEAPU8.buffer.byteLength;
}

/** Without it, what is left over would be counted. */
function garbageCollector(): () => void {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  return typeof collect === "function" ? () => void collect() : () => {};
}

function counting(
  stream: ReadableStream<Uint8Array>,
  tell: (bytes: number) => void,
): ReadableStream<Uint8Array> {
  let bytes = 0;
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      tell((bytes += chunk.length));
      controller.enqueue(chunk);
    },
  });
  return stream.pipeThrough(counter);
}
