import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
// @boundaries-ignore tests may share fixtures
import { cpuPluginPath } from "../../../../tests/xla/cpu_plugin.ts";
// @boundaries-ignore the folder is a test's
import { temporaryFolder } from "../../test/run_cli.ts";
import { openClient } from "./open_client.ts";

const cpu = cpuPluginPath();
const root = temporaryFolder();
const TPU = ["/dev/accel0", "/dev/vfio/0", "/dev/vfio/1"].some((path) => existsSync(path));
const CUDA = existsSync("/usr/local/cuda");

beforeEach(() => {
  vi.stubEnv("KCBERT_XLA_CACHE", join(root, "cache"));
  vi.stubEnv("KCBERT_PYTHON", "no-such-python");
});
afterEach(() => void vi.unstubAllEnvs());

describe.skipIf(cpu === undefined)("on the CPU", () => {
  const found = { name: "cpu", path: cpu!, from: "path" } as const;
  const program = `
    func.func @main(%x: tensor<f32>) -> tensor<f32> {
      %0 = stablehlo.sine %x : tensor<f32>
      return %0 : tensor<f32>
    }`;

  test("as many devices as are asked for, one by default", async () => {
    for (const [options, count] of [[{}, 1] as const, [{ cpuDevices: 3 }, 3] as const]) {
      using client = await openClient(found, options);
      expect(client.devices).toHaveLength(count);
    }
  });

  test("compiled programs are kept for the next client", async () => {
    const sources: string[] = [];
    for (let turn = 0; turn < 2; turn++) {
      using client = await openClient(found);
      sources.push((await client.compile(program)).source);
    }
    expect(sources).toEqual(["compiler", "bytes"]);
    expect(readdirSync(join(root, "cache/programs"))).toHaveLength(1);
  });

  test("a cache that cannot be written costs nothing but the time", async () => {
    writeFileSync(join(root, "file"), "");
    vi.stubEnv("KCBERT_XLA_CACHE", join(root, "file"));
    using client = await openClient(found);
    expect((await client.compile(program)).source).toBe("compiler");
  });
});

test.skipIf(CUDA)("NVIDIA's libraries are missing by name, and pip brings them", async () => {
  await expect(openClient({ name: "cuda", path: cpu ?? "none.so", from: "path" })).rejects.toThrow(
    "Cannot load NVIDIA's libcudart.so.13, which neither Python's packages nor LD_LIBRARY_PATH have: pip install 'jax-cuda13-plugin[with-cuda]'",
  );
});

test.skipIf(process.platform !== "linux" || TPU)("libtpu is not started where there is no TPU", async () => {
  await expect(openClient({ name: "tpu", path: "libtpu.so", from: "path" })).rejects.toThrow(
    "Cannot use a TPU as this machine has none: neither /dev/accel0 nor /dev/vfio/0 is there",
  );
});

test("what is no plugin", async () => {
  mkdirSync(root, { recursive: true });
  const path = join(root, "plugin.so");
  writeFileSync(path, "text");
  await expect(openClient({ name: undefined, path, from: "path" })).rejects.toThrow(
    `Cannot load the shared library ${path}: `,
  );
});
