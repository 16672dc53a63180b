/** Hono's typed client against the server: what compiles here is answered so. */
import { hc } from "hono/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KcbertApi } from "../api_type.ts";
import { serveTinyModels, type Serving } from "./serving.ts";

let serving: Serving;
beforeAll(async () => {
  serving = await serveTinyModels({ auth: { keys: ["key"] } });
});
afterAll(() => serving.stop());

const connect = (key = "key") =>
  hc<KcbertApi>(serving.address, { headers: { authorization: `Bearer ${key}` } });

test("hono/client asks every kind of model, typed", async () => {
  const client = connect();
  const health = await (await client.health.$get()).json();
  expect(health.models.map(({ id }) => id)).toContain("mask");

  const cleaned = await (await client.clean.$post({ json: { inputs: ["ㅋㅋㅋㅋㅋㅋ♡", "영화"] } })).json();
  expect(Array.isArray(cleaned) && cleaned.map(({ text }) => text)).toEqual(["ㅋㅋ", "영화"]);

  const [labels] = await (
    await client.pipeline["text-classification"].$post({ json: { inputs: "영화", parameters: { top_k: 1 } } })
  ).json();
  expect(labels![0]!.score).toBeGreaterThan(0.5);

  const filled = await (await client.pipeline["fill-mask"].$post({ json: { inputs: "오늘 [MASK]" } })).json();
  expect(filled).toHaveLength(5);

  const alike = await (
    await client.pipeline["sentence-similarity"].$post({
      json: { inputs: { source_sentence: "영화", sentences: ["영화", "최고"] } },
    })
  ).json();
  expect(alike[0]).toBeCloseTo(1, 5);

  const [vector] = await (await client.embed.$post({ json: { inputs: "영화" } })).json();
  expect(vector).toHaveLength(16);
  const [tokens] = await (await client.tokenize.$post({ json: { inputs: "오늘 영화" } })).json();
  expect(tokens!.map(({ text }) => text)).toEqual(["[CLS]", "오늘", "영화", "[SEP]"]);

  const analysis = await (
    await client.v1.analyze.$post({ json: { inputs: "최고 영화", models: ["mood"] } })
  ).json();
  expect("labels" in analysis && analysis.labels["mood"]).toHaveLength(2);
  const { data } = await (await client.v1.embeddings.$post({ json: { input: ["영화", "최고"] } })).json();
  expect(data.map(({ embedding }) => embedding.length)).toEqual([16, 16]);
  const { results } = await (await client.v1.moderations.$post({ json: { input: "영화" } })).json();
  expect(Object.keys(results[0]!.categories)).toContain("harassment");

  const named = await client.models[":id"].$post({ param: { id: "mood" }, json: { inputs: "영화" } });
  expect(await named.json()).toMatchObject([[{ score: expect.any(Number) }, {}]]);
});

test("hono/client hears what is wrong", async () => {
  const refused = await connect("other").clean.$post({ json: { inputs: "영화" } });
  expect(refused.status).toBe(401);
  expect(await refused.json()).toMatchObject({
    error: expect.stringMatching(/^Cannot answer without a key/),
  });
  const wrong = await connect().pipeline["fill-mask"].$post({ json: { inputs: "오늘" } });
  expect(wrong.status).toBe(422);
  // @ts-expect-error -- a body that the server would refuse does not compile
  const none = await connect().clean.$post({ json: { input: "영화" } });
  expect(none.status).toBe(422);
});
