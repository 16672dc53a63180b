import type {
  EndEvent,
  EvalEvent,
  SamplesEvent,
  StartEvent,
  StepEvent,
  TrainingEvent,
} from "../training_event.ts";

/** Which model answers now. */
export interface Answerer {
  readonly revision: string;
  readonly state: "final" | "checkpoint";
  readonly step: number | null;
}

/** Where the run stands, as the page shows it; `none`: the server follows no run. */
export type Phase = "none" | "waiting" | "running" | "done" | "interrupted";

/** All that the page knows of a run. */
export interface RunView {
  phase: Phase;
  start: StartEvent | undefined;
  /** Ascending by step. */
  steps: StepEvent[];
  /** Ascending by step. */
  evals: EvalEvent[];
  samples: SamplesEvent | undefined;
  end: EndEvent | undefined;
  answerer: Answerer | undefined;
}

/** A run of which nothing is known. */
export function emptyRun(phase: Phase = "waiting"): RunView {
  return {
    phase,
    start: undefined,
    steps: [],
    evals: [],
    samples: undefined,
    end: undefined,
    answerer: undefined,
  };
}

/** Take in what happened. A run that goes on from a checkpoint takes back the steps after it. */
export function receive(run: RunView, event: TrainingEvent): void {
  switch (event.event) {
    case "start":
      run.start = event;
      run.end = undefined;
      run.phase = "running";
      break;
    case "step":
      takeBack(run.steps, event.step);
      run.steps.push(event);
      break;
    case "eval":
      takeBack(run.evals, event.step);
      run.evals.push(event);
      break;
    case "samples":
      run.samples = event;
      break;
    case "end":
      run.end = event;
      run.phase = event.reason === "done" ? "done" : "interrupted";
      break;
  }
}

/** How far the run is, in [0, 1]: by the trainer's word, else by steps or by time; undefined if none of them says. */
export function progressOf({ start, steps, phase }: RunView): number | undefined {
  if (phase === "done") return 1;
  const last = steps.at(-1);
  if (last === undefined) return phase === "running" ? 0 : undefined;
  const told = (last as { progress?: unknown }).progress;
  const bySteps = start?.maxSteps ? last.step / start.maxSteps : undefined;
  const byTime = start?.maxSeconds && last.elapsedMs ? last.elapsedMs / 1_000 / start.maxSeconds : undefined;
  const share = typeof told === "number" ? told : (bySteps ?? byTime);
  return share === undefined ? undefined : Math.min(1, Math.max(0, share));
}

/** Milliseconds that the run still needs at its pace so far. */
export function leftMs(run: RunView): number | undefined {
  const share = progressOf(run);
  const elapsed = run.steps.at(-1)?.elapsedMs;
  if (run.phase !== "running" || !share || elapsed === undefined || elapsed === null) return undefined;
  return (elapsed / share) * (1 - share);
}

/** Nats by which the newest held-out loss lies below guessing by frequency; negative above. */
export function gapOf({ start, evals, end }: RunView): number | undefined {
  const unigram = end?.unigramLoss ?? start?.unigramLoss;
  const loss = end?.evalLoss ?? evals.at(-1)?.loss;
  return unigram == null || loss == null ? undefined : unigram - loss;
}

// --- internal ---

function takeBack(events: { step: number }[], step: number): void {
  while (events.length > 0 && events.at(-1)!.step >= step) events.pop();
}
