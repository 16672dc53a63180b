/** Clients of OpenAI's API against the server: `openai`, the AI SDK of Vercel, LangChain. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { OpenAIEmbeddings } from "@langchain/openai";
import { embed, embedMany } from "ai";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serveTinyModels, type Serving } from "./serving.ts";

let serving: Serving;
beforeAll(async () => {
  serving = await serveTinyModels({ auth: { keys: ["sk-test"] } });
});
afterAll(() => serving.stop());

const clientOf = ({ address }: Serving, apiKey = "sk-test") =>
  new OpenAI({ apiKey, baseURL: `${address}/v1` });

describe("openai", () => {
  test("embeddings.create, which asks for base64 by itself", async () => {
    const { data, model, usage } = await clientOf(serving).embeddings.create({
      model: "beomi/vectors",
      input: ["영화", "최고"],
    });
    const float = await clientOf(serving).embeddings.create({
      model: "beomi/vectors",
      input: ["영화", "최고"],
      encoding_format: "float",
    });
    expect(model).toBe("beomi/vectors");
    expect(usage.prompt_tokens).toBe(6);
    for (const [i, { embedding }] of data.entries()) {
      expect(embedding).toHaveLength(16);
      for (const [j, value] of embedding.entries())
        expect(value).toBeCloseTo(float.data[i]!.embedding[j]!, 5);
    }
    const ids = await clientOf(serving).embeddings.create({
      model: "text-embedding-3-small",
      input: [13, 14],
    });
    expect(ids.data[0]!.embedding).toHaveLength(16);
  });

  test("moderations.create, with Korean labels' categories", async () => {
    const { results, model } = await clientOf(serving).moderations.create({
      input: ["오늘 영화", "시간 낭비"],
    });
    expect(model).toBe("hate");
    expect(results).toHaveLength(2);
    const [{ categories, category_scores: scores, flagged } = results[0]!] = results;
    expect(flagged).toBe(Object.values(categories).includes(true));
    expect(scores.hate + scores.harassment).toBeGreaterThan(0);
    expect(scores["self-harm/intent"]).toBe(0);
    expect(new Map<string, number>(Object.entries(scores)).get("offensive")).toBe(scores.harassment);
  });

  test("models.list and models.retrieve", async () => {
    const list = await clientOf(serving).models.list();
    expect(list.data.map(({ id }) => id)).toContain("beomi/vectors");
    const model = await clientOf(serving).models.retrieve("mood");
    expect(model.object).toBe("model");
  });

  test("its user reads what went wrong", async () => {
    const client = clientOf(serving);
    const missing = client.embeddings.create({ model: "gpt", input: "영화" });
    await expect(missing).rejects.toMatchObject({
      status: 404,
      code: "model_not_found",
      message: expect.stringMatching(/There is no model "gpt": this server has "mask"/),
    });
    await expect(client.embeddings.create({ model: "mood", input: [] })).rejects.toThrow(
      /it must hold at least 1/,
    );
    await expect(clientOf(serving, "sk-other").models.list()).rejects.toMatchObject({
      status: 401,
      message: expect.stringMatching(/Cannot answer without a key/),
    });
    const failed = await client.embeddings.create({ model: "gpt", input: "영화" }).catch((error) => error);
    expect(failed.requestID).toMatch(/^[\w-]{10,}$/);
  });

  test("asks a busy server three times in all, and then says so", async () => {
    const busy = await serveTinyModels({ limits: { concurrentRequests: 0 } });
    const asked = clientOf(busy).embeddings.create({ model: "mask", input: "영화" });
    await expect(asked).rejects.toMatchObject({
      status: 429,
      message: expect.stringMatching(/The server is busy/),
    });
    expect(busy.requests()).toBe(3);
    busy.stop();
  });
});

test("the AI SDK: embed and embedMany", async () => {
  const provider = createOpenAICompatible({
    name: "kcbert",
    apiKey: "sk-test",
    baseURL: `${serving.address}/v1`,
  });
  const model = provider.textEmbeddingModel("beomi/vectors");
  const { embedding, usage } = await embed({ model, value: "영화" });
  expect(embedding).toHaveLength(16);
  expect(usage.tokens).toBe(3);
  const { embeddings } = await embedMany({ model, values: ["영화", "최고", "영화"] });
  expect(embeddings).toHaveLength(3);
  for (const [i, value] of embeddings[0]!.entries()) expect(value).toBeCloseTo(embeddings[2]![i]!, 5);
  const unknown = provider.textEmbeddingModel("gpt");
  await expect(embed({ model: unknown, value: "영화", maxRetries: 0 })).rejects.toThrow(
    /There is no model "gpt"/,
  );
});

test("LangChain: embedDocuments and embedQuery, with the model that it names by itself, too", async () => {
  const configuration = { baseURL: `${serving.address}/v1` };
  const embeddings = new OpenAIEmbeddings({ apiKey: "sk-test", configuration });
  const vectors = await embeddings.embedDocuments(["영화", "최고"]);
  expect(vectors.map((vector) => vector.length)).toEqual([16, 16]);
  const named = new OpenAIEmbeddings({ apiKey: "sk-test", model: "beomi/vectors", configuration });
  const query = await named.embedQuery("영화");
  for (const [i, value] of query.entries()) expect(value).toBeCloseTo(vectors[0]![i]!, 5);
  const wrong = new OpenAIEmbeddings({ apiKey: "sk-test", model: "gpt", configuration, maxRetries: 0 });
  await expect(wrong.embedQuery("영화")).rejects.toThrow(/There is no model "gpt"/);
});
