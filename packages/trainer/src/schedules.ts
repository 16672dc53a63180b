/**
 * What part of the peak learning rate to use, from how far the run is: progress in [0, 1) → factor in [0, 1].
 *
 * Progress is `step / maxSteps` with the step counted from 0, or elapsed time over the time allowed: a schedule does not
 * care which.
 */
export type Schedule = (progress: number) => number;

/** How a schedule begins. */
export interface WarmupOptions {
  /** Part of the run over which the rate rises linearly from 0, in [0, 1). @default 0.1 */
  warmup?: number;
}

/** How a schedule begins and ends. */
export interface DecayOptions extends WarmupOptions {
  /** The part of the peak that the rate decays to, in [0, 1). @default 0 */
  final?: number;
}

/**
 * Linear warm-up to the peak, then linear decay to 0, or to `final`, at the end of the run.
 *
 * Follows `get_linear_schedule_with_warmup` of Hugging Face transformers, fractions in place of step counts.
 *
 * @throws {RangeError} If `warmup` or `final` is not in [0, 1).
 *
 * @example
 * ```ts
 * import { linearDecay } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const schedule = linearDecay({ warmup: 0.2 });
 * assert.deepEqual([0, 0.1, 0.2, 0.6].map(schedule), [0, 0.5, 1, 0.5]);
 * ```
 */
export function linearDecay({ warmup = 0.1, final = 0 }: DecayOptions = {}): Schedule {
  return withWarmup(warmup, (progress) => (1 - progress) / (1 - warmup), final);
}

/**
 * Linear warm-up, then the linear decay of google-research/bert, KcBERT's own.
 *
 * Its decay counts from the start of the run, so the rate drops from 1 to 1 − `warmup` where the warm-up ends.
 *
 * @throws {RangeError} If `warmup` is not in [0, 1).
 *
 * @example
 * ```ts
 * import { bertDecay } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const schedule = bertDecay({ warmup: 0.25 });
 * assert.deepEqual([0.125, 0.25, 0.5].map(schedule), [0.5, 0.75, 0.5]);
 * ```
 */
export function bertDecay({ warmup = 0.01 }: WarmupOptions = {}): Schedule {
  return withWarmup(warmup, (progress) => 1 - progress);
}

/**
 * Linear warm-up to the peak, then half a cosine down to 0, or to `final`, at the end of the run.
 *
 * @throws {RangeError} If `warmup` or `final` is not in [0, 1).
 *
 * @example
 * ```ts
 * import { cosineDecay } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * assert.equal(cosineDecay({ warmup: 0 })(0.5), 0.5);
 * ```
 */
export function cosineDecay({ warmup = 0.1, final = 0 }: DecayOptions = {}): Schedule {
  const cosine = (progress: number) => (1 + Math.cos((Math.PI * (progress - warmup)) / (1 - warmup))) / 2;
  return withWarmup(warmup, cosine, final);
}

/**
 * Linear warm-up to the peak, and no decay.
 *
 * @throws {RangeError} If `warmup` is not in [0, 1).
 *
 * @example
 * ```ts
 * import { constantRate } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual([0.05, 0.1, 0.99].map(constantRate({ warmup: 0.1 })), [0.5, 1, 1]);
 * ```
 */
export function constantRate({ warmup = 0.1 }: WarmupOptions = {}): Schedule {
  return withWarmup(warmup, () => 1);
}

/**
 * Linear warm-up, a plateau at the peak, then linear decay to 0, or to `final`, over the last `cooldown` of the run: also
 * known as WSD, warm-up, stable, decay.
 *
 * @param options `warmup` and `final` as elsewhere; `cooldown`, the part of the run that decays, in (0, 1 − `warmup`].
 * @throws {RangeError} If `warmup`, `cooldown` or `final` is out of range.
 *
 * @example
 * ```ts
 * import { trapezoid } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const schedule = trapezoid({ warmup: 0.25, cooldown: 0.5 });
 * assert.deepEqual([0.125, 0.25, 0.5, 0.75].map(schedule), [0.5, 1, 1, 0.5]);
 * ```
 */
export function trapezoid({
  warmup = 0.1,
  cooldown = 0.2,
  final = 0,
}: DecayOptions & { cooldown?: number } = {}): Schedule {
  if (!(cooldown > 0 && cooldown <= 1 - warmup)) {
    throw new RangeError(
      `Cannot make a trapezoid as cooldown must be above 0 and at most 1 minus the warm-up: cooldown is ${cooldown}, warm-up is ${warmup}`,
    );
  }
  return withWarmup(warmup, (progress) => Math.min(1, (1 - progress) / cooldown), final);
}

// --- internal ---

function withWarmup(warmup: number, decay: Schedule, final: number = 0): Schedule {
  if (!(warmup >= 0 && warmup < 1)) {
    throw new RangeError(`Cannot warm up over a part of the run outside of [0, 1): warmup is ${warmup}`);
  }
  if (!(final >= 0 && final < 1)) {
    throw new RangeError(`Cannot decay to a part of the peak outside of [0, 1): final is ${final}`);
  }
  return (progress) => {
    if (progress < warmup) return progress / warmup;
    return progress < 1 ? final + (1 - final) * decay(progress) : final;
  };
}
