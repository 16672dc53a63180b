import type { KernelConfig } from "@tensorflow/tfjs-core";
import { defineKernel } from "./_define_kernel.ts";

/**
 * `LayerNorm` of rows: inputs `x` `[M, H]`, `gain` and `bias` `[H]`, perhaps `residual` `[M, H]`, which is added to x first;
 * attributes `eps`, and `training`, with which the normalised rows `[M, H]` and the inverses of the deviations `[M, 1]` come
 * after the result.
 */
export const layerNormConfig: KernelConfig = defineKernel("LayerNorm", (call) => {
  const x = call.input("x");
  const [m, h] = rowsOf(x.shape);
  const residual = call.optional("residual");
  const [gain, bias] = [call.input("gain"), call.input("bias")];
  for (const [name, { shape }] of Object.entries({ gain, bias })) {
    if (shape.join() === `${h}`) continue;
    throw new TypeError(`Cannot run LayerNorm as ${name} must be [${h}]: it is [${shape.join(", ")}]`);
  }
  if (residual !== undefined && residual.shape.join() !== x.shape.join()) {
    throw new TypeError(
      `Cannot run LayerNorm as x and residual must have one shape: they are [${x.shape.join(", ")}] and [${residual.shape.join(", ")}]`,
    );
  }
  const [from, add] = [call.at(x), residual === undefined ? 0 : call.at(residual)];
  const [by, plus] = [call.at(gain), call.at(bias)];
  const outputs = [call.output(x.shape)];
  if (call.attributes["training"] === true) outputs.push(call.output(x.shape), call.output([m, 1]));
  const [y = 0, normal = 0, inverse = 0] = outputs.map((output) => call.at(output));
  call.module.layerNorm(from, add, by, plus, y, normal, inverse, m, h, Number(call.attributes["eps"]));
  return outputs;
});

/**
 * `LayerNormGrad`: from `dy` `[M, H]`, and what `LayerNorm` gave when training, the gradients of x (and of the residual), gain
 * and bias.
 */
export const layerNormGradConfig: KernelConfig = defineKernel("LayerNormGrad", (call) => {
  const dy = call.input("dy");
  const [m, h] = rowsOf(dy.shape);
  const [from, normal, inverse, gain] = ["dy", "normal", "inverse", "gain"].map((name) =>
    call.at(call.input(name)),
  ) as [number, number, number, number];
  const outputs = [call.output(dy.shape), call.output([h]), call.output([h])];
  const [dx, dgain, dbias] = outputs.map((output) => call.at(output)) as [number, number, number];
  call.module.layerNormGrad(from, normal, inverse, gain, dx, dgain, dbias, m, h);
  return outputs;
});

// --- internal ---

function rowsOf(shape: readonly number[]): [m: number, h: number] {
  const [m, h] = shape;
  if (shape.length === 2) return [m!, h!];
  throw new TypeError(`Cannot normalise rows as x must be [M, H]: it is [${shape.join(", ")}]`);
}
