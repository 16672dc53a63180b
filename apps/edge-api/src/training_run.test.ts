import { appendFile, mkdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { createApp } from "./app.ts";
import { systemClock } from "./clock.ts";
import { trainingFolder } from "./entries/_node_folder.ts";
import type { LogRecord } from "./log.ts";
import { runModel } from "./run_model.ts";
import { readEvents, type SentEvent } from "./page/read_events.ts";
import { appendEvents, recordedRun } from "./testing/recorded_run.ts";
import { temporaryFolder } from "./testing/temporary_folder.ts";
import { startBackend, tinyModel, writeFolder, type Files } from "./testing/tiny_model.ts";
import { TrainingRun, type TrainingRunOptions } from "./training_run.ts";

let files: Files;
beforeAll(async () => {
  files = await tinyModel(1);
});

/** A server that follows the run in a new folder. */
async function following(options: Partial<TrainingRunOptions> = {}) {
  const folder = await temporaryFolder();
  const records: LogRecord[] = [];
  const log = (record: LogRecord): void => void records.push(record);
  const run = new TrainingRun(trainingFolder(folder), { clock: systemClock, log, pollMs: 20, ...options });
  const stopping = new AbortController();
  const app = createApp({
    models: [runModel("run", run)],
    backend: startBackend,
    training: run,
    log,
    shutdown: stopping.signal,
  });
  return { app, run, folder, metrics: join(folder, "metrics.jsonl"), records, stopping };
}

/** Take events until `isLast` says so. */
async function take(
  events: AsyncGenerator<SentEvent>,
  isLast: (event: SentEvent) => boolean,
): Promise<SentEvent[]> {
  const taken: SentEvent[] = [];
  for (;;) {
    const { value, done } = await events.next();
    if (done === true) return taken;
    taken.push(value);
    if (isLast(value)) return taken;
  }
}

const ask: RequestInit = {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ inputs: "영화 [MASK]" }),
};

describe("GET /training/events", () => {
  test("replays what happened, follows what happens, and ends with the run", async () => {
    const { app, metrics, folder } = await following();
    const all = [...recordedRun(40)];
    await appendEvents(metrics, all.slice(0, 20));
    const response = await app.request("/training/events");
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const events = readEvents(response);
    const replayed = await take(events, ({ event }) => event === "model");
    expect(replayed.slice(0, -1).map(({ data }) => data)).toEqual(all.slice(0, 20));
    expect(replayed.at(-1)!.data).toBeNull();

    await appendEvents(metrics, all.slice(20, 30));
    const followed = await take(events, ({ data }) => JSON.stringify(data) === JSON.stringify(all[29]));
    expect(followed.map(({ data }) => data)).toEqual(all.slice(20, 30));

    await writeFolder(join(folder, "checkpoint-20"), files);
    const [model] = await take(events, ({ event }) => event === "model");
    expect(model!.data).toMatchObject({ state: "checkpoint", step: 20 });

    for (const [name, bytes] of files) await writeFile(join(folder, name), bytes);
    await appendEvents(metrics, all.slice(30));
    const rest = await take(events, () => false);
    const told = rest.filter(({ event }) => event !== "model" && event !== ":").map(({ data }) => data);
    expect(told).toEqual(all.slice(30));
    expect(rest.at(-1)!.data).toMatchObject({ state: "final" });
  });

  test("goes on after the event that the client knows", async () => {
    const { app, metrics } = await following({ settleMs: 0 });
    const all = [...recordedRun(30)];
    await appendEvents(metrics, all);
    const first = await take(readEvents(await app.request("/training/events")), () => false);
    const known = first.filter(({ id }) => id !== undefined);
    const again = await app.request("/training/events", { headers: { "last-event-id": known[9]!.id! } });
    const rest = (await take(readEvents(again), () => false)).filter(({ id }) => id !== undefined);
    expect(rest).toEqual(known.slice(10));
    for (const id of ["nonsense", "another.run-5", "../../etc-1"]) {
      const other = await app.request("/training/events", { headers: { "last-event-id": id } });
      const events = await take(readEvents(other), () => false);
      expect(events.filter((event) => event.id !== undefined)).toEqual(known);
    }
  });

  test("waits for a run that has not begun, and lives through one that begins anew", async () => {
    const { app, metrics, run } = await following();
    const events = readEvents(await app.request("/training/events"));
    expect((await events.next()).value).toMatchObject({ event: "model", data: null });
    expect(run.state).toBe("waiting");
    await appendEvents(metrics, [...recordedRun(30)].slice(0, 6));
    await take(events, ({ data }) => (data as { step?: number } | null)?.step === 5);
    expect(run.state).toBe("running");
    await truncate(metrics);
    await appendEvents(metrics, [...recordedRun(10)].slice(0, 2));
    const anew = await take(events, ({ data }) => (data as { step?: number } | null)?.step === 1);
    expect(anew.map(({ event }) => event)).toEqual(["reset", "start", "step"]);
    await rm(metrics);
    await take(events, ({ event }) => event === "reset");
    expect(run.state).toBe("waiting");
    await events.return(undefined);
  });

  test("passes on whole lines only, and leaves out what is none of ours", async () => {
    const { app, metrics, run, records } = await following();
    const step = JSON.stringify({ event: "step", step: 1, loss: 5, note: "한글" });
    const bytes = new TextEncoder().encode(`${step}\n`);
    const events = readEvents(await app.request("/training/events"));
    await events.next();
    const cut = bytes.length - 6; // in the middle of a syllable
    await appendFile(metrics, bytes.subarray(0, cut));
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(run.state).toBe("waiting");
    await appendFile(metrics, bytes.subarray(cut));
    expect((await events.next()).value.data).toMatchObject({ step: 1, note: "한글" });
    await appendFile(
      metrics,
      `not json\n{"event":"other"}\n\n{"event":"step","step":-1}\n{"event":"step","step":2,"loss":null}\n`,
    );
    expect((await events.next()).value.data).toEqual({ event: "step", step: 2, loss: null });
    expect(records.filter(({ level }) => level === "warning")).toHaveLength(1);
    await events.return(undefined);
  });

  test("says now and then that it is still there", async () => {
    const { app } = await following({ heartbeatMs: 30 });
    const events = readEvents(await app.request("/training/events"));
    const two = await take(events, ({ event }) => event === ":");
    expect(two.at(-1)!.data).toBe("still there");
    await events.return(undefined);
  });

  test("ends when the server stops, and lets go when the client leaves", async () => {
    const { app, stopping } = await following();
    const left = await app.request("/training/events");
    await left.body!.cancel();
    const events = readEvents(await app.request("/training/events"));
    await events.next();
    stopping.abort();
    expect((await events.next()).done).toBe(true);
  });

  test("tells an EventSource not to come back when there is no run", async () => {
    const app = createApp({ models: [], backend: startBackend });
    expect((await app.request("/training/events")).status).toBe(204);
  });
});

describe("the model of a run", () => {
  test("is waited for, then a checkpoint, then what the run ended with", async () => {
    const { app, metrics, folder, run } = await following();
    const status = async () => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      const response = await app.request("/models/run", ask);
      return {
        status: response.status,
        state: response.headers.get("x-model-state"),
        json: await response.json(),
      };
    };
    expect((await status()).json.error).toMatch(/its training has not begun/);
    const all = [...recordedRun(20)];
    await appendEvents(metrics, all.slice(0, 8));
    expect(await status()).toMatchObject({ status: 429 });
    expect((await status()).json.error).toMatch(/step 7 of 20\) and has written no checkpoint/);

    await mkdir(join(folder, "checkpoint-8"));
    await writeFile(join(folder, "checkpoint-8", "config.json"), files.get("config.json")!);
    expect(await status()).toMatchObject({ status: 429 });
    await rm(join(folder, "checkpoint-8"), { recursive: true });
    await writeFolder(join(folder, "checkpoint-8"), files);
    const early = await status();
    expect(early).toMatchObject({ status: 200, state: "checkpoint; step=8" });
    await writeFolder(join(folder, "checkpoint-10"), await tinyModel(2));
    const later = await status();
    expect(later).toMatchObject({ status: 200, state: "checkpoint; step=10" });
    expect(later.json).not.toEqual(early.json);

    await rm(join(folder, "checkpoint-8"), { recursive: true });
    for (const [name, bytes] of files) await writeFile(join(folder, name), bytes);
    expect(await status()).toMatchObject({ state: "checkpoint; step=10" });
    await appendEvents(metrics, all.slice(8));
    const last = await status();
    expect(last).toMatchObject({ status: 200, state: "final" });
    expect(last.json).toEqual(early.json);
    expect(run.state).toBe("done");
  });

  test("is not taken for whole while its weights are being written", async () => {
    const { app, folder } = await following();
    for (const [name, bytes] of files) {
      if (name !== "model.safetensors") await writeFile(join(folder, name), bytes);
    }
    const weights = files.get("model.safetensors")!;
    for (const part of [4, 100, weights.length - 1]) {
      await writeFile(join(folder, "model.safetensors"), weights.subarray(0, part));
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect((await app.request("/models/run", ask)).status).toBe(429);
    }
    await writeFile(join(folder, "model.safetensors"), weights);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect((await app.request("/models/run", ask)).status).toBe(200);
  });
});

test("TrainingRun reads its folder no oftener than asked to, however many follow", async () => {
  let reads = 0;
  let now = 0;
  const folder = {
    readMetrics: async () => {
      reads += 1;
      return undefined;
    },
    readModels: async () => ({}),
  };
  const clock = { now: () => now, wait: async () => {} };
  const run = new TrainingRun(folder, { clock, log: () => {}, pollMs: 1_000 });
  await Promise.all(Array.from({ length: 50 }, () => run.refresh()));
  await run.refresh();
  expect(reads).toBe(1);
  now = 999;
  await run.refresh();
  expect(reads).toBe(1);
  now = 1_000;
  await Promise.all(Array.from({ length: 50 }, () => run.refresh()));
  expect(reads).toBe(2);
});
