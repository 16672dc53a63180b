/**
 * The command line as its users get it: packed, installed from the tarballs in an empty folder, called with npx, and run under
 * Node, Deno and Bun.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const bin = join(root, "node_modules/.bin");
const work = mkdtempSync(join(tmpdir(), "kcbert-pack-cli-"));
const folder = join(work, "user");
const comments = Array.from({ length: 300 }, (_, i) => `이 영화 정말 재밌어요 ${i % 250}번 봤어요`);
const vocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n이\n영화\n정말\n재밌\n##어요\n";

beforeAll(() => {
  execFileSync(join(bin, "turbo"), ["run", "build", "--output-logs=errors-only"], {
    cwd: root,
    stdio: "pipe",
  });
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true }));
  const own = Object.keys(dependencies("apps/cli")).filter((name) => name.startsWith("@kcbert/"));
  const packages = withTheirs(own.map((name) => `packages/${name.slice("@kcbert/".length)}`));
  const tarballs = ["apps/cli", ...packages].map((path) => {
    const [packed] = JSON.parse(
      run("npm", ["pack", "--json", "--pack-destination", work], join(root, path)),
    ) as [{ filename: string }];
    return join(work, packed.filename);
  });
  run(
    "npm",
    ["install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", ...tarballs],
    folder,
  );
  writeFileSync(join(folder, "comments.txt"), comments.join("\n"));
  writeFileSync(join(folder, "vocab.txt"), vocab);
  const rows = comments.map((comment, i) => `${comment}\t${i % 2 === 0 ? "a" : "b"}`);
  writeFileSync(join(folder, "train.tsv"), ["text\tlabel", ...rows].join("\n"));
}, 300_000);

afterAll(() => rmSync(work, { recursive: true, force: true }));

test("the tarball holds what is run, and no tests", () => {
  const files = readdirSync(join(folder, "node_modules/kcbert-cli"), { recursive: true, encoding: "utf8" });
  expect(files).toEqual(
    expect.arrayContaining(["LICENSE", "README.md", "dist/main.js", "dist/corpus/clean_worker.js"]),
  );
  expect(files.filter((file) => /\.test\.|tsbuildinfo|test\//.test(file))).toEqual([]);
});

test("npx runs it", () => {
  const { version } = JSON.parse(readFileSync(join(root, "apps/cli/package.json"), "utf8")) as {
    version: string;
  };
  expect(run("npx", ["--no-install", "kcbert-cli", "--version"], folder)).toBe(`${version}\n`);
  const tokens = run(
    "npx",
    ["--no-install", "kcbert-cli", "tokenize", "-t", "vocab.txt", "영화 재밌어요"],
    folder,
  );
  expect(tokens).toBe("[CLS] 영화 재밌 ##어요 [SEP]\n");
});

const RUNTIMES: [string, string[]][] = [
  ["node", [join(bin, "node")]],
  ["deno", [join(bin, "deno"), "run", "--allow-all", "--no-lock", "--node-modules-dir=manual"]],
  ["bun", [join(bin, "bun")]],
];

test.each(RUNTIMES)("a corpus is made under %s, in threads and with DuckDB", (name, [host, ...before]) => {
  const args = [
    "corpus",
    "comments.txt",
    "-t",
    "vocab.txt",
    "-o",
    name,
    "--shards=2",
    "--threads=2",
    "--json",
  ];
  const report = JSON.parse(
    run(host!, [...before, "node_modules/kcbert-cli/dist/main.js", ...args], folder),
  ) as object;
  expect(report).toMatchObject({ lines: { read: 300, kept: 250, repeated: 50 }, shards: 2 });
});

test.each(RUNTIMES)("a model is pretrained and fine-tuned under %s", (name, [host, ...before]) => {
  const call = (words: string): string =>
    run(host!, [...before, "node_modules/kcbert-cli/dist/main.js", ...words.split(" ")], folder);
  const size = "--layers 1 --hidden 16 --heads 2 --max-length 16 --steps 2";
  call(`pretrain --corpus comments.txt -t vocab.txt -o ${name}-model ${size} -q`);
  call(`finetune custom -m ${name}-model --train train.tsv --test train.tsv -o ${name}-tuned --epochs 1 -q`);
  const scored = call(`evaluate custom -m ${name}-tuned --file train.tsv --json`);
  const results = JSON.parse(readFileSync(join(folder, `${name}-tuned`, "results.json"), "utf8")) as {
    selection: { last: { test: object } };
  };
  expect(JSON.parse(scored)).toMatchObject({ examples: 300, scores: results.selection.last.test });
});

test("without DuckDB, its absence and the remedy are told", () => {
  rmSync(join(folder, "node_modules/@duckdb"), { recursive: true });
  const main = join(folder, "node_modules/kcbert-cli/dist/main.js");
  const { status, stderr } = spawnSync(join(bin, "node"), [main, "corpus", "comments.txt", "-o", "none"], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, NODE_OPTIONS: "", LC_ALL: "C" },
  });
  expect(stderr).toMatch(
    /^kcbert-cli: Cannot use DuckDB, which this needs: .*; install it with npm install @duckdb\/node-api@\d[^\n]*\n$/,
  );
  expect(status).toBe(1);
  const cleaned = run(join(bin, "node"), [main, "clean", "comments.txt", "-q"], folder);
  expect(cleaned.split("\n")[0]).toBe(comments[0]);
});

// --- internal ---

function dependencies(path: string): Record<string, string> {
  const manifest = JSON.parse(readFileSync(join(root, path, "package.json"), "utf8")) as {
    dependencies?: Record<string, string>;
  };
  return manifest.dependencies ?? {};
}

/** Packages of this repository, and those that they need. */
function withTheirs(paths: readonly string[]): string[] {
  const all = new Set(paths);
  for (const path of all) {
    for (const name of Object.keys(dependencies(path))) {
      if (name.startsWith("@kcbert/")) all.add(`packages/${name.slice("@kcbert/".length)}`);
    }
  }
  return [...all];
}

function run(program: string, args: readonly string[], cwd: string): string {
  return execFileSync(program, args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_OPTIONS: "", LC_ALL: "C" },
  });
}
