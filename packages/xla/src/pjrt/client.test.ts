import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
// @boundaries-ignore tests may share fixtures
import { cpuPluginPath } from "../../../../tests/xla/cpu_plugin.ts";
import { PjrtClient } from "./client.ts";
import { PjrtError, PjrtOutOfMemoryError } from "./pjrt_error.ts";
import { PjrtPlugin } from "./plugin.ts";

const path = cpuPluginPath();
setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

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
    const wrong = AXPY.replace("multiply", "multipli");
    const error: PjrtError = await client.compile(wrong).catch((error) => error);
    expect(error).toBeInstanceOf(PjrtError);
    expect(error.message).toContain("Cannot compile the program: ");
    expect(error.reason).toContain("multipli");
    (await client.compile(AXPY)).dispose();
  });

  test("arguments that do not fit are refused, and the program goes on", async () => {
    using program = await client.compile(DOUBLE);
    using x = client.toDevice(Float32Array.of(1, 2), "float32", [2]);
    using y = client.toDevice(Float32Array.of(1, 2, 3), "float32", [3]);
    expect(() => program.execute([])).toThrow(TypeError);
    expect(() => program.execute([[x, x]])).toThrow(PjrtError);
    expect(() => program.execute([[y]])).toThrow(PjrtError);
    const [[double] = []] = program.execute([[x]]);
    expect(floats(await double!.toHost())).toEqual([2, 4]);
    double!.dispose();
  });

  test("a donated argument is gone after the call, and its memory holds the result", async () => {
    using program = await client.compile(DOUBLE.replace("f32>)", "f32> {tf.aliasing_output = 0 : i32})"));
    expect(program.donated).toEqual([0]);
    expect(program.memory()).toMatchObject({ arguments: 8, outputs: 8, aliased: 8 });
    let x = client.toDevice(Float32Array.of(1, 2), "float32", [2]);
    for (let turn = 0; turn < 10; turn++) {
      const given = x;
      x = program.execute([[x]])[0]![0]!;
      expect(given.isDisposed).toBe(true);
      expect(() => program.execute([[given]])).toThrow("as it was disposed, or donated to a program");
      expect(() => given.toHostSync()).toThrow("as it was disposed, or donated to a program");
    }
    expect(floats(await x.toHost())).toEqual([1024, 2048]);
    x.dispose();
  });

  test("one list of arguments for each device, and a sum over all of them", async () => {
    using program = await client.compile(SHARDED_SUM, { partitions: 2 });
    expect(program.devices).toEqual(client.devices);
    const shards = client.devices.map((device, index) => [
      client.toDevice(Float32Array.of(10 * index, 1), "float32", [2], device),
    ]);
    const results = program.execute(shards);
    expect(results.map(([sum]) => sum!.device)).toEqual(client.devices);
    for (const [sum] of results) expect(floats(await sum!.toHost())).toEqual([12]);
    for (const [buffer] of [...shards, ...results]) buffer!.dispose();
  });

  test("a program on the second device", async () => {
    using program = await client.compile(DOUBLE, { devices: [1] });
    expect(program.devices).toEqual([client.devices[1]]);
    using x = client.toDevice(Float32Array.of(1, 2), "float32", [2], client.devices[1]);
    const [[double] = []] = program.execute([[x]]);
    expect(floats(await double!.toHost())).toEqual([2, 4]);
    double!.dispose();
  });

  test("the event loop goes on while a program runs, and several are on their way at once", async () => {
    using program = await client.compile(PRODUCT);
    let x = client.toDevice(new Float32Array(600 * 600), "float32", [600, 600]);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const steps: Promise<void>[] = [];
    for (let step = 0; step < 20; step++) {
      const [[next] = []] = program.execute([[x]]);
      x.dispose(); // the device keeps what it needs
      x = next!;
      steps.push(x.ready());
    }
    await Promise.all(steps);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(1);
    expect(await x.toHost()).toHaveLength(4 * 600 * 600);
    x.dispose();
  });

  test("what is asked of memory is told when it is not there", async () => {
    using program = await client.compile(
      `func.func @main(%x: tensor<f32>) -> tensor<1099511627776xf32> {
         %0 = stablehlo.broadcast_in_dim %x, dims = [] : (tensor<f32>) -> tensor<1099511627776xf32>
         return %0 : tensor<1099511627776xf32>
       }`,
    );
    using x = client.toDevice(Float32Array.of(1), "float32", []);
    const error = caught(() => program.execute([[x]]));
    expect(error).toBeInstanceOf(PjrtOutOfMemoryError);
    expect(error).toMatchObject({ code: "RESOURCE_EXHAUSTED", requested: 2 ** 42 });
  });

  test("a compiled program becomes bytes and a program again; damaged bytes are refused", async () => {
    using program = await client.compile(DOUBLE);
    const bytes = program.serialize();
    using again = await client.load(bytes, DOUBLE);
    expect(again.outputs).toEqual(program.outputs);
    using x = client.toDevice(Float32Array.of(1, 2), "float32", [2]);
    const [[double] = []] = again.execute([[x]]);
    expect(floats(await double!.toHost())).toEqual([2, 4]);
    double!.dispose();
    await expect(client.load(bytes.subarray(0, 100), DOUBLE)).rejects.toThrow(PjrtError);
  });

  test("memory and cost", async () => {
    using program = await client.compile(PRODUCT);
    const bytes = 4 * 600 * 600;
    expect(program.memory()).toMatchObject({ arguments: bytes, outputs: bytes, aliased: 0 });
    expect(program.cost()!.flops).toBeGreaterThanOrEqual(2 * 600 ** 3);
    expect(program.cost()!.bytesAccessed).toBeGreaterThanOrEqual(2 * bytes);
  });

  test("flags of XLA arrive", async () => {
    const folder = mkdtempSync(join(tmpdir(), "kcbert-xla-"));
    using program = await client.compile(DOUBLE, { flags: { xla_dump_to: folder } });
    expect(program.outputs).toHaveLength(1);
    expect(readdirSync(folder)).not.toEqual([]);
    rmSync(folder, { recursive: true });
    await expect(client.compile(DOUBLE, { flags: { xla_no_such_flag: 1 } })).rejects.toThrow(PjrtError);
  });

  test("buffers that nobody has any more are freed by the garbage collector", async () => {
    const before = client.objects.count;
    for (let index = 0; index < 100; index++) client.toDevice(Float32Array.of(index), "float32", []);
    expect(client.objects.count).toBe(before + 100);
    for (let turn = 0; turn < 50 && client.objects.count > before; turn++) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(client.objects.count).toBe(before);
  });

  test("a client that is disposed while it compiles goes when that is done", async () => {
    const other = PjrtClient.create(client.plugin, { cpu_device_count: 1 });
    const compiled = other.compile(PRODUCT);
    other.dispose();
    expect(() => other.toDevice(Float32Array.of(1), "float32", [])).toThrow("as it was disposed");
    const program = await compiled;
    expect(other.objects.count).toBe(0);
    expect(() => program.execute([[]])).toThrow("Cannot run the program as it was disposed");
  });

  test("a client takes everything with it", async () => {
    const other = PjrtClient.create(client.plugin, { cpu_device_count: 1 });
    const program = await other.compile(DOUBLE);
    const x = other.toDevice(Float32Array.of(1, 2), "float32", [2]);
    other.dispose();
    other.dispose();
    expect(other.objects.count).toBe(0);
    expect(x.isDisposed).toBe(true);
    x.dispose();
    program.dispose();
    expect(() => program.execute([[x]])).toThrow("Cannot run the program as it was disposed");
    await expect(other.compile(DOUBLE)).rejects.toThrow("Cannot use the cpu client as it was disposed");
  });
});

// --- internal ---

function floats(bytes: Uint8Array<ArrayBuffer>): number[] {
  return [...new Float32Array(bytes.buffer)];
}

function caught(run: () => void): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    return error;
  }
}

const DOUBLE = `
  func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
    %0 = stablehlo.add %x, %x : tensor<2xf32>
    return %0 : tensor<2xf32>
  }`;

const PRODUCT = `
  func.func @main(%x: tensor<600x600xf32>) -> tensor<600x600xf32> {
    %0 = stablehlo.dot_general %x, %x, contracting_dims = [1] x [0] : (tensor<600x600xf32>, tensor<600x600xf32>) -> tensor<600x600xf32>
    return %0 : tensor<600x600xf32>
  }`;

const SHARDED_SUM = `
  module @sum attributes {mhlo.num_partitions = 2 : i32} {
    func.func @main(%x: tensor<4xf32> {mhlo.sharding = "{devices=[2]<=[2]}"}) -> (tensor<f32> {mhlo.sharding = "{replicated}"}) {
      %zero = stablehlo.constant dense<0.0> : tensor<f32>
      %0 = stablehlo.reduce(%x init: %zero) applies stablehlo.add across dimensions = [0] : (tensor<4xf32>, tensor<f32>) -> tensor<f32>
      return %0 : tensor<f32>
    }
  }`;

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
