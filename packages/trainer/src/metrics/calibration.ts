/**
 * How far a classifier's probabilities can be taken at their word, and what makes them so.
 */

/**
 * The temperature T at which softmax(logits / T) gives the labels the greatest likelihood: above 1 the model was too sure
 * of itself, below 1 not sure enough. Which class is first does not change.
 *
 * Guo et al. 2017 (arXiv 1706.04599); the loss is convex in 1 / T, so its minimum is found by halving an interval.
 *
 * @param logits N rows of L numbers, one after the other.
 * @param labels The N classes, each in [0, L); examples that the model did not learn from.
 * @returns A number in [0.05, 20]: an end of that range where the likelihood only grows towards it, as it does where all
 * examples are right.
 * @throws {RangeError} If there are no examples, or not L logits for each.
 *
 * @example
 * ```ts
 * import { fitTemperature } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * // Three times of four it is right, so e³ : 1 is too sure: it should be 3 : 1, and 3 / T = ln 3.
 * const temperature = fitTemperature([3, 0, 3, 0, 3, 0, 3, 0], [0, 0, 0, 1], 2);
 * assert.ok(Math.abs(temperature - 3 / Math.log(3)) < 1e-6);
 * ```
 */
export function fitTemperature(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
): number {
  checkRows(logits, labels, classes);
  let [low, high] = [1 / HOTTEST, HOTTEST]; // of 1 / T
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (slope(logits, labels, classes, middle) <= 0) low = middle;
    else high = middle;
  }
  return 2 / (low + high);
}

/** How a classifier's confidence, the probability of the class that it puts first, agrees with how often it is right. */
export interface Calibration {
  /**
   * Expected calibration error in [0, 1]: how far mean confidence and accuracy are apart in 15 bins of equal width, mean
   * over the examples.
   */
  readonly ece: number;
  /** Mean negative log-likelihood of the labels, in nats. */
  readonly nll: number;
}

/**
 * Measure the calibration of a classifier.
 *
 * @param logits N rows of L numbers, one after the other.
 * @param labels The N classes, each in [0, L).
 * @param temperature By which the logits are divided first. Default 1.
 * @throws {RangeError} If there are no examples, or not L logits for each.
 *
 * @example
 * ```ts
 * import { calibration } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const { ece } = calibration([0, 0, 0, 0], [0, 1], 2); // half sure, and half right
 * assert.equal(ece, 0);
 * ```
 */
export function calibration(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  temperature = 1,
): Calibration {
  const count = checkRows(logits, labels, classes);
  const bins = Array.from({ length: BINS }, () => ({ confidence: 0, right: 0 }));
  let nll = 0;
  for (const { confidence, isRight, ofLabel } of judged(logits, labels, classes, temperature)) {
    const bin = bins[Math.min(BINS - 1, Math.floor(confidence * BINS))]!;
    bin.confidence += confidence;
    bin.right += Number(isRight);
    nll -= ofLabel;
  }
  const ece = bins.reduce((sum, { confidence, right }) => sum + Math.abs(confidence - right), 0) / count;
  return { ece, nll: nll / count };
}

/** A band in which a classifier is not to be relied on. */
export interface UnsureBand {
  /** It is unsure where the probability of the class that it puts first is below this, a multiple of 0.01. */
  readonly below: number;
  /** Part of the other examples that are right, in [0, 1]; NaN if there are none. */
  readonly accuracy: number;
  /** How many the others are of all, in [0, 1]. */
  readonly coverage: number;
}

/**
 * The narrowest band outside of which a classifier is right as often as asked: the least threshold among 0, 0.01, … 0.99.
 *
 * @param logits N rows of L numbers, one after the other.
 * @param labels The N classes, each in [0, L); examples that the model did not learn from.
 * @param accuracy What part of the answers outside of the band must be right, in [0, 1].
 * @returns The band; `undefined` if no threshold is enough.
 * @throws {RangeError} If there are no examples, or not L logits for each.
 *
 * @example
 * ```ts
 * import { unsureBand } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const logits = [4, 0, 4, 0, 0, 0.1, 0, 0.1]; // sure and right twice, then hardly sure, and wrong once
 * assert.deepEqual(unsureBand(logits, [0, 0, 0, 1], 2, 0.95), { below: 0.53, accuracy: 1, coverage: 0.5 });
 * ```
 */
export function unsureBand(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  accuracy: number,
): UnsureBand | undefined {
  for (let percent = 0; percent < 100; percent++) {
    const band = beyond(logits, labels, classes, percent / 100);
    if (band.accuracy >= accuracy) return band;
  }
  return undefined;
}

/**
 * What a band is worth on other examples than those that it was chosen by.
 *
 * @param logits N rows of L numbers, one after the other.
 * @param labels The N classes, each in [0, L).
 * @param below The band's threshold, in [0, 1].
 * @throws {RangeError} If there are no examples, or not L logits for each.
 *
 * @example
 * ```ts
 * import { beyond } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(beyond([4, 0, 0, 0.1], [0, 0], 2, 0.6), { below: 0.6, accuracy: 1, coverage: 0.5 });
 * ```
 */
export function beyond(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  below: number,
): UnsureBand {
  const count = checkRows(logits, labels, classes);
  let [sure, right] = [0, 0];
  for (const { confidence, isRight } of judged(logits, labels, classes, 1)) {
    if (confidence < below) continue;
    sure++;
    right += Number(isRight);
  }
  return { below, accuracy: right / sure, coverage: sure / count };
}

// --- internal ---

const HOTTEST = 20;
const BINS = 15;

/** What a classifier says of an example. */
interface Judged {
  /** The probability of the class that is first. */
  readonly confidence: number;
  readonly isRight: boolean;
  /** The logarithm of the probability of the label. */
  readonly ofLabel: number;
}

function* judged(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  temperature: number,
): Generator<Judged> {
  for (let row = 0; row < labels.length; row++) {
    let [best, sum] = [0, 0];
    const at = (c: number): number => logits[row * classes + c]! / temperature;
    for (let c = 1; c < classes; c++) if (at(c) > at(best)) best = c;
    for (let c = 0; c < classes; c++) sum += Math.exp(at(c) - at(best));
    yield {
      confidence: 1 / sum,
      isRight: best === labels[row],
      ofLabel: at(labels[row]!) - at(best) - Math.log(sum),
    };
  }
}

/** How the negative log-likelihood changes with 1 / T: the mean logit under softmax less that of the label, summed. */
function slope(logits: ArrayLike<number>, labels: ArrayLike<number>, classes: number, scale: number): number {
  let total = 0;
  for (let row = 0; row < labels.length; row++) {
    const at = (c: number): number => logits[row * classes + c]!;
    let most = -Infinity;
    for (let c = 0; c < classes; c++) most = Math.max(most, at(c));
    let [sum, weighted] = [0, 0];
    for (let c = 0; c < classes; c++) {
      const weight = Math.exp(scale * (at(c) - most));
      sum += weight;
      weighted += weight * at(c);
    }
    total += weighted / sum - at(labels[row]!);
  }
  return total;
}

function checkRows(logits: ArrayLike<number>, labels: ArrayLike<number>, classes: number): number {
  if (labels.length === 0) throw new RangeError("Cannot calibrate as there are no examples");
  if (logits.length === labels.length * classes) return labels.length;
  throw new RangeError(
    `Cannot calibrate as there must be ${classes} logits for each of ${labels.length} labels: there are ${logits.length}`,
  );
}
