import { appendFileSync, mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { PretrainEvent } from "@kcbert/trainer";
import { fileError } from "./failure.ts";

/** A file of a run's events for TensorBoard: `tensorboard --logdir RUN` shows it. */
export interface TensorBoardFile {
  /** Add what an event tells in numbers. */
  add(event: PretrainEvent): void;
}

/**
 * Begin a file of events in the folder `tensorboard` of a run; each session of a run has one of its own.
 *
 * @param run The run's folder.
 * @param now The time, in milliseconds since 1970.
 * @throws {CliError} If it cannot be written.
 */
export async function openTensorBoardFile(
  run: string,
  now: () => number = Date.now,
): Promise<TensorBoardFile> {
  const { tensorBoardEvents, tensorBoardHeader } = await import("@kcbert/trainer");
  const folder = join(run, "tensorboard");
  const path = join(folder, `events.out.tfevents.${Math.floor(now() / 1000)}.${hostname()}.${process.pid}`);
  const append = (bytes: Uint8Array): void => {
    try {
      mkdirSync(folder, { recursive: true });
      appendFileSync(path, bytes);
    } catch (error) {
      throw fileError(`write ${path}`, error);
    }
  };
  append(tensorBoardHeader(now()));
  return {
    add(event) {
      const scalars = scalarsOf(event);
      if (scalars !== undefined) append(tensorBoardEvents([{ time: now(), step: event.step, scalars }]));
    },
  };
}

// --- internal ---

function scalarsOf(event: PretrainEvent): Record<string, number> | undefined {
  if (event.event === "eval") return { "eval/loss": event.loss, "eval/accuracy": event.accuracy };
  if (event.event !== "step") return undefined;
  return {
    "train/loss": event.loss,
    "train/learning_rate": event.learningRate,
    "train/grad_norm": event.gradNorm,
    "train/tokens_per_second": event.tokensPerSecond,
  };
}
