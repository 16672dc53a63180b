import type { ServedModel } from "./models.ts";
import type { TrainingRun } from "./training_run.ts";

/** The model that a run makes, under the name `id`: its newest checkpoint while it runs, then what it ended with. */
export function runModel(id: string, run: TrainingRun): ServedModel {
  return {
    id,
    current: async () => {
      await run.refresh();
      return run.model;
    },
    waitsFor: () => {
      const { step, maxSteps } = run.progress;
      if (run.state === "waiting") return "its training has not begun";
      if (run.state !== "running") return "its training has ended and the folder is not complete";
      const of = maxSteps === null ? "" : ` of ${maxSteps}`;
      return `it is being trained (step ${step}${of}) and has written no checkpoint`;
    },
  };
}
