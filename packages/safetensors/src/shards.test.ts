import { describe, expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
import { goldenBertText } from "../../../tests/golden/bert.ts";
import { CheckpointError, formatShardIndex, parseShardIndex, splitIntoShards } from "./mod.ts";

describe("parseShardIndex()", () => {
  test("reads the reference's, and formatShardIndex() writes it back", () => {
    const json = goldenBertText("formats/sharded/model.safetensors.index.json");
    const index = parseShardIndex(json);
    expect(new Set(index.weightMap.values()).size).toBe(4);
    expect(parseShardIndex(formatShardIndex(index))).toEqual(index);
    const { metadata, weight_map } = JSON.parse(json) as {
      metadata: { total_size: number };
      weight_map: object;
    };
    expect(index.totalSize).toBe(metadata.total_size);
    expect(JSON.parse(formatShardIndex(index))).toEqual({
      metadata: { total_size: index.totalSize },
      weight_map,
    });
  });

  test.each(["../a", "/a", "a/b", String.raw`..\a`, "https://a", "c:a", "..", ".", "", 1, null])(
    "refuses the shard %j",
    (file) => {
      expect(() => parseShardIndex(JSON.stringify({ weight_map: { w: file } }))).toThrow(CheckpointError);
    },
  );

  test.each(["", "[]", "null", "{}", '{"weight_map": []}', '{"weight_map": "a"}'])("refuses %j", (json) => {
    expect(() => parseShardIndex(json)).toThrow(CheckpointError);
  });

  test("keeps names of prototypes apart", () => {
    const { weightMap } = parseShardIndex('{"weight_map": {"__proto__": "a", "constructor": "b"}}');
    expect([...weightMap]).toEqual([
      ["__proto__", "a"],
      ["constructor", "b"],
    ]);
    expect(parseShardIndex(formatShardIndex({ weightMap })).weightMap).toEqual(weightMap);
  });
});

describe("splitIntoShards()", () => {
  const layout = { dtype: "F16", shape: [50] } as const; // 100 bytes

  test("keeps the order, and gives what is too large a file of its own", () => {
    const large = { dtype: "F16", shape: [500] } as const;
    const shards = splitIntoShards(
      [
        ["a", layout],
        ["b", layout],
        ["c", large],
        ["d", layout],
      ],
      250,
    );
    expect([...shards]).toEqual([
      ["model-00001-of-00003.safetensors", ["a", "b"]],
      ["model-00002-of-00003.safetensors", ["c"]],
      ["model-00003-of-00003.safetensors", ["d"]],
    ]);
  });

  test("has one file if all fit", () => {
    expect([...splitIntoShards([["a", layout]], Number.POSITIVE_INFINITY)]).toEqual([
      ["model.safetensors", ["a"]],
    ]);
    expect([...splitIntoShards([], 1)]).toEqual([["model.safetensors", []]]);
  });

  test("refuses sizes out of range", () => {
    expect(() => splitIntoShards([["a", layout]], 0)).toThrow("maxBytes must be above 0");
    expect(() => splitIntoShards([["a", { dtype: "F32", shape: [-1] }]], 1)).toThrow(RangeError);
  });
});
