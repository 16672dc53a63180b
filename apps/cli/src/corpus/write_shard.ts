import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { BertTokenizer } from "@kcbert/tokenizer";
import { encodeShard, type ShardEntry, shardEntry } from "@kcbert/trainer/shards";
import { fileError } from "../failure.ts";
import { writeDurably } from "./durable_files.ts";

/** What shards are made of. */
export interface ShardSettings {
  /** `tokenizer.json`; without it, shards are texts. */
  readonly tokenizer: string | undefined;
  /** The longest sequence, `[CLS]` and `[SEP]` included; what is longer is cut. */
  readonly maxTokens: number;
}

/** One shard to write. */
export interface ShardTask {
  /** A file with one text a line. */
  readonly texts: string;
  /** Where the shard goes: its folder, and its name. */
  readonly folder: string;
  readonly file: string;
}

/** What the shard holds. */
export interface WrittenShard {
  readonly entry: ShardEntry;
  readonly texts: number;
  /** UTF-8 bytes of the texts, line ends not counted. */
  readonly textBytes: number;
  /** Tokens that are `[UNK]`. */
  readonly unknown: number;
  /** Texts that were cut. */
  readonly cut: number;
  /** How many sequences have so many tokens, by number of tokens; by code points of texts where nothing is tokenised. */
  readonly lengths: Uint32Array;
}

/** Make the function that writes shards. */
export async function shardWriter(
  settings: ShardSettings,
): Promise<(task: ShardTask) => Promise<WrittenShard>> {
  if (settings.tokenizer === undefined) return writeTexts;
  const tokenizer = BertTokenizer.fromJson(settings.tokenizer);
  return (task) => writeTokens(task, tokenizer, settings.maxTokens);
}

// --- internal ---

const BATCH = 4096;

/** Lengths from here on are counted together, where they are not limited. */
const MOST_CODE_POINTS = 1000;

async function writeTokens(
  { texts, folder, file }: ShardTask,
  tokenizer: BertTokenizer,
  maxTokens: number,
): Promise<WrittenShard> {
  const bytes = readTexts(texts);
  const lines = linesOf(bytes);
  const lengths = new Uint32Array(maxTokens + 1);
  const ids = new IdList(Math.ceil(bytes.length / 3));
  const rowStarts = new Uint32Array(lines.length + 1);
  let cut = 0;
  for (let start = 0; start < lines.length; start += BATCH) {
    const batch = tokenizer.encodeBatch(lines.slice(start, start + BATCH));
    let from = 0; // of what is not appended yet: as much at once as can be
    for (let i = 0; i < batch.rows; i++) {
      const [first, end] = [batch.rowStarts[i]!, batch.rowStarts[i + 1]!];
      const length = Math.min(end - first, maxTokens);
      lengths[length]!++;
      rowStarts[start + i + 1] = ids.length + (first + length - from);
      if (end - first <= maxTokens) continue;
      ids.append(batch.ids.subarray(from, first + length));
      ids.replaceLast(tokenizer.sepId);
      from = end;
      cut++;
    }
    ids.append(batch.ids.subarray(from));
  }
  const all = ids.all();
  const unknown = countOf(tokenizer.unkId, all);
  const shard = encodeShard({ ids: all, rowStarts });
  writeDurably(folder, file, shard);
  const entry = await shardEntry(file, shard);
  const textBytes = bytes.length - lines.length;
  return { entry, texts: lines.length, textBytes, unknown, cut, lengths };
}

async function writeTexts({ texts, folder, file }: ShardTask): Promise<WrittenShard> {
  const bytes = readTexts(texts);
  const lines = linesOf(bytes);
  const lengths = new Uint32Array(MOST_CODE_POINTS + 1);
  for (const line of lines) lengths[Math.min(Array.from(line).length, MOST_CODE_POINTS)]!++;
  const shard = gzipSync(bytes);
  writeDurably(folder, file, shard);
  const sha256 = createHash("sha256").update(shard).digest("hex");
  return {
    entry: { file, sequences: lines.length, tokens: 0, sha256 },
    texts: lines.length,
    textBytes: bytes.length - lines.length,
    unknown: 0,
    cut: 0,
    lengths,
  };
}

function readTexts(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw fileError(`read ${path}`, error);
  }
}

function linesOf(bytes: Buffer): string[] {
  const lines = bytes.toString().split("\n");
  lines.pop(); // nothing follows the last LF
  return lines;
}

function countOf(id: number, ids: Uint16Array): number {
  let count = 0;
  for (let i = 0; i < ids.length; i++) if (ids[i] === id) count++;
  return count;
}

/** Token ids that come bit by bit. */
class IdList {
  length = 0;
  #ids: Uint16Array;

  constructor(room: number) {
    this.#ids = new Uint16Array(Math.max(room, 16));
  }

  append(more: Int32Array): void {
    if (this.length + more.length > this.#ids.length) {
      const larger = new Uint16Array((this.length + more.length) * 2);
      larger.set(this.all());
      this.#ids = larger;
    }
    this.#ids.set(more, this.length);
    this.length += more.length;
  }

  replaceLast(id: number): void {
    this.#ids[this.length - 1] = id;
  }

  all(): Uint16Array {
    return this.#ids.subarray(0, this.length);
  }
}
