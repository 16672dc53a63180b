import * as tf from "@tensorflow/tfjs-core";
import type { BertConfig } from "./config.ts";
import { truncatedNormal } from "./random.ts";

/** A parameter's Hugging Face key, and its shape. */
export type ParameterShape = readonly [key: string, shape: readonly number[]];

/** A kind of BERT: its class. */
export interface BertClass<Model extends BertPreTrainedModel> {
  new (config: BertConfig, parameters: ReadonlyMap<string, tf.Variable>): Model;
  /** The parameters of a model with this config, in the order in which they are saved. */
  parameterShapes(config: BertConfig): Iterable<ParameterShape>;
}

/**
 * What all BERTs share: a config, parameters under Hugging Face's keys, their birth, storage and end.
 *
 * A model owns its parameters until {@link BertPreTrainedModel.dispose}. They are variables, so a trainer may assign to
 * them, and they live on the backend that was chosen when the model was made.
 */
export abstract class BertPreTrainedModel {
  /** The model's dimensions. */
  readonly config: BertConfig;
  /**
   * The parameters by Hugging Face key, float32, in Hugging Face's layout (a dense layer's weight is `[out, in]`). The
   * variables' own names mean nothing: TensorFlow.js wants them unique among all models of the process.
   */
  readonly parameters: ReadonlyMap<string, tf.Variable>;

  /**
   * A model of given parameters, which it owns from then on. Most callers want `init` or `fromPretrained`.
   *
   * @param config The model's dimensions.
   * @param parameters A variable for each of the class's `parameterShapes`.
   */
  constructor(config: BertConfig, parameters: ReadonlyMap<string, tf.Variable>) {
    this.config = config;
    this.parameters = parameters;
  }

  /**
   * A new model, as pretraining begins: weights from a normal distribution cut at two deviations of
   * `initializerRange`, gains 1, biases and the row of the padding token 0.
   *
   * A parameter's numbers depend on seed and key alone, so models with different heads begin with the same encoder.
   *
   * @param config The model's dimensions.
   * @param options `seed`, an integer in [0, 2^53).
   * @throws {RangeError} If the seed is out of its range.
   */
  static init<Model extends BertPreTrainedModel>(
    this: BertClass<Model>,
    config: BertConfig,
    { seed }: { seed: number },
  ): Model {
    const parameters = new Map<string, tf.Variable>();
    for (const [key, shape] of this.parameterShapes(config)) {
      parameters.set(key, variable(initialValues(key, shape, config, seed), shape));
    }
    return new this(config, parameters);
  }

  /** Free the parameters. The model is of no use afterwards. */
  dispose(): void {
    for (const parameter of this.parameters.values()) parameter.dispose();
  }
}

// --- for the models ---

/** The weights below a prefix, by the rest of their key. */
export type Weights = (name: string) => tf.Tensor;

/** The weights of a model below a prefix, such as `bert.encoder.layer.0`. */
export function weightsOf({ parameters }: BertPreTrainedModel, prefix: string): Weights {
  return (name) => {
    const parameter = parameters.get(`${prefix}.${name}`);
    if (parameter !== undefined) return parameter;
    throw new RangeError(`Cannot run the model as it lacks the parameter ${prefix}.${name}`);
  };
}

/** `tf.tidy` for an object of outputs: what it holds survives, all else that `f` makes is freed. */
export function tidied<Outputs extends object>(f: () => Outputs): Outputs {
  return tf.tidy(() => f() as unknown as tf.TensorContainer) as unknown as Outputs;
}

/** The parameters of a dense layer, as PyTorch stores them. */
export function* dense(name: string, from: number, to: number): Generator<ParameterShape> {
  yield [`${name}.weight`, [to, from]];
  yield [`${name}.bias`, [to]];
}

/** The parameters of a layer normalisation. */
export function* norm(name: string, size: number): Generator<ParameterShape> {
  yield [`${name}.weight`, [size]];
  yield [`${name}.bias`, [size]];
}

// --- internal ---

function initialValues(
  key: string,
  shape: readonly number[],
  { initializerRange, hiddenSize, padTokenId }: BertConfig,
  seed: number,
): Float32Array {
  const size = tf.util.sizeFromShape([...shape]);
  if (shape.length === 1) return new Float32Array(size).fill(key.endsWith("LayerNorm.weight") ? 1 : 0);
  const values = truncatedNormal(seed, 0, key, size);
  for (let i = 0; i < size; i++) values[i]! *= initializerRange;
  if (key.endsWith("word_embeddings.weight")) {
    values.fill(0, padTokenId * hiddenSize, (padTokenId + 1) * hiddenSize);
  }
  return values;
}

/** A variable with these values, and with the name that TensorFlow.js makes up. */
function variable(values: Float32Array, shape: readonly number[]): tf.Variable {
  const value = tf.tensor(values, [...shape], "float32");
  const result = tf.variable(value);
  value.dispose();
  return result;
}
