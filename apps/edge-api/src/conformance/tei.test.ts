/** Chroma's client of text-embeddings-inference against the server. */
import { HuggingfaceServerEmbeddingFunction } from "@chroma-core/huggingface-server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serveTinyModels, type Serving } from "./serving.ts";

let serving: Serving;
beforeAll(async () => {
  serving = await serveTinyModels({ auth: { keys: ["key"] } });
});
afterAll(() => serving.stop());

test.each(["/embed", "/embed?model=mask", "/models/beomi/vectors"])("Chroma embeds by %s", async (path) => {
  const embedder = new HuggingfaceServerEmbeddingFunction({
    url: `${serving.address}${path}`,
    apiKey: "key",
  });
  const vectors = await embedder.generate(["영화", "최고"]);
  expect(vectors.map((vector) => vector.length)).toEqual([16, 16]);
  expect(Math.hypot(...vectors[0]!)).toBeCloseTo(1, 5);
});

test("Chroma tells of a failure by its status", async () => {
  const embedder = new HuggingfaceServerEmbeddingFunction({
    url: `${serving.address}/embed`,
    apiKey: "other",
  });
  await expect(embedder.generate(["영화"])).rejects.toThrow(/Unauthorized/);
});
