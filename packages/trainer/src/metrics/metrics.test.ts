/**
 * Scores against scikit-learn 1.9.1, SciPy 1.17.1 and seqeval 1.2.2, on numbers that both sides make by the same rule.
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { accuracy, f1Scores } from "./classification.ts";
import { pearson, ranks, spearman } from "./correlation.ts";
import { entitiesOf, entityScores } from "./entity_f1.ts";
import { korquadScores, normalizeKorquadAnswer } from "./korquad.ts";
import { labelRankingAveragePrecision, multiLabelScores } from "./multi_label.ts";
import { rocAuc } from "./roc_auc.ts";

/** `[(i·a + b + ⌊i²/3⌋) mod m for i in range(n)]`. */
function sequence(n: number, a: number, b: number, m: number): number[] {
  return Array.from({ length: n }, (_, i) => (i * a + b + Math.floor((i * i) / 3)) % m);
}

describe("one class a text", () => {
  const labels = sequence(60, 7919, 13, 101).map((v) => (v % 4 === 3 ? 0 : v % 4));
  const predictions = sequence(60, 104_729, 5, 97).map((v) => v % 4);

  test("accuracy and F1 are scikit-learn's", () => {
    expect(accuracy(labels, predictions)).toBeCloseTo(0.23333333333333334, 12);
    const { macro, micro, weighted, perClass } = f1Scores(labels, predictions, 4);
    expect(macro).toBeCloseTo(0.18547413793103448, 12);
    expect(micro).toBeCloseTo(0.23333333333333334, 12);
    expect(weighted).toBeCloseTo(0.28280747126436784, 12);
    [0.375, 0.16, 0.20689655172413793, 0].forEach((score, c) => expect(perClass[c]).toBeCloseTo(score, 12));
  });

  test("a class that is nowhere counts for nothing", () => {
    expect(f1Scores([0, 1], [0, 1], 5).macro).toBe(1);
    expect(f1Scores([0, 1], [0, 1], 5).perClass).toEqual([1, 1, undefined, undefined, undefined]);
  });

  test("what does not fit together is refused", () => {
    expect(() => accuracy([0, 1], [0])).toThrow("2 labels, 1 predictions");
    expect(() => f1Scores([0, 2], [0, 1], 2)).toThrow("a class must be in [0, 2): it is 2");
  });
});

describe("any of several labels", () => {
  const labels = sequence(200, 31, 7, 89).map((v, i) => (i % 5 < 4 && v % 3 === 0 ? 1 : 0));
  const scores = sequence(200, 17, 3, 83).map((v) => v % 12); // with many ties
  const predictions = scores.map((score, i) => (i % 5 < 4 && score >= 7 ? 1 : 0));

  test("F1, exact match and ranking precision are scikit-learn's", () => {
    const { macroF1, microF1, exactMatch, perLabel } = multiLabelScores(labels, predictions, 5);
    expect(macroF1).toBeCloseTo(0.2802116402116402, 12);
    expect(microF1).toBeCloseTo(0.35398230088495575, 12);
    expect(exactMatch).toBeCloseTo(0.05, 12);
    expect(perLabel[1]).toBeCloseTo(0.5333333333333333, 12);
    expect(perLabel[4]).toBe(0);
    expect(labelRankingAveragePrecision(labels, scores, 5)).toBeCloseTo(0.5822916666666667, 12);
  });

  test("matrices that do not fit are refused", () => {
    expect(() => multiLabelScores([1, 0, 1], [1, 0, 1], 2)).toThrow("[texts, 2]");
  });
});

describe("numbers", () => {
  const a = sequence(50, 37, 11, 23);
  const b = sequence(50, 53, 2, 29).map((v) => v / 7);

  test("correlations are SciPy's, ties and all", () => {
    expect(pearson(a, b)).toBeCloseTo(-0.07243348134501347, 12);
    expect(spearman(a, b)).toBeCloseTo(-0.06121764027141438, 12);
  });

  test("the area under the curve is scikit-learn's", () => {
    const labels = sequence(50, 41, 3, 67).map((v) => v % 2);
    expect(rocAuc(labels, b)).toBeCloseTo(0.42613636363636365, 12);
    expect(rocAuc([1, 1], [0.2, 0.3])).toBeNaN();
  });

  test("what does not vary does not correlate", () => {
    expect(pearson([1, 1, 1], [1, 2, 3])).toBeNaN();
    expect(() => spearman([1], [1, 2])).toThrow("one has 1 numbers, the other 2");
  });

  test("ranks add up, and follow the order of the numbers", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 40 }), (values) => {
        const rankOf = ranks(values);
        const total = rankOf.reduce((sum, rank) => sum + rank, 0);
        expect(total).toBeCloseTo((values.length * (values.length + 1)) / 2, 9);
        values.forEach((value, i) => {
          values.forEach((other, j) => {
            if (value < other) expect(rankOf[i]!).toBeLessThan(rankOf[j]!);
            if (value === other) expect(rankOf[i]).toBe(rankOf[j]);
          });
        });
      }),
    );
  });

  test("the area is that of pairs, counted one by one", () => {
    const scored = fc.record({ label: fc.constantFrom(0, 1), score: fc.integer({ min: 0, max: 6 }) });
    fc.assert(
      fc.property(fc.array(scored, { maxLength: 25 }), (items) => {
        const [ones, zeros] = [1, 0].map((label) => items.filter((item) => item.label === label));
        const wins = ones!.flatMap((one) =>
          zeros!.map((zero) => (one.score > zero.score ? 1 : one.score === zero.score ? 0.5 : 0)),
        );
        const area = wins.reduce<number>((sum, win) => sum + win, 0) / wins.length;
        const found = rocAuc(
          items.map(({ label }) => label),
          items.map(({ score }) => score),
        );
        if (wins.length === 0) expect(found).toBeNaN();
        else expect(found).toBeCloseTo(area, 12);
      }),
    );
  });
});

describe("entities", () => {
  const TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "E-LOC", "S-ORG", "O"];
  const labels = Array.from({ length: 20 }, (_, s) => sequence(12, 7 + s, s, 61).map((v) => TAGS[v % 8]!));
  const predictions = labels.map((tags, s) =>
    tags.map((tag, i) => (i % 5 === 0 ? TAGS[(s * 3 + i) % 8]! : tag)),
  );
  const flip = (tag: string) => tag.split("-").toReversed().join("-");

  test.each([
    { suffix: false, change: (tag: string) => tag },
    { suffix: true, change: flip },
  ])("scores are seqeval's: %o", ({ suffix, change }) => {
    const [a, b] = [labels, predictions].map((all) => all.map((tags) => tags.map(change)));
    const { precision, recall, f1, macroF1 } = entityScores(a!, b!, { suffix });
    expect(precision).toBeCloseTo(0.7161290322580646, 12);
    expect(recall).toBeCloseTo(0.7350993377483444, 12);
    expect(f1).toBeCloseTo(0.7254901960784313, 12);
    expect(macroF1).toBeCloseTo(0.7067075436640654, 12);
  });

  test("tags without a kind are entities of one kind", () => {
    const { precision, recall, f1 } = entityScores(
      [
        ["B", "I", "O", "I", "I"],
        ["O", "B", "B"],
      ],
      [
        ["B", "I", "O", "O", "I"],
        ["O", "B", "O"],
      ],
    );
    expect([precision, recall, f1]).toEqual([2 / 3, 0.5, 4 / 7]);
  });

  test("an inside tag begins an entity where none was begun", () => {
    expect(entitiesOf(["I-PER", "I-LOC", "O", "I-LOC"])).toEqual([
      { kind: "PER", start: 0, end: 0 },
      { kind: "LOC", start: 1, end: 1 },
      { kind: "LOC", start: 3, end: 3 },
    ]);
  });

  test("nothing found, and nothing to find, is no division by zero", () => {
    expect(entityScores([["O"]], [["O"]])).toMatchObject({ precision: 0, recall: 0, f1: 0, macroF1: 0 });
  });

  test("sentences of another length are refused", () => {
    expect(() => entityScores([["O", "O"]], [["O"]])).toThrow("sentence 0 has 2 tags, and 1 are predicted");
  });
});

describe("KorQuAD", () => {
  test("answers are compared without quotes, brackets, punctuation, case and space", () => {
    expect(normalizeKorquadAnswer("《A.B》,  'c' (D)\t〈마〉 ‘바’-사_")).toBe("ab c d 마 바 사");
    expect(normalizeKorquadAnswer("!?")).toBe("");
  });

  test("the best of several right answers counts, and an answer that is missing is wrong", () => {
    const questions = [
      { id: "a", answers: ["서울", "서울특별시"] },
      { id: "b", answers: ["부산"] },
    ];
    const { exactMatch, f1 } = korquadScores(questions, new Map([["a", "서울특별"]]));
    expect(exactMatch).toBe(0);
    expect(f1).toBeCloseTo((100 * (8 / 9)) / 2, 9);
  });

  const shared = fileURLToPath(new URL("../../../../../shared/", import.meta.url));
  const [dataset, published] = [
    `${shared}data/korquad/KorQuAD_v1.0_dev.json.gz`,
    `${shared}golden/korquad/predictions.kcbert-base.json.gz`,
  ];
  const present = existsSync(dataset) && existsSync(published);

  test.skipIf(!present)(
    "KcBERT-base's published answers score 60.2529 / 84.3894 (skipped without its data)",
    () => {
      const read = (path: string): unknown => JSON.parse(gunzipSync(readFileSync(path)).toString());
      const { data } = read(dataset) as { data: Article[] };
      const questions = data.flatMap(({ paragraphs }) =>
        paragraphs.flatMap(({ qas }) =>
          qas.map(({ id, answers }) => ({ id, answers: answers.map(({ text }) => text) })),
        ),
      );
      expect(questions).toHaveLength(5774);
      const predictions = new Map(Object.entries(read(published) as Record<string, string>));
      const { exactMatch, f1 } = korquadScores(questions, predictions);
      expect(exactMatch.toFixed(4)).toBe("60.2529");
      expect(f1.toFixed(4)).toBe("84.3894");
    },
  );
});

interface Article {
  readonly paragraphs: readonly {
    readonly qas: readonly { readonly id: string; readonly answers: readonly { readonly text: string }[] }[];
  }[];
}
