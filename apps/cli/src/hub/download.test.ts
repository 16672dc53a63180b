import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
import { goldenBert, goldenBertPaths } from "../../../../tests/golden/bert.ts";
import { COMMIT, sha256, TestHub } from "../../test/hub_server.ts";
import { type CliOptions, ended, runCli, startCli, temporaryFolder } from "../../test/run_cli.ts";
import { CachedModel } from "./hub_cache.ts";
import { MACHINE } from "./partial_file.ts";
import { resolveModel } from "./resolve_model.ts";

const ID = "beomi/kcbert-base";
const MODEL = Object.fromEntries(
  goldenBertPaths("mlm/model/").map((path) => [basename(path), goldenBert(path)]),
);
const WEIGHTS = MODEL["model.safetensors"]!;

const root = temporaryFolder();
let hub: TestHub;
let homes = 0;
let home: string;
let env: Record<string, string>;

beforeAll(async () => void (hub = await TestHub.start()));
afterAll(() => hub.stop());
beforeEach(() => {
  hub.reset();
  hub.models.set(ID, { files: { ...MODEL, "README.md": "# KcBERT\n", "flax_model.msgpack": "not wanted" } });
  home = join(root, String(homes++));
  env = { HF_ENDPOINT: hub.endpoint, HF_HOME: home, HF_TOKEN: "", HF_HUB_CACHE: "" };
});

const download = (args: readonly string[] = [], options: CliOptions = {}) =>
  runCli(["download", ID, ...args], { ...options, env: { ...env, ...options.env } });
const repository = () => join(home, "hub", "models--beomi--kcbert-base");
const snapshot = () => join(repository(), "snapshots", COMMIT);
const blobs = () => readdirSync(join(repository(), "blobs"));
const weights = () => readFileSync(join(snapshot(), "model.safetensors"));

/** Wait until so many processes have asked for the weights, and the disk has more of them than before. */
async function begun(processes = 1): Promise<void> {
  const before = partialBytes();
  while (hub.gets("model.safetensors").length < processes || partialBytes() <= before) await sleep(10);
}

/** Bytes of the weights that are there, of unfinished files. */
function partialBytes(): number {
  const names = existsSync(join(repository(), "blobs"))
    ? blobs().filter((name) => name.endsWith(".incomplete"))
    : [];
  return names.reduce((sum, name) => sum + statSync(join(repository(), "blobs", name)).size, 0);
}

test.each(["node", "deno", "bun"] as const)(
  "download, then fill-mask by the model's name, in %s",
  async (runtime) => {
    const { code, stdout, stderr } = await download([], { runtime });
    expect(stderr).toMatch(/^Downloaded beomi\/kcbert-base at 0f2f3f8: 6 files, 247.4 kB in [\d.]+ s\n$/);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${snapshot()}\n` });
    hub.seen.length = 0;
    const asked = await runCli(["fill-mask", "--model", ID, "--json", "이 영화 [MASK]"], { runtime, env });
    expect(JSON.parse(asked.stdout)).toHaveLength(5);
    const byFolder = await runCli(["fill-mask", "--model", snapshot(), "--json", "이 영화 [MASK]"], {
      runtime,
      env,
    });
    expect(asked).toEqual(byFolder);
    const tokens = (path: string) => runCli(["tokenize", "-t", path, "이 영화"], { runtime, env });
    expect(await tokens(ID)).toEqual(await tokens(snapshot()));
    expect(hub.seen).toEqual([]);
  },
);

test("--json tells everything, -q the folder alone", async () => {
  const { stdout, stderr } = await download(["--json"]);
  const told = JSON.parse(stdout) as { files: object[] };
  expect(stderr).toBe("");
  expect(told).toMatchObject({ model: ID, revision: "main", commit: COMMIT, path: snapshot() });
  expect(told.files).toContainEqual({ name: "model.safetensors", size: WEIGHTS.length, cached: false });
  expect(await download(["-q"])).toEqual({ code: 0, stdout: `${snapshot()}\n`, stderr: "" });
  expect((await download()).stderr).toBe("Found beomi/kcbert-base at 0f2f3f8: 6 files, 247.4 kB\n");
});

test("the cache is where the environment says", async () => {
  await download([], { env: { HF_HUB_CACHE: join(home, "here") } });
  await download([], { env: { HF_HOME: "", XDG_CACHE_HOME: join(home, "caches") } });
  await download([], { env: { HF_HOME: "", HOME: join(home, "person") } });
  await download([], { env: { HF_HOME: "~/hf", HOME: join(home, "person") } });
  await download(["--cache-dir", "named"], { cwd: root });
  const name = "models--beomi--kcbert-base";
  const places = ["here", "caches/huggingface/hub", "person/.cache/huggingface/hub", "person/hf/hub"];
  for (const place of places) expect(readdirSync(join(home, place))).toContain(name);
  expect(readdirSync(join(root, "named"))).toEqual([name]);
});

test("HF_HUB_OFFLINE uses what is there, and says what is not", async () => {
  const offline = { env: { HF_HUB_OFFLINE: "1" } };
  const nothing = await download([], offline);
  expect(nothing.code).toBe(1);
  expect(nothing.stderr).toMatch(
    /^kcbert-cli: Cannot find beomi\/kcbert-base at main in the cache .*: nothing of it is there; HF_HUB_OFFLINE is set, so the hub is not asked\n$/,
  );
  await download(["--include", "*.json"]);
  expect((await download([], offline)).stderr).toMatch(
    /it is not complete, it has no weights; HF_HUB_OFFLINE/,
  );
  expect((await download(["--include", "config.json"], offline)).code).toBe(0);
  await download();
  hub.seen.length = 0;
  expect(await download(["-q"], offline)).toEqual({ code: 0, stdout: `${snapshot()}\n`, stderr: "" });
  expect((await download(["--revision", "v2"], offline)).stderr).toMatch(
    /at v2 in the cache .*nothing of it is there/,
  );
  expect((await download(["--local-dir", "x"], offline)).code).toBe(2);
  expect(hub.seen).toEqual([]);
});

test("if the hub cannot be reached, the cache does", async () => {
  const gone = { env: { HF_ENDPOINT: "http://127.0.0.1:2" } };
  const nothing = await download([], gone);
  expect(nothing).toMatchObject({ code: 1, stdout: "" });
  expect(nothing.stderr).toMatch(
    /^kcbert-cli: Cannot reach http:\/\/127.0.0.1:2: it refuses the connection\n$/,
  );
  await download();
  const { code, stdout, stderr } = await download([], gone);
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${snapshot()}\n` });
  expect(stderr).toMatch(/it refuses the connection; what the cache has is used\nFound beomi\/kcbert-base/);
});

test("Ctrl-C ends with 130 and leaves what is there, and so does a kill; the next download goes on", async () => {
  hub.fault = ({ server }) => (server === "cdn" ? { slow: 40 } : undefined);
  for (const [i, [signal, code]] of (
    [
      ["SIGINT", 130],
      ["SIGKILL", null],
    ] as const
  ).entries()) {
    const child = startCli(["download", ID], { env });
    const end = ended(child);
    await begun(i + 1);
    child.kill(signal);
    expect(await end).toEqual({ code, stdout: "", stderr: "" });
    expect(existsSync(join(snapshot(), "model.safetensors"))).toBe(false);
  }
  expect(hub.gets("model.safetensors").at(-1)!.headers.range).toMatch(/^bytes=[1-9]/);
  hub.reset();
  hub.models.set(ID, { files: MODEL });
  expect((await download()).code).toBe(0);
  expect(hub.gets("model.safetensors").map(({ headers }) => headers.range)).toEqual([
    expect.stringMatching(/^bytes=[1-9]/),
  ]);
  expect(weights().equals(WEIGHTS)).toBe(true);
  expect(blobs().filter((name) => name.endsWith(".incomplete"))).toEqual([]);
});

test.each(["deno", "bun"] as const)(
  "%s takes up a cut connection, and leaves a part on Ctrl-C",
  async (runtime) => {
    let cuts = 0;
    hub.fault = ({ server }) => (server === "cdn" && cuts++ === 0 ? { cutAfter: 50_000 } : { slow: 40 });
    const child = startCli(["download", ID], { env, runtime });
    const end = ended(child);
    await begun(2);
    child.kill("SIGINT");
    expect(await end).toEqual({ code: 130, stdout: "", stderr: "" });
    hub.fault = () => undefined;
    expect((await download([], { runtime })).code).toBe(0);
    const ranges = hub.gets("model.safetensors").map(({ headers }) => headers.range);
    expect(ranges).toEqual([
      undefined,
      "bytes=50000-",
      expect.stringMatching(/^bytes=[5-9]\d{4,}-|^bytes=1\d{5}-/),
    ]);
    expect(weights().equals(WEIGHTS)).toBe(true);
  },
);

test.each(["deno", "bun"] as const)("%s says why the hub cannot be reached", async (runtime) => {
  const gone = await download([], { runtime, env: { HF_ENDPOINT: "http://127.0.0.1:2" } });
  expect(gone.stderr).toMatch(
    /^kcbert-cli: Cannot reach http:\/\/127.0.0.1:2: .*(?:refuse|unable to connect)/i,
  );
  expect(gone.stderr.trimEnd().split("\n")).toHaveLength(1);
});

test("two at once bring one copy, whole", async () => {
  hub.fault = ({ server }) => (server === "cdn" ? { slow: 20 } : undefined);
  const first = download(["-q"]);
  await begun();
  const second = download(["-q"]);
  const success = { code: 0, stdout: `${snapshot()}\n`, stderr: "" };
  expect(await Promise.all([first, second])).toEqual([success, success]);
  expect(hub.gets("model.safetensors")).toHaveLength(1);
  expect(weights().equals(WEIGHTS)).toBe(true);
});

test("many at the same moment corrupt nothing", async () => {
  hub.fault = ({ server }) => (server === "cdn" ? { slow: 5 } : undefined);
  const results = await Promise.all(Array.from({ length: 4 }, () => download(["-q"])));
  for (const result of results) expect(result).toEqual({ code: 0, stdout: `${snapshot()}\n`, stderr: "" });
  expect(weights().equals(WEIGHTS)).toBe(true);
  expect(blobs().filter((name) => name.endsWith(".incomplete"))).toEqual([]);
});

test("a partial file of a process that lives is left to it; of one that died, taken over", async () => {
  mkdirSync(join(repository(), "blobs"), { recursive: true });
  const partial = (id: number) =>
    join(repository(), "blobs", `${sha256(WEIGHTS)}.${MACHINE}-${id}.incomplete`);
  const other = startCli(["tokenize", "-t", "none"], { env });
  const dead = other.pid!;
  await once(other, "exit");
  writeFileSync(partial(dead), WEIGHTS.subarray(0, 50_000));
  expect((await download(["-q"])).code).toBe(0);
  expect(hub.gets("model.safetensors").map(({ headers }) => headers.range)).toEqual(["bytes=50000-"]);
  expect(existsSync(partial(dead))).toBe(false);
  expect(weights().equals(WEIGHTS)).toBe(true);
});

test("--local-dir is a folder that fill-mask opens", async () => {
  const { code, stdout } = await download(["--local-dir", "mine"], { cwd: root });
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${join(root, "mine")}\n` });
  expect(existsSync(join(home, "hub"))).toBe(false);
  expect((await runCli(["fill-mask", "-m", join(root, "mine"), "이 [MASK]"], { env })).code).toBe(0);
});

test.each([
  [
    ["https://huggingface.co/beomi/kcbert-base/tree/main"],
    /as the name of a model: write beomi\/kcbert-base$/m,
  ],
  [["../model"], /as the name of a model: it takes a name such as beomi\/kcbert-base$/m],
  [["a/b/c"], /it takes a name such as/],
  [["a/b", "--revision", "../x"], /Cannot use --revision ..\/x: it takes a branch, a tag or a commit$/m],
  [["a/b@main", "--revision", "main"], /the name has a revision already$/m],
])("download %s makes no sense", async (args, says) => {
  const { code, stderr } = await runCli(["download", ...args], { env });
  expect(stderr).toMatch(says);
  expect(code).toBe(2);
});

test("an endpoint that is no address, and a cache that cannot be written, are told", async () => {
  const endpoint = await download([], { env: { HF_ENDPOINT: "huggingface.co" } });
  expect(endpoint.stderr).toMatch(/Cannot use HF_ENDPOINT huggingface.co: it takes an address such as https/);
  writeFileSync(join(root, "file"), "");
  const cache = await download([], { env: { HF_HUB_CACHE: join(root, "file") } });
  expect(cache.stderr).toMatch(/^kcbert-cli: Cannot write to the cache .*: .*\n$/);
  expect(cache.code).toBe(1);
});

test("a model's name stands for its folder in the cache; a folder of that name comes first", () => {
  const cache = join(home, "hub");
  expect(() => resolveModel(ID, cache)).toThrow(
    `Cannot open the model ${ID}: there is no such folder, and the cache does not have it; kcbert-cli download ${ID} would bring it`,
  );
  mkdirSync(snapshot(), { recursive: true });
  writeFileSync(join(repository(), "config"), "{}");
  symlinkSync("../../config", join(snapshot(), "config.json"));
  expect(() => resolveModel(ID, cache)).toThrow(`the cache does not have it at main; write ${ID}@${COMMIT}`);
  expect(resolveModel(`${ID}@${COMMIT}`, cache)).toBe(snapshot());
  new CachedModel(cache, ID).finish("main", COMMIT);
  expect(resolveModel(ID, cache)).toBe(snapshot());
  expect(() => resolveModel(`${ID}@v2`, cache)).toThrow(
    /kcbert-cli download beomi\/kcbert-base --revision v2|at v2/,
  );
  for (const path of ["./beomi/kcbert-base", "/a/b", "none", "a/b/c", "tokenizer/vocab.txt", root])
    expect(resolveModel(path, cache)).toBe(path);
});
