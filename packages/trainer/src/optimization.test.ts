import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import "./_gradients.ts";
import { adamW, bertAdam, globalNorm, lamb, type Optimizer, type Parameters } from "./optimization.ts";

interface Rule {
  readonly epsilon: number;
  readonly corrected: boolean;
  readonly trust: boolean;
  readonly torchClip: boolean;
  readonly maxNorm: number;
}

/** The rule of the module's head, once more, in float64 and one number at a time. */
function reference(
  start: Record<string, number[]>,
  gradients: Record<string, number[]>[],
  rule: Rule,
): Record<string, number[]> {
  const [beta1, beta2, decay] = [0.9, 0.999, 0.01];
  const weights = structuredClone(start);
  const m = Object.fromEntries(Object.entries(start).map(([key, values]) => [key, values.map(() => 0)]));
  const v = structuredClone(m);
  const length = (values: number[]) => Math.hypot(...values);
  for (const [step, given] of gradients.entries()) {
    const norm = length(Object.values(given).flat());
    const clip = rule.torchClip
      ? Math.min(1, rule.maxNorm / (norm + 1e-6))
      : rule.maxNorm / Math.max(norm, rule.maxNorm);
    const corrections = rule.corrected ? [1 - beta1 ** (step + 1), 1 - beta2 ** (step + 1)] : [1, 1];
    for (const [key, values] of Object.entries(weights)) {
      const lambda = key.includes("bias") || key.includes("LayerNorm") ? 0 : decay;
      const change = values.map((value, i) => {
        const g = given[key]![i]! * clip;
        m[key]![i] = beta1 * m[key]![i]! + (1 - beta1) * g;
        v[key]![i] = beta2 * v[key]![i]! + (1 - beta2) * g * g;
        const adam =
          m[key]![i]! / corrections[0]! / (Math.sqrt(v[key]![i]! / corrections[1]!) + rule.epsilon);
        return adam + lambda * value;
      });
      const defined = length(values) > 0 && length(change) > 0;
      const ratio = rule.trust && lambda > 0 && defined ? length(values) / length(change) : 1;
      weights[key] = values.map((value, i) => value - RATE * ratio * change[i]!);
    }
  }
  return weights;
}

const start = {
  "dense.weight": [0.5, -1.5, 2, 0.25],
  "dense.bias": [0, 0.5],
  "LayerNorm.weight": [1, 1],
  "zero.weight": [0, 0, 0],
};
const gradients = Array.from({ length: 12 }, (_, step) => ({
  "dense.weight": [0.3, -0.2, 0.1 * step, 1.5].map((g) => g * Math.cos(step)),
  "dense.bias": [1e-3, -2 + step],
  "LayerNorm.weight": [0.7, -0.7],
  "zero.weight": [0, 0, step === 0 ? 0 : 0.5],
}));

const CASES: [string, (parameters: Parameters) => Optimizer, Rule][] = [
  ["adamW", adamW, { epsilon: 1e-8, corrected: true, trust: false, torchClip: true, maxNorm: 1 }],
  ["bertAdam", bertAdam, { epsilon: 1e-6, corrected: false, trust: false, torchClip: false, maxNorm: 1 }],
  ["lamb", lamb, { epsilon: 1e-6, corrected: false, trust: true, torchClip: false, maxNorm: 1 }],
  [
    "lamb with bias correction",
    (parameters) => lamb(parameters, { biasCorrection: true }),
    { epsilon: 1e-6, corrected: true, trust: true, torchClip: false, maxNorm: 1 },
  ],
  [
    "adamW clipped at 3",
    (parameters) => adamW(parameters, { maxGradNorm: 3 }),
    { epsilon: 1e-8, corrected: true, trust: false, torchClip: true, maxNorm: 3 },
  ],
  [
    "adamW never clipped",
    (parameters) => adamW(parameters, { maxGradNorm: Infinity }),
    { epsilon: 1e-8, corrected: true, trust: false, torchClip: true, maxNorm: Infinity },
  ],
];

describe.each(["cpu", "wasm"])("on %s", (backend) => {
  beforeAll(async () => {
    if (backend === "wasm") await createWasmBackend();
    await tf.setBackend(backend);
  });

  test.each(CASES)("%s follows the rule and keeps nothing but its moments", (_, make, rule) => {
    const tensors = tf.memory().numTensors;
    const parameters = variables(start);
    const optimizer = make(parameters);
    gradients.forEach((given, step) => take(optimizer, given, step));
    expect(tf.memory().numTensors).toBe(tensors + 3 * parameters.size);
    const expected = reference(start, gradients, rule);
    for (const [key, parameter] of parameters) {
      parameter.dataSync().forEach((value, i) => expect(value).toBeCloseTo(expected[key]![i]!, 5));
    }
    optimizer.dispose();
    tf.dispose([...parameters.values()]);
    expect(tf.memory().numTensors).toBe(tensors);
  });

  test("update() gives the global norm before clipping", () => {
    const parameters = variables({ "a.weight": [1, 1], "b.weight": [1] });
    const optimizer = adamW(parameters, { maxGradNorm: 0.1 });
    expect(take(optimizer, { "a.weight": [2, 3], "b.weight": [6] }, 0)).toBeCloseTo(7, 5);
  });

  test("update() leaves a parameter without a gradient as it is", () => {
    const parameters = variables({ "a.weight": [1], "b.weight": [1] });
    take(adamW(parameters), { "a.weight": [1] }, 0);
    expect(parameters.get("a.weight")!.dataSync()[0]).not.toBe(1);
    expect(parameters.get("b.weight")!.dataSync()[0]).toBe(1);
  });

  test("globalNorm() of nothing is 0", () => {
    expect(globalNorm([]).dataSync()[0]).toBe(0);
  });
});

test.each([
  ["beta1", 1],
  ["beta2", -0.1],
  ["epsilon", 0],
  ["weightDecay", NaN],
  ["maxGradNorm", 0],
])("an optimizer with %s = %d is refused", (name, value) => {
  expect(() => adamW(new Map(), { [name]: value })).toThrow(
    new RegExp(`^Cannot make an optimizer as ${name} must be .*: current value is ${value}$`),
  );
});

// --- internal ---

const RATE = 0.01;

function variables(values: Record<string, number[]>): Map<string, tf.Variable> {
  return new Map(
    Object.entries(values).map(([key, value]) => [key, tf.tidy(() => tf.variable(tf.tensor1d(value)))]),
  );
}

/** One step; gives the norm. */
function take(optimizer: Optimizer, gradients: Record<string, number[]>, step: number): number {
  return tf.tidy(() => {
    const given = new Map(Object.entries(gradients).map(([key, values]) => [key, tf.tensor1d(values)]));
    return optimizer.update(given, tf.tensor1d(optimizer.scalars(RATE, step))).dataSync()[0]!;
  });
}
