/** `@huggingface/inference`, the client of Hugging Face, against the server: its six tasks, and what it tells of failures. */
import { InferenceClient } from "@huggingface/inference";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serveTinyModels, type Serving } from "./serving.ts";

let serving: Serving;
beforeAll(async () => {
  serving = await serveTinyModels();
});
afterAll(() => serving.stop());

const clientOf = (path: string) =>
  new InferenceClient("hf_key", { endpointUrl: `${serving.address}${path}` });

describe.each(["by model", "by its address alone"])("@huggingface/inference %s", (how) => {
  const to = (id: string) => clientOf(how === "by model" ? `/models/${id}` : "/");

  test("fillMask", async () => {
    const answers = await to("mask").fillMask({ inputs: "오늘 영화 정말 [MASK]", parameters: { top_k: 3 } });
    expect(answers).toHaveLength(3);
    expect(answers[0]).toMatchObject({ score: expect.any(Number), token_str: expect.any(String) });
    expect(answers[0]!.sequence).toMatch(/^오늘 영화 정말/);
  });

  test("textClassification", async () => {
    const labels = await to("mood").textClassification({ inputs: "오늘 영화 정말 재밌다" });
    expect(labels.map(({ label }) => label).toSorted()).toEqual(["긍정", "부정"]);
    expect(labels[0]!.score).toBeGreaterThanOrEqual(labels[1]!.score);
  });

  test("tokenClassification, with offsets in code points", async () => {
    const text = "👍👍 배우들 연기가 좋았다";
    const parameters = { aggregation_strategy: "simple" as const };
    const found = await to("names").tokenClassification({ inputs: text, parameters });
    expect(found.length).toBeGreaterThan(0);
    for (const { start, end, word } of found) {
      const written = Array.from(text).slice(start, end).join("");
      expect(written.replaceAll(" ", "")).toBe(word.replaceAll(" ", ""));
    }
  });

  test("questionAnswering", async () => {
    const context = "오늘 영화 정말 재밌다";
    const answer = await to("answers").questionAnswering({ inputs: { question: "뭐가 재밌다?", context } });
    expect(context.slice(answer.start, answer.end)).toBe(answer.answer);
    expect(answer.score).toBeGreaterThan(0);
  });

  test("sentenceSimilarity", async () => {
    const inputs = { source_sentence: "영화", sentences: ["영화", "최고"] };
    const scores = await to("beomi/vectors").sentenceSimilarity({ inputs });
    expect(scores[0]).toBeCloseTo(1, 5);
    expect(scores).toHaveLength(2);
  });

  test("featureExtraction", async () => {
    const features = (await to("beomi/vectors").featureExtraction({
      inputs: ["영화", "최고"],
      normalize: true,
    })) as number[][];
    expect(features.map((vector) => vector.length)).toEqual([16, 16]);
    expect(Math.hypot(...features[0]!)).toBeCloseTo(1, 5);
  });
});

test("its user reads what went wrong", async () => {
  const none = clientOf("/models/mask").fillMask({ inputs: "오늘 영화" });
  await expect(none).rejects.toMatchObject({
    httpResponse: { status: 422, body: { error: expect.stringMatching(/\[MASK\] once: it holds no mask/) } },
  });
  const other = clientOf("/models/other").fillMask({ inputs: "[MASK]" });
  await expect(other).rejects.toThrow(/There is no model "other": this server has "mask"/);
});

test("a busy server is told to its user at once: 429 is not tried again", async () => {
  const busy = await serveTinyModels({ limits: { concurrentRequests: 0 } });
  const client = new InferenceClient("hf_key", { endpointUrl: `${busy.address}/models/mask` });
  await expect(client.fillMask({ inputs: "[MASK]" })).rejects.toThrow(/The server is busy/);
  expect(busy.requests()).toBe(1);
  busy.stop();
});
