/**
 * Every example runs, prints what its comments say, and stands in both READMEs as it is.
 *
 * In an example, `console.log(…); // text` promises that exactly `text` is printed; a comment that begins with `e.g.`
 * promises only that something is.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const files = readdirSync(join(root, "examples")).filter((file) => file.endsWith(".ts"));

describe.each(files)("examples/%s", (file) => {
  const source = readFileSync(join(root, "examples", file), "utf8");

  test("prints what its comments say", () => {
    const node = join(root, "node_modules/.bin/node");
    const args = ["--conditions=@kcbert/source", join("examples", file)];
    const printed = execFileSync(node, args, { cwd: root, encoding: "utf8" }).trimEnd().split("\n");
    const promised = [...source.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map((match) => match[1]!);
    expect(promised.length, "an example says what it prints").toBeGreaterThan(0);
    expect(printed.length).toBe(promised.length);
    for (const [index, text] of promised.entries()) {
      if (!text.startsWith("e.g.")) expect(printed[index]).toBe(text);
    }
  });

  test.each(["README.md", "README.ko.md"])("stands in %s", (readme) => {
    expect(readFileSync(join(root, readme), "utf8")).toContain(`\`\`\`ts\n${source}\`\`\``);
  });
});
