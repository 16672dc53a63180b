import type { Handler } from "hono";
import type { Models } from "../models.ts";
import type { TrainingRun, TrainingState } from "../training_run.ts";

/** The body of `GET /health`. */
export interface HealthJson {
  /** `ready` once every model can answer, `partly` when some can. */
  readonly status: "ready" | "partly" | "waiting";
  /** What is waited for, as a sentence; absent when nothing is. */
  readonly waits_for?: string;
  /** Each model, in the order given. */
  readonly models: readonly ModelHealthJson[];
  /** The run that the page follows; null when there is none. */
  readonly training: TrainingHealthJson | null;
}

/** One model in {@link HealthJson}. */
export interface ModelHealthJson {
  /** Its name in the path. */
  readonly id: string;
  /** What it does. */
  readonly task: "fill-mask";
  /** Whether what answers now is final, a checkpoint, or not there yet. */
  readonly state: "final" | "checkpoint" | "waiting";
  /** Names the state that answers now. */
  readonly revision: string | null;
  /** Optimiser steps behind a checkpoint. */
  readonly step: number | null;
}

/** The run in {@link HealthJson}. */
export interface TrainingHealthJson {
  /** Where the run stands. */
  readonly state: TrainingState;
  /** The last step reported. */
  readonly step: number;
  /** The step it ends at, if it ends by steps. */
  readonly max_steps: number | null;
}

/** `GET /health`: always 200 while the server answers; the body says whether its models do too. */
export function healthRoute(models: Models, run: TrainingRun | undefined): Handler {
  return async (c) => {
    await run?.refresh();
    const states = await Promise.all(
      models.list().map(async ({ id, current, waitsFor }) => ({ id, version: await current(), waitsFor })),
    );
    const waiting = states.find(({ version }) => version === undefined);
    const health: HealthJson = {
      status:
        waiting === undefined ? "ready" : states.every(({ version }) => !version) ? "waiting" : "partly",
      ...(waiting === undefined
        ? {}
        : { waits_for: waiting.waitsFor?.() ?? "the model's folder is not complete" }),
      models: states.map(({ id, version }) => ({
        id,
        task: "fill-mask",
        state: version?.state ?? "waiting",
        revision: version?.revision ?? null,
        step: version?.step ?? null,
      })),
      training: run === undefined ? null : trainingJson(run),
    };
    c.header("Cache-Control", "no-store");
    return c.json(health);
  };
}

// --- internal ---

function trainingJson(run: TrainingRun): TrainingHealthJson {
  const { step, maxSteps } = run.progress;
  return { state: run.state, step, max_steps: maxSteps };
}
