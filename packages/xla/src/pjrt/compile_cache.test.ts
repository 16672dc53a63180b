import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
// @boundaries-ignore tests may share fixtures
import { cpuPluginPath } from "../../../../tests/xla/cpu_plugin.ts";
import { PjrtClient } from "./client.ts";
import { cacheKey, type CompileCache, readEntry, writeEntry } from "./compile_cache.ts";
import { PjrtPlugin } from "./plugin.ts";

const KEY = "0".repeat(64);
const path = cpuPluginPath();

/** A cache in memory. */
class MemoryCache implements CompileCache {
  readonly build: string;
  readonly entries = new Map<string, Uint8Array>();
  fails = false;

  constructor(build = "1") {
    this.build = build;
  }

  async read(key: string): Promise<Uint8Array | undefined> {
    if (this.fails) throw new Error("no disk");
    return this.entries.get(key);
  }

  async write(key: string, bytes: Uint8Array): Promise<void> {
    if (this.fails) throw new Error("no disk");
    this.entries.set(key, bytes);
  }
}

test("an entry comes back as it was written, and not at all once it is damaged", async () => {
  const cache = new MemoryCache();
  expect(await readEntry(cache, KEY)).toBeUndefined();
  await writeEntry(cache, KEY, Uint8Array.of(1, 2, 3));
  expect(await readEntry(cache, KEY)).toEqual(Uint8Array.of(1, 2, 3));
  const entry = cache.entries.get(KEY)!;
  for (const damaged of [
    entry.slice(0, -1),
    entry.with(34, 9),
    entry.with(0, entry[0]! ^ 1),
    new Uint8Array(0),
  ]) {
    cache.entries.set(KEY, damaged);
    expect(await readEntry(cache, KEY)).toBeUndefined();
  }
});

test("keys differ with every part, and with where one part ends", async () => {
  const keys = await Promise.all([["ab", "c"], ["a", "bc"], ["abc"], ["ab", "c", ""]].map(cacheKey));
  expect(new Set(keys).size).toBe(4);
  for (const key of keys) expect(key).toMatch(/^[0-9a-f]{64}$/);
});

describe.skipIf(path === undefined)("compiling with a cache", () => {
  let client: PjrtClient;
  let cache: MemoryCache;

  beforeAll(async () => {
    client = PjrtClient.create(await PjrtPlugin.load(path!), { cpu_device_count: 1 });
  });
  beforeEach(() => {
    cache = new MemoryCache();
    client.cache = cache;
  });
  afterAll(() => client.dispose());

  async function source(options = {}): Promise<string> {
    using program = await client.compile(DOUBLE, options);
    using x = client.toDevice(Float32Array.of(1, 2), "float32", [2]);
    const [[double] = []] = program.execute([[x]]);
    expect(new Float32Array((await double!.toHost()).buffer)).toEqual(Float32Array.of(2, 4));
    expect(x.isDisposed).toBe(true); // what is donated is known of a cached program too
    double!.dispose();
    return program.source;
  }

  test("the second time, the program comes from the cache", async () => {
    expect([await source(), await source()]).toEqual(["compiler", "bytes"]);
    expect(cache.entries.size).toBe(1);
  });

  test("other options, another program", async () => {
    await source();
    expect(await source({ flags: { xla_llvm_disable_expensive_passes: true } })).toBe("compiler");
    expect(cache.entries.size).toBe(2);
  });

  test("another build of the plugin, another program", async () => {
    await source();
    const other = new MemoryCache("2");
    for (const [key, entry] of cache.entries) other.entries.set(key, entry);
    client.cache = other;
    expect(await source()).toBe("compiler");
    expect(other.entries.size).toBe(2);
  });

  test("a damaged entry is compiled anew, and mended", async () => {
    await source();
    for (const [key, entry] of cache.entries) cache.entries.set(key, entry.with(50, entry[50]! ^ 255));
    expect([await source(), await source()]).toEqual(["compiler", "bytes"]);
  });

  test("an entry that is whole but no program is compiled anew", async () => {
    await source();
    for (const key of cache.entries.keys())
      await writeEntry(cache, key, new TextEncoder().encode("nonsense"));
    expect([await source(), await source()]).toEqual(["compiler", "bytes"]);
  });

  test("a cache that fails costs no more than the time", async () => {
    cache.fails = true;
    expect([await source(), await source()]).toEqual(["compiler", "compiler"]);
  });

  test("a program over several devices comes back for the same ones", async () => {
    const text = `module @m attributes {mhlo.num_partitions = 2 : i32} {
      func.func @main(%x: tensor<4xf32> {mhlo.sharding = "{devices=[2]<=[2]}"}) -> (tensor<4xf32> {mhlo.sharding = "{devices=[2]<=[2]}"}) {
        %0 = stablehlo.add %x, %x : tensor<4xf32>
        return %0 : tensor<4xf32>
      }
    }`;
    using several = PjrtClient.create(client.plugin, { cpu_device_count: 4 });
    several.cache = cache;
    for (const source of ["compiler", "bytes"]) {
      using program = await several.compile(text, { partitions: 2, devices: [1, 3] });
      expect([program.source, program.devices.map(({ id }) => id)]).toEqual([source, [1, 3]]);
      const shards = program.devices.map((device, i) => [
        several.toDevice(Float32Array.of(i, 1), "float32", [2], device),
      ]);
      const results = await Promise.all(program.execute(shards).map(([shard]) => shard!.toHost()));
      expect(results.map(({ buffer }) => [...new Float32Array(buffer)])).toEqual([
        [0, 2],
        [2, 2],
      ]);
    }
  });

  test("what is being compiled is counted", async () => {
    const program = client.compile(DOUBLE);
    expect(client.compiling).toBe(1);
    (await program).dispose();
    expect(client.compiling).toBe(0);
    await expect(client.compile("nonsense")).rejects.toThrow("Cannot compile the program");
    expect(client.compiling).toBe(0);
  });
});

const DOUBLE = `
  func.func @main(%x: tensor<2xf32> {tf.aliasing_output = 0 : i32}) -> tensor<2xf32> {
    %0 = stablehlo.add %x, %x : tensor<2xf32>
    return %0 : tensor<2xf32>
  }`;
