import { CheckpointError, type SafetensorsTensor } from "@kcbert/safetensors";
import type * as tf from "@tensorflow/tfjs-core";
import { fingerprint } from "./_fingerprint.ts";
import { areWithinWeights } from "./_quantized_numbers.ts";
import { saveWeights } from "./_save_weights.ts";
import { openWeightFiles, type WeightTensor } from "./_weight_files.ts";
import { type BertConfig, formatBertConfig } from "./config.ts";
import type { PretrainedSink, PretrainedSource, SaveOptions, Weight } from "./pretrained.ts";
import { type Quantization, quantizationOf, quantizedStem } from "./quantization.ts";
import { QuantizedMatrix, QuantizedTable } from "./quantized_matrix.ts";
import type { SavedTensor, StoredMatrix } from "./stored_matrix.ts";

/** What becomes of a parameter in a quantised model; the small ones, and the last layer of a classifier, stay floats. */
export function formOf(key: string): "table" | "matrix" | "floats" {
  if (/(?:^|\.)embeddings\.(?:word|position|token_type)_embeddings\.weight$/.test(key)) return "table";
  if (key.endsWith("LayerNorm.weight") || !key.endsWith(".weight")) return "floats";
  return /(?:^|\.)(?:encoder\.layer|pooler|cls\.predictions\.transform)\./.test(key) ? "matrix" : "floats";
}

/**
 * Save a quantised model as `config.json` and `model.int8.safetensors` or `model.int4.safetensors`, or shards of it.
 *
 * @param options As of any model; `stem` is what the names of the files begin with instead.
 */
export async function saveQuantized(
  sink: PretrainedSink,
  config: BertConfig,
  parts: Iterable<readonly [key: string, part: tf.Variable | StoredMatrix]>,
  {
    dtype = "F32",
    maxShardBytes,
    stem = quantizedStem(quantizationOf(config)!),
  }: SaveOptions & { readonly stem?: string | undefined },
): Promise<void> {
  if (dtype !== "F32") {
    throw new RangeError(`Cannot save a quantised model as dtype must be F32, or absent: dtype is ${dtype}`);
  }
  const saved = new Map<string, Saved>();
  for (const [key, part] of parts) {
    const tensors = "saved" in part ? part.saved() : new Map([["", savedFloats(part)]]);
    for (const [suffix, tensor] of tensors) saved.set(`${key}${suffix}`, tensor);
  }
  await saveWeights(sink, saved, (name) => saved.get(name)!.bytes(), maxShardBytes, stem);
  await sink("config.json", new TextEncoder().encode(formatBertConfig(config)));
}

/** How to load the weights of a quantised model. */
export interface LoadQuantizedOptions {
  readonly signal?: AbortSignal | undefined;
  readonly ignoreMismatchedSizes?: boolean | undefined;
  /** Which parameters the caller has already: they are not read, and are neither missing nor unexpected. */
  readonly has?: ((key: string) => boolean) | undefined;
  /** What the names of the files begin with. Default: as they are saved. */
  readonly stem?: string | undefined;
  /** Whether any parameter may be absent, also one of the encoder. Default false. */
  readonly partial?: boolean | undefined;
  /** Takes each parameter that is not quantised. */
  readonly take: (key: string, weight: Weight) => unknown;
  /** Takes each that is. */
  readonly takeMatrix: (key: string, matrix: QuantizedWeight) => unknown;
}

/** A quantised parameter as it lies in a file. */
export interface QuantizedWeight {
  readonly shape: readonly [rows: number, columns: number];
  /** As a matrix on the current backend. */
  readonly matrix: () => StoredMatrix;
  /** Its numbers, row-major. */
  readonly floats: () => Float32Array;
}

/**
 * Load what {@link saveQuantized} wrote, tensor by tensor. What the model has no use for is not kept; a head that the
 * folder lacks is reported.
 *
 * @throws {CheckpointError} If the file is missing or broken, or lacks a tensor of the encoder, or one has the wrong dtype
 * or shape, or holds a number that cannot be.
 */
export async function loadQuantized(
  source: PretrainedSource,
  shapes: Iterable<readonly [key: string, shape: readonly number[]]>,
  quantization: Quantization,
  options: LoadQuantizedOptions,
): Promise<{ missing: string[]; unexpected: string[] }> {
  const { signal, ignoreMismatchedSizes = false, has = () => false, take, takeMatrix } = options;
  const { stem = quantizedStem(quantization), partial = false } = options;
  const all = [...shapes];
  const [had, others] = [all.filter(([key]) => has(key)), all.filter(([key]) => !has(key))];
  const wanted = wantedTensors(others, quantization);
  const known = wantedTensors(had, quantization);
  const unexpected: string[] = [];
  const announced = new Set<Wanted>();
  const files = openWeightFiles(source, signal, [`${stem}.safetensors`]);
  for await (const file of files) {
    const skipped = new Set<string>();
    for (const [name, found] of file.tensors) {
      const tensor = wanted.get(plainName(name));
      if (tensor === undefined) {
        if (!known.has(plainName(name))) unexpected.push(name);
      } else if (announced.size === announced.add(tensor).size) {
        throw unloadable(`${tensor.parameter.key}${tensor.suffix} must occur once: ${name} is another`);
      } else if (fits(name, found, tensor, ignoreMismatchedSizes)) continue;
      skipped.add(name);
    }
    for await (const [name, tensor] of file.read((name) => !skipped.has(name))) {
      signal?.throwIfAborted();
      const { parameter, suffix } = wanted.get(plainName(name))!;
      const { key, shape, layout, arrived } = parameter;
      arrived!.set(suffix, tensor);
      if (arrived!.size < layout.size) continue;
      const form = formOf(key);
      if (form === "floats") take(key, { shape, values: finite(name, tensor.values()) });
      else takeMatrix(key, quantizedWeight(parameter, arrived!, form, quantization));
      parameter.arrived = undefined; // and free
    }
  }
  return { missing: missingOf(wanted, partial), unexpected };
}

// --- internal ---

type Saved = Omit<SavedTensor, "bytes"> & { bytes(): Uint8Array | Promise<Uint8Array> };
type Readable = SafetensorsTensor & { values(): Float32Array };

/** A parameter, and what of it has arrived. */
interface Parameter {
  readonly key: string;
  readonly shape: readonly number[];
  readonly layout: ReadonlyMap<string, WeightTensor>;
  /** By what is put behind the key; absent once all of it has been handed on. */
  arrived: Map<string, Readable> | undefined;
}

interface Wanted {
  readonly parameter: Parameter;
  /** What is put behind the parameter's key. */
  readonly suffix: string;
}

/** The tensors that the file should have, by name without `bert.`. */
function wantedTensors(
  shapes: Iterable<readonly [key: string, shape: readonly number[]]>,
  quantization: Quantization,
): Map<string, Wanted> {
  const wanted = new Map<string, Wanted>();
  for (const [key, shape] of shapes) {
    const parameter = { key, shape, layout: layoutOf(key, shape, quantization), arrived: new Map() };
    for (const suffix of parameter.layout.keys())
      wanted.set(plainName(`${key}${suffix}`), { parameter, suffix });
  }
  return wanted;
}

function layoutOf(
  key: string,
  shape: readonly number[],
  quantization: Quantization,
): ReadonlyMap<string, WeightTensor> {
  const form = formOf(key);
  if (form === "floats") return new Map([["", { dtype: "F32", shape }]]);
  const matrix = shape as [rows: number, columns: number];
  return form === "table" ? QuantizedTable.layout(matrix) : QuantizedMatrix.layout(matrix, quantization);
}

/** Whether a tensor is what is wanted; false if it is to be done without. */
function fits(name: string, found: WeightTensor, { parameter, suffix }: Wanted, mayDiffer: boolean): boolean {
  const expected = parameter.layout.get(suffix)!;
  if (format(found) === format(expected)) return true;
  if (mayDiffer && mayBeMissing(parameter.key)) return false;
  throw unloadable(
    `dtypes and shapes must agree: ${name} is ${format(found)} in the file, ${format(expected)} by config.json`,
  );
}

function quantizedWeight(
  { key, shape }: Parameter,
  arrived: ReadonlyMap<string, Readable>,
  form: "table" | "matrix",
  quantization: Quantization,
): QuantizedWeight {
  const matrix = shape as [rows: number, columns: number];
  for (const [suffix, tensor] of arrived) if (suffix !== "") finite(`${key}${suffix}`, tensor.values());
  const { bytes } = arrived.get("")!;
  if (form === "matrix" && quantization.bits === 8 && !areWithinWeights(bytes)) {
    throw unloadable(`the integers of a dense layer must be in [-63, 63]: ${key} has another`);
  }
  return form === "table"
    ? {
        shape: matrix,
        matrix: () => QuantizedTable.load(matrix, arrived),
        floats: () => QuantizedTable.dequantize(matrix, arrived),
      }
    : {
        shape: matrix,
        matrix: () => QuantizedMatrix.load(matrix, quantization, arrived),
        floats: () => QuantizedMatrix.dequantize(matrix, quantization, arrived),
      };
}

function finite(name: string, values: Float32Array): Float32Array {
  if (fingerprint(values).finite) return values;
  throw unloadable(`weights must be finite numbers: ${name} holds a NaN or an infinity`);
}

function missingOf(wanted: ReadonlyMap<string, Wanted>, partial: boolean): string[] {
  const missing = new Set<string>();
  for (const { parameter, suffix } of wanted.values()) {
    const { key, arrived } = parameter;
    if (arrived === undefined || arrived.has(suffix)) continue;
    if (arrived.size > 0 || !(partial || mayBeMissing(key))) {
      throw unloadable(`every weight must be there: ${key}${suffix} is missing`);
    }
    missing.add(key);
  }
  return [...missing];
}

/** Pooler and heads may, the encoder may not. */
function mayBeMissing(key: string): boolean {
  return !/^(?:embeddings|encoder)\./.test(plainName(key));
}

function plainName(name: string): string {
  return name.replace(/^bert\./, "");
}

function savedFloats(parameter: tf.Variable): Saved {
  const bytes = async (): Promise<Uint8Array> => {
    const values = await parameter.data();
    return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  };
  return { dtype: "F32", shape: parameter.shape, bytes };
}

function format({ dtype, shape }: WeightTensor): string {
  return `${dtype} [${shape.join(", ")}]`;
}

function unloadable(problem: string): CheckpointError {
  return new CheckpointError(`Cannot load the quantised weights as ${problem}`);
}
