import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
import { goldenBertPaths, goldenBertText } from "../../../tests/golden/bert.ts";
import {
  type BertConfig,
  checkBertConfig,
  formatBertConfig,
  kcbertBase,
  kcbertLarge,
  parseBertConfig,
} from "./config.ts";

const configs = [
  "mlm",
  "pretraining",
  "cls2",
  "cls3",
  "regression",
  "multilabel",
  "tokcls",
  "qa",
  "base",
].map((name) => `${name}/model/config.json`);
const formats = goldenBertPaths("formats/").filter((path) => path.endsWith("/config.json"));

const small = {
  vocab_size: 40,
  hidden_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 32,
  max_position_embeddings: 16,
};
const parse = (changes: object) => parseBertConfig(JSON.stringify({ ...small, ...changes }));

describe("parseBertConfig()", () => {
  test.each([...configs, ...formats])("keeps every entry of %s", (path) => {
    const before = JSON.parse(goldenBertText(path)) as Record<string, unknown>;
    const config = parseBertConfig(goldenBertText(path));
    const after = JSON.parse(formatBertConfig(config)) as Record<string, unknown>;
    expect(after).toMatchObject(before);
    const added = Object.keys(after).filter((key) => !Object.hasOwn(before, key));
    const withDefaults = ["classifier_dropout", "layer_norm_eps", "pad_token_id", "tie_word_embeddings"];
    expect(withDefaults).toEqual(expect.arrayContaining(added));
    expect(formatBertConfig(parseBertConfig(formatBertConfig(config)))).toBe(formatBertConfig(config));
  });

  test("reads labels, problem and dropouts", () => {
    const hate = parseBertConfig(goldenBertText("cls3/model/config.json"));
    expect(hate.id2label).toEqual(["none", "offensive", "hate"]);
    expect([hate.numLabels, hate.problemType]).toEqual([3, "single_label_classification"]);
    expect(parseBertConfig(goldenBertText("regression/model/config.json"))).toMatchObject({
      numLabels: 1,
      problemType: "regression",
    });
    expect(parseBertConfig(goldenBertText("cls2/model/config.json"))).toMatchObject({
      numLabels: 2,
      id2label: undefined,
    });
    expect(parse({ num_labels: 5, classifier_dropout: 0.2 })).toMatchObject({
      numLabels: 5,
      classifierDropout: 0.2,
    });
    expect(parse({ classifier_dropout: null, problem_type: null }).classifierDropout).toBeUndefined();
  });

  test("has the reference's defaults", () => {
    expect(parse({})).toMatchObject({
      hiddenAct: "gelu",
      hiddenDropoutProb: 0.1,
      attentionProbsDropoutProb: 0.1,
      typeVocabSize: 2,
      initializerRange: 0.02,
      layerNormEps: 1e-12,
      padTokenId: 0,
      numLabels: 2,
    });
  });

  test("keeps how the text was cleaned, and what else stands there", () => {
    expect(parse({}).clean).toBeUndefined();
    expect(parse({ kcbert: { clean: null } }).clean).toBeNull();
    const config = parse({ kcbert: { clean: "2021", corpus: "reviews" } });
    expect(config.clean).toBe("2021");
    expect(JSON.parse(formatBertConfig(config))).toMatchObject({
      kcbert: { clean: "2021", corpus: "reviews" },
    });
    expect(() => parse({ kcbert: { clean: 2021 } })).toThrow(TypeError);
  });

  test("keeps below which probability an answer is unsure", () => {
    expect(parse({ kcbert: { clean: "2021" } }).unsureBelow).toBeUndefined();
    const config = parse({ kcbert: { clean: "2021", unsure_below: 0.87 } });
    expect(config.unsureBelow).toBe(0.87);
    expect(JSON.parse(formatBertConfig(config)).kcbert).toEqual({ clean: "2021", unsure_below: 0.87 });
    expect(JSON.parse(formatBertConfig({ ...config, unsureBelow: undefined })).kcbert).toEqual({
      clean: "2021",
    });
    expect(() => parse({ kcbert: { unsure_below: 1.2 } })).toThrow(
      "kcbert.unsure_below must be in [0, 1]: kcbert.unsure_below is 1.2",
    );
    expect(() => parse({ kcbert: { unsure_below: "0.8" } })).toThrow(TypeError);
  });

  test("is not led astray by names of prototypes", () => {
    const config = parseBertConfig(goldenBertText("malformed/checkpoints/config-prototype/config.json"));
    expect(config.hiddenSize).toBe(8);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(formatBertConfig(config)).toContain('"polluted": true');
    const labels = parseBertConfig(goldenBertText("malformed/checkpoints/labels-prototype/config.json"));
    expect(labels.id2label).toEqual(["__proto__", "constructor"]);
    expect(formatBertConfig(labels)).toContain('"__proto__": 0');
  });

  test.each([
    [{ model_type: "roberta" }, 'model_type must be "bert": model_type is "roberta"'],
    [{ is_decoder: true }, "is_decoder must be false: is_decoder is true"],
    [{ position_embedding_type: "relative_key" }, 'position_embedding_type must be "absolute"'],
    [{ pruned_heads: { 0: [1] } }, "pruned_heads must be empty"],
    [{ hidden_act: "swish9" }, 'hidden_act is "swish9"'],
    [{ hidden_act: "constructor" }, 'hidden_act is "constructor"'],
    [{ hidden_size: 8.5 }, "hidden_size must be an integer of 1 or more: hidden_size is 8.5"],
    [{ hidden_size: -8 }, "hidden_size must be an integer of 1 or more: hidden_size is -8"],
    [{ num_attention_heads: 3 }, "hidden_size is 8, num_attention_heads is 3"],
    [{ num_attention_heads: 0 }, "num_attention_heads is 0"],
    [{ num_hidden_layers: 1e9 }, "num_hidden_layers must be at most 1024"],
    [{ vocab_size: 1e15 }, "vocab_size times hidden_size must not exceed"],
    [{ pad_token_id: 40 }, "pad_token_id is 40, vocab_size is 40"],
    [{ hidden_dropout_prob: 1 }, "hidden_dropout_prob must be in [0, 1)"],
    [{ layer_norm_eps: 0 }, "layer_norm_eps must be above 0"],
    [{ id2label: { 0: "a", 2: "c" } }, "its ids are 0, 2"],
    [{ problem_type: "ranking" }, "problem_type must be one of"],
  ])("refuses %j", (changes, message) => {
    expect(() => parse(changes)).toThrow(RangeError);
    expect(() => parse(changes)).toThrow(message);
  });

  test.each([
    [{ hidden_size: undefined }, "it has no hidden_size"],
    [{ hidden_size: "8" }, 'hidden_size must be a number: hidden_size is "8"'],
    [{ hidden_size: null }, "hidden_size must be a number: hidden_size is null"],
    [{ id2label: ["a"] }, "id2label must be an object"],
    [{ id2label: { 0: 1 } }, "id2label 0 must be a string"],
    [{ architectures: "BertModel" }, "architectures must be a list of strings"],
    [{ tie_word_embeddings: "yes" }, "tie_word_embeddings must be true or false"],
  ])("refuses the type in %j", (changes, message) => {
    expect(() => parse(changes)).toThrow(TypeError);
    expect(() => parse(changes)).toThrow(message);
  });

  test("refuses what is no JSON object", () => {
    expect(() => parseBertConfig("{model_type")).toThrow(SyntaxError);
    expect(() => parseBertConfig("")).toThrow("Cannot read config.json as it is not JSON");
    expect(() => parseBertConfig("[]")).toThrow("must be a JSON object: it is []");
    expect(() => parseBertConfig('{"hidden_size": 1e400}')).toThrow(TypeError);
  });

  test("gives a config or an error of its own for any JSON", () => {
    const entry = fc.oneof(fc.jsonValue(), fc.integer(), fc.constantFrom("gelu", "bert", null));
    const keys = [
      ...Object.keys(small),
      "hidden_act",
      "id2label",
      "kcbert",
      "num_labels",
      "__proto__",
      "pad_token_id",
    ];
    const changes = fc.dictionary(fc.constantFrom(...keys), entry);
    fc.assert(
      fc.property(changes, (changes) => {
        try {
          checkBertConfig(parse(changes));
        } catch (error) {
          expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
          expect((error as Error).message).toMatch(/^Cannot (?:use this BERT config|read config\.json) as /);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("formatBertConfig()", () => {
  test("writes sorted entries that Hugging Face knows", () => {
    const json = formatBertConfig({
      ...kcbertLarge,
      numLabels: 3,
      architectures: ["BertForSequenceClassification"],
    });
    const keys = Object.keys(JSON.parse(json) as object);
    expect(keys).toEqual(keys.toSorted());
    expect(JSON.parse(json)).toMatchObject({
      model_type: "bert",
      hidden_size: 1024,
      id2label: { 0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2" },
      label2id: { LABEL_0: 0, LABEL_1: 1, LABEL_2: 2 },
    });
    expect(JSON.parse(formatBertConfig(kcbertBase))).not.toHaveProperty("id2label");
  });

  test("refuses a config that makes no model", () => {
    expect(() => formatBertConfig({ ...kcbertBase, hiddenSize: 100 })).toThrow(
      "hidden_size is 100, num_attention_heads is 12",
    );
    expect(() => formatBertConfig({ ...kcbertBase, id2label: ["a"] })).toThrow("it has 1, num_labels is 2");
    expect(() => formatBertConfig({ ...kcbertBase, vocabSize: "30000" } as unknown as BertConfig)).toThrow(
      TypeError,
    );
  });
});
