import { createWasmBackend } from "@kcbert/kernels";
import { modelMini } from "@kcbert/model-mini";
import { loadClassifyText, loadFillMask } from "@kcbert/pipelines";
import * as tf from "@tensorflow/tfjs-core";

await createWasmBackend();
await tf.setBackend("wasm");

const sentiment = await loadClassifyText(modelMini());
const [{ label, score }] = await sentiment.run("진짜 재밌다ㅋㅋㅋㅋ 또 보고 싶다 👍");
console.log(label, score.toFixed(1)); // positive 1.0

const gaps = await loadFillMask(modelMini());
const [best] = await gaps.run("정말 [MASK] 싶은 영화", { topK: 1 });
console.log(JSON.stringify(best)); // e.g. {"score":0.74,"token":7938,"tokenStr":"추천하고","sequence":"정말 추천하고 싶은 영화"}
