import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCli, temporaryFolder } from "../test/run_cli.ts";

const folder = temporaryFolder();

function config(content: unknown): string {
  const path = join(folder, "config.json");
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

/** What `clean` would do. */
async function checked(...words: string[]): Promise<unknown> {
  const { stdout, stderr } = await runCli(["clean", "--dry-run", ...words]);
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

test("flags come from a file, in any spelling, and the command line wins", async () => {
  const path = config({
    files: ["a.txt", "b.txt"],
    minLength: 10,
    min_run: "3",
    dedupe: true,
    quiet: false,
    output: null,
  });
  expect(await runCli(["clean", "--config", path, "--dry-run"])).toMatchObject({ code: 2 });
  const good = config({
    files: ["a.txt", "b.txt"],
    minLength: 10,
    min_run: "3",
    dedupe: true,
    output: "c.txt",
  });
  const wanted = {
    files: ["a.txt", "b.txt"],
    output: "c.txt",
    variant: "2021",
    minRun: "3",
    minLength: "10",
    dedupe: true,
  };
  expect(await checked("--config", good)).toEqual(wanted);
  expect(await checked(`--config=${good}`, "d.txt", "-o", "e.txt", "--no-dedupe", "--min-length=3")).toEqual({
    files: "d.txt",
    output: "e.txt",
    variant: "2021",
    minRun: "3",
    minLength: "3",
  });
});

test("what --dry-run prints is such a file", async () => {
  const flags = ["a.txt", "b.txt", "--min-length=5", "--dedupe", "-q"];
  const printed = await checked(...flags);
  expect(await checked("--config", config(printed))).toEqual(printed);
});

test("a recipe within another file is taken for it", async () => {
  expect(await checked("--config", config({ format: "x", recipe: { files: "a.txt" } }))).toEqual({
    files: "a.txt",
    variant: "2021",
  });
});

test.each([
  [
    { minLenght: 3 },
    2,
    /^kcbert-cli: Unknown flag minLenght in .*config\.json: did you mean min-length\?\n$/,
  ],
  [{ dedupe: "yes" }, 2, /Cannot use dedupe of .*: it takes true or false, and it is "yes"\n$/],
  [{ output: { a: 1 } }, 2, /Cannot use output of .*: it takes a number or a text, and it is \{"a":1\}\n$/],
  [{ files: [true] }, 2, /Cannot use files of .*: it takes a number or a text, and it is true\n$/],
  ["[1]", 1, /Cannot read .* as it must hold a JSON object/],
  ["{", 1, /Cannot read .* as it is not JSON: /],
])("%j is refused", async (content, code, message) => {
  const result = await runCli(["clean", "--config", config(content)]);
  expect(result).toMatchObject({ code, stdout: "" });
  expect(result.stderr).toMatch(message);
});

test("a missing file is named", async () => {
  const { stderr } = await runCli(["clean", "--config", join(folder, "missing.json")]);
  expect(stderr).toMatch(/^kcbert-cli: Cannot read .*missing\.json: there is no such file or directory\n$/);
  expect((await runCli(["clean", "--config"])).stderr).toMatch(/Cannot use --config without a value/);
});
