/** The bundle under Node, Deno, Bun and workerd: the same answers as the app has in this process. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { gzipSync } from "node:zlib";
import { BertForMaskedLM, quantize } from "@kcbert/bert";
import { Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createApp } from "../../app.ts";
import { writeBundle } from "../../bundling/write_bundle.ts";
import { startBackend, tinyModelFor, writeFolder, type Files } from "../../testing/tiny_model.ts";
import { readModel } from "../_node_folder.ts";

const bin = join(import.meta.dirname, "../../../../../node_modules/.bin");
let root: string;
let out: string;
/** What the app answers in this process. */
let expected: Record<string, unknown>;

const tasks = {
  mask: ["fill-mask", ["LABEL_0", "LABEL_1"]],
  mood: ["text-classification", ["부정", "긍정"]],
  hate: ["text-classification", ["hate", "offensive", "none"]],
  names: ["token-classification", ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]],
  answers: ["question-answering", ["LABEL_0", "LABEL_1"]],
  vectors: ["feature-extraction", ["LABEL_0", "LABEL_1"]],
} as const;

const comment = "★오늘 영화 정말 재밌다 ㅋㅋㅋㅋㅋ 👍";
const requests: Record<string, { path: string; body?: unknown }> = {
  fill: { path: "/models/mask", body: { inputs: ["오늘 영화 [MASK]", "[MASK] 좋았다 ★"] } },
  int8: { path: "/models/int8", body: { inputs: "오늘 영화 [MASK]" } },
  bare: { path: "/models/bare", body: { inputs: "오늘 영화" } },
  int4: { path: "/models/int4", body: { inputs: "오늘 영화 [MASK]" } },
  classify: { path: "/models/mood", body: { inputs: [comment, "시간 낭비"] } },
  names: { path: "/pipeline/ner", body: { inputs: comment, parameters: { aggregation_strategy: "none" } } },
  answer: { path: "/", body: { inputs: { question: "뭐가 재밌다?", context: comment } } },
  embed: { path: "/embed", body: { inputs: [comment, "최고", "오늘 ".repeat(60)] } },
  embedAll: { path: "/embed_all", body: { inputs: comment } },
  similarity: {
    path: "/similarity",
    body: { inputs: { source_sentence: comment, sentences: ["최고", "영화"] } },
  },
  tokenize: { path: "/tokenize", body: { inputs: comment } },
  embeddings: { path: "/v1/embeddings", body: { input: comment } },
  analyze: { path: "/v1/analyze", body: { inputs: comment, explain: true, models: ["mood", "names"] } },
  clean: { path: "/clean", body: { inputs: comment } },
  refused: { path: "/models/mask", body: { inputs: "오늘" } },
  models: { path: "/v1/models" },
};

type Ask = (path: string, init?: RequestInit) => Promise<{ status: number; text(): Promise<string> }>;

/** Everything that is asked, by name. */
async function answers(ask: Ask): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const [name, { path, body }] of Object.entries(requests)) {
    const headers = { "content-type": "application/json" };
    const init = body === undefined ? {} : { method: "POST", headers, body: JSON.stringify(body) };
    const response = await ask(path, init);
    const json: unknown = JSON.parse(await response.text());
    if (name !== "refused") expect(response.status, `${name}: ${JSON.stringify(json)}`).toBe(200);
    found[name] = { status: response.status, json };
  }
  return found;
}

/** Equal, but for the last digits of numbers. */
function expectSame(actual: unknown, wanted: unknown, path = ""): void {
  if (typeof wanted === "number") expect(Math.abs((actual as number) - wanted), path).toBeLessThan(1e-5);
  else if (typeof wanted === "object" && wanted !== null) {
    expect(Object.keys(actual as object), path).toEqual(Object.keys(wanted));
    for (const [key, value] of Object.entries(wanted)) {
      expectSame((actual as Record<string, unknown>)[key], value, `${path}.${key}`);
    }
  } else expect(actual, path).toBe(wanted);
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "edge-bundle-"));
  const folders = new Map<string, Files>();
  for (const [id, [task, labels]] of Object.entries(tasks))
    folders.set(id, await tinyModelFor(task, id.length, labels));
  for (const [id, files] of folders) await writeFolder(join(root, id), files);
  const mask = folders.get("mask")!;
  for (const bits of ["int8", "int4"] as const) {
    const model = await BertForMaskedLM.fromPretrained(async (name) => mask.get(name), { frozen: true });
    const quantized = await quantize(model, bits);
    const files = new Map([...mask].filter(([name]) => /vocab|tokenizer/.test(name)));
    await quantized.save(async (name, bytes) => void files.set(name, bytes.slice()));
    await writeFolder(join(root, bits), files);
  }
  const vectors = folders.get("vectors")!;
  await writeFolder(join(root, "bare"), new Map([["config.json", vectors.get("config.json")!]])); // in the weights of another
  out = join(root, "bundle");
  const deployed = [...Object.keys(tasks), "int8", "int4", "bare"].map((id) => ({
    id,
    folder: join(root, id),
    ...(id === "bare" ? { shared: join(root, "mask") } : {}),
  }));
  await writeBundle(out, deployed);
  const models = deployed.map(({ id, folder, ...shared }) => ({
    id,
    current: () => readModel(folder, shared),
  }));
  const app = createApp({ models, backend: startBackend });
  expected = await answers(async (path, init) => app.request(path, init));
});
afterAll(() => rm(root, { recursive: true, force: true, maxRetries: 5 }));

const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

test.each([
  ["node", ["node.mjs"]],
  ["deno", ["run", "--no-prompt", "--allow-read", "--allow-net", "--allow-env", "deno.mjs"]],
  ["bun", ["bun.mjs"]],
])("the bundle answers the same under %s, and ends when it is told to", async (program, args) => {
  const env = { ...process.env, PORT: "0", HOST: "127.0.0.1", KCBERT_RATE: "60", DENO_NO_UPDATE_CHECK: "1" };
  const child = spawn(join(bin, program), args, { cwd: out, env, stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const [address] = await once(createInterface({ input: child.stdout! }), "line");
  const url = (path: string) => new URL(path, address.replace("localhost", "127.0.0.1"));
  expectSame(await answers((path, init) => fetch(url(path), init)), expected);
  expect((await fetch(url("/readyz"))).status).toBe(200);
  const page = await fetch(url("/"));
  expect(page.headers.get("content-type")).toMatch(/^text\/html/);
  expect((await fetch(url("/page/main.js"))).status).toBe(200);
  expect((await (await fetch(url("/openapi.json"))).json()).openapi).toBe("3.1.0");
  const shared = await fetch(url("/models/mask/files/config.json"));
  expect(await shared.text()).toBe(readFileSync(join(root, "mask", "config.json"), "utf8"));
  expect((await fetch(url("/models/mask/files/package.json"))).status).toBe(404);
  const clean = {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"inputs":"영화"}',
  };
  const statuses = [];
  for (let i = 0; i < 60; i++) statuses.push((await fetch(url("/clean"), clean)).status);
  expect(new Set(statuses)).toEqual(new Set([200, 429])); // it knows who asks
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  expect((await exit)[0]).toBe(0);
});

describe("on Cloudflare Workers", () => {
  let miniflare: Miniflare;
  const module = (path: string, type: "ESModule" | "CompiledWasm") => ({
    type,
    path,
    contents: type === "ESModule" ? readFileSync(join(out, path), "utf8") : readFileSync(join(out, path)),
  });

  beforeAll(() => {
    const wasm = readdirSync(out).filter((name) => name.endsWith(".wasm"));
    miniflare = new Miniflare({
      modules: [
        ...["worker.mjs", "app.js", "wasm.js"].map((path) => module(path, "ESModule")),
        ...wasm.map((path) => module(path, "CompiledWasm")),
      ],
      bindings: { KCBERT_API_KEYS: "one,two" },
      serviceBindings: {
        ASSETS(request: Request) {
          const path = join(out, "assets", new URL(request.url).pathname);
          if (!statSync(path, { throwIfNoEntry: false })?.isFile())
            return new Response(null, { status: 404 }) as never;
          return new Response(readFileSync(path)) as never;
        },
      },
      compatibilityDate: "2026-07-01",
    });
  });
  afterAll(() => miniflare.dispose());

  const asked: Ask = async (path, init = {}) => {
    const headers = { ...(init.headers as object), authorization: "Bearer two" };
    return miniflare.dispatchFetch(`http://worker${path}`, { ...init, headers } as never);
  };

  test("the bundle answers the same", async () => {
    expectSame(await answers(asked), expected);
    expect((await asked("/readyz")).status).toBe(200);
    expect((await asked("/")).status).toBe(200);
  });

  test("answers many at once, whoever began what they wait for", async () => {
    const init = (i: number): RequestInit => ({
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ inputs: `오늘 영화 ${"정말 ".repeat(i % 5)}[MASK]` }),
    });
    const all = await Promise.all(Array.from({ length: 40 }, (_, i) => asked("/models/mask", init(i))));
    expect(all.map(({ status }) => status)).toEqual(all.map(() => 200));
  });

  test("asks for a key", async () => {
    expect((await miniflare.dispatchFetch("http://worker/v1/models")).status).toBe(401);
    expect((await miniflare.dispatchFetch("http://worker/models/mask/files/config.json")).status).toBe(401);
    expect((await miniflare.dispatchFetch("http://worker/livez")).status).toBe(200);
  });

  test("wrangler takes it", async () => {
    const env = { ...process.env, WRANGLER_SEND_METRICS: "false", CI: "1", HOME: root };
    const child = spawn(join(bin, "wrangler"), ["deploy", "--dry-run", "--outdir", "dry"], { cwd: out, env });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
    const [code] = await once(child, "exit");
    expect({ code, text }).toMatchObject({ code: 0 });
    expect(text).toMatch(/--dry-run: exiting now/);
  });
});

test("the code and its binaries take 260 KB at most, as they are sent", () => {
  const code = readdirSync(out).filter((name) => /^(?:app\.js|wasm\.js|worker\.mjs|.*\.wasm)$/.test(name));
  const bytes = code.map((name) => gzipSync(readFileSync(join(out, name)), { level: 9 }).length);
  expect(bytes.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(260_000);
});

test("what two models share is deployed once", () => {
  const { models } = JSON.parse(readFileSync(join(out, "assets", "models.json"), "utf8"));
  const partsOf = (id: string, name: string): string[] =>
    models.find((model: { id: string }) => model.id === id).files[name].parts;
  expect(partsOf("bare", "model.safetensors")).toEqual(partsOf("mask", "model.safetensors"));
  expect(partsOf("bare", "config.json")).toEqual(["models/bare/config.json"]);
  expect(readdirSync(join(out, "assets", "models", "bare"))).toEqual(["config.json"]);
});

test("a file that is not the one that was deployed is refused", async () => {
  const { bundledModels } = await import("../../bundling/bundled_models.ts");
  const models = await bundledModels(async (path) => {
    const bytes = readFileSync(join(out, "assets", path));
    if (path.endsWith("model.safetensors")) bytes[bytes.length - 1]! ^= 1;
    return bytes;
  });
  const { source } = (await models[0]!.current())!;
  expect(await source("config.json")).toBeInstanceOf(Uint8Array);
  await expect(source("model.safetensors")).rejects.toThrow(
    /not the file that was deployed: its hash differs/,
  );
});
