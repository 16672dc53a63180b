/**
 * Compiles `assembly/` twice, with relaxed SIMD and with plain SIMD, and writes each binary twice: as text that the sources
 * import, so that every runtime and bundler loads it without a file, and as a file, for Workers, which take modules from
 * their bundler.
 *
 * `node scripts/build_wasm.ts` after a change of `assembly/`; a test compares what is committed with a fresh build.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { main } from "assemblyscript/asc";

const root = join(import.meta.dirname, "..");

/** The builds: their names, and what sets them apart. */
export const BUILDS: ReadonlyMap<string, readonly string[]> = new Map([
  ["kernels-relaxed", ["--enable", "relaxed-simd"]],
  ["kernels-simd", []],
]);

/** The bytes of a build. */
export async function compile(name: string): Promise<Uint8Array> {
  let bytes: Uint8Array | undefined;
  const common = ["--runtime", "stub", "--importMemory", "--noExportMemory", "--enable", "simd"];
  const { error, stderr } = await main(
    ["index.ts", "-O3", "--converge", "--noAssert", ...common, ...BUILDS.get(name)!, "--outFile", "out.wasm"],
    {
      readFile: (file) => {
        const path = join(root, "assembly", file);
        return existsSync(path) ? decorated(readFileSync(path, "utf8")) : null;
      },
      writeFile: (file, contents) => {
        if (file.endsWith(".wasm")) bytes = contents as Uint8Array;
      },
    },
  );
  if (error || bytes === undefined)
    throw new Error(
      `Cannot compile ${name}: ${error?.message}\n${(stderr as { toString(): string }).toString()}`,
      { cause: error },
    );
  return bytes;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const name of BUILDS.keys()) {
    const bytes = await compile(name);
    writeFileSync(join(root, "src", `_${name.replace("-", "_")}.ts`), sourceOf(bytes));
    writeFileSync(join(root, "wasm", `${name}.wasm`), bytes);
  }
}

// --- internal ---

/** AssemblyScript's decorator, which stands in a comment, for only AssemblyScript can read one before a function. */
function decorated(source: string): string {
  return source.replaceAll("// @inline\n", "@inline\n");
}

/** The source file that carries a build. */
function sourceOf(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString("base64");
  return `/** Written by \`scripts/build_wasm.ts\` from \`assembly/\`: a WebAssembly module in base64. */
export const WASM: string =
  "${text}";
`;
}
