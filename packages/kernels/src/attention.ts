import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import { type Call, defineKernel } from "./_define_kernel.ts";

/**
 * `Attention` with N heads of size D that lie beside one another: inputs `query`, `key`, `value` `[B·T, N·D]`, perhaps `bias`
 * `[B, 1, 1 | T, T]` and `drop` `[B, N, T, T]`; attributes `batch` B, `heads` N, and `training`, with which the probabilities
 * `[B, N, T, T]`, before `drop`, come after the context `[B·T, N·D]`.
 */
export const attentionConfig: KernelConfig = defineKernel("Attention", (call) => {
  const { batch, heads, tokens, size, scale } = shapeOf(call);
  const [q, k, v] = threeOf(call);
  const bias = call.optional("bias");
  const drop = call.optional("drop");
  const [biasAt, dropAt] = [bias, drop].map((tensor) => (tensor === undefined ? 0 : call.at(tensor)));
  const outputs = [call.output([batch * tokens, heads * size])];
  if (call.attributes["training"] === true) outputs.push(call.output([batch, heads, tokens, tokens]));
  const scratch = call.scratch(call.module.attentionScratch(tokens, size));
  const [context = 0, probabilities = 0] = outputs.map((output) => call.at(output));
  call.module.attention(
    q,
    k,
    v,
    heads * size,
    biasAt!,
    bias === undefined ? 1 : biasRows(bias, batch, tokens),
    dropAt!,
    context,
    probabilities,
    batch,
    heads,
    tokens,
    size,
    scale,
    scratch,
  );
  return outputs;
});

/**
 * `AttentionGrad`: from `dy` `[B·T, N·D]`, the inputs of `Attention` and its `probabilities`, the gradients of query, key and
 * value.
 */
export const attentionGradConfig: KernelConfig = defineKernel("AttentionGrad", (call) => {
  const { batch, heads, tokens, size, scale } = shapeOf(call);
  const [q, k, v] = threeOf(call);
  const dy = call.at(call.input("dy"));
  const probabilities = call.at(call.input("probabilities"));
  const drop = call.optional("drop");
  const dropAt = drop === undefined ? 0 : call.at(drop);
  const outputs = [1, 2, 3].map(() => call.output([batch * tokens, heads * size]));
  const scratch = call.scratch(call.module.attentionScratch(tokens, size));
  const [dq, dk, dv] = outputs.map((output) => call.at(output)) as [number, number, number];
  call.module.attentionGrad(
    dy,
    q,
    k,
    v,
    probabilities,
    dropAt,
    dq,
    dk,
    dv,
    batch,
    heads,
    tokens,
    size,
    scale,
    scratch,
  );
  return outputs;
});

// --- internal ---

interface Shape {
  batch: number;
  heads: number;
  tokens: number;
  size: number;
  scale: number;
}

function shapeOf(call: Call): Shape {
  const { batch, heads } = call.attributes as { batch: number; heads: number };
  const [rows = 0, width = 0] = call.input("query").shape;
  const [tokens, size] = [batch === 0 ? 0 : rows / batch, width / heads];
  if (Number.isInteger(tokens) && Number.isInteger(size)) {
    return { batch, heads, tokens, size, scale: 1 / Math.sqrt(size) };
  }
  throw new TypeError(
    `Cannot attend as query must be [batch·tokens, heads·size]: it is [${rows}, ${width}], with a batch of ${batch} and ${heads} heads`,
  );
}

/** Where query, key and value are. */
function threeOf(call: Call): [number, number, number] {
  const tensors = ["query", "key", "value"].map((name) => call.input(name));
  const shapes = new Set(tensors.map(({ shape }) => shape.join(", ")));
  if (shapes.size > 1) {
    throw new TypeError(
      `Cannot attend as query, key and value must have one shape: they are [${[...shapes].join("], [")}]`,
    );
  }
  return tensors.map((tensor) => call.at(tensor)) as [number, number, number];
}

function biasRows({ shape }: TensorInfo, batch: number, tokens: number): number {
  const rows = shape[2]!;
  if (shape.join() === [batch, 1, rows, tokens].join() && (rows === 1 || rows === tokens)) return rows;
  throw new TypeError(
    `Cannot attend as bias must be [${batch}, 1, 1 or ${tokens}, ${tokens}]: it is [${shape.join(", ")}]`,
  );
}
