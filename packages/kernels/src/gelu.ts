import { type KernelConfig, util } from "@tensorflow/tfjs-core";
import { defineKernel } from "./_define_kernel.ts";

/** `Gelu`: `x·Φ(x)`, with the normal distribution function Φ; x of any shape. */
export const geluConfig: KernelConfig = defineKernel("Gelu", (call) => {
  const x = call.input("x");
  const from = call.at(x);
  const y = call.output(x.shape);
  call.module.activate(from, call.at(y), util.sizeFromShape(x.shape), GELU);
  return y;
});

/** `GeluGrad`: the gradient of gelu's argument `x` from that of its result, `dy`. */
export const geluGradConfig: KernelConfig = defineKernel("GeluGrad", (call) => {
  const x = call.input("x");
  const [dy, from] = [call.at(call.input("dy")), call.at(x)];
  const dx = call.output(x.shape);
  call.module.geluGrad(dy, from, call.at(dx), util.sizeFromShape(x.shape));
  return dx;
});

// --- internal ---

const GELU = 1;
