/**
 * What a model says of examples, batch by batch.
 */
import * as tf from "@tensorflow/tfjs-core";
import { eager, type Jit, type TensorFunction } from "../jit.ts";
import { type BatchShape, exampleLengths, uploadTexts } from "./_example_inputs.ts";
import { type FinetuneModel, headOf } from "./_heads.ts";
import { type Examples, exampleCount } from "./examples.ts";
import { type RowBatch, sortedBatches, widthsFor } from "./length_batches.ts";

/** What a model said, in the order of the examples. */
export interface Predictions {
  /**
   * Of texts the L logits; of tokens the class of each; of spans the T logits of begins and then those of ends; of
   * embeddings the cosine.
   */
  readonly values: Float32Array | Int32Array;
  /** `[N + 1]`: what was said of example `i` is `values[rowStarts[i]]` up to, not including, `values[rowStarts[i + 1]]`. */
  readonly rowStarts: Int32Array;
}

/** How a model is run. */
export interface PredictOptions {
  /** Rows in a batch. @default 512 with `jit`, else 64 */
  readonly batchSize?: number;
  /**
   * Tokens that rows may be filled up to, ascending; another is added where rows are longer than the last, and those that
   * no row needs are left out. @default what suits the backend
   */
  readonly widths?: readonly number[];
  /** Compiles the forward pass, once for each width. @default none */
  readonly jit?: Jit;
  /** Stops between two batches; its reason is thrown. */
  readonly signal?: AbortSignal;
}

/**
 * Run a model on examples; their labels are not looked at. Leaves no tensor behind.
 *
 * @param model The model, unchanged.
 * @param examples Examples of the kind that the model's class takes.
 * @throws {TypeError} If they are of another kind.
 * @throws {RangeError} If a row has more tokens than the model has positions.
 *
 * @example
 * ```ts
 * import { BertForSequenceClassification, kcbertBase } from "@kcbert/bert";
 * import { predict } from "@kcbert/trainer";
 * import * as tf from "@tensorflow/tfjs";
 * import assert from "node:assert/strict";
 *
 * await tf.setBackend("cpu");
 * const sizes = { vocabSize: 10, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 16 };
 * const model = BertForSequenceClassification.init({ ...kcbertBase, ...sizes }, { seed: 1 });
 * const texts = { ids: Int32Array.of(2, 7, 3, 2, 8, 9, 3), rowStarts: Int32Array.of(0, 3, 7) };
 * const { values } = await predict(model, { kind: "texts", texts, labels: Int32Array.of(0, 1) });
 * assert.equal(values.length, 2 * 2);
 * ```
 */
export async function predict(
  model: FinetuneModel,
  examples: Examples,
  { jit = eager, ...options }: PredictOptions = {},
): Promise<Predictions> {
  const { kind, outputs } = headOf(model);
  if (kind !== examples.kind) {
    throw new TypeError(
      `Cannot run a ${model.architecture} on examples of kind ${examples.kind}: it takes ${kind}`,
    );
  }
  const run = jit((...texts) => tf.tidy(() => [outputs(texts)]));
  const compiled = jit !== eager;
  return predictWith(run, model, examples, { compiled, ...options });
}

/** The same with a forward pass that was made before, and so is compiled once for many calls. */
export async function predictWith(
  run: TensorFunction,
  model: FinetuneModel,
  examples: Examples,
  { compiled, signal, ...given }: Omit<PredictOptions, "jit"> & { readonly compiled: boolean },
): Promise<Predictions> {
  const lengths = exampleLengths(examples);
  const { batches, shape } = planOf(model, lengths, { compiled, ...given });
  const rowStarts = startsOf(examples, lengths, model.config.numLabels);
  const values = new (examples.kind === "tokens" ? Int32Array : Float32Array)(rowStarts.at(-1)!);
  const inFlight: { readonly batch: RowBatch; readonly said: tf.Tensor }[] = [];
  const read = async (): Promise<void> => {
    const { batch, said } = inFlight.shift()!;
    const numbers = (await said.data().finally(() => said.dispose())) as Float32Array;
    scatter(numbers, batch, examples.kind, rowStarts, values);
  };
  try {
    for (const batch of batches) {
      signal?.throwIfAborted();
      const inputs = uploadTexts(examples, batch, shape);
      const [said] = run(...inputs);
      tf.dispose(inputs);
      inFlight.push({ batch, said: said! });
      if (inFlight.length > IN_FLIGHT) await read();
    }
    while (inFlight.length > 0) await read();
  } finally {
    for (const { said } of inFlight) said.dispose();
  }
  return { values, rowStarts };
}

/**
 * Let a compiling backend begin with what a prediction will need, while it does something else: one batch of each width is
 * run, and what it says forgotten.
 */
export function warmUp(
  run: TensorFunction,
  model: FinetuneModel,
  examples: Examples,
  given: Omit<PredictOptions, "jit">,
): void {
  const lengths = exampleLengths(examples);
  const { batches, shape } = planOf(model, lengths, { compiled: true, ...given });
  for (const [batch] of Map.groupBy(batches, ({ width }) => width).values()) {
    const inputs = uploadTexts(examples, batch!, shape);
    tf.dispose([...inputs, ...run(...inputs)]);
  }
}

/** The widths given, or those that suit the backend: as far as the longest row needs them, and the model has positions. */
export function usableWidths(
  longest: number,
  compiled: boolean,
  { config }: FinetuneModel,
  given?: readonly number[],
): number[] {
  const suited = widthsFor(longest, compiled);
  const enough = given?.find((width) => width >= longest) ?? suited.at(-1)!;
  const widths = given === undefined ? suited : [...given.filter((width) => width < enough), enough];
  return [...new Set(widths.map((width) => Math.min(width, config.maxPositionEmbeddings)))];
}

// --- internal ---

/** How examples are cut into batches. */
function planOf(
  model: FinetuneModel,
  lengths: Int32Array,
  { compiled, ...given }: Omit<PredictOptions, "jit"> & { readonly compiled: boolean },
): { batches: RowBatch[]; shape: BatchShape } {
  const longest = lengths.reduce((most, length) => Math.max(most, length), 1);
  const { batchSize = compiled ? 512 : 64 } = given;
  const widths = usableWidths(longest, compiled, model, given.widths);
  return {
    batches: sortedBatches(lengths, { batchSize, widths }),
    shape: { batchSize, padId: model.config.padTokenId },
  };
}

/** Batches handed to the backend before what it said of the first is read. */
const IN_FLIGHT = 2;

/** Where in the values each example begins. */
function startsOf(examples: Examples, lengths: Int32Array, numLabels: number): Int32Array {
  const starts = new Int32Array(exampleCount(examples) + 1);
  const sizeOf = {
    texts: () => numLabels,
    tokens: (length: number) => length,
    spans: (length: number) => 2 * length,
    embeddings: () => 1,
  }[examples.kind];
  lengths.forEach((length, row) => {
    starts[row + 1] = starts[row]! + sizeOf(length);
  });
  return starts;
}

/** Put what was said of a batch where it belongs, padding left out. */
function scatter(
  numbers: Float32Array,
  { rows, width }: RowBatch,
  kind: Examples["kind"],
  rowStarts: Int32Array,
  values: Float32Array | Int32Array,
): void {
  const size = { texts: rowStarts[1]!, tokens: width, spans: 2 * width, embeddings: 1 }[kind];
  rows.forEach((row, i) => {
    const at = rowStarts[row]!;
    const count = rowStarts[row + 1]! - at;
    if (kind !== "spans") return values.set(numbers.subarray(i * size, i * size + count), at);
    values.set(numbers.subarray(i * size, i * size + count / 2), at);
    values.set(numbers.subarray(i * size + width, i * size + width + count / 2), at + count / 2);
  });
}
