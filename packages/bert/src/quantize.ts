import type * as tf from "@tensorflow/tfjs-core";
import { fingerprint } from "./_fingerprint.ts";
import { formOf } from "./_quantized_files.ts";
import { type BertClass, type BertPreTrainedModel, valuesOf, variable } from "./pretrained_model.ts";
import { type Quantization, quantizationOf, withQuantization } from "./quantization.ts";
import { QuantizedMatrix, QuantizedTable } from "./quantized_matrix.ts";
import type { StoredMatrix } from "./stored_matrix.ts";

/** How to quantise a model. */
export interface QuantizeOptions {
  /** With `int4`, how many weights share a scale: more make the model smaller, and worse. Default 32. */
  groupSize?: 32 | 64;
}

/**
 * A smaller copy of a model, for inference: the weights of its dense layers in 8 bits, one scale an output, or in 4, one
 * scale a group; its tables of embeddings in 8 bits, one scale a row, out of the backend's memory. Biases,
 * normalisations and the last layer of a classifier stay floats.
 *
 * Saved, it loads without the original, bit for bit the same. 8-bit weights keep within [−63, 63], so that plus
 * 64 they have the 7 bits that the fast integer products of WebAssembly want.
 *
 * @param model Stays as it is, and the caller's.
 * @param weights The kind of the weights.
 * @returns A model of the same class on the current backend.
 * @throws {RangeError} If the model is quantised already, or holds a number that is not finite, or `weights` or `groupSize`
 * is unknown.
 *
 * @example
 * ```ts
 * import { BertForMaskedLM, kcbertBase, quantize } from "@kcbert/bert";
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 * import assert from "node:assert/strict";
 *
 * const config = { ...kcbertBase, hiddenSize: 24, numHiddenLayers: 2, intermediateSize: 96, vocabSize: 100 };
 * const model = BertForMaskedLM.init(config, { seed: 1 });
 * const small = await quantize(model, "int8");
 * model.dispose();
 *
 * const folder = new Map<string, Uint8Array>();
 * await small.save(async (name, bytes) => void folder.set(name, bytes));
 * assert.deepEqual([...folder.keys()], ["model.int8.safetensors", "config.json"]);
 * const again = await BertForMaskedLM.fromPretrained(async (name) => folder.get(name));
 *
 * const inputIds = tf.tensor2d([[2, 8, 4, 3]], [1, 4], "int32");
 * const [said, repeated] = [small.forward({ inputIds }).logits, again.forward({ inputIds }).logits];
 * assert.deepEqual(repeated.dataSync(), said.dataSync());
 * tf.dispose([inputIds, said, repeated]);
 * small.dispose();
 * again.dispose();
 * ```
 */
export async function quantize<Model extends BertPreTrainedModel>(
  model: Model,
  weights: "int8" | "int4",
  options: QuantizeOptions = {},
): Promise<Model> {
  const quantization = checkQuantization(model, weights, options);
  const parameters = new Map<string, tf.Variable>();
  const matrices = new Map<string, StoredMatrix>();
  try {
    for (const [key, { shape }] of [...model.parameters, ...model.matrices]) {
      const values = await valuesOf(model, key);
      if (!fingerprint(values).finite) {
        throw new RangeError(`Cannot quantise as weights must be finite: ${key} holds a NaN or an infinity`);
      }
      const matrix = shape as [rows: number, columns: number];
      const form = formOf(key);
      if (form === "floats") parameters.set(key, variable(new Float32Array(values), shape));
      else if (form === "table") matrices.set(key, QuantizedTable.quantize(values, matrix));
      else matrices.set(key, QuantizedMatrix.quantize(values, matrix, quantization));
    }
  } catch (error) {
    for (const part of [...parameters.values(), ...matrices.values()]) part.dispose();
    throw error;
  }
  const Model = model.constructor as BertClass<Model>;
  return new Model(withQuantization(model.config, quantization), parameters, matrices);
}

// --- internal ---

function checkQuantization(
  { config }: BertPreTrainedModel,
  weights: "int8" | "int4",
  { groupSize = 32 }: QuantizeOptions,
): Quantization {
  if (weights !== "int8" && weights !== "int4") {
    throw new RangeError(`Cannot quantise as weights must be int8 or int4: weights is ${String(weights)}`);
  }
  if (groupSize !== 32 && groupSize !== 64) {
    throw new RangeError(`Cannot quantise as groupSize must be 32 or 64: groupSize is ${String(groupSize)}`);
  }
  const already = quantizationOf(config);
  if (already !== undefined) {
    throw new RangeError(
      `Cannot quantise as the model must be of floats: it has ${already.bits} bits already`,
    );
  }
  return weights === "int8" ? { bits: 8 } : { bits: 4, groupSize };
}
