import { Ajv2020 } from "ajv/dist/2020.js";
import { beforeAll, describe, expect, test } from "vitest";
import { createApp, type AppOptions } from "./app.ts";
import { systemClock, type Clock } from "./clock.ts";
import { defaultLimits } from "./limits.ts";
import type { LogRecord } from "./log.ts";
import { documentedRoutes } from "./openapi.ts";
import { startBackend, tinyModel, versionOf, type Files } from "./testing/tiny_model.ts";

let files: Files;
beforeAll(async () => {
  files = await tinyModel(1);
});

function appWith(options: Partial<AppOptions> = {}) {
  const models = [{ id: "tiny", current: async () => versionOf(files, "1") }];
  return createApp({ models, backend: startBackend, ...options });
}

const ask = (inputs: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify({ inputs }),
});

/** A clock that is turned by hand. */
function turnedClock(): Clock & { turn(ms: number): void } {
  let now = 0;
  const waiting: { until: number; resolve: () => void }[] = [];
  return {
    now: () => now,
    wait: (ms) => new Promise((resolve) => waiting.push({ until: now + ms, resolve })),
    turn(ms) {
      now += ms;
      for (const { until, resolve } of waiting) if (until <= now) resolve();
    },
  };
}

describe("keys", () => {
  const app = () => appWith({ auth: { keys: ["first-key", "second-key"] } });

  test("let in who knows one of them, and nobody else", async () => {
    for (const key of ["first-key", "second-key"]) {
      const response = await app().request("/embed", ask("영화", { authorization: `Bearer ${key}` }));
      expect(response.status).toBe(200);
    }
    for (const authorization of [
      "",
      "Bearer",
      "Bearer x",
      "Bearer first-ke",
      "Bearer first-key2",
      "Basic first-key",
    ]) {
      const response = await app().request(
        "/embed",
        ask("영화", authorization === "" ? {} : { authorization }),
      );
      expect(response.status, authorization).toBe(401);
      expect(response.headers.get("www-authenticate")).toBe("Bearer");
      expect(await response.json()).toMatchObject({
        error: expect.stringMatching(/^Cannot answer without a key/),
      });
    }
    const openAi = await app().request("/v1/models");
    expect(openAi.status).toBe(401);
    expect(await openAi.json()).toMatchObject({
      error: { type: "authentication_error", code: "invalid_api_key" },
    });
  });

  test("are asked for nowhere where text-embeddings-inference asks for none", async () => {
    for (const path of [
      "/health",
      "/ping",
      "/livez",
      "/readyz",
      "/metrics",
      "/docs",
      "/openapi.json",
      "/v2/health/ready",
    ]) {
      expect((await app().request(path)).status, path).toBe(200);
    }
    expect((await app().request("/info")).status).toBe(401);
    expect((await app().request("/", ask("[MASK]"))).status).toBe(401);
    const preflight = await app().request("/embed", {
      method: "OPTIONS",
      headers: { origin: "https://a.example" },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-headers")).toMatch(/Authorization/);
  });

  test("must not be empty", () => {
    expect(() => appWith({ auth: { keys: [" "] } })).toThrow(/empty key/);
  });
});

describe("limits", () => {
  test("of requests a minute, for each client by itself", async () => {
    const clock = turnedClock();
    const app = appWith({ clock, limits: { requestsPerMinute: 2, deadlineMs: Infinity } });
    const as = async (key: string) => app.request("/clean", ask("영화", { authorization: key }));
    expect((await as("a")).status).toBe(200);
    expect((await as("a")).status).toBe(200);
    const third = await as("a");
    expect(third.status).toBe(429);
    expect(third.headers.get("retry-after")).toBe("30");
    expect((await as("b")).status).toBe(200);
    clock.turn(30_000);
    expect((await as("a")).status).toBe(200);
    expect((await as("a")).status).toBe(429);
    expect((await app.request("/health")).status).toBe(200);
  });

  test("of time: 429 for what waited so long, never 503", async () => {
    const clock = turnedClock();
    const gate = Promise.withResolvers<void>();
    const app = appWith({ clock, backend: () => gate.promise.then(startBackend) });
    const late = app.request("/embed", ask("영화"));
    await new Promise((resolve) => setTimeout(resolve, 20));
    clock.turn(defaultLimits.deadlineMs);
    await Promise.resolve();
    gate.resolve();
    const response = await late;
    expect(response.status).toBe(429);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.json()).toMatchObject({ error: expect.stringMatching(/waited 30 s: try again/) });
  });

  test("of time: 424 for what computed so long, which another try would not change", async () => {
    const clock = turnedClock();
    let calls = 0;
    const now = (): number => {
      calls += 1;
      if (calls === 100) clock.turn(defaultLimits.deadlineMs); // the texts are read, some are computed
      return clock.now();
    };
    const app = appWith({
      clock: { now, wait: (ms, signal) => clock.wait(ms, signal) },
      limits: { batchItems: 1 },
    });
    await app.request("/livez");
    calls = 0;
    const long = app.request("/embed", ask(Array.from({ length: 32 }, () => "영화")));
    const response = await long;
    expect(response.status).toBe(424);
    expect(await response.json()).toMatchObject({
      error: expect.stringMatching(/longer than 30 s: send fewer/),
    });
  });

  test("of what waits", async () => {
    const app = appWith({ limits: { queuedTokens: 6, batchItems: 1 } });
    const statuses = (
      await Promise.all(Array.from({ length: 10 }, async () => app.request("/embed", ask("영화"))))
    ).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
  });
});

describe("a client that leaves", () => {
  test("while it waits takes its texts out of the queue", async () => {
    const app = appWith({ limits: { batchItems: 1 } });
    await app.request("/embed", ask("영화"));
    const leave = new AbortController();
    const left = app.request(
      new Request("http://host/embed", {
        ...ask(Array.from({ length: 32 }, () => "영화")),
        signal: leave.signal,
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, 1));
    leave.abort();
    expect((await left).status).toBe(499);
    expect(await (await app.request("/metrics")).text()).toMatch(/^te_queue_size 0$/m);
  });
});

describe("what the server says of itself", () => {
  test("/readyz: not before its first model works, and not after it is asked to stop", async () => {
    const stopping = new AbortController();
    let current = undefined as ReturnType<typeof versionOf> | undefined;
    const models = [{ id: "tiny", current: async () => current }];
    const app = createApp({ models, backend: startBackend, shutdown: stopping.signal });
    const waiting = await app.request("/readyz");
    expect(waiting.status).toBe(503);
    expect(await waiting.json()).toMatchObject({
      status: "waiting",
      reason: expect.stringMatching(/not there yet/),
    });
    expect((await app.request("/livez")).status).toBe(200);
    current = versionOf(files, "1");
    expect((await app.request("/readyz")).status).toBe(200);
    stopping.abort();
    expect((await app.request("/readyz")).status).toBe(503);
    expect((await app.request("/livez")).status).toBe(200);
    expect((await app.request("/embed", ask("영화"))).status).toBe(200); // what comes yet is still answered
  });

  test("timing headers, in milliseconds", async () => {
    const { headers } = await appWith().request("/embed", ask(["영화 👍", "최고"]));
    expect(headers.get("x-compute-type")).toBe("cpu");
    expect(headers.get("x-compute-characters")).toBe("6");
    expect(headers.get("x-compute-tokens")).toBe("7");
    for (const name of ["compute-time", "total-time", "tokenization-time", "queue-time", "inference-time"]) {
      expect(headers.get(`x-${name}`), name).toMatch(/^\d+$/);
    }
    expect(headers.get("x-truncated")).toBe("false");
    expect(headers.get("access-control-expose-headers")).toMatch(/X-Inference-Time/);
  });

  test("the log holds no comment, unless it was told to", async () => {
    const records: LogRecord[] = [];
    const log = (record: LogRecord) => records.push(record);
    await appWith({ log }).request("/embed", ask("비밀 이야기"));
    await appWith({ log }).request("/embed", ask(["비밀", 3]));
    expect(records.filter(({ message }) => message === "request")).toHaveLength(2);
    expect(records[0]).toMatchObject({ path: "/embed", status: 200, texts: 1, tokens: expect.any(Number) });
    expect(JSON.stringify(records)).not.toMatch(/비밀/);
    await appWith({ log, logBodies: true }).request("/embed", ask("비밀 이야기"));
    expect(records.at(-1)!.body).toMatch(/비밀 이야기/);
  });

  test("an error that nobody meant for a client tells it nothing but a number", async () => {
    const records: LogRecord[] = [];
    const current = async (): Promise<never> => {
      throw new Error("secret path /etc/key");
    };
    const app = createApp({
      models: [{ id: "tiny", current }],
      backend: startBackend,
      log: (r) => records.push(r),
    });
    const response = await app.request("/models/tiny", ask("[MASK]"));
    expect(response.status).toBe(500);
    expect(JSON.stringify(await response.json())).not.toMatch(/secret|at /);
    expect(records.find(({ level }) => level === "error")).toMatchObject({
      message: expect.stringMatching(/secret/),
    });
  });
});

describe("the documentation", () => {
  test("GET /openapi.json describes bodies by the schemas that check them", async () => {
    const document = await (await appWith().request("/openapi.json")).json();
    expect(document.openapi).toBe("3.1.0");
    const routes = documentedRoutes(defaultLimits);
    expect(Object.keys(document.paths)).toEqual([...new Set(routes.map(({ path }) => path))]);
    const ajv = new Ajv2020({ strict: false });
    for (const { method, path, body, example } of routes) {
      const operation = document.paths[path][method];
      expect(operation.responses["200"], path).toBeDefined();
      if (body === undefined) continue;
      const validate = ajv.compile(operation.requestBody.content["application/json"].schema);
      expect(validate(example), path).toBe(true);
      expect(validate([]), path).toBe(false);
      expect(validate({}), path).toBe(false);
    }
    const ids = routes.map(({ method, path }) => document.paths[path][method].operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const keyed = await (await appWith({ auth: { keys: ["k"] } }).request("/openapi.json")).json();
    expect(keyed.paths["/embed"].post.security).toEqual([{ bearer: [] }]);
  });

  test("every example on it is answered, by a server that has the models", async () => {
    const app = appWith();
    for (const { method, path, example } of documentedRoutes(defaultLimits)) {
      const body = { ...ask(""), body: JSON.stringify(example) };
      const response = await app.request(path.replace("{id}", "tiny"), method === "post" ? body : {});
      await response.body?.cancel();
      expect([200, 204, 422, 424], path).toContain(response.status); // this one only has a masked language model
    }
  });

  test("GET /docs shows them, with nothing that is typed as code", async () => {
    const response = await appWith().request("http://<b>/docs".replace("<b>", "host"));
    expect(response.headers.get("content-type")).toMatch(/^text\/html/);
    const html = await response.text();
    for (const { path } of documentedRoutes(defaultLimits)) expect(html).toContain(path);
    expect(html).not.toMatch(/<script|style=/);
  });
});

test("the machine's clock waits, and stops waiting", async () => {
  const stop = new AbortController();
  const waiting = systemClock.wait(60_000, stop.signal);
  stop.abort();
  await waiting;
});
