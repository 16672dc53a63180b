/**
 * The models of `edge.ts`: a classifier with random weights three times, in fp32 and int8 for us and as ONNX for the peer, with the
 * geometry and the tokenizer of the folder `KCBERT_MODEL`, else 4 layers of 256 and KcBERT's 30,000 tokens.
 */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import {
  type BertConfig,
  BertForSequenceClassification,
  kcbertBase,
  parseBertConfig,
  quantize,
} from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import { BertTokenizer } from "@kcbert/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { onnxOfClassifier } from "./_onnx.ts";

/** Write the folders `fp32` and `int8` into `root`. */
export async function writeModels(root: string): Promise<{ fp32: string; int8: string }> {
  await createWasmBackend();
  await tf.setBackend("wasm");
  const [fp32, int8] = [join(root, "fp32"), join(root, "int8")];
  const given = process.env["KCBERT_MODEL"];
  const model = BertForSequenceClassification.init(
    { ...configOf(given), numLabels: 2, id2label: undefined },
    { seed: 1 },
  );
  mkdirSync(join(fp32, "onnx"), { recursive: true });
  mkdirSync(int8);
  await model.save(async (name, bytes) => writeFileSync(join(fp32, name), bytes));
  writeFileSync(join(fp32, "onnx", "model.onnx"), onnxOfClassifier(model));
  writeFileSync(join(fp32, "tokenizer.json"), tokenizerOf(given).toJson());
  writeFileSync(
    join(fp32, "tokenizer_config.json"),
    JSON.stringify({ tokenizer_class: "BertTokenizer", model_max_length: 300 }),
  );
  const quantized = await quantize(model, "int8");
  await quantized.save(async (name, bytes) => writeFileSync(join(int8, name), bytes));
  cpSync(join(fp32, "tokenizer.json"), join(int8, "tokenizer.json"));
  return { fp32, int8 };
}

// --- internal ---

function configOf(given: string | undefined): BertConfig {
  const sizes = { hiddenSize: 256, numHiddenLayers: 4, numAttentionHeads: 4, intermediateSize: 1024 };
  if (given === undefined) return { ...kcbertBase, ...sizes };
  // Its sizes alone: how its weights lie in their file is nothing to those that are made here.
  const { extra: _, ...config } = parseBertConfig(readFileSync(join(given, "config.json"), "utf8"));
  return { ...config, clean: null };
}

function tokenizerOf(given: string | undefined): BertTokenizer {
  if (given !== undefined) return BertTokenizer.fromJson(readFileSync(join(given, "tokenizer.json"), "utf8"));
  const vocab = join(import.meta.dirname, "../tests/golden/tokenizer/kcbert.vocab.txt");
  return BertTokenizer.fromVocab(readFileSync(vocab, "utf8"));
}
