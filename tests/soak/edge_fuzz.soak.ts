/** The server against requests made from its own OpenAPI document: right ones, wrong ones, and bytes that are no JSON at all. */
import * as tf from "@tensorflow/tfjs-core";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createApp } from "../../apps/edge-api/src/app.ts";
import type { ServedModel } from "../../apps/edge-api/src/models.ts";
import { startBackend, tinyModelFor, versionOf } from "../../apps/edge-api/src/testing/tiny_model.ts";
import { report, soakMs } from "./_duration.ts";
import { Watchdog } from "./_watchdog.ts";

/** 20,000 in the two minutes of a usual run, in proportion in a longer or shorter one. */
const REQUESTS = Math.ceil((20_000 * soakMs) / 120_000);

const kinds = [
  ["mask", "fill-mask", ["LABEL_0", "LABEL_1"]],
  ["mood", "text-classification", ["부정", "긍정"]],
  ["hate", "text-classification", ["hate", "offensive", "none"]],
  ["ranks", "text-classification", ["relevance"]],
  ["names", "token-classification", ["O", "B-PER", "I-PER"]],
  ["answers", "question-answering", ["LABEL_0", "LABEL_1"]],
  ["beomi/vectors", "feature-extraction", ["LABEL_0", "LABEL_1"]],
] as const;

test("requests made from the OpenAPI document: no 5xx, no hang, no leak, and errors in their dialect", async () => {
  const models: ServedModel[] = [];
  for (const [id, task, labels] of kinds) {
    const files = await tinyModelFor(task, id.length, labels);
    models.push({ id, current: async () => versionOf(files, "1") });
  }
  const app = createApp({ models, backend: startBackend });
  const { paths }: { paths: Record<string, Operations> } = await (await app.request("/openapi.json")).json();
  const posts = Object.entries(paths).flatMap(([path, { post }]) =>
    post === undefined ? [] : [[path, post] as const],
  );
  for (const [path, post] of posts) {
    const body = JSON.stringify(post.requestBody.content["application/json"].example);
    for (const [id] of kinds) await app.request(path.replace("{id}", id), json(body)); // every model is loaded
  }
  const tensors = tf.memory().numTensors;
  const statuses = new Map<number, number>();
  const watchdog = new Watchdog(30_000);
  const begun = performance.now();
  const requests = fc.constantFrom(...posts).chain(([path, { requestBody }]) => {
    const { schema, example } = requestBody.content["application/json"];
    return fc.record({
      path: fc.constantFrom(...kinds.map(([id]) => path.replace("{id}", id))),
      body: bodyOf(schema, example),
      accept: fc.option(fc.constantFrom("application/json", "application/x-ndjson", "*/*"), {
        nil: undefined,
      }),
    });
  });
  await fc.assert(
    fc.asyncProperty(requests, async ({ path, body, accept }) => {
      const init = json(body, accept);
      const response = await watchdog.watchAsync(body, async () => {
        const response = await app.request(path, init);
        return {
          status: response.status,
          type: response.headers.get("content-type") ?? "",
          text: await response.text(),
        };
      });
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      expectAnswer(path, response);
    }),
    { numRuns: REQUESTS, endOnFailure: true },
  );
  await watchdog.stop();
  expect(tf.memory().numTensors).toBe(tensors);
  const metrics = await (await app.request("/metrics")).text();
  expect(metrics).toMatch(/^te_queue_size 0$/m);
  expect(statuses.get(200)).toBeGreaterThan(REQUESTS / 10); // not all of it is noise
  const seconds = (performance.now() - begun) / 1_000;
  const counted = [...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`);
  report(`edge fuzz: ${REQUESTS} requests in ${seconds.toFixed(0)} s; ${counted.join(", ")}`);
});

// --- internal ---

interface Operations {
  readonly post?: {
    readonly requestBody: { readonly content: { "application/json": { schema: Schema; example: unknown } } };
  };
}

/** What of JSON Schema the document uses. */
interface Schema {
  readonly type?: string;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

function json(body: string | Uint8Array, accept?: string): RequestInit {
  const headers = { "content-type": "application/json", ...(accept === undefined ? {} : { accept }) };
  return { method: "POST", headers, body: body as BodyInit };
}

/** A status that a client can act on, and a body that it can read. */
function expectAnswer(path: string, { status, type, text }: Answer): void {
  expect([200, 400, 404, 413, 415, 422, 424, 429], text.slice(0, 300)).toContain(status);
  if (type.includes("ndjson")) {
    for (const line of text.split("\n")) if (line !== "") JSON.parse(line);
    return;
  }
  const body = JSON.parse(text);
  if (status === 200) return;
  const sentence = expect.stringMatching(/^[A-Z].{10}/s);
  if (path.startsWith("/v1/"))
    expect(body).toMatchObject({ error: { message: sentence, type: expect.any(String) } });
  else expect(body).toMatchObject({ error: sentence, error_type: expect.stringMatching(/^[A-Z][a-z]+$/) });
}

/** Words that mean something here, and characters that mean something elsewhere. */
const texts = fc.oneof(
  fc.constantFrom(
    "오늘 영화 [MASK]",
    "[MASK] 좋았다",
    "[MASK] [MASK]",
    "",
    "영화",
    "★ㅋㅋㅋㅋㅋ 최고👍🏽",
    "영화 ".repeat(80),
    "가".repeat(5_000),
  ),
  fc.constantFrom(
    "\0",
    "\ud800",
    "\udc4d[MASK]",
    "\u202e영화\ufeff",
    "[CLS] [SEP]",
    "##다",
    "__proto__",
    "👨‍👩‍👧‍👦",
    "\u1100\u1161",
  ),
  fc.string({ unit: "binary", maxLength: 60 }),
  fc
    .array(fc.constantFrom("영화", "정말", " ", "[MASK]", "ㅋ", "!", "👍"), { maxLength: 12 })
    .map((parts) => parts.join("")),
);

/** Values that fit nowhere, or only look so. */
const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    -1,
    0,
    1.5,
    1e308,
    -1e-308,
    2 ** 53,
    [],
    {},
    [[]],
    "",
    "5",
    Number.MAX_VALUE,
  ),
  fc.jsonValue({ maxDepth: 3 }),
);

/** A value that a schema describes, more or less. */
function valueOf(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(valueOf));
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case "string":
      return texts;
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "integer":
    case "number": {
      const { minimum = -10, maximum = 1_000 } = schema;
      return fc.oneof(
        fc.integer({ min: minimum, max: Math.min(maximum, minimum + 50) }),
        fc.constant(maximum),
      );
    }
    case "array":
      return fc.array(valueOf(schema.items ?? {}), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 6, 6),
      });
    case "object": {
      const { properties = {}, required = [] } = schema;
      const entries = Object.fromEntries(
        Object.entries(properties).map(([name, inner]) => [name, valueOf(inner)]),
      );
      return fc.record(entries, { requiredKeys: [...required] });
    }
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

/** A body: right, nearly right, or nothing of the kind. */
function bodyOf(schema: Schema, example: unknown): fc.Arbitrary<string | Uint8Array> {
  const right = valueOf(schema);
  const spoilt = fc.tuple(right, junk, fc.nat()).map(([body, value, at]) => spoil(body, value, at));
  const written = fc.oneof(
    { weight: 5, arbitrary: right },
    { weight: 3, arbitrary: spoilt },
    { weight: 1, arbitrary: fc.constant(example) },
    { weight: 1, arbitrary: junk },
  );
  const text = written.map((body) => JSON.stringify(body) ?? "");
  const cut = fc.tuple(text, fc.nat()).map(([body, at]) => body.slice(0, at % (body.length + 1)));
  const odd = fc.constantFrom(
    '{"inputs":NaN}',
    '{"inputs":"[MASK]","parameters":{"top_k":1e999}}',
    '{"inputs":"\\ud83d [MASK]"}',
    `{"inputs":${"[".repeat(2_000)}${"]".repeat(2_000)}}`,
    '{"__proto__":{"inputs":"영화"},"constructor":{"prototype":{"inputs":1}}}',
    `{"inputs":"${"가".repeat(120_000)}"}`,
    JSON.stringify({ inputs: Array.from({ length: 40 }, () => "영화") }),
  );
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(text, fc.nat(), fc.integer({ min: 0x80, max: 0xff })).map(([body, at, byte]) => {
      const encoded = new TextEncoder().encode(body);
      if (encoded.length > 0) encoded[at % encoded.length] = byte;
      return encoded;
    }),
  );
  return fc.oneof(
    { weight: 20, arbitrary: text },
    { weight: 2, arbitrary: cut },
    { weight: 2, arbitrary: odd },
    { weight: 2, arbitrary: bytes },
  );
}

/** Put a value somewhere in a body. */
function spoil(body: unknown, value: unknown, at: number): unknown {
  if (typeof body !== "object" || body === null) return value;
  const keys = Object.keys(body);
  if (keys.length === 0 || at % 5 === 0) return value;
  const key = keys[at % keys.length]!;
  const inner = spoil((body as Record<string, unknown>)[key], value, Math.floor(at / 7));
  return Array.isArray(body) ? body.with(Number(key), inner) : { ...body, [key]: inner };
}
