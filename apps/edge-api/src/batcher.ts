import { ApiError } from "./api_error.ts";
import type { Clock } from "./clock.ts";
import type { Limits } from "./limits.ts";

/** Texts of one request that are to go through a model. */
export interface Job<Item, Result> {
  /** Names model, task and options: texts of jobs with one key may go through the model together. */
  readonly key: string;
  /** The texts. */
  readonly items: readonly Item[];
  /** How many tokens each of them has. */
  readonly tokens: readonly number[];
  /** Runs some of the items of this key, whoever sent them. */
  readonly run: (items: Item[], signal: AbortSignal) => Promise<Result[]>;
  /** Takes the job back. */
  readonly signal: AbortSignal;
  /** Told of each batch with texts of this job, once it is computed. */
  readonly onComputed?: (milliseconds: number) => void;
}

/** What became of a job. */
export interface JobResult<Result> {
  /** A result an item, in order. */
  readonly results: Result[];
  /** Milliseconds from the job's coming to its first batch. */
  readonly queueMs: number;
  /** Milliseconds in which its batches were computed. */
  readonly inferenceMs: number;
}

/** What a {@link Batcher} is told apart from jobs. */
export interface BatcherOptions {
  /** Of tokens and texts in a batch, and of tokens that wait. */
  readonly limits: Pick<Limits, "batchTokens" | "batchItems" | "queuedTokens">;
  /** Times the jobs. */
  readonly clock: Clock;
  /**
   * Whether texts of different requests may go through a model together; default true. Not on Cloudflare Workers, where a
   * request may not even look at the signal of another one.
   */
  readonly mixes?: boolean;
  /** Told of each batch before it runs. */
  readonly onBatch?: (batch: { readonly items: number; readonly tokens: number }) => void;
}

/**
 * Brings texts of different requests through a model together, first come first served, as long as their tokens, padding
 * included, stay below a budget. What waits is bounded: beyond that a job is refused, so that nobody waits for long.
 *
 * There is no loop in the background: of the requests that wait, one drives until its own job is done, then another takes
 * over. So it works where code runs only on behalf of a request, as on Cloudflare Workers.
 */
export class Batcher {
  readonly #options: BatcherOptions;
  #queue: Entry[] = [];
  #queuedTokens = 0;
  #isDriven = false;
  #free = deferred<void>();

  /** Nothing waits yet. */
  constructor(options: BatcherOptions) {
    this.#options = options;
  }

  /** Texts that wait. */
  get queued(): number {
    return this.#queue.length;
  }

  /**
   * Bring a job's texts through its model, and wait for that.
   *
   * @throws {ApiError} 429 if too much waits already; what the job's `run` throws; the reason of its signal.
   */
  async submit<Item, Result>(job: Job<Item, Result>): Promise<JobResult<Result>> {
    const { items, tokens, signal } = job;
    signal.throwIfAborted();
    if (items.length === 0) return { results: [], queueMs: 0, inferenceMs: 0 };
    if (this.#options.mixes === false) return this.#alone().submit(job);
    const sum = tokens.reduce((a, b) => a + b, 0);
    this.#requireRoom(sum);
    const state = new JobState(job as unknown as Job<unknown, unknown>, this.#options.clock.now());
    this.#queue.push(...items.map((item, i) => ({ state, item, index: i, tokens: tokens[i]! })));
    this.#queuedTokens += sum;
    const onAbort = (): void => this.#takeBack(state);
    signal.addEventListener("abort", onAbort);
    try {
      while (!state.isSettled) {
        if (this.#isDriven) await Promise.race([state.promise, this.#free.promise]);
        else await this.#drive(state);
      }
      await state.promise;
      const { results, queueMs, inferenceMs } = state;
      return { results: results as Result[], queueMs, inferenceMs };
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  // --- internal ---

  /** A batcher for one job, with this one's limits. */
  #alone(): Batcher {
    return new Batcher({ ...this.#options, mixes: true });
  }

  #requireRoom(tokens: number): void {
    const { queuedTokens } = this.#options.limits;
    if (this.#queue.length === 0 || this.#queuedTokens + tokens <= queuedTokens) return;
    throw new ApiError(
      429,
      `The server is busy as ${this.#queuedTokens} tokens wait for its models: try again in a second`,
      { retryAfter: 1 },
    );
  }

  /** Run batches, whosever they are, until this job is done. */
  async #drive(state: JobState): Promise<void> {
    this.#isDriven = true;
    try {
      while (!state.isSettled) {
        await turn(); // requests that have come meanwhile get into the batch, clients that left get out
        const batch = this.#take();
        if (batch.length > 0) await this.#run(batch);
      }
    } finally {
      this.#isDriven = false;
      const free = this.#free;
      this.#free = deferred();
      free.resolve();
    }
  }

  /** The text that waits longest, and those behind it that may go with it. */
  #take(): Entry[] {
    const { batchItems, batchTokens } = this.#options.limits;
    const [first] = this.#queue;
    if (first === undefined) return [];
    const batch: Entry[] = [];
    const rest: Entry[] = [];
    let width = 0;
    for (const entry of this.#queue) {
      const wider = Math.max(width, entry.tokens);
      const fits =
        batch.length === 0 || (batch.length < batchItems && wider * (batch.length + 1) <= batchTokens);
      if (fits && entry.state.job.key === first.state.job.key) {
        batch.push(entry);
        width = wider;
      } else {
        rest.push(entry);
      }
    }
    this.#queue = rest;
    for (const { tokens } of batch) this.#queuedTokens -= tokens;
    this.#options.onBatch?.({
      items: batch.length,
      tokens: batch.reduce((sum, { tokens }) => sum + tokens, 0),
    });
    return batch;
  }

  async #run(batch: readonly Entry[]): Promise<void> {
    const { clock } = this.#options;
    const states = new Set(batch.map(({ state }) => state));
    const start = clock.now();
    for (const state of states) state.begin(start);
    const everybody = everyoneLeft([...states].map(({ job }) => job.signal));
    try {
      const { run } = batch[0]!.state.job;
      const results = await run(
        batch.map(({ item }) => item),
        everybody,
      );
      for (const state of states) state.computed(clock.now() - start);
      for (const [i, { state, index }] of batch.entries()) state.put(index, results[i]);
    } catch (error) {
      if (states.size === 1) {
        this.#takeBack(batch[0]!.state);
        batch[0]!.state.fail(error);
      } else {
        // One of them is at fault, and the others shall not suffer for it.
        for (const state of states) await this.#run(batch.filter((entry) => entry.state === state));
      }
    }
  }

  /** Forget what of a job still waits; whoever waits for it is told why. */
  #takeBack(state: JobState): void {
    const [mine, others]: [Entry[], Entry[]] = [[], []];
    for (const entry of this.#queue) (entry.state === state ? mine : others).push(entry);
    this.#queue = others;
    for (const { tokens } of mine) this.#queuedTokens -= tokens;
    if (state.job.signal.aborted) state.fail(state.job.signal.reason);
  }
}

/** A text that waits. */
interface Entry {
  readonly state: JobState;
  readonly item: unknown;
  /** Its place in its job. */
  readonly index: number;
  readonly tokens: number;
}

/** A job on its way. */
class JobState {
  readonly job: Job<unknown, unknown>;
  readonly results: unknown[];
  readonly #cameAt: number;
  readonly #done = deferred<void>();
  #left: number;
  isSettled = false;
  queueMs = 0;
  inferenceMs = 0;
  #hasBegun = false;

  constructor(job: Job<unknown, unknown>, cameAt: number) {
    this.job = job;
    this.results = Array.from({ length: job.items.length });
    this.#left = job.items.length;
    this.#cameAt = cameAt;
    this.#done.promise.catch(() => {}); // whoever waits hears of it
  }

  get promise(): Promise<void> {
    return this.#done.promise;
  }

  begin(now: number): void {
    if (!this.#hasBegun) this.queueMs = now - this.#cameAt;
    this.#hasBegun = true;
  }

  computed(milliseconds: number): void {
    this.inferenceMs += milliseconds;
    this.job.onComputed?.(milliseconds);
  }

  put(index: number, result: unknown): void {
    this.results[index] = result;
    this.#left -= 1;
    if (this.#left > 0 || this.isSettled) return;
    this.isSettled = true;
    this.#done.resolve();
  }

  fail(error: unknown): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.#done.reject(error);
  }
}

interface Deferred<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: unknown) => void;
}

function deferred<Value>(): Deferred<Value> {
  let resolve!: Deferred<Value>["resolve"];
  let reject!: Deferred<Value>["reject"];
  const promise = new Promise<Value>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** A signal that aborts once all of these have. */
function everyoneLeft(signals: readonly AbortSignal[]): AbortSignal {
  const controller = new AbortController();
  let present = signals.length;
  const leave = (): void => {
    present -= 1;
    if (present === 0) controller.abort(signals[0]!.reason);
  };
  for (const signal of signals) {
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
  }
  return controller.signal;
}

/** Let the runtime look after its sockets; the quickest way that it has. */
function turn(): Promise<void> {
  const { setImmediate } = globalThis as { setImmediate?: (f: () => void) => unknown };
  return new Promise((resolve) => {
    if (setImmediate === undefined) setTimeout(resolve, 0);
    else setImmediate(resolve);
  });
}
