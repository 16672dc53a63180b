/**
 * Does it pay to bring texts of like length together? `classifyText` on film reviews, which buckets them, against the same
 * model and the same kernels one text at a time, and in batches as the texts come, each as wide as its longest (what Hugging
 * Face's pipeline does with `batch_size`). In one process, by turns.
 *
 * One thread, `@kcbert/kernels`; 128 reviews of the sample, a BERT of 4 layers of 256, batches of 16.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import process from "node:process";
import { gunzipSync } from "node:zlib";
import { BertForSequenceClassification, kcbertBase } from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import { classifyText } from "@kcbert/pipelines";
import { BertTokenizer } from "@kcbert/tokenizer";
import * as tf from "@tensorflow/tfjs-core";

const rounds = 5; // timed, after one of warming up
const batchSize = 16;

await createWasmBackend();
await tf.setBackend("wasm");

const tokenizer = BertTokenizer.fromVocab(
  read("../tests/golden/tokenizer/kcbert.vocab.txt").toString("utf8"),
);
const sizes = { hiddenSize: 256, numHiddenLayers: 4, numAttentionHeads: 4, intermediateSize: 1024 };
const model = BertForSequenceClassification.init({ ...kcbertBase, ...sizes }, { seed: 1 });
const reviews = gunzipSync(read("../examples/data/reviews.sample.tsv.gz")).toString("utf8").split("\n");
const texts = Array.from({ length: 128 }, (_, i) => reviews[1 + i * 400]!.split("\t")[2]!);

const ways: Record<string, () => Promise<number[]>> = {
  "`classifyText`, bucketed": async () => {
    const labels = await classifyText(model, tokenizer, texts, { batchSize, topK: null });
    return labels.map((each) => each.find(({ label }) => label === "LABEL_1")!.score);
  },
  "one text at a time": () => inBatches(1),
  "batches as they come": () => inBatches(batchSize),
};

const ms = new Map<string, number[]>();
let expected: number[] | undefined;
for (let round = -1; round < rounds; round++) {
  for (const [name, run] of Object.entries(ways)) {
    const start = performance.now();
    const scores = await run();
    const spent = performance.now() - start;
    expected ??= scores;
    for (const [i, score] of scores.entries()) assert.ok(Math.abs(score - expected[i]!) < 1e-5, name);
    if (round >= 0) ms.set(name, [...(ms.get(name) ?? []), spent]);
  }
}

const lengths = texts.map((text) => tokenizer.encode(text).length).toSorted((a, b) => a - b);
const tokens = lengths.reduce((sum, length) => sum + length, 0);
console.log(
  `Median of ${rounds}, 1 thread, by turns; Node ${process.versions.node}, ${cpus()[0]?.model ?? "unknown processor"}`,
);
console.log(`${texts.length} reviews of ${lengths[0]} to ${lengths.at(-1)} tokens, median ${lengths[64]}\n`);
console.log("| way | ms | tokens/s | time against bucketed |");
console.log("| --- | ---: | ---: | ---: |");
const base = median(ms.get(Object.keys(ways)[0]!)!);
for (const [name, spent] of ms) {
  const time = median(spent);
  const speed = ((1000 * tokens) / time).toFixed(0);
  console.log(`| ${name} | ${time.toFixed(0)} | ${speed} | ${(time / base).toFixed(2)} |`);
}

// --- internal ---

function read(path: string): Buffer {
  return readFileSync(new URL(path, import.meta.url));
}

/** The probability of the second label of each text, batch after batch in the order of the texts. */
async function inBatches(size: number): Promise<number[]> {
  const scores: number[] = [];
  for (let i = 0; i < texts.length; i += size) {
    const batch = tokenizer.encodeBatch(texts.slice(i, i + size), { padding: "longest", maxLength: 300 });
    const shape: [number, number] = [batch.rows, batch.width];
    const probabilities = tf.tidy(() => {
      const inputIds = tf.tensor2d(batch.ids, shape, "int32");
      const attentionMask = tf.tensor2d(batch.attentionMask, shape, "int32");
      return tf.softmax(model.forward({ inputIds, attentionMask }).logits);
    });
    const values = await probabilities.data();
    for (let row = 0; row < batch.rows; row++) scores.push(values[2 * row + 1]!);
    probabilities.dispose();
  }
  return scores;
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
}
