/**
 * The compound vowels for a model that was pretrained without them: they take the places of the rarest tokens.
 *
 * The vocabulary keeps its size, and all other tokens their ids. A vowel begins with the mean of the rows of the vowels
 * that it is made of or sounds like, as a first piece and as a `##` piece.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromFloat32, readSafetensors, toFloat32, writeSafetensors } from "@kcbert/safetensors";
import { BertTokenizer } from "@kcbert/tokenizer";
import { RARE_VOWELS } from "./teach_jamo.ts";

/** A token that gives its place to another. */
export interface Replaced {
  readonly id: number;
  readonly old: string;
  readonly token: string;
  /** The ids of which it begins as the mean. */
  readonly from: readonly number[];
}

/**
 * Repair a model folder of floats.
 *
 * @param folder With `model.safetensors` and the tokenizer's files.
 * @param output Where the repaired folder is written.
 * @param lines The corpus by which tokens are rare.
 * @returns What was replaced; nothing, if the vocabulary has all vowels.
 */
export function repairJamo(folder: string, output: string, lines: readonly string[]): Replaced[] {
  const tokenizer = BertTokenizer.fromJson(readFileSync(join(folder, "tokenizer.json"), "utf8"));
  const replaced = replacements(tokenizer, lines);
  const vocab = tokenizer.vocabText().trimEnd().split("\n");
  for (const { id, token } of replaced) vocab[id] = token;
  const repaired = BertTokenizer.fromVocab(vocab, tokenizer.options);

  const { tensors } = readSafetensors(readFileSync(join(folder, "model.safetensors")));
  const weights = new Map(tensors);
  for (const name of ["bert.embeddings.word_embeddings.weight", "cls.predictions.bias"]) {
    const { shape } = tensors.get(name)!;
    weights.set(name, fromFloat32(withRows(toFloat32(tensors.get(name)!), shape[1] ?? 1, replaced), shape));
  }
  mkdirSync(output, { recursive: true });
  writeFileSync(join(output, "model.safetensors"), writeSafetensors(weights, { format: "pt" }));
  writeFileSync(join(output, "vocab.txt"), repaired.vocabText());
  writeFileSync(join(output, "tokenizer.json"), repaired.toJson());
  for (const name of ["tokenizer_config.json", "config.json"])
    copyFileSync(join(folder, name), join(output, name));
  return replaced;
}

// --- internal ---

function replacements(tokenizer: BertTokenizer, lines: readonly string[]): Replaced[] {
  const wanted = Array.from(RARE_VOWELS, ([vowel, parts]) =>
    ["", "##"].map((mark) => ({
      token: `${mark}${vowel}`,
      from: Array.from(parts, (part) => tokenizer.tokenToId(`${mark}${part}`)!),
    })),
  )
    .flat()
    .filter(({ token }) => tokenizer.tokenToId(token) === undefined);
  const rare = rarest(tokenizer, lines, wanted.length);
  return wanted.map((vowel, i) => ({ ...vowel, id: rare[i]!, old: tokenizer.idToToken(rare[i]!)! }));
}

/** The rarest tokens of two letters or more, without which every text can still be written; of equals, the last. */
function rarest(tokenizer: BertTokenizer, lines: readonly string[], count: number): number[] {
  const counts = new Uint32Array(tokenizer.vocabSize);
  for (let at = 0; at < lines.length; at += BATCH) {
    const { ids } = tokenizer.encodeBatch(lines.slice(at, at + BATCH), { addSpecialTokens: false });
    for (const id of ids) counts[id]!++;
  }
  return [...counts.keys()]
    .filter((id) => /^(?:##)?[가-힣a-zA-Z]{2,}$/.test(tokenizer.idToToken(id)!))
    .sort((a, b) => counts[a]! - counts[b]! || b - a)
    .slice(0, count);
}

const BATCH = 10_000;

function withRows(values: Float32Array, width: number, replaced: readonly Replaced[]): Float32Array {
  const result = values.slice();
  for (const { id, from } of replaced) {
    for (let i = 0; i < width; i++) {
      const sum = from.reduce((total, row) => total + values[row * width + i]!, 0);
      result[id * width + i] = sum / from.length;
    }
  }
  return result;
}
