import { readFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { extname } from "node:path";
import type { PageFile, PageSource } from "../routes/page.ts";

/**
 * The page's files as they lie beside the app: built modules, or in the repository their TypeScript sources, of which
 * only the types are taken off.
 */
export function folderPage(folder: URL): PageSource {
  const files = new Map<string, Promise<PageFile | undefined>>();
  return (name) => {
    let file = files.get(name);
    if (file === undefined) files.set(name, (file = read(folder, name)));
    return file;
  };
}

// --- internal ---

const types: Record<string, string> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".ts": "text/javascript; charset=utf-8",
  ".wasm": "application/wasm",
};

/** The worker that runs models in the browser: in the repository it is bundled when it is first asked for. */
const localServer = "local_server";

async function read(folder: URL, name: string): Promise<PageFile | undefined> {
  const type = types[extname(name)];
  if (type === undefined) return undefined;
  if (name === "tfjs.wasm") {
    const { tfjsBinary } = await import("../bundling/esbuild_bundle.ts");
    return { type, body: new Uint8Array(await readFile(tfjsBinary())) };
  }
  if (name === `${localServer}.ts`) {
    const { bundle } = await import("../bundling/esbuild_bundle.ts");
    return { type, body: await bundle({ entry: new URL(name, folder), takesModules: false }) };
  }
  const text = await readText(new URL(name, folder));
  if (text !== undefined) return { type, body: name.endsWith(".ts") ? stripTypes(text) : text };
  if (!name.endsWith(".js")) return undefined;
  return read(folder, name.replace(/\.js$/, ".ts")); // the repository holds the source
}

async function readText(url: URL): Promise<string | undefined> {
  try {
    return await readFile(url, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Take the types off, without the note that the function is experimental: it would be the first thing a user reads. */
function stripTypes(source: string): string {
  // oxlint-disable-next-line typescript/unbound-method -- put back where it was
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(source);
  } finally {
    process.emitWarning = emitWarning;
  }
}
