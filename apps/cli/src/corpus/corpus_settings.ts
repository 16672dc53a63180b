import type { Input } from "../io/inputs.ts";

/** How lines are laid out; `auto` goes by a file's name. */
export const FORMATS = ["auto", "lines", "tsv", "jsonl", "parquet"] as const;

/** A layout of {@link FORMATS}. */
type Format = (typeof FORMATS)[number];

/** Where text and date stand in some inputs. */
export interface Layout {
  readonly format: Format;
  /** A column's number from 1 or its name, or a key. */
  readonly text: string | undefined;
  readonly date: string | undefined;
  /** The first line of a table names its columns. */
  readonly header: boolean;
}

/** An input, and how it is laid out. */
export interface Source {
  readonly input: Input;
  readonly layout: Layout;
}

/** Everything that decides what a corpus holds, and how it is made. */
export interface CorpusSettings {
  readonly inputs: readonly Source[];
  /** Texts that shall not be in the corpus. */
  readonly excluded: readonly Source[];
  /** A version of `clean`, or `none`. */
  readonly clean: string;
  readonly minLength: number;
  readonly maxLength: number;
  /** The share of each day's texts that is taken, above 0, at most 1. */
  readonly sample: number;
  readonly seed: number;
  /** `tokenizer.json`; without one, the shards are text. */
  readonly tokenizer:
    | { readonly json: string; readonly sha256: string; readonly vocabSize: number }
    | undefined;
  readonly maxTokens: number;
  readonly shards: number;
  /** A line that gives no text ends the work. */
  readonly strict: boolean;
  readonly output: string;
  /** Where the unfinished work is. */
  readonly work: string;
  readonly threads: number;
  /** Bytes that DuckDB holds in memory before it goes on with files. */
  readonly memory: number;
  /** Bytes of text that are read between two moments from which a killed run goes on. */
  readonly checkpoint: number;
  /** The settings that make the same corpus again, as `--config` takes them. */
  readonly recipe: Readonly<Record<string, unknown>>;
}

/** The bytes of text that inputs are expected to hold; compressed ones are guessed. */
export function expectedTextBytes(sources: readonly Source[]): number | undefined {
  let bytes = 0;
  for (const { input } of sources) {
    const { name, size } = input;
    if (size === undefined) return undefined;
    bytes += size * (/\.(gz|zst)$/i.test(name) ? 3 : /\.parquet$/i.test(name) ? 2 : 1);
  }
  return bytes;
}

/** As many shards as keep the rows of each in little memory, while they are sorted: one for about 64 MB of text. */
export function shardsFor(bytes: number | undefined): number {
  return Math.min(4096, Math.max(1, Math.ceil((bytes ?? 1e9) / 64e6)));
}
