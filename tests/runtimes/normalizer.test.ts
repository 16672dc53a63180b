/** The golden vectors of the normalizer under Deno and Bun; under Node they stand beside the source. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const script = "tests/runtimes/normalizer_golden.ts";
const condition = "--conditions=@kcbert/source";

test.each([
  ["node", [condition, script]],
  ["deno", ["run", "-A", "--quiet", condition, script]],
  ["bun", [condition, script]],
])("clean() passes every golden vector under %s", (program, args) => {
  const output = execFileSync(join(root, "node_modules/.bin", program), args, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" },
  });
  expect(
    output
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toEqual([
    { file: "clean.jsonl.gz", records: 39_785, mismatches: 0 },
    { file: "clean-variants.jsonl.gz", records: 2_956, mismatches: 0 },
    { file: "filter.json.gz", records: 3_538, mismatches: 0 },
  ]);
});
