import { describe, expect, test } from "vitest";
import { literal } from "./constants.ts";
import { dotGeneral } from "./dot.ts";
import { binary, constant, convert, reshape, splat } from "./elementwise.ts";
import { Graph } from "./graph.ts";
import { addToRows, takeAlong } from "./indexing.ts";
import { moduleText } from "./module_text.ts";
import { reduce } from "./reduce.ts";
import { transpose } from "./structure.ts";

describe("moduleText()", () => {
  test("writes a step of gradient descent in the generic form, with its variable donated", () => {
    const g = new Graph();
    const x = g.parameter({ dtype: "f32", shape: [4, 2] });
    const w = g.parameter({ dtype: "f32", shape: [2, 3] });
    const y = dotGeneral(g, x, w, { batch: [], contracting: [[1, 0]] }, "f32", "HIGHEST");
    const slope = dotGeneral(g, x, y, { batch: [], contracting: [[0, 0]] }, "f32", "HIGHEST");
    const next = binary(g, "subtract", w, binary(g, "multiply", slope, splat(g, 0.1, "f32")));
    const loss = reduce(g, "add", binary(g, "multiply", y, y), [0, 1]);
    expect(moduleText(g, { name: "step", results: [loss, next], aliases: new Map([[1, 1]]) })).toBe(STEP);
  });

  test("writes gather, scatter, reshapes and conversions", () => {
    const g = new Graph();
    const table = g.parameter({ dtype: "f32", shape: [5, 2] });
    const rows = g.parameter({ dtype: "i32", shape: [3] });
    const found = convert(g, takeAlong(g, table, rows, 0), "bf16");
    const sum = addToRows(g, table, rows, convert(g, found, "f32"));
    expect(moduleText(g, { name: "rows", results: [transpose(g, found, [1, 0]), sum] })).toBe(ROWS);
  });

  test("says how tensors lie on several devices", () => {
    const g = new Graph();
    const x = g.parameter({ dtype: "f32", shape: [8, 2] });
    const text = moduleText(g, {
      name: "mesh",
      results: [x],
      partitions: 2,
      parameterShardings: ["divided"],
      resultShardings: ["replicated"],
    });
    expect(text).toContain('%arg0: tensor<8x2xf32> {mhlo.sharding = "{devices=[2,1]0,1}"}');
    expect(text).toContain('-> (tensor<8x2xf32> {mhlo.sharding = "{replicated}"})');
    expect(text).toContain("mhlo.num_partitions = 2 : i32");
  });
});

describe("Graph", () => {
  test("records the same operation once, and leaves out what no result needs", () => {
    const g = new Graph();
    const x = g.parameter({ dtype: "f32", shape: [2] });
    const twice = binary(g, "add", x, x);
    binary(g, "multiply", x, x);
    expect(binary(g, "add", x, x)).toBe(twice);
    expect(g.needed([twice])).toEqual([x, twice]);
  });

  test("does not reshape, convert or broadcast for nothing", () => {
    const g = new Graph();
    const x = g.parameter({ dtype: "bf16", shape: [2, 3] });
    expect(reshape(g, reshape(g, x, [6]), [2, 3])).toBe(x);
    expect(convert(g, convert(g, x, "f32"), "bf16")).toBe(x);
    expect(constant(g, [7, 7, 7], "i32", [3]).op).toBe("stablehlo.broadcast_in_dim");
  });
});

describe("literal()", () => {
  test.each([
    [1, "f32", "1.0"],
    [0.1, "f32", "0.10000000149011612"],
    [1e-12, "f32", "9.999999960041972e-13"],
    [-3.4028234663852886e38, "f32", "-3.4028234663852886e+38"],
    [1e21, "f32", "1.0000000200408773e+21"],
    [-0, "f32", "-0.0"],
    [Infinity, "f32", "0x7F800000"],
    [-Infinity, "bf16", "0xFF80"],
    [NaN, "f32", "0x7FC00000"],
    [1.001, "bf16", "1.0"],
    [1.00390625, "bf16", "1.0"], // a tie goes to the even neighbour
    [-7, "i32", "-7"],
    [0xffffffff, "u32", "4294967295"],
    [1, "i1", "true"],
  ] as const)("%d as %s", (value, dtype, text) => {
    expect(literal(value, dtype)).toBe(text);
  });
});

const STEP = `module @step attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<4x2xf32>, %arg1: tensor<2x3xf32> {tf.aliasing_output = 1 : i32}) -> (tensor<f32>, tensor<2x3xf32>) {
    %2 = "stablehlo.dot_general"(%arg0, %arg1) {dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [0]>, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<4x2xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
    %3 = "stablehlo.dot_general"(%arg0, %2) {dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [0], rhs_contracting_dimensions = [0]>, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<4x2xf32>, tensor<4x3xf32>) -> tensor<2x3xf32>
    %4 = "stablehlo.constant"() {value = dense<0.10000000149011612> : tensor<f32>} : () -> tensor<f32>
    %5 = "stablehlo.broadcast_in_dim"(%4) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<2x3xf32>
    %6 = "stablehlo.multiply"(%3, %5) : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
    %7 = "stablehlo.subtract"(%arg1, %6) : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
    %8 = "stablehlo.multiply"(%2, %2) : (tensor<4x3xf32>, tensor<4x3xf32>) -> tensor<4x3xf32>
    %9 = "stablehlo.constant"() {value = dense<0.0> : tensor<f32>} : () -> tensor<f32>
    %10 = "stablehlo.reduce"(%8, %9) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 0, 1>} : (tensor<4x3xf32>, tensor<f32>) -> tensor<f32>
    "func.return"(%10, %7) : (tensor<f32>, tensor<2x3xf32>) -> ()
  }
}
`;

const ROWS = `module @rows attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<5x2xf32>, %arg1: tensor<3xi32>) -> (tensor<2x3xbf16>, tensor<5x2xf32>) {
    %2 = "stablehlo.gather"(%arg0, %arg1) {dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, indices_are_sorted = false, slice_sizes = array<i64: 1, 2>} : (tensor<5x2xf32>, tensor<3xi32>) -> tensor<3x2xf32>
    %3 = "stablehlo.convert"(%2) : (tensor<3x2xf32>) -> tensor<3x2xbf16>
    %4 = "stablehlo.convert"(%3) : (tensor<3x2xbf16>) -> tensor<3x2xf32>
    %5 = "stablehlo.scatter"(%arg0, %arg1, %4) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%c) : (tensor<f32>) -> ()
    }) {indices_are_sorted = false, scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>, unique_indices = false} : (tensor<5x2xf32>, tensor<3xi32>, tensor<3x2xf32>) -> tensor<5x2xf32>
    %6 = "stablehlo.transpose"(%3) {permutation = array<i64: 1, 0>} : (tensor<3x2xbf16>) -> tensor<2x3xbf16>
    "func.return"(%6, %5) : (tensor<2x3xbf16>, tensor<5x2xf32>) -> ()
  }
}
`;
