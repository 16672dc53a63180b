import { CheckpointError, fromFloat32, type SafetensorsLayout } from "@kcbert/safetensors";
import { type Fingerprint, fingerprint } from "./_fingerprint.ts";
import { saveWeights } from "./_save_weights.ts";
import { openWeightFiles, readText, type WeightTensor } from "./_weight_files.ts";
import { type BertConfig, formatBertConfig, parseBertConfig } from "./config.ts";

/**
 * Where a model's files come from: gives the content of a file of its folder, or `undefined` if there is none.
 *
 * @param name Such as `config.json`; never a path out of the folder.
 * @param options `signal` to give up; `range`, first byte and byte after the last, if only a part is wanted.
 */
export type PretrainedSource = (
  name: string,
  options?: { signal?: AbortSignal; range?: [number, number] },
) => Promise<Uint8Array | ReadableStream<Uint8Array> | undefined>;

/** Where a model's files go: stores a file of its folder. */
export type PretrainedSink = (name: string, bytes: Uint8Array) => Promise<void>;

/** A parameter's values. */
export interface Weight {
  /** Sizes, outermost first. */
  readonly shape: readonly number[];
  /** In row-major order. May share memory with what the source gave. */
  readonly values: Float32Array;
}

/** How to load weights. */
export interface LoadWeightsOptions {
  /** To give up; the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Takes each weight as it arrives, so that the checkpoint is never in memory as a whole; `weights` of the result
   * stays empty then. Without it, they are collected.
   */
  readonly take?: ((key: string, weight: Weight) => void) | undefined;
  /** Which parameters the caller has already: they are not read, and are neither missing nor unexpected. */
  readonly has?: ((key: string) => boolean) | undefined;
  /**
   * Which parameters may be absent from the checkpoint; they are named in `missing`, for the caller to initialise.
   * Default: those outside of the embeddings and the encoder, that is pooler and heads.
   */
  readonly mayBeMissing?: ((key: string) => boolean) | undefined;
  /**
   * Treat a parameter that may be missing and has another shape in the checkpoint as missing, rather than refuse: for a
   * new head of another size. Default false.
   */
  readonly ignoreMismatchedSizes?: boolean | undefined;
}

/** What {@link loadWeights} found. */
export interface LoadedWeights {
  /** The weights by the model's keys; empty if they were handed to `take`. */
  readonly weights: Map<string, Weight>;
  /** Keys of the model that the checkpoint has no weight for. */
  readonly missing: readonly string[];
  /** Names in the checkpoint that the model has no use for, as they are in the file. */
  readonly unexpected: readonly string[];
}

/**
 * Read the `config.json` of a folder.
 *
 * @throws {CheckpointError} If the folder has none.
 * @throws {SyntaxError | TypeError | RangeError} If it is not the config of a BERT: see {@link parseBertConfig}.
 */
export async function loadConfig(
  source: PretrainedSource,
  { signal }: { signal?: AbortSignal } = {},
): Promise<BertConfig> {
  const json = await readText(source, "config.json", signal);
  if (json === undefined) throw new CheckpointError("Cannot load the model as its folder has no config.json");
  return parseBertConfig(json);
}

/**
 * Load the weights of a folder: `model.safetensors`, else its shards, else `pytorch_model.bin`, else its shards.
 *
 * Names are matched with and without `bert.`, old names (`LayerNorm.gamma`) and new. What the model has no use for is
 * not kept. The decoder of the masked-LM head is tied to the word embeddings and may be left out of the file; if it is
 * there, it must be equal. Floats of 64, 32 and 16 bits are taken, nothing else.
 *
 * @param source The folder.
 * @param shapes Key and shape of every parameter of the model.
 * @throws {CheckpointError} If there are no weights, a file is broken, a tensor is missing, has the wrong shape or dtype,
 * occurs twice under different names, or holds a value that is not finite; or if a decoder is not tied.
 *
 * @example
 * ```ts
 * import { loadWeights } from "@kcbert/bert";
 * import { fromFloat32, writeSafetensors } from "@kcbert/safetensors";
 * import assert from "node:assert/strict";
 *
 * const tensor = fromFloat32(Float32Array.of(1, 2), [2]);
 * const file = writeSafetensors([["bert.embeddings.LayerNorm.gamma", tensor], ["extra", tensor]]);
 * const source = async (name: string) => (name === "model.safetensors" ? file : undefined);
 * const { weights, unexpected } = await loadWeights(source, [["bert.embeddings.LayerNorm.weight", [2]]]);
 * assert.deepEqual(weights.get("bert.embeddings.LayerNorm.weight")!.values, Float32Array.of(1, 2));
 * assert.deepEqual(unexpected, ["extra"]);
 * ```
 */
export async function loadWeights(
  source: PretrainedSource,
  shapes: Iterable<readonly [key: string, shape: readonly number[]]>,
  options: LoadWeightsOptions = {},
): Promise<LoadedWeights> {
  const weights = new Map<string, Weight>();
  const { signal, take = (key: string, weight: Weight): unknown => weights.set(key, weight) } = options;
  const matching = new Matching(shapes, options);
  for await (const file of openWeightFiles(source, signal)) {
    for (const [name, layout] of file.tensors) matching.announce(name, layout);
    for await (const [name, tensor] of file.read((name) => matching.wants(name))) {
      signal?.throwIfAborted();
      const found = matching.accept(name, tensor);
      if (found !== undefined) take(...found);
    }
  }
  return { weights, ...matching.finish() };
}

/** How to save a model. */
export interface SaveOptions {
  /** What the weights are rounded to. Default `F32`, which loses nothing. */
  readonly dtype?: "F32" | "F16" | "BF16" | undefined;
  /** The most bytes of a weight file; beyond it several are written, with an index. Default no limit. */
  readonly maxShardBytes?: number | undefined;
}

/**
 * Save a model as a folder that Hugging Face transformers opens: `config.json` and `model.safetensors`.
 *
 * The tied decoder is left out, as there. One weight file is in memory at a time. Whether a crash leaves half a folder
 * is in the hands of the sink.
 *
 * @param sink Where to.
 * @param config The config; `architectures` tells Hugging Face which class to use.
 * @param shapes Key and shape of every parameter.
 * @param valuesOf The values of a parameter, in row-major order; asked for once each, when its turn comes.
 * @throws {RangeError} If the values are not as many as the shape asks for.
 *
 * @example
 * ```ts
 * import { kcbertBase, savePretrained } from "@kcbert/bert";
 * import assert from "node:assert/strict";
 *
 * const folder = new Map<string, Uint8Array>();
 * const sink = async (name: string, bytes: Uint8Array) => void folder.set(name, bytes);
 * await savePretrained(sink, kcbertBase, [["classifier.bias", [2]]], () => Float32Array.of(0.5, -0.5));
 * assert.deepEqual([...folder.keys()], ["model.safetensors", "config.json"]);
 * ```
 */
export async function savePretrained(
  sink: PretrainedSink,
  config: BertConfig,
  shapes: Iterable<readonly [key: string, shape: readonly number[]]>,
  valuesOf: (key: string) => Float32Array | Promise<Float32Array>,
  { dtype = "F32", maxShardBytes }: SaveOptions = {},
): Promise<void> {
  const layouts = new Map<string, SafetensorsLayout>();
  for (const [key, shape] of shapes) layouts.set(key, { dtype, shape });
  const bytesOf = async (key: string): Promise<Uint8Array> =>
    fromFloat32(await valuesOf(key), layouts.get(key)!.shape, dtype).bytes;
  await saveWeights(sink, layouts, bytesOf, maxShardBytes);
  await sink("config.json", new TextEncoder().encode(formatBertConfig(withDtype(config, dtype))));
}

// --- internal ---

/** Parameters that share one matrix: the first is the model's, the second may be in the file as well. */
const tied: ReadonlyMap<string, string> = new Map([
  ["cls.predictions.decoder.weight", "embeddings.word_embeddings.weight"],
  ["cls.predictions.decoder.bias", "cls.predictions.bias"],
]);

/** Buffers that old checkpoints hold, and that say nothing. */
const ignored: ReadonlySet<string> = new Set(["embeddings.position_ids", "embeddings.token_type_ids"]);

const floats: ReadonlySet<string> = new Set(["F64", "F32", "F16", "BF16"]);

/** Decides for every tensor of a checkpoint what it is for, and keeps the accounts. */
class Matching {
  /** What the model wants, by key without `bert.`. */
  readonly #wanted = new Map<string, { readonly key: string; readonly shape: readonly number[] }>();
  /** What the caller has already, by key without `bert.`. */
  readonly #had = new Set<string>();
  /** Names in the checkpoint, by key without `bert.`. */
  readonly #found = new Map<string, string>();
  readonly #unexpected: string[] = [];
  readonly #mismatched = new Set<string>();
  readonly #fingerprints = new Map<string, Fingerprint>();
  readonly #options: LoadWeightsOptions;

  constructor(shapes: Iterable<readonly [string, readonly number[]]>, options: LoadWeightsOptions) {
    for (const [key, shape] of shapes) {
      if (options.has?.(key)) this.#had.add(plainKey(key));
      else this.#wanted.set(plainKey(key), { key, shape });
    }
    this.#options = options;
  }

  /** Takes note of a tensor, and refuses it if it cannot be what its name says. */
  announce(name: string, { dtype, shape }: WeightTensor): void {
    const plain = plainKey(name);
    if (ignored.has(plain) || this.#had.has(plain) || this.#had.has(tied.get(plain) ?? "")) return;
    const wanted = this.#wantedFor(plain);
    if (wanted === undefined) {
      this.#unexpected.push(name);
      return;
    }
    const earlier = this.#found.get(plain);
    if (earlier !== undefined) {
      const both = earlier === name ? `${name} occurs twice` : `found ${earlier} and ${name}`;
      throw unloadable(`${wanted.key} must have one tensor: ${both}`);
    }
    if (!floats.has(dtype)) throw unloadable(`weights must be F64, F32, F16 or BF16: ${name} is ${dtype}`);
    this.#found.set(plain, name);
    if (shape.length === wanted.shape.length && shape.every((size, axis) => size === wanted.shape[axis]))
      return;
    if (this.#options.ignoreMismatchedSizes === true && this.#mayBeMissing(wanted.key)) {
      this.#mismatched.add(plain);
      return;
    }
    throw unloadable(
      `shapes must agree: ${name} is [${shape.join(", ")}] in the checkpoint, [${wanted.shape.join(", ")}] by config.json`,
    );
  }

  /** Whether the values of a tensor are needed. */
  wants(name: string): boolean {
    const plain = plainKey(name);
    return this.#found.get(plain) === name && !this.#mismatched.has(plain);
  }

  /** The key that a tensor is for, and its values; nothing for a tied one, which is only compared. */
  accept(
    name: string,
    tensor: { readonly shape: readonly number[]; values(): Float32Array },
  ): [string, Weight] | undefined {
    const plain = plainKey(name);
    const values = tensor.values();
    const print = fingerprint(values);
    if (!print.finite) {
      throw unloadable(`weights must be finite numbers: ${name} holds a NaN or an infinity`);
    }
    this.#fingerprints.set(plain, print);
    const wanted = this.#wanted.get(plain);
    return wanted === undefined ? undefined : [wanted.key, { shape: wanted.shape, values }];
  }

  finish(): { missing: string[]; unexpected: string[] } {
    for (const [copy, original] of tied) {
      const [a, b] = [this.#fingerprints.get(copy), this.#fingerprints.get(original)];
      if (a !== undefined && b !== undefined && a.hash !== b.hash) {
        throw unloadable(
          `the masked-LM head must be tied to the embeddings: ${this.#found.get(copy)} differs from ${this.#found.get(original)}`,
        );
      }
    }
    const missing: string[] = [];
    for (const [plain, { key }] of this.#wanted) {
      if (!this.#found.has(plain) || this.#mismatched.has(plain)) missing.push(key);
    }
    const required = missing.filter((key) => !this.#mayBeMissing(key));
    if (required.length > 0) {
      const [first] = required;
      throw unloadable(
        `every weight must be there: ${first}${required.length > 1 ? ` and ${required.length - 1} more are` : " is"} missing`,
      );
    }
    return { missing, unexpected: this.#unexpected };
  }

  #wantedFor(plain: string): { readonly key: string; readonly shape: readonly number[] } | undefined {
    const wanted = this.#wanted.get(plain);
    const original = tied.get(plain);
    if (wanted !== undefined || original === undefined) return wanted;
    return this.#wanted.has("cls.predictions.bias") ? this.#wanted.get(original) : undefined; // a decoder, to be compared
  }

  #mayBeMissing(key: string): boolean {
    return this.#options.mayBeMissing?.(key) ?? !/^(?:embeddings|encoder)\./.test(plainKey(key));
  }
}

/** A tensor's name without `bert.`, and with today's names of layer normalisation. */
function plainKey(name: string): string {
  return name
    .replace(/^bert\./, "")
    .replace(/(?<=LayerNorm\.)gamma$/, "weight")
    .replace(/(?<=LayerNorm\.)beta$/, "bias");
}

function unloadable(problem: string): CheckpointError {
  return new CheckpointError(`Cannot load the weights as ${problem}`);
}

/** The config with the dtype of the weights that lie beside it, by which Hugging Face transformers loads them. */
function withDtype(config: BertConfig, dtype: "F32" | "F16" | "BF16"): BertConfig {
  const extra = new Map(config.extra);
  extra.delete("torch_dtype");
  extra.set("dtype", { F32: "float32", F16: "float16", BF16: "bfloat16" }[dtype]);
  return { ...config, extra };
}
