import * as tf from "@tensorflow/tfjs-core";
import { type BertConfig, checkBertConfig } from "./config.ts";
import {
  loadConfig,
  loadWeights,
  type PretrainedSink,
  type PretrainedSource,
  savePretrained,
  type SaveOptions,
  type Weight,
} from "./pretrained.ts";
import { hasEncoderLayer } from "./ops/encoder_layer.ts";
import { quantizationOf, withQuantization } from "./quantization.ts";
import { baseOf, checkedBase, overlayStem, withBase } from "./_overlay_base.ts";
import { loadQuantized, saveQuantized } from "./_quantized_files.ts";
import { truncatedNormal } from "./random.ts";
import type { ModelPart, SharedWeights } from "./shared_weights.ts";
import { FloatTable, type Matrix, owned, type StoredMatrix } from "./stored_matrix.ts";

/** A parameter's Hugging Face key, and its shape. */
export type ParameterShape = readonly [key: string, shape: readonly number[]];

/** A kind of BERT: its class. */
export interface BertClass<Model extends BertPreTrainedModel> {
  /** A model of given parameters, which it owns from then on. */
  new (
    config: BertConfig,
    parameters: ReadonlyMap<string, tf.Variable>,
    matrices?: ReadonlyMap<string, StoredMatrix>,
  ): Model;
  /** The parameters of a model with this config, in the order in which they are saved. */
  parameterShapes(config: BertConfig, options?: { pooler?: boolean }): Iterable<ParameterShape>;
}

/** How to make a new model. */
export interface InitOptions {
  /** Of the random numbers, an integer in [0, 2^53). */
  seed: number;
  /** Whether a bare `BertModel` gets a pooler; other models know for themselves. Default true. */
  pooler?: boolean;
}

/** How to load a model. */
export interface FromPretrainedOptions {
  /** To give up; the promise rejects with its reason. */
  signal?: AbortSignal;
  /** Of the random numbers for parameters that the folder lacks, such as a new head. Default 0. */
  seed?: number;
  /** Whether a bare `BertModel` gets a pooler; other models know for themselves. Default true. */
  pooler?: boolean;
  /** Begin a head anew, rather than refuse, if it has another size in the folder. Default false. */
  ignoreMismatchedSizes?: boolean;
  /**
   * For inference only: keep the table of word embeddings, a fifth of KcBERT Base, out of the backend's memory. Its rows
   * are looked up in JavaScript's, and the masked-LM head takes it through the backend in blocks. Default false; the
   * tables of a quantised model always lie there.
   */
  frozen?: boolean;
  /** Weights to use rather than load again, and where those go that are loaded; for inference only. */
  shared?: SharedWeights;
  /** Dimensions to use in place of the folder's, such as `numLabels` for a new head. */
  config?: Partial<BertConfig>;
  /** Told what the folder lacks, and so begins anew, and what of it is not used. */
  onReport?: (report: LoadReport) => void;
}

/** How a folder fits a model. */
export interface LoadReport {
  /** Keys of parameters that the folder lacks; they begin as in `init`. */
  missing: readonly string[];
  /** Names in the folder that the model has no use for. */
  unexpected: readonly string[];
}

/**
 * What all BERTs share: a config, parameters under Hugging Face's keys, their birth, storage and end.
 *
 * A model owns its parameters until {@link BertPreTrainedModel.dispose}. They are variables, so a trainer may assign to
 * them, and they live on the backend that was chosen when the model was made.
 */
export abstract class BertPreTrainedModel {
  /** The class's name, as Hugging Face calls it. */
  abstract readonly architecture: string;
  /** The model's dimensions. */
  readonly config: BertConfig;
  /**
   * The parameters by Hugging Face key, float32, in Hugging Face's layout (a dense layer's weight is `[out, in]`). The
   * variables' own names mean nothing: TensorFlow.js wants them unique among all models of the process.
   */
  readonly parameters: ReadonlyMap<string, tf.Variable>;
  /** The matrices that are no variables, by Hugging Face key: quantised, or out of the backend's memory. */
  readonly matrices: ReadonlyMap<string, StoredMatrix>;
  /** Owns those of them that other models use, too. */
  #shared: SharedWeights | undefined;

  /**
   * A model of given parameters, which it owns from then on. Most callers want `init` or `fromPretrained`.
   *
   * @param config The model's dimensions.
   * @param parameters A variable for each of the class's `parameterShapes`.
   * @param matrices What takes the place of some of them.
   */
  constructor(
    config: BertConfig,
    parameters: ReadonlyMap<string, tf.Variable>,
    matrices: ReadonlyMap<string, StoredMatrix> = new Map(),
  ) {
    this.config = config;
    this.parameters = parameters;
    this.matrices = matrices;
  }

  /**
   * A new model, as pretraining begins: weights from a normal distribution cut at two deviations of
   * `initializerRange`, gains 1, biases and the row of the padding token 0.
   *
   * A parameter's numbers depend on seed and key alone, so models with different heads begin with the same encoder.
   *
   * @param config The model's dimensions.
   * @throws {RangeError} If the config makes no model, or the seed is out of its range.
   */
  static init<Model extends BertPreTrainedModel>(
    this: BertClass<Model>,
    config: BertConfig,
    { seed, pooler = true }: InitOptions,
  ): Model {
    checkBertConfig(config);
    const parameters = new Map<string, tf.Variable>();
    for (const [key, shape] of this.parameterShapes(config, { pooler })) {
      parameters.set(key, variable(initialValues(key, shape, config, seed), shape));
    }
    return new this(withQuantization(config, undefined), parameters);
  }

  /**
   * Load a model from a Hugging Face folder: `config.json`, and `model.safetensors` or `pytorch_model.bin`, sharded or
   * not; or the folder of a quantised model. What the model does not need is not kept; parameters outside of the encoder
   * that the folder lacks begin as in `init`. Of an overlay (see `saveOverlay`) the source gives the base's weights, too.
   *
   * @param source Gives the folder's files.
   * @throws {Error} If a file is missing or broken, or does not fit the model: see `loadConfig` and `loadWeights`.
   *
   * @example From a folder on disk, or from the Hugging Face hub
   * ```ts
   * import { BertForMaskedLM, type PretrainedSource } from "@kcbert/bert";
   * import { readFile } from "node:fs/promises";
   *
   * const fromDisk: PretrainedSource = (name) => readFile(`model/${name}`).catch(() => undefined);
   * const fromHub: PretrainedSource = async (name, { signal } = {}) => {
   *   const url = `https://huggingface.co/beomi/kcbert-base/resolve/main/${name}`;
   *   const response = await fetch(url, signal ? { signal } : {});
   *   return response.ok ? (response.body ?? undefined) : undefined;
   * };
   * const load = (source: PretrainedSource) => BertForMaskedLM.fromPretrained(source);
   * ```
   */
  static async fromPretrained<Model extends BertPreTrainedModel>(
    this: BertClass<Model>,
    source: PretrainedSource,
    {
      signal,
      seed = 0,
      pooler = true,
      ignoreMismatchedSizes,
      frozen = false,
      shared,
      config: changes,
      onReport,
    }: FromPretrainedOptions = {},
  ): Promise<Model> {
    const read = checkBertConfig({ ...(await loadConfig(source, signal && { signal })), ...changes });
    const config = withBase(read, undefined); // in memory it is whole
    const shapes = new Map(this.parameterShapes(config, { pooler }));
    const quantization = quantizationOf(config);
    const loaded = new Map<string, ModelPart>();
    const put = (key: string, part: ModelPart): unknown => loaded.set(key, shared?.put(key, part) ?? part);
    const take = (key: string, weight: Weight): unknown =>
      put(key, frozen && isWordTable(key) ? floatTable(weight) : variable(weight.values, weight.shape));
    const base = quantization && baseOf(read);
    try {
      if (base !== undefined) {
        await loadQuantized(source, shapes, quantization!, {
          signal,
          ignoreMismatchedSizes,
          stem: overlayStem(quantization!),
          partial: true,
          take: (key, weight) => loaded.set(key, variable(weight.values, weight.shape)),
          takeMatrix: (key, weight) => loaded.set(key, weight.matrix()),
        });
      }
      for (const [key, shape] of shapes) {
        const part = loaded.has(key) ? undefined : shared?.take(key);
        if (part === undefined) continue;
        loaded.set(key, part);
        checkSharedShape(key, part, shape);
      }
      const held = new Set(loaded.keys());
      const has = (key: string): boolean => held.has(key);
      const options = { signal, ignoreMismatchedSizes, has, take };
      const report = await (quantization === undefined
        ? loadWeights(source, shapes, options)
        : loadQuantized(
            base === undefined ? source : checkedBase(source, base, quantization),
            shapes,
            quantization,
            { ...options, takeMatrix: (key, weight) => put(key, weight.matrix()) },
          ));
      for (const key of report.missing) {
        const shape = shapes.get(key)!;
        loaded.set(key, variable(initialValues(key, shape, config, seed), shape));
      }
      onReport?.({ missing: report.missing, unexpected: report.unexpected });
    } catch (error) {
      free(loaded, shared);
      throw error;
    }
    const model = new this(config, inOrder(loaded, shapes, isVariable), inOrder(loaded, shapes, isStored));
    model.#shared = shared;
    return model;
  }

  /**
   * Save the model as a Hugging Face folder: `config.json` and `model.safetensors`. A quantised one goes to
   * `model.int8.safetensors` or `model.int4.safetensors`, which only this package reads, and is loaded from there without
   * the original. The tokenizer's files are the caller's.
   *
   * @param sink Takes the files.
   * @param options The dtype to save in, and how large a file may be.
   * @throws {RangeError} If another dtype than `F32` is asked of a quantised model.
   */
  async save(sink: PretrainedSink, options: SaveOptions = {}): Promise<void> {
    const config = { ...this.config, architectures: [this.architecture] };
    if (quantizationOf(config) !== undefined) {
      await saveQuantized(sink, config, [...this.parameters, ...this.matrices], options);
      return;
    }
    const shapes = [...this.parameters, ...this.matrices].map(([key, { shape }]) => [key, shape] as const);
    await savePretrained(sink, config, shapes, (key) => valuesOf(this, key), options);
  }

  /**
   * Whether the current backend runs examples of different lengths without filling them up, as `BertInputs.lengths` has them.
   * Elsewhere they are told apart by a mask, which is right and costs more than padding.
   */
  get packsRows(): boolean {
    return hasEncoderLayer();
  }

  /** Free the parameters, but for those that another model shares. The model is of no use afterwards. */
  dispose(): void {
    free([...this.parameters, ...this.matrices], this.#shared);
  }
}

// --- for the models ---

/** The weights below a prefix, by the rest of their key. */
export interface Weights {
  /** One that is always a tensor. */
  (name: string): tf.Tensor;
  /** One that may have another form. */
  matrix(name: string): Matrix;
}

/** The weights of a model below a prefix, such as `bert.encoder.layer.0`. */
export function weightsOf({ parameters, matrices }: BertPreTrainedModel, prefix: string): Weights {
  const tensor = (name: string): tf.Tensor => {
    const parameter = parameters.get(`${prefix}.${name}`);
    if (parameter !== undefined) return parameter;
    throw new RangeError(`Cannot run the model as it lacks the parameter ${prefix}.${name}`);
  };
  const matrix = (name: string): Matrix => matrices.get(`${prefix}.${name}`) ?? tensor(name);
  return Object.assign(tensor, { matrix });
}

/** The numbers of a model's parameter, whatever its form; not to be written to. */
export async function valuesOf(
  { parameters, matrices }: BertPreTrainedModel,
  key: string,
): Promise<Float32Array> {
  const matrix = matrices.get(key);
  if (matrix !== undefined) return matrix.readRows(0, matrix.shape[0]);
  return (await parameters.get(key)!.data()) as Float32Array;
}

/** A variable with these values, and with the name that TensorFlow.js makes up. */
export function variable(values: Float32Array, shape: readonly number[]): tf.Variable {
  const value = tf.tensor(values, [...shape], "float32");
  const result = tf.variable(value);
  value.dispose();
  return result;
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
  if (isWordTable(key)) {
    values.fill(0, padTokenId * hiddenSize, (padTokenId + 1) * hiddenSize);
  }
  return values;
}

function isWordTable(key: string): boolean {
  return key.endsWith("embeddings.word_embeddings.weight");
}

/** A table of values that hold no more memory than they need, and that nobody else has. */
function floatTable({ values, shape }: Weight): FloatTable {
  const { buffer } = owned(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return new FloatTable(new Float32Array(buffer), shape as [rows: number, columns: number]);
}

/** What was loaded in one of its forms, in the order in which it is saved. */
function inOrder<Part extends ModelPart>(
  parts: ReadonlyMap<string, ModelPart>,
  shapes: ReadonlyMap<string, unknown>,
  is: (part: ModelPart) => part is Part,
): Map<string, Part> {
  const found = new Map<string, Part>();
  for (const key of shapes.keys()) {
    const part = parts.get(key);
    if (part !== undefined && is(part)) found.set(key, part);
  }
  return found;
}

function checkSharedShape(key: string, part: ModelPart, shape: readonly number[]): void {
  if (tf.util.arraysEqual([...part.shape], [...shape])) return;
  throw new RangeError(
    `Cannot share the weight ${key} as shapes must agree: it is [${part.shape.join(", ")}] in another model, [${shape.join(", ")}] by config.json`,
  );
}

function isStored(part: ModelPart): part is StoredMatrix {
  return "readRows" in part;
}

function isVariable(part: ModelPart): part is tf.Variable {
  return !isStored(part);
}

function free(
  parts: Iterable<readonly [key: string, part: ModelPart]>,
  shared: SharedWeights | undefined,
): void {
  for (const [key, part] of parts) if (!shared?.giveBack(key, part)) part.dispose();
}
