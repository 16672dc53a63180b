import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  decodeShard,
  encodeShard,
  formatShardIndex,
  parseShardIndex,
  readShard,
  shardEntry,
} from "./shards.ts";

const lines = { ids: Uint16Array.of(2, 7, 65_535, 3, 2, 3), rowStarts: Uint32Array.of(0, 4, 6) };
const tokenizer = { sha256: "a".repeat(64), vocabSize: 65_536 };

test("a shard's bytes are those of the documentation", () => {
  const view = new DataView(encodeShard(lines).buffer);
  expect(new TextDecoder().decode(new Uint8Array(view.buffer, 0, 8))).toBe("KCSHARD\0");
  expect([8, 12, 16, 20].map((at) => view.getUint32(at, true))).toEqual([1, 2, 6, 0]);
  expect([24, 28, 32].map((at) => view.getUint32(at, true))).toEqual([0, 4, 6]);
  expect([36, 38, 40].map((at) => view.getUint16(at, true))).toEqual([2, 7, 65_535]);
  expect(view.byteLength).toBe(24 + 3 * 4 + 6 * 2);
});

test("any lines survive the way there and back, wherever the bytes begin", () => {
  const row = fc.array(fc.integer({ min: 0, max: 65_535 }), { maxLength: 20 });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 20 }), fc.nat(7), (rows, shift) => {
      const ids = Int32Array.from(rows.flat());
      const rowStarts = new Int32Array(rows.length + 1);
      for (const [i, { length }] of rows.entries()) rowStarts[i + 1] = rowStarts[i]! + length;
      const bytes = encodeShard({ ids, rowStarts });
      const moved = new Uint8Array(bytes.length + shift).subarray(shift);
      moved.set(bytes);
      const back = decodeShard(moved);
      expect([...back.ids]).toEqual([...ids]);
      expect([...back.rowStarts]).toEqual([...rowStarts]);
    }),
  );
});

test("an aligned shard is read where it lies", () => {
  const bytes = encodeShard(lines);
  expect(decodeShard(bytes).ids.buffer).toBe(bytes.buffer);
});

test("an id that needs more than 16 bits is refused", () => {
  const wide = { ids: Int32Array.of(2, 65_536), rowStarts: Int32Array.of(0, 2) };
  expect(() => encodeShard(wide)).toThrow("from 0 to 65535: the id at 1 is 65536");
});

test.each([
  ["cut", (bytes: Uint8Array) => bytes.subarray(0, -2), "it must have 48 bytes by its header, and has 46"],
  ["empty", () => new Uint8Array(), "it is no shard of a corpus"],
  ["of another version", (bytes: Uint8Array) => changed(bytes, 8, 2), "it is a shard of version 2"],
  ["not in order", (bytes: Uint8Array) => changed(bytes, 28, 200), "its row starts do not lead from 0"],
])("a shard that is %s is refused", (_, damage, message) => {
  expect(() => decodeShard(damage(encodeShard(lines)), "00003.kcs")).toThrow(
    new RegExp(`^Cannot read 00003.kcs: ${message}`),
  );
});

test("a shard is checked against its index", async () => {
  const bytes = encodeShard(lines);
  const entry = await shardEntry("00000.kcs", bytes);
  expect([...(await readShard(bytes, entry)).ids]).toEqual([...lines.ids]);
  await expect(readShard(changed(bytes, 40, 1), entry)).rejects.toThrow("its SHA-256 is");
  await expect(readShard(bytes, { ...entry, tokens: 5 })).rejects.toThrow("the index says 2 of 5");
});

test("an index adds up its shards, and comes back as it was", async () => {
  const entry = await shardEntry("00000.kcs", encodeShard(lines));
  const shards = [entry, { ...entry, file: "00001.kcs" }];
  const text = formatShardIndex({ tokenizer, clean: null, recipe: { seed: 1 }, shards });
  const index = parseShardIndex(text);
  expect(index).toMatchObject({ format: "kcbert-shards", version: 1, sequences: 4, tokens: 12, shards });
});

test.each([
  ["{", "it is not JSON"],
  ["[]", "it is no index of a corpus"],
  [{ version: 2 }, "it is an index of version 2, and only version 1 is known"],
  [{ tokenizer: {} }, "tokenizer is missing"],
  [{ clean: 3 }, "clean is missing"],
  [{ tokens: -1 }, "tokens is missing"],
  [{ shards: [{ file: "../x", sequences: 0, tokens: 0, sha256: "0".repeat(64) }] }, "shards[0] is missing"],
])("the index %j is refused", (change, message) => {
  const index = JSON.parse(formatShardIndex({ tokenizer, clean: null, recipe: {}, shards: [] })) as object;
  const text = typeof change === "string" ? change : JSON.stringify({ ...index, ...change });
  expect(() => parseShardIndex(text, "corpus/index.json")).toThrow(
    `Cannot read corpus/index.json: ${message}`,
  );
});

function changed(bytes: Uint8Array, at: number, byte: number): Uint8Array<ArrayBuffer> {
  const copy = Uint8Array.from(bytes);
  copy[at] = byte;
  return copy;
}
