import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync } from "node:fs";
import { renameSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { PretrainedSink } from "@kcbert/bert";
import { CliError, errorCode, fileError } from "./failure.ts";
import { writeFiles } from "./io/output.ts";

/**
 * The folder of a training run: `metrics.jsonl`, the run's events, one JSON object a line; `checkpoint-N`, the latest
 * checkpoint; and, once the run is done, the model.
 *
 * A checkpoint appears under its name only once all of it is on the disk, and the one before goes only then: whenever a
 * run is killed, a whole one is there.
 */
export class RunFolder {
  /** Where it is. */
  readonly path: string;
  readonly #metrics: number;

  private constructor(path: string, metrics: number) {
    this.path = path;
    this.#metrics = metrics;
  }

  /**
   * Open the folder of a new run, or of one that is to be continued.
   *
   * @param path The folder; made if it is not there.
   * @param resume Whether a run that is there already may go on.
   * @throws {CliError} If it holds something else, or a run that may not go on, or cannot be written.
   */
  static open(path: string, resume: boolean): RunFolder {
    const present = contents(path);
    const isRun = present.includes(METRICS);
    if (present.length > 0 && !isRun) {
      throw new CliError(
        `Cannot train into ${path}: it is not empty, and what is there is no training run (no ${METRICS})`,
      );
    }
    if (isRun && !resume) {
      throw new CliError(
        `Cannot train into ${path}: it holds a training run already; name another folder, or remove it`,
      );
    }
    for (const name of present.filter((name) => UNFINISHED.test(name)))
      rmSync(join(path, name), { recursive: true });
    try {
      mkdirSync(path, { recursive: true });
      return new RunFolder(path, openSync(join(path, METRICS), "a"));
    } catch (error) {
      throw fileError(`write to the folder ${path}`, error);
    }
  }

  /** The folder of the latest checkpoint, if there is one. */
  latestCheckpoint(): string | undefined {
    const steps = contents(this.path).flatMap((name) => CHECKPOINT.exec(name)?.[1] ?? []);
    if (steps.length === 0) return undefined;
    return join(this.path, `checkpoint-${Math.max(...steps.map(Number))}`);
  }

  /** Append an event to the metrics: its whole line at once. */
  append(event: object): void {
    try {
      writeSync(this.#metrics, `${JSON.stringify(event)}\n`);
    } catch (error) {
      throw fileError(`write ${join(this.path, METRICS)}`, error);
    }
  }

  /**
   * Keep a checkpoint, and remove the ones before.
   *
   * @param step The steps taken.
   * @param write Writes its files to the sink it is given.
   */
  async keep(step: number, write: (sink: PretrainedSink) => Promise<void>): Promise<void> {
    const folder = join(this.path, `checkpoint-${step}`);
    const unfinished = join(this.path, `.checkpoint-${step}.tmp`);
    try {
      rmSync(unfinished, { recursive: true, force: true });
      mkdirSync(unfinished);
      await write(async (name, bytes) => writeDurably(join(unfinished, name), bytes));
      syncFolder(unfinished);
      rmSync(folder, { recursive: true, force: true });
      renameSync(unfinished, folder);
      syncFolder(this.path);
      this.#removeBefore(step);
    } catch (error) {
      rmSync(unfinished, { recursive: true, force: true });
      throw fileError(`write the checkpoint ${folder}`, error);
    }
  }

  /** Put the trained model into the folder itself. */
  async finish(files: ReadonlyMap<string, string | Uint8Array>): Promise<void> {
    await writeFiles(this.path, files);
  }

  /** Nothing more will be written. */
  close(): void {
    closeSync(this.#metrics);
  }

  #removeBefore(step: number): void {
    for (const name of contents(this.path)) {
      const found = CHECKPOINT.exec(name)?.[1];
      if (found !== undefined && Number(found) < step) rmSync(join(this.path, name), { recursive: true });
    }
  }
}

// --- internal ---

const METRICS = "metrics.jsonl";
const CHECKPOINT = /^checkpoint-(\d+)$/;
const UNFINISHED = /^\.checkpoint-\d+\.tmp$/;

function contents(path: string): string[] {
  try {
    if (!existsSync(path)) return [];
    if (!statSync(path).isDirectory())
      throw new CliError(`Cannot train into ${path}: it is a file, not a folder`);
    return readdirSync(path);
  } catch (error) {
    throw fileError(`read the folder ${path}`, error);
  }
}

function writeDurably(path: string, bytes: Uint8Array): void {
  const file = openSync(path, "wx");
  try {
    writeFileSync(file, bytes);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Bring a folder's entries to the disk, where the system has such a thing. */
function syncFolder(path: string): void {
  try {
    const folder = openSync(path, "r");
    fsyncSync(folder);
    closeSync(folder);
  } catch (error) {
    if (!["EISDIR", "EPERM", "EACCES", "EINVAL"].includes(errorCode(error) ?? "")) throw error;
  }
}
