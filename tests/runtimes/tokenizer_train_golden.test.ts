import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const root = new URL("../../", import.meta.url);

test.each([
  ["node", []],
  ["deno", ["run", "-A"]],
  ["bun", []],
])("%s trains every golden vocabulary token for token", async (runtime, flags) => {
  const program = fileURLToPath(new URL(`node_modules/.bin/${runtime}`, root));
  const { stdout } = await promisify(execFile)(
    program,
    [...flags, fileURLToPath(new URL("tokenizer_train_golden.ts", import.meta.url))],
    { cwd: fileURLToPath(root) },
  );
  const results = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { file: string; tokens: number; mismatches: number });
  expect(results.map(({ tokens, mismatches }) => [tokens, mismatches])).toEqual([
    [5000, 0],
    [30_000, 0],
    [5000, 0],
    [30_000, 0],
    [8000, 0],
    [14_582, 0],
  ]);
});
