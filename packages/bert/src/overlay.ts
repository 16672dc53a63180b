import { baseOf, overlayStem, readBase, sha256, unloadable, withBase } from "./_overlay_base.ts";
import { loadQuantized, type QuantizedWeight, saveQuantized } from "./_quantized_files.ts";
import { loadConfig, type PretrainedSink, type PretrainedSource, type Weight } from "./pretrained.ts";
import { type BertClass, type BertPreTrainedModel, valuesOf } from "./pretrained_model.ts";
import { type Quantization, quantizationOf } from "./quantization.ts";
import { quantize } from "./quantize.ts";

/** How an overlay is saved. */
export interface SaveOverlayOptions {
  /** What the base is called in the overlay's `config.json`, for people: the name of its package or folder. */
  readonly name: string;
  /** To give up; the promise rejects with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Save of a model only what differs from another that it was fine-tuned from, its base: a head, say, with the upper layers
 * that learnt with it. The folder is a `config.json`, whole, and `overlay.int8.safetensors` (or `int4`), quantised as the
 * base is.
 *
 * It is loaded as any folder, by a source that gives the base's weights and tokenizer beside the overlay's own files. What
 * it does not hold is the base's, bit for bit, and so may be had in memory once for both: see `SharedWeights`. Of another
 * base than this one it is refused.
 *
 * @param model Of floats, or quantised as the base is. Where its numbers are those that the base's integers stand for, as they
 * are after fine-tuning the upper layers of the base alone, they are left out.
 * @param base The folder of a quantised model, its weights in one file.
 * @param sink Where to.
 * @returns The keys of the parameters that were written.
 * @throws {RangeError} If the base is not quantised, or the model is, but in another way.
 * @throws {CheckpointError} If the base is broken, an overlay itself, or of other dimensions.
 *
 * @example
 * ```ts
 * import { BertForSequenceClassification, kcbertBase, quantize, saveOverlay } from "@kcbert/bert";
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 * import assert from "node:assert/strict";
 *
 * const config = { ...kcbertBase, hiddenSize: 24, numHiddenLayers: 2, intermediateSize: 96, vocabSize: 100 };
 * const model = BertForSequenceClassification.init(config, { seed: 1 });
 * const base = new Map<string, Uint8Array>();
 * const small = await quantize(model, "int8");
 * await small.save(async (name, bytes) => void base.set(name, bytes));
 *
 * const tuned = await BertForSequenceClassification.fromPretrained(async (name) => base.get(name));
 * tuned.parameters.get("classifier.bias")!.assign(tf.tensor1d([1, -1]));
 * const head = new Map<string, Uint8Array>();
 * const sink = async (name: string, bytes: Uint8Array) => void head.set(name, bytes);
 * const written = await saveOverlay(tuned, async (name) => base.get(name), sink, { name: "the base" });
 * assert.deepEqual(written, ["classifier.bias"]);
 * assert.deepEqual([...head.keys()], ["overlay.int8.safetensors", "config.json"]);
 *
 * const both = async (name: string) => head.get(name) ?? base.get(name);
 * const again = await BertForSequenceClassification.fromPretrained(both);
 * assert.equal(again.parameters.get("classifier.bias")!.dataSync()[0], 1);
 * for (const each of [model, small, tuned, again]) each.dispose();
 * ```
 */
export async function saveOverlay(
  model: BertPreTrainedModel,
  base: PretrainedSource,
  sink: PretrainedSink,
  { name, signal }: SaveOverlayOptions,
): Promise<string[]> {
  const baseConfig = await loadConfig(base, signal && { signal });
  const quantization = quantizationOf(baseConfig);
  if (quantization === undefined) {
    throw new RangeError("Cannot save an overlay as its base must be quantised: it is of floats");
  }
  if (baseOf(baseConfig) !== undefined) throw unloadable("its base must not be an overlay itself");
  const file = await readBase(base, quantization, name, signal);
  const equal = await equalParameters(model, file, quantization);
  const small = await quantizedAs(model, quantization);
  try {
    const differing = [...small.parameters, ...small.matrices].filter(([key]) => !equal.has(key));
    const config = {
      ...withBase(small.config, { name, sha256: await sha256(file) }),
      architectures: [model.architecture],
    };
    await saveQuantized(sink, config, differing, { stem: overlayStem(quantization) });
    return differing.map(([key]) => key);
  } finally {
    if (small !== model) small.dispose();
  }
}

// --- internal ---

async function quantizedAs(model: BertPreTrainedModel, wanted: Quantization): Promise<BertPreTrainedModel> {
  const { bits, groupSize } = wanted;
  const own = quantizationOf(model.config);
  if (own === undefined) {
    return quantize(model, bits === 8 ? "int8" : "int4", groupSize === undefined ? {} : { groupSize });
  }
  if (own.bits === bits && own.groupSize === groupSize) return model;
  throw new RangeError(
    `Cannot save an overlay as the model must be of floats, or quantised as its base: it has ${own.bits} bits, the base ${bits}`,
  );
}

/** The keys of parameters whose numbers are those of the base. */
async function equalParameters(
  model: BertPreTrainedModel,
  file: Uint8Array,
  quantization: Quantization,
): Promise<Set<string>> {
  const Model = model.constructor as BertClass<BertPreTrainedModel>;
  const pooler = model.parameters.has("pooler.dense.weight"); // of a bare model
  const shapes = Model.parameterShapes(model.config, { pooler });
  const equal = new Set<string>();
  const compare = async (key: string, theirs: ArrayLike<number>): Promise<void> => {
    const mine = await valuesOf(model, key);
    if (mine.every((value, i) => Object.is(value, theirs[i]))) equal.add(key);
  };
  const found: [key: string, values: Float32Array][] = [];
  await loadQuantized(async () => file, shapes, quantization, {
    ignoreMismatchedSizes: true,
    take: (key: string, { values }: Weight) => found.push([key, values]),
    takeMatrix: (key: string, { floats }: QuantizedWeight) => found.push([key, floats()]),
  });
  for (const [key, values] of found) await compare(key, values);
  return equal;
}
