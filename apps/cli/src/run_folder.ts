import { createHash } from "node:crypto";
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync } from "node:fs";
import { readSync, renameSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { PretrainedSink } from "@kcbert/bert";
import { CliError, errorCode, fileError, sentence } from "./failure.ts";
import { writeFiles } from "./io/output.ts";

/** What a checkpoint's `manifest.json` says. */
export interface CheckpointManifest {
  /** `kcbert-checkpoint`. */
  readonly format: string;
  /** Steps taken. */
  readonly step: number;
  /** Held-out loss in nats per masked token, of the best one. */
  readonly evalLoss?: number;
  /** Each file's size in bytes, and its SHA-256 in hexadecimal. */
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}

/**
 * The folder of a run that goes on at its latest checkpoint, or begins where there is none: what an unfinished run without
 * a whole checkpoint left is removed.
 *
 * @param onDamaged Told, in a sentence, of each checkpoint that is not whole.
 * @throws {CliError} If the folder holds something else, or a run that has ended, or cannot be read.
 */
export function openRun(
  path: string,
  onDamaged: (sentence: string) => void,
): { folder: RunFolder; checkpoint: string | undefined } {
  const folder = new RunFolder(path, { resume: true });
  const checkpoint = folder.latestCheckpoint(onDamaged);
  if (checkpoint !== undefined) return { folder, checkpoint };
  const present = contents(path);
  if (
    !present.every((name) => [METRICS_NAME, CHECKPOINT, UNFINISHED, TEMPORARY].some((one) => one.test(name)))
  ) {
    return { folder: new RunFolder(path, { resume: false }), checkpoint };
  }
  try {
    for (const name of present) rmSync(join(path, name), { recursive: true });
  } catch (error) {
    throw fileError(`write to the folder ${path}`, error);
  }
  return { folder, checkpoint };
}

/** Remove the checkpoints of a run that has ended: nothing needs them. */
export function removeCheckpoints(path: string): void {
  try {
    for (const step of checkpointSteps(path)) rmSync(join(path, `checkpoint-${step}`), { recursive: true });
  } catch (error) {
    throw fileError(`write to the folder ${path}`, error);
  }
}

/**
 * The folder of a training run: `metrics.jsonl`, the run's events, one JSON object a line; `checkpoint-N`, the latest
 * checkpoints; `best`, the model of the best held-out loss so far; and, once the run is done, the model.
 *
 * A checkpoint appears under its name only once all of it is on the disk, and older ones go only then: whenever a run is
 * killed, or the disk is full, a whole one is there. Its `manifest.json` holds the checksum of each file, so that a damaged
 * one is known, and never loaded.
 */
export class RunFolder {
  /** Where it is. */
  readonly path: string;
  readonly #keep: number;
  #metrics: number | undefined;

  /**
   * Look whether a folder can take a new run, or the rest of the one that it holds. Nothing is written yet.
   *
   * @param path The folder; it need not be there.
   * @param options `resume`, whether a run that is there already may go on; `keep`, how many checkpoints stay, 1 by
   * default.
   * @throws {CliError} If it holds something else, or a run that may not go on, or cannot be read.
   */
  constructor(path: string, { resume, keep = 1 }: { resume: boolean; keep?: number }) {
    this.path = path;
    this.#keep = keep;
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
        if (TEMPORARY.test(name)) rmSync(join(this.path, name));
        const found = UNFINISHED.exec(name);
        if (found === null) continue;
        const [folder, unfinished] = [join(this.path, found[1]!), join(this.path, name)];
        // Killed between the two renames of a replacement, it is the one that was whole.
        if (found[2] === "old" && !existsSync(folder)) renameSync(unfinished, folder);
        else rmSync(unfinished, { recursive: true });
      }
      this.#metrics = openSync(join(this.path, METRICS), "a");
    } catch (error) {
      throw fileError(`write to the folder ${this.path}`, error);
    }
  }

  /**
   * The folder of the latest checkpoint that is whole, if there is one.
   *
   * @param onDamaged Told, in a sentence, of each later one that is not: cut, changed, or without a manifest.
   */
  latestCheckpoint(onDamaged: (sentence: string) => void = () => {}): string | undefined {
    for (const step of checkpointSteps(this.path).sort((a, b) => b - a)) {
      const folder = join(this.path, `checkpoint-${step}`);
      const damage = damageOf(folder);
      if (damage === undefined) return folder;
      onDamaged(`Skipped the damaged checkpoint ${folder}: ${damage}`);
    }
    return undefined;
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
   * Keep a checkpoint, and remove those that are too many.
   *
   * @param step The steps taken.
   * @param write Writes its files to the sink it is given.
   * @throws {CliError} If it cannot be written; those that were there are there still.
   */
  async keep(step: number, write: (sink: PretrainedSink) => Promise<void>): Promise<void> {
    await this.#writeCheckpoint(`checkpoint-${step}`, { step }, write);
    const steps = checkpointSteps(this.path).filter((other) => other <= step);
    for (const old of steps.sort((a, b) => b - a).slice(this.#keep)) {
      rmSync(join(this.path, `checkpoint-${old}`), { recursive: true });
    }
  }

  /** The held-out loss of the best model so far; infinite if there is none. */
  bestLoss(): number {
    const folder = join(this.path, BEST);
    return (damageOf(folder) === undefined ? readManifest(folder)?.evalLoss : undefined) ?? Infinity;
  }

  /**
   * Keep the best model so far, in place of the one before.
   *
   * @param step The steps taken.
   * @param evalLoss Its held-out loss.
   * @param write Writes the model's files to the sink it is given.
   * @throws {CliError} If it cannot be written.
   */
  async keepBest(
    step: number,
    evalLoss: number,
    write: (sink: PretrainedSink) => Promise<void>,
  ): Promise<void> {
    await this.#writeCheckpoint(BEST, { step, evalLoss }, write);
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

  /** Write a folder under a temporary name, bring it to the disk, rename it. */
  async #writeCheckpoint(
    name: string,
    facts: Pick<CheckpointManifest, "step" | "evalLoss">,
    write: (sink: PretrainedSink) => Promise<void>,
  ): Promise<void> {
    const folder = join(this.path, name);
    const unfinished = join(this.path, `.${name}.tmp`);
    const files: Record<string, { bytes: number; sha256: string }> = {};
    try {
      rmSync(unfinished, { recursive: true, force: true });
      mkdirSync(unfinished);
      await write(async (file, bytes) => {
        writeDurably(join(unfinished, file), bytes);
        files[file] = { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
      });
      const manifest: CheckpointManifest = { format: FORMAT, ...facts, files };
      const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
      writeDurably(join(unfinished, MANIFEST), new TextEncoder().encode(text));
      syncFolder(unfinished);
      const replaced = join(this.path, `.${name}.old`);
      if (existsSync(folder)) renameSync(folder, replaced);
      renameSync(unfinished, folder);
      syncFolder(this.path);
      rmSync(replaced, { recursive: true, force: true });
    } catch (error) {
      rmSync(unfinished, { recursive: true, force: true });
      throw fileError(`write the checkpoint ${folder}`, error);
    }
  }
}

// --- internal ---

const METRICS = "metrics.jsonl";
const METRICS_NAME = /^metrics\.jsonl$/;
const CHECKPOINT = /^checkpoint-(\d+)$/;
const UNFINISHED = /^\.(checkpoint-\d+|best)\.(tmp|old)$/;
/** What a kill leaves of a file that was being written: see `io/output.ts`. */
const TEMPORARY = /^\..+\.[\da-f]{8}\.tmp$/;
const BEST = "best";
const MANIFEST = "manifest.json";
const FORMAT = "kcbert-checkpoint";

function checkpointSteps(path: string): number[] {
  return contents(path)
    .flatMap((name) => CHECKPOINT.exec(name)?.[1] ?? [])
    .map(Number);
}

/** What is wrong with a checkpoint; undefined if nothing is. */
function damageOf(folder: string): string | undefined {
  const manifest = readManifest(folder);
  if (manifest === undefined) return `it has no ${MANIFEST}, or one that cannot be read`;
  for (const [name, { bytes, sha256 }] of Object.entries(manifest.files)) {
    try {
      const path = join(folder, name);
      const { size } = statSync(path);
      if (size !== bytes) return `${name} has ${size} bytes, and was written with ${bytes}`;
      if (fileSha256(path) !== sha256) return `${name} is not what was written, by its checksum`;
    } catch (error) {
      return `${name} cannot be read: ${sentence(error)}`;
    }
  }
  return undefined;
}

function readManifest(folder: string): CheckpointManifest | undefined {
  try {
    const manifest = JSON.parse(readFileSync(join(folder, MANIFEST), "utf8")) as Partial<CheckpointManifest>;
    const known = manifest.format === FORMAT && typeof manifest.files === "object" && manifest.files !== null;
    return known ? (manifest as CheckpointManifest) : undefined;
  } catch {
    return undefined;
  }
}

/** In parts, for a file may be larger than memory likes. */
function fileSha256(path: string): string {
  const hash = createHash("sha256");
  const part = new Uint8Array(1 << 20);
  const file = openSync(path, "r");
  try {
    for (let length = readSync(file, part); length > 0; length = readSync(file, part)) {
      hash.update(part.subarray(0, length));
    }
  } finally {
    closeSync(file);
  }
  return hash.digest("hex");
}

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
