import { afterAll, beforeAll, describe, expect, test } from "vitest";
// @boundaries-ignore tests may share fixtures
import { cpuPluginPath } from "../../../../tests/xla/cpu_plugin.ts";
import { PjrtClient } from "./client.ts";
import { PjrtError } from "./pjrt_error.ts";
import { PjrtPlugin } from "./plugin.ts";

const path = cpuPluginPath();

describe.skipIf(path === undefined)("a client on the CPU", () => {
  let client: PjrtClient;

  beforeAll(async () => {
    client = PjrtClient.create(await PjrtPlugin.load(path!), { cpu_device_count: 2 });
  });
  afterAll(() => client.dispose());

  test("says what it is", () => {
    expect(client.platform).toBe("cpu");
    expect(client.devices.map(({ id, kind }) => [id, kind])).toEqual([
      [0, "cpu"],
      [1, "cpu"],
    ]);
    expect(client.plugin.version.major).toBe(0);
    expect(client.plugin.attributes["stablehlo_current_version"]).toHaveLength(3);
  });

  test.each([
    ["bool", Uint8Array.of(1, 0, 1, 1, 0, 1)],
    ["int8", Int8Array.of(-128, -1, 0, 1, 2, 127)],
    ["int32", Int32Array.of(-(2 ** 31), -1, 0, 1, 2, 2 ** 31 - 1)],
    ["int64", BigInt64Array.of(-(2n ** 63n), -1n, 0n, 1n, 2n, 2n ** 63n - 1n)],
    ["uint32", Uint32Array.of(0, 1, 2, 3, 4, 2 ** 32 - 1)],
    ["float32", Float32Array.of(-Infinity, -0, NaN, 1e-45, 1, 3.4e38)],
    ["bfloat16", Uint16Array.of(0x3f80, 0xbf80, 0, 0x7f80, 1, 2)],
    ["float64", Float64Array.of(-1e308, -0, NaN, 5e-324, 1, Math.PI)],
  ] as const)("brings %s to a device and back bit for bit", async (dtype, data) => {
    for (const device of client.devices) {
      using buffer = client.toDevice(data, dtype, [2, 3], device);
      expect(buffer).toMatchObject({ dtype, shape: [2, 3], device });
      const bytes = new Uint8Array(data.buffer);
      expect(await buffer.toHost()).toEqual(bytes);
      expect(buffer.toHostSync()).toEqual(bytes);
    }
  });

  test("scalars, and arrays without elements", async () => {
    using scalar = client.toDevice(Float32Array.of(7), "float32", []);
    expect(new Float32Array((await scalar.toHost()).buffer)).toEqual(Float32Array.of(7));
    using empty = client.toDevice(new Float32Array(0), "float32", [0, 3]);
    expect(await empty.toHost()).toHaveLength(0);
  });

  test("a buffer's data may change once it is on the device", async () => {
    const data = Float32Array.of(1, 2, 3, 4);
    using buffer = client.toDevice(data.subarray(1, 3), "float32", [2]);
    data.fill(0);
    expect(new Float32Array((await buffer.toHost()).buffer)).toEqual(Float32Array.of(2, 3));
  });

  test("bytes that do not fit the shape are refused", () => {
    expect(() => client.toDevice(new Float32Array(5), "float32", [2, 3])).toThrow(
      new TypeError("Cannot copy 20 bytes to the device as float32[2, 3] takes 24"),
    );
  });

  test("compiles and runs a program, again and again", async () => {
    using program = await client.compile(AXPY);
    expect(program.outputs).toEqual([
      { dtype: "float32", shape: [2, 2] },
      { dtype: "float32", shape: [] },
    ]);
    using a = client.toDevice(Float32Array.of(3), "float32", []);
    let y = client.toDevice(new Float32Array(4), "float32", [2, 2]);
    using x = client.toDevice(Float32Array.of(1, 2, 3, 4), "float32", [2, 2]);
    for (let turn = 0; turn < 3; turn++) {
      const [[next, sum] = []] = program.execute([[a, x, y]]);
      y.dispose();
      y = next!;
      expect(new Float32Array((await sum!.toHost()).buffer)[0]).toBe(30 * (turn + 1));
      sum!.dispose();
    }
    expect(new Float32Array(y.toHostSync().buffer)).toEqual(Float32Array.of(9, 18, 27, 36));
    y.dispose();
  });

  test("a program that XLA refuses is told with XLA's words, and the next one compiles", async () => {
    const error: PjrtError = await client
      .compile(AXPY.replace("multiply", "multipli"))
      .catch((error) => error);
    expect(error).toBeInstanceOf(PjrtError);
    expect(error.message).toContain("Cannot compile the program: ");
    expect(error.reason).toContain("multipli");
    (await client.compile(AXPY)).dispose();
  });
});

const AXPY = `
module @axpy {
  func.func public @main(%a: tensor<f32>, %x: tensor<2x2xf32>, %y: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<f32>) {
    %0 = stablehlo.broadcast_in_dim %a, dims = [] : (tensor<f32>) -> tensor<2x2xf32>
    %1 = stablehlo.multiply %0, %x : tensor<2x2xf32>
    %2 = stablehlo.add %1, %y : tensor<2x2xf32>
    %zero = stablehlo.constant dense<0.0> : tensor<f32>
    %3 = stablehlo.reduce(%2 init: %zero) applies stablehlo.add across dimensions = [0, 1] : (tensor<2x2xf32>, tensor<f32>) -> tensor<f32>
    return %2, %3 : tensor<2x2xf32>, tensor<f32>
  }
}
`;
