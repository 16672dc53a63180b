import type { Clock } from "./clock.ts";
import { EventHistory, type NumberedEvent } from "./event_history.ts";
import type { Log } from "./log.ts";
import type { ModelVersion } from "./models.ts";
import { parseTrainingEvent } from "./training_event.ts";

/** A piece of a run's `metrics.jsonl`. */
export interface MetricsChunk {
  /** Tells this file from another one that later bears its name. */
  readonly identity: string;
  /** Bytes the whole file holds now. */
  readonly size: number;
  /** What it holds from the offset on that was asked for, or a first part of that. */
  readonly bytes: Uint8Array;
}

/** A run's folder, as an entry can read it; the app asks at most about once a second. */
export interface TrainingFolder {
  /** The bytes of `metrics.jsonl` from `offset` on; undefined as long as there is no such file. */
  readMetrics(offset: number): Promise<MetricsChunk | undefined>;
  /** The newest checkpoint, and the model that the run ended with; each only once it is complete. */
  readModels(): Promise<{ checkpoint?: ModelVersion; final?: ModelVersion }>;
}

/** Where a run stands. `waiting`: it has not begun. */
export type TrainingState = "waiting" | "running" | "done" | "interrupted";

/** What a follower of a run is told. */
export type TrainingNews =
  | { readonly kind: "reset" }
  | ({ readonly kind: "event"; readonly generation: string } & NumberedEvent)
  | { readonly kind: "model"; readonly version: ModelVersion | undefined }
  | { readonly kind: "heartbeat" };

/** How a run is followed. */
export interface TrainingRunOptions {
  /** What the times below are measured by. */
  readonly clock: Clock;
  /** Told of lines and folders that cannot be read. */
  readonly log: Log;
  /** Milliseconds between two looks at the folder; 1,000 by default. */
  readonly pollMs?: number;
  /** Milliseconds of silence after which a follower gets a heartbeat; 15,000 by default. */
  readonly heartbeatMs?: number;
  /** Milliseconds after its end in which a run's model may still be on its way to the folder; 20,000 by default. */
  readonly settleMs?: number;
}

/**
 * One training run, followed through its folder: what has happened, and what happens.
 *
 * Nothing runs in the background: the folder is read when somebody asks, and then at most once in `pollMs`, however
 * many ask.
 */
export class TrainingRun {
  readonly #folder: TrainingFolder;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #pollMs: number;
  readonly #heartbeatMs: number;
  readonly #settleMs: number;
  #history = new EventHistory();
  /** Names the file that is read: another one, or the same begun anew, is another generation. */
  #generation = "";
  #restarts = 0;
  #identity: string | undefined;
  #offset = 0;
  /** Bytes after the last line feed: a line that is still being written. */
  #rest: Uint8Array = new Uint8Array();
  #badLines = 0;
  #models: { checkpoint?: ModelVersion; final?: ModelVersion } = {};
  #refreshedAt = -Infinity;
  #refreshing: Promise<void> | undefined;

  /** Follow the run in `folder`. */
  constructor(folder: TrainingFolder, options: TrainingRunOptions) {
    this.#folder = folder;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#pollMs = options.pollMs ?? 1_000;
    this.#heartbeatMs = options.heartbeatMs ?? 15_000;
    this.#settleMs = options.settleMs ?? 20_000;
  }

  /** Where the run stands, by the newest thing its metrics say. */
  get state(): TrainingState {
    const last = this.#history.last;
    if (last === undefined) return "waiting";
    if (last.event !== "end") return "running";
    return last.reason === "done" ? "done" : "interrupted";
  }

  /** The last step that was reported, and the step the run ends at, where known. */
  get progress(): { step: number; maxSteps: number | null } {
    const step = this.#history.newest("step")?.step ?? 0;
    return { step, maxSteps: this.#history.newest("start")?.maxSteps ?? null };
  }

  /** The model to answer with: the run's own once it ended, before that its newest checkpoint. */
  get model(): ModelVersion | undefined {
    const { checkpoint, final } = this.#models;
    if (this.state === "running") return checkpoint;
    return final ?? checkpoint;
  }

  /** Read what is new in the folder, unless that was done less than `pollMs` ago. Never rejects. */
  async refresh(): Promise<void> {
    if (this.#refreshing === undefined && this.#clock.now() - this.#refreshedAt < this.#pollMs) return;
    this.#refreshing ??= this.#read().finally(() => {
      this.#refreshedAt = this.#clock.now();
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }

  /**
   * Tell what happened from event `after` (exclusive) on, then what happens, until the run has ended and its model is
   * there, or until `signal` aborts.
   *
   * @param signal Ends the telling.
   * @param after The last thing known, as {@link TrainingNews} numbered it; a run that has begun anew since is told
   *   from its first event, after a `reset`.
   */
  async *follow(
    signal: AbortSignal,
    after?: { generation: string; number: number },
  ): AsyncGenerator<TrainingNews, void> {
    await this.refresh();
    let generation = after?.generation ?? this.#generation;
    let next = after === undefined ? 0 : after.number + 1;
    let told: ModelVersion | undefined | null = null;
    let spokeAt = this.#clock.now();
    let endedAt: number | undefined;
    while (!signal.aborted) {
      const news: TrainingNews[] = [];
      if (generation !== this.#generation) {
        if (generation !== "") news.push({ kind: "reset" });
        generation = this.#generation;
        next = 0;
      }
      for (const numbered of this.#history.from(next)) news.push({ kind: "event", generation, ...numbered });
      next = this.#history.next;
      if (told === null || told?.revision !== this.model?.revision) {
        told = this.model;
        news.push({ kind: "model", version: told });
      }
      if (news.length === 0 && this.#clock.now() - spokeAt >= this.#heartbeatMs) {
        news.push({ kind: "heartbeat" });
      }
      if (news.length > 0) spokeAt = this.#clock.now();
      yield* news;
      if (this.state === "done" || this.state === "interrupted") {
        endedAt ??= this.#clock.now();
        if (this.#models.final !== undefined || this.#clock.now() - endedAt >= this.#settleMs) return;
      } else {
        endedAt = undefined;
      }
      await this.#clock.wait(this.#pollMs, signal);
      await this.refresh();
    }
  }

  // --- internal ---

  async #read(): Promise<void> {
    try {
      await this.#readMetrics();
      this.#models = await this.#folder.readModels();
    } catch (error) {
      this.#log({ level: "warning", message: `Cannot read the training run: ${messageOf(error)}` });
    }
  }

  async #readMetrics(): Promise<void> {
    for (;;) {
      const chunk = await this.#folder.readMetrics(this.#offset);
      const isAnother =
        chunk?.identity !== this.#identity || (chunk !== undefined && chunk.size < this.#offset);
      if (isAnother && this.#identity !== undefined) {
        this.#forget();
        if (chunk === undefined) return;
        continue;
      }
      if (chunk === undefined) return;
      this.#identity = chunk.identity;
      this.#generation = `${chunk.identity}.${this.#restarts}`;
      this.#offset += chunk.bytes.length;
      this.#takeIn(chunk.bytes);
      if (chunk.bytes.length === 0 || this.#offset >= chunk.size) return;
    }
  }

  /** Another file bears the name now: begin anew. */
  #forget(): void {
    this.#history = new EventHistory();
    this.#restarts += 1;
    this.#identity = undefined;
    this.#generation = "";
    this.#offset = 0;
    this.#rest = new Uint8Array();
    this.#badLines = 0;
  }

  #takeIn(bytes: Uint8Array): void {
    const end = bytes.lastIndexOf(lineFeed) + 1;
    if (end === 0) {
      this.#rest = concat(this.#rest, bytes);
      return;
    }
    const text = new TextDecoder().decode(concat(this.#rest, bytes.subarray(0, end)));
    this.#rest = bytes.slice(end);
    for (const line of text.split("\n")) if (line.trim() !== "") this.#takeInLine(line);
  }

  #takeInLine(line: string): void {
    const event = parseTrainingEvent(line);
    if (event !== undefined) {
      this.#history.push(event);
      return;
    }
    this.#badLines += 1;
    if (this.#badLines > 1) return;
    const message = `Cannot read a line of metrics.jsonl, so it is left out: "${line.slice(0, 80)}"`;
    this.#log({ level: "warning", message });
  }
}

const lineFeed = 0x0a;

function concat(head: Uint8Array, tail: Uint8Array): Uint8Array {
  if (head.length === 0) return tail;
  const bytes = new Uint8Array(head.length + tail.length);
  bytes.set(head);
  bytes.set(tail, head.length);
  return bytes;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
