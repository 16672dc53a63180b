import type { Models } from "../models.ts";
import type { AppHandler, Service } from "../service.ts";
import type { ModelTask } from "../task.ts";
import type { TrainingRun, TrainingState } from "../training_run.ts";

/** The body of `GET /health`. */
export interface HealthJson {
  /** `ready` once every model can answer, `partly` when some can. */
  readonly status: "ready" | "partly" | "waiting";
  /** What is waited for, as a sentence; absent when nothing is. */
  readonly waits_for?: string;
  /** Each model, in the order given. */
  readonly models: readonly ModelHealthJson[];
  /** Whether a browser may fetch the models' files, and run them itself. */
  readonly shares_models: boolean;
  /** The run that the page follows; null when there is none. */
  readonly training: TrainingHealthJson | null;
}

/** One model in {@link HealthJson}. */
export interface ModelHealthJson {
  /** Its name in the path. */
  readonly id: string;
  /** What it is for; `fill-mask` as long as it is not there. */
  readonly task: ModelTask;
  /** The names of its labels. */
  readonly labels: readonly string[];
  /** Whether what answers now is final, a checkpoint, or not there yet. */
  readonly state: "final" | "checkpoint" | "waiting";
  /** Names the state that answers now. */
  readonly revision: string | null;
  /** Optimiser steps behind a checkpoint. */
  readonly step: number | null;
  /** The first model with the same file of weights, which need not be fetched twice; null for the first itself. */
  readonly shares_weights_with: string | null;
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
export function healthRoute(models: Models, run: TrainingRun | undefined, sharesModels: boolean): AppHandler {
  return async (c) => {
    await run?.refresh();
    const states = await Promise.all(
      models.list().map(async (served) => ({
        served,
        version: await served.current(),
        facts: (await models.describe(served))?.facts,
      })),
    );
    const firstWith = (weights: string | undefined, id: string): string | null => {
      const first = states.find(({ version }) => weights !== undefined && version?.weights === weights);
      return first === undefined || first.served.id === id ? null : first.served.id;
    };
    const waiting = states.find(({ version }) => version === undefined);
    const health: HealthJson = {
      status:
        waiting === undefined ? "ready" : states.every(({ version }) => !version) ? "waiting" : "partly",
      ...(waiting === undefined
        ? {}
        : { waits_for: waiting.served.waitsFor?.() ?? "the model's folder is not complete" }),
      models: states.map(({ served, version, facts }) => ({
        id: served.id,
        task: facts?.task ?? "fill-mask",
        labels: facts?.labels ?? [],
        state: version?.state ?? "waiting",
        revision: version?.revision ?? null,
        step: version?.step ?? null,
        shares_weights_with: firstWith(version?.weights, served.id),
      })),
      shares_models: sharesModels,
      training: run === undefined ? null : trainingJson(run),
    };
    c.header("Cache-Control", "no-store");
    return c.json(health);
  };
}

/** `GET /livez` and the like: the server answers. */
export const liveRoute: AppHandler = (c) => {
  c.header("Cache-Control", "no-store");
  return c.json({ status: "live" });
};

/**
 * `GET /readyz`: 200 once the first model is in memory and has passed its self-test, 503 before, and again as soon as the
 * server is asked to stop. No client of a model asks here, so 503 does no harm.
 */
export function readyRoute(service: Service, shutdown: AbortSignal | undefined): AppHandler {
  let tested: Promise<string | undefined> | undefined;
  return async (c) => {
    c.header("Cache-Control", "no-store");
    if (shutdown?.aborted === true) return c.json({ status: "stopping" }, 503);
    tested ??= selfTest(service);
    const problem = await tested;
    if (problem === undefined) return c.json({ status: "ready" });
    tested = undefined; // it may pass the next time
    return c.json({ status: "waiting", reason: problem }, 503);
  };
}

// --- internal ---

function trainingJson(run: TrainingRun): TrainingHealthJson {
  const { step, maxSteps } = run.progress;
  return { state: run.state, step, max_steps: maxSteps };
}

const selfTestText = "안녕하세요 ㅋㅋ";

/** Why the first model does not work; undefined if it does: it gives numbers, the same twice, and none that is not finite. */
async function selfTest({ models }: Service): Promise<string | undefined> {
  const [first] = models.list();
  if (first === undefined) return "this server has no model";
  try {
    return await models.use(first.id, undefined, async ({ model }) => {
      const { vectorOf } = await import("../loaded_model.ts");
      const [once, twice] = [await vectorOf(model, selfTestText), await vectorOf(model, selfTestText)];
      if (!once.every(Number.isFinite)) return `the model "${first.id}" gives numbers that are none`;
      return once.every((value, i) => value === twice[i])
        ? undefined
        : `the model "${first.id}" is not steady`;
    });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
