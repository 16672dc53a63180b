/**
 * Whether a second thread pays: texts of 32 tokens through BERT-base in int8, in one isolate and in two at once, each with
 * weights of its own, for that is what servers have. By the clock on the wall, so only on a quiet machine of two cores.
 *
 *     npm run bench -- isolates
 */
import { once } from "node:events";
import { availableParallelism, cpus } from "node:os";
import process from "node:process";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { BertModel, kcbertBase, quantize } from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs";

const tokens = 32;
const rounds = 5;
const forwards = 10; // of a round, in each isolate

if (isMainThread) await compare();
else await answer();

// --- internal ---

async function compare(): Promise<void> {
  console.log(
    `${cpus()[0]!.model.trim()}, ${availableParallelism()} threads, Node ${process.version}, medians of ${rounds}`,
  );
  console.log("\n| isolates | ms a text, each | texts/s, all | against one |\n| ---: | ---: | ---: | ---: |");
  const workers = await Promise.all([start(), start()]);
  const times = new Map<number, number[]>([1, 2].map((count) => [count, []]));
  for (let round = -1; round < rounds; round++) {
    for (const [count, list] of times) {
      const begin = performance.now();
      await Promise.all(workers.slice(0, count).map((worker) => told(worker, "run")));
      if (round >= 0) list.push(performance.now() - begin);
    }
  }
  const rate = new Map([...times].map(([count, list]) => [count, (count * forwards * 1000) / median(list)]));
  for (const [count, textsASecond] of rate) {
    const each = (1000 * count) / textsASecond;
    console.log(
      `| ${count} | ${each.toFixed(1)} | ${textsASecond.toFixed(1)} | ${(textsASecond / rate.get(1)!).toFixed(2)} × |`,
    );
  }
  for (const worker of workers) await worker.terminate();
}

/** An isolate with a model. */
async function start(): Promise<Worker> {
  const execArgv = process.execArgv.filter((flag) => flag !== "--expose-gc"); // not a worker's own
  const worker = new Worker(new URL(import.meta.url), { execArgv, workerData: tokens });
  await told(worker, "load");
  return worker;
}

/** Let an isolate do something, and wait until it has. */
async function told(worker: Worker, what: "load" | "run"): Promise<void> {
  const done = once(worker, "message"); // rejects on an error
  worker.postMessage(what, []);
  await done;
}

async function answer(): Promise<void> {
  const port = parentPort!;
  let model: BertModel | undefined;
  const run = (): void => {
    tf.engine().startScope();
    const ids = Int32Array.from({ length: workerData as number }, (_, i) => (5 + 37 * i) % 1000);
    model!.forward({ inputIds: tf.tensor2d(ids, [1, ids.length], "int32") }).lastHiddenState.dataSync();
    tf.engine().endScope();
  };
  port.on("message", (what: "load" | "run") => {
    void (async () => {
      if (what === "load") {
        await createWasmBackend();
        await tf.setBackend("wasm");
        const floats = BertModel.init({ ...kcbertBase, vocabSize: 1000 }, { seed: 1, pooler: false });
        model = await quantize(floats, "int8");
        floats.dispose();
      } else {
        for (let i = 0; i < forwards; i++) run();
      }
      port.postMessage("done", []);
    })();
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
