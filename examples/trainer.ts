import { BertForMaskedLM, kcbertBase } from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import { fillMask } from "@kcbert/pipelines";
import { BertTokenizer, trainWordPiece } from "@kcbert/tokenizer";
import { holdOut, pretrain } from "@kcbert/trainer";
import * as tf from "@tensorflow/tfjs-core";

await createWasmBackend();
await tf.setBackend("wasm");

const comments = Array.from(
  { length: 200 },
  (_, i) => `${i % 2 ? "정말 재밌는" : "너무 지루한"} 영화 ${i % 10}번 봄`,
);
const { tokens } = await trainWordPiece(comments, { vocabSize: 80 });
const tokenizer = BertTokenizer.fromVocab(tokens);
const data = holdOut(tokenizer.encodeBatch(comments), 20, 1);

const small = {
  hiddenSize: 32,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  intermediateSize: 64,
  hiddenDropoutProb: 0,
};
const model = BertForMaskedLM.init({ ...kcbertBase, ...small, vocabSize: tokenizer.vocabSize }, { seed: 1 });

const options = { tokenizer, maxSteps: 60, batchSize: 8, rowLength: 32, learningRate: 1e-2, evaluations: 1 };
for await (const event of pretrain(model, data, options)) {
  if (event.event === "end") console.log(event.evalLoss < event.unigramLoss); // true
}

const [best] = await fillMask(model, tokenizer, "정말 [MASK] 영화 3번 봄", { topK: 1 });
console.log(JSON.stringify(best)); // e.g. {"score":0.578,"token":42,"tokenStr":"재밌는","sequence":"정말 재밌는 영화 3번 봄"}
