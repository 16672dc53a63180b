/**
 * A corpus as token ids in files: shards, and the index that names them.
 *
 * A shard is a header of 24 bytes (`KCSHARD` and a zero byte, then as uint32 the version 1, the number of sequences, the
 * number of tokens, and 0), then `sequences + 1` row starts as uint32, then the ids as uint16; all little-endian. Row starts
 * and ids are the arrays of {@linkcode TokenizedLines} as they are, so a shard is read without a loop over it. Sequences
 * are in shuffled order, within and across shards, and each shard can be used without the others.
 */
import type { BertTokenizer } from "@kcbert/tokenizer";
import { lineCount, type TokenizedLines } from "./tokenized_lines.ts";

/** What the index says of one shard. */
export interface ShardEntry {
  /** Name of its file, in the folder of the index. */
  readonly file: string;
  /** Sequences in it. */
  readonly sequences: number;
  /** Tokens of all of them, special ones included. */
  readonly tokens: number;
  /** SHA-256 of the file, 64 hexadecimal digits. */
  readonly sha256: string;
}

/** The index of a corpus: `index.json`. */
export interface ShardIndex {
  /** What this is. */
  readonly format: "kcbert-shards";
  /** The version of the format. */
  readonly version: 1;
  /** The tokenizer whose ids these are: see {@linkcode tokenizerSha256}. */
  readonly tokenizer: { readonly sha256: string; readonly vocabSize: number };
  /** The version of `clean` that the text went through, for the model's `config.json`; `null` if none. */
  readonly clean: string | null;
  /** How the corpus was made, for whoever makes it again. */
  readonly recipe: Readonly<Record<string, unknown>>;
  /** Sequences of all shards. */
  readonly sequences: number;
  /** Tokens of all shards. */
  readonly tokens: number;
  /** The shards in order; none is empty. */
  readonly shards: readonly ShardEntry[];
}

/**
 * Write lines as the bytes of a shard.
 *
 * @param lines What is written; ids from 0 to 65,535, special tokens included.
 * @returns The file's bytes.
 * @throws {RangeError} If an id does not fit into 16 bits.
 *
 * @example
 * ```ts
 * import { decodeShard, encodeShard } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const bytes = encodeShard({ ids: Int32Array.of(2, 7, 3), rowStarts: Int32Array.of(0, 3) });
 * assert.equal(bytes.length, 24 + 2 * 4 + 3 * 2);
 * assert.deepEqual([...decodeShard(bytes).ids], [2, 7, 3]);
 * ```
 */
export function encodeShard(lines: TokenizedLines): Uint8Array<ArrayBuffer> {
  const { ids, rowStarts } = lines;
  const sequences = lineCount(lines);
  const bytes = new Uint8Array(HEADER_BYTES + rowStarts.length * 4 + ids.length * 2);
  bytes.set(MAGIC);
  new Uint32Array(bytes.buffer, MAGIC.length, 4).set([VERSION, sequences, ids.length, 0]);
  new Uint32Array(bytes.buffer, HEADER_BYTES, rowStarts.length).set(rowStarts);
  if (!(ids instanceof Uint16Array)) {
    const wide = ids.findIndex((id) => id < 0 || id > 0xffff);
    if (wide >= 0) {
      throw new RangeError(
        `Cannot write a shard as its ids are 16 bits wide, from 0 to 65535: the id at ${wide} is ${ids[wide]}`,
      );
    }
  }
  new Uint16Array(bytes.buffer, HEADER_BYTES + rowStarts.length * 4, ids.length).set(ids);
  return bytes;
}

/**
 * Read the bytes of a shard; nothing is copied if they begin at a multiple of 4 in their buffer.
 *
 * @param bytes The whole file.
 * @param name What messages call it.
 * @returns Its lines: `ids` uint16, `rowStarts` uint32.
 * @throws {SyntaxError} If it is no shard, of an unknown version, cut, or contradicts itself.
 *
 * @example
 * ```ts
 * import { decodeShard } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * assert.throws(() => decodeShard(new Uint8Array(100), "00000.kcs"), /Cannot read 00000.kcs: it is no shard/);
 * ```
 */
export function decodeShard(
  bytes: Uint8Array,
  name = "the shard",
): { ids: Uint16Array; rowStarts: Uint32Array } {
  const wrong = (why: string) => new SyntaxError(`Cannot read ${name}: ${why}`);
  if (bytes.length < HEADER_BYTES || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw wrong("it is no shard of a corpus, as it does not begin with KCSHARD");
  }
  const { buffer, byteOffset } = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const [version, sequences, tokens] = new Uint32Array(buffer, byteOffset + MAGIC.length, 3);
  if (version !== VERSION) throw wrong(`it is a shard of version ${version}, and only version 1 is known`);
  const size = HEADER_BYTES + (sequences! + 1) * 4 + tokens! * 2;
  if (bytes.length !== size) throw wrong(`it must have ${size} bytes by its header, and has ${bytes.length}`);
  const rowStarts = new Uint32Array(buffer, byteOffset + HEADER_BYTES, sequences! + 1);
  const ordered = rowStarts.every((start, i) => i === 0 || start >= rowStarts[i - 1]!);
  if (rowStarts[0] !== 0 || rowStarts[sequences!] !== tokens || !ordered) {
    throw wrong("its row starts do not lead from 0 to the number of its tokens");
  }
  return {
    ids: new Uint16Array(buffer, byteOffset + HEADER_BYTES + rowStarts.byteLength, tokens!),
    rowStarts,
  };
}

/**
 * Read a shard of an index, checking that it is the one that the index means.
 *
 * @param bytes The whole file.
 * @param entry What the index says of it.
 * @throws {SyntaxError} If its SHA-256 or its counts are others, or as {@linkcode decodeShard}.
 *
 * @example
 * ```ts
 * import { encodeShard, readShard, shardEntry } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const bytes = encodeShard({ ids: Int32Array.of(2, 7, 3), rowStarts: Int32Array.of(0, 3) });
 * const entry = await shardEntry("00000.kcs", bytes);
 * assert.equal(entry.tokens, 3);
 * assert.deepEqual([...(await readShard(bytes, entry)).rowStarts], [0, 3]);
 * bytes[30]! ^= 1;
 * await assert.rejects(readShard(bytes, entry), /Cannot read 00000.kcs: its SHA-256 is/);
 * ```
 */
export async function readShard(
  bytes: Uint8Array<ArrayBuffer>,
  entry: ShardEntry,
): Promise<{ ids: Uint16Array; rowStarts: Uint32Array }> {
  const found = await sha256(bytes);
  if (found !== entry.sha256) {
    throw new SyntaxError(
      `Cannot read ${entry.file}: its SHA-256 is ${found}, and the index says ${entry.sha256}; it is damaged, or of another corpus`,
    );
  }
  const lines = decodeShard(bytes, entry.file);
  if (lineCount(lines) !== entry.sequences || lines.ids.length !== entry.tokens) {
    throw new SyntaxError(
      `Cannot read ${entry.file}: it has ${lineCount(lines)} sequences of ${lines.ids.length} tokens, and the index says ${entry.sequences} of ${entry.tokens}`,
    );
  }
  return lines;
}

/**
 * What an index says of a shard.
 *
 * @param file Name of its file.
 * @param bytes The file's bytes.
 * @throws {SyntaxError} As {@linkcode decodeShard}.
 *
 * @example
 * ```ts
 * import { encodeShard, shardEntry } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const bytes = encodeShard({ ids: Int32Array.of(2, 7, 3), rowStarts: Int32Array.of(0, 3) });
 * const { file, sequences, tokens } = await shardEntry("00000.kcs", bytes);
 * assert.deepEqual({ file, sequences, tokens }, { file: "00000.kcs", sequences: 1, tokens: 3 });
 * ```
 */
export async function shardEntry(file: string, bytes: Uint8Array<ArrayBuffer>): Promise<ShardEntry> {
  const lines = decodeShard(bytes, file);
  return { file, sequences: lineCount(lines), tokens: lines.ids.length, sha256: await sha256(bytes) };
}

/**
 * Write an index as the text of `index.json`.
 *
 * @example
 * ```ts
 * import { formatShardIndex, parseShardIndex } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const tokenizer = { sha256: "0".repeat(64), vocabSize: 30_000 };
 * const shards = [{ file: "00000.kcs", sequences: 1, tokens: 3, sha256: "1".repeat(64) }];
 * const text = formatShardIndex({ tokenizer, clean: "2021", recipe: {}, shards });
 * assert.equal(parseShardIndex(text).tokens, 3);
 * ```
 */
export function formatShardIndex(
  index: Pick<ShardIndex, "tokenizer" | "clean" | "recipe" | "shards">,
): string {
  const { tokenizer, clean, recipe, shards } = index;
  const sum = (of: (entry: ShardEntry) => number) => shards.reduce((total, entry) => total + of(entry), 0);
  const whole: ShardIndex = {
    format: "kcbert-shards",
    version: VERSION,
    tokenizer,
    clean,
    recipe,
    sequences: sum(({ sequences }) => sequences),
    tokens: sum(({ tokens }) => tokens),
    shards,
  };
  return `${JSON.stringify(whole, undefined, 2)}\n`;
}

/**
 * Read the text of `index.json`.
 *
 * @param text The text.
 * @param name What messages call the file.
 * @throws {SyntaxError} If it is not JSON, no index, of an unknown version, or lacks something.
 *
 * @example
 * ```ts
 * import { parseShardIndex } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * assert.throws(() => parseShardIndex("{}"), /Cannot read index.json: it is no index of a corpus/);
 * ```
 */
export function parseShardIndex(text: string, name = "index.json"): ShardIndex {
  const wrong = (why: string, cause?: unknown) => new SyntaxError(`Cannot read ${name}: ${why}`, { cause });
  let index: unknown;
  try {
    index = JSON.parse(text);
  } catch (error) {
    throw wrong("it is not JSON", error);
  }
  if (!isRecord(index) || index.format !== "kcbert-shards") {
    throw wrong('it is no index of a corpus, as its format is not "kcbert-shards"');
  }
  if (index.version !== VERSION) {
    throw wrong(`it is an index of version ${JSON.stringify(index.version)}, and only version 1 is known`);
  }
  const lacking = missingPart(index);
  if (lacking !== undefined) throw wrong(`${lacking} is missing, or not what it must be`);
  return index as unknown as ShardIndex;
}

/**
 * What an index holds of a tokenizer: the SHA-256 of its `toJson()`, vocabulary and all that changes ids.
 *
 * @example
 * ```ts
 * import { BertTokenizer } from "@kcbert/tokenizer";
 * import { tokenizerSha256 } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const tokenizer = BertTokenizer.fromVocab("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n영화\n");
 * const other = BertTokenizer.fromVocab("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n만화\n");
 * assert.match(await tokenizerSha256(tokenizer), /^[0-9a-f]{64}$/);
 * assert.notEqual(await tokenizerSha256(tokenizer), await tokenizerSha256(other));
 * ```
 */
export async function tokenizerSha256(tokenizer: BertTokenizer): Promise<string> {
  return sha256(new TextEncoder().encode(tokenizer.toJson()));
}

// --- internal ---

const MAGIC = new TextEncoder().encode("KCSHARD\0");
const VERSION = 1;
const HEADER_BYTES = 24;

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The first part of an index that is not there, or wrong. */
function missingPart(index: Record<string, unknown>): string | undefined {
  const { tokenizer, clean, recipe, sequences, tokens, shards } = index;
  if (!isRecord(tokenizer) || !isSha256(tokenizer.sha256) || !isCount(tokenizer.vocabSize))
    return "tokenizer";
  if (clean !== null && typeof clean !== "string") return "clean";
  if (!isRecord(recipe)) return "recipe";
  if (!isCount(sequences)) return "sequences";
  if (!isCount(tokens)) return "tokens";
  if (!Array.isArray(shards)) return "shards";
  const wrong = shards.findIndex((entry: unknown) => !isEntry(entry));
  return wrong < 0 ? undefined : `shards[${wrong}]`;
}

/** A file's name must not lead out of its folder. */
function isEntry(entry: unknown): boolean {
  if (!isRecord(entry)) return false;
  const { file, sequences, tokens, sha256 } = entry;
  const name = typeof file === "string" && /^[\w-][\w.-]*$/.test(file);
  return name && isCount(sequences) && isCount(tokens) && isSha256(sha256);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSha256(value: unknown): boolean {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}
