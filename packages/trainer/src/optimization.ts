/**
 * Optimisers: AdamW, the AdamWeightDecay that made KcBERT, and LAMB.
 *
 * They are one rule with three settings. For a gradient g, already clipped by the global norm, in step t = 1, 2, …:
 *
 * ```text
 * m ← β₁ m + (1 − β₁) g                                        first moment
 * v ← β₂ v + (1 − β₂) g²                                       second moment
 * u = c₁ m / (√(c₂ v) + ε) + λ p                               λ = 0 for biases and LayerNorm
 * p ← p − η r u                                                r = ‖p‖ / ‖u‖ in LAMB (where λ applies), else 1
 * ```
 *
 * with c₁ = 1 / (1 − β₁ᵗ), c₂ = 1 / (1 − β₂ᵗ) where the bias is corrected, else 1. Whatever changes from step to step
 * (η, c₁, c₂) enters as a tensor, and nothing reads a value back, so that a compiling backend can compile a step once.
 */
import * as tf from "@tensorflow/tfjs-core";

/** Model parameters by their Hugging Face key. */
export type Parameters = ReadonlyMap<string, tf.Variable>;

/** An optimiser over a fixed set of parameters; it owns two float32 moments for each of them. */
export interface Optimizer {
  /** The moments: `m.<key>` and `v.<key>`, shaped as the parameter. Assign to them to resume. */
  readonly state: ReadonlyMap<string, tf.Variable>;
  /**
   * What changes from step to step, computed in double precision.
   *
   * @param learningRate The step's learning rate, ≥ 0.
   * @param step The step, counted from 0.
   * @returns `[η, c₁, c₂]`: make a float32 tensor of it for `update`.
   */
  scalars(learningRate: number, step: number): [number, number, number];
  /**
   * Take one step: change the parameters and the moments in place.
   *
   * @param gradients The gradients by parameter key, not clipped; a parameter without one stays as it is.
   * @param scalars float32 `[3]`, from `scalars`.
   * @returns The global norm of the gradients before clipping; the caller owns it.
   */
  update(gradients: ReadonlyMap<string, tf.Tensor>, scalars: tf.Tensor1D): tf.Scalar;
  /** Free the moments; the parameters are the model's. */
  dispose(): void;
}

/** Settings of an optimiser. */
export interface OptimizerOptions {
  /** Decay of the first moment, in [0, 1). @default 0.9 */
  beta1?: number;
  /** Decay of the second moment, in [0, 1). @default 0.999 */
  beta2?: number;
  /** What keeps the quotient finite. @default 1e-8 for `adamW`, 1e-6 for `bertAdam` and `lamb` */
  epsilon?: number;
  /** Decoupled weight decay λ. @default 0.01 */
  weightDecay?: number;
  /** Gradients with a larger global norm are scaled down to it; `Infinity` never clips. @default 1 */
  maxGradNorm?: number;
  /** Which parameters decay. @default all but those whose key holds `bias` or `LayerNorm` */
  decays?: (key: string) => boolean;
  /** Factor of the learning rate by parameter key, at least 0, such as a smaller one for lower layers. @default 1 for all */
  rate?: (key: string) => number;
}

/**
 * AdamW: decoupled weight decay and corrected bias, as `torch.optim.AdamW` with `clip_grad_norm_`.
 *
 * @param parameters What is to be optimised; the optimiser writes to it and never disposes it.
 * @throws {RangeError} If an option is out of range.
 *
 * @example
 * ```ts
 * import { adamW } from "@kcbert/trainer";
 * import * as tf from "@tensorflow/tfjs";
 * import assert from "node:assert/strict";
 *
 * await tf.setBackend("cpu");
 * const parameters = new Map([["weight", tf.variable(tf.tensor1d([1, -1]))]]);
 * const optimizer = adamW(parameters, { weightDecay: 0, maxGradNorm: Infinity });
 * const gradients = new Map([["weight", tf.tensor1d([3, -4])]]);
 * const norm = optimizer.update(gradients, tf.tensor1d(optimizer.scalars(0.5, 0)));
 * assert.equal(norm.dataSync()[0], 5);
 * assert.deepEqual([...parameters.get("weight")!.dataSync()], [0.5, -0.5]);
 * ```
 */
export function adamW(parameters: Parameters, options: OptimizerOptions = {}): Optimizer {
  return optimizer(
    parameters,
    { epsilon: 1e-8, ...options },
    { ...PLAIN, biasCorrection: true, clip: torchClip },
  );
}

/**
 * AdamWeightDecayOptimizer of google-research/bert, which trained KcBERT: no bias correction, ε = 1e-6.
 *
 * @param parameters What is to be optimised; the optimiser writes to it and never disposes it.
 * @throws {RangeError} If an option is out of range.
 *
 * @example
 * ```ts
 * import { bertAdam } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(bertAdam(new Map()).scalars(1e-4, 7), [1e-4, 1, 1]);
 * ```
 */
export function bertAdam(parameters: Parameters, options: OptimizerOptions = {}): Optimizer {
  return optimizer(parameters, { epsilon: 1e-6, ...options }, PLAIN);
}

/**
 * LAMB: `bertAdam`, each decaying tensor's update rescaled to the norm of the tensor; for very large batches.
 *
 * Follows the optimiser of google-research/albert; with `biasCorrection` the paper (arXiv 1904.00962).
 *
 * @param parameters What is to be optimised; the optimiser writes to it and never disposes it.
 * @param options As elsewhere, and `biasCorrection`, off by default.
 * @throws {RangeError} If an option is out of range.
 *
 * @example
 * ```ts
 * import { lamb } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(lamb(new Map(), { biasCorrection: true, beta1: 0.5, beta2: 0.75 }).scalars(1, 0), [1, 2, 4]);
 * ```
 */
export function lamb(
  parameters: Parameters,
  { biasCorrection = false, ...options }: OptimizerOptions & { biasCorrection?: boolean } = {},
): Optimizer {
  return optimizer(parameters, { epsilon: 1e-6, ...options }, { ...PLAIN, biasCorrection, trustRatio: true });
}

/**
 * The Euclidean norm of several tensors taken as one vector.
 *
 * @param tensors float32, any shapes.
 * @returns float32 scalar; the caller owns it.
 *
 * @example
 * ```ts
 * import { globalNorm } from "@kcbert/trainer";
 * import * as tf from "@tensorflow/tfjs";
 * import assert from "node:assert/strict";
 *
 * await tf.setBackend("cpu");
 * assert.equal(globalNorm([tf.tensor1d([2, 3]), tf.tensor2d([[6]])]).dataSync()[0], 7);
 * ```
 */
export function globalNorm(tensors: Iterable<tf.Tensor>): tf.Scalar {
  return tf.tidy(() => {
    if (tf.getKernel(SUM_OF_SQUARES, tf.getBackend()) != null) {
      const sums = Array.from(tensors, (x) => tf.engine().runKernel(SUM_OF_SQUARES, { x }) as tf.Tensor);
      return tf.sqrt(sums.length === 0 ? tf.scalar(0) : tf.addN(sums)) as tf.Scalar;
    }
    // Row by row first: the wasm backend adds up in float32, one after the other, and long sums would lose digits.
    const squares = Array.from(tensors, (tensor) =>
      tf.sum(tf.sum(tf.square(tensor), tensor.rank === 0 ? undefined : -1)),
    );
    // Not by addN: on WebGPU it binds a buffer for each, more than there may be, and then gives 0 without a word.
    return tf.sqrt(squares.length === 0 ? tf.scalar(0) : tf.sum(tf.stack(squares))) as tf.Scalar;
  });
}

// --- internal ---

/**
 * A kernel that a backend may register: a step for one parameter. Inputs `parameter`, `m`, `v`, `gradient`, and the scalars
 * of {@link StepInputs} but with `rate` for the learning rate; attributes `beta1`, `beta2`, `epsilon`, `decay`; gives the
 * next parameter, m and v.
 */
const ADAM_W = "AdamW";

/** A kernel that a backend may register: the sum of the squares of `x`, a scalar. */
const SUM_OF_SQUARES = "SumOfSquares";

type Settings = OptimizerOptions & { epsilon: number };

interface Rule {
  readonly biasCorrection: boolean;
  readonly trustRatio: boolean;
  /** The factor that scales every gradient. */
  readonly clip: (norm: tf.Scalar, maxNorm: number) => tf.Scalar;
}

interface Moments {
  readonly m: tf.Variable;
  readonly v: tf.Variable;
}

const PLAIN: Rule = { biasCorrection: false, trustRatio: false, clip: tensorflowClip };

function optimizer(parameters: Parameters, settings: Settings, rule: Rule): Optimizer {
  const {
    beta1 = 0.9,
    beta2 = 0.999,
    epsilon,
    weightDecay = 0.01,
    maxGradNorm = 1,
    decays = decaysByName,
    rate: rateOf = () => 1,
  } = settings;
  checkSettings({ beta1, beta2, epsilon, weightDecay, maxGradNorm });
  const moments = new Map(Array.from(parameters, ([key, parameter]) => [key, zeroMoments(parameter)]));

  function stepOf(
    parameter: tf.Variable,
    { m, v }: Moments,
    gradient: tf.Tensor,
    at: StepInputs,
    { decay, factor }: { decay: number; factor: number },
  ): void {
    if (!rule.trustRatio && tf.getKernel(ADAM_W, tf.getBackend()) != null) {
      const rate = factor === 1 ? at.learningRate : tf.mul(at.learningRate, factor);
      const { firstWeight, secondWeight, firstCorrection, secondCorrection } = at;
      const scalars = { rate, firstWeight, secondWeight, firstCorrection, secondCorrection };
      const attributes = { beta1, beta2, epsilon, decay };
      const next = tf.engine().runKernel(ADAM_W, { parameter, m, v, gradient, ...scalars }, attributes);
      for (const [i, variable] of [parameter, m, v].entries()) variable.assign((next as tf.Tensor[])[i]!);
      return;
    }
    const nextM = tf.add(tf.mul(m, beta1), tf.mul(gradient, at.firstWeight));
    const nextV = tf.add(tf.mul(v, beta2), tf.mul(tf.square(gradient), at.secondWeight));
    const denominator = tf.add(tf.sqrt(tf.mul(nextV, at.secondCorrection)), epsilon);
    const adam = tf.div(tf.mul(nextM, at.firstCorrection), denominator);
    const change = decay === 0 ? adam : tf.add(adam, tf.mul(parameter, decay));
    const learningRate = factor === 1 ? at.learningRate : tf.mul(at.learningRate, factor);
    const rate =
      rule.trustRatio && decay !== 0 ? tf.mul(learningRate, trustRatio(parameter, change)) : learningRate;
    m.assign(nextM);
    v.assign(nextV);
    parameter.assign(tf.sub(parameter, tf.mul(change, rate)));
  }

  return {
    state: new Map(
      Array.from(moments).flatMap(([key, { m, v }]) => [[`m.${key}`, m] as const, [`v.${key}`, v] as const]),
    ),
    scalars: (learningRate, step) =>
      rule.biasCorrection
        ? [learningRate, 1 / (1 - beta1 ** (step + 1)), 1 / (1 - beta2 ** (step + 1))]
        : [learningRate, 1, 1],
    update: (gradients, scalars) =>
      tf.tidy(() => {
        const norm = globalNorm(gradients.values());
        const clip = rule.clip(norm, maxGradNorm);
        const [learningRate, firstCorrection, secondCorrection] = tf.unstack(scalars) as tf.Scalar[];
        const at: StepInputs = {
          learningRate: learningRate!,
          firstCorrection: firstCorrection!,
          secondCorrection: secondCorrection!,
          firstWeight: tf.mul(clip, 1 - beta1),
          secondWeight: tf.mul(tf.square(clip), 1 - beta2),
        };
        for (const [key, parameter] of parameters) {
          const gradient = gradients.get(key);
          if (gradient === undefined) continue;
          const own = { decay: decays(key) ? weightDecay : 0, factor: rateOf(key) };
          tf.tidy(() => stepOf(parameter, moments.get(key)!, gradient, at, own));
        }
        return norm;
      }),
    dispose: () => {
      for (const { m, v } of moments.values()) tf.dispose([m, v]);
    },
  };
}

/** float32 scalars: the step's rate and corrections, and the weights of the new gradient with the clip factor in them. */
interface StepInputs {
  readonly learningRate: tf.Scalar;
  readonly firstCorrection: tf.Scalar;
  readonly secondCorrection: tf.Scalar;
  readonly firstWeight: tf.Scalar;
  readonly secondWeight: tf.Scalar;
}

function zeroMoments(parameter: tf.Variable): Moments {
  return tf.tidy(() => ({
    m: tf.variable(tf.zeros(parameter.shape), false),
    v: tf.variable(tf.zeros(parameter.shape), false),
  }));
}

/** `clip_grad_norm_` of PyTorch. */
function torchClip(norm: tf.Scalar, maxNorm: number): tf.Scalar {
  return maxNorm === Infinity ? tf.onesLike(norm) : tf.minimum(tf.div(maxNorm, tf.add(norm, 1e-6)), 1);
}

/** `tf.clip_by_global_norm` of TensorFlow. */
function tensorflowClip(norm: tf.Scalar, maxNorm: number): tf.Scalar {
  return maxNorm === Infinity ? tf.onesLike(norm) : tf.div(maxNorm, tf.maximum(norm, maxNorm));
}

/** ‖p‖ / ‖u‖, or 1 where either is zero. */
function trustRatio(parameter: tf.Tensor, change: tf.Tensor): tf.Tensor {
  const parameterNorm = tf.norm(parameter);
  const changeNorm = tf.norm(change);
  const defined = tf.logicalAnd(tf.greater(parameterNorm, 0), tf.greater(changeNorm, 0));
  return tf.where(defined, tf.div(parameterNorm, changeNorm), tf.onesLike(parameterNorm));
}

function decaysByName(key: string): boolean {
  return !key.includes("bias") && !key.includes("LayerNorm");
}

function checkSettings(settings: Required<Omit<OptimizerOptions, "decays" | "rate">>): void {
  const { beta1, beta2, epsilon, weightDecay, maxGradNorm } = settings;
  const ranges = [
    ["beta1", beta1, "in [0, 1)", beta1 >= 0 && beta1 < 1],
    ["beta2", beta2, "in [0, 1)", beta2 >= 0 && beta2 < 1],
    ["epsilon", epsilon, "above 0", epsilon > 0],
    ["weightDecay", weightDecay, "at least 0", weightDecay >= 0],
    ["maxGradNorm", maxGradNorm, "above 0", maxGradNorm > 0],
  ] as const;
  for (const [name, value, range, holds] of ranges) {
    if (!holds)
      throw new RangeError(`Cannot make an optimizer as ${name} must be ${range}: current value is ${value}`);
  }
}
