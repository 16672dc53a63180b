/**
 * What a training step saves: comments packed into rows against one comment a row, and the masked places gathered before
 * the head against a head over all places; the same model, the same tokens, in one run, by turns. Then how fast masked,
 * packed batches come, and what the optimiser takes of a step. One thread, backend wasm.
 *
 * Input: the shipped sample, cleaned, 8,000 tokens. Model: 2 layers of 128, rows of 64 tokens, batches of about 500
 * tokens, 15 % masked.
 */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { gunzipSync } from "node:zlib";
import { BertForMaskedLM, kcbertBase } from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import { clean } from "@kcbert/normalizer";
import { BertTokenizer, trainWordPiece } from "@kcbert/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { masked, uploadBatch } from "../packages/trainer/src/_masked_lm_inputs.ts";
import {
  adamW,
  type Batch,
  cutBatch,
  IGNORED_LABEL,
  lineCount,
  type MaskedBatch,
  maskTokens,
  packLines,
  specialIdsOf,
  type TokenizedLines,
} from "@kcbert/trainer";

const rounds = 5; // timed, after one of warming up
const steps = 4; // in a round
const rowLength = 64;
const rows = 8;

const sample = gunzipSync(readFileSync(new URL("../examples/data/reviews.sample.tsv.gz", import.meta.url)));
const texts = Array.from(sample.toString().trimEnd().split("\n"), (row) => clean(row.split("\t")[2]!)).filter(
  (text) => text.length >= 10,
);
const { tokens: vocab } = await trainWordPiece(texts, { vocabSize: 8000, limitAlphabet: 1500 });
const tokenizer = BertTokenizer.fromVocab(vocab);
const lines: TokenizedLines = tokenizer.encodeBatch(texts);
const masking = {
  seed: 1,
  maskId: tokenizer.maskId,
  specialIds: specialIdsOf(tokenizer),
  vocabSize: tokenizer.vocabSize,
};

tf.enableProdMode();
await createWasmBackend();
await tf.setBackend("wasm");
const model = BertForMaskedLM.init(
  {
    ...kcbertBase,
    vocabSize: tokenizer.vocabSize,
    hiddenSize: 128,
    numHiddenLayers: 2,
    numAttentionHeads: 2,
    intermediateSize: 512,
    hiddenDropoutProb: 0,
    attentionProbsDropoutProb: 0,
    maxPositionEmbeddings: rowLength,
  },
  { seed: 1 },
);
const optimizer = adamW(model.parameters);
const packed = packLines(lines, { rowLength, seed: 1, epoch: 0 });

const peers: Record<string, (step: number) => MaskedBatch> = {
  "packed, masked places gathered": (step) => maskTokens(packedRows(step), { ...masking, step }),
  "one comment a row": (step) => maskTokens(onePerRow(step), { ...masking, step }),
  "head over all places": (step) => everywhere(maskTokens(packedRows(step), { ...masking, step })),
};
const seconds: Record<string, number[]> = {};
const optimizerSeconds: number[] = [];
for (let round = -1; round < rounds; round++) {
  for (const [name, batchOf] of Object.entries(peers)) {
    const start = performance.now();
    let [tokens, updating] = [0, 0];
    for (let step = 0; step < steps; step++) {
      const batch = batchOf(steps * (round + 1) + step);
      updating += takeStep(batch, step);
      tokens += batch.tokens;
    }
    const taken = (performance.now() - start) / 1000;
    if (round >= 0) (seconds[name] ??= []).push(taken / tokens);
    if (round >= 0 && name.startsWith("packed")) optimizerSeconds.push(updating / taken);
  }
}

const best = median(seconds["packed, masked places gathered"]!);
console.log(`Node ${process.versions.node}, ${cpus()[0]?.model}, one thread\n`);
console.log("| a step | tokens/s | times the first's seconds |\n| --- | ---: | ---: |");
for (const [name, times] of Object.entries(seconds)) {
  const typical = median(times);
  console.log(`| ${name} | ${(1 / typical).toFixed(0)} | ${(typical / best).toFixed(2)} |`);
}
const filled = lines.ids.length / ((packed.starts.length - 1) * rowLength);
const alone = lines.ids.length / (lineCount(lines) * rowLength);
console.log(`\nPadding: ${percent(1 - filled)} packed, ${percent(1 - alone)} with one comment a row`);
console.log(`Optimiser: ${percent(median(optimizerSeconds))} of a step`);
console.log(`Batches, packed and masked: ${(median(loaderSpeeds()) / 1e6).toFixed(1)} million tokens/s`);

// --- internal ---

function packedRows(step: number): Batch {
  return cutBatch(lines, packed, { first: step * rows, count: rows, rowLength, padId: tokenizer.padId });
}

/** As many tokens as eight packed rows have, padding not counted, each comment in a row of its own. */
function onePerRow(step: number): Batch {
  const count = Math.round((rows * filledRow()) / (lines.ids.length / lineCount(lines)));
  const all = lineCount(lines);
  const own = {
    lines: Int32Array.from({ length: all }, (_, i) => i),
    starts: Int32Array.from({ length: all + 1 }, (_, i) => i),
  };
  return cutBatch(lines, own, { first: step * count, count, rowLength, padId: tokenizer.padId });
}

function filledRow(): number {
  return lines.ids.length / (packed.starts.length - 1);
}

/** The same predictions, but every place goes through the head. */
function everywhere(batch: MaskedBatch): MaskedBatch {
  const size = batch.inputIds.length;
  const labels = new Int32Array(size).fill(IGNORED_LABEL);
  for (let i = 0; i < batch.predictions; i++) labels[batch.maskedPositions[i]!] = batch.labels[i]!;
  return { ...batch, labels, maskedPositions: Int32Array.from({ length: size }, (_, i) => i) };
}

/** Take a step; gives the seconds that the optimiser took. */
function takeStep(batch: MaskedBatch, step: number): number {
  return tf.tidy(() => {
    const { inputs, labels, maskedPositions } = masked(uploadBatch(batch));
    const loss = () => model.loss(inputs, labels, { maskedPositions, dropout: { seed: 1, step } });
    const { value, grads } = tf.variableGrads(loss, [...model.parameters.values()]);
    value.dataSync();
    const start = performance.now();
    const gradients = new Map(Array.from(model.parameters, ([key, { name }]) => [key, grads[name]!]));
    optimizer.update(gradients, tf.tensor1d(optimizer.scalars(1e-4, step))).dataSync();
    return (performance.now() - start) / 1000;
  });
}

function loaderSpeeds(): number[] {
  return Array.from({ length: rounds }, (_, epoch) => {
    const start = performance.now();
    const again = packLines(lines, { rowLength, seed: 1, epoch });
    let tokens = 0;
    for (let first = 0; first < again.starts.length - 1; first += 32) {
      const batch = cutBatch(lines, again, { first, count: 32, rowLength, padId: tokenizer.padId });
      tokens += maskTokens(batch, { ...masking, step: first }).tokens;
    }
    return (tokens / (performance.now() - start)) * 1000;
  });
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

function percent(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}
