/** A checkpoint of fine-tuning: weights, moments, and where the run stands. */
import type { PretrainedSink, PretrainedSource } from "@kcbert/bert";
import { readSafetensors, toFloat32, writeSafetensors } from "@kcbert/safetensors";
import { checksum } from "../_checksum.ts";
import {
  assignVariables,
  encodeVariables,
  readFile,
  readTrainerState,
  type TrainerState,
  writeTrainerState,
} from "../checkpoint.ts";
import type { LoaderPosition } from "../loader.ts";
import type { Examples } from "./examples.ts";
import type { ScoredStep } from "./finetune_events.ts";
import type { FinetuneProgram } from "./finetune_program.ts";
import type { Scores } from "./score_examples.ts";

/** Where a run stands. */
export interface FinetuneState extends TrainerState {
  /** Every time that the model was scored. */
  readonly evaluations: readonly ScoredStep[];
  /** Where the data of what is learnt alongside stands. */
  readonly alongside?: LoaderPosition;
}

/** The weights that were best on the development set, by parameter key. */
export type BestWeights = ReadonlyMap<string, Float32Array>;

/** Write a checkpoint: the weights of all that is learnt, the moments, the state, and the best weights so far. */
export async function writeFinetuneState(
  sink: PretrainedSink,
  program: FinetuneProgram,
  state: FinetuneState,
  best: BestWeights | undefined,
): Promise<void> {
  await sink(WEIGHTS, await encodeVariables(variablesOf(program)));
  if (best !== undefined) {
    const tensors = Array.from(best, ([key, values]) => {
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      return [key, { dtype: "F32", shape: program.model.parameters.get(key)!.shape, bytes }] as const;
    });
    await sink(BEST, writeSafetensors(tensors));
  }
  await writeTrainerState(sink, program.optimizer, state);
}

/**
 * Read a checkpoint into a program.
 *
 * @throws {Error} If a file is missing.
 * @throws {SyntaxError} If a file does not parse.
 * @throws {TypeError} If it is not of these parameters.
 * @throws {RangeError} If the run was started with another recipe; the message names the difference.
 */
export async function readFinetuneState(
  source: PretrainedSource,
  program: FinetuneProgram,
  recipe: TrainerState["recipe"],
): Promise<{ state: FinetuneState; best: BestWeights | undefined }> {
  const read = await readTrainerState(source, program.optimizer, recipe);
  const state = withNumbers(read as FinetuneState);
  assignVariables(await readFile(source, WEIGHTS), variablesOf(program), WEIGHTS);
  if (state.alongside !== undefined) program.alongside?.goTo(state.alongside);
  if ((await source(BEST)) === undefined) return { state, best: undefined };
  const { tensors } = readSafetensors(await readFile(source, BEST));
  return { state, best: new Map(Array.from(tensors, ([key, tensor]) => [key, toFloat32(tensor)])) };
}

/** Tells these examples from others. */
export function examplesChecksum(sets: readonly Examples[]): string {
  return checksum(sets.flatMap(numbersOf));
}

// --- internal ---

const WEIGHTS = "model.safetensors";
const BEST = "best.safetensors";

function variablesOf({ model, alongside }: FinetuneProgram): FinetuneProgram["model"]["parameters"] {
  return new Map([...(alongside?.parameters ?? []), ...model.parameters]);
}

function numbersOf(examples: Examples): ArrayLike<number>[] {
  const texts = [examples.texts, ...(examples.kind === "embeddings" ? [examples.others] : [])];
  const encoded = texts.flatMap(({ ids, rowStarts, typeIds = [] }) => [ids, rowStarts, typeIds]);
  return [...encoded, ...(examples.kind === "spans" ? [examples.starts, examples.ends] : [examples.labels])];
}

/** JSON has no NaN, the score of what cannot be scored: it is written as null. */
function withNumbers(state: FinetuneState): FinetuneState {
  if (!Array.isArray(state.evaluations)) {
    throw new TypeError("Cannot resume as the checkpoint is not one of fine-tuning: it tells no evaluations");
  }
  const numbers = (scores: Scores): Scores =>
    Object.fromEntries(
      Object.entries(scores).map(([name, value]) => [name, (value as number | null) ?? NaN]),
    );
  const evaluations = state.evaluations.map(({ step, epoch, dev, test }) => ({
    step,
    epoch,
    ...(dev === undefined ? {} : { dev: numbers(dev) }),
    ...(test === undefined ? {} : { test: numbers(test) }),
  }));
  return { ...state, evaluations };
}
