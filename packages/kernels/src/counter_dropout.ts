import { type KernelConfig, util } from "@tensorflow/tfjs-core";
import { defineKernel } from "./_define_kernel.ts";

/**
 * `CounterDropout`: elements of `x` are 0 with probability `rate`, the others divided by `1 − rate`, by the random words of
 * `randomBits` of `@kcbert/bert` for the attributes `seed` and `stream` and the input `step`, an int32 scalar.
 */
export const counterDropoutConfig: KernelConfig = defineKernel("CounterDropout", (call) => {
  const x = call.input("x");
  const { rate, seed, stream } = call.attributes as Record<"rate" | "seed" | "stream", number>;
  const from = call.at(x);
  const step = call.read(call.at(call.input("step", "int32")), "int32");
  const y = call.output(x.shape);
  call.module.dropout(
    from,
    call.at(y),
    util.sizeFromShape(x.shape),
    seed % 2 ** 32,
    Math.floor(seed / 2 ** 32),
    step,
    stream,
    Math.ceil(rate * 2 ** 24), // fraction < rate, among multiples of 2^-24
    1 / (1 - rate),
  );
  return y;
});
