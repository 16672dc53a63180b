/**
 * BERT-Base by masked words on one GPU: tokens a second, the part of the card's arithmetic that is used, and seconds to
 * compile and to load from the cache; beside JAX and PyTorch with the same maths, one after another. `xla_curves.ts` lays the
 * losses beside JAX's.
 *
 *     npm run bench -- xla_h100
 *
 * On a machine that has Python with JAX's CUDA plugin, but no npm, it takes one file, `peers/`, `node_modules/koffi` with
 * `node_modules/@koromix/koffi-linux-x64` beside it, and the binary of Node:
 *
 *     npx esbuild bench/xla_h100.ts --bundle --platform=node --format=esm --conditions=@kcbert/source --external:koffi \
 *       --banner:js="import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" \
 *       --outfile=xla_h100.mjs
 *     node xla_h100.mjs --platform cuda --batches 256,512 --peers jax,torch --out xla_h100.json
 *
 * With `--platform cpu --size tiny` it rehearses all of it on a processor.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { jit, type CompiledProgram, type Precision, registerXlaBackendOn } from "@kcbert/xla";
import * as tf from "@tensorflow/tfjs-core";
import { findPlugin } from "../apps/cli/src/plugin/find_plugin.ts";
import { openClient } from "../apps/cli/src/plugin/open_client.ts";
import { flopsPerStep, hostBatch, median, type Sizes, training } from "./_masked_lm.ts";

const { values: flags } = parseArgs({
  options: {
    platform: { type: "string", default: "cuda" },
    size: { type: "string", default: "base" },
    batches: { type: "string", default: "256" },
    precision: { type: "string", default: "bf16" },
    dropout: { type: "string", default: "0" },
    steps: { type: "string", default: "30" },
    peers: { type: "string", default: "" },
    python: { type: "string", default: process.env["KCBERT_PYTHON"] ?? "python3" },
    scripts: { type: "string", default: join(import.meta.dirname, "peers") },
    out: { type: "string", default: "" },
    dump: { type: "string", default: "" },
    peak: { type: "string", default: "989e12" },
  },
});

const SIZES: Record<string, Omit<Sizes, "batch">> = {
  base: { layers: 12, hidden: 768, heads: 12, vocab: 30000, positions: 300, length: 128 },
  tiny: { layers: 2, hidden: 64, heads: 2, vocab: 500, positions: 32, length: 32 },
};
const WARM_UP = 3;
const IN_FLIGHT = 2;

const results: Record<string, unknown>[] = [];
const tell = (result: Record<string, unknown>): void => {
  results.push(result);
  const { losses: _, ...line } = result;
  console.log(JSON.stringify(line));
  if (flags.out !== "") writeFileSync(flags.out, JSON.stringify(results, undefined, 1));
};

const sizesOf = (batch: number): Sizes => ({
  ...SIZES[flags.size]!,
  batch,
  dropout: Number(flags.dropout),
});
const batches = flags.batches.split(",").map(Number);
const steps = Number(flags.steps);

tf.enableProdMode();
const client = await openClient(findPlugin(flags.platform));
registerXlaBackendOn(client);
await tf.setBackend("xla");
const device = client.devices[0]!;
console.log(
  JSON.stringify({ platform: client.platform, device: device.kind, version: client.platformVersion }),
);

for (const batch of batches) await speed(sizesOf(batch));
client.dispose(); // the peers want the memory
for (const peer of flags.peers.split(",").filter((name) => name !== "")) {
  for (const batch of batches) runPeer(peer, sizesOf(batch), ["--steps", flags.steps]);
}

// --- internal ---

/** Steps with two in flight, timed by the second. */
async function speed(sizes: Sizes): Promise<void> {
  const programs: CompiledProgram[] = [];
  const compiled = (fn: Parameters<typeof jit>[0]) =>
    jit(fn, { precision: flags.precision as Precision, onCompile: (program) => programs.push(program) });
  const { take, dispose } = training(sizes, compiled);
  const host = Array.from({ length: 8 }, (_, i) => hostBatch(sizes, i));
  const flying: { loss: tf.Scalar; gradNorm: tf.Scalar }[] = [];
  const callMs: number[] = [];
  const losses: number[] = [];
  const settle = async (left: number): Promise<void> => {
    while (flying.length > left) {
      const { loss, gradNorm } = flying.shift()!;
      losses.push((await loss.data())[0]!);
      tf.dispose([loss, gradNorm]);
    }
  };
  try {
    for (let i = 0; i < WARM_UP; i++) {
      flying.push(take(host[i % 8]!, i));
      await settle(0);
    }
    const begin = performance.now();
    for (let i = WARM_UP; i < WARM_UP + steps; i++) {
      const before = performance.now();
      flying.push(take(host[i % 8]!, i));
      callMs.push(performance.now() - before);
      await settle(IN_FLIGHT);
    }
    await settle(0);
    const ms = (performance.now() - begin) / steps;
    const { executable, recordMs, compileMs, text } = programs[0]!;
    if (flags.dump !== "") {
      mkdirSync(flags.dump, { recursive: true });
      writeFileSync(join(flags.dump, `step_${sizes.batch}.mlir`), text);
    }
    tell({
      peer: "kcbert",
      device: device.kind,
      precision: flags.precision,
      dropout: sizes.dropout,
      batch: sizes.batch,
      tokensPerSecond: (sizes.batch * sizes.length * 1000) / ms,
      msPerStep: ms,
      mfu: flopsPerStep(sizes) / (ms / 1000) / Number(flags.peak),
      callMs: median(callMs),
      recordMs,
      compileSeconds: compileMs / 1000,
      from: executable.source,
      memory: executable.memory(),
      deviceMemory: client.memory(device),
      cost: executable.cost()?.flops,
      losses,
    });
    // The same program again: what the next process waits for.
    const again = performance.now();
    const second = await client.compile(text, { partitions: 1 });
    tell({
      peer: "kcbert",
      batch: sizes.batch,
      again: second.source,
      againSeconds: (performance.now() - again) / 1000,
    });
    second.dispose();
  } catch (error) {
    tell({ peer: "kcbert", batch: sizes.batch, error: String(error).slice(0, 2000) });
  } finally {
    for (const { loss, gradNorm } of flying) tf.dispose([loss, gradNorm]);
    dispose();
  }
}

function runPeer(peer: string, sizes: Sizes, more: string[]): void {
  const { layers, hidden, heads, vocab, positions, length, batch } = sizes;
  const numbers = Object.entries({ layers, hidden, heads, vocab, positions, length, batch });
  try {
    const output = execFileSync(
      flags.python,
      [
        join(flags.scripts, `${peer}_bert.py`),
        ...numbers.flatMap(([name, value]) => [`--${name}`, String(value)]),
        "--precision",
        flags.precision,
        ...more,
      ],
      { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 26 },
    );
    const result = JSON.parse(output.trim().split("\n").at(-1)!) as Record<string, unknown>;
    const seconds = (result["msPerStep"] as number) / 1000;
    tell({
      ...result,
      mfu: flopsPerStep(sizes) / seconds / Number(flags.peak),
      run: more.join(" "),
    });
  } catch (error) {
    tell({ peer, batch, error: String(error).slice(0, 2000) });
  }
}
