/**
 * Each package as its users get it: packed, installed alone in an empty folder, imported under Node, Deno and Bun, and
 * one named import bundled, to see that the rest stays out.
 */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const bin = join(root, "node_modules/.bin");
const work = mkdtempSync(join(tmpdir(), "kcbert-pack-"));
const names = readdirSync(join(root, "packages")).toSorted();
const tarballs = new Map<string, string>();
const sizes = new Map<string, number>();

beforeAll(() => {
  execFileSync(join(bin, "turbo"), ["run", "build", "--output-logs=errors-only"], {
    cwd: root,
    stdio: "pipe",
  });
  for (const name of names) {
    const [packed] = JSON.parse(
      run("npm", ["pack", "--json", "--pack-destination", work], join(root, "packages", name)),
    );
    tarballs.set(name, join(work, packed.filename));
    sizes.set(name, packed.size);
  }
}, 120_000);

afterAll(() => rmSync(work, { recursive: true, force: true }));

describe.each(names)("@kcbert/%s", (name) => {
  const manifest = readManifest(name);
  const folder = join(work, `only-${name}`);
  const installed = join(folder, "node_modules", manifest.name);

  beforeAll(() => {
    mkdirSync(folder);
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
    const needed = [name, ...siblings(name)].map((each) => tarballs.get(each)!);
    run(
      "npm",
      [
        "install",
        "--prefer-offline",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        ...needed,
        ...peers(manifest),
      ],
      folder,
    );
  }, 180_000);

  test("the tarball holds what it should and nothing else", () => {
    const files = readdirSync(installed, { recursive: true, encoding: "utf8" });
    expect(files).toEqual(expect.arrayContaining(["LICENSE", "README.md", "package.json", "dist", "src"]));
    expect(files.filter((file) => /\.test\.|golden|tsbuildinfo|node_modules/.test(file))).toEqual([]);
  });

  test("the tarball is no larger than a package of its kind may be", () => {
    expect(sizes.get(name)!).toBeLessThan(MOST_BYTES[name] ?? 1e6);
  });

  test("every condition of every export leads to a file", () => {
    for (const [subpath, target] of Object.entries(manifest.exports)) {
      const paths = typeof target === "string" ? [target] : Object.values(target);
      for (const path of paths) expect(existsSync(join(installed, path)), `${subpath} → ${path}`).toBe(true);
    }
  });

  test("imports under Node, Deno and Bun", async () => {
    const expected = Object.keys(await import(manifest.name))
      .toSorted()
      .join();
    const script = `import * as all from "${manifest.name}"; console.log(Object.keys(all).sort().join())`;
    writeFileSync(join(folder, "import.mjs"), script);
    const hosts: [string, string[]][] = [
      [join(bin, "node"), []],
      [join(bin, "deno"), ["run", "--allow-all", "--no-lock", "--node-modules-dir=manual"]],
      [join(bin, "bun"), []],
    ];
    for (const [host, args] of hosts) {
      expect(run(host, [...args, "import.mjs"], folder).trim(), host).toBe(expected);
    }
    const pure = manifest.engines.node === ">=20";
    const host = hostNode();
    if (pure && host !== undefined) expect(run(host, ["import.mjs"], folder).trim(), host).toBe(expected);
  });

  const budgets = readBudgets().filter((budget) => budget.path.startsWith(`packages/${name}/`));
  test.each(budgets)(
    "the bundle of $name is small and leaves the rest out",
    async ({ name: budget, import: what, path, limit, ignore = [] }) => {
      const subpath = path.endsWith("/mod.js") ? "" : `/${path.split("/").at(-1)!.replace(".js", "")}`;
      const name = what === "*" ? "* as all" : what;
      const { outputFiles } = await build({
        stdin: {
          contents: `import ${name} from "${manifest.name}${subpath}"; console.log(${name.replace(/[{}]|\* as /g, "")});`,
          resolveDir: folder,
        },
        bundle: true,
        minify: true,
        format: "esm",
        write: false,
        external: ignore,
        logLevel: "silent",
      });
      const code = outputFiles[0]!.text;
      for (const text of ABSENT[budget] ?? [])
        expect(code, `the bundle of ${what} holds ${text}`).not.toContain(text);
      expect(gzipSync(code, { level: 9 }).length).toBeLessThanOrEqual(Number.parseFloat(limit) * 1000);
    },
  );
});

// --- internal ---

interface Manifest {
  name: string;
  engines: { node: string };
  exports: Record<string, string | Record<string, string>>;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

/** Bytes of the tarballs of models. */
const MOST_BYTES: Record<string, number> = { "model-mini": 12e6, "model-mini-heads": 4.5e6 };

/** Texts of a package that tree-shaking must have removed from the bundle of a budget. */
const ABSENT: Record<string, string[]> = {
  "@kcbert/normalizer: { clean }": ["iterable or async iterable"],
  "@kcbert/tokenizer: { BertTokenizer }": ["limitAlphabet", "minFrequency"],
  "@kcbert/tokenizer: { trainWordPiece }": ["stride"],
};

/** One line of `.size-limit.json`. */
interface Budget {
  name: string;
  path: string;
  import: string;
  limit: string;
  ignore?: string[];
}

function run(program: string, args: string[], cwd: string): string {
  return execFileSync(program, args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_OPTIONS: "" },
  });
}

function readManifest(name: string): Manifest {
  return JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8"));
}

function readBudgets(): Budget[] {
  return JSON.parse(readFileSync(join(root, ".size-limit.json"), "utf8"));
}

/** The packages of this repository that a package needs, and those that they need. */
function siblings(name: string): string[] {
  const own = Object.keys(readManifest(name).dependencies ?? {})
    .filter((dependency) => dependency.startsWith("@kcbert/"))
    .map((dependency) => dependency.slice("@kcbert/".length));
  return [...new Set(own.flatMap((each) => [each, ...siblings(each)]))];
}

/** The peers that users install beside a package; optional ones stay out. */
function peers(manifest: Manifest): string[] {
  const all = new Map<string, string>();
  const add = ({ peerDependencies = {}, peerDependenciesMeta = {} }: Manifest): void => {
    for (const [peer, version] of Object.entries(peerDependencies)) {
      if (peerDependenciesMeta[peer]?.optional !== true) all.set(peer, version);
    }
  };
  add(manifest);
  for (const sibling of siblings(manifest.name.slice("@kcbert/".length))) add(readManifest(sibling));
  return [...all].map(([peer, version]) => `${peer}@${version}`);
}

/** The machine's own Node, when it is another than the one that the repository brings. */
function hostNode(): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((path) => !path.includes("node_modules"))
    .map((path) => join(path, "node"))
    .find((path) => existsSync(path));
}
