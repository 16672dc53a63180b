import { jit, registerXlaBackendOn } from "@kcbert/xla";
import * as tf from "@tensorflow/tfjs";
import { findPlugin } from "../apps/cli/src/plugin/find_plugin.ts";
import { openClient } from "../apps/cli/src/plugin/open_client.ts";
import { hostBatch, type Sizes, training } from "./_masked_lm.ts";
const MINI: Sizes = { layers: 4, hidden: 256, heads: 4, vocab: 8000, positions: 64, length: 64, batch: 32, masked: 320 };
const client = await openClient(findPlugin("cpu"), { cache: process.argv[2] === "cache" });
registerXlaBackendOn(client);
await tf.setBackend("xla");
tf.enableProdMode();
const train = training(MINI, (fn) => jit(fn, { precision: "fp32", onCompile: (p) => console.log(process.argv[2], p.executable.source, p.compileMs | 0) }));
for (let i = 0; i < 10; i++) {
  const { loss, gradNorm } = train.take(hostBatch(MINI, i % 8), i);
  console.log(process.argv[2], i, (await loss.data())[0]!, (await gradNorm.data())[0]!);
  tf.dispose([loss, gradNorm]);
}
