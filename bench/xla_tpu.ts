/**
 * The whole pretraining step of BERT-Base and BERT-Large (forward, backward, AdamW; bfloat16) compiled for TPUs that need
 * not be there: what it takes of each core's memory, and what it costs. Compiled, not run.
 *
 * `npm run bench -- xla_tpu`, once `kcbert-cli plugin install tpu` has brought libtpu.
 */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { jit, type PjrtClient, PjrtPlugin, PjrtTopology, registerXlaBackendOn } from "@kcbert/xla";
import * as tf from "@tensorflow/tfjs";
import { findPlugin } from "../apps/cli/src/plugin/find_plugin.ts";
import { hostBatch, type Sizes, training } from "./_masked_lm.ts";

const CORES = 8;
const TOPOLOGIES = ["v3:2x2", "v5e:2x4", "v6e:2x4"];
const shape = { vocab: 30_000, positions: 300, length: 128, batch: 256, masked: 256 * 20, dropout: 0.1 };
const MODELS: Readonly<Record<string, Sizes>> = {
  "BERT-Base": { ...shape, layers: 12, hidden: 768, heads: 12 },
  "BERT-Large": { ...shape, layers: 24, hidden: 1024, heads: 16 },
};

const HEAD = [
  "| model | topology | device | peak memory a core, GiB | arguments | temporary | TFLOP a core | compiled in, s |",
  "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |",
].join("\n");

const [model, topology] = process.argv.slice(2);
if (topology !== undefined) {
  console.log(await compile(model!, topology));
  process.kill(process.pid, "SIGKILL"); // libtpu hangs when its process ends by itself
}
console.log(HEAD);
for (const name of Object.keys(MODELS)) for (const place of TOPOLOGIES) compileApart(name, place);

/** Compile in a process of its own, which prints a line of the table. */
function compileApart(name: string, place: string): void {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [...process.execArgv, import.meta.filename, name, place],
    {
      encoding: "utf8",
      // libtpu looks for a TPU at Google's, and for others who use one here.
      env: {
        ...process.env,
        TPU_SKIP_MDS_QUERY: "1",
        TPU_ACCELERATOR_TYPE: "v3-8",
        TPU_WORKER_HOSTNAMES: "localhost",
        ALLOW_MULTIPLE_LIBTPU_LOAD: "1",
      },
    },
  );
  const row = stdout.trim().split("\n").at(-1);
  console.log(row?.startsWith("|") ? row : `| ${name} | ${place} | ${stderr.trim().split("\n").at(-1)} |`);
}

async function compile(name: string, place: string): Promise<string> {
  const plugin = await PjrtPlugin.load(findPlugin("tpu").path);
  const topology = PjrtTopology.create(plugin, place);
  const text = await recordStep(MODELS[name]!);
  const start = performance.now();
  const head = [name, place, topology.devices[0]!.kind];
  try {
    const { memory, cost } = await topology.compile(text, { partitions: CORES });
    const seconds = ((performance.now() - start) / 1000).toFixed(0);
    const gib = (bytes = 0) => (bytes / 2 ** 30).toFixed(2);
    const flops = ((cost?.flops ?? 0) / 1e12).toFixed(2);
    const figures = [gib(memory?.peak), gib(memory?.arguments), gib(memory?.temporary), flops, seconds];
    return `| ${[...head, ...figures].join(" | ")} |`;
  } catch (error) {
    return `| ${[...head, error instanceof Error ? error.message : ""].join(" | ")} |`;
  }
}

/** The program that `jit` makes of a training step; recording touches no device. */
async function recordStep(sizes: Sizes): Promise<string> {
  registerXlaBackendOn({ platform: "tpu", devices: [] } as unknown as PjrtClient);
  await tf.setBackend("xla");
  let text = "";
  const { take } = training(sizes, (fn) => {
    const jitted = jit(fn, { precision: "bf16", mesh: { data: CORES } });
    return (...inputs) => {
      text = jitted.lower(...inputs);
      return [tf.scalar(0), tf.scalar(0)]; // a loss and a norm that nobody reads
    };
  });
  take(hostBatch(sizes, 0), 1);
  return text;
}
