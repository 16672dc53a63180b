/**
 * Scores of a classifier that gives each text one class.
 */

/** F1 of each class and over all of them, in [0, 1]. */
export interface F1Scores {
  /** The mean over classes, each counting alike. */
  readonly macro: number;
  /** Over all texts together: with one class a text, the accuracy. */
  readonly micro: number;
  /** The mean over classes, each counting as often as it is right. */
  readonly weighted: number;
  /** By class; `undefined` for a class that is neither in the labels nor in the predictions. */
  readonly perClass: readonly (number | undefined)[];
}

/**
 * Part of the texts whose class was found, in [0, 1].
 *
 * @param labels The right classes.
 * @param predictions As many classes.
 * @returns NaN if there is none.
 * @throws {RangeError} If there are not as many predictions as labels.
 *
 * @example
 * ```ts
 * import { accuracy } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * assert.equal(accuracy([0, 1, 1, 0], [0, 1, 0, 0]), 0.75);
 * ```
 */
export function accuracy(labels: ArrayLike<number>, predictions: ArrayLike<number>): number {
  checkSameLength(labels, predictions);
  let hits = 0;
  for (let i = 0; i < labels.length; i++) if (labels[i] === predictions[i]) hits++;
  return hits / labels.length;
}

/**
 * F1 of a classifier, as scikit-learn's `f1_score`.
 *
 * A class that is neither in the labels nor in the predictions does not count; one that is never found has F1 0.
 *
 * @param labels The right classes, each in [0, classes).
 * @param predictions As many classes.
 * @param classes How many classes there are.
 * @throws {RangeError} If there are not as many predictions as labels, or a class is out of its range.
 *
 * @example
 * ```ts
 * import { f1Scores } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const { macro, perClass } = f1Scores([0, 0, 1, 1], [0, 1, 1, 1], 2);
 * assert.deepEqual(perClass, [2 / 3, 0.8]);
 * assert.equal(macro, (2 / 3 + 0.8) / 2);
 * ```
 */
export function f1Scores(
  labels: ArrayLike<number>,
  predictions: ArrayLike<number>,
  classes: number,
): F1Scores {
  checkSameLength(labels, predictions);
  const right = new Float64Array(classes);
  const wanted = new Float64Array(classes);
  const given = new Float64Array(classes);
  for (let i = 0; i < labels.length; i++) {
    const [label, prediction] = [checkClass(labels[i]!, classes), checkClass(predictions[i]!, classes)];
    wanted[label]!++;
    given[prediction]!++;
    if (label === prediction) right[label]!++;
  }
  const perClass = Array.from(right, (hits, c) => f1(hits, wanted[c]!, given[c]!));
  const present = perClass.filter((score) => score !== undefined);
  return {
    macro: sum(present) / present.length,
    micro: sum(right) / labels.length,
    weighted: sum(perClass.map((score = 0, c) => score * wanted[c]!)) / labels.length,
    perClass,
  };
}

/**
 * F1 of what was found right, what there was to find, and what was found; `undefined` where there is neither.
 *
 * @example
 * ```ts
 * import { f1 } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * assert.equal(f1(2, 4, 2), 2 / 3); // all found is right, half is found
 * ```
 */
export function f1(right: number, wanted: number, given: number): number | undefined {
  return wanted + given === 0 ? undefined : (2 * right) / (wanted + given);
}

// --- internal ---

function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
}

function checkSameLength(labels: ArrayLike<number>, predictions: ArrayLike<number>): void {
  if (labels.length === predictions.length) return;
  throw new RangeError(
    `Cannot score the predictions as there must be one for each label: ${labels.length} labels, ${predictions.length} predictions`,
  );
}

function checkClass(value: number, classes: number): number {
  if (Number.isInteger(value) && value >= 0 && value < classes) return value;
  throw new RangeError(`Cannot score the predictions as a class must be in [0, ${classes}): it is ${value}`);
}
