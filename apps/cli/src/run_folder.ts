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
  #metrics: number | undefined;

  /**
   * Look whether a folder can take a new run, or the rest of the one that it holds. Nothing is written yet.
   *
   * @param path The folder; it need not be there.
   * @param options `resume`, whether a run that is there already may go on.
   * @throws {CliError} If it holds something else, or a run that may not go on, or cannot be read.
   */
  constructor(path: string, { resume }: { resume: boolean }) {
    this.path = path;
    const present = contents(path);
    if (present.length > 0 && !present.includes(METRICS)) {
      throw new CliError(
        `Cannot train into ${path}: it is not empty, and what is there is no training run (no ${METRICS})`,
      );
    }
    if (present.length > 0 && !resume) {
      throw new CliError(
        `Cannot train into ${path}: it holds a training run already; name another folder, or remove it`,
      );
    }
  }

  /**
   * Make the folder ready: it exists, and what a killed run left unfinished in it is gone.
   *
   * @throws {CliError} If it cannot be written.
   */
  begin(): void {
    try {
      mkdirSync(this.path, { recursive: true });
      for (const name of contents(this.path)) {
        if (UNFINISHED.test(name)) rmSync(join(this.path, name), { recursive: true });
      }
      this.#metrics = openSync(join(this.path, METRICS), "a");
    } catch (error) {
      throw fileError(`write to the folder ${this.path}`, error);
    }
  }

  /** The folder of the latest checkpoint, if there is one. */
  latestCheckpoint(): string | undefined {
    const steps = contents(this.path).flatMap((name) => CHECKPOINT.exec(name)?.[1] ?? []);
    if (steps.length === 0) return undefined;
    return join(this.path, `checkpoint-${Math.max(...steps.map(Number))}`);
  }

  /** Append an event to the metrics: its whole line at once. To be called between `begin` and `close`, as what follows. */
  append(event: object): void {
    try {
      writeSync(this.#metrics!, `${JSON.stringify(event)}\n`);
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
    if (this.#metrics !== undefined) closeSync(this.#metrics);
    this.#metrics = undefined;
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
