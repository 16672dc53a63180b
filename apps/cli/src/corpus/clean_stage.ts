import { join } from "node:path";
import { CliError } from "../failure.ts";
import { type BucketSizes, Buckets } from "./buckets.ts";
import {
  addCounts,
  type CleanCounts,
  type CleanedBlock,
  type CleanSettings,
  type LineBlockTask,
  noCounts,
} from "./clean_block.ts";
import type { CorpusSettings, Source } from "./corpus_settings.ts";
import type { Engine } from "./duckdb.ts";
import { readJson, writeDurably } from "./durable_files.ts";
import { InFlight } from "./in_flight.ts";
import type { LineProblem } from "./records.ts";
import { type SourceBlock, sourceBlocks } from "./source_blocks.ts";
import { WorkerPool } from "./worker_pool.ts";

/** What cleaning made of the inputs. */
export interface CleanState {
  /** Whether all of it is done. */
  readonly done: boolean;
  /** Which input is next, excluded ones first, and how far it has come, in bytes of its text. */
  readonly input: number;
  readonly offset: number;
  /** The number of the next line of the corpus. */
  readonly row: number;
  /** Bytes of text read, as it is in the files. */
  readonly bytesRead: number;
  readonly sizes: BucketSizes;
  readonly counts: CleanCounts;
  /** Rows that only keep others out. */
  readonly excludedRows: number;
  /** The first lines that gave no text. */
  readonly examples: readonly ProblemExample[];
}

/** A line that gave no text. */
export interface ProblemExample {
  readonly input: string;
  readonly line: number;
  readonly problem: LineProblem;
}

/** How a stage is told of by others. */
export interface StageOptions {
  readonly signal: AbortSignal;
  readonly engine: () => Promise<Engine>;
  /** Called as inputs are read, with bytes as they lie on the disk. */
  readonly onRead: (bytes: number) => void;
}

/**
 * Clean all inputs into the buckets of the work folder, going on from the last checkpoint.
 *
 * @throws {CliError} If an input cannot be read or a bucket not be written, or with `strict` for the first line that
 * gives no text.
 */
export async function cleanStage(settings: CorpusSettings, options: StageOptions): Promise<CleanState> {
  const state = (readJson(join(settings.work, STATE)) as CleanState | undefined) ?? beginning(settings);
  if (state.done) return state;
  const { clean, minLength, maxLength, seed, shards } = settings;
  const worker: CleanSettings = { clean, minLength, maxLength, seed, partitions: shards };
  const pool = new WorkerPool<LineBlockTask, CleanedBlock>("clean_worker", settings.threads, worker);
  const stop = () => void pool.close();
  options.signal.addEventListener("abort", stop, { once: true });
  try {
    return await new Cleaning(settings, options, state, pool).run();
  } finally {
    options.signal.removeEventListener("abort", stop);
    await pool.close();
  }
}

/** What is wrong with a line, in words. */
export const PROBLEMS: Readonly<Record<LineProblem, string>> = {
  columns: "it has too few columns",
  json: "it is not a JSON object",
  key: "its JSON has no such text",
  date: "it has no date that begins with a year",
  encoding: "it is not UTF-8",
};

// --- internal ---

const STATE = "clean.json";
const MOST_EXAMPLES = 20;

function beginning({ shards }: CorpusSettings): CleanState {
  const zeros = Array.from({ length: shards }, () => 0);
  return {
    done: false,
    input: 0,
    offset: 0,
    row: 0,
    bytesRead: 0,
    sizes: { lengths: zeros, rows: zeros },
    counts: noCounts(),
    excludedRows: 0,
    examples: [],
  };
}

/** The work of the stage between two runs of the program. */
class Cleaning {
  readonly #settings: CorpusSettings;
  readonly #options: StageOptions;
  readonly #pool: WorkerPool<LineBlockTask, CleanedBlock>;
  readonly #buckets: Buckets;
  readonly #counts: CleanCounts = noCounts();
  readonly #examples: ProblemExample[];
  readonly #inFlight: InFlight;
  #excludedRows: number;
  #row: number;
  #bytesRead: number;
  readonly #start: CleanState;

  constructor(
    settings: CorpusSettings,
    options: StageOptions,
    state: CleanState,
    pool: WorkerPool<LineBlockTask, CleanedBlock>,
  ) {
    this.#settings = settings;
    this.#options = options;
    this.#pool = pool;
    this.#inFlight = new InFlight(pool.size + 1, options.signal);
    this.#start = state;
    this.#buckets = new Buckets(settings.work, state.sizes);
    addCounts(this.#counts, state.counts);
    this.#examples = [...state.examples];
    this.#excludedRows = state.excludedRows;
    this.#row = state.row;
    this.#bytesRead = state.bytesRead;
  }

  async run(): Promise<CleanState> {
    const { excluded, inputs, checkpoint } = this.#settings;
    const sources = [...excluded, ...inputs];
    let next = this.#bytesRead + checkpoint;
    for (const [number, source] of sources.entries()) {
      if (number < this.#start.input) continue;
      for await (const block of sourceBlocks(source.input, source.layout, this.#options)) {
        this.#options.signal.throwIfAborted();
        if (number === this.#start.input && block.offset < this.#start.offset) continue;
        if (this.#bytesRead >= next) {
          await this.#keep({ done: false, input: number, offset: block.offset });
          next = this.#bytesRead + checkpoint;
        }
        await this.#dispatch(block, source, number < excluded.length);
      }
    }
    return this.#keep({ done: true, input: sources.length, offset: 0 });
  }

  /** Give a block to the threads; waits while they have enough to do. */
  async #dispatch(block: SourceBlock, source: Source, excluded: boolean): Promise<void> {
    const { bytes, fields, header, firstLine, lines } = block;
    const row = excluded ? -1 : this.#row;
    if (!excluded) this.#row += lines;
    this.#bytesRead += bytes.length;
    const task: LineBlockTask = { bytes, fields, header, first: firstLine === 1, row };
    await this.#inFlight.add(this.#clean(task, block, source, excluded));
  }

  async #clean(task: LineBlockTask, block: SourceBlock, source: Source, excluded: boolean): Promise<void> {
    await this.#take(await this.#pool.run(task, [task.bytes.buffer]), block, source, excluded);
  }

  /** A block is done. */
  async #take(
    { bytes, ends, rows, counts, examples }: CleanedBlock,
    { firstLine }: SourceBlock,
    { input }: Source,
    excluded: boolean,
  ): Promise<void> {
    for (const { line, problem } of examples) {
      const example = { input: input.name, line: firstLine + line, problem };
      if (this.#settings.strict) throw refused(example);
      if (this.#examples.length < MOST_EXAMPLES) this.#examples.push(example);
    }
    if (excluded) this.#excludedRows += rows.reduce((sum, count) => sum + count, 0);
    else addCounts(this.#counts, counts);
    for (let i = 0, start = 0; i < ends.length; start = ends[i++]!) {
      await this.#buckets.append(i, bytes.subarray(start, ends[i]), rows[i]!);
    }
  }

  /** Wait for everything that is on its way, and remember how far it has come. */
  async #keep(place: Pick<CleanState, "done" | "input" | "offset">): Promise<CleanState> {
    await this.#inFlight.all();
    const state: CleanState = {
      ...place,
      row: this.#row,
      bytesRead: this.#bytesRead,
      sizes: await this.#buckets.checkpoint(),
      counts: this.#counts,
      excludedRows: this.#excludedRows,
      examples: this.#examples.toSorted((a, b) => a.line - b.line),
    };
    writeDurably(this.#settings.work, STATE, JSON.stringify(state));
    return state;
  }
}

function refused({ input, line, problem }: ProblemExample): CliError {
  return new CliError(
    `Cannot take a text of line ${line} of ${input}: ${PROBLEMS[problem]}; without --strict such lines are counted and left out`,
  );
}
