import {
  BertForMaskedLM,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
  type BertClass,
  BertModel,
  BertPreTrainedModel,
  parseBertConfig,
} from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import { BertTokenizer } from "@kcbert/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ModelVersion } from "../models.ts";

/** The files of a model folder by name. */
export type Files = ReadonlyMap<string, Uint8Array>;

const vocabulary = [
  ..."[PAD] [UNK] [CLS] [SEP] [MASK] . , ! ? ㅋㅋ ㅠㅠ 👍".split(" "),
  ..."오늘 영화 정말 진짜 재밌다 재밌 최고 배우 배우들 연기 연기가 좋았다 너무 시간 낭비 또 보고 싶다".split(
    " ",
  ),
  ..."##다 ##들 ##가 ##요 ##의 ##어 ##이".split(" "),
];

/** Boot the backend that the server uses. */
export async function startBackend(): Promise<void> {
  await createWasmBackend();
  await tf.setBackend("wasm");
}

/** The heads that a very small BERT may have. */
const heads = {
  "fill-mask": BertForMaskedLM,
  "text-classification": BertForSequenceClassification,
  "token-classification": BertForTokenClassification,
  "question-answering": BertForQuestionAnswering,
  "feature-extraction": BertModel,
};

/** A very small BERT with a masked-LM head, from `seed`. */
export function tinyModel(seed: number): Promise<Files> {
  return tinyModelFor("fill-mask", seed);
}

/** A very small BERT, whole: config, tokenizer and weights from `seed`, trained on cleaned text as far as it says. */
export async function tinyModelFor(
  task: keyof typeof heads,
  seed: number,
  labels: readonly string[] = ["LABEL_0", "LABEL_1"],
  options: { positions?: number } = {},
): Promise<Files> {
  await startBackend();
  const files = new Map<string, Uint8Array>();
  const config = parseBertConfig(
    JSON.stringify({
      vocab_size: vocabulary.length,
      hidden_size: 16,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      intermediate_size: 32,
      max_position_embeddings: options.positions ?? 40,
      initializer_range: 0.5,
      id2label: Object.fromEntries(labels.entries()),
    }),
  );
  const Model = heads[task] as BertClass<BertPreTrainedModel>;
  const model = BertPreTrainedModel.init.call(Model, config, { seed }) as BertPreTrainedModel;
  await model.save(async (name, bytes) => void files.set(name, bytes.slice()));
  model.dispose();
  const tokenizer = BertTokenizer.fromVocab(vocabulary);
  const encoder = new TextEncoder();
  files.set("vocab.txt", encoder.encode(tokenizer.vocabText()));
  files.set("tokenizer.json", encoder.encode(tokenizer.toJson()));
  const json = JSON.parse(new TextDecoder().decode(files.get("config.json")));
  files.set("config.json", encoder.encode(JSON.stringify({ ...json, kcbert: { clean: "2021" } })));
  return files;
}

/** A state of a model whose folder is in memory. */
export function versionOf(
  files: Files,
  revision: string,
  state: ModelVersion["state"] = "final",
): ModelVersion {
  const step = state === "final" ? null : Number(/\d+/.exec(revision)?.[0] ?? 0);
  return { revision, state, step, source: async (name) => files.get(name) };
}

/** Write a folder as a trainer does: aside first, then under its name at once. */
export async function writeFolder(folder: string, files: Files): Promise<void> {
  const aside = `${folder}.tmp`;
  await mkdir(aside, { recursive: true });
  for (const [name, bytes] of files) await writeFile(join(aside, name), bytes);
  await mkdir(dirname(folder), { recursive: true });
  await rename(aside, folder);
}
