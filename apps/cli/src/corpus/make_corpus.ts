import { rmSync } from "node:fs";
import { join } from "node:path";
import { formatShardIndex } from "@kcbert/trainer/shards";
import { bucketPath } from "./buckets.ts";
import { cleanStage, PROBLEMS, type CleanState } from "./clean_stage.ts";
import { corpusReport, type CorpusReport } from "./corpus_report.ts";
import type { CorpusSettings } from "./corpus_settings.ts";
import {
  type Bucket,
  type DistinctPartition,
  distinctPath,
  drawSample,
  exportDistinct,
  exportSampled,
  keepDistinct,
} from "./distinct_stage.ts";
import { type Engine, openEngine } from "./duckdb.ts";
import { readJson, writeDurably } from "./durable_files.ts";
import { InFlight } from "./in_flight.ts";
import { lengthPicture } from "./length_picture.ts";
import { CliError } from "../failure.ts";
import { WorkerPool } from "./worker_pool.ts";
import { WorkFolder } from "./work_folder.ts";
import type { ShardSettings, ShardTask, WrittenShard } from "./write_shard.ts";

/** How the work is told of and stopped. */
export interface MakeCorpusOptions {
  readonly signal: AbortSignal;
  /** A stage begins; `total` is in bytes of the inputs for the first, in texts for the others. */
  readonly onStage: (stage: Stage, total: number | undefined) => void;
  /** So much more of it is done. */
  readonly onProgress: (amount: number) => void;
}

/** The stages of the work, in order. */
export type Stage = "clean" | "distinct" | "sample" | "shards";

/**
 * Make a corpus: clean, filter, make distinct, sample, shuffle, tokenise, write.
 *
 * Whatever ends it, what is done by then is found by the next run with the same settings. The index is written last, and
 * the work folder goes only then.
 *
 * @throws {CliError} If an input or the output fails, or nothing is left.
 */
export async function makeCorpus(
  settings: CorpusSettings,
  options: MakeCorpusOptions,
): Promise<CorpusReport> {
  const folder = WorkFolder.open(settings);
  let engine: Promise<Engine> | undefined;
  const { work: spill, memory, threads } = settings;
  const open = () => (engine ??= openEngine({ memory, threads, spill: join(spill, "spill") }));
  try {
    await open(); // what is missing is told before the first hour of work
    options.onStage("clean", sizeOf(settings));
    const cleaned = await cleanStage(settings, { ...options, onRead: options.onProgress, engine: open });
    if (cleaned.sizes.rows.every((count) => count === 0)) throw nothingLeft(cleaned);
    const { distinct, shards } = await new Partitions(settings, options, cleaned, await open()).run();
    if (shards.length === 0) throw nothingLeft(cleaned);
    const tokenised = settings.tokenizer !== undefined;
    const report = corpusReport(cleaned, distinct, shards, { tokenised, cost: folder.cost() });
    finish(settings, shards, report);
    (await open()).close();
    engine = undefined;
    folder.remove();
    return report;
  } finally {
    if (engine !== undefined) await engine.then((opened) => opened.close()).catch(() => {}); // it never opened
    folder.leave();
  }
}

// --- internal ---

/** The stages that go partition by partition. */
class Partitions {
  readonly #settings: CorpusSettings;
  readonly #options: MakeCorpusOptions;
  readonly #cleaned: CleanState;
  readonly #engine: Engine;

  constructor(settings: CorpusSettings, options: MakeCorpusOptions, cleaned: CleanState, engine: Engine) {
    this.#settings = settings;
    this.#options = options;
    this.#cleaned = cleaned;
    this.#engine = engine;
  }

  async run(): Promise<{ distinct: DistinctPartition[]; shards: WrittenShard[] }> {
    if (this.#settings.sample < 1) await this.#sample();
    const { rows } = this.#cleaned.sizes;
    this.#options.onStage("shards", sum(rows));
    const { tokenizer, maxTokens, threads, output, work } = this.#settings;
    const pool = new WorkerPool<ShardTask, WrittenShard>("shard_worker", threads, {
      tokenizer: tokenizer?.json,
      maxTokens,
    } satisfies ShardSettings);
    const stop = () => void pool.close();
    this.#options.signal.addEventListener("abort", stop, { once: true });
    const parts: (PartitionRecord | undefined)[] = [];
    const inFlight = new InFlight(pool.size, this.#options.signal);
    try {
      for (const [i, count] of rows.entries()) {
        parts[i] = this.#recorded(i);
        if (parts[i] === undefined) {
          const texts = join(work, `texts-${i}.txt`);
          const distinct = await this.#export(i, texts);
          const task = { texts, folder: output, file: shardName(i, tokenizer !== undefined) };
          const write = async () => {
            const shard = distinct.texts > 0 ? await pool.run(task) : undefined;
            parts[i] = this.#record(i, texts, distinct, shard);
            this.#options.onProgress(count);
          };
          await inFlight.add(write());
        } else {
          this.#options.onProgress(count);
        }
      }
      await inFlight.all();
    } finally {
      this.#options.signal.removeEventListener("abort", stop);
      await pool.close();
    }
    return {
      distinct: parts.map((part) => part!.distinct),
      shards: parts.map((part) => part!.shard).filter((shard) => shard !== undefined),
    };
  }

  /** A sample is drawn from all distinct texts, so all partitions come before it. */
  async #sample(): Promise<void> {
    const { rows } = this.#cleaned.sizes;
    this.#options.onStage("distinct", sum(rows));
    let texts = 0;
    for (const [i, count] of rows.entries()) {
      texts += (await keepDistinct(this.#engine, this.#bucket(i))).texts;
      this.#options.signal.throwIfAborted();
      this.#options.onProgress(count);
    }
    this.#options.onStage("sample", undefined);
    if (texts > 0) await drawSample(this.#engine, this.#settings.work, this.#settings.sample);
  }

  /** Write the texts of a partition, in their order. */
  async #export(partition: number, path: string): Promise<DistinctPartition> {
    const bucket = this.#bucket(partition);
    if (this.#settings.sample === 1) return exportDistinct(this.#engine, bucket, path);
    await exportSampled(this.#engine, bucket, path);
    return keepDistinct(this.#engine, bucket); // done already
  }

  #bucket(partition: number): Bucket {
    const { work } = this.#settings;
    return { work, partition, bucketBytes: this.#cleaned.sizes.lengths[partition]! };
  }

  /** A shard is written: what made it may go. */
  #record(
    partition: number,
    texts: string,
    distinct: DistinctPartition,
    written: WrittenShard | undefined,
  ): PartitionRecord {
    const { work, output } = this.#settings;
    const shard = written?.texts === 0 ? undefined : written;
    if (written !== undefined && shard === undefined)
      rmSync(join(output, written.entry.file), { force: true });
    const stored = shard === undefined ? null : { ...shard, lengths: [...shard.lengths] };
    writeDurably(
      work,
      recordName(partition),
      JSON.stringify({ distinct, shard: stored } satisfies StoredRecord),
    );
    for (const path of [texts, bucketPath(work, partition), distinctPath(work, partition)]) {
      rmSync(path, { force: true });
    }
    return { distinct, shard };
  }

  #recorded(partition: number): PartitionRecord | undefined {
    const stored = readJson(join(this.#settings.work, recordName(partition))) as StoredRecord | undefined;
    if (stored === undefined) return undefined;
    const { distinct, shard } = stored;
    return {
      distinct,
      shard: shard === null ? undefined : { ...shard, lengths: Uint32Array.from(shard.lengths) },
    };
  }
}

/** What became of a partition. */
interface PartitionRecord {
  readonly distinct: DistinctPartition;
  readonly shard: WrittenShard | undefined;
}

interface StoredRecord {
  readonly distinct: DistinctPartition;
  readonly shard: (Omit<WrittenShard, "lengths"> & { readonly lengths: readonly number[] }) | null;
}

function recordName(partition: number): string {
  return `shard-${String(partition).padStart(5, "0")}.json`;
}

function shardName(partition: number, tokenised: boolean): string {
  return `${String(partition).padStart(5, "0")}.${tokenised ? "kcs" : "txt.gz"}`;
}

function sizeOf({ inputs, excluded }: CorpusSettings): number | undefined {
  const sizes = [...inputs, ...excluded].map(({ input }) => input.size);
  return sizes.includes(undefined) ? undefined : sum(sizes as number[]);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Write what tells of the shards; the index last, as with it the corpus is there. */
function finish(settings: CorpusSettings, shards: readonly WrittenShard[], report: CorpusReport): void {
  const { output, tokenizer, recipe } = settings;
  const entries = shards.map(({ entry }) => entry);
  const clean = settings.clean === "none" ? null : settings.clean;
  const of = tokenizer === undefined ? "characters" : "tokens";
  writeDurably(output, "report.json", `${JSON.stringify(report, undefined, 2)}\n`);
  writeDurably(output, "lengths.svg", lengthPicture(report.lengths, of));
  const index =
    tokenizer === undefined
      ? textIndex(entries, clean, recipe)
      : formatShardIndex({
          tokenizer: { sha256: tokenizer.sha256, vocabSize: tokenizer.vocabSize },
          clean,
          recipe,
          shards: entries,
        });
  writeDurably(output, "index.json", index);
}

/** The index of shards that are text. */
function textIndex(
  entries: readonly WrittenShard["entry"][],
  clean: string | null,
  recipe: CorpusSettings["recipe"],
): string {
  const shards = entries.map(({ file, sequences, sha256 }) => ({ file, lines: sequences, sha256 }));
  const lines = sum(shards.map((shard) => shard.lines));
  const index = { format: "kcbert-text", version: 1, clean, recipe, lines, shards };
  return `${JSON.stringify(index, undefined, 2)}\n`;
}

function nothingLeft({ counts, examples }: CleanState): CliError {
  const [example] = examples;
  const { short, long, lines } = counts;
  const why =
    example === undefined
      ? `${short} of ${lines} lines are too short, ${long} too long; look at --min-length and --max-length`
      : `line ${example.line} of ${example.input} is the first that gives none: ${PROBLEMS[example.problem]}`;
  return new CliError(`Cannot make a corpus as no text is left: ${why}`);
}
