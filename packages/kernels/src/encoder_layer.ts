import type { KernelConfig } from "@tensorflow/tfjs-core";
import { type Call, defineKernel } from "./_define_kernel.ts";

/**
 * `EncoderLayer`: a whole layer of BERT's encoder, for inference: attention and feed-forward with gelu, each added to what
 * came in and normalised. One call in place of nine: nothing in between becomes a tensor.
 *
 * Inputs: `hidden` `[B·T, H]`, perhaps `mask` `[B, 1, 1 | T, T]`; for each of the products `query`, `key`, `value`,
 * `attention`, `intermediate` and `output` its weight and `…Bias`; `attentionGain`, `attentionShift`, `outputGain` and
 * `outputShift` of the normalisations. A weight is `…Weight` `[O, I]`, or the packed `…Values` and `…Scales` of
 * `QuantizedLinear`. Attributes: `batch`, `heads`, `intermediateSize`, `eps`, and for quantised weights `bits` and
 * `groupSize` (0 where a whole row shares a scale); `lengths` where examples of these lengths lie one after another, with
 * `batch` 1 and no mask.
 */
export const encoderLayerConfig: KernelConfig = defineKernel("EncoderLayer", (call) => {
  const { module } = call;
  const hidden = call.input("hidden"); // [M, H]
  const { batch, heads, intermediateSize, eps } = call.attributes as Record<string, number>;
  const bits = Number(call.attributes["bits"] ?? 0);
  const [m = 0, h = 0] = hidden.shape;
  const wide = intermediateSize!;
  const lengths = (call.attributes["lengths"] as readonly number[] | undefined) ?? [];
  const tokens = batch === 0 ? 0 : m / batch!;
  const longest = lengths.length === 0 ? tokens : Math.max(...lengths);
  const mask = call.optional("mask");
  const maskAt = mask === undefined ? 0 : call.at(mask);
  const from = call.at(hidden);
  const products = NAMES.map((name) => productOf(call, name, bits));
  const [attentionGain, attentionShift, outputGain, outputShift] = [
    "attentionGain",
    "attentionShift",
    "outputGain",
    "outputShift",
  ].map((name) => call.at(call.input(name))) as [number, number, number, number];

  const out = call.output([m, h]);
  const row = 4 * m * h;
  const scratch = call.scratch(5 * row + 4 * m * wide);
  const [q, k, v, context, attended] = [0, 1, 2, 3, 4].map((i) => scratch + i * row) as Five;
  const between = scratch + 5 * row; // [M, I]
  const integers = bits === 0 ? 0 : call.scratch(module.quantizedBytes(m, Math.max(h, wide)));
  const tile = call.scratch(
    Math.max(
      module.attentionScratch(longest, h / heads!),
      bits === 0
        ? module.matMulScratch(m, Math.max(h, wide), Math.max(h, wide))
        : module.quantizedScratch(Math.max(h, wide)),
    ),
  );
  const last = call.at(out);

  /** `y = x·Wᵀ + bias`; before, x is changed to its gelu if so wished. */
  const multiply = (i: number, x: number, y: number, rows: number, columns: number, activation = 0): void => {
    const { weight, scales, bias } = products[i]!;
    if (bits === 0) {
      if (activation !== 0) module.activate(x, x, m * columns, activation);
      module.matMul(x, columns, false, weight, columns, true, y, rows, m, rows, columns, bias, 0, tile);
      return;
    }
    const groupSize = Number(call.attributes["groupSize"]) || columns;
    module.quantize(bits, scales, x, m, columns, activation, integers);
    module.quantizedLinear(bits, integers, weight, scales, groupSize, bias, y, m, rows, columns, 0, tile);
  };

  multiply(0, from, q, h, h);
  multiply(1, from, k, h, h);
  multiply(2, from, v, h, h);
  const [maskRows, size] = [mask?.shape[2] ?? 1, h / heads!];
  const scale = 1 / Math.sqrt(size);
  if (lengths.length === 0) {
    module.attention(q, k, v, h, maskAt, maskRows, 0, context, 0, batch!, heads!, tokens, size, scale, tile);
  }
  let at = 0;
  for (const length of lengths) {
    const [a, b, c, to] = [q + at, k + at, v + at, context + at] as const;
    module.attention(a, b, c, h, 0, 1, 0, to, 0, 1, heads!, length, size, scale, tile);
    at += 4 * length * h;
  }
  multiply(3, context, attended, h, h);
  module.layerNorm(attended, from, attentionGain, attentionShift, attended, 0, 0, m, h, eps!);
  multiply(4, attended, between, wide, h);
  multiply(5, between, last, h, wide, GELU);
  module.layerNorm(last, attended, outputGain, outputShift, last, 0, 0, m, h, eps!);
  return out;
});

// --- internal ---

const GELU = 1;
const NAMES = ["query", "key", "value", "attention", "intermediate", "output"] as const;

type Five = [number, number, number, number, number];

/** Where the operands of a product lie. */
function productOf(call: Call, name: string, bits: number): { weight: number; scales: number; bias: number } {
  const bias = call.at(call.input(`${name}Bias`));
  if (bits === 0) return { weight: call.at(call.input(`${name}Weight`)), scales: 0, bias };
  const weight = call.at(call.input(`${name}Values`, "int32"));
  return { weight, scales: call.at(call.input(`${name}Scales`)), bias };
}
