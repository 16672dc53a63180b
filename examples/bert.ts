import { BertForMaskedLM, kcbertBase } from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs-core";

await createWasmBackend(); // TensorFlow.js's WASM backend; any other will do
await tf.setBackend("wasm");

// A folder of Hugging Face: BertForMaskedLM.fromPretrained((name) => readFile(`kcbert-base/${name}`)).
const small = {
  vocabSize: 1000,
  hiddenSize: 64,
  numHiddenLayers: 2,
  numAttentionHeads: 2,
  intermediateSize: 256,
};
const model = BertForMaskedLM.init({ ...kcbertBase, ...small }, { seed: 1 });

const inputIds = tf.tensor2d([[2, 10, 4, 3]], [1, 4], "int32"); // [CLS] … [MASK] [SEP]
const { logits } = model.forward({ inputIds });
console.log(logits.shape.join(" × ")); // 1 × 4 × 1000

// The files that Python's AutoModelForMaskedLM.from_pretrained opens.
const names: string[] = [];
await model.save(async (name) => void names.push(name));
console.log(names.join(", ")); // model.safetensors, config.json
