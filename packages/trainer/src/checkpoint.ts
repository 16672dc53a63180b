/**
 * The trainer's part of a checkpoint: what a run needs beside the model to go on as if it had never stopped.
 *
 * A checkpoint is a Hugging Face folder (`model.save`), and in it `optimizer.safetensors`, the moments, and
 * `trainer_state.json`, where the run stands. Nothing else is kept: random numbers depend on seed and step alone.
 */
import type { PretrainedSink, PretrainedSource } from "@kcbert/bert";
import { readSafetensors, type SafetensorsTensor, toFloat32, writeSafetensors } from "@kcbert/safetensors";
import * as tf from "@tensorflow/tfjs-core";
import type { Optimizer, Parameters } from "./optimization.ts";

/** Where a run stands. */
export interface TrainerState {
  /** Optimiser steps taken. */
  readonly step: number;
  /** Times that the data has been gone through. */
  readonly epoch: number;
  /** Shards gone through in this epoch. */
  readonly shard: number;
  /** Batches taken of this shard. */
  readonly batch: number;
  /** Time spent so far, in milliseconds. */
  readonly elapsedMs: number;
  /** What the run was started with, and must be continued with. */
  readonly recipe: Readonly<Record<string, string | number | boolean>>;
}

/** The names of the trainer's files in a checkpoint. */
export const trainerFiles: { readonly moments: string; readonly state: string } = {
  moments: "optimizer.safetensors",
  state: "trainer_state.json",
};

/**
 * Write the trainer's part of a checkpoint.
 *
 * @param sink Takes each file; making the whole appear at once is its business.
 *
 * @example
 * ```ts
 * import { adamW, readTrainerState, writeTrainerState } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const state = { step: 7, epoch: 0, shard: 0, batch: 7, elapsedMs: 12, recipe: { seed: 1 } };
 * const files = new Map<string, Uint8Array>();
 * await writeTrainerState(async (name, bytes) => void files.set(name, bytes), adamW(new Map()), state);
 * assert.deepEqual(await readTrainerState(async (name) => files.get(name), adamW(new Map()), { seed: 1 }), state);
 * ```
 */
export async function writeTrainerState(
  sink: PretrainedSink,
  optimizer: Optimizer,
  state: TrainerState,
): Promise<void> {
  await sink(trainerFiles.moments, await encodeVariables(optimizer.state));
  await sink(trainerFiles.state, new TextEncoder().encode(`${JSON.stringify(state, null, 2)}\n`));
}

/**
 * Read the trainer's part of a checkpoint: the moments into an optimiser, and where the run stood.
 *
 * @param source Gives each file.
 * @param optimizer An optimiser over the same parameters.
 * @param recipe What the run is to be continued with.
 * @throws {Error} If a file is missing.
 * @throws {SyntaxError} If `trainer_state.json` does not parse, or the moments are no safetensors file.
 * @throws {TypeError} If the moments are not those of these parameters, or the state is not a trainer's.
 * @throws {RangeError} If the run was started with another recipe; the message names the difference.
 *
 * @example
 * ```ts
 * import { adamW, readTrainerState } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * await assert.rejects(readTrainerState(async () => undefined, adamW(new Map()), {}), /no trainer_state.json/);
 * ```
 */
export async function readTrainerState(
  source: PretrainedSource,
  optimizer: Optimizer,
  recipe: TrainerState["recipe"],
): Promise<TrainerState> {
  const state = parseState(new TextDecoder().decode(await readFile(source, trainerFiles.state)));
  checkRecipe(state.recipe, recipe);
  assignVariables(await readFile(source, trainerFiles.moments), optimizer.state, trainerFiles.moments);
  return state;
}

// --- for fine-tuning ---

/** Variables as a safetensors file. */
export async function encodeVariables(variables: Parameters): Promise<Uint8Array> {
  const tensors: [string, SafetensorsTensor][] = [];
  for (const [name, variable] of variables) {
    const values = (await variable.data()) as Float32Array;
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    tensors.push([name, { dtype: "F32", shape: variable.shape, bytes }]);
  }
  return writeSafetensors(tensors);
}

/**
 * Assign to variables what a safetensors file holds, which must be these and no others.
 *
 * @param name What errors call the file.
 */
export function assignVariables(file: Uint8Array, variables: Parameters, name: string): void {
  const { tensors } = readSafetensors(file);
  for (const key of tensors.keys()) {
    if (!variables.has(key)) throw new TypeError(`Cannot resume as there is no place for ${key} of ${name}`);
  }
  for (const [key, variable] of variables) {
    const tensor = tensors.get(key);
    const shape = tensor?.shape.join(", ");
    if (tensor === undefined || shape !== variable.shape.join(", ")) {
      throw new TypeError(
        `Cannot resume as ${key} must be of shape [${variable.shape.join(", ")}]: ${name} holds ${tensor === undefined ? "none" : `[${shape}]`}`,
      );
    }
    tf.tidy(() => variable.assign(tf.tensor(toFloat32(tensor), variable.shape)));
  }
}

/** A file of a checkpoint, which must be there. */
export async function readFile(source: PretrainedSource, name: string): Promise<Uint8Array> {
  const file = await source(name);
  if (file === undefined) throw new Error(`Cannot resume as the checkpoint holds no ${name}`);
  return file instanceof Uint8Array
    ? file
    : new Uint8Array(await new Response(file as BodyInit).arrayBuffer());
}

// --- internal ---

function parseState(text: string): TrainerState {
  let state: unknown;
  try {
    state = JSON.parse(text);
  } catch (cause) {
    throw new SyntaxError(`Cannot resume as ${trainerFiles.state} is not JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
  if (!isTrainerState(state)) {
    throw new TypeError(
      `Cannot resume as ${trainerFiles.state} does not tell step, epoch, shard, batch, elapsedMs and recipe`,
    );
  }
  return state;
}

function isTrainerState(value: unknown): value is TrainerState {
  if (typeof value !== "object" || value === null) return false;
  const state = value as Record<string, unknown>;
  const counts = [state["step"], state["epoch"], state["shard"], state["batch"]];
  return (
    counts.every((count) => Number.isSafeInteger(count) && (count as number) >= 0) &&
    Number.isFinite(state["elapsedMs"]) &&
    typeof state["recipe"] === "object" &&
    state["recipe"] !== null
  );
}

function checkRecipe(then: TrainerState["recipe"], now: TrainerState["recipe"]): void {
  for (const name of new Set([...Object.keys(then), ...Object.keys(now)])) {
    if (then[name] !== now[name]) {
      throw new RangeError(
        `Cannot resume as the run was started with another ${name}: it was ${then[name]}, now it is ${now[name]}`,
      );
    }
  }
}
