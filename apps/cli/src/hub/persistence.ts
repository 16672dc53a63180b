import { setTimeout as sleep } from "node:timers/promises";
import type { CliError } from "../failure.ts";

/** Something that may go well if it is tried again. */
export class Transient extends Error {
  override name = "Transient";
  /** What to say if it never does. */
  readonly failure: CliError;
  /** Milliseconds to wait at least before the next attempt. */
  readonly wait: number;

  constructor(failure: CliError, { wait = 0 }: { wait?: number } = {}) {
    super(failure.message, { cause: failure });
    this.failure = failure;
    this.wait = wait;
  }
}

/** Waits; throws the signal's reason if it aborts. */
export type Pause = (milliseconds: number, signal: AbortSignal) => Promise<void>;

/** How often to try. */
export interface Persistence {
  readonly signal: AbortSignal;
  /** Attempts after the first one that bring nothing. Default 5. */
  readonly retries?: number;
  readonly pause?: Pause;
  /** How far the work has come; when an attempt brought it further than all before, the count begins anew. */
  readonly progress?: () => number;
}

/**
 * Try until it goes well: the second time after a second, then after two, four and so on, or when the server says.
 *
 * @throws What an attempt throws; for the last {@link Transient} its `failure`.
 */
export async function persistently<T>(
  attempt: () => Promise<T>,
  { signal, retries = 5, pause = wait, progress = () => 0 }: Persistence,
): Promise<T> {
  let furthest = progress();
  for (let failures = 0; ;) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Transient)) throw error;
      failures = progress() > furthest ? 1 : failures + 1;
      furthest = Math.max(furthest, progress());
      const delay = Math.max(error.wait, 1000 * 2 ** (failures - 1));
      if (failures > retries || error.wait > LONGEST_WAIT) throw error.failure;
      await pause(delay, signal);
    }
  }
}

/** Wait with a timer. */
export async function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => signal.throwIfAborted());
}

// --- internal ---

/** The longest that a server may ask us to wait; beyond it, a person is told. */
const LONGEST_WAIT = 5 * 60_000;
