/** The client of `edge.ts`: real comments, sent at a fixed rate or by so many at once; every answer is compared. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

const agent = new Agent({ keepAlive: true, maxSockets: 1_024 });

/** Single comments of real lengths, 200 of them. */
export const comments: string[] = gunzipSync(
  readFileSync(join(import.meta.dirname, "../examples/data/reviews.sample.tsv.gz")),
)
  .toString("utf8")
  .split("\n")
  .slice(1, 40_001)
  .filter((_, i) => i % 200 === 0)
  .map((row) => row.split("\t")[2]!);

/** The bodies of their requests. */
export const bodies: string[] = comments.map((inputs) => JSON.stringify({ inputs }));

/** What a server says of each comment when it has nothing else to do: scores by label. */
export type Expected = readonly ReadonlyMap<string, number>[];

/** What became of requests; milliseconds. */
export interface Run {
  readonly ok: number;
  readonly busy: number;
  readonly other: number;
  readonly wrong: number;
  readonly p50: number;
  readonly p99: number;
  /** Answered with 200. */
  readonly perSecond: number;
}

/** Ask once. */
export function send(url: URL, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const sent = request(url, { method: "POST", agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({
          status: response.statusCode!,
          body: Buffer.concat(chunks).toString(),
          retryAfter: response.headers["retry-after"],
        }),
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Ask everything once, one after the other. */
export async function singly(url: URL): Promise<Expected> {
  const expected = [];
  for (const body of bodies) expected.push(scoresOf((await send(url, body)).body));
  return expected;
}

/** Requests at a constant rate, however long each takes. */
export async function steadily(url: URL, rate: number, seconds: number, expected: Expected): Promise<Run> {
  const tally = new Tally(url, expected);
  const pending: Promise<void>[] = [];
  const start = performance.now();
  while (performance.now() - start < seconds * 1_000) {
    const due = Math.ceil(((performance.now() - start) / 1_000) * rate);
    while (pending.length < due) pending.push(tally.ask(pending.length));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await Promise.all(pending);
  return tally.run(performance.now() - start);
}

/** So many clients, each of which asks again as soon as it is answered. */
export async function busily(url: URL, clients: number, seconds: number, expected: Expected): Promise<Run> {
  const tally = new Tally(url, expected);
  const start = performance.now();
  let asked = 0;
  const one = async (): Promise<void> => {
    while (performance.now() - start < seconds * 1_000) await tally.ask(asked++);
  };
  await Promise.all(Array.from({ length: clients }, one));
  return tally.run(performance.now() - start);
}

/** The middle value. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

// --- internal ---

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly retryAfter: string | undefined;
}

class Tally {
  readonly #url: URL;
  readonly #expected: Expected;
  readonly #latencies: number[] = [];
  #busy = 0;
  #other = 0;
  #wrong = 0;

  constructor(url: URL, expected: Expected) {
    this.#url = url;
    this.#expected = expected;
  }

  async ask(number: number): Promise<void> {
    const i = (number * 7) % bodies.length;
    const start = performance.now();
    const lost: Answer = { status: 0, body: "", retryAfter: undefined };
    const { status, body, retryAfter } = await send(this.#url, bodies[i]!).catch(() => lost);
    if (status === 429) {
      assert.ok(Number(retryAfter) > 0);
      this.#busy += 1;
    } else if (status !== 200) this.#other += 1;
    else {
      this.#latencies.push(performance.now() - start);
      const scores = scoresOf(body);
      for (const [label, score] of this.#expected[i]!) {
        if (!(Math.abs(scores.get(label)! - score) <= 1e-5)) this.#wrong += 1;
      }
    }
  }

  run(milliseconds: number): Run {
    const latencies = this.#latencies.toSorted((a, b) => a - b);
    const at = (part: number): number => latencies[Math.floor(part * (latencies.length - 1))] ?? Number.NaN;
    return {
      ok: latencies.length,
      busy: this.#busy,
      other: this.#other,
      wrong: this.#wrong,
      p50: at(0.5),
      p99: at(0.99),
      perSecond: (1_000 * latencies.length) / milliseconds,
    };
  }
}

/** Both servers give their labels best first; compared by name. */
function scoresOf(body: string): Map<string, number> {
  const [labels] = JSON.parse(body) as { label: string; score: number }[][];
  return new Map(labels!.map(({ label, score }) => [label, score]));
}
