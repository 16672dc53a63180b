import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { COMMIT, type Fault, gitSha1, type SeenRequest, sha256, TestHub } from "../../test/hub_server.ts";
import { temporaryFolder } from "../../test/run_cli.ts";
import type { Destination } from "./destination.ts";
import { downloadModel, type DownloadModelOptions } from "./download_model.ts";
import { CachedModel } from "./hub_cache.ts";
import { type HubSettings, hubSettings } from "./hub_settings.ts";
import { LocalFolder } from "./local_folder.ts";
import { MACHINE } from "./partial_file.ts";

const ID = "beomi/kcbert-base";
const WEIGHTS = Buffer.alloc(100_000, "가나다라마바사");
const FILES = {
  "config.json": '{"model_type": "bert"}',
  "vocab.txt": "[PAD]\n",
  "model.safetensors": WEIGHTS,
  "tf_model.h5": "not wanted",
};

const root = temporaryFolder();
let hub: TestHub;
let caches = 0;
let settings: HubSettings;
let waits: number[];

beforeAll(async () => void (hub = await TestHub.start()));
afterAll(() => hub.stop());
beforeEach(() => {
  hub.reset();
  hub.models.set(ID, { files: FILES });
  waits = [];
  settings = settingsWith({});
});

function settingsWith(environment: Record<string, string>): HubSettings {
  return hubSettings({ HF_ENDPOINT: hub.endpoint, HF_HOME: join(root, String(caches++)), ...environment });
}

interface Options extends Partial<DownloadModelOptions> {
  readonly id?: string;
  readonly revision?: string;
  readonly destination?: Destination;
}

/** Download with the settings; waits are written down, not waited. */
function download({ id = ID, revision = "main", destination, ...options }: Options = {}) {
  return downloadModel(settings, { id, revision }, destination ?? new CachedModel(settings.cache, id), {
    signal: new AbortController().signal,
    pause: async (milliseconds) => void waits.push(milliseconds),
    ...options,
  });
}

/** Let the first `times` requests that fit go wrong. */
function failing(fits: (request: SeenRequest) => boolean, fault: Fault, times = Infinity): void {
  let left = times;
  hub.fault = (request) => (fits(request) && left-- > 0 ? fault : undefined);
}

const isWeights = ({ server }: SeenRequest) => server === "cdn";
const repository = () => join(settings.cache, "models--beomi--kcbert-base");
const weightsPath = () => join(repository(), "snapshots", COMMIT, "model.safetensors");
const partials = () =>
  readdirSync(join(repository(), "blobs")).filter((name) => name.endsWith(".incomplete"));

/** The weights are there, whole, and nothing is left over. */
function expectWhole(): void {
  expect(readFileSync(weightsPath()).equals(WEIGHTS)).toBe(true);
  expect(partials()).toEqual([]);
}

test("the cache is laid out as huggingface_hub lays it out", async () => {
  const { folder, commit, files } = await download();
  expect(folder).toBe(join(repository(), "snapshots", COMMIT));
  expect(commit).toBe(COMMIT);
  expect(files.map(({ name }) => name)).toEqual(["config.json", "vocab.txt", "model.safetensors"]);
  expect(readFileSync(join(repository(), "refs", "main"), "utf8")).toBe(COMMIT);
  expect(readlinkSync(weightsPath())).toBe(`../../blobs/${sha256(WEIGHTS)}`);
  const config = Buffer.from(FILES["config.json"]);
  expect(readlinkSync(join(folder, "config.json"))).toBe(`../../blobs/${gitSha1(config)}`);
  expect(readFileSync(join(folder, "config.json"))).toEqual(config);
  expectWhole();
});

test("what is there is not asked for again", async () => {
  await download();
  hub.seen.length = 0;
  const { files } = await download();
  expect(hub.seen.map(({ url }) => url)).toEqual([`/api/models/${ID}/revision/main`]);
  expect(files.every(({ cached }) => cached)).toBe(true);
});

test("a blob that another commit brought is linked, not downloaded", async () => {
  mkdirSync(join(repository(), "blobs"), { recursive: true });
  writeFileSync(join(repository(), "blobs", sha256(WEIGHTS)), WEIGHTS);
  await download();
  expect(hub.gets("model.safetensors")).toEqual([]);
  expectWhole();
});

test("a revision by commit writes no ref, and one with a slash a nested one", async () => {
  await download({ revision: COMMIT });
  expect(existsSync(join(repository(), "refs"))).toBe(false);
  await download({ revision: "refs/pr/1" });
  expect(readFileSync(join(repository(), "refs", "refs", "pr", "1"), "utf8")).toBe(COMMIT);
  expect(hub.seen.some(({ url }) => url.endsWith("/revision/refs%2Fpr%2F1"))).toBe(true);
});

test("files are listed, or without a list asked for by the names that they have", async () => {
  failing(({ url }) => url.startsWith("/api/models/"), { status: 404 });
  const { files } = await download();
  expect(files.map(({ name }) => name)).toEqual(["config.json", "vocab.txt", "model.safetensors"]);
  expect(readFileSync(join(repository(), "refs", "main"), "utf8")).toBe(COMMIT);
});

test("shards are those that the index names; safetensors come before a .bin", async () => {
  const index = JSON.stringify({ weight_map: { a: "part-1.safetensors", b: "part-2.safetensors" } });
  const files = { "config.json": "{}", "model.safetensors.index.json": index, "pytorch_model.bin": "x" };
  hub.models.set(ID, {
    files: { ...files, "part-1.safetensors": "1", "part-2.safetensors": "2", "part-3.safetensors": "3" },
  });
  const { files: got } = await download();
  expect(got.map(({ name }) => name)).toEqual([
    "config.json",
    "model.safetensors.index.json",
    "part-1.safetensors",
    "part-2.safetensors",
  ]);
  hub.models.set("a/b", { files: { ...files, "part-1.safetensors": "1" } });
  await expect(download({ id: "a/b" })).rejects.toThrow(
    "Cannot download a/b: it lacks part-2.safetensors, which its model.safetensors.index.json names",
  );
  hub.models.set("a/c", { files: { "config.json": "{}", "pytorch_model.bin": "x" } });
  expect((await download({ id: "a/c" })).files.at(-1)!.name).toBe("pytorch_model.bin");
});

test("--include takes other files, in folders as well", async () => {
  hub.models.set(ID, { files: { ...FILES, "onnx/model.json": "{}" } });
  const { files } = await download({ include: ["*.json", "tf_model.h5"] });
  expect(files.map(({ name }) => name)).toEqual(["config.json", "tf_model.h5", "onnx/model.json"]);
  expect(readlinkSync(join(repository(), "snapshots", COMMIT, "onnx", "model.json"))).toMatch(
    /^\.\.\/\.\.\/\.\.\/blobs\//,
  );
  await expect(download({ include: ["*.onnx"] })).rejects.toThrow(
    `Cannot download ${ID}: no file matches *.onnx; it has config.json, vocab.txt, model.safetensors, tf_model.h5, onnx/model.json`,
  );
});

test("a repository that is no model is refused, with what it has", async () => {
  hub.models.set(ID, { files: { "config.json": "{}", "tf_model.h5": "x" } });
  await expect(download()).rejects.toThrow(
    "it has no model.safetensors or pytorch_model.bin; it has config.json, tf_model.h5; --include names other files",
  );
});

test.each([
  [
    "a list",
    "../../evil",
    (name: string) => ({ siblings: [{ rfilename: name }, { rfilename: "config.json" }], sha: COMMIT }),
  ],
  ["a list with an odd commit", "x", () => ({ siblings: [], sha: "../../../etc" })],
])("%s that leads out of the cache is not followed", async (_, name, answer) => {
  failing(({ url }) => url.startsWith("/api/models/"), { status: 200, body: JSON.stringify(answer(name)) });
  await download({ include: ["**"] }).catch(() => {});
  expect(hub.seen.some(({ url }) => url.includes("evil"))).toBe(false);
  expect(existsSync(join(settings.cache, "..", "evil"))).toBe(false);
});

test("an etag or a commit that would lead out of the cache is refused", async () => {
  const odd = (headers: Record<string, string>) =>
    failing(({ method }) => method === "HEAD", {
      status: 200,
      headers: { "x-repo-commit": COMMIT, ...headers },
    });
  odd({ etag: '"../../evil"' });
  await expect(download()).rejects.toThrow(/does not answer as the hub does/);
  odd({ etag: '"abc"', "x-repo-commit": "../evil" });
  await expect(download()).rejects.toThrow(
    /does not answer as the hub does \(its answer lacks X-Repo-Commit or ETag\)/,
  );
});

test("a connection that is cut is taken up where it broke", async () => {
  failing(isWeights, { cutAfter: 30_000 }, 2);
  await download();
  const ranges = hub.gets("model.safetensors").map(({ headers }) => headers.range);
  expect(ranges).toEqual([undefined, "bytes=30000-", "bytes=60000-"]);
  expect(waits).toEqual([1000, 1000]); // each attempt brought something
  expectWhole();
});

test("after five attempts that bring nothing it gives up, and keeps what there is", async () => {
  failing(isWeights, { cutAfter: 30_000 }, 1);
  const first = hub.fault;
  let requests = 0;
  hub.fault = (request) =>
    first(request) ?? (isWeights(request) && requests++ >= 0 ? { cutAfter: 0 } : undefined);
  await expect(download()).rejects.toThrow(/Cannot reach http:\/\/127.0.0.1:\d+: the connection was cut$/);
  expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000]);
  expect(partials()).toHaveLength(1);
  hub.fault = () => undefined;
  hub.seen.length = 0;
  const bytes: number[] = [];
  await download({ onBytes: (more) => void bytes.push(more) });
  expect(hub.gets("model.safetensors")[0]!.headers.range).toBe("bytes=30000-");
  expect(bytes.reduce((sum, more) => sum + more)).toBe(WEIGHTS.length);
  expectWhole();
});

test("a server without ranges sends all of it again", async () => {
  failing(isWeights, { cutAfter: 30_000, noRange: true }, 1);
  const cut = hub.fault;
  hub.fault = (request) => cut(request) ?? (isWeights(request) ? { noRange: true } : undefined);
  await download();
  expect(hub.gets("model.safetensors").map(({ headers }) => headers.range)).toEqual([
    undefined,
    "bytes=30000-",
  ]);
  expectWhole();
});

test("wrong bytes are refused by their hash, large files and small ones, and are removed", async () => {
  failing(isWeights, { body: Buffer.alloc(WEIGHTS.length, "x") });
  await expect(download()).rejects.toThrow(
    /^Cannot download model.safetensors: what came has another sha256 than the hub says \(\w{12}…\); it was removed, try again$/,
  );
  expect(partials()).toEqual([]);
  expect(existsSync(weightsPath())).toBe(false);
  failing(({ method, url }) => method === "GET" && url.endsWith("vocab.txt"), { body: "[BAD]\n" });
  hub.models.set("a/b", { files: FILES });
  await expect(download({ id: "a/b" })).rejects.toThrow(/vocab.txt: what came has another git sha1/);
});

test("a partial file with wrong bytes is downloaded anew", async () => {
  mkdirSync(join(repository(), "blobs"), { recursive: true });
  const partial = join(repository(), "blobs", `${sha256(WEIGHTS)}.${ownTag()}.incomplete`);
  writeFileSync(partial, Buffer.alloc(40_000, "x"));
  await download();
  expect(hub.gets("model.safetensors").map(({ headers }) => headers.range)).toEqual([
    "bytes=40000-",
    undefined,
  ]);
  expectWhole();
  for (const length of [WEIGHTS.length, WEIGHTS.length + 5]) {
    settings = settingsWith({});
    mkdirSync(join(repository(), "blobs"), { recursive: true });
    writeFileSync(
      join(repository(), "blobs", `${sha256(WEIGHTS)}.${ownTag()}.incomplete`),
      Buffer.alloc(length, "x"),
    );
    await download();
    expectWhole();
  }
});

test("too many bytes, or too few, are refused", async () => {
  failing(isWeights, { body: Buffer.concat([WEIGHTS, WEIGHTS]) });
  await expect(download()).rejects.toThrow("it must have 100000 bytes, and 200000 came; try again");
  failing(isWeights, { body: WEIGHTS.subarray(0, 10) });
  await expect(download()).rejects.toThrow("it must have 100000 bytes, and 10 came; try again");
  expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000]);
  expect(existsSync(weightsPath())).toBe(false);
});

test("what stands still is asked for again", async () => {
  settings = settingsWith({ HF_HUB_DOWNLOAD_TIMEOUT: "1" });
  failing(isWeights, { stallAfter: 20_000 }, 1);
  await download();
  expect(hub.gets("model.safetensors").map(({ headers }) => headers.range)).toEqual([
    undefined,
    "bytes=20000-",
  ]);
  expectWhole();
});

test("a slow server is waited for as long as it sends", async () => {
  settings = settingsWith({ HF_HUB_DOWNLOAD_TIMEOUT: "2" });
  failing(isWeights, { slow: 100 });
  await download();
  expect(hub.gets("model.safetensors")).toHaveLength(1);
  expectWhole();
});

test("5xx are tried again, and 429 as late as the server asks", async () => {
  failing(isWeights, { status: 503 }, 2);
  await download();
  expect(waits).toEqual([1000, 2000]);
  waits.length = 0;
  failing(({ url }) => url.startsWith("/api/"), { status: 429, headers: { "retry-after": "7" } }, 1);
  await download();
  failing(({ url }) => url.startsWith("/api/"), { status: 429, headers: { ratelimit: '"api";r=0;t=9' } }, 1);
  await download();
  expect(waits).toEqual([7000, 9000]);
  failing(({ url }) => url.startsWith("/api/"), { status: 429, headers: { "retry-after": "3600" } });
  await expect(download()).rejects.toThrow(
    `Cannot download ${ID}: too many requests, try again later, or set HF_TOKEN for more`,
  );
  expect(waits).toHaveLength(2);
});

test("a hub that is not there is told, after a few attempts", async () => {
  const gone = await TestHub.start();
  settings = settingsWith({ HF_ENDPOINT: gone.endpoint });
  await gone.stop();
  await expect(download()).rejects.toThrow(`Cannot reach ${settings.endpoint}: it refuses the connection`);
  expect(waits).toEqual([1000, 2000]);
});

test("the token goes to the hub, and to nobody else", async () => {
  hub.models.set(ID, { files: FILES, token: "hf_right" });
  settings = settingsWith({ HF_TOKEN: "hf_right\n" });
  await download();
  const tokens = (server: "hub" | "cdn") =>
    new Set(hub.seen.filter((each) => each.server === server).map(({ headers }) => headers.authorization));
  expect(tokens("hub")).toEqual(new Set(["Bearer hf_right"]));
  expect(tokens("cdn")).toEqual(new Set([undefined]));
  expectWhole();
});

test("the token of hf auth login is found", async () => {
  hub.models.set(ID, { files: FILES, token: "hf_saved" });
  const home = join(root, String(caches++));
  mkdirSync(home);
  writeFileSync(join(home, "token"), "hf_saved\n");
  settings = settingsWith({ HF_HOME: home });
  await download();
  expectWhole();
  settings = settingsWith({ HF_HOME: home, HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" });
  await expect(download()).rejects.toThrow(/or it is private/);
});

test.each<[string, Record<string, string>, Options, RegExp]>([
  [
    "a typo",
    {},
    { id: "beomi/kcbert-bas" },
    /^Cannot download beomi\/kcbert-bas: http.* has no model of this name, or it is private; check the spelling of beomi\/kcbert-bas, or set HF_TOKEN$/,
  ],
  [
    "a private model, without a token",
    {},
    { id: "a/private" },
    /or it is private; check the spelling of a\/private, or set HF_TOKEN$/,
  ],
  [
    "a private model, with another's token",
    { HF_TOKEN: "hf_other" },
    { id: "a/private" },
    /or it is private and the token may not read it; check the spelling of a\/private$/,
  ],
  [
    "a token that is none",
    { HF_TOKEN: "nonsense" },
    {},
    /the token is not valid; make another at https:\/\/huggingface.co\/settings\/tokens, or unset HF_TOKEN$/,
  ],
  [
    "a gated model, without a token",
    {},
    { id: "a/gated" },
    /its authors must grant access: ask for it at http.*\/a\/gated, and set HF_TOKEN$/,
  ],
  [
    "a gated model, with a token",
    { HF_TOKEN: "hf_other" },
    { id: "a/gated" },
    /ask for it at http.*\/a\/gated as the owner of the token$/,
  ],
  [
    "a missing revision",
    {},
    { revision: "v9" },
    /^Cannot download beomi\/kcbert-base: there is no revision v9; leave --revision out for the latest version$/,
  ],
])("%s is told in a sentence", async (_, environment, options, says) => {
  hub.models.set("a/private", { files: FILES, token: "hf_right" });
  hub.models.set("a/gated", { files: FILES, gated: true });
  settings = settingsWith(environment);
  await expect(download(options)).rejects.toThrow(says);
  expect(waits).toEqual([]);
});

test("what the hub or its store answers otherwise is told, with the status", async () => {
  failing(({ url }) => url.startsWith("/api/"), { status: 403 });
  await expect(download()).rejects.toThrow("nobody may read it without a token; set HF_TOKEN");
  failing(({ url }) => url.startsWith("/api/"), {
    status: 418,
    headers: { "x-error-message": "I am\ta teapot." },
  });
  await expect(download()).rejects.toThrow(
    `Cannot download ${ID}: ${hub.endpoint} answers with status 418: I am a teapot`,
  );
  failing(isWeights, { status: 403 });
  const store =
    /^Cannot download model.safetensors of beomi\/kcbert-base: (http:\S+) answers with status 403$/;
  const error = await download().catch((error: unknown) => error as Error);
  expect((error as Error).message).toMatch(store);
  expect(store.exec((error as Error).message)![1]).not.toBe(hub.endpoint);
});

test("redirects without an end are refused, and those to a new name followed", async () => {
  failing(({ url }) => url.startsWith("/api/models/"), { status: 302, headers: { location: "?again" } });
  await expect(download()).rejects.toThrow(/redirects without an end$/);
  failing(({ url }) => url.startsWith("/api/models/"), {
    status: 302,
    headers: { location: "file:///etc/passwd" },
  });
  await expect(download()).rejects.toThrow(/redirects to what is no address$/);
  hub.fault = ({ url }) =>
    url.includes("old/name")
      ? { status: 307, headers: { location: url.replace("old/name", ID) } }
      : undefined;
  const { folder } = await download({ id: "old/name" });
  expect(readFileSync(join(folder, "model.safetensors")).equals(WEIGHTS)).toBe(true);
});

test("Ctrl-C leaves a partial file, which the next attempt goes on with", async () => {
  const controller = new AbortController();
  failing(isWeights, { slow: 5 });
  let bytes = 0;
  const onBytes = (more: number) => {
    bytes += more;
    if (bytes > 20_000) controller.abort(new Error("enough"));
  };
  await expect(download({ signal: controller.signal, onBytes })).rejects.toThrow("enough");
  expect(partials()).toHaveLength(1);
  hub.fault = () => undefined;
  hub.seen.length = 0;
  await download();
  expect(hub.gets("model.safetensors")[0]!.headers.range).toMatch(/^bytes=[1-9]\d*-$/);
  expectWhole();
});

test("a folder of one's own gets files, with their versions beside them", async () => {
  const path = join(root, String(caches++));
  const local = () => new LocalFolder(path, new CachedModel(settings.cache, ID));
  const { folder } = await download({ destination: local() });
  expect(folder).toBe(path);
  expect(readdirSync(path).sort()).toEqual([".cache", "config.json", "model.safetensors", "vocab.txt"]);
  expect(lstatSync(join(path, "model.safetensors")).isFile()).toBe(true);
  const record = readFileSync(join(path, ".cache/huggingface/download/model.safetensors.metadata"), "utf8");
  expect(record.split("\n").slice(0, 2)).toEqual([COMMIT, sha256(WEIGHTS)]);
  expect(existsSync(settings.cache)).toBe(false);
  hub.seen.length = 0;
  expect((await download({ destination: local() })).files.every(({ cached }) => cached)).toBe(true);
  expect(hub.seen).toHaveLength(1);
});

test("a folder of one's own takes what the cache or the folder has, and replaces what is changed", async () => {
  await download();
  hub.seen.length = 0;
  const path = join(root, String(caches++));
  mkdirSync(path);
  writeFileSync(join(path, "config.json"), FILES["config.json"]);
  writeFileSync(join(path, "vocab.txt"), "changed");
  await download({ destination: new LocalFolder(path, new CachedModel(settings.cache, ID)) });
  expect(hub.seen.filter(({ method }) => method === "GET")).toHaveLength(1); // the list
  expect(readFileSync(join(path, "vocab.txt"), "utf8")).toBe(FILES["vocab.txt"]);
  expect(readFileSync(join(path, "model.safetensors")).equals(WEIGHTS)).toBe(true);
});

/** This process in the name of a partial file, as an interrupted download of our own would show it. */
function ownTag(): string {
  return `${MACHINE}-${process.pid}`;
}
