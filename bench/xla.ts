/**
 * The mini-step on XLA's CPU, beside JAX with the same maths, by turns on the same machine: 4 layers of 256, 4 heads, 8,000
 * words, 32 rows of 64 tokens, 10 masked places a row, AdamW, no dropout; and the seconds to compile it, and to load it as the
 * cache does. Then what JavaScript takes of a step of BERT-Base, and how far losses and weights are from TensorFlow.js's own backend, in 20 steps.
 *
 *     KCBERT_PYTHON=python3 taskset -c 0,1 npm run bench -- xla
 *
 * It needs a CPU plugin (`kcbert-cli plugin install cpu`); JAX's row is left out where Python has none.
 */
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { join } from "node:path";
import { createWasmBackend } from "@kcbert/kernels";
import { type CompiledProgram, jit, type Precision, registerXlaBackendOn } from "@kcbert/xla";
import * as tf from "@tensorflow/tfjs";
import { findPlugin } from "../apps/cli/src/plugin/find_plugin.ts";
import { openClient } from "../apps/cli/src/plugin/open_client.ts";
import { hostBatch, median, type Sizes, training } from "./_masked_lm.ts";

const MINI: Sizes = {
  layers: 4,
  hidden: 256,
  heads: 4,
  vocab: 8000,
  positions: 64,
  length: 64,
  batch: 32,
  masked: 320,
};
const ROUNDS = 5;
const STEPS = 10;

tf.enableProdMode();
const client = await openClient(findPlugin("cpu"), { cache: false });
registerXlaBackendOn(client);
await tf.setBackend("xla");
console.log(`Node ${process.versions.node}, ${cpus()[0]?.model}, ${cpus().length} threads\n`);

await speed();
await overhead();
await numerics();

// --- internal ---

async function speed(): Promise<void> {
  const python = process.env["KCBERT_PYTHON"];
  const tokens = MINI.batch * MINI.length;
  console.log("| mini-step | tokens/s | × JAX, same precision | compiling, s | from the cache, s |");
  console.log("| --- | ---: | ---: | ---: | ---: |");
  for (const precision of ["fp32", "bf16"] as const) {
    const ours = await stepper(MINI, precision);
    const own: number[] = [];
    const peer: JaxRun[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      own.push(await ours.msPerStep(STEPS));
      if (python !== undefined) peer.push(jax(python, precision));
    }
    const jaxMs = median(peer.map(({ msPerStep }) => msPerStep));
    const ratio = peer.length === 0 ? "" : (jaxMs / median(own)).toFixed(2);
    const rate = (ms: number) => Math.round((tokens * 1000) / ms);
    const compiling = (ours.program.compileMs / 1000).toFixed(1);
    const loading = (await loadingSeconds(ours.program)).toFixed(2);
    console.log(
      `| XLA from TypeScript, ${precision} | ${rate(median(own))} | ${ratio} | ${compiling} | ${loading} |`,
    );
    const jaxCompiling = median(peer.map(({ compileSeconds }) => compileSeconds));
    if (peer.length > 0)
      console.log(`| JAX, ${precision} | ${rate(jaxMs)} | 1 | ${jaxCompiling.toFixed(1)} | |`);
    ours.dispose();
  }
}

interface JaxRun {
  readonly msPerStep: number;
  readonly compileSeconds: number;
}

/** A process of its own: it compiles, warms up, and times as many steps as a round of ours. */
function jax(python: string, precision: Precision): JaxRun {
  const { layers, hidden, heads, vocab, positions, length, batch, masked } = MINI;
  const numbers = Object.entries({
    layers,
    hidden,
    heads,
    vocab,
    positions,
    length,
    batch,
    masked,
    steps: STEPS,
  });
  const args = numbers.flatMap(([name, value]) => [`--${name}`, String(value)]);
  const script = join(import.meta.dirname, "peers/jax_bert.py");
  const output = execFileSync(python, [script, ...args, "--precision", precision], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return JSON.parse(output.trim().split("\n").at(-1)!) as JaxRun;
}

/** What the next process waits for. */
async function loadingSeconds({ executable, text }: CompiledProgram): Promise<number> {
  const bytes = executable.serialize();
  const begin = performance.now();
  (await client.load(bytes, text)).dispose();
  return (performance.now() - begin) / 1000;
}

async function stepper(sizes: Sizes, precision: Precision) {
  const programs: CompiledProgram[] = [];
  const onCompile = (program: CompiledProgram) => programs.push(program);
  const train = training(sizes, (fn) => jit(fn, { precision, onCompile }));
  const host = Array.from({ length: 8 }, (_, i) => hostBatch(sizes, i));
  let index = 0;
  const step = async (): Promise<number> => {
    const { loss, gradNorm } = train.take(host[index % 8]!, index++);
    const [value] = await loss.data();
    tf.dispose([loss, gradNorm]);
    return value!;
  };
  for (let i = 0; i < 3; i++) await step();
  return {
    program: programs[0]!,
    msPerStep: async (steps: number) => {
      const begin = performance.now();
      for (let i = 0; i < steps; i++) await step();
      return (performance.now() - begin) / steps;
    },
    dispose: () => train.dispose(),
  };
}

/**
 * What JavaScript takes of a step with as many variables as BERT-Base has, but small ones: the time of a call, without that
 * which the program itself runs, which a processor does within the call.
 */
async function overhead(): Promise<void> {
  const sizes: Sizes = { layers: 12, hidden: 12, heads: 12, vocab: 32, positions: 8, length: 8, batch: 1 };
  const train = training(sizes, (fn) => jit(fn));
  const batch = hostBatch(sizes, 0);
  let running = 0;
  const call = client.plugin.call.bind(client.plugin);
  client.plugin.call = (name, args, doing) => {
    const begin = performance.now();
    call(name, args, doing);
    if (name === "LoadedExecutable_Execute") running += performance.now() - begin;
  };
  const own: number[] = [];
  for (let i = 0; i < 220; i++) {
    running = 0;
    const begin = performance.now();
    const { loss, gradNorm } = train.take(batch, i);
    const taken = performance.now() - begin - running;
    await loss.data();
    tf.dispose([loss, gradNorm]);
    if (i >= 20) own.push(taken); // the first ones compile and warm up
  }
  const variables = 3 * train.model.parameters.size;
  console.log(
    `\nJavaScript takes ${median(own).toFixed(2)} ms of a step with ${variables} variables, as BERT-Base has (median of ${own.length})`,
  );
  train.dispose();
}

/** Largest differences from the WASM backend after 20 steps. */
async function numerics(): Promise<void> {
  const run = async (backend: string, precision?: Precision) => {
    if (backend === "wasm") await createWasmBackend();
    await tf.setBackend(backend);
    const train = training(MINI, precision === undefined ? (fn) => fn : (fn) => jit(fn, { precision }));
    const losses: number[] = [];
    for (let i = 0; i < 20; i++) {
      const { loss, gradNorm } = train.take(hostBatch(MINI, i % 8), i);
      losses.push((await loss.data())[0]!);
      tf.dispose([loss, gradNorm]);
    }
    const weights = await Promise.all(Array.from(train.model.parameters.values(), (weight) => weight.data()));
    train.dispose();
    return { losses, weights };
  };
  const expected = await run("wasm");
  console.log(
    "\n| 20 steps of the mini-step against the backend wasm | largest difference of losses | of weights |",
  );
  console.log("| --- | ---: | ---: |");
  for (const precision of ["fp32", "bf16"] as const) {
    const actual = await run("xla", precision);
    const losses = farthest(actual.losses, expected.losses);
    const weights = Math.max(...actual.weights.map((each, i) => farthest(each, expected.weights[i]!)));
    console.log(`| ${precision} | ${losses.toExponential(1)} | ${weights.toExponential(1)} |`);
  }
}

function farthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
}
