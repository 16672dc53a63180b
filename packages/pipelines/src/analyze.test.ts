import { BertForSequenceClassification, BertForTokenClassification } from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import { clean } from "@kcbert/normalizer";
import type { BertTokenizer } from "@kcbert/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
import { goldenBertFolder } from "../../../tests/golden/bert.ts";
import { analyze, type AnalyzeOptions } from "./analyze.ts";
import { classifyText } from "./classify_text.ts";
import { classifyTokens } from "./classify_tokens.ts";
import { loadAnalyze } from "./load_analyze.ts";
import { loadTokenizer } from "./load_tokenizer.ts";

const FAMILY = "👨‍👩‍👧‍👦";

const COMMENTS = [
  "★★손흥민★★ 런던에서 골ㅋㅋㅋㅋㅋㅋㅋ https://a.com/b 최고👍🏽",
  `${FAMILY} 우리 가족은 대전으로 이사했다`,
  "김철수는 서울에 산다",
  "♡♡♡",
  "",
];

describe.each(["cpu", "wasm"])("analyze() on %s", (backend) => {
  let tokenizer: BertTokenizer;
  let hate: BertForSequenceClassification;
  let topics: BertForSequenceClassification;
  let names: BertForTokenClassification;

  beforeAll(async () => {
    if (backend === "wasm") await createWasmBackend();
    await tf.setBackend(backend);
    tokenizer = await loadTokenizer(goldenBertFolder("cls3/model"));
    const config = { clean: "2021" };
    hate = await BertForSequenceClassification.fromPretrained(goldenBertFolder("cls3/model"), { config });
    topics = await BertForSequenceClassification.fromPretrained(goldenBertFolder("multilabel/model"), {
      config,
    });
    names = await BertForTokenClassification.fromPretrained(goldenBertFolder("tokcls/model"), { config });
  });

  afterAll(() => {
    for (const model of [hate, topics, names]) model.dispose();
  });

  test("says of each comment what each model says of it when it is cleaned", async () => {
    const results = await analyze({ labels: { hate, topics }, spans: { names } }, tokenizer, COMMENTS);
    expect(results).toHaveLength(COMMENTS.length);
    for (const [i, { text, truncated, labels, spans }] of results.entries()) {
      expect(text).toBe(clean(COMMENTS[i]!));
      expect(truncated).toBe(false);
      for (const [name, model] of Object.entries({ hate, topics })) {
        const expected = await classifyText(model, tokenizer, text, { topK: null });
        const actual = labels[name as keyof typeof labels];
        expect(actual.map(({ label }) => label)).toEqual(expected.map(({ label }) => label));
        for (const [j, { score }] of actual.entries()) expect(score).toBeCloseTo(expected[j]!.score, 5);
      }
      const groups = await classifyTokens(names, tokenizer, text, { aggregationStrategy: "first" });
      expect(spans.names.map(({ label }) => label)).toEqual(groups.map(({ entityGroup }) => entityGroup));
    }
  });

  test("spans stand in the comment as it was written, and cut no emoji", async () => {
    const options: AnalyzeOptions = { aggregationStrategy: "simple", ignoreLabels: [] };
    const results = await analyze({ spans: { names } }, tokenizer, COMMENTS, options);
    for (const [i, { spans, text }] of results.entries()) {
      const comment = COMMENTS[i]!;
      const boundaries = [...new Intl.Segmenter("ko").segment(comment)].map(({ index }) => index);
      for (const span of spans.names) {
        expect(comment.slice(span.start, span.end)).toBe(span.text);
        expect([...boundaries, comment.length]).toContain(span.start);
        expect([...boundaries, comment.length]).toContain(span.end);
      }
      expect(spans.names.length > 0).toBe(text !== "");
    }
    const all = results.map(({ spans }) => spans.names.map(({ text }) => text).join(" "));
    expect(all[0]).not.toMatch(/★★$|^★/);
    expect(all[0]).toContain("👍🏽");
    expect(all[1]!.startsWith(FAMILY)).toBe(true);
  });

  test("code points count an emoji of many once for each", async () => {
    const heads = { spans: { names } };
    const [utf16] = await analyze(heads, tokenizer, [COMMENTS[1]!], { ignoreLabels: [] });
    const [points] = await analyze(heads, tokenizer, [COMMENTS[1]!], {
      ignoreLabels: [],
      offsetUnit: "codepoint",
    });
    const characters = Array.from(COMMENTS[1]!);
    expect(points!.spans.names.map(({ start, end }) => characters.slice(start, end).join(""))).toEqual(
      utf16!.spans.names.map(({ text }) => text),
    );
  });

  test("a long comment is searched to its end, and judged by its beginning", async () => {
    const comment = `${"그냥 그랬다 ".repeat(30)}김철수는 서울에 산다`;
    const heads = { labels: { hate }, spans: { names } };
    const { truncated, spans, labels } = await analyze(heads, tokenizer, comment, { ignoreLabels: [] });
    expect(truncated).toBe(true);
    expect(spans.names.at(-1)!.end).toBe(comment.length);
    const cut = await classifyText(hate, tokenizer, comment, { truncation: true, topK: null });
    expect(labels.hate.map(({ label }) => label)).toEqual(cut.map(({ label }) => label));
  });

  test("options reach the models, and the caller may decide on the cleaning", async () => {
    const [dirty] = COMMENTS;
    const heads = { labels: { hate, topics }, spans: { names } };
    const result = await analyze(heads, tokenizer, dirty!, { topK: 2, clean: null, ignoreLabels: [] });
    expect(result.text).toBe(dirty);
    expect(result.labels.topics).toHaveLength(2);
    expect(result.spans.names[0]!.start).toBe(0);
    const plain = new BertForSequenceClassification({ ...hate.config, clean: null }, hate.parameters);
    const alike = analyze({ labels: { names: plain }, spans: { names } }, tokenizer, dirty!);
    await expect(alike).rejects.toThrow(/names null, names "2021"/);
    const mixed = analyze({ labels: { plain }, spans: { names } }, tokenizer, dirty!);
    await expect(mixed).rejects.toThrow(/cleaned in different ways.*plain null, names "2021"/);
    const agreed = await analyze({ labels: { plain }, spans: { names } }, tokenizer, dirty!, {
      clean: "2022",
    });
    expect(agreed.text).toBe(clean(dirty!, { variant: "2022" }));
    expect(await analyze({}, tokenizer, "가")).toEqual({
      text: "가",
      truncated: false,
      labels: {},
      spans: {},
    });
    expect(await analyze(heads, tokenizer, [])).toEqual([]);
  });

  test("nothing is left behind, neither by an answer nor by a refusal", async () => {
    const before = tf.memory().numTensors;
    const heads = { labels: { hate }, spans: { names } };
    await analyze(heads, tokenizer, COMMENTS);
    const controller = new AbortController();
    const stopped = analyze(heads, tokenizer, COMMENTS, { batchSize: 1, signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(stopped).rejects.toThrow("enough");
    await expect(analyze(heads, tokenizer, 1 as never)).rejects.toThrow(
      /the comment must be a string: it is number/,
    );
    await expect(analyze(heads, tokenizer, "가", { offsetUnit: "byte" as never })).rejects.toThrow(
      RangeError,
    );
    await expect(analyze(heads, tokenizer, "가", { aggregationStrategy: "none" as never })).rejects.toThrow(
      RangeError,
    );
    expect(tf.memory().numTensors).toBe(before);
  });

  test("loadAnalyze() puts it together from folders, or leaves nothing behind", async () => {
    const before = tf.memory().numTensors;
    const folder = (name: string) => goldenBertFolder(`${name}/model`);
    const labels = { hate: folder("cls3"), topics: folder("multilabel") };
    const pipeline = await loadAnalyze({ labels, spans: { names: folder("tokcls") } });
    const [comment] = COMMENTS;
    const expected = await analyze({ labels: { hate, topics }, spans: { names } }, tokenizer, comment!, {
      clean: null,
    });
    expect(await pipeline.run(comment!)).toEqual(expected);
    expect(await pipeline.runAll([comment!])).toEqual([expected]);
    pipeline.dispose();
    await expect(loadAnalyze({})).rejects.toThrow(/without a model/);
    await expect(loadAnalyze({ labels, spans: { names: folder("mlm") } })).rejects.toThrow(
      /lacks classifier/,
    );
    const other = async (name: string) => {
      if (name === "tokenizer.json") return undefined;
      if (name !== "vocab.txt") return folder("tokcls")(name);
      const tokens = new TextDecoder()
        .decode(await folder("tokcls")(name))
        .trimEnd()
        .split("\n");
      [tokens[10], tokens[11]] = [tokens[11]!, tokens[10]!];
      return new TextEncoder().encode(`${tokens.join("\n")}\n`);
    };
    await expect(loadAnalyze({ labels, spans: { names: other } })).rejects.toThrow(
      /tokenizers differ: names/,
    );
    expect(tf.memory().numTensors).toBe(before);
  });
});
