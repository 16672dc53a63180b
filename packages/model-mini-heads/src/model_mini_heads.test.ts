import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { modelMini } from "@kcbert/model-mini";
import { expect, test } from "vitest";
import { type Head, modelMiniHeads } from "./model_mini_heads.ts";

const folder = join(import.meta.dirname, "..");
const heads: Head[] = ["hate", "embedding"];

test.each(heads)("%s gives its own files, and model-mini's for what it shares", async (head) => {
  const source = modelMiniHeads({ head });
  for (const name of ["config.json", "overlay.int8.safetensors"]) {
    const own = readFileSync(join(folder, head, name));
    expect(Buffer.from((await source(name))!).equals(own)).toBe(true);
    expect(Buffer.from((await source(name, { range: [2, 5] }))!).equals(own.subarray(2, 5))).toBe(true);
  }
  for (const name of ["model.int8.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt"]) {
    expect(Buffer.from((await source(name))!).equals((await modelMini()(name))!)).toBe(true);
  }
  expect(await source("model.safetensors")).toBeUndefined();
});

test.each(heads)("%s was made for the model-mini that is here", async (head) => {
  const config = JSON.parse(readFileSync(join(folder, head, "config.json"), "utf8")) as { kcbert: object };
  const weights = (await modelMini()("model.int8.safetensors"))!;
  expect(config.kcbert).toMatchObject({
    base: { name: "@kcbert/model-mini", sha256: createHash("sha256").update(weights).digest("hex") },
  });
});

test("both together are small", () => {
  const size = heads
    .flatMap((head) => readdirSync(join(folder, head)).map((name) => statSync(join(folder, head, name)).size))
    .reduce((sum, bytes) => sum + bytes, 0);
  expect(size).toBeLessThan(4.5e6);
});

test("another model below, another place, and heads that are none", async () => {
  const model = async (name: string) => (name === "vocab.txt" ? Uint8Array.of(1) : undefined);
  expect(await modelMiniHeads({ head: "hate", model })("vocab.txt")).toEqual(Uint8Array.of(1));
  const base = new URL(`file://${folder}`);
  expect(await modelMiniHeads({ head: "hate", base })("config.json")).toEqual(
    await modelMiniHeads({ head: "hate" })("config.json"),
  );
  expect(() => modelMiniHeads({ head: "hate", base: "no address" })).toThrow(TypeError);
  expect(() => modelMiniHeads({ head: "ner" as Head })).toThrow(
    new RangeError('Cannot give the head "ner": this package has hate and embedding'),
  );
});
