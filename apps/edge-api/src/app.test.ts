import { fillMask, loadFillMask, type FillMaskAnswer } from "@kcbert/pipelines";
import { beforeAll, describe, expect, test } from "vitest";
import { createApp, type AppOptions } from "./app.ts";
import type { LogRecord } from "./log.ts";
import type { ModelVersion, ServedModel } from "./models.ts";
import { startBackend, tinyModel, versionOf, type Files } from "./testing/tiny_model.ts";

const mask = "오늘 영화 정말 [MASK]";
let files: Files;
beforeAll(async () => {
  files = await tinyModel(1);
});

function served(id: string, current: ModelVersion | undefined = versionOf(files, "final.1")): ServedModel {
  return { id, current: async () => current };
}

function appWith(options: Partial<AppOptions> = {}) {
  return createApp({
    models: [served("tiny"), served("beomi/kcbert-base")],
    backend: startBackend,
    ...options,
  });
}

function post(
  body: unknown,
  headers: Record<string, string> = { "content-type": "application/json" },
): RequestInit {
  return { method: "POST", headers, body: typeof body === "string" ? body : JSON.stringify(body) };
}

/** The answers of the pipeline itself, as the task writes them. */
async function expected(text: string, options: { topK?: number; targets?: string[] } = {}) {
  const pipeline = await loadFillMask(versionOf(files, "").source);
  const answers = (await fillMask(pipeline.model, pipeline.tokenizer, text, options)) as FillMaskAnswer[];
  pipeline.dispose();
  return answers.map(({ tokenStr: token_str, ...rest }) => ({ ...rest, token_str }));
}

describe("POST /models/{id}", () => {
  test("answers as the pipeline does, in the task's names", async () => {
    const response = await appWith().request("/models/tiny", post({ inputs: mask }));
    expect(response.status).toBe(200);
    expect(response.headers.get("x-model-revision")).toBe("final.1");
    expect(response.headers.get("x-model-state")).toBe("final");
    const json = await response.json();
    expect(json).toEqual(await expected(mask));
    expect(json).toHaveLength(5);
    expect(Object.keys(json[0]).sort()).toEqual(["score", "sequence", "token", "token_str"]);
  });

  test("cleans the text as the model's training text was", async () => {
    const app = appWith();
    const dirty = await app.request("/models/tiny", post({ inputs: `★★ ${mask} ♡` }));
    const clean = await app.request("/models/tiny", post({ inputs: mask }));
    expect(await dirty.json()).toEqual(await clean.json());
  });

  test.each([
    "/models/beomi/kcbert-base",
    "/models/beomi%2Fkcbert-base",
    "/models/tiny/pipeline/fill-mask",
    "/",
  ])("finds the model at %s", async (path) => {
    const response = await appWith().request(path, post({ inputs: mask }));
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(await expected(mask));
  });

  test("obeys top_k and targets", async () => {
    const app = appWith();
    const two = await app.request("/models/tiny", post({ inputs: mask, parameters: { top_k: 2 } }));
    expect(await two.json()).toEqual(await expected(mask, { topK: 2 }));
    const targets = ["최고", "낭비"];
    const among = await app.request("/models/tiny", post({ inputs: mask, parameters: { targets } }));
    expect(await among.json()).toEqual(await expected(mask, { targets }));
  });

  test("takes null for an option that is not set", async () => {
    const body = {
      inputs: mask,
      parameters: { top_k: null, targets: null },
      options: { wait_for_model: true },
    };
    expect((await appWith().request("/models/tiny", post(body))).status).toBe(200);
    expect((await appWith().request("/models/tiny", post({ inputs: mask, parameters: null }))).status).toBe(
      200,
    );
  });

  test("answers a list with a list, and a list of one like the text", async () => {
    const app = appWith();
    const texts = [mask, "배우들 [MASK] 좋았다"];
    const several = await app.request("/models/tiny", post({ inputs: texts }));
    const answers: { token: number; score: number }[][] = await several.json();
    expect(answers).toHaveLength(2);
    for (const [i, text] of texts.entries()) {
      const alone = await expected(text);
      expect(answers[i]!.map(({ token }) => token)).toEqual(alone.map((answer) => answer.token));
    }
    const one = await app.request("/models/tiny", post({ inputs: [mask] }));
    expect(await one.json()).toEqual(await expected(mask));
  });

  test("refuses no mask and several masks with a sentence, and answers several when asked to", async () => {
    const app = appWith();
    const none = await app.request("/models/tiny", post({ inputs: "오늘 영화" }));
    expect(none.status).toBe(422);
    expect(await none.json()).toEqual({
      error: "Cannot fill the mask as the text must hold [MASK] once: it holds no mask",
      error_type: "Validation",
    });
    const two = await app.request("/models/tiny", post({ inputs: "[MASK] 영화 [MASK]" }));
    expect(two.status).toBe(422);
    expect((await two.json()).error).toMatch(/it holds 2 masks$/);
    const parameters = { multi_mask: true, top_k: 3 };
    const asked = await app.request("/models/tiny", post({ inputs: "[MASK] 영화 [MASK]", parameters }));
    expect((await asked.json()).map((list: unknown[]) => list.length)).toEqual([3, 3]);
  });

  test("refuses a text longer than the model reads", async () => {
    const response = await appWith().request("/models/tiny", post({ inputs: `${"영화 ".repeat(60)}[MASK]` }));
    expect(response.status).toBe(422);
    expect((await response.json()).error).toMatch(/63 tokens.*at most 40/);
  });

  test("answers lone surrogates, null bytes and emoji", async () => {
    for (const inputs of ["\ud800 [MASK]", "영화\0[MASK]", "👍🏽👨‍👩‍👧 [MASK]", "\u202e[MASK]\ufeff"]) {
      expect((await appWith().request("/models/tiny", post({ inputs }))).status).toBe(200);
    }
  });

  test.each([
    ["inputs missing", {}, 422, /"inputs"/],
    ["inputs of another type", { inputs: 3 }, 422, /"inputs": it must be a string/],
    ["a list of another type", { inputs: [mask, 3] }, 422, /"inputs\.1": it must be a string/],
    ["an empty list", { inputs: [] }, 400, /the list is empty/, "Empty"],
    [
      "too many texts",
      { inputs: Array.from({ length: 33 }, () => mask) },
      422,
      /at most 32 texts: it holds 33/,
    ],
    ["a text too long", { inputs: "가".repeat(100_001) }, 422, /at most 100000 UTF-16 code units/],
    [
      "top_k zero",
      { inputs: mask, parameters: { top_k: 0 } },
      422,
      /"parameters\.top_k": it must be at least 1: it is 0/,
    ],
    ["top_k a fraction", { inputs: mask, parameters: { top_k: 1.5 } }, 422, /whole number: it is 1\.5/],
    ["top_k huge", { inputs: mask, parameters: { top_k: 1e9 } }, 422, /at most 1000/],
    ["top_k a word", { inputs: mask, parameters: { top_k: "5" } }, 422, /it must be a number/],
    ["targets empty", { inputs: mask, parameters: { targets: [] } }, 422, /the list is empty/],
    [
      "targets of another type",
      { inputs: mask, parameters: { targets: [1] } },
      422,
      /"parameters\.targets\.0"/,
    ],
    ["parameters a list", { inputs: mask, parameters: [] }, 422, /"parameters"|must/],
    ["a list as the body", [mask], 422, /it must be an object/],
    ["no JSON", "{", 400, /does not parse as JSON/],
    ["nothing", "", 400, /it is empty/],
    ["a deep body", "[".repeat(100_000), 422, /nested deeper than 32/],
    [
      "a deep body that parses",
      `{"inputs":${"[".repeat(50_000)}${"]".repeat(50_000)}}`,
      422,
      /nested deeper than 32/,
    ],
  ] as [string, unknown, number, RegExp, string?][])(
    "refuses %s",
    async (_name, body, status, message, type = "Validation") => {
      const response = await appWith().request("/models/tiny", post(body));
      expect(response.status).toBe(status);
      const json = await response.json();
      expect(json.error).toMatch(message);
      expect(json.error_type).toBe(type);
    },
  );

  test("refuses bytes that are not UTF-8", async () => {
    const body = new Uint8Array([0x22, 0xff, 0x22]);
    const request = { method: "POST", headers: { "content-type": "application/json" }, body };
    const response = await appWith().request("/models/tiny", request);
    expect(response.status).toBe(400);
    expect((await response.json()).error).toMatch(/must be UTF-8/);
  });

  test.each([
    undefined,
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/json; charset=euc-kr",
  ])("refuses the content type %s", async (type) => {
    const request = new Request(
      "http://host/models/tiny",
      post({ inputs: mask }, type ? { "content-type": type } : {}),
    );
    if (type === undefined) request.headers.delete("content-type");
    const response = await appWith().request(request);
    expect(response.status).toBe(415);
    expect((await response.json()).error).toMatch(/application\/json/);
  });

  test("refuses a body over the limit before it reads it", async () => {
    const app = appWith({ limits: { bodyBytes: 1_000 } });
    const declared = post({ inputs: "가" }, { "content-type": "application/json", "content-length": "1001" });
    const streamed = { ...post("["), body: endless(), duplex: "half" } as RequestInit;
    for (const request of [declared, streamed, post("x".repeat(1_001))]) {
      const response = await app.request("/models/tiny", request);
      expect(response.status).toBe(413);
      expect(response.headers.get("connection")).toBe("close"); // the body was not read to its end
      expect(await response.json()).toEqual({
        error: "Cannot read the body as it is too large: the limit is 1000 bytes",
        error_type: "Validation",
      });
    }
  });

  test("keeps prototypes clean", async () => {
    const body = `{"inputs":"${mask}","__proto__":{"polluted":1},"parameters":{"__proto__":{"top_k":1}},"constructor":{"prototype":{"polluted":1}}}`;
    const response = await appWith().request("/models/tiny", post(body));
    expect(response.status).toBe(200);
    expect(await response.json()).toHaveLength(5);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test("names the models it has when asked for another", async () => {
    for (const path of ["/models/other", "/models/..%2f..%2fetc", "/models/__proto__", "/models/"]) {
      const response = await appWith().request(path, post({ inputs: mask }));
      expect(response.status).toBe(404);
      expect((await response.json()).error).toMatch(/this server has "tiny", "beomi\/kcbert-base"$/);
    }
    expect((await appWith().request("/models/%ff", post({ inputs: mask }))).status).toBe(400);
    const task = await appWith().request("/models/tiny/pipeline/summarization", post({ inputs: mask }));
    expect(task.status).toBe(424);
    expect((await appWith({ models: [] }).request("/", post({ inputs: mask }))).status).toBe(404);
  });

  test("asks to wait for a model that is not there, never with 503", async () => {
    const waiting: ServedModel = {
      id: "run",
      current: async () => undefined,
      waitsFor: () => "its training has not begun",
    };
    const response = await appWith({ models: [waiting] }).request("/models/run", post({ inputs: mask }));
    expect(response.status).toBe(429);
    expect(response.headers.get("retry-after")).toBe("5");
    expect(await response.json()).toEqual({
      error: 'The model "run" is not there yet: its training has not begun. Try again in 5 seconds',
      error_type: "Overloaded",
    });
  });

  test("says which checkpoint answered", async () => {
    const models = [served("run", versionOf(files, "checkpoint-200.a", "checkpoint"))];
    const response = await appWith({ models }).request("/models/run", post({ inputs: mask }));
    expect(response.headers.get("x-model-revision")).toBe("checkpoint-200.a");
    expect(response.headers.get("x-model-state")).toBe("checkpoint; step=200");
  });

  test("says 424 for a folder that cannot be loaded, and answers once it can", async () => {
    let current = versionOf(new Map(), "broken");
    const app = appWith({ models: [{ id: "run", current: async () => current }] });
    const broken = await app.request("/models/run", post({ inputs: mask }));
    expect(broken.status).toBe(424);
    expect(await broken.json()).toMatchObject({ error_type: "Backend" });
    current = versionOf(files, "whole");
    expect((await app.request("/models/run", post({ inputs: mask }))).status).toBe(200);
  });

  test("answers many at once, and 429 beyond the limit", async () => {
    const app = appWith({ limits: { concurrentRequests: 4 } });
    const responses = await Promise.all(
      Array.from({ length: 12 }, async () => app.request("/models/tiny", post({ inputs: mask }))),
    );
    const statuses = responses.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(4);
    expect(statuses.every((status) => status === 200 || status === 429)).toBe(true);
    for (const response of responses) {
      if (response.status === 429) expect(response.headers.get("retry-after")).toBe("1");
      else expect(await response.json()).toEqual(await expected(mask));
    }
    expect((await app.request("/models/tiny", post({ inputs: mask }))).status).toBe(200);
  });

  test("starts the backend once, and again if it failed", async () => {
    let calls = 0;
    const backend = async () => {
      calls += 1;
      if (calls === 1) throw new Error("no backend today");
      await startBackend();
    };
    const app = appWith({ backend });
    expect((await app.request("/models/tiny", post({ inputs: mask }))).status).toBe(424);
    expect((await app.request("/models/tiny", post({ inputs: mask }))).status).toBe(200);
    expect((await app.request("/models/beomi/kcbert-base", post({ inputs: mask }))).status).toBe(200);
    expect(calls).toBe(2);
  });
});

test("a client that leaves stops its own work, and is no failure of the server", async () => {
  const records: LogRecord[] = [];
  const leave = new AbortController();
  const leaving: ServedModel = {
    id: "tiny",
    current: async () => {
      leave.abort();
      return versionOf(files, "1");
    },
  };
  const app = appWith({ models: [leaving], log: (record) => records.push(record) });
  const request = new Request("http://host/models/tiny", { ...post({ inputs: mask }), signal: leave.signal });
  expect((await app.request(request)).status).toBe(499);
  expect(records.filter(({ level }) => level !== "info")).toEqual([]);
});

describe("POST /clean", () => {
  test("gives the cleaned text, and where each of its code units stood", async () => {
    const response = await appWith().request("/clean", post({ inputs: "★ㅋㅋㅋㅋㅋ 최고" }));
    expect(await response.json()).toEqual({ text: "ㅋㅋ 최고", offsets: [1, 2, 6, 7, 8, 9] });
  });

  test("answers a list with a list", async () => {
    const response = await appWith().request("/clean", post({ inputs: ["★", "좋아요👍"] }));
    const [empty, thumb] = await response.json();
    expect(empty.text).toBe("");
    expect(thumb.text).toBe("좋아요👍");
  });

  test("refuses what is no text", async () => {
    expect((await appWith().request("/clean", post({ inputs: null }))).status).toBe(422);
    expect((await appWith().request("/clean", post("nonsense"))).status).toBe(400);
  });
});

describe("GET /health", () => {
  test("is ready with its models", async () => {
    const response = await appWith({ models: [served("tiny")] }).request("/health");
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      status: "ready",
      models: [
        {
          id: "tiny",
          task: "fill-mask",
          labels: [],
          state: "final",
          revision: "final.1",
          step: null,
          shares_weights_with: null,
        },
      ],
      shares_models: false,
      training: null,
    });
  });

  test("says what it waits for", async () => {
    const waiting: ServedModel = {
      id: "run",
      current: async () => undefined,
      waitsFor: () => "its training has not begun",
    };
    const some = await appWith({ models: [served("tiny"), waiting] }).request("/health");
    expect(await some.json()).toMatchObject({ status: "partly", waits_for: "its training has not begun" });
    const none = await appWith({ models: [waiting] }).request("/health");
    expect(await none.json()).toMatchObject({
      status: "waiting",
      models: [{ state: "waiting", revision: null }],
    });
  });
});

describe("every answer", () => {
  test("carries a request id, the client's own where it is one", async () => {
    const app = appWith();
    const own = await app.request("/health", { headers: { "x-request-id": "abc-1" } });
    expect(own.headers.get("x-request-id")).toBe("abc-1");
    const forged = await app.request("/nothing", { headers: { "x-request-id": "a b{}" } });
    expect(forged.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("carries the headers that keep the page to itself", async () => {
    for (const path of ["/health", "/nothing"]) {
      const { headers } = await appWith().request(path);
      expect(headers.get("content-security-policy")).toMatch(
        /^default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'/,
      );
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("access-control-allow-origin")).toBe("*");
    }
  });

  test("lets a page of another origin send a key and read how long to wait", async () => {
    const preflight = await appWith().request("/models/tiny", {
      method: "OPTIONS",
      headers: {
        origin: "https://example.org",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-headers")?.toLowerCase()).toMatch(
      /authorization,content-type/,
    );
    const { headers } = await appWith().request("/health");
    expect(headers.get("access-control-expose-headers")).toMatch(/Retry-After/);
  });

  test("is a sentence in JSON where there is nothing", async () => {
    for (const [method, path] of [
      ["GET", "/nothing"],
      ["GET", "/models/tiny"],
      ["DELETE", "/health"],
      ["GET", "/page/page.css"],
    ] as const) {
      const response = await appWith().request(path, { method });
      expect(response.status).toBe(404);
      expect((await response.json()).error_type).toBe("Validation");
    }
  });

  test("hides what went wrong inside, and logs it under the request's id", async () => {
    const records: LogRecord[] = [];
    const failing: ServedModel = {
      id: "tiny",
      current: async () => Promise.reject(new Error("/secret/path is broken")),
    };
    const app = appWith({ models: [failing], log: (record) => records.push(record) });
    const response = await app.request("/models/tiny", post({ inputs: "비밀 [MASK]" }));
    expect(response.status).toBe(500);
    const text = await response.text();
    expect(text).not.toMatch(/secret|at .*\.ts/);
    const id = response.headers.get("x-request-id")!;
    expect(text).toContain(id);
    const failure = records.find(({ level }) => level === "error");
    expect(failure).toMatchObject({ message: "/secret/path is broken", requestId: id });
    expect(failure?.stack).toMatch(/app\.test\.ts/);
    expect(JSON.stringify(records)).not.toContain("비밀");
    expect(records.find(({ level }) => level === "info")).toMatchObject({
      method: "POST",
      path: "/models/tiny",
      status: 500,
    });
  });
});

/** A body without end. */
function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(256)) });
}
