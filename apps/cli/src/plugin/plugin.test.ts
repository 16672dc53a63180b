import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, request as httpRequest } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import process from "node:process";
import type { Duplex } from "node:stream";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
// @boundaries-ignore the index is a test's
import { hashOf, TestIndex, zip } from "../../test/index_server.ts";
// @boundaries-ignore the program is started by a test
import { type CliOptions, runCli, temporaryFolder } from "../../test/run_cli.ts";
import { chooseWheel } from "./choose_wheel.ts";
import { findPlugin, findPlugins } from "./find_plugin.ts";
import { nvidiaLibraries } from "./nvidia_libraries.ts";
import { indexSettings, type Wheel } from "./package_index.ts";
import { pluginNameOf } from "./plugin_sources.ts";

const LIBRARY = new TextEncoder().encode("not quite a shared library\n".repeat(20_000));
const ARCH = process.arch === "arm64" ? "aarch64" : "x86_64";
const WHEEL = `xla_cpu_pjrt-0.0.1-py3-none-manylinux_2_31_${ARCH}.whl`;
const wheel = zip({
  "xla_cpu_pjrt-0.0.1.dist-info/METADATA": new TextEncoder().encode("Name: xla-cpu-pjrt\n"),
  "xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so": LIBRARY,
});
const other = zip({ "nothing.txt": Uint8Array.of(1) });

const root = temporaryFolder();
let index: TestIndex;
let homes = 0;
let cache: string;
let env: Record<string, string>;

beforeAll(async () => void (index = await TestIndex.start()));
afterAll(() => index.stop());
beforeEach(() => {
  index.seen.length = 0;
  index.json = true;
  index.status = index.cutAfter = undefined;
  index.projects.set("xla-cpu-pjrt", [
    { name: "xla_cpu_pjrt-0.0.1.tar.gz", bytes: other },
    { name: WHEEL, bytes: wheel },
    { name: "xla_cpu_pjrt-0.0.1-py3-none-manylinux_2_31_riscv64.whl", bytes: other },
    { name: "xla_cpu_pjrt-0.0.1-py3-none-win_amd64.whl", bytes: other },
    { name: WHEEL.replace("0.0.1", "0.0.2"), bytes: other },
    { name: WHEEL.replace("py3", "cp312"), bytes: other, yanked: true },
  ]);
  cache = join(root, String(homes++));
  env = {
    KCBERT_PLUGIN_INDEX: index.url,
    KCBERT_XLA_CACHE: cache,
    KCBERT_PJRT_PLUGIN: "",
    KCBERT_PYTHON: "no-such-python",
  };
});

const plugin = (args: readonly string[], options: CliOptions = {}) =>
  runCli(["plugin", ...args], { ...options, env: { ...env, ...options.env } });
const installed = () => join(cache, "plugins/cpu/0.0.1/xla_cpu_pjrt.so");
const folder = () => readdirSync(join(cache, "plugins/cpu/0.0.1")).toSorted();

test.each(["node", "deno", "bun"] as const)("install, list, and install again, in %s", async (runtime) => {
  const { code, stdout, stderr } = await plugin(["install", "cpu"], { runtime });
  expect(stderr).toMatch(
    /^Installed the plugin for this machine's processor: xla-cpu-pjrt 0\.0\.1 \(Apache-2\.0\) in [\d.]+ m?s\n$/,
  );
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${installed()}\n` });
  expect(readFileSync(installed())).toEqual(Buffer.from(LIBRARY));
  expect(folder()).toEqual(["plugin.json", "xla_cpu_pjrt.so"]);
  expect(index.seen.map(({ path }) => path)).toEqual(["/simple/xla-cpu-pjrt/", `/files/${WHEEL}`]);
  expect((await plugin(["list"], { runtime })).stdout).toBe(`cpu\t${installed()}\tcache, version 0.0.1\n`);
  const again = await plugin(["install", "cpu", "--json"], { runtime });
  expect(JSON.parse(again.stdout)).toEqual({
    name: "cpu",
    package: "xla-cpu-pjrt",
    version: "0.0.1",
    wheel: WHEEL,
    sha256: hashOf(wheel),
    licence: "Apache-2.0",
    library: "xla_cpu_pjrt.so",
    path: installed(),
    fresh: false,
  });
  expect(index.seen).toHaveLength(2);
});

test("an index that answers in HTML", async () => {
  index.json = false;
  expect((await plugin(["install", "cpu", "-q"])).code).toBe(0);
  expect(readFileSync(installed())).toEqual(Buffer.from(LIBRARY));
});

test("a cut connection is taken up where it was cut", async () => {
  index.cutAfter = 100_000;
  expect((await plugin(["install", "cpu", "-q"])).code).toBe(0);
  const ranges = index.seen
    .filter(({ path }) => path.startsWith("/files"))
    .map(({ headers }) => headers.range);
  expect(ranges).toEqual([undefined, "bytes=100000-"]);
  expect(readFileSync(installed())).toEqual(Buffer.from(LIBRARY));
});

test("a file that is not what the index says is not installed", async () => {
  index.projects.set("xla-cpu-pjrt", [{ name: WHEEL, bytes: wheel, sha256: "0".repeat(64) }]);
  const { code, stdout, stderr } = await plugin(["install", "cpu"]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(/what came has another sha256 than the index says \(000000000000…\)/);
  expect(existsSync(join(cache, "plugins/cpu/0.0.1"))).toBe(false);
});

test("a wheel that is there already needs no index; the wrong one is refused", async () => {
  const path = join(root, WHEEL);
  writeFileSync(path, wheel);
  expect((await plugin(["install", "cpu", "-q", "--wheel", path])).stdout).toBe(`${installed()}\n`);
  expect(existsSync(path)).toBe(true);
  const wrong = await plugin(["install", "cuda", "-q", "--wheel", path]);
  expect(wrong.stderr).toMatch(
    /Cannot install xla_cpu_pjrt.*as the plugin of jax-cuda13-pjrt: it does not have /,
  );
  writeFileSync(path, "no archive");
  const broken = await plugin(["install", "cuda", "-q", "--wheel", path]);
  expect(broken.stderr).toMatch(/^kcbert-cli: Cannot read the wheel xla_cpu_pjrt-0.0.1-py3/);
  const absent = await plugin(["install", "cpu", "--wheel", join(root, "xla_cpu_pjrt-9-py3-none-any.whl")]);
  expect(absent.stderr).toMatch(/^kcbert-cli: Cannot read .*: there is no such file or directory\n$/);
  expect(index.seen).toEqual([]);
  expect(readdirSync(join(cache, "plugins/cuda"))).toEqual([]);
});

test("what the index does not have, or no index at all", async () => {
  const old = await plugin(["install", "cpu", "--version", "7.0"]);
  expect(old.stderr).toBe("kcbert-cli: Cannot find xla-cpu-pjrt 7.0 in the index: it has 0.0.1, 0.0.2\n");
  const none = await plugin(["install", "tpu"]);
  expect(none.stderr).toMatch(/^libtpu is Google's, and is subject to the Google Cloud terms/);
  expect(none.stderr).toMatch(
    /\nkcbert-cli: Cannot find libtpu in the index http:\/\/127.0.0.1:\d+: it has no such/,
  );
  index.status = 403;
  expect((await plugin(["install", "cpu"])).stderr).toMatch(/127.0.0.1:\d+ answers with status 403\n$/);
  const gone = await plugin(["install", "cpu"], {
    env: { KCBERT_PLUGIN_INDEX: "http://127.0.0.1:2/simple" },
  });
  expect(gone.stderr).toBe(
    "kcbert-cli: Cannot reach http://127.0.0.1:2: it refuses the connection; a wheel that is there already is installed with --wheel\n",
  );
});

test("an index with a password gets it; pip's variable names an index too", async () => {
  const url = index.url.replace("//", "//me:p%40ss@");
  const settings = { KCBERT_PLUGIN_INDEX: "", PIP_INDEX_URL: url };
  expect((await plugin(["install", "cpu", "-q"], { env: settings })).code).toBe(0);
  for (const { headers } of index.seen) {
    expect(headers.authorization).toBe(`Basic ${Buffer.from("me:p@ss").toString("base64")}`);
  }
});

test.each(["node", "deno", "bun"] as const)("through a proxy, in %s", async (runtime) => {
  const asked: string[] = [];
  const proxy = createServer((incoming, outgoing) => {
    asked.push(incoming.url!);
    const { pathname } = new URL(incoming.url!);
    const { port } = index;
    httpRequest({ host: "127.0.0.1", port, path: pathname, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(outgoing);
    }).end();
  });
  proxy.on("connect", ({ url }, socket: Duplex) => {
    asked.push(`http://${url}`); // Node tunnels
    const tunnel = connect(index.port, "127.0.0.1", () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
    socket.pipe(tunnel).pipe(socket);
    for (const end of [socket, tunnel]) end.on("error", () => {});
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const settings = { KCBERT_PLUGIN_INDEX: "http://index.example/simple", HTTP_PROXY: address, NO_PROXY: "" };
  const { code } = await plugin(["install", "cpu", "-q"], {
    runtime,
    env: { ...settings, http_proxy: address },
  });
  proxy.closeAllConnections();
  proxy.close();
  expect(code).toBe(0);
  expect(readFileSync(installed())).toEqual(Buffer.from(LIBRARY));
  expect(asked).not.toEqual([]);
  for (const address of asked) expect(address).toMatch(/^http:\/\/index\.example[:/]/);
});

test("doctor tells of a plugin that does not load, and of those that are not there", async () => {
  await plugin(["install", "cpu", "-q"]);
  const { code, stdout, stderr } = await runCli(["doctor"], { env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/^kcbert-cli [\d.]+, Node 24/);
  expect(stdout).toMatch(
    /✗ cpu {3}does not work: Cannot load the shared library .*\n {8}.*xla_cpu_pjrt\.so \(cache, version 0\.0\.1\)\n/,
  );
  expect(stdout).toMatch(/– tpu {3}no plugin for Google TPUs\n {8}→ kcbert-cli plugin install tpu brings/);
  const { plugins } = JSON.parse((await runCli(["doctor", "--json"], { env })).stdout);
  expect(plugins.map(({ name }: { name: string }) => name)).toEqual(["tpu", "cuda", "cpu"]);
  expect(plugins[2].probe).toMatchObject({ works: false });
});

test("the last one installed first, then Python's packages; a path as it is given", () => {
  const packages = join(root, "site-packages");
  const place = join(packages, "xla_plugins/xla_cpu_pjrt");
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, "xla_cpu_pjrt.so"), "");
  const named = join(root, "my_gpu_plugin.so");
  const places = { environment: { KCBERT_PJRT_PLUGIN: named }, cache, packages: [packages] };
  expect(findPlugins(places)).toEqual([
    { name: "cuda", path: named, from: "KCBERT_PJRT_PLUGIN" },
    { name: "cpu", path: join(place, "xla_cpu_pjrt.so"), from: "python" },
  ]);
  expect(findPlugin("cpu", places).from).toBe("python");
  expect(() => findPlugin("cuda", places)).toThrow(
    `Cannot find the XLA plugin ${named} of KCBERT_PJRT_PLUGIN: there is no such file`,
  );
  expect(() => findPlugin("tpu", places)).toThrow(
    "Cannot find an XLA plugin for Google TPUs: kcbert-cli plugin install tpu brings one, or KCBERT_PJRT_PLUGIN names it",
  );
  expect(() => findPlugin("metal", places)).toThrow(
    "Cannot find the XLA plugin metal: there is no such file",
  );
});

test.each([
  ["/a/xla_cpu_pjrt.so", "cpu"],
  ["/cpu/jax_plugins/xla_cuda13/xla_cuda_plugin.so", "cuda"],
  ["/x/libtpu.so", "tpu"],
  ["pjrt_c_api_gpu_plugin.so", "cuda"],
  ["/opt/pjrt_metal.so", undefined],
])("the kind of %s is %s", (path, name) => expect(pluginNameOf(path)).toBe(name));

test("wheels by machine", () => {
  const named = (name: string): Wheel => ({ name, url: "", sha256: "", size: undefined });
  const wheels = [
    "p-1-py3-none-manylinux_2_27_x86_64.whl",
    "p-1-py3-none-manylinux_2_27_aarch64.manylinux2014_aarch64.whl",
    "p-1-py3-none-macosx_11_0_arm64.whl",
    "p-1-py3-none-win_amd64.whl",
  ].map(named);
  const pick = (platform: string, arch: string) =>
    wheels.indexOf(chooseWheel(wheels, { project: "p", version: "1" }, { platform, arch }));
  expect([
    pick("linux", "x64"),
    pick("linux", "arm64"),
    pick("darwin", "arm64"),
    pick("win32", "x64"),
  ]).toEqual([0, 1, 2, 3]);
  expect(() => pick("freebsd", "x64")).toThrow(
    /^Cannot install p 1 on freebsd x64: it is made for manylinux_2_27_x/,
  );
});

test("NVIDIA's libraries from Python's packages, what is missing by name, and CUDA's tools", () => {
  const packages = join(root, "cuda", "site-packages");
  for (const path of [
    "cu13/lib/libcudart.so.13",
    "cudnn/lib/libcudnn.so.9",
    "nccl/lib/libnccl.so.2",
    "cu13/bin/ptxas",
  ]) {
    mkdirSync(join(packages, "nvidia", path, ".."), { recursive: true });
    writeFileSync(join(packages, "nvidia", path), "");
  }
  const { libraries, toolkit } = nvidiaLibraries([packages], 13);
  expect(libraries).toEqual([
    join(packages, "nvidia/cu13/lib/libcudart.so.13"),
    "libcublasLt.so.13",
    "libcublas.so.13",
    join(packages, "nvidia/nccl/lib/libnccl.so.2"),
    "libcupti.so.13",
    "libcusparse.so.12",
    "libcusolver.so.12",
    "libcufft.so.12",
    join(packages, "nvidia/cudnn/lib/libcudnn.so.9"),
  ]);
  expect(toolkit).toBe(join(packages, "nvidia/cu13"));
});

test("an index that is no address", () => {
  expect(() => indexSettings({ KCBERT_PLUGIN_INDEX: "pypi" })).toThrow(
    "Cannot use KCBERT_PLUGIN_INDEX pypi: it takes an address such as",
  );
});
