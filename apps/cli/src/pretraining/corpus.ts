import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { BertTokenizer } from "@kcbert/tokenizer";
import type {
  LineShards,
  PretrainingData,
  ShardIndex,
  TokenizedDocuments,
  TokenizedLines,
} from "@kcbert/trainer";
import { CliError, fileError, sentence } from "../failure.ts";
import { resolveInputs } from "../io/inputs.ts";
import { readTexts, totalSize } from "../io/read_texts.ts";
import { textField } from "../io/text_field.ts";
import { startProgress } from "../progress.ts";
import type { Recipe } from "./recipe.ts";

/** What of a recipe says where the corpus is, and how much of it is held out. */
export type CorpusFlags = Pick<Recipe, "corpus" | "column" | "jsonl" | "header" | "heldOut" | "seed"> &
  Partial<Pick<Recipe, "nextSentence">>;

/** A corpus, part of it held out. */
export interface Corpus extends PretrainingData {
  /** Lines of the first shard that are learnt from, for counting words. */
  readonly sample: TokenizedLines;
  /** How the text was cleaned, where the corpus says so. */
  readonly clean: string | null | undefined;
}

/**
 * Read the corpus of a recipe: lines of text, which are encoded, or a folder of shards, which are there already.
 *
 * @throws {CliError} If it cannot be read, or is of another tokenizer.
 */
export async function loadCorpus(
  recipe: CorpusFlags,
  tokenizer: BertTokenizer,
  { signal, quiet }: { signal: AbortSignal; quiet: boolean },
): Promise<Corpus> {
  const { holdOut, holdOutDocuments, holdOutOfShards } = await import("@kcbert/trainer");
  if (existsSync(join(recipe.corpus, INDEX))) {
    if (recipe.nextSentence === true)
      throw new CliError(
        `Cannot make pairs of ${recipe.corpus}: its lines are shuffled; give the files of text`,
      );
    const { corpus, clean } = await openShards(recipe.corpus, tokenizer);
    const count = heldOutCount(recipe.heldOut, corpus.shards[0]?.sequences ?? 0);
    const { train, heldOut } = await holdOutOfShards(corpus, count, recipe.seed);
    return { train, heldOut, sample: await train.read(0), clean };
  }
  const lines = await encodeCorpus(recipe, tokenizer, { signal, quiet });
  const count = heldOutCount(recipe.heldOut, lines.rowStarts.length - 1);
  const data =
    recipe.nextSentence === true
      ? holdOutDocuments(lines, count, recipe.seed)
      : holdOut({ ids: lines.ids, rowStarts: lines.rowStarts }, count, recipe.seed);
  return { ...data, sample: data.train, clean: undefined };
}

// --- internal ---

const INDEX = "index.json";
const LINES_TOGETHER = 8192;

/** As many as asked for, but never more than a tenth of the lines. */
function heldOutCount(wanted: number, lines: number): number {
  return Math.max(1, Math.min(wanted, Math.floor(lines / 10)));
}

/** Encode the lines, some thousand at a time; blank lines are left out, and part documents. */
async function encodeCorpus(
  recipe: CorpusFlags,
  tokenizer: BertTokenizer,
  { signal, quiet }: { signal: AbortSignal; quiet: boolean },
): Promise<TokenizedDocuments> {
  const { joinLines } = await import("@kcbert/trainer");
  const inputs = resolveInputs([recipe.corpus]);
  const progress = startProgress({ title: "Reading", total: totalSize(inputs), quiet });
  const { header } = recipe;
  const texts = readTexts(inputs, { field: textField(recipe), header, signal, onRead: progress.advance });
  try {
    const parts: TokenizedLines[] = [];
    let waiting: string[] = [];
    const documentStarts = [0];
    let lines = 0;
    for await (const text of texts) {
      if (text.trim() === "") {
        if (lines > documentStarts.at(-1)!) documentStarts.push(lines);
        continue;
      }
      lines++;
      if (waiting.push(text) < LINES_TOGETHER) continue;
      parts.push(tokenizer.encodeBatch(waiting));
      waiting = [];
    }
    if (waiting.length > 0) parts.push(tokenizer.encodeBatch(waiting));
    if (lines > documentStarts.at(-1)!) documentStarts.push(lines);
    return { ...joinLines(parts), documentStarts: Int32Array.from(documentStarts) };
  } finally {
    progress.done();
  }
}

/** Shards, each of which is checked whenever it is read. */
async function openShards(
  folder: string,
  tokenizer: BertTokenizer,
): Promise<{ corpus: LineShards; clean: string | null }> {
  const { parseShardIndex, readShard } = await import("@kcbert/trainer");
  const path = join(folder, INDEX);
  const index = parseIndex(await read(path), path, parseShardIndex);
  await checkTokenizer(index, tokenizer, folder);
  if (index.shards.length === 0) throw new CliError(`Cannot train on ${folder}: it holds no shard`);
  const checksum = createHash("sha256");
  for (const { sha256 } of index.shards) checksum.update(sha256);
  const corpus: LineShards = {
    shards: index.shards,
    checksum: checksum.digest("hex").slice(0, 16),
    read: async (shard) => {
      const entry = index.shards[shard]!;
      const bytes = await read(join(folder, entry.file));
      try {
        return await readShard(bytes, entry);
      } catch (error) {
        throw new CliError(sentence(error), { cause: error });
      }
    },
  };
  return { corpus, clean: index.clean };
}

function parseIndex(
  bytes: Uint8Array,
  path: string,
  parse: (text: string, name: string) => ShardIndex,
): ShardIndex {
  try {
    return parse(new TextDecoder().decode(bytes), path);
  } catch (error) {
    throw new CliError(sentence(error), { cause: error });
  }
}

async function checkTokenizer(index: ShardIndex, tokenizer: BertTokenizer, folder: string): Promise<void> {
  const { tokenizerSha256 } = await import("@kcbert/trainer");
  if (index.tokenizer.sha256 === (await tokenizerSha256(tokenizer))) return;
  throw new CliError(
    `Cannot train on ${folder}: its ids are of another tokenizer, of ${index.tokenizer.vocabSize} tokens; name that one with --tokenizer`,
  );
}

async function read(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await readFile(path);
  } catch (error) {
    throw fileError(`read ${path}`, error);
  }
}
