/**
 * The notebooks of `examples/notebooks` run from the first cell to the last, with the packages and the command line of this
 * repository, and with small data in the cell of their parameters.
 */
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { goldenBert, goldenBertPaths } from "../golden/bert.ts";

const root = join(import.meta.dirname, "../..");
const notebooks = join(root, "examples/notebooks");
const work = mkdtempSync(join(tmpdir(), "kcbert-notebooks-"));
const cli = JSON.stringify([
  process.execPath,
  "--conditions=@kcbert/source",
  join(root, "apps/cli/src/main.ts"),
]);

beforeAll(() => {
  const rows = gunzipSync(readFileSync(join(root, "examples/data/reviews.sample.tsv.gz")))
    .toString()
    .split("\n")
    .slice(0, 3000);
  writeFileSync(join(work, "reviews.tsv"), `${rows.join("\n")}\n`);
  mkdirSync(join(work, "data/nsmc"), { recursive: true });
  const labelled = (row: string, i: number) => {
    const [, rating, text] = row.split("\t");
    return `${i}\t${text}\t${Number(rating) > 5 ? 1 : 0}\n`;
  };
  const write = (name: string, some: string[]) =>
    writeFileSync(join(work, "data/nsmc", name), `id\tdocument\tlabel\n${some.map(labelled).join("")}`);
  write("ratings_train.txt", rows.slice(0, 64));
  write("ratings_test.txt", rows.slice(64, 96));
  mkdirSync(join(work, "golden"));
  for (const name of goldenBertPaths("mlm/model/"))
    writeFileSync(join(work, "golden", basename(name)), goldenBert(name));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

describe.each(readdirSync(notebooks).filter((name) => name.endsWith(".ipynb")))("%s", (name) => {
  const notebook = read(name);

  test("is a notebook for Deno, without results", () => {
    expect(notebook).toMatchObject({ nbformat: 4, metadata: { kernelspec: { name: "deno" } } });
    expect(notebook.cells.filter(({ metadata }) => metadata.tags?.includes("parameters")).length).toBe(1);
    expect(new Set(notebook.cells.map(({ id }) => id)).size).toBe(notebook.cells.length);
    for (const { outputs, execution_count } of notebook.cells.filter((cell) => cell.cell_type === "code")) {
      expect({ outputs, execution_count }).toEqual({ outputs: [], execution_count: null });
    }
    const text = notebook.cells.map(({ source }) => source.join("")).join("\n");
    expect(text).toContain("@inproceedings{lee2020kcbert,");
  });
});

test("pretrain.ipynb, then nsmc.ipynb with the model that it made", () => {
  const trained = run("pretrain.ipynb", {
    cli,
    comments: '["reviews.tsv"]',
    datasets: "[]",
    columns: '["--text-column", "3"]',
    vocabulary: '["--vocab-size", "600", "--limit-alphabet", "250"]',
    recipe: '["--layers=1", "--hidden=32", "--heads=2", "--steps=4", "--batch-size=4", "--held-out=50"]',
    plugin: "undefined",
  });
  expect(trained).toMatch(/Prepared 3,000 lines/);
  expect(trained).toMatch(/Trained 4 steps: held-out loss \d/);
  expect(trained.match(/<svg /g)!.length).toBe(2);
  expect(trained).toContain("이 영화 정말 [MASK]\n");
  expect(existsSync(join(work, "model/report.html"))).toBe(true);

  const scored = run("nsmc.ipynb", {
    cli,
    runs: '[{ name: "base", model: "model", preset: "small" }, { name: "large", model: "model", preset: "small" }]',
    downloads: "[]",
    datasets: "[]",
    data: '"data"',
    settings: '["--epochs", "1", "--max-length", "16"]',
  });
  expect(scored).toMatch(/\| .*NSMC/i);
  expect(scored).toMatch(/"text":"정말 재밌게 봤어요!!"/);
  expect(existsSync(join(work, "nsmc-large/results.json"))).toBe(true);
}, 240_000);

test("from_python.ipynb, with the golden model", () => {
  cpSync(join(work, "golden"), join(work, "kcbert-base"), { recursive: true });
  expect(run("from_python.ipynb", {})).toMatch(/sequence.*\n.*오늘은 날씨가/s);
});

// --- internal ---

interface Notebook {
  readonly nbformat: number;
  readonly metadata: { readonly kernelspec: { readonly name: string } };
  readonly cells: readonly {
    readonly cell_type: string;
    readonly id: string;
    readonly metadata: { readonly tags?: readonly string[] };
    readonly source: readonly string[];
    readonly outputs?: readonly unknown[];
    readonly execution_count?: number | null;
  }[];
}

function read(name: string): Notebook {
  return JSON.parse(readFileSync(join(notebooks, name), "utf8")) as Notebook;
}

/** Run all cells, one after the other, with other parameters; what they print and show. */
function run(name: string, parameters: Readonly<Record<string, string>>): string {
  const cells = read(name)
    .cells.filter(({ cell_type }) => cell_type === "code")
    .map(({ source, metadata }) => {
      const code = source.join("");
      return metadata.tags?.includes("parameters") ? withParameters(code, parameters) : code;
    });
  const code = cells
    .join("\n")
    .replaceAll(/"npm:@kcbert\//g, '"@kcbert/') // the packages of this repository
    .replaceAll("Deno.jupyter.", "shown."); // which is there in a notebook alone
  const shown =
    "const show = (_: TemplateStringsArray, value: string) => console.log(value);\nconst shown = { svg: show, md: show };\n";
  // beside the repository's packages, so that their names are known
  const script = join(root, "tests/examples", `.${name}-${process.pid}.ts`);
  writeFileSync(script, shown + code);
  try {
    const deno = join(root, "node_modules/.bin/deno");
    return execFileSync(deno, ["run", "-A", "--no-check", "--conditions=@kcbert/source", script], {
      cwd: work,
      encoding: "utf8",
      env: { ...process.env, LC_ALL: "C", NO_COLOR: "1" },
    });
  } finally {
    rmSync(script, { force: true });
  }
}

/** Every parameter that is given must be there, with nothing else. */
function withParameters(code: string, parameters: Readonly<Record<string, string>>): string {
  let changed = code;
  for (const [name, value] of Object.entries(parameters)) {
    const declaration = new RegExp(`^(const ${name}\\b[^=]*= )[^;]*;`, "m");
    expect(code, name).toMatch(declaration);
    changed = changed.replace(declaration, (_, start: string) => `${start}${value};`);
  }
  return changed;
}
