import { expect, test } from "vitest";
import type { FinetuneResults } from "./finetune_results.ts";
import { formatTable, scoreTable } from "./score_table.ts";

const RECIPE = {
  epochs: 1,
  batchSize: 8,
  learningRate: 1e-4,
  warmup: 0,
  weightDecay: 0,
  layerDecay: 1,
  maxLength: 32,
};

/** A run whose last model scores so, whose dev-selected one scores 0.01 less, and whose best 0.01 more. */
function run(
  task: string,
  metric: string,
  score: number,
  { seed = 0, from = "pretrained" as "pretrained" | "scratch", incomparable = [] as string[] } = {},
): FinetuneResults {
  const scored = (value: number) => ({ step: 1, epoch: 1, test: { [metric]: value, exactMatch: value / 2 } });
  return {
    version: 1,
    task,
    seed,
    metric,
    selection: { last: scored(score), devSelected: scored(score - 0.01), bestOnTest: scored(score + 0.01) },
    evaluations: [],
    incomparable,
    recipe: RECIPE,
    model: {
      name: "mini",
      from,
      sha256: from === "scratch" ? null : "ab",
      parameters: 2_500_000,
      vocabSize: 8000,
      hiddenSize: 128,
      layers: 2,
      clean: "2021",
    },
    data: { train: 1, dev: 1, test: 1, problems: [] },
    backend: "wasm",
    seconds: 1,
  };
}

test("seeds become mean and spread, each way of choosing has its row, and random weights theirs", () => {
  const results = [
    run("nsmc", "accuracy", 0.8, { seed: 0 }),
    run("nsmc", "accuracy", 0.82, { seed: 1 }),
    run("nsmc", "accuracy", 0.7, { from: "scratch" }),
    run("hate-speech", "macroF1", 0.5),
  ];
  const { columns, rows } = scoreTable(results);
  expect(columns).toEqual(["NSMC", "hate-speech"]);
  const own = rows
    .slice(0, 6)
    .map(({ model, selection, cells }) => [
      model,
      selection,
      Number(cells.get("NSMC")!.mean.toFixed(4)),
      cells.get("hate-speech")?.seeds,
    ]);
  expect(own).toEqual([
    ["mini", "last", 81, 1],
    ["mini", "chosen on dev", 80, 1],
    ["mini", "best on test", 82, 1],
    ["mini, from random weights", "last", 70, undefined],
    ["mini, from random weights", "chosen on dev", 69, undefined],
    ["mini, from random weights", "best on test", 71, undefined],
  ]);
  expect(rows[0]!.cells.get("NSMC")!.deviation).toBeCloseTo(Math.SQRT2, 6);
});

test("published scores stand beside ours, with how they were chosen", () => {
  const text = formatTable([run("nsmc", "accuracy", 0.875), run("korsts", "spearman", 0.7)]);
  expect(text).toContain("| model | size | selection | NSMC | KorSTS |");
  expect(text).toContain("| mini | 10 MB | last | 87.50 | 70.00 |");
  expect(text).toContain("| KcBERT-Base | 417 MB | published (best on test) | 89.62 | 75.57 |");
  expect(text).toContain("| DistilKoBERT | 108 MB | published (not stated) | 88.41 | 73.21 |");
  expect(text).toContain("it flatters");
});

test("KorQuAD shows exact match and F1, and what does not compare is marked, and why", () => {
  const why = "learnt from 70 % of the test set, for want of the training set";
  const text = formatTable([run("korquad", "f1", 0.4, { incomparable: [why] })]);
  expect(text).toContain("| mini | 10 MB | last | 20.00 / 40.00 * |");
  expect(text).toContain("| KcBERT-Base | 417 MB | published (best on test) | 60.25 / 84.39 |");
  expect(text).toContain(`- * KorQuAD is not comparable: ${why}`);
});

test("tasks that nobody published stand without the others' rows", () => {
  const { rows } = scoreTable([run("curse-detection", "f1", 0.8)]);
  expect(rows.every(({ model }) => model === "mini")).toBe(true);
});
