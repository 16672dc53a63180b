import * as fc from "fast-check";
import { expect, test } from "vitest";
import { bucketLines } from "./buckets.ts";
import { holdOutOfShards, type LineShards, oneShard } from "./line_shards.ts";
import { BatchLoader, type LoaderOptions, type LoaderPosition } from "./loader.ts";
import type { MaskedBatch } from "./masked_lm.ts";
import { lineCount, type TokenizedLines } from "./tokenized_lines.ts";

/** Lines of the given numbers of tokens; every token of the corpus is different, from `next` on. */
function linesOf(lengths: readonly number[], next: number): TokenizedLines {
  const rowStarts = [0];
  const ids = lengths.flatMap((length) => {
    rowStarts.push(rowStarts.at(-1)! + length + 2);
    return [2, ...Array.from({ length }, () => next++), 3];
  });
  return { ids: Uint16Array.from(ids), rowStarts: Uint32Array.from(rowStarts) };
}

/** A corpus of shards, and the order in which they were read. */
function shardsOf(lengths: readonly (readonly number[])[]): { corpus: LineShards; read: number[] } {
  const read: number[] = [];
  const parts = lengths.map((part, i) => linesOf(part, 10 + 1000 * i));
  const corpus: LineShards = {
    shards: parts.map((part) => ({ sequences: lineCount(part), tokens: part.ids.length })),
    checksum: "test",
    read: async (shard) => {
      read.push(shard);
      return parts[shard]!;
    },
  };
  return { corpus, read };
}

const options: LoaderOptions = {
  batchSize: 2,
  rowLength: 16,
  seed: 3,
  padId: 0,
  masking: { maskId: 4, specialIds: [0, 1, 2, 3, 4], vocabSize: 10_000 },
};
const LENGTHS = [
  [3, 5, 7, 2, 9, 14, 1, 4, 6],
  [8, 8, 2, 3, 11, 5],
  [1, 2, 3, 4, 5, 6, 7, 8],
];

async function take(loader: BatchLoader, count: number, draw = 0): Promise<MaskedBatch[]> {
  const batches: MaskedBatch[] = [];
  for (let i = 0; i < count; i++) batches.push(await loader.next(draw + i));
  return batches;
}

test.each([
  ["packed", {}],
  ["in buckets", { buckets: [6, 10, 16] }],
  ["with static masks", { maskCopies: 2 }],
])("a loader, %s, goes on from any of its positions", async (_, changes) => {
  const { corpus } = shardsOf(LENGTHS);
  const loader = new BatchLoader(corpus, { ...options, ...changes });
  const batches: MaskedBatch[] = [];
  const positions: LoaderPosition[] = [];
  for (let i = 0; i < 25; i++) {
    positions.push(loader.position);
    batches.push(await loader.next(i));
  }
  expect(loader.position.epoch).toBeGreaterThan(1);
  for (const at of [0, 1, 4, 9, 20]) {
    const again = await take(new BatchLoader(corpus, { ...options, ...changes }, positions[at]), 25 - at, at);
    expect(again).toEqual(batches.slice(at));
  }
});

test("in an epoch every shard comes once, in another order each time, and one is read ahead", async () => {
  const { corpus, read } = shardsOf(Array.from({ length: 6 }, () => [5, 6, 7, 8]));
  const loader = new BatchLoader(corpus, options);
  const orders: string[] = [];
  while (loader.position.epoch < 4) {
    const { epoch, shard } = loader.position;
    await loader.next(0);
    if (loader.position.epoch > 3) break;
    expect(read.length).toBeLessThanOrEqual(6 * epoch + shard + 3);
  }
  for (let epoch = 0; epoch < 4; epoch++) orders.push(read.slice(6 * epoch, 6 * epoch + 6).join(""));
  for (const order of orders) expect(order.split("").sort().join("")).toBe("012345");
  expect(new Set(orders).size).toBeGreaterThan(2);
});

test("a shard that cannot be read fails when its turn comes, not before", async () => {
  const { corpus } = shardsOf([[5], [6]]);
  let reads = 0;
  const loader = new BatchLoader(
    {
      ...corpus,
      read: async (shard) => {
        if (++reads > 1) throw new Error("the disk is gone");
        return corpus.read(shard);
      },
    },
    options,
  );
  await loader.next(0);
  await expect(loader.next(1)).rejects.toThrow("the disk is gone");
});

test("static masks come again after as many epochs as there are copies", async () => {
  const corpus = oneShard(linesOf(Array(40).fill(6), 10));
  const loader = new BatchLoader(corpus, { ...options, rowLength: 8, batchSize: 40, maskCopies: 2 });
  const byLine = ({ lines, inputIds }: MaskedBatch) =>
    Array.from(lines, (line, i) => [line, inputIds.slice(8 * i, 8 * i + 8).join()] as const).sort(
      ([a], [b]) => a - b,
    );
  const [first, second, third] = (await take(loader, 3)).map(byLine);
  expect(third).toEqual(first);
  expect(second).not.toEqual(first);
});

test("bucketLines() puts every line alone into the shortest row that takes it", () => {
  const lengths = fc.array(fc.nat(40), { maxLength: 60 });
  fc.assert(
    fc.property(lengths, fc.nat(), (lengths, seed) => {
      const buckets = [4, 8, 24];
      const rows = bucketLines(linesOf(lengths, 10), { buckets, seed, epoch: 0 });
      const found = rows.flatMap(({ lines, starts }, bucket) => {
        expect([...starts]).toEqual(Array.from({ length: lines.length + 1 }, (_, i) => i));
        for (const line of lines) {
          const length = lengths[line]! + 2;
          expect(length > (buckets[bucket - 1] ?? 0)).toBe(true);
          expect(length <= buckets[bucket]! || bucket === 2).toBe(true);
        }
        return [...lines];
      });
      const wanted = lengths.flatMap((length, line) => (length > 0 ? [line] : []));
      expect(found.sort((a, b) => a - b)).toEqual(wanted);
    }),
  );
});

test.each([[[]], [[8, 8]], [[2, 8]], [[8, 4]]])("buckets of %j are refused", (buckets) => {
  expect(() => bucketLines(linesOf([1], 10), { buckets, seed: 0, epoch: 0 })).toThrow(RangeError);
});

test("holdOutOfShards() takes lines of the first shard, and gives the others without them", async () => {
  const { corpus, read } = shardsOf(LENGTHS);
  const { train, heldOut } = await holdOutOfShards(corpus, 3, 1);
  expect(lineCount(heldOut)).toBe(3);
  for (const [i, { sequences, tokens }] of train.shards.entries()) {
    const lines = await train.read(i);
    expect([lineCount(lines), lines.ids.length]).toEqual([sequences, tokens]);
    const ids = new Set(lines.ids);
    if (i === 0) expect(heldOut.ids.some((id) => id > 9 && ids.has(id))).toBe(false);
  }
  expect(read.filter((shard) => shard === 0)).toHaveLength(1);
});
