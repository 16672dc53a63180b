import * as tf from "@tensorflow/tfjs-core";
import { QuantizedMatrix } from "../quantized_matrix.ts";
import type { Matrix } from "../stored_matrix.ts";
import { hasKernel, runKernel } from "./_fused.ts";
import { isRecording } from "./_with_gradient.ts";

/** The products of a layer, in the order in which they are made, by what the kernel calls them. */
const LAYER_PRODUCTS = {
  query: "attention.self.query",
  key: "attention.self.key",
  value: "attention.self.value",
  attention: "attention.output.dense",
  intermediate: "intermediate.dense",
  output: "output.dense",
} as const;

/** The normalisations of a layer, by what the kernel calls them. */
const LAYER_NORMS = { attention: "attention.output.LayerNorm", output: "output.LayerNorm" } as const;

/** A layer of the encoder, as {@link fusedEncoderLayer} takes it. */
export interface EncoderLayerOptions {
  batch: number;
  /** How long the examples are that lie in one row, with `batch` 1 and no `bias`; else all are as long as the row. */
  lengths: readonly number[] | undefined;
  heads: number;
  eps: number;
  /** As of `attentionBias`. */
  bias: tf.Tensor4D | undefined;
  /** A weight by its key in the layer. */
  weight: (name: string) => tf.Tensor;
  /** A matrix by its key in the layer. */
  matrix: (name: string) => Matrix;
}

/**
 * A whole layer of BERT's encoder (with gelu, without dropout) by one kernel of the backend, `EncoderLayer`: nothing in
 * between becomes a tensor.
 *
 * @param hidden float32 `[M, H]`.
 * @returns float32 `[M, H]`, which the caller owns; nothing if the backend has no such kernel, if a gradient is being taken,
 * or if the weights are not all floats, or all quantised alike.
 */
export function fusedEncoderLayer(
  hidden: tf.Tensor2D,
  { batch, lengths, heads, eps, bias, weight, matrix }: EncoderLayerOptions,
): tf.Tensor2D | undefined {
  if (!hasEncoderLayer() || isRecording()) return undefined;
  const inputs: Record<string, tf.Tensor | undefined> = { hidden, mask: bias };
  const forms = new Set<string>();
  let quantization = {};
  for (const [short, name] of Object.entries(LAYER_PRODUCTS)) {
    const weights = matrix(`${name}.weight`);
    inputs[`${short}Bias`] = weight(`${name}.bias`);
    if (weights instanceof tf.Tensor) {
      inputs[`${short}Weight`] = weights;
      forms.add("float");
      continue;
    }
    const packed = weights instanceof QuantizedMatrix ? weights.packed() : undefined;
    if (packed === undefined) return undefined;
    inputs[`${short}Values`] = packed.values;
    inputs[`${short}Scales`] = packed.scales;
    const groupSize = packed.bits === 8 ? 0 : packed.groupSize;
    quantization = { bits: packed.bits, groupSize };
    forms.add(`${packed.bits} ${groupSize}`);
  }
  if (forms.size > 1) return undefined;
  for (const [short, name] of Object.entries(LAYER_NORMS)) {
    inputs[`${short}Gain`] = weight(`${name}.weight`);
    inputs[`${short}Shift`] = weight(`${name}.bias`);
  }
  const intermediateSize = matrix(`${LAYER_PRODUCTS.intermediate}.weight`).shape[0]!;
  const attributes = { batch, lengths, heads, eps, intermediateSize, ...quantization };
  return runKernel(ENCODER_LAYER, inputs, attributes)[0] as tf.Tensor2D;
}

/** Whether the current backend has that kernel. */
export function hasEncoderLayer(): boolean {
  return hasKernel(ENCODER_LAYER);
}

// --- internal ---

const ENCODER_LAYER = "EncoderLayer";
