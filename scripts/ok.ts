/**
 * The gate: everything that must hold before a change lands, each step once, in the order in which a mistake is
 * cheapest to find. `npm run ok` runs it all; `npm run ok -- lint types` runs the named steps.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";

const root = join(import.meta.dirname, "..");
const packages = readdirSync(join(root, "packages")).sort();
const report = join(mkdtempSync(join(tmpdir(), "kcbert-ok-")), "tests.json");

/** What the doc lint may complain of: tensors are public, but in a package that is not linted here. */
const tfjsTypes =
  /^error(: Found \d+ documentation|\[private-type-ref\].* '(Tensor[1-4D]*|Scalar|Variable)'$)/;

/** A step is a list of commands; the first that fails ends the gate. */
const steps: Record<string, string[][]> = {
  format: [["oxfmt", "--check"]],
  build: [["turbo", "run", "build", "--output-logs=errors-only"]], // the lint reads the declarations
  lint: [["oxlint", "--deny-warnings"]],
  types: [["tsc", "-p", "tsconfig.json"]],
  boundaries: [["turbo", "boundaries"]],
  "dead-code": [["knip"]],
  "doc-lint": [["deno", "doc", "--lint", ...packages.flatMap(entries)]], // see `tfjsTypes`
  "doc-examples": [["deno", "test", "--doc", "--allow-all", "--quiet", ...packages.flatMap(sources)]],
  tests: [["npm", "test", "--", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`]],
  packages: [
    ...packages.map((name) => ["publint", "--strict", `packages/${name}`]),
    ...packages.map((name) => [
      "attw",
      "--profile",
      "esm-only",
      "--pack",
      `packages/${name}`,
      ...noModules(name),
    ]),
  ],
  jsr: [["deno", "publish", "--dry-run", "--allow-dirty", "--quiet"]],
  sizes: [["size-limit"]],
};

const named = process.argv.slice(2);
const unknown = named.find((name) => !(name in steps));
if (unknown !== undefined) {
  console.error(`There is no step ${unknown}: the steps are ${Object.keys(steps).join(", ")}`);
  process.exit(2);
}

for (const [name, commands] of Object.entries(steps)) {
  if (named.length > 0 && !named.includes(name)) continue;
  const start = performance.now();
  for (const command of commands) run(name, command);
  console.log(`✓ ${name.padEnd(13)} ${((performance.now() - start) / 1000).toFixed(1).padStart(6)} s`);
}
if (named.length === 0) console.log(closingLine());
rmSync(join(report, ".."), { recursive: true, force: true });

// --- internal ---

/** The entry files that a package's `deno.json` exports. */
function entries(name: string): string[] {
  const { exports } = JSON.parse(readFileSync(join(root, "packages", name, "deno.json"), "utf8"));
  return Object.values<string>(exports).map((file) => `packages/${name}/${file.slice(2)}`);
}

/** What a package exports that is no module, and has no types. */
function noModules(name: string): string[] {
  const { exports } = JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8"));
  const binaries = Object.keys(exports).filter((path) => path.endsWith(".wasm"));
  return binaries.length === 0 ? [] : ["--exclude-entrypoints", ...binaries.map((path) => path.slice(2))];
}

/** The source files of a package whose doc comments hold examples. */
function sources(name: string): string[] {
  return readdirSync(join(root, "packages", name, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .map((file) => `packages/${name}/src/${file}`);
}

/** Run one command from `node_modules/.bin`; the tests speak for themselves, other steps only when they fail. */
function run(step: string, command: string[]): void {
  const [program = "", ...args] = command;
  const speaks = step === "tests";
  const result = spawnSync(program, args, {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    stdio: speaks ? "inherit" : "pipe",
    env: {
      ...process.env,
      PATH: `${join(root, "node_modules", ".bin")}:${process.env["PATH"]}`,
      TURBO_TELEMETRY_DISABLED: "1",
      DENO_NO_UPDATE_CHECK: "1",
    },
  });
  if (result.status === 0) return;
  if (step === "doc-lint") {
    const errors = stripVTControlCharacters(result.stderr).match(/^error.*/gm) ?? [];
    if (errors.length > 0 && errors.every((error) => tfjsTypes.test(error))) return;
  }
  console.error(`✗ ${step}: ${command.join(" ").slice(0, 200)}`);
  if (!speaks) console.error(`${result.error?.message ?? ""}${result.stdout ?? ""}${result.stderr ?? ""}`);
  process.exit(1);
}

/** What the tests counted, as one line. */
function closingLine(): string {
  const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, "utf8"));
  return `${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped`;
}
