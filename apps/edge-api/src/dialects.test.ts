import {
  answerQuestion,
  classifyText,
  extractFeatures,
  loadAnswerQuestion,
  loadClassifyText,
  loadClassifyTokens,
  loadExtractFeatures,
} from "@kcbert/pipelines";
import { beforeAll, describe, expect, test } from "vitest";
import { createApp, type AppOptions } from "./app.ts";
import type { ServedModel } from "./models.ts";
import { startBackend, tinyModelFor, versionOf, type Files } from "./testing/tiny_model.ts";

const mood = ["부정", "긍정"];
const harm = ["여성/가족", "악플/욕설", "clean"];
const names = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"];
const folders = new Map<string, Files>();

beforeAll(async () => {
  folders.set("mask", await tinyModelFor("fill-mask", 1));
  folders.set("mood", await tinyModelFor("text-classification", 2, mood));
  const hate = await tinyModelFor("text-classification", 3, harm);
  const config = JSON.parse(new TextDecoder().decode(hate.get("config.json")));
  const multi = JSON.stringify({ ...config, problem_type: "multi_label_classification" });
  folders.set("hate", new Map([...hate, ["config.json", new TextEncoder().encode(multi)]]));
  folders.set("names", await tinyModelFor("token-classification", 4, names));
  folders.set("answers", await tinyModelFor("question-answering", 5));
  folders.set("vectors", await tinyModelFor("feature-extraction", 6));
  folders.set("ranks", await tinyModelFor("text-classification", 7, ["relevance"]));
});

const sourceOf = (id: string) => versionOf(folders.get(id)!, id).source;

function appWith(ids: readonly string[] = [...folders.keys()], options: Partial<AppOptions> = {}) {
  const models = ids.map((id): ServedModel => ({
    id,
    current: async () => versionOf(folders.get(id)!, `${id}.1`),
  }));
  return createApp({ models, backend: startBackend, ...options });
}

async function ask(path: string, body: unknown, { app = appWith(), headers = {} } = {}) {
  const response = await app.request(path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return { response, status: response.status, json: await response.json() };
}

const comment = "★오늘 영화 정말 재밌다 ㅋㅋㅋㅋㅋ 👍";
const cleaned = "오늘 영화 정말 재밌다 ㅋㅋ 👍";

/** Equal within what different batches may do to float32. */
function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) expect(Math.abs(actual[i]! - expected[i]!)).toBeLessThan(1e-5);
}

describe("Hugging Face's tasks", () => {
  test("text-classification answers as the pipeline does, all labels, in a list of lists", async () => {
    const pipeline = await loadClassifyText(sourceOf("mood"));
    const expected = await classifyText(pipeline.model, pipeline.tokenizer, cleaned, { topK: null });
    pipeline.dispose();
    for (const path of [
      "/models/mood",
      "/models/mood/pipeline/text-classification",
      "/pipeline/sentiment-analysis",
    ]) {
      const { status, json } = await ask(path, { inputs: comment });
      expect(status, path).toBe(200);
      expect(json).toHaveLength(1);
      expect(json[0].map(({ label }: { label: string }) => label)).toEqual(
        expected.map(({ label }) => label),
      );
      expectClose(
        json[0].map(({ score }: { score: number }) => score),
        expected.map(({ score }) => score),
      );
    }
    const parameters = { function_to_apply: "none", top_k: 1 };
    const { json } = await ask("/models/mood", { inputs: [comment, "최고"], parameters });
    expect(json.map((list: unknown[]) => list.length)).toEqual([1, 1]);
    expect(json[0][0].score).not.toBeCloseTo(expected[0].score, 3);
    const pair = await ask("/models/mood", { inputs: { text: "영화", text_pair: "최고" } });
    expect(pair.json).toHaveLength(1);
  });

  test("token-classification groups by default, and counts code points of the text as it was sent", async () => {
    const pipeline = await loadClassifyTokens(sourceOf("names"));
    const text = "👍👍★ 배우들 연기가 좋았다";
    const expected = await pipeline.run(text, { aggregationStrategy: "simple", offsetUnit: "codepoint" });
    pipeline.dispose();
    const { json } = await ask("/models/names", { inputs: text });
    expect(json).toHaveLength(expected.length);
    expect(expected.length).toBeGreaterThan(0);
    for (const [i, { entityGroup, word, start, end }] of expected.entries()) {
      expect(json[i]).toMatchObject({ entity_group: entityGroup, word, start, end });
    }
    const points = Array.from(text);
    for (const { start, end, word } of json) {
      expect(points.slice(start, end).join("").replaceAll(" ", "")).toBe(word.replaceAll(" ", ""));
    }
    const utf16 = await ask("/models/names", { inputs: text, parameters: { offset_unit: "utf16" } });
    expect(utf16.json.at(-1).end).toBe(json.at(-1).end + 2); // two thumbs of two units each
    const none = await ask("/models/names", { inputs: text, parameters: { aggregation_strategy: "none" } });
    expect(Object.keys(none.json[0]).sort()).toEqual(["end", "entity", "index", "score", "start", "word"]);
    const batch = await ask("/models/names", { inputs: [text] });
    expect(batch.json).toHaveLength(1);
  });

  test("question-answering gives an object, or a list for top_k", async () => {
    const question = { question: "뭐가 재밌다?", context: "👍 오늘 영화 정말 재밌다" };
    const pipeline = await loadAnswerQuestion(sourceOf("answers"));
    const [best] = await answerQuestion(pipeline.model, pipeline.tokenizer, question, {
      offsetUnit: "codepoint",
    });
    pipeline.dispose();
    for (const path of ["/models/answers", "/", "/pipeline/question-answering"]) {
      const { json } = await ask(path, { inputs: question });
      expect(json).toMatchObject({ start: best.start, end: best.end, answer: best.answer });
    }
    const { json } = await ask("/models/answers", { inputs: question, parameters: { top_k: 3 } });
    expect(json).toHaveLength(3);
    const empty = await ask("/models/answers", { inputs: { question: "", context: "영화" } });
    expect(empty.status).toBe(422);
    expect(empty.json.error).toMatch(/"inputs\.question": it must not be empty/);
  });

  test("sentence-similarity and feature-extraction come from the embedding model, or from any encoder", async () => {
    const pipeline = await loadExtractFeatures(sourceOf("vectors"));
    const options = { pooling: "mean", normalize: true } as const;
    const [a, b] = await extractFeatures(pipeline.model, pipeline.tokenizer, [cleaned, "최고"], options);
    pipeline.dispose();
    const features = await ask("/pipeline/feature-extraction", { inputs: [comment, "최고"] });
    expectClose(features.json[0], a!);
    expectClose(features.json[1], b!);
    const similar = await ask("/", { inputs: { source_sentence: comment, sentences: [comment, "최고"] } });
    expectClose(similar.json, [1, a!.reduce((sum, value, i) => sum + value * b![i]!, 0)]);
    const single = await ask("/models/vectors", { inputs: comment, normalize: false, dimensions: 4 });
    expect(single.json[0]).toHaveLength(4);
    const base64 = await ask("/models/vectors", { inputs: comment, encoding_format: "base64" });
    const bytes = Uint8Array.from(atob(base64.json[0]), (character) => character.charCodeAt(0));
    expectClose(new Float32Array(bytes.buffer), a!);
    const ofMask = await ask("/models/mask/pipeline/feature-extraction", { inputs: "영화" });
    expect(ofMask.json[0]).toHaveLength(16);
    expect((await ask("/models/mask", { inputs: "영화", normalize: true })).json[0]).toHaveLength(16);
  });

  test("POST / finds the model that a body can be meant for", async () => {
    expect((await ask("/", { inputs: "오늘 [MASK]" })).json).toHaveLength(5);
    expect((await ask("/", { inputs: "오늘 영화" })).json[0]).toHaveLength(2);
    expect((await ask("/", { inputs: "오늘 영화", parameters: { stride: 0 } })).status).toBe(200);
    expect((await ask("/", { inputs: "오늘 영화", normalize: true })).json[0]).toHaveLength(16);
    expect((await ask("/", { instances: ["오늘 영화"] })).json).toHaveLength(1);
  });

  test("says 424 for a task that the model is not for, and 404 for no model", async () => {
    const wrong = await ask("/models/mood/pipeline/fill-mask", { inputs: "[MASK]" });
    expect(wrong.status).toBe(424);
    expect(wrong.json).toEqual({
      error: 'The model "mood" does not do fill-mask: it is for text-classification, and gives features',
      error_type: "Backend",
    });
    const none = await ask("/pipeline/ner", { inputs: "영화" }, { app: appWith(["mask"]) });
    expect(none.status).toBe(424);
    expect(none.json.error).toMatch(/no model for token-classification/);
    expect((await ask("/predict?model=other", { inputs: "영화" })).status).toBe(404);
  });
});

describe("text-embeddings-inference's routes", () => {
  test("/predict answers a text with a list, a pair with one, a batch with lists", async () => {
    const one = await ask("/predict", { inputs: comment });
    expect(one.json.map(({ label }: { label: string }) => label).toSorted()).toEqual(mood.toSorted());
    const pair = await ask("/predict", { inputs: ["영화", "최고"] });
    expect(pair.json).toHaveLength(2);
    expect(pair.json[0]).toHaveProperty("score");
    const batch = await ask("/predict", { inputs: [["영화"], ["영화", "최고"]] });
    expect(batch.json.map((list: unknown[]) => list.length)).toEqual([2, 2]);
    const raw = await ask("/predict", { inputs: comment, raw_scores: true });
    expect(raw.json[0].score - raw.json[1].score).toBeCloseTo(
      Math.log(one.json[0].score / one.json[1].score),
      3,
    );
    const three = await ask("/predict", { inputs: ["a", "b", "c"] });
    expect(three.status).toBe(422);
  });

  test("/embed, /embed_all and /similarity", async () => {
    const { json } = await ask("/embed", { inputs: comment });
    expect(Math.hypot(...json[0])).toBeCloseTo(1, 5);
    const all = await ask("/embed_all", { inputs: [comment, "최고"] });
    expect(all.json[1]).toHaveLength(3); // [CLS] 최고 [SEP]
    expect(all.json[1][0]).toHaveLength(16);
    const inputs = { source_sentence: "영화", sentences: ["영화", "최고"] };
    const similar = await ask("/similarity", { inputs });
    expect(similar.json[0]).toBeCloseTo(1, 5);
    expect(similar.json).toHaveLength(2);
  });

  test("/rerank takes a model with one label, best first", async () => {
    const body = { query: "영화", texts: ["최고", "시간 낭비", "배우들 연기가 좋았다"], return_text: true };
    const { json } = await ask("/rerank?model=ranks", body);
    const scores = json.map(({ score }: { score: number }) => score);
    expect(scores).toEqual(scores.toSorted((a: number, b: number) => b - a));
    for (const { index, text } of json) expect(text).toBe(body.texts[index]);
    const wrong = await ask("/rerank", body);
    expect(wrong.status).toBe(424);
    expect(wrong.json.error).toMatch(/takes one label: it has 2; POST \/similarity/);
  });

  test("/tokenize counts bytes, /decode brings the text back", async () => {
    const text = "👍 오늘 재밌다";
    const { json } = await ask("/tokenize", { inputs: text });
    const [tokens] = json;
    expect(tokens[0]).toEqual({ id: 2, text: "[CLS]", special: true, start: null, stop: null });
    const bytes = new TextEncoder().encode(text);
    for (const { text: written, start, stop, special } of tokens) {
      if (!special) expect(new TextDecoder().decode(bytes.slice(start, stop))).toBe(written);
    }
    const ids = tokens.map(({ id }: { id: number }) => id);
    expect((await ask("/decode", { ids })).json).toEqual(["👍 오늘 재밌다"]);
    const utf16 = await ask("/tokenize", { inputs: text, add_special_tokens: false, offset_unit: "utf16" });
    for (const { text: written, start, stop } of utf16.json[0]) expect(text.slice(start, stop)).toBe(written);
    expect((await ask("/decode", { ids: [-1] })).status).toBe(422);
  });

  test("cuts what is too long, says so, and refuses it if it may not", async () => {
    const long = "오늘 영화 ".repeat(60);
    const cut = await ask("/embed", { inputs: long });
    expect(cut.response.headers.get("x-truncated")).toBe("true");
    expect(cut.response.headers.get("x-compute-tokens")).toBe("40");
    const left = await ask("/embed", { inputs: `${long} 최고`, truncation_direction: "Left" });
    const right = await ask("/embed", { inputs: `${long} 최고`, truncation_direction: "Right" });
    expectClose(right.json[0], cut.json[0]);
    expect(left.json[0]).not.toEqual(right.json[0]);
    const whole = await ask("/embed", { inputs: long, truncate: false });
    expect(whole.status).toBe(422);
    expect(whole.json.error).toMatch(/122 tokens: the model reads at most 40/);
  });

  test("GET /info, /health, /ping and /metrics under its names", async () => {
    const app = appWith();
    expect(await (await app.request("/info")).json()).toMatchObject({
      model_id: "mask",
      model_dtype: "float32",
      max_input_length: 40,
      max_client_batch_size: 32,
      auto_truncate: true,
    });
    const classifier = await (await app.request("/info?model=mood")).json();
    expect(classifier.model_type).toEqual({
      classifier: { id2label: { 0: "부정", 1: "긍정" }, label2id: { 부정: 0, 긍정: 1 } },
    });
    await ask("/embed", { inputs: ["영화", "최고"] }, { app });
    await ask("/embed", { inputs: 3 }, { app });
    const metrics = await (await app.request("/metrics")).text();
    expect(metrics).toMatch(/^te_request_count\{method="batch"\} 1$/m);
    expect(metrics).toMatch(/^te_request_success\{method="batch"\} 1$/m);
    expect(metrics).toMatch(/^te_request_failure\{err="validation"\} 1$/m);
    expect(metrics).toMatch(/^te_request_duration_count 1$/m);
    expect(metrics).toMatch(/^te_batch_next_size_bucket\{le="2"\} 1$/m);
    expect(metrics).toMatch(/^te_queue_size 0$/m);
    expect(metrics).toMatch(/^kcbert_models_loaded 1$/m);
  });
});

describe("OpenAI's routes", () => {
  test("/v1/embeddings in floats and base64, of texts and ids, with its usage", async () => {
    const float = await ask("/v1/embeddings", { input: ["영화", "최고"], model: "vectors" });
    expect(float.json).toMatchObject({
      object: "list",
      model: "vectors",
      usage: { prompt_tokens: 6, total_tokens: 6 },
    });
    expect(float.json.data.map(({ index }: { index: number }) => index)).toEqual([0, 1]);
    const base64 = await ask("/v1/embeddings", { input: "영화", encoding_format: "base64" });
    const bytes = Uint8Array.from(atob(base64.json.data[0].embedding), (character) =>
      character.charCodeAt(0),
    );
    expectClose(new Float32Array(bytes.buffer), float.json.data[0].embedding);
    const ids = await ask("/tokenize", { inputs: "영화", add_special_tokens: false });
    const input = ids.json[0].map(({ id }: { id: number }) => id);
    const byIds = await ask("/v1/embeddings", { input, model: "text-embedding-3-small" });
    expectClose(byIds.json.data[0].embedding, float.json.data[0].embedding);
    const short = await ask("/embeddings", { input: [input], dimensions: 3 });
    expect(Math.hypot(...short.json.data[0].embedding)).toBeCloseTo(1, 5);
  });

  test("errors have OpenAI's body", async () => {
    const missing = await ask("/v1/embeddings", { input: "영화", model: "gpt" });
    expect(missing.status).toBe(404);
    expect(missing.json.error).toMatchObject({
      type: "invalid_request_error",
      code: "model_not_found",
      param: "model",
    });
    const large = await ask("/v1/embeddings", { input: "영화", dimensions: 1000 });
    expect(large.status).toBe(422);
    expect(large.json.error.message).toMatch(/1000 dimensions.*has 16/);
    const empty = await ask("/v1/embeddings", { input: [] });
    expect(empty.status).toBe(400);
    expect(empty.json.error.param).toBe("input");
    expect((await ask("/v1/nothing", {})).json.error.type).toBe("invalid_request_error");
  });

  test("/v1/moderations gives every standard category, and the models' own labels beside them", async () => {
    const { json } = await ask("/v1/moderations", { input: [comment, "최고"] });
    expect(json.id).toMatch(/^modr-/);
    expect(json.model).toBe("hate"); // the sentiment model knows of no harm
    expect(json.results).toHaveLength(2);
    const [{ categories, category_scores: scores, flagged, category_applied_input_types: types }] =
      json.results;
    expect(Object.keys(categories)).toEqual(Object.keys(scores));
    expect(Object.keys(scores)).toEqual(
      expect.arrayContaining(["hate", "self-harm/intent", "여성/가족", "악플/욕설"]),
    );
    expect(scores).not.toHaveProperty("clean");
    const direct = await ask("/models/hate", { inputs: comment });
    const scoreOf = (label: string) =>
      direct.json[0].find((each: { label: string }) => each.label === label).score;
    expect(scores["여성/가족"]).toBeCloseTo(scoreOf("여성/가족"), 5);
    expect(scores.hate).toBeCloseTo(scoreOf("여성/가족"), 5);
    expect(scores.harassment).toBeCloseTo(scoreOf("악플/욕설"), 5);
    expect(flagged).toBe(Math.max(scores.hate, scores.harassment) >= 0.5);
    expect(types.hate).toEqual(["text"]);
    const parts = await ask("/v1/moderations", {
      input: [{ type: "text", text: comment }],
      model: "omni-moderation-latest",
    });
    expect(parts.json.results).toHaveLength(1);
    const none = await ask("/v1/moderations", { input: comment }, { app: appWith(["mask", "mood"]) });
    expect(none.status).toBe(424);
    expect(none.json.error.message).toMatch(/no model that moderates/);
    expect((await ask("/v1/moderations", { input: comment, model: "mood" })).status).toBe(424);
  });

  test("/v1/models lists them", async () => {
    const list = await (await appWith().request("/v1/models")).json();
    expect(list.data.map(({ id }: { id: string }) => id)).toEqual([...folders.keys()]);
    expect(list.data[1]).toMatchObject({ object: "model", task: "text-classification", labels: mood });
    const one = await (await appWith().request("/v1/models/names")).json();
    expect(one.id).toBe("names");
    expect((await appWith().request("/v1/models/other")).status).toBe(404);
  });
});

describe("POST /v1/analyze", () => {
  test("gives what every classifier says, where it stands in the comment as it was sent", async () => {
    const { json, response } = await ask("/v1/analyze", { inputs: comment });
    expect(json.text).toBe(cleaned);
    expect(json.truncated).toBe(false);
    expect(Object.keys(json.labels)).toEqual(["mood", "hate", "ranks"]);
    expect(json.labels.mood.map(({ label }: { label: string }) => label).toSorted()).toEqual(mood.toSorted());
    expect(Object.keys(json.spans)).toEqual(["names"]);
    for (const { start, end, text } of json.spans.names) expect(comment.slice(start, end)).toBe(text);
    expect(json).not.toHaveProperty("explanations");
    expect(json).not.toHaveProperty("unsure");
    expect(response.headers.get("x-model-id")).toBe("mood, hate, names, ranks");
    const some = await ask("/v1/analyze", { inputs: [comment, "최고"], models: ["mood"], top_k: 1 });
    expect(some.json.map(({ labels }: { labels: object }) => Object.keys(labels))).toEqual([
      ["mood"],
      ["mood"],
    ]);
    expect((await ask("/v1/analyze", { inputs: comment, models: ["mask"] })).status).toBe(424);
    expect((await ask("/v1/analyze", { inputs: comment, models: ["other"] })).status).toBe(404);
  });

  test("says which verdicts are unsure, of models whose folder says below what they are", async () => {
    const { json } = await ask("/v1/analyze", { inputs: comment });
    const { score } = json.labels.mood[0];
    const files = folders.get("mood")!;
    const config = JSON.parse(new TextDecoder().decode(files.get("config.json")));
    for (const [below, unsure] of [
      [score - 0.001, false],
      [score + 0.001, true],
    ]) {
      const kcbert = { ...config.kcbert, unsure_below: below };
      const bytes = new TextEncoder().encode(JSON.stringify({ ...config, kcbert }));
      folders.set("mood", new Map([...files, ["config.json", bytes]]));
      const answer = await ask("/v1/analyze", { inputs: [comment, comment] });
      expect(answer.json.map((each: { unsure: object }) => each.unsure)).toEqual([
        { mood: unsure },
        { mood: unsure },
      ]);
    }
    folders.set("mood", files);
  });

  test("explains a verdict by what it loses without each word", async () => {
    const { json } = await ask("/v1/analyze", { inputs: comment, models: ["mood"], explain: true });
    const { label, score, words } = json.explanations.mood;
    expect({ label, score }).toEqual(json.labels.mood[0]);
    expect(words.map(({ text }: { text: string }) => text)).toEqual([
      "오늘",
      "영화",
      "정말",
      "재밌다",
      "ㅋㅋㅋㅋㅋ",
      "👍",
    ]);
    for (const { start, end, text } of words) expect(comment.slice(start, end)).toBe(text);
    const without = await ask("/models/mood", { inputs: comment.replace("재밌다", "[MASK]") });
    const rest = without.json[0].find((each: { label: string }) => each.label === label).score;
    expect(words[3].weight).toBeCloseTo(score - rest, 5);
  });
});

describe("NDJSON", () => {
  test("answers a large list line by line, the same as at once, with a line for what fails", async () => {
    const texts = Array.from({ length: 100 }, (_, i) => `영화 ${"정말 ".repeat(i % 7)}재밌다`);
    const response = await appWith().request("/models/mood", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/x-ndjson" },
      body: JSON.stringify({ inputs: texts }),
    });
    expect(response.headers.get("content-type")).toMatch(/^application\/x-ndjson/);
    const lines = (await response.text())
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(100);
    const some = await ask("/models/mood", { inputs: texts.slice(0, 32) });
    for (const [i, labels] of some.json.entries()) {
      expectClose(
        lines[i].map(({ score }: { score: number }) => score),
        labels.map(({ score }: { score: number }) => score),
      );
    }
    const masked = await appWith().request("/models/mask", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/x-ndjson" },
      body: JSON.stringify({ inputs: ["오늘 [MASK]", "오늘", "[MASK]"] }),
    });
    const answers = (await masked.text())
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(answers.map((answer) => (Array.isArray(answer) ? answer.length : answer.error_type))).toEqual([
      5,
      "Validation",
      5,
    ]);
  });

  test("does so for /clean, /v1/analyze and /embed, too", async () => {
    for (const path of ["/clean", "/v1/analyze", "/embed"]) {
      const response = await appWith().request(path, {
        method: "POST",
        headers: { "content-type": "application/json", accept: "application/x-ndjson" },
        body: JSON.stringify({ inputs: Array.from({ length: 40 }, () => comment) }),
      });
      expect(response.status, path).toBe(200);
      expect((await response.text()).trimEnd().split("\n"), path).toHaveLength(40);
    }
  });
});
