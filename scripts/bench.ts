/**
 * `npm run bench -- NAME …` measures: it installs the peers of `bench/package.json` once, then runs `bench/NAME.ts`,
 * each in a process of its own. Without a name it lists what there is.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

const bench = join(import.meta.dirname, "..", "bench");
const names = readdirSync(bench)
  .filter((file) => file.endsWith(".ts") && !file.startsWith("_"))
  .map((file) => file.slice(0, -".ts".length));

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !names.includes(name));
if (wanted.length === 0 || unknown.length > 0) {
  if (unknown.length > 0) console.error(`There is no benchmark ${unknown.join(", ")}`);
  console.error(`Usage: npm run bench -- NAME …\nNames: ${names.join(", ")}`);
  process.exit(2);
}

if (!existsSync(join(bench, "node_modules"))) {
  console.error("Installing the peers that the benchmarks compare with (once) …");
  run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"], {
    ONNXRUNTIME_NODE_INSTALL: "skip",
  });
}
for (const name of wanted)
  run(process.execPath, ["--conditions=@kcbert/source", "--expose-gc", `${name}.ts`]);

// --- internal ---

function run(program: string, args: string[], env: Record<string, string> = {}): void {
  const { status } = spawnSync(program, args, {
    cwd: bench,
    stdio: "inherit",
    env: { ...process.env, ...env },
  });
  if (status !== 0) process.exit(status ?? 1);
}
