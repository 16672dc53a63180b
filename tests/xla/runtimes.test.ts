/** XLA's CPU plugin under Node, Deno and Bun: it computes, and a process that ends while it is at work ends in order. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { cpuPluginPath } from "./cpu_plugin.ts";

const root = join(import.meta.dirname, "../..");
const bin = (name: string) => join(root, "node_modules/.bin", name);
const path = cpuPluginPath();

const RUNTIMES = {
  Node: [bin("node")],
  Deno: [bin("deno"), "run", "--allow-all"],
  Bun: [bin("bun")],
};

describe.skipIf(path === undefined).each(Object.entries(RUNTIMES))("%s", (_, [program, ...args]) => {
  test.each([
    ["itself", 0],
    ["exit", 0],
    ["throw", 1],
  ])("a program runs, and the process ends by %s", async (ending, status) => {
    const script = join(import.meta.dirname, "double.ts");
    const { code, stdout, stderr } = await run(program!, [
      ...args,
      "--conditions=@kcbert/source",
      script,
      path!,
      ending,
    ]);
    expect(stdout).toBe("8 16 cpu PjrtError\n");
    expect({ code, signal: /signal|fault/i.test(stderr) }).toEqual({ code: status, signal: false });
  });
});

// --- internal ---

function run(
  program: string,
  args: string[],
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(program, args, (_, stdout, stderr) => {
      resolve({ code: child.exitCode, stdout, stderr });
    });
  });
}
