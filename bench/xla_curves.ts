/**
 * The losses of 200 steps beside JAX's: the same first weights, batches and maths, in float32 and in bfloat16. Prints how
 * far apart they are, and how far JAX's own bfloat16 is from its float32; draws `xla_curves.svg`.
 *
 *     KCBERT_PYTHON=python3 npm run bench -- xla_curves
 *     node --conditions=@kcbert/source bench/xla_curves.ts --platform cuda --size base --batch 256 --svg curves_h100.svg
 *
 * It needs a plugin (`kcbert-cli plugin install cpu`), and a Python with JAX for the same devices.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { jit, type Precision, registerXlaBackendOn } from "@kcbert/xla";
import * as tf from "@tensorflow/tfjs-core";
import { findPlugin } from "../apps/cli/src/plugin/find_plugin.ts";
import { openClient } from "../apps/cli/src/plugin/open_client.ts";
import { lineChart } from "../apps/cli/src/run_report/line_chart.ts";
import { hostBatch, type Sizes, training } from "./_masked_lm.ts";

const { values: flags } = parseArgs({
  options: {
    platform: { type: "string", default: "cpu" },
    size: { type: "string", default: "small" },
    batch: { type: "string", default: "16" },
    steps: { type: "string", default: "200" },
    rate: { type: "string", default: "5e-4" },
    python: { type: "string", default: process.env["KCBERT_PYTHON"] ?? "python3" },
    scripts: { type: "string", default: join(import.meta.dirname, "peers") },
    svg: { type: "string", default: join(import.meta.dirname, "xla_curves.svg") },
  },
});

const SIZES: Readonly<Record<string, Omit<Sizes, "batch">>> = {
  base: { layers: 12, hidden: 768, heads: 12, vocab: 30000, positions: 300, length: 128 },
  small: { layers: 2, hidden: 64, heads: 2, vocab: 500, positions: 32, length: 32 },
};
const PRECISIONS = ["fp32", "bf16"] as const;

const sizes: Sizes = { ...SIZES[flags.size]!, batch: Number(flags.batch) };
const [steps, rate] = [Number(flags.steps), Number(flags.rate)];
const folder = mkdtempSync(join(tmpdir(), "kcbert_curves_"));
const init = join(folder, "model.safetensors");

tf.enableProdMode();
const client = await openClient(findPlugin(flags.platform));
registerXlaBackendOn(client);
await tf.setBackend("xla");
const device = client.devices[0]!.kind;
const ours = { fp32: await curve("fp32"), bf16: await curve("bf16") };
client.dispose(); // JAX wants the memory
const jax = { fp32: peerCurve("fp32"), bf16: peerCurve("bf16") };
rmSync(folder, { recursive: true });

console.log(
  `${steps} steps of ${sizes.layers} × ${sizes.hidden}, ${sizes.batch} × ${sizes.length} tokens, on ${device}\n`,
);
console.log(
  "| losses | first | last | largest difference | mean difference |\n| --- | ---: | ---: | ---: | ---: |",
);
row("fp32, from JAX's fp32", ours.fp32, jax.fp32);
row("bf16, from JAX's bf16", ours.bf16, jax.bf16);
row("bf16, from our fp32", ours.bf16, ours.fp32);
row("JAX's bf16, from JAX's fp32", jax.bf16, jax.fp32);
writeFileSync(flags.svg, drawing());

// --- internal ---

async function curve(precision: Precision): Promise<number[]> {
  const { take, dispose, model } = training(sizes, (fn) => jit(fn, { precision }), rate);
  await model.save(async (name, bytes) => {
    if (name === "model.safetensors") writeFileSync(init, bytes as Uint8Array);
  });
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    const { loss, gradNorm } = take(hostBatch(sizes, i % 8), i);
    losses.push((await loss.data())[0]!);
    tf.dispose([loss, gradNorm]);
  }
  dispose();
  return losses;
}

function peerCurve(precision: Precision): number[] {
  const { layers, hidden, heads, vocab, positions, length, batch } = sizes;
  const given = {
    layers,
    hidden,
    heads,
    vocab,
    positions,
    length,
    batch,
    precision,
    rate,
    curve: steps,
    init,
  };
  const args = Object.entries(given).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const output = execFileSync(flags.python, [join(flags.scripts, "jax_bert.py"), ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 1 << 26,
  });
  return (JSON.parse(output.trim().split("\n").at(-1)!) as { losses: number[] }).losses;
}

function row(name: string, a: readonly number[], b: readonly number[]): void {
  const apart = a.map((loss, i) => Math.abs(loss - b[i]!));
  const mean = apart.reduce((sum, x) => sum + x, 0) / apart.length;
  const figures = [
    a[0]!.toFixed(4),
    a.at(-1)!.toFixed(4),
    Math.max(...apart).toExponential(1),
    mean.toExponential(1),
  ];
  console.log(`| ${[name, ...figures].join(" | ")} |`);
}

function drawing(): string {
  const line = (name: string, colour: "a" | "b" | "c" | "d", losses: readonly number[]) => ({
    name,
    colour,
    points: losses.map((loss, i) => [i, loss] as const),
  });
  return lineChart({
    title: `Losses from the same weights, ${device}: ${sizes.layers} × ${sizes.hidden}, ${sizes.batch} × ${sizes.length} tokens`,
    xLabel: "step",
    yLabel: "nats",
    series: PRECISIONS.flatMap((precision, i) => [
      line(`JAX, ${precision}`, (["a", "c"] as const)[i]!, jax[precision]),
      line(`@kcbert/xla, ${precision}`, (["b", "d"] as const)[i]!, ours[precision]),
    ]),
  });
}
