import { type KernelConfig, util } from "@tensorflow/tfjs-core";
import { defineKernel } from "./_define_kernel.ts";

/**
 * `AdamW`: a step of the optimiser for one parameter. Inputs `parameter`, `m`, `v` and `gradient` of one shape, and the
 * scalars `firstWeight`, `secondWeight`, `rate`, `firstCorrection`, `secondCorrection`; attributes `beta1`, `beta2`,
 * `epsilon`, `decay`. Gives the next parameter, m and v: see `assembly/adam.ts`.
 */
export const adamWConfig: KernelConfig = defineKernel("AdamW", (call) => {
  const { shape } = call.input("parameter");
  const size = util.sizeFromShape(shape);
  const [p, m, v, g, ...scalars] = NAMES.map((name) => call.at(call.input(name))) as Addresses;
  const { beta1, beta2, epsilon, decay } = call.attributes as Record<
    "beta1" | "beta2" | "epsilon" | "decay",
    number
  >;
  const outputs = [1, 2, 3].map(() => call.output(shape));
  const [nextP, nextM, nextV] = outputs.map((output) => call.at(output)) as [number, number, number];
  call.module.adamW(p, m, v, g, nextP, nextM, nextV, size, ...scalars, beta1, beta2, epsilon, decay);
  return outputs;
});

/** `SumOfSquares` of `x`, of any shape: a scalar, added up in double precision. */
export const sumOfSquaresConfig: KernelConfig = defineKernel("SumOfSquares", (call) => {
  const x = call.input("x");
  return call.scalar(call.module.sumOfSquares(call.at(x), util.sizeFromShape(x.shape)));
});

// --- internal ---

const NAMES = [
  "parameter",
  "m",
  "v",
  "gradient",
  "firstWeight",
  "secondWeight",
  "rate",
  "firstCorrection",
  "secondCorrection",
] as const;

type Addresses = [number, number, number, number, number, number, number, number, number];
