/**
 * What quantisation keeps: a trained masked language model in fp32, int8 and int4 over real comments. Size on disk, cosine of
 * the logits, and how often the first choice for a masked token is the same, and is right.
 *
 * Model: the folder that `KCBERT_MODEL` names (one that `kcbert-cli pretrain` wrote), by default `.kcbert/start/model`.
 * Input: every hundredth comment of the shipped sample, cleaned if the model was, one token of each masked, in turn at each
 * place.
 */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import process from "node:process";
import { gunzipSync } from "node:zlib";
import { BertForMaskedLM, type PretrainedSource, quantize } from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import { clean } from "@kcbert/normalizer";
import { BertTokenizer } from "@kcbert/tokenizer";
import * as tf from "@tensorflow/tfjs";

const started = new URL("../.kcbert/start/model", import.meta.url).pathname;
const folder = resolve(process.env["INIT_CWD"] ?? "", process.env["KCBERT_MODEL"] ?? started);
const sample = new URL("../examples/data/reviews.sample.tsv.gz", import.meta.url);

await createWasmBackend();
await tf.setBackend("wasm");
const source: PretrainedSource = (name) => readFile(join(folder, name)).catch(() => undefined);
const model = await BertForMaskedLM.fromPretrained(source);
const tokenizer = BertTokenizer.fromJson(readFileSync(join(folder, "tokenizer.json"), "utf8"));
const rows = maskedRows();

interface Row {
  inputIds: Int32Array;
  place: number;
  answer: number;
}

/** The logits at each masked place. */
function predict(model: BertForMaskedLM): Float32Array[] {
  return rows.map(({ inputIds, place }) =>
    tf.tidy(() => {
      const ids = tf.tensor2d(inputIds, [1, inputIds.length], "int32");
      const { logits } = model.forward({ inputIds: ids }, { maskedPositions: tf.tensor1d([place], "int32") });
      return logits.dataSync() as Float32Array;
    }),
  );
}

const original = await describe(model);
const table = [{ weights: "fp32", ...original.row }];
for (const [kind, groupSize] of [
  ["int8", 32],
  ["int4", 32],
  ["int4", 64],
] as const) {
  const small = await quantize(model, kind, { groupSize });
  const { row } = await describe(small, original.logits);
  table.push({ weights: kind === "int8" ? kind : `${kind}, groups of ${groupSize}`, ...row });
  small.dispose();
}
console.log(`${rows.length} masked comments`);
console.table(table);

async function describe(model: BertForMaskedLM, reference?: Float32Array[]) {
  const logits = predict(model);
  const compared = reference ?? logits;
  const share = (count: number): string => `${((100 * count) / rows.length).toFixed(1)} %`;
  const cosines = logits.map((values, i) => cosine(values, compared[i]!)).sort((a, b) => a - b);
  const row = {
    megabytes: ((await sizeOf(model)) / 1e6).toFixed(2),
    "cosine, mean": (cosines.reduce((sum, value) => sum + value, 0) / cosines.length).toFixed(5),
    "cosine, least": cosines[0]!.toFixed(5),
    "first choice as fp32": share(logits.filter((values, i) => first(values) === first(compared[i]!)).length),
    "different first choices": new Set(logits.map(first)).size,
    "first choice right": share(logits.filter((values, i) => first(values) === rows[i]!.answer).length),
  };
  return { logits, row };
}

/** Bytes of the weight file. */
async function sizeOf(model: BertForMaskedLM): Promise<number> {
  let size = 0;
  await model.save(async (name, bytes) => {
    if (name.endsWith(".safetensors")) size += bytes.length;
  });
  return size;
}

function maskedRows(): Row[] {
  const comments = gunzipSync(readFileSync(sample)).toString("utf8").trimEnd().split("\n");
  const found: Row[] = [];
  for (let i = 0; i < comments.length; i += 100) {
    const text = comments[i]!.split("\t")[2]!;
    const { ids } = tokenizer.encode(typeof model.config.clean === "string" ? clean(text) : text, {
      maxLength: model.config.maxPositionEmbeddings,
      truncation: "longest_first",
    });
    if (ids.length < 5) continue; // too short to guess from
    const place = 1 + (found.length % (ids.length - 2));
    const inputIds = Int32Array.from(ids);
    inputIds[place] = tokenizer.maskId;
    found.push({ inputIds, place, answer: ids[place]! });
  }
  return found;
}

function first(values: Float32Array): number {
  return values.indexOf(values.reduce((most, value) => Math.max(most, value)));
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! * a[i]!;
    bb += b[i]! * b[i]!;
  }
  return dot / Math.sqrt(aa * bb);
}
