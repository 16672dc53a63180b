import { readFileSync } from "node:fs";
import { join } from "node:path";
import type {
  EndEvent,
  EvalEvent,
  PretrainEvent,
  SamplesEvent,
  StartEvent,
  StepEvent,
} from "@kcbert/trainer";
import { CliError, fileError } from "../failure.ts";

/** What `metrics.jsonl` says of a run. */
export interface RunMetrics {
  /** One for each time that the run was begun or went on. */
  readonly starts: readonly StartEvent[];
  /** In order of their steps; of a step that was taken again after a kill, the last. */
  readonly steps: readonly StepEvent[];
  readonly evaluations: readonly EvalEvent[];
  readonly samples: readonly SamplesEvent[];
  /** The end, if the run came to one. */
  readonly end: EndEvent | undefined;
}

/**
 * Read the `metrics.jsonl` of a run's folder. A last line that a kill cut off is left out.
 *
 * @throws {CliError} If it cannot be read, or tells of no run.
 */
export function readRunMetrics(folder: string): RunMetrics {
  const path = join(folder, "metrics.jsonl");
  const events = readText(path).split("\n").flatMap(parseEvent);
  const of = <Name extends PretrainEvent["event"]>(name: Name) =>
    events.filter((event): event is Extract<PretrainEvent, { event: Name }> => event.event === name);
  const starts = of("start");
  if (starts.length === 0) throw new CliError(`Cannot report on ${folder}: ${path} tells of no training run`);
  return {
    starts,
    steps: latestByStep(of("step")),
    evaluations: latestByStep(of("eval")),
    samples: latestByStep(of("samples")),
    end: of("end").at(-1),
  };
}

// --- internal ---

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw fileError(`read ${path}`, error);
  }
}

function parseEvent(line: string): PretrainEvent[] {
  try {
    const event = JSON.parse(line) as PretrainEvent;
    return typeof event.event === "string" ? [event] : [];
  } catch {
    return [];
  }
}

function latestByStep<Event extends { readonly step: number }>(events: readonly Event[]): Event[] {
  const byStep = new Map(events.map((event) => [event.step, event]));
  return [...byStep.values()].sort((a, b) => a.step - b.step);
}
