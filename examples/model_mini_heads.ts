import { createWasmBackend } from "@kcbert/kernels";
import { modelMiniHeads } from "@kcbert/model-mini-heads";
import { loadClassifyText, loadSentenceSimilarity } from "@kcbert/pipelines";
import * as tf from "@tensorflow/tfjs-core";

await createWasmBackend();
await tf.setBackend("wasm");

const hate = await loadClassifyText(modelMiniHeads({ head: "hate" }));
for (const comment of ["쓰레기 같은 놈들 다 꺼져라", "오늘 무대 정말 좋았어요"]) {
  const labels = await hate.run(comment);
  console.log(comment, labels[0].label, labels[0].score.toFixed(2), hate.isUnsure(labels) ? "(unsure)" : "");
}

const near = await loadSentenceSimilarity(modelMiniHeads({ head: "embedding" }));
const sentences = ["음악이 너무 좋았어요", "비가 많이 온다", "노래가 아주 훌륭했다"];
const alike = await near.run({ sourceSentence: "노래가 정말 마음에 들어요", sentences });
console.log(alike.map((cosine, i) => `${cosine.toFixed(2)} ${sentences[i]}`).join("\n"));
