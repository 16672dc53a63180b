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

test("Chroma tells what is wrong: its client shows the reason behind the status, and no body", async () => {
  const embedder = (path: string, apiKey: string) =>
    new HuggingfaceServerEmbeddingFunction({ url: `${serving.address}${path}`, apiKey });
  await expect(embedder("/embed", "other").generate(["영화"])).rejects.toThrow(
    /Cannot answer without a key: this server does not know the one that was sent/,
  );
  await expect(embedder("/embed?model=영화", "key").generate(["영화"])).rejects.toThrow(
    /There is no model "\?": this server has "mask"/,
  );
  await expect(embedder("/nowhere", "key").generate(["영화"])).rejects.toThrow(
    /There is nothing at POST \/nowhere/,
  );
});
