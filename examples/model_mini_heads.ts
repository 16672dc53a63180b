import { createWasmBackend } from "@kcbert/kernels";
import { modelMiniHeads } from "@kcbert/model-mini-heads";
import { loadClassifyText, loadSentenceSimilarity } from "@kcbert/pipelines";
import * as tf from "@tensorflow/tfjs-core";

await createWasmBackend();
await tf.setBackend("wasm");

const hate = await loadClassifyText(modelMiniHeads({ head: "hate" }));
const labels = await hate.run("쓰레기 같은 놈들 다 꺼져라");
console.log(labels[0].label, hate.isUnsure(labels)); // hate false

const near = await loadSentenceSimilarity(modelMiniHeads({ head: "embedding" }));
const sentences = ["음악이 너무 좋았어요", "비가 많이 온다"];
const cosines = await near.run({ sourceSentence: "노래가 정말 마음에 들어요", sentences });
console.log(cosines.map((cosine) => cosine.toFixed(1)).join(" ")); // 0.8 0.2
