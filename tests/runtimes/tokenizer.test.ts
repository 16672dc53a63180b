/** Every golden record of the tokenizer, under Node, Deno and Bun. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { EXPECTED_LINES } from "./tokenizer_records.ts";

const root = join(import.meta.dirname, "../..");
const script = "tests/runtimes/tokenizer_golden.ts";
const condition = "--conditions=@kcbert/source";

test.each([
  ["node", [condition, script]],
  ["deno", ["run", "-A", "--quiet", condition, script]],
  ["bun", [condition, script]],
])("the tokenizer passes every golden record under %s", (program, args) => {
  const output = execFileSync(join(root, "node_modules/.bin", program), args, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" },
  });
  const lines = output
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines).toEqual(EXPECTED_LINES);
});
