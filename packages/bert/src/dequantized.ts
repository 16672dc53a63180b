import { fromFloat32, type SafetensorsTensor, writeSafetensors } from "@kcbert/safetensors";
import { baseOf, checkedBase, overlayStem, withBase } from "./_overlay_base.ts";
import { loadQuantized, type LoadQuantizedOptions } from "./_quantized_files.ts";
import { type BertConfig, formatBertConfig } from "./config.ts";
import {
  BertForMaskedLM,
  BertForPreTraining,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
} from "./heads.ts";
import { BertModel } from "./modeling_bert.ts";
import { loadConfig, type PretrainedSource } from "./pretrained.ts";
import { type ParameterShape } from "./pretrained_model.ts";
import { type Quantization, quantizationOf, withQuantization } from "./quantization.ts";

/**
 * The folder of a quantised model as one of floats, for what takes no other: training, and Hugging Face transformers.
 *
 * A weight becomes its integer times its scale in float32. What quantising rounded away does not come back: the floats
 * say what the integers said. Every head that `architectures` names is kept; an overlay becomes whole. Other files pass
 * through, as does a folder of floats.
 *
 * @param source The folder.
 * @returns Its `config.json` without `quantization_config`, and a `model.safetensors`. They reject with a
 * `CheckpointError` if the quantised weights are broken or do not fit the config.
 *
 * @example
 * ```ts
 * import { BertForMaskedLM, dequantized, kcbertBase, quantize } from "@kcbert/bert";
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 * import assert from "node:assert/strict";
 *
 * const config = { ...kcbertBase, hiddenSize: 24, numHiddenLayers: 2, intermediateSize: 96, vocabSize: 100 };
 * const model = BertForMaskedLM.init(config, { seed: 1 });
 * const small = await quantize(model, "int8");
 * const folder = new Map<string, Uint8Array>();
 * await small.save(async (name, bytes) => void folder.set(name, bytes));
 *
 * const floats = await BertForMaskedLM.fromPretrained(dequantized(async (name) => folder.get(name)));
 * assert.equal(floats.parameters.size, model.parameters.size);
 * for (const part of [model, small, floats]) part.dispose();
 * ```
 */
export function dequantized(source: PretrainedSource): PretrainedSource {
  return async (name, options = {}) => {
    if (name !== "config.json" && name !== "model.safetensors") return source(name, options);
    const { signal, range } = options;
    if ((await source("config.json", signal && { signal })) === undefined) return source(name, options);
    const config = await loadConfig(source, signal && { signal });
    const quantization = quantizationOf(config);
    if (quantization === undefined) return source(name, options);
    const bytes =
      name === "config.json"
        ? new TextEncoder().encode(formatBertConfig(withBase(withQuantization(config, undefined), undefined)))
        : writeSafetensors(await tensorsOf(source, config, quantization, signal), { format: "pt" });
    return range === undefined ? bytes : bytes.subarray(...range);
  };
}

// --- internal ---

const CLASSES = new Map<string, { parameterShapes(config: BertConfig): Iterable<ParameterShape> }>(
  Object.entries({
    BertModel,
    BertForMaskedLM,
    BertForPreTraining,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertForQuestionAnswering,
  }),
);

async function tensorsOf(
  source: PretrainedSource,
  config: BertConfig,
  quantization: Quantization,
  signal: AbortSignal | undefined,
): Promise<Map<string, SafetensorsTensor>> {
  const names = [...CLASSES.keys()].filter((name) => config.architectures?.includes(name) ?? true);
  const shapes = new Map(names.flatMap((name) => [...CLASSES.get(name)!.parameterShapes(config)]));
  const tensors = new Map<string, SafetensorsTensor>();
  const options: LoadQuantizedOptions = {
    signal,
    take: (key, { values, shape }) => tensors.set(key, fromFloat32(values, shape)),
    takeMatrix: (key, { shape, floats }) => tensors.set(key, fromFloat32(floats(), shape)),
  };
  const base = baseOf(config);
  if (base === undefined) {
    await loadQuantized(source, shapes, quantization, options);
    return tensors;
  }
  const stem = overlayStem(quantization);
  await loadQuantized(source, shapes, quantization, { ...options, stem, partial: true });
  const held = new Set(tensors.keys());
  const below = checkedBase(source, base, quantization);
  await loadQuantized(below, shapes, quantization, { ...options, has: (key) => held.has(key) });
  return tensors;
}
