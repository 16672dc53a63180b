/**
 * A training step as one function of tensors: forward, gradients, clipping, optimiser.
 */
import * as tf from "@tensorflow/tfjs-core";
import "./_gradients.ts";
import { eager, type Jit } from "./jit.ts";
import type { Optimizer, Parameters } from "./optimization.ts";

/** How a step is taken. */
export interface TrainStepOptions {
  /** Batches whose gradients are averaged for one step, at least 1. @default 1 */
  accumulate?: number;
  /** Compiles the step. @default the step itself */
  jit?: Jit;
}

/** What a step tells; the caller owns the tensors, whose numbers may be computed yet. */
export interface StepResult {
  /** float32 `[]`, the mean loss over the step's batches, before the step. */
  readonly loss: tf.Scalar;
  /** float32 `[]`, the global norm of the gradients before clipping. */
  readonly gradNorm: tf.Scalar;
}

/**
 * Take a step: parameters and moments change in place.
 *
 * @param batches As many as are accumulated, each the inputs of the loss; the caller keeps the tensors.
 * @param scalars float32 `[3]`, from `optimizer.scalars`.
 * @throws {RangeError} If there are more or fewer batches, or they differ in their number of inputs.
 */
export type TrainStep = (batches: readonly (readonly tf.Tensor[])[], scalars: tf.Tensor1D) => StepResult;

/**
 * Make a training step of a loss.
 *
 * The whole of it (the loss of each batch, its gradients, their mean, clipping, the optimiser) is one function of tensors
 * given to `jit`, so whatever changes from step to step must be among the inputs: ids, masks, labels, and the number that
 * draws dropout, as an int32 scalar. With shapes that stay the same it is compiled once.
 *
 * @param parameters What the loss depends on; those that it turns out not to depend on stay as they are.
 * @param optimizer An optimiser over these parameters.
 * @param loss Of one batch, float32 `[]`; pure, and it reads no value back.
 *
 * @example
 * ```ts
 * import { adamW, trainStep } from "@kcbert/trainer";
 * import * as tf from "@tensorflow/tfjs";
 * import assert from "node:assert/strict";
 *
 * await tf.setBackend("cpu");
 * const weight = tf.variable(tf.scalar(1));
 * const parameters = new Map([["weight", weight]]);
 * const optimizer = adamW(parameters, { weightDecay: 0 });
 * const step = trainStep(parameters, optimizer, (x) => tf.square(tf.mul(x!, weight)) as tf.Scalar);
 * const { loss, gradNorm } = step([[tf.scalar(3)]], tf.tensor1d(optimizer.scalars(0.5, 0)));
 * assert.deepEqual([loss.dataSync()[0], gradNorm.dataSync()[0], weight.dataSync()[0]], [9, 18, 0.5]);
 * ```
 */
export function trainStep(
  parameters: Parameters,
  optimizer: Optimizer,
  loss: (...inputs: tf.Tensor[]) => tf.Scalar,
  { accumulate = 1, jit = eager }: TrainStepOptions = {},
): TrainStep {
  const step = jit((scalars, ...inputs) =>
    tf.tidy(() => {
      const width = inputs.length / accumulate;
      let total: LossAndGradients | undefined;
      for (let from = 0; from < inputs.length; from += width) {
        const batch = inputs.slice(from, from + width);
        const part = lossAndGradients(parameters, () => scaled(loss(...batch), 1 / accumulate));
        total = total === undefined ? part : sumOf(total, part);
      }
      const gradNorm = optimizer.update(total!.gradients, scalars as tf.Tensor1D);
      return [total!.loss, gradNorm];
    }),
  );
  return (batches, scalars) => {
    checkBatches(batches, accumulate);
    const [value, gradNorm] = step(scalars, ...batches.flat()) as [tf.Scalar, tf.Scalar];
    return { loss: value, gradNorm };
  };
}

// --- internal ---

interface LossAndGradients {
  readonly loss: tf.Scalar;
  /** By parameter key. */
  readonly gradients: ReadonlyMap<string, tf.Tensor>;
}

function lossAndGradients(parameters: Parameters, loss: () => tf.Scalar): LossAndGradients {
  const { value, grads } = tf.variableGrads(loss, [...parameters.values()]);
  const gradients = Array.from(parameters, ([key, { name }]) => [key, grads[name]] as const);
  return {
    loss: value,
    gradients: new Map(gradients.filter((pair): pair is [string, tf.Tensor] => pair[1] !== undefined)),
  };
}

function scaled(loss: tf.Scalar, scale: number): tf.Scalar {
  return scale === 1 ? loss : tf.mul(loss, scale);
}

/** Loss and gradients added up; the terms are disposed. */
function sumOf(a: LossAndGradients, b: LossAndGradients): LossAndGradients {
  const gradients = new Map(b.gradients);
  for (const [key, term] of a.gradients) {
    const gradient = b.gradients.get(key);
    gradients.set(key, gradient === undefined ? term : tf.add(term, gradient));
    if (gradient !== undefined) tf.dispose([term, gradient]);
  }
  return { loss: tf.add(a.loss, b.loss), gradients };
}

function checkBatches(batches: readonly (readonly tf.Tensor[])[], accumulate: number): void {
  const widths = new Set(batches.map((batch) => batch.length));
  if (batches.length === accumulate && widths.size === 1) return;
  throw new RangeError(
    `Cannot take a step as it needs ${accumulate} batches of the same inputs: given are ${batches.length}, of ${[...widths].join(" and ")} inputs`,
  );
}
