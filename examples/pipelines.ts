import { BertForSequenceClassification, BertForTokenClassification, kcbertBase } from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import { analyze } from "@kcbert/pipelines";
import { BertTokenizer } from "@kcbert/tokenizer";
import * as tf from "@tensorflow/tfjs-core";

await createWasmBackend();
await tf.setBackend("wasm");

// Untrained here; from folders: loadAnalyze({ labels: { mood: source }, spans: { names: source } }).
const vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "영화", "최고", "ㅋㅋ"];
const small = {
  ...kcbertBase,
  vocabSize: 8,
  hiddenSize: 64,
  numHiddenLayers: 2,
  numAttentionHeads: 2,
  clean: "2021",
};
const mood = BertForSequenceClassification.init({ ...small, id2label: ["나쁨", "좋음"] }, { seed: 1 });
const names = BertForTokenClassification.init({ ...small, id2label: ["B-말", "B-글"] }, { seed: 1 });
const tokenizer = BertTokenizer.fromVocab(vocab);

const comment = "★영화★★ 최고 ㅋㅋㅋㅋㅋ👍🏽";
const found = await analyze({ labels: { mood }, spans: { names } }, tokenizer, comment);
console.log(found.text); // 영화 최고 ㅋㅋ👍🏽
console.log(found.labels.mood[0].label); // e.g. 좋음
console.log(found.spans.names.map(({ start, end }) => comment.slice(start, end)).join(" | ")); // 영화 | 최고 | ㅋㅋㅋㅋㅋ👍🏽
