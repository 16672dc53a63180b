/**
 * How long model-mini takes for a comment in each runtime: int8, one thread, `@kcbert/kernels`. The same program in Node, Deno,
 * Bun, workerd and Chromium: 32 tokens to logits, and a comment from its text to its label. Runtimes take turns in three
 * rounds, so that a busy moment of the machine hits none of them alone, and their logits are compared.
 *
 * workerd's clock stands still while a Worker computes; there requests of many and of few repetitions are timed from outside,
 * and divided.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createRequire } from "node:module";
import { cpus } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { chromium } from "playwright-core";
import type { Answer } from "./_model_mini.ts";

const TURNS = 3;
const ROUNDS = 40;
/** Of one thing in a request to workerd. */
const REPETITIONS = 10;
const repository = join(import.meta.dirname, "..");
const model = join(repository, "packages/model-mini");
const { resolve } = createRequire(import.meta.url);
const tfjsWasm = resolve("@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm");
const kernelsWasm = resolve("@kcbert/kernels/kernels-relaxed.wasm");
const FILES = [
  "config.json",
  "model.int8.safetensors",
  "tokenizer.json",
  "tokenizer_config.json",
  "vocab.txt",
];
const PROCESS = [
  "--conditions=@kcbert/source",
  join(import.meta.dirname, "_model_mini_process.ts"),
  `${ROUNDS}`,
];

const executable = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const runtimes = new Map<string, () => Promise<Answer>>([
  [`Node ${process.versions.node}`, inProcess(process.execPath, PROCESS)],
  [`Deno ${versionOf(program("deno"))}`, inProcess(program("deno"), ["run", "-A", "--quiet", ...PROCESS])],
  [`Bun ${versionOf(program("bun"))} (no relaxed SIMD)`, inProcess(program("bun"), PROCESS)],
  [`workerd ${versionOf(program("workerd"))}`, await inWorkerd()],
]);
if (existsSync(executable)) runtimes.set(`Chromium ${versionOf(executable)}`, await inPage());
else console.error(`Not measured in a browser: there is no Chromium at ${executable}; name one in CHROMIUM`);

const measured = new Map<string, Answer[]>();
for (let turn = 0; turn < TURNS; turn++) {
  for (const [name, run] of runtimes) measured.set(name, [...(measured.get(name) ?? []), await run()]);
}

const [first] = measured.get(`Node ${process.versions.node}`)!;
console.log(`${cpus()[0]?.model ?? "unknown processor"}; medians of ${TURNS} × ${ROUNDS}, one thread\n`);
console.log(`| runtime | 32 tokens, ms | a comment of ${first!.tokens} tokens to its label, ms |`);
console.log("| --- | ---: | ---: |");
for (const [name, answers] of measured) {
  for (const { logits, label } of answers) {
    assert.equal(label, first!.label, name);
    for (const [i, logit] of logits.entries()) assert.ok(Math.abs(logit - first!.logits[i]!) < 0.05, name);
  }
  const forward = median(answers.flatMap(({ forwardMs }) => forwardMs));
  const label = median(answers.flatMap(({ labelMs }) => labelMs));
  console.log(`| ${name} | ${forward.toFixed(1)} | ${label.toFixed(1)} |`);
}
process.exit(0);

// --- internal ---

function program(name: string): string {
  return join(repository, "node_modules/.bin", name);
}

/** `deno 2.9.3 (stable, …)` → `2.9.3`. */
function versionOf(path: string): string {
  return /\d[\w.-]*/.exec(execFileSync(path, ["--version"], { encoding: "utf8" }))?.[0] ?? "?";
}

function inProcess(path: string, args: readonly string[]): () => Promise<Answer> {
  const env = { ...process.env, DENO_NO_UPDATE_CHECK: "1" };
  return async () => JSON.parse(execFileSync(path, [...args], { encoding: "utf8", env })) as Answer;
}

async function bundle(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: "ts" },
    bundle: true,
    format: "esm",
    mainFields: ["browser", "module", "main"],
    conditions: ["@kcbert/source"],
    external: ["*.wasm", "mini/*"],
    define: { process: "undefined" },
    write: false,
    logLevel: "error",
  });
  return outputFiles[0]!.text;
}

/** The model's files are modules of the Worker; each request repeats one thing so often. */
async function inWorkerd(): Promise<() => Promise<Answer>> {
  const imports = FILES.map((name, i) => `import file${i} from "mini/${name}.bin";`).join("\n");
  const contents = `
    import { createWasmBackend } from "@kcbert/kernels";
    import * as tf from "@tensorflow/tfjs-core";
    import { load } from "./_model_mini.ts";
    import kernels from "kernels.wasm";
    import tfjs from "tfjs.wasm";
    ${imports}
    const files = new Map([${FILES.map((name, i) => `["${name}", file${i}]`).join()}]);
    let subject;
    export default {
      async fetch(request) {
        if (subject === undefined) {
          await createWasmBackend({ tfjs, kernels });
          await tf.setBackend("wasm");
          const bytes = (name) => files.has(name) ? new Uint8Array(files.get(name)) : undefined;
          subject = await load(async (name) => bytes(name));
        }
        const { searchParams } = new URL(request.url);
        const [what, times] = [searchParams.get("what"), Number(searchParams.get("times"))];
        let said;
        for (let i = 0; i < times; i++) said = await subject[what]();
        return Response.json({ said, tokens: subject.tokens });
      },
    };`;
  const miniflare = new Miniflare({
    modules: [
      { type: "ESModule", path: "worker.mjs", contents: await bundle(contents) },
      { type: "CompiledWasm", path: "tfjs.wasm", contents: readFileSync(tfjsWasm) },
      { type: "CompiledWasm", path: "kernels.wasm", contents: readFileSync(kernelsWasm) },
      ...FILES.map((name) => ({
        type: "Data" as const,
        path: `mini/${name}.bin`,
        contents: readFileSync(join(model, name)),
      })),
    ],
    compatibilityDate: "2026-07-01",
  });
  const ask = async (what: "forward" | "label", times: number) => {
    const begin = performance.now();
    const response = await miniflare.dispatchFetch(`http://worker/?what=${what}&times=${times}`);
    const { said, tokens } = (await response.json()) as { said: unknown; tokens: number };
    return { said, tokens, ms: performance.now() - begin };
  };
  const each = async (what: "forward" | "label") => {
    const ms: number[] = [];
    for (let round = 0; round < ROUNDS / REPETITIONS; round++) {
      const [few, many] = [await ask(what, 1), await ask(what, 1 + REPETITIONS)];
      ms.push((many.ms - few.ms) / REPETITIONS);
    }
    return ms;
  };
  return async () => {
    const { said: logits, tokens } = await ask("forward", ROUNDS);
    const { said: label } = await ask("label", ROUNDS);
    const [forwardMs, labelMs] = [await each("forward"), await each("label")];
    return { logits: logits as number[], label: label as string, tokens, forwardMs, labelMs };
  };
}

/** A bundled page, anew each time. */
async function inPage(): Promise<() => Promise<Answer>> {
  const contents = `
    import { createWasmBackend } from "@kcbert/kernels";
    import { modelMini } from "@kcbert/model-mini";
    import * as tf from "@tensorflow/tfjs-core";
    import { answer } from "./_model_mini.ts";
    await createWasmBackend({ tfjs: new URL("/tfjs.wasm", location.href) });
    await tf.setBackend("wasm");
    globalThis.answered = await answer(modelMini({ base: new URL("/mini", location.href) }), ${ROUNDS});`;
  const script = await bundle(contents);
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, "http://page");
    const file = /^\/mini\/([\w.-]+)$/.exec(pathname)?.[1];
    const [type, body] =
      file !== undefined
        ? ["application/octet-stream", readFileSync(join(model, file))]
        : pathname === "/tfjs.wasm"
          ? ["application/wasm", readFileSync(tfjsWasm)]
          : pathname === "/page.js"
            ? ["text/javascript", script]
            : ["text/html; charset=utf-8", '<script type="module" src="/page.js"></script>'];
    response.setHeader("content-type", type as string);
    response.end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const args = ["--no-sandbox", "--disable-gpu", "--disable-quic"];
  return async () => {
    const browser = await chromium.launch({ executablePath: executable, args });
    try {
      const page = await browser.newPage();
      await page.goto(address);
      const handle = await page.waitForFunction("globalThis.answered", undefined, { timeout: 120_000 });
      return (await handle.jsonValue()) as Answer;
    } finally {
      await browser.close();
    }
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}
