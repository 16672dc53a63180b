/**
 * BERT, the whole of it: embeddings, self-attention, feed-forward layers, pooler. The heads are in `heads.ts`.
 *
 * Devlin et al. 2018, "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding", in the forms
 * of Hugging Face's `modeling_bert.py`: gelu by erf, normalisation after each residual, learned absolute positions.
 * Names in backticks are Hugging Face's keys.
 *
 * Shapes: B examples, T tokens each, M = B·T, H hidden size, N heads, D = H / N, I intermediate size, V vocabulary.
 * Between the attentions the examples lie under one another as `[M, H]`, for matrix products are fastest on matrices.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { activation } from "./ops/activations.ts";
import { attention, attentionBias } from "./ops/attention.ts";
import { dropout } from "./ops/dropout.ts";
import { embedding, firstRows } from "./ops/embedding.ts";
import { fusedEncoderLayer } from "./ops/encoder_layer.ts";
import { layerNorm } from "./ops/layer_norm.ts";
import { linear } from "./ops/linear.ts";
import type { BertConfig } from "./config.ts";
import { checkInputs } from "./_check_inputs.ts";
import type { Matrix } from "./stored_matrix.ts";
import {
  BertPreTrainedModel,
  dense,
  norm,
  type ParameterShape,
  tidied,
  type Weights,
  weightsOf,
} from "./pretrained_model.ts";

/** What a BERT reads. The caller keeps the tensors. */
export interface BertInputs {
  /** int32 `[B, T]`, each in [0, V). */
  inputIds: tf.Tensor2D;
  /**
   * 1 where a token may be looked at, 0 where not, of any dtype: `[B, T]`, or `[B, T, T]` (who looks, at whom) for rows
   * in which several texts are packed. By default all may look at all, padding included.
   */
  attentionMask?: tf.Tensor;
  /** int32 `[B, T]`, the text of a pair that a token belongs to, in [0, typeVocabSize). By default 0. */
  tokenTypeIds?: tf.Tensor2D;
  /** int32 `[B, T]`, in [0, maxPositionEmbeddings). By default 0 to T − 1 in every row, whatever the mask says. */
  positionIds?: tf.Tensor2D;
  /**
   * Examples of these lengths lie one after another in the one row of `inputIds`, `[1, T]`, without padding: none of them sees
   * another, positions begin anew in each, and what is given of an example as a whole is `[B, …]` with B their number. In
   * place of `attentionMask` and `positionIds`. Where {@link BertPreTrainedModel.packsRows} says so it saves the work on padding.
   */
  lengths?: number[];
}

/** How to run a BERT. */
export interface BertForwardOptions {
  /**
   * Drop out, as in training, with random numbers of this seed and step; the step may be an int32 scalar, so that a
   * compiled step can take it in. By default nothing is dropped.
   */
  dropout?: { seed: number; step: number | tf.Scalar };
  /** Give the hidden states too. */
  outputHiddenStates?: boolean;
  /** Give the attention probabilities too. */
  outputAttentions?: boolean;
}

/** What a BERT may give besides its result. */
export interface BertStates {
  /** If asked for: float32 `[B, T, H]`, the embeddings and then each layer's output. */
  hiddenStates?: readonly tf.Tensor3D[];
  /** If asked for: float32 `[B, N, T, T]` of each layer, with dropout if there is any. */
  attentions?: readonly tf.Tensor4D[];
}

/** What {@link BertModel} gives; the caller owns the tensors. */
export interface BertOutputs extends BertStates {
  /** float32 `[B, T, H]`. */
  lastHiddenState: tf.Tensor3D;
  /** float32 `[B, H]`, from the first token of each example; absent if the model has no pooler. */
  poolerOutput?: tf.Tensor2D;
}

/**
 * BERT without a head: token ids to hidden states.
 *
 * @example
 * ```ts
 * import { BertModel, kcbertBase } from "@kcbert/bert";
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 * import assert from "node:assert/strict";
 *
 * const config = { ...kcbertBase, hiddenSize: 24, numHiddenLayers: 2, intermediateSize: 96, vocabSize: 100 };
 * const model = BertModel.init(config, { seed: 1 });
 * const inputIds = tf.tensor2d([[2, 8, 3]], [1, 3], "int32");
 * const { lastHiddenState, poolerOutput } = model.forward({ inputIds });
 * assert.deepEqual(lastHiddenState.shape, [1, 3, 24]);
 * assert.deepEqual(poolerOutput?.shape, [1, 24]);
 * tf.dispose([inputIds, lastHiddenState, poolerOutput]);
 * model.dispose();
 * ```
 */
export class BertModel extends BertPreTrainedModel {
  /** The name of the class. */
  readonly architecture = "BertModel";

  /** The parameters of a model with this config, without the prefix `bert.`; by default with a pooler. */
  static *parameterShapes(
    config: BertConfig,
    { pooler = true }: { pooler?: boolean } = {},
  ): Generator<ParameterShape> {
    yield* bertParameters(config, { prefix: "", pooler });
  }

  /**
   * Run the model.
   *
   * @throws {TypeError} If an input has the wrong dtype or shape.
   * @throws {RangeError} If an input has more tokens than the model positions, or an id it does not know.
   */
  forward(inputs: BertInputs, options: BertForwardOptions = {}): BertOutputs {
    return tidied(() => {
      const { hidden, pass, states } = runBert(this, "", inputs, options);
      const lastHiddenState = tf.reshape(hidden, [pass.batch, pass.tokens, -1]) as tf.Tensor3D; // [B, T, H]
      if (!this.parameters.has("pooler.dense.bias")) return { lastHiddenState, ...states };
      return { lastHiddenState, poolerOutput: pool(hidden, pass, weightsOf(this, "pooler")), ...states };
    });
  }
}

// --- for the heads ---

/** What holds during one pass through the model. */
export interface Pass {
  readonly config: BertConfig;
  /** B; 1 if there are {@link Pass.lengths}. */
  readonly batch: number;
  /** T. */
  readonly tokens: number;
  /** How long the examples in the row are, if they lie in one. */
  readonly lengths: readonly number[] | undefined;
  /** float32 `[B, 1, 1, T]` or `[B, 1, T, T]`, added to attention scores. */
  readonly bias: tf.Tensor4D | undefined;
  /** Whether the attentions' probabilities are asked for. */
  readonly outputAttentions: boolean;
  /** Whether {@link Pass.drop} drops. */
  readonly drops: boolean;
  /** Dropout in training, nothing otherwise; `stream` names the place. */
  readonly drop: <X extends tf.Tensor>(x: X, rate: number, stream: string) => X;
}

/** The names and shapes of a BERT's parameters, in the order of Hugging Face's modules. */
export function* bertParameters(
  config: BertConfig,
  { prefix, pooler }: { prefix: string; pooler: boolean },
): Generator<ParameterShape> {
  const { hiddenSize: h, intermediateSize: i } = config;
  yield [`${prefix}embeddings.word_embeddings.weight`, [config.vocabSize, h]];
  yield [`${prefix}embeddings.position_embeddings.weight`, [config.maxPositionEmbeddings, h]];
  yield [`${prefix}embeddings.token_type_embeddings.weight`, [config.typeVocabSize, h]];
  yield* norm(`${prefix}embeddings.LayerNorm`, h);
  for (let l = 0; l < config.numHiddenLayers; l++) {
    const layer = `${prefix}encoder.layer.${l}`;
    yield* dense(`${layer}.attention.self.query`, h, h);
    yield* dense(`${layer}.attention.self.key`, h, h);
    yield* dense(`${layer}.attention.self.value`, h, h);
    yield* dense(`${layer}.attention.output.dense`, h, h);
    yield* norm(`${layer}.attention.output.LayerNorm`, h);
    yield* dense(`${layer}.intermediate.dense`, h, i);
    yield* dense(`${layer}.output.dense`, i, h);
    yield* norm(`${layer}.output.LayerNorm`, h);
  }
  if (pooler) yield* dense(`${prefix}pooler.dense`, h, h);
}

/** Embeddings and encoder; `prefix` is `bert.`, or nothing for a bare {@link BertModel}. */
export function runBert(
  model: BertPreTrainedModel,
  prefix: string,
  inputs: BertInputs,
  { dropout: key, outputHiddenStates = false, outputAttentions = false }: BertForwardOptions,
): { hidden: tf.Tensor2D; pass: Pass; states: BertStates } {
  const { config } = model;
  checkInputs(inputs, config);
  const [batch, tokens] = inputs.inputIds.shape;
  const pass: Pass = {
    config,
    batch,
    tokens,
    lengths: inputs.lengths,
    bias: inputs.attentionMask === undefined ? undefined : attentionBias(inputs.attentionMask),
    outputAttentions,
    drops: key !== undefined,
    drop: (x, rate, stream) => (key === undefined ? x : dropout(x, rate, { ...key, stream })),
  };

  let hidden = embed(inputs, pass, weightsOf(model, `${prefix}embeddings`)); // [M, H]
  const hiddenStates = [hidden];
  const attentions: tf.Tensor4D[] = [];
  for (let l = 0; l < config.numHiddenLayers; l++) {
    const place = `encoder.layer.${l}`;
    const layer = tidied(() => encoderLayer(hidden, pass, weightsOf(model, `${prefix}${place}`), place));
    hidden = layer.hidden; // [M, H]
    hiddenStates.push(hidden);
    if (layer.probabilities !== undefined) attentions.push(layer.probabilities); // [B, N, T, T]
  }

  const states: BertStates = {};
  if (outputAttentions) states.attentions = attentions;
  if (outputHiddenStates) {
    states.hiddenStates = hiddenStates.map((x) => tf.reshape(x, [batch, tokens, -1]) as tf.Tensor3D); // [B, T, H]
  }
  return { hidden, pass, states };
}

/** The first token of each example through a dense layer and tanh, `pooler`: `[M, H]` → `[B, H]`. */
export function pool(hidden: tf.Tensor2D, { batch, tokens, lengths }: Pass, w: Weights): tf.Tensor2D {
  const starts =
    lengths === undefined
      ? tf.range(0, batch * tokens, tokens, "int32")
      : tf.tensor1d(startsOf(lengths), "int32"); // [B]
  const first = tf.gather(hidden, starts); // [B, H]
  return tf.tanh(linear(first, w.matrix("dense.weight"), w("dense.bias"))); // [B, H]
}

// --- internal ---

/** Words, types and positions, summed and normalised: `embeddings`. */
function embed(
  { inputIds, tokenTypeIds, positionIds: given }: BertInputs,
  pass: Pass,
  w: Weights,
): tf.Tensor2D {
  const { config, tokens, lengths } = pass;
  const positionIds = lengths === undefined ? given : tf.tensor2d(positionsOf(lengths), [1, tokens], "int32");
  const tables = {
    words: w.matrix("word_embeddings.weight"), // [V, H]
    types: w.matrix("token_type_embeddings.weight"), // [types, H]
    positions: w.matrix("position_embeddings.weight"), // [positions, H]
  };
  const sum =
    sumOfStored({ inputIds, tokenTypeIds, positionIds }, tables, pass) ??
    sumOfEmbeddings({ inputIds, tokenTypeIds, positionIds }, tables, pass); // [M, H]
  const normal = layerNorm(sum, w("LayerNorm.weight"), w("LayerNorm.bias"), config.layerNormEps); // [M, H]
  return pass.drop(normal, config.hiddenDropoutProb, "embeddings.dropout");
}

type Tables = Readonly<Record<"words" | "types" | "positions", Matrix>>;

interface Ids {
  readonly inputIds: tf.Tensor2D;
  readonly tokenTypeIds: tf.Tensor2D | undefined;
  readonly positionIds: tf.Tensor2D | undefined;
}

function sumOfEmbeddings(
  { inputIds, tokenTypeIds, positionIds }: Ids,
  tables: Tables,
  { config, batch, tokens }: Pass,
): tf.Tensor2D {
  const rows = [batch, tokens, config.hiddenSize]; // so that one row can be added to all
  const lookUp = (ids: tf.Tensor2D, table: Matrix, paddingIndex?: number) =>
    tf.reshape(embedding(tf.reshape(ids, [-1]), table, paddingIndex), rows); // [B, T, H]

  const words = lookUp(inputIds, tables.words, config.padTokenId); // [B, T, H]
  const types = tokenTypeIds
    ? lookUp(tokenTypeIds, tables.types) // [B, T, H]
    : firstRows(tables.types, 1); // [1, H]
  const positions = positionIds
    ? lookUp(positionIds, tables.positions) // [B, T, H]
    : firstRows(tables.positions, tokens); // [T, H]
  return tf.reshape(tf.add(tf.add(words, types), positions), [-1, config.hiddenSize]) as tf.Tensor2D; // [M, H]
}

/** The same where all tables lie in JavaScript's memory: summed there, so that it goes to the backend once. */
function sumOfStored(
  { inputIds, tokenTypeIds, positionIds }: Ids,
  { words, types, positions }: Tables,
  { config, batch, tokens }: Pass,
): tf.Tensor2D | undefined {
  const isTensor = (table: Matrix): table is tf.Tensor => table instanceof tf.Tensor;
  if (isTensor(words) || isTensor(types) || isTensor(positions)) return undefined;
  const [ids, kinds, places] = [inputIds.dataSync(), tokenTypeIds?.dataSync(), positionIds?.dataSync()];
  const sum = new Float32Array(batch * tokens * config.hiddenSize);
  for (let i = 0, at = 0; at < sum.length; i++, at += config.hiddenSize) {
    words.addRow(ids[i]!, sum, at);
    types.addRow(kinds?.[i] ?? 0, sum, at);
    positions.addRow(places?.[i] ?? i % tokens, sum, at);
  }
  return tf.tensor2d(sum, [batch * tokens, config.hiddenSize]);
}

/** Attention and feed-forward, each added to what came in and normalised: `encoder.layer.…`. */
function encoderLayer(
  hidden: tf.Tensor2D, // [M, H]
  pass: Pass,
  w: Weights,
  place: string,
): { hidden: tf.Tensor2D; probabilities?: tf.Tensor4D } {
  const { config } = pass;
  if (!pass.drops && !pass.outputAttentions && config.hiddenAct === "gelu") {
    const { batch, bias, lengths } = pass;
    const { numAttentionHeads: heads, layerNormEps: eps } = config;
    const fused = fusedEncoderLayer(hidden, {
      batch,
      lengths,
      heads,
      eps,
      bias,
      weight: w,
      matrix: (name) => w.matrix(name),
    }); // [M, H]
    if (fused !== undefined) return { hidden: fused };
  }
  const project = (x: tf.Tensor2D, name: string, activation?: "gelu") =>
    linear(x, w.matrix(`${name}.weight`), w(`${name}.bias`), activation);
  const addAndNorm = (x: tf.Tensor2D, residual: tf.Tensor2D, name: string) => {
    const dropped = pass.drop(x, config.hiddenDropoutProb, `${place}.${name}.dropout`); // [M, H]
    const [gain, bias] = [w(`${name}.LayerNorm.weight`), w(`${name}.LayerNorm.bias`)];
    return layerNorm(dropped, gain, bias, config.layerNormEps, residual); // [M, H]
  };

  const heads = (name: string) => project(hidden, `attention.self.${name}`); // [M, N·D]
  const { attentionProbsDropoutProb: rate, numAttentionHeads } = config;
  const { context, probabilities } = attention(heads("query"), heads("key"), heads("value"), {
    batch: pass.batch,
    heads: numAttentionHeads,
    bias: pass.lengths === undefined ? pass.bias : attentionBias(blocksOf(pass.lengths)),
    drop: pass.drops && rate > 0 ? (x) => pass.drop(x, rate, `${place}.attention.self.dropout`) : undefined,
    outputProbabilities: pass.outputAttentions,
  }); // [M, H], [B, N, T, T]
  const attended = addAndNorm(project(context, "attention.output.dense"), hidden, "attention.output"); // [M, H]
  const wide =
    config.hiddenAct === "gelu"
      ? project(attended, "intermediate.dense", "gelu") // [M, I]
      : activation(config.hiddenAct)(project(attended, "intermediate.dense"));
  const out = addAndNorm(project(wide, "output.dense"), attended, "output"); // [M, H]
  return probabilities === undefined ? { hidden: out } : { hidden: out, probabilities };
}

/** Where examples of these lengths begin. */
function startsOf(lengths: readonly number[]): number[] {
  let end = 0;
  return lengths.map((length) => (end += length) - length);
}

/** 0, 1, 2 … in each of them. */
function positionsOf(lengths: readonly number[]): Int32Array {
  return Int32Array.from(lengths.flatMap((length) => Array.from({ length }, (_, place) => place)));
}

/** Who looks at whom: `[1, T, T]`, 1 within an example. */
function blocksOf(lengths: readonly number[]): tf.Tensor {
  const examples = tf.tensor1d(
    lengths.flatMap((length, example) => Array.from({ length }, () => example)),
    "int32",
  ); // [T]
  return tf.expandDims(tf.equal(tf.expandDims(examples, 1), tf.expandDims(examples, 0)), 0);
}
