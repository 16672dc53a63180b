/** `kcbert-cli datasets` against a server on this machine. */
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { FileServer } from "../../test/file_server.ts";
import { ended, runCli, startCli, temporaryFolder } from "../../test/run_cli.ts";
import { DATASETS, type Dataset, type DatasetFile } from "./catalog.ts";
import { downloadDataset } from "./download_dataset.ts";

const folder = temporaryFolder();
const content = randomBytes(300_000);
let server: FileServer;
let made = 0;

beforeAll(async () => {
  server = await FileServer.start();
});
beforeEach(() => server.reset());
afterAll(() => server.stop());

describe("the catalogue", () => {
  test("names each set once, with licence, origin and safe addresses", () => {
    const names = DATASETS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const wanted of [
      "kcbert-v1",
      "kcbert-v2022.3q",
      "nsmc",
      "kornli",
      "korsts",
      "question-pair",
      "korquad",
    ])
      expect(names).toContain(wanted);
    for (const { licence, home, files, release } of DATASETS) {
      expect(licence).not.toBe("");
      expect(home).toMatch(/^https:/);
      expect(files.length + (release === undefined ? 0 : 1)).toBeGreaterThan(0);
      for (const { name, url, checksum } of files) {
        expect(url).toMatch(/^https:/);
        expect(name).toMatch(/^[\w.-]+$/);
        if (checksum !== undefined) expect(checksum.value).toMatch(/^[0-9a-f]{40}$/);
      }
    }
  });

  test("list shows it, --json as JSON", async () => {
    const { stdout } = await runCli(["datasets"]);
    expect(stdout).toMatch(
      /^nsmc +Naver sentiment movie corpus.*\n +CC0-1\.0\n +https:\/\/github\.com\/e9t\/nsmc\n/m,
    );
    const lines = (await runCli(["datasets", "list", "--json"])).stdout.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line) as Dataset)).toEqual(DATASETS);
  });

  // the files of the real sets, where they are
  const data = new URL("../../../../../shared/data/", import.meta.url);
  test.skipIf(!existsSync(data))("its checksums are those of the published files", async () => {
    const { gunzipSync } = await import("node:zlib");
    const folders: Record<string, string> = { paws: "pawsx-ko" };
    let checked = 0;
    for (const { name, files } of DATASETS) {
      for (const file of files) {
        const path = new URL(`${folders[name] ?? name}/${file.name}.gz`, data);
        if (!existsSync(path)) continue;
        const bytes = gunzipSync(readFileSync(path));
        expect(file.bytes, file.name).toBe(bytes.length);
        expect(file.checksum, file.name).toEqual({ kind: "git", value: gitHash(bytes) });
        checked++;
      }
    }
    expect(checked).toBe(17);
  });
});

describe("a download", () => {
  test("is checked, recorded, and not repeated", async () => {
    const dataset = setOf([file("a.txt", content), file("b.txt", randomBytes(10))]);
    const target = place();
    const { record, fresh } = await download(dataset, target);
    expect(fresh).toBe(2);
    expect(readFileSync(join(target, "a.txt"))).toEqual(content);
    expect(JSON.parse(readFileSync(join(target, "dataset.json"), "utf8"))).toEqual(record);
    expect(record.files[0]).toMatchObject({ name: "a.txt", bytes: content.length, sha256: sha256(content) });
    expect(readdirSync(target).toSorted()).toEqual(["a.txt", "b.txt", "dataset.json"]);
    const before = server.seen.length;
    expect((await download(dataset, target)).fresh).toBe(0);
    expect(server.seen.length).toBe(before);
  });

  test("goes on after a cut connection, from where it was", async () => {
    const dataset = setOf([file("a.txt", content)]);
    server.fault = (_, attempt) => (attempt < 3 ? { cutAfter: 100_000 } : undefined);
    const target = place();
    await download(dataset, target);
    expect(readFileSync(join(target, "a.txt"))).toEqual(content);
    const starts = server.seen.map(({ range }) => Number(/\d+/.exec(range ?? "0")![0]));
    expect(starts.length).toBe(3);
    expect(starts[2]).toBeGreaterThan(starts[1]!);
  });

  test("begins anew where the server knows no ranges, or has another file now", async () => {
    const target = place();
    const dataset = setOf([{ name: "a.txt", url: "https://example.com/x/a.txt" }]);
    serve("a.txt", content);
    server.fault = (_, attempt) => (attempt === 1 ? { cutAfter: 100_000 } : { noRange: true });
    await download(dataset, target);
    expect(readFileSync(join(target, "a.txt"))).toEqual(content);

    const other = place();
    const newer = randomBytes(200_000);
    server.reset();
    serve("a.txt", content);
    server.fault = (_, attempt) => {
      if (attempt === 1) return { cutAfter: 100_000 };
      serve("a.txt", newer);
      return undefined;
    };
    await download(dataset, other);
    expect(readFileSync(join(other, "a.txt"))).toEqual(newer);
    expect(server.seen.at(-1)!.status).toBe(200); // although a range was asked for
  });

  test("waits when it is told to, and gives up when nothing comes", async () => {
    const dataset = setOf([file("a.txt", content)]);
    const waits: number[] = [];
    const pause = async (milliseconds: number) => void waits.push(milliseconds);
    server.fault = (_, attempt) => {
      if (attempt === 1) return { status: 429, headers: { "retry-after": "7" } };
      return attempt === 2 ? { stallAfter: 1000 } : undefined;
    };
    await download(dataset, place(), { pause, stallTimeout: 200 });
    expect(waits).toEqual([7000, 1000]);
    server.fault = () => ({ status: 503 });
    await expect(download(dataset, place(), { pause })).rejects.toThrow(
      /^Cannot download a\.txt: http:\/\/127\.0\.0\.1:\d+ answers with status 503$/,
    );
  });

  test("is removed if it is another file than was published, now or the first time", async () => {
    const target = place();
    const wanted = file("a.txt", content);
    serve("a.txt", randomBytes(content.length));
    await expect(download(setOf([wanted]), target)).rejects.toThrow(
      /sent is another file than was published \(git hash [0-9a-f]{12}…\); it was removed/,
    );
    expect(existsSync(join(target, "a.txt"))).toBe(false);

    const unknown = { name: "c.txt", url: "https://example.com/x/c.txt" };
    serve("c.txt", content);
    await download(setOf([unknown]), target);
    serve("c.txt", randomBytes(10));
    const { rmSync } = await import("node:fs");
    rmSync(join(target, "c.txt"));
    await expect(download(setOf([unknown]), target)).rejects.toThrow(/is another file than was published/);
  });

  test("leaves a damaged file alone, and says so", async () => {
    const target = place();
    mkdirSync(target);
    writeFileSync(join(target, "a.txt"), "mine");
    await expect(download(setOf([file("a.txt", content)]), target)).rejects.toThrow(
      /Cannot use .*a\.txt: it is not the published a\.txt; remove it to download it anew/,
    );
    expect(readFileSync(join(target, "a.txt"), "utf8")).toBe("mine");
  });

  test("of a file that has moved is refused", async () => {
    const gone = { name: "a.txt", url: "https://example.com/gone.txt" };
    await expect(download(setOf([gone]), place())).rejects.toThrow(
      /has no such file \(404\); it may have moved/,
    );
  });
});

describe("split archives", () => {
  const text = Buffer.from("이 영화 정말 재밌다\n".repeat(40_000));

  test("are joined and unpacked, through redirects", async () => {
    const archive = await archiveOf({
      "20190101_20200611_v2.txt": text,
      "sub/more.txt": Buffer.from("더\n"),
    });
    serveParts("/github.com/Beomi/KcBERT/releases/download/TrainData_v1/kcbert-train.tar.gz", archive);
    const run = () => runCli(["datasets", "download", "kcbert-v1", "-o", folder], { env: mirror() });
    const { code, stdout, stderr } = await run();
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${join(folder, "kcbert-v1")}\n` });
    expect(stderr).toMatch(
      /^kcbert-v1: licence MIT, https:.*\nDownloaded kcbert-v1: 3 files, .*; unpacked 2019/,
    );
    const made = join(folder, "kcbert-v1");
    expect(readFileSync(join(made, "20190101_20200611_v2.txt"))).toEqual(text);
    expect(readFileSync(join(made, "sub/more.txt"), "utf8")).toBe("더\n");
    const written = statSync(join(made, "20190101_20200611_v2.txt")).mtimeMs;
    expect((await run()).stderr).toMatch(/\nFound kcbert-v1: 3 files, .*, as published; unpacked/);
    expect(statSync(join(made, "20190101_20200611_v2.txt")).mtimeMs).toBe(written);
  });

  test("of a release are found by asking for its assets, with GitHub's hashes", async () => {
    const archive = await archiveOf({ "comments.txt": text });
    const parts = serveParts("/github.com/Beomi/KcBERT/releases/download/v2022.3Q/data.tar.gz", archive);
    const assets = parts.map(({ path, bytes }) => ({
      name: path.split("/").at(-1),
      size: bytes.length,
      browser_download_url: `https:/${path}`,
      digest: `sha256:${sha256(bytes)}`,
    }));
    const release = { assets: [...assets.toReversed(), { ...assets[0], name: "readme.md", digest: null }] };
    const api = "/api.github.com/repos/Beomi/KcBERT/releases/tags/v2022.3Q";
    server.files.set(api, Buffer.from(JSON.stringify(release)));
    const args = ["datasets", "download", "kcbert-v2022.3q", "-o", folder];
    const planned = await runCli([...args, "--dry-run", "--json"], { env: mirror() });
    expect(JSON.parse(planned.stdout)).toMatchObject({
      licence: "MIT",
      files: parts.map(({ path, bytes }) => ({
        name: path.split("/").at(-1),
        bytes: bytes.length,
        present: false,
      })),
    });
    expect((await runCli([...args, "-q"], { env: mirror() })).stderr).toBe("");
    expect(readFileSync(join(folder, "kcbert-v2022.3q", "comments.txt"))).toEqual(text);
    server.files.set(api, Buffer.from('{"message":"Not Found"}'));
    expect((await runCli(args, { env: mirror() })).stderr).toMatch(/the answer has no list of files\n$/);
  });

  test("that are damaged, incomplete, or lead out of the folder, are refused", async () => {
    const archive = await archiveOf({ "a.txt": text });
    const cases: [Uint8Array, RegExp][] = [
      [archive.subarray(0, archive.length - 300), /Cannot unpack .*: it is damaged or incomplete/],
      [Buffer.concat([archive.subarray(0, 500), randomBytes(archive.length)]), /it is damaged or incomplete/],
      [
        await archiveOf({ "../out.txt": text }),
        /Cannot unpack .*: it names \.\.\/out\.txt, outside its folder/,
      ],
    ];
    for (const [bytes, message] of cases) {
      const target = place();
      const part = { name: "x.tar.gz", url: "https://example.com/x/x.tar.gz" };
      serve("x.tar.gz", bytes);
      await expect(download({ ...setOf([part]), split: true }, target)).rejects.toThrow(message);
      expect(readdirSync(target).toSorted()).toEqual(["dataset.json", "x.tar.gz"]);
      expect(existsSync(join(target, "../out.txt"))).toBe(false);
    }
  });
});

test("a killed download goes on with what is there", async () => {
  const archive = await archiveOf({ "a.txt": randomBytes(600_000) });
  const path = "/github.com/Beomi/KcBERT/releases/download/TrainData_v1/kcbert-train.tar.gz";
  const [first] = serveParts(path, archive);
  server.fault = (asked) => (asked.endsWith("/1") ? { stallAfter: 150_000 } : undefined);
  const output = place();
  const child = startCli(["datasets", "download", "kcbert-v1", "-o", output, "-q"], { env: mirror() });
  const end = ended(child);
  const size = () => {
    const names = existsSync(join(output, "kcbert-v1")) ? readdirSync(join(output, "kcbert-v1")) : [];
    const name = names.find((each) => each.endsWith(".incomplete"));
    return name === undefined ? 0 : statSync(join(output, "kcbert-v1", name)).size;
  };
  while (size() < 150_000) await sleep(5);
  child.kill("SIGKILL");
  await end;
  server.fault = () => undefined;
  const { code } = await runCli(["datasets", "download", "kcbert-v1", "-o", output, "-q"], { env: mirror() });
  expect(code).toBe(0);
  expect(server.seen.map(({ range }) => range)).toContain("bytes=150000-");
  expect(readFileSync(join(output, "kcbert-v1", "kcbert-train.tar.gzaa"))).toEqual(Buffer.from(first!.bytes));
});

test.each([
  [["download"], "Cannot download without a name: see kcbert-cli datasets list"],
  [["download", "nsmcc"], "Unknown dataset nsmcc: did you mean nsmc?"],
  [["nsmc"], "Cannot nsmc datasets: write datasets download nsmc"],
  [["downlod", "nsmc"], "Cannot downlod datasets: did you mean download?"],
  [
    ["download", "nsmc", "--mirror=ftp"],
    "Cannot use the mirror ftp: it takes an address such as https://mirror.example",
  ],
])("datasets %j is refused", async (args, message) => {
  expect(await runCli(["datasets", ...args])).toEqual({
    code: 2,
    stdout: "",
    stderr: `kcbert-cli: ${message}\n`,
  });
});

// --- internal ---

function mirror(): Record<string, string> {
  return { KCBERT_DATASETS_MIRROR: server.url };
}

function place(): string {
  return join(folder, `target-${made++}`);
}

function serve(name: string, bytes: Uint8Array): void {
  server.files.set(`/example.com/x/${name}`, bytes);
}

/** A file with its checksum, and what the server sends. */
function file(name: string, bytes: Uint8Array): DatasetFile {
  serve(name, bytes);
  return { name, url: `https://example.com/x/${name}`, checksum: { kind: "git", value: gitHash(bytes) } };
}

function setOf(files: readonly DatasetFile[]): Dataset {
  return { name: "a", title: "A", licence: "MIT", home: "https://example.com", files };
}

function download(dataset: Dataset, target: string, options: object = {}) {
  const { signal } = new AbortController();
  const pause = async () => {};
  return downloadDataset(dataset, target, { signal, pause, mirror: server.url, ...options });
}

/** Three parts, each behind a redirect. */
function serveParts(path: string, archive: Uint8Array): { path: string; bytes: Uint8Array }[] {
  const third = Math.ceil(archive.length / 3);
  return ["aa", "ab", "ac"].map((part, i) => {
    const bytes = archive.subarray(i * third, (i + 1) * third);
    server.redirects.set(`${path}${part}`, `${server.url}/storage/${i + 1}`);
    server.files.set(`/storage/${i + 1}`, bytes);
    return { path: `${path}${part}`, bytes };
  });
}

async function archiveOf(files: Readonly<Record<string, Uint8Array>>): Promise<Buffer> {
  const entries = Object.entries(files).map(([name, body]) => ({
    header: { name, size: body.length, type: "file" as const },
    body,
  }));
  const folderEntry = { header: { name: "sub/", size: 0, type: "directory" as const } };
  return gzipSync(await packTar([folderEntry, ...entries]));
}

function gitHash(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
