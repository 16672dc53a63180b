/**
 * How well models fill masks: the part of the masked tokens that they put first, on the lines that the recipe's
 * pretraining holds out, 15 % masked, and on
 * those of them that have a compound vowel, with that syllable apart (`teach_jamo.ts`).
 *
 *     node --conditions=@kcbert/source examples/recipes/model_mini/judge.ts work/corpus.txt packages/model-mini work/model
 *
 * Lines and places are the same for all models of one vocabulary; quantised models are judged as they are, in WebAssembly.
 */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { BertForMaskedLM, type PretrainedSource } from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import { loadTokenizer } from "@kcbert/pipelines/load_tokenizer";
import type { BertTokenizer } from "@kcbert/tokenizer";
import {
  cutBatch,
  evaluateMaskedLm,
  holdOut,
  type MaskedBatch,
  maskTokens,
  packLines,
  specialIdsOf,
} from "@kcbert/trainer";
import * as tf from "@tensorflow/tfjs";
import { teachJamo } from "./teach_jamo.ts";

const [corpus, ...folders] = process.argv.slice(2);
if (corpus === undefined || folders.length === 0) {
  console.error("Usage: judge.ts corpus.txt folder…");
  process.exit(2);
}
await createWasmBackend();
await tf.setBackend("wasm");

/** Tokens in a packed row, rows in a batch, and lines that pretraining holds out (`pretrain.json`). */
const [ROW_LENGTH, ROWS, HELD_OUT] = [128, 16, 2000];

const lines = readFileSync(corpus, "utf8").trimEnd().split("\n");
const numbers = Int32Array.from(lines, (_, i) => i);
const { heldOut } = holdOut(
  { ids: numbers, rowStarts: Int32Array.from({ length: lines.length + 1 }, (_, i) => i) },
  HELD_OUT,
  1,
);
const plain = Array.from(heldOut.ids, (line) => lines[line]!);
const apart = teachJamo(plain, { each: 300, seed: 2 });

console.log("| model | held-out lines: first, % | nats | a syllable apart: first, % | nats |");
console.log("| --- | ---: | ---: | ---: | ---: |");
for (const folder of folders) {
  const source: PretrainedSource = (name) => readFile(join(folder, name)).catch(() => undefined);
  const tokenizer = await loadTokenizer(source);
  const model = await BertForMaskedLM.fromPretrained(source, { frozen: true });
  const cells: string[] = [];
  for (const part of [plain, apart]) {
    const { accuracy, loss } = await evaluateMaskedLm(model, masked(tokenizer, part));
    cells.push((100 * accuracy).toFixed(1), loss.toFixed(3));
  }
  console.log(`| ${folder} | ${cells.join(" | ")} |`);
  model.dispose();
}

// --- internal ---

function masked(tokenizer: BertTokenizer, texts: readonly string[]): MaskedBatch[] {
  const encoded = tokenizer.encodeBatch(texts, { maxLength: ROW_LENGTH });
  const shape = { rowLength: ROW_LENGTH, count: ROWS, padId: tokenizer.padId };
  const packed = packLines(encoded, { rowLength: ROW_LENGTH, seed: 1, epoch: 0 });
  const count = Math.ceil((packed.starts.length - 1) / ROWS);
  const { maskId, vocabSize } = tokenizer;
  const masking = { maskId, specialIds: specialIdsOf(tokenizer), vocabSize, probability: 0.15, seed: 1 };
  return Array.from({ length: count }, (_, i) =>
    maskTokens(cutBatch(encoded, packed, { ...shape, first: i * ROWS }), { ...masking, step: i }),
  );
}
