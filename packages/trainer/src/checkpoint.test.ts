import { readSafetensors, writeSafetensors } from "@kcbert/safetensors";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";
import "./_gradients.ts";
import { readTrainerState, type TrainerState, writeTrainerState } from "./checkpoint.ts";
import { adamW, type Optimizer } from "./optimization.ts";

const recipe = { seed: 1, batchSize: 8 };
const state: TrainerState = { step: 3, epoch: 1, shard: 0, batch: 2, elapsedMs: 1234.5, recipe };

/** An optimizer of two parameters whose moments are their own numbers. */
function newOptimizer(shapes: Record<string, number[]> = { "a.weight": [2, 3], "a.bias": [2] }): Optimizer {
  return adamW(new Map(Object.entries(shapes).map(([key, shape]) => [key, tf.variable(tf.zeros(shape))])));
}

async function checkpoint(): Promise<{ files: Map<string, Uint8Array>; optimizer: Optimizer }> {
  const optimizer = newOptimizer();
  let next = 0.1;
  for (const moment of optimizer.state.values()) {
    moment.assign(
      tf.tensor(
        Array.from({ length: moment.size }, () => (next *= -1.1)),
        moment.shape,
      ),
    );
  }
  const files = new Map<string, Uint8Array>();
  await writeTrainerState(async (name, bytes) => void files.set(name, bytes), optimizer, state);
  return { files, optimizer };
}

beforeAll(async () => void (await tf.setBackend("cpu")));

test("what is written is read again, to the bit", async () => {
  const { files, optimizer } = await checkpoint();
  const other = newOptimizer();
  expect(await readTrainerState(async (name) => files.get(name), other, recipe)).toEqual(state);
  for (const [name, moment] of optimizer.state)
    expect(other.state.get(name)!.dataSync()).toEqual(moment.dataSync());
  expect([...readSafetensors(files.get("optimizer.safetensors")!).tensors.keys()].sort()).toEqual([
    "m.a.bias",
    "m.a.weight",
    "v.a.bias",
    "v.a.weight",
  ]);
});

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

test.each<[string, (files: Map<string, Uint8Array>) => void, RegExp]>([
  [
    "lacks its state",
    (files) => files.delete("trainer_state.json"),
    /^Cannot resume as the checkpoint holds no trainer_state.json$/,
  ],
  ["lacks its moments", (files) => files.delete("optimizer.safetensors"), /holds no optimizer.safetensors$/],
  [
    "has a state cut short",
    (files) => files.set("trainer_state.json", encode('{"step":')),
    /trainer_state.json is not JSON/,
  ],
  [
    "has another state",
    (files) => files.set("trainer_state.json", encode('{"step":-1}')),
    /does not tell step, epoch, shard, batch/,
  ],
  [
    "has moments cut short",
    (files) => files.set("optimizer.safetensors", files.get("optimizer.safetensors")!.slice(0, -1)),
    /./,
  ],
  [
    "has no moments at all",
    (files) => files.set("optimizer.safetensors", writeSafetensors([])),
    /must be of shape \[2, 3\]: .* holds none/,
  ],
])("a checkpoint that %s is refused", async (_, spoil, message) => {
  const { files } = await checkpoint();
  spoil(files);
  await expect(readTrainerState(async (name) => files.get(name), newOptimizer(), recipe)).rejects.toThrow(
    message,
  );
});

test.each<[string, Record<string, number[]>, RegExp]>([
  [
    "of another shape",
    { "a.weight": [3, 2], "a.bias": [2] },
    /m\.a\.weight must be of shape \[3, 2\]: .* holds \[2, 3\]/,
  ],
  ["fewer", { "a.weight": [2, 3] }, /there is no place for m\.a\.bias of optimizer\.safetensors/],
])("a checkpoint of another model, its parameters %s, is refused", async (_, shapes, message) => {
  const { files } = await checkpoint();
  await expect(
    readTrainerState(async (name) => files.get(name), newOptimizer(shapes), recipe),
  ).rejects.toThrow(message);
});

test("a checkpoint of another recipe is refused, and the difference named", async () => {
  const { files } = await checkpoint();
  const reading = readTrainerState(async (name) => files.get(name), newOptimizer(), {
    ...recipe,
    batchSize: 16,
  });
  await expect(reading).rejects.toThrow(
    new RangeError("Cannot resume as the run was started with another batchSize: it was 8, now it is 16"),
  );
});
