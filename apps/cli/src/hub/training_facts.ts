/** What a run's `metrics.jsonl` tells about a training; whatever it does not tell is absent. */
export interface TrainingFacts {
  readonly steps?: number;
  readonly batchSize?: number;
  readonly rowLength?: number;
  readonly trainLines?: number;
  readonly heldOutLines?: number;
  /** Loss on held-out lines, in nats. */
  readonly loss?: number;
  /** The loss of predicting by frequency alone. */
  readonly unigramLoss?: number;
  /** Of the masked tokens of held-out lines, in [0, 1]. */
  readonly accuracy?: number;
  /** Whether the run was interrupted. */
  readonly interrupted?: boolean;
}

/**
 * Read the events of a run: its `start` and its last `eval` and `end`. Lines that are no events are passed over.
 *
 * @param lines The text of `metrics.jsonl`.
 * @returns The facts, or `undefined` if nothing was trained.
 */
export function trainingFacts(lines: string): TrainingFacts | undefined {
  const events = lines.split("\n").flatMap(eventOf);
  const last = (kind: string): Event => events.findLast(({ event }) => event === kind) ?? {};
  const [start, evaluation, end] = [last("start"), last("eval"), last("end")];
  const steps = number(end, "step") ?? number(last("step"), "step");
  if (steps === undefined) return undefined;
  const facts = {
    steps,
    batchSize: number(start, "batchSize"),
    rowLength: number(start, "rowLength"),
    trainLines: number(start, "trainLines"),
    heldOutLines: number(start, "heldOutLines"),
    loss: number(end, "evalLoss") ?? number(evaluation, "loss"),
    unigramLoss: number(end, "unigramLoss") ?? number(start, "unigramLoss"),
    accuracy: number(end, "accuracy") ?? number(evaluation, "accuracy"),
    interrupted: end.reason === "done" ? undefined : true,
  };
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

// --- internal ---

type Event = Readonly<Record<string, unknown>>;

function eventOf(line: string): Event[] {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? [value as Event] : [];
  } catch {
    return [];
  }
}

function number(event: Event, key: string): number | undefined {
  const value = event[key];
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
