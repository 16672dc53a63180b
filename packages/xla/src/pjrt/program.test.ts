import { expect, test } from "vitest";
import { donatedArguments } from "./program.ts";

test.each([
  ["func.func @main() { return }", []],
  ["func.func @main(%a: tensor<2xf32> {tf.aliasing_output = 0 : i32}) -> tensor<2xf32> {", [0]],
  [
    `module @m { func.func private @f(%x: tensor<f32> {tf.aliasing_output = 0 : i32}) { return }
     func.func public @main(%a: tensor<2x?xf32>, %b: tuple<tensor<2xf32>, tensor<f32>> {mhlo.sharding = "{a, (b)"},
       %c: tensor<f32> {mhlo.sharding = "}", tf.aliasing_output = 1 : i32}, %d: tensor<f32> {jax.buffer_donor = true}) {`,
    [2, 3],
  ],
])("%s", (text, donated) => {
  expect(donatedArguments(text)).toEqual(donated);
});
