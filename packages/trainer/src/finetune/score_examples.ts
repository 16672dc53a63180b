/**
 * The usual scores of each kind of task.
 */
import type { BertConfig } from "@kcbert/bert";
import { accuracy, f1Scores } from "../metrics/classification.ts";
import { pearson, spearman } from "../metrics/correlation.ts";
import { entityScores, type TagOptions } from "../metrics/entity_f1.ts";
import { labelRankingAveragePrecision, multiLabelScores } from "../metrics/multi_label.ts";
import { rocAuc } from "../metrics/roc_auc.ts";
import { IGNORED_LABEL } from "../masked_lm.ts";
import type { FinetuneModel } from "./_heads.ts";
import { exampleCount, type Examples, type TextExamples, type TokenExamples } from "./examples.ts";
import { predict, type Predictions, type PredictOptions } from "./predict_examples.ts";

/** Scores by name, higher is better; the first is the one that a task is usually judged by. */
export type Scores = Readonly<Record<string, number>>;

/**
 * Score what a model said of examples.
 *
 * - One class a text: `accuracy`, `macroF1`, and with two classes `f1` (of the second) and `rocAuc`.
 * - Numbers: `spearman`, `pearson`. With several a text, over all of them together.
 * - Any of several labels: `lrap`, `macroF1`, `microF1`, `exactMatch`; a label is given where its logit is above 0.
 * - Tokens: `f1`, `precision`, `recall` of entities, `macroF1` over kinds.
 * - Spans: `exactMatch`, both ends at the right token, each the best of its own.
 * - Embeddings: `spearman`, `pearson` of cosines.
 *
 * @param examples The examples, with their labels.
 * @param predictions From `predict`.
 * @param config The model's.
 * @param options `suffix`, whether tags are written `PER-B`.
 *
 * @example
 * ```ts
 * import { kcbertBase } from "@kcbert/bert";
 * import { scoreExamples } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const texts = { ids: Int32Array.of(2, 3, 2, 3), rowStarts: Int32Array.of(0, 2, 4) };
 * const said = { values: Float32Array.of(2, 1, 0.5, 0.25), rowStarts: Int32Array.of(0, 2, 4) };
 * const scores = scoreExamples({ kind: "texts", texts, labels: Int32Array.of(0, 1) }, said, kcbertBase);
 * assert.equal(scores["accuracy"], 0.5);
 * ```
 */
export function scoreExamples(
  examples: Examples,
  predictions: Predictions,
  config: BertConfig,
  options: TagOptions = {},
): Scores {
  if (examples.kind === "texts") return scoreTexts(examples, predictions.values, config);
  if (examples.kind === "tokens") return scoreTokens(examples, predictions.values, config, options);
  if (examples.kind === "spans") return { exactMatch: spanMatches(examples, predictions) };
  return correlations(examples.labels, predictions.values);
}

/**
 * Run a model on examples and score what it says.
 *
 * @param model The model, unchanged.
 * @param examples Examples of the kind that the model's class takes.
 * @param options As `predict`; `suffix`, whether tags are written `PER-B`.
 * @throws {TypeError | RangeError} As `predict`.
 *
 * @example
 * ```ts
 * import { BertForSequenceClassification, kcbertBase } from "@kcbert/bert";
 * import { evaluate } from "@kcbert/trainer";
 * import * as tf from "@tensorflow/tfjs";
 * import assert from "node:assert/strict";
 *
 * await tf.setBackend("cpu");
 * const sizes = { vocabSize: 10, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 16 };
 * const model = BertForSequenceClassification.init({ ...kcbertBase, ...sizes }, { seed: 1 });
 * const texts = { ids: Int32Array.of(2, 7, 3, 2, 8, 9, 3), rowStarts: Int32Array.of(0, 3, 7) };
 * const { accuracy } = await evaluate(model, { kind: "texts", texts, labels: Int32Array.of(0, 0) });
 * assert.ok(accuracy! >= 0 && accuracy! <= 1);
 * ```
 */
export async function evaluate(
  model: FinetuneModel,
  examples: Examples,
  { suffix = false, ...options }: PredictOptions & TagOptions = {},
): Promise<Scores> {
  return scoreExamples(examples, await predict(model, examples, options), model.config, { suffix });
}

/**
 * The place of the greatest of some numbers; the first of them, if several are.
 *
 * @param from The first of them.
 * @param to Behind the last.
 *
 * @example
 * ```ts
 * import { argMax } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * assert.equal(argMax([9, 1, 3, 2], 1, 4), 1); // counted from `from`
 * ```
 */
export function argMax(values: ArrayLike<number>, from: number, to: number): number {
  let best = from;
  for (let i = from + 1; i < to; i++) if (values[i]! > values[best]!) best = i;
  return best - from;
}

// --- internal ---

function scoreTexts({ labels }: TextExamples, values: ArrayLike<number>, config: BertConfig): Scores {
  const { problemType = "single_label_classification", numLabels } = config;
  if (problemType === "regression") return correlations(labels, values);
  if (problemType === "multi_label_classification") {
    const given = Uint8Array.from(values, (logit) => Number(logit > 0));
    const { macroF1, microF1, exactMatch } = multiLabelScores(labels, given, numLabels);
    return { lrap: labelRankingAveragePrecision(labels, values, numLabels), macroF1, microF1, exactMatch };
  }
  const classes = Int32Array.from(labels, (_, i) => argMax(values, i * numLabels, (i + 1) * numLabels));
  const { macro, perClass } = f1Scores(labels, classes, numLabels);
  const scores = { accuracy: accuracy(labels, classes), macroF1: macro };
  if (numLabels !== 2) return scores;
  const margins = Float64Array.from(labels, (_, i) => values[2 * i + 1]! - values[2 * i]!);
  return { ...scores, f1: perClass[1] ?? 0, rocAuc: rocAuc(labels, margins) };
}

function scoreTokens(
  examples: TokenExamples,
  values: ArrayLike<number>,
  { id2label = [] }: BertConfig,
  options: TagOptions,
): Scores {
  const { labels, texts } = examples;
  const [right, given]: [string[][], string[][]] = [[], []];
  for (let row = 0; row < exampleCount(examples); row++) {
    const [wanted, said]: [string[], string[]] = [[], []];
    for (let i = texts.rowStarts[row]!; i < texts.rowStarts[row + 1]!; i++) {
      if (labels[i] === IGNORED_LABEL) continue;
      wanted.push(id2label[labels[i]!] ?? "O");
      said.push(id2label[values[i]!] ?? "O");
    }
    right.push(wanted);
    given.push(said);
  }
  const { f1, precision, recall, macroF1 } = entityScores(right, given, options);
  return { f1, precision, recall, macroF1 };
}

function spanMatches(
  examples: Extract<Examples, { kind: "spans" }>,
  { values, rowStarts }: Predictions,
): number {
  const { starts, ends } = examples;
  const hits = starts.reduce((sum, start, row) => {
    const [from, to] = [rowStarts[row]!, rowStarts[row + 1]!];
    const middle = (from + to) / 2;
    const right = argMax(values, from, middle) === start && argMax(values, middle, to) === ends[row];
    return sum + Number(right);
  }, 0);
  return hits / starts.length;
}

function correlations(labels: ArrayLike<number>, values: ArrayLike<number>): Scores {
  return { spearman: spearman(labels, values), pearson: pearson(labels, values) };
}
