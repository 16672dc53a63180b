import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Batcher, type Job } from "./batcher.ts";
import { systemClock } from "./clock.ts";

const limits = { batchTokens: 100, batchItems: 8, queuedTokens: 1_000 };
const never = new AbortController().signal;

/** A batcher whose jobs double numbers, and what went through together. */
function doubling(options: Partial<typeof limits> = {}) {
  const batches: number[][] = [];
  const batcher = new Batcher({ limits: { ...limits, ...options }, clock: systemClock });
  const job = (items: number[], tokens = items.map(() => 10), more: Partial<Job<number, number>> = {}) =>
    batcher.submit<number, number>({
      key: "double",
      items,
      tokens,
      signal: never,
      run: async (batch) => {
        batches.push(batch);
        await Promise.resolve();
        return batch.map((item) => 2 * item);
      },
      ...more,
    });
  return { batcher, batches, job };
}

describe("Batcher", () => {
  test("brings what waits through together, and gives everyone theirs", async () => {
    const { batches, job } = doubling();
    const all = await Promise.all([job([1]), job([2, 3]), job([4]), job([5])]);
    expect(all.map(({ results }) => results)).toEqual([[2], [4, 6], [8], [10]]);
    expect(batches).toEqual([[1, 2, 3, 4, 5]]);
  });

  test("keeps to the budget of tokens, padding included, and to the number of texts", async () => {
    const { batches, job } = doubling();
    await job([1, 2, 3], [60, 50, 10]); // 60 + 60 is more than 100
    expect(batches).toEqual([[1], [2, 3]]);
    batches.length = 0;
    await job(
      Array.from({ length: 20 }, (_, i) => i),
      Array.from({ length: 20 }, () => 1),
    );
    expect(batches.map(({ length }) => length)).toEqual([8, 8, 4]);
    batches.length = 0;
    await job([7], [5_000]); // one that is longer than the budget goes alone
    expect(batches).toEqual([[7]]);
  });

  test("mixes no jobs of other kinds, and serves them in their order", async () => {
    const { batches, job } = doubling();
    await Promise.all([job([1]), job([2], [10], { key: "other" }), job([3])]);
    expect(batches).toEqual([[1, 3], [2]]);
  });

  test("refuses what would wait too long, and takes more when there is room again", async () => {
    const { job } = doubling({ queuedTokens: 100 });
    const first = [job([1], [60]), job([2], [40])];
    await expect(job([3], [1])).rejects.toMatchObject({ status: 429, retryAfter: 1 });
    await Promise.all(first);
    expect((await job([4], [100])).results).toEqual([8]);
  });

  test("forgets a job whose client left, and the others do not notice", async () => {
    const { batcher, batches, job } = doubling();
    const leave = new AbortController();
    const left = job([1], [10], { signal: leave.signal }); // the one that drives
    const stayed = job([2]);
    leave.abort(new Error("gone"));
    await expect(left).rejects.toThrow("gone");
    expect((await stayed).results).toEqual([4]);
    expect(batches).toEqual([[2]]);
    expect(batcher.queued).toBe(0);
    await expect(job([3], [10], { signal: leave.signal })).rejects.toThrow("gone");
  });

  test("stops a batch once nobody waits for it", async () => {
    const { job } = doubling();
    const leave = new AbortController();
    const seen = Promise.withResolvers<AbortSignal>();
    const left = job([1], [10], {
      signal: leave.signal,
      run: async (batch, signal) => {
        seen.resolve(signal);
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        signal.throwIfAborted();
        return batch;
      },
    });
    const signal = await seen.promise;
    expect(signal.aborted).toBe(false);
    leave.abort(new Error("gone"));
    expect(signal.aborted).toBe(true);
    await expect(left).rejects.toThrow("gone");
    expect((await job([2])).results).toEqual([4]);
  });

  test("lets nobody suffer for a job that fails", async () => {
    const { job } = doubling();
    const run: Job<number, number>["run"] = async (batch) => {
      if (batch.includes(2)) throw new RangeError("two");
      return batch.map((item) => 2 * item);
    };
    const [one, two, three] = await Promise.allSettled([
      job([1], [10], { run }),
      job([2], [10], { run }),
      job([3], [10], { run }),
    ]);
    expect(one).toMatchObject({ status: "fulfilled", value: { results: [2] } });
    expect(two).toMatchObject({ status: "rejected", reason: { message: "two" } });
    expect(three).toMatchObject({ status: "fulfilled", value: { results: [6] } });
  });

  test("answers every job with its own, whatever comes, leaves and fails", async () => {
    const jobs = fc.array(
      fc.record({
        items: fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 12 }),
        key: fc.constantFrom("a", "b"),
        waits: fc.integer({ min: 0, max: 3 }),
        leaves: fc.boolean(),
      }),
      { maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(jobs, async (jobs) => {
        const { batcher, job } = doubling({ queuedTokens: 1e6 });
        const outcomes = jobs.map(async ({ items, key, waits, leaves }) => {
          for (let i = 0; i < waits; i++) await new Promise((resolve) => setImmediate(resolve));
          const leave = new AbortController();
          const done = job(items, [...items], { key, signal: leave.signal });
          if (leaves) setImmediate(() => leave.abort(new Error("gone")));
          const outcome = await Promise.allSettled([done]);
          if (outcome[0].status === "rejected") return outcome[0].reason.message === "gone" && leaves;
          return outcome[0].value.results.every((result, i) => result === 2 * items[i]!);
        });
        expect(await Promise.all(outcomes)).toEqual(jobs.map(() => true));
        expect(batcher.queued).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});
