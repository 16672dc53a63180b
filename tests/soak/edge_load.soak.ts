/** The server under steady load, with clients that leave, lie and send too much: right answers, no 5xx, no growth, a clean end. */
import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, expect, test } from "vitest";
import { rate, report, soakMs } from "./_duration.ts";
import { cli, ended, pause, residentBytes, start, temporaryFolder } from "./_processes.ts";
import { realComments } from "./_real_comments.ts";
import { pretrainWords, tinyTraining } from "./_tiny_training.ts";

const PER_SECOND = 20;
const ABORTED = 1_000;
const usual = new Agent({ keepAlive: true, maxSockets: 512 });
afterAll(() => usual.destroy());

test("steady load, aborted connections and hostile bodies", async () => {
  const root = temporaryFolder();
  const model = join(root, "model");
  await cli(...pretrainWords(await tinyTraining(root, 2000), model, "--steps", "100", "--max-length", "64"));
  const probe = ["--expose-gc", "--import", join(import.meta.dirname, "_memory_probe.ts")];
  const server = start("apps/edge-api/src/entries/node.ts", ["--model", model, "--port", "0"], probe);
  const end = ended(server);
  const lines = createInterface({ input: server.stdout! });
  const [address] = (await once(lines, "line")) as [string];
  const bytesLeft = async (): Promise<number> => {
    server.kill("SIGUSR2");
    const [line] = (await once(lines, "line")) as [string];
    return Number(line);
  };
  const url = new URL("models/model", address);

  const expected = await singleAnswers(url);
  await steadily(Math.min(10_000, soakMs), (i) => check(url, expected, i));
  for (const hostile of HOSTILE) await checkHostile(url, hostile);
  const many = (): Promise<number[]> =>
    Promise.all(Array.from({ length: 300 }, (_, i) => check(url, expected, i)));
  for (let i = 0; i < 20; i++) await many(); // V8 gives its young objects more room until some thousands of requests have come
  const [warm, warmLeft] = [residentBytes(server), await bytesLeft()];

  const disturbance = disturb(url);
  const memory: number[] = [];
  const sampling = setInterval(() => memory.push(residentBytes(server)), soakMs / 120);
  const { sent, latencies } = await steadily(soakMs, (i) => check(url, expected, i));
  clearInterval(sampling);
  const disturbances = await disturbance;
  const [answered, busy] = [
    latencies.filter((ms) => ms >= 0).sort((a, b) => a - b),
    latencies.filter((ms) => ms < 0),
  ];
  expect(answered.length).toBeGreaterThan(sent / 2);

  const burst = await many();
  expect((await post(new URL("/health", address), undefined, { method: "GET" })).status).toBe(200);
  const [resident, left] = [residentBytes(server), await bytesLeft()];
  const most = Math.max(...memory);
  report(
    `edge: ${megabytes(warm)} resident after warm-up, ${megabytes(most)} at most, ${megabytes(resident)} at the end; without garbage ${megabytes(warmLeft)} and ${megabytes(left)}`,
  );
  expect(left).toBeLessThan(warmLeft * 1.05);
  expect(Math.max(most, resident)).toBeLessThan(warm * 1.25);

  usual.destroy(); // connections that are kept alive would be waited for, until the server closes them
  server.kill("SIGTERM");
  const { code, stderr } = await end;
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });

  const at = (part: number): string =>
    `${Math.round(answered[Math.floor(part * (answered.length - 1))]!)} ms`;
  report(
    `edge: ${rate(sent, "requests", soakMs)}, ${busy.length} of them 429; median ${at(0.5)}, 99 % within ${at(0.99)}`,
  );
  report(`edge: 300 at once: ${burst.filter((ms) => ms < 0).length} of them 429; ${disturbances}`);
});

// --- internal ---

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** Send a request; an answer counts even if the server does not take the rest of the body. */
function post(
  url: URL,
  body: string | Uint8Array | Uint8Array[] | undefined,
  { method = "POST", agent = usual }: { method?: string; agent?: Agent } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const sent = request(url, { method, agent, headers, timeout: 60_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      const answer = (): void =>
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        });
      response.on("end", answer);
      response.on("error", answer);
    });
    const begun = performance.now();
    sent.on("error", (error) => {
      const [what, after] = [String(body ?? "").slice(0, 80), Math.round(performance.now() - begun)];
      reject(new Error(`${error.message} after ${after} ms: ${method} ${what}`, { cause: error }));
    });
    sent.on("timeout", () => sent.destroy(new Error("no answer in a minute")));
    if (Array.isArray(body)) for (const part of body) sent.write(part); // chunked: its length is not told
    sent.end(Array.isArray(body) ? undefined : body);
  });
}

/** Real comments, a word of each hidden, with what the server answers to each when it has nothing else to do. */
async function singleAnswers(url: URL): Promise<Map<string, string>> {
  const answers = new Map<string, string>();
  for (const comment of realComments(5000)) {
    const words = comment.split(" ");
    if (words.length < 3 || comment.length > 40) continue;
    words[comment.length % words.length] = "[MASK]";
    const body = JSON.stringify({ inputs: words.join(" ") });
    const { status, body: answer } = await post(url, body);
    expect({ body, status }).toEqual({ body, status: 200 });
    expect(JSON.parse(answer)).toHaveLength(5);
    answers.set(body, answer);
    if (answers.size === 200) return answers;
  }
  throw new Error("Cannot load the server as there are too few comments");
}

/** Ask one of them again: the same answer, or that the server is busy (-1); how long it took, in milliseconds. */
async function check(url: URL, expected: ReadonlyMap<string, string>, i: number): Promise<number> {
  const [body, answer] = [...expected][(i * 7) % expected.size]!;
  const start = performance.now();
  const got = await post(url, body);
  if (got.status === 429) {
    expect(Number(got.headers["retry-after"])).toBeGreaterThan(0);
    return -1;
  }
  expect({ body, status: got.status }).toEqual({ body, status: 200 });
  expectSame(JSON.parse(got.body), JSON.parse(answer));
  return performance.now() - start;
}

/** The same tokens with the same scores, but for what other texts in a batch do to float32's last digits. */
function expectSame(got: Fill[], expected: Fill[]): void {
  expect(got.map(({ sequence }) => sequence)).toEqual(expected.map(({ sequence }) => sequence));
  for (const [i, { score }] of expected.entries()) expect(Math.abs(got[i]!.score - score)).toBeLessThan(1e-5);
}

interface Fill {
  readonly sequence: string;
  readonly score: number;
}

/** Begin something at a constant rate, however long each takes; wait for all. */
async function steadily(
  milliseconds: number,
  work: (i: number) => Promise<number>,
): Promise<{ sent: number; latencies: number[] }> {
  const start = performance.now();
  const pending: Promise<number>[] = [];
  const failed = new AbortController();
  while (performance.now() - start < milliseconds && !failed.signal.aborted) {
    const due = Math.ceil(((performance.now() - start) / 1000) * PER_SECOND);
    while (pending.length < due) {
      const one = work(pending.length);
      one.catch(() => failed.abort()); // thrown at the end
      pending.push(one);
    }
    await pause(1000 / PER_SECOND / 2);
  }
  return { sent: pending.length, latencies: await Promise.all(pending) };
}

/** Clients that leave at some point, and hostile bodies, for as long as the load lasts. */
async function disturb(url: URL): Promise<string> {
  const start = performance.now();
  let [aborted, hostile] = [0, 0];
  while (aborted < ABORTED || performance.now() - start < soakMs) {
    if (aborted < ABORTED) await leave(url, aborted++);
    if (hostile * 200 < performance.now() - start) {
      await checkHostile(url, HOSTILE[hostile++ % HOSTILE.length]!);
    }
    await pause(Math.min(200, soakMs / ABORTED / 2));
  }
  return `${aborted} connections broken off, ${hostile} hostile bodies`;
}

/** Leave in the middle of the head, of the body, or before the answer. */
async function leave(url: URL, i: number): Promise<void> {
  const body = JSON.stringify({ inputs: Array.from({ length: 32 }, () => "이 영화 정말 [MASK] 좋다") });
  const head = `POST ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  const whole = Buffer.from(head + body);
  const sent = [head.length >> 1, head.length, head.length + (body.length >> 1), whole.length][i % 4]!;
  const socket = connect(Number(url.port), url.hostname);
  socket.on("error", () => {}); // the server may be the first to hang up
  await once(socket, "connect");
  socket.write(whole.subarray(0, sent));
  await pause(Math.random() * 20);
  if (i % 2 === 0) socket.resetAndDestroy();
  else socket.destroy();
}

/** A body that is not right, or looks so, and the answers that are. */
interface Hostile {
  readonly name: string;
  readonly body: string | Uint8Array | Uint8Array[];
  readonly status: number;
}

const megabyte = new Uint8Array(1 << 20).fill(0x20);
const HOSTILE: readonly Hostile[] = [
  { name: "10 MB", body: Buffer.alloc(10_000_000, " "), status: 413 },
  { name: "10 MB whose length is not told", body: Array.from({ length: 10 }, () => megabyte), status: 413 },
  { name: "no JSON", body: '{"inputs":"[MASK]"', status: 400 },
  { name: "nothing", body: "", status: 400 },
  { name: "no UTF-8", body: Buffer.from('{"inputs":"[MASK]\xff\xfe"}', "latin1"), status: 400 },
  { name: "half a character", body: Buffer.from('{"inputs":"[MASK] 가"}').subarray(0, -4), status: 400 },
  { name: "deep lists", body: `{"inputs":${"[".repeat(200_000)}${"]".repeat(200_000)}}`, status: 422 },
  {
    name: "deep objects",
    body: `{"inputs":"[MASK]","x":${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}}`,
    status: 422,
  },
  { name: "deep and not closed", body: "[".repeat(1_000_000), status: 422 },
  { name: "a list", body: "[1]", status: 422 },
  { name: "a number for a text", body: '{"inputs":1e999}', status: 422 },
  { name: "null", body: "null", status: 422 },
  { name: "a prototype", body: '{"__proto__":{"inputs":"[MASK]"}}', status: 422 },
  { name: "null bytes", body: JSON.stringify({ inputs: "영화\0 [MASK]\0\0" }), status: 200 },
  { name: "lone surrogates", body: '{"inputs":"\\ud83d [MASK] \\udc4d\\ud83d"}', status: 200 },
  { name: "no mask", body: '{"inputs":"영화"}', status: 422 },
  { name: "many masks", body: JSON.stringify({ inputs: "[MASK]".repeat(10_000) }), status: 422 },
  {
    name: "too many texts",
    body: JSON.stringify({ inputs: Array.from({ length: 33 }, () => "[MASK]") }),
    status: 422,
  },
  { name: "a text too long", body: JSON.stringify({ inputs: `[MASK]${"가".repeat(100_000)}` }), status: 422 },
  { name: "top_k too large", body: '{"inputs":"[MASK]","parameters":{"top_k":1e9}}', status: 422 },
  { name: "targets that are none", body: '{"inputs":"[MASK]","parameters":{"targets":[""]}}', status: 422 },
];

/** The right status, and a sentence where it is an error; 429 while the server is busy. */
async function checkHostile(url: URL, { name, body, status }: Hostile): Promise<void> {
  const agent = new Agent({ keepAlive: true }); // a client of its own: what it did not send is not in others' way
  const answer = await post(url, body, { agent }).catch((error: Error) => {
    // It was refused, and the connection closed, while the client still wrote: the answer may be lost on the way.
    if (status === 413 && /EPIPE|ECONNRESET/.test(error.message)) return undefined;
    throw error;
  });
  agent.destroy();
  if (answer === undefined || answer.status === 429) return;
  expect({ name, status: answer.status, body: answer.body.slice(0, 300) }).toMatchObject({ name, status });
  if (status !== 200)
    expect(JSON.parse(answer.body)).toMatchObject({ error: expect.stringMatching(/^[A-Z].{10}/) });
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
