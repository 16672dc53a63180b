import { cp, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { folderPage } from "../entries/_node_page.ts";
import { defaultLimits } from "../limits.ts";
import { openApiDocument } from "../openapi.ts";
import { type ManifestFile, type ManifestModel, sha256 } from "./bundled_models.ts";
import { bundle, kernelsBinary } from "./esbuild_bundle.ts";
import { slimTfjsBinary } from "./slim_binary.ts";

/** Bytes of a part of a file: static assets of Cloudflare Workers take 25 MiB. */
const partBytes = 24 * 1024 * 1024;

/** A folder to deploy a model of. */
export interface DeployedModel {
  /** The name it is served under. */
  readonly id: string;
  /** Its folder, in Hugging Face's layout. */
  readonly folder: string;
  /** A folder with its tokenizer, where it has none of its own. */
  readonly shared?: string;
}

/**
 * Write all that a platform needs into a folder: `app.js`, an entry a runtime, the WebAssembly, and under `assets/` the models
 * with their hashes, the page and the OpenAPI document.
 */
export async function writeBundle(out: string, models: readonly DeployedModel[]): Promise<void> {
  await rm(out, { recursive: true, force: true });
  await mkdir(join(out, "assets", "page"), { recursive: true });
  await writeCode(out);
  const listener = new URL("../entries/bundled/listener.ts", import.meta.url);
  await writeFile(
    join(out, "listener.js"),
    await bundle({ entry: listener, takesModules: false, platform: "node" }),
  );
  for (const name of ["worker.mjs", "deno.mjs", "bun.mjs", "node.mjs", "wrangler.jsonc", "Dockerfile"]) {
    await cp(new URL(`../entries/bundled/${name}`, import.meta.url), join(out, name));
  }
  await writeFile(join(out, "package.json"), '{ "private": true, "type": "module" }\n'); // else Node guesses what app.js is
  await writeFile(join(out, "deno.json"), '{ "tasks": { "start": "deno run -A deno.mjs" } }\n');
  await writePage(join(out, "assets"));
  const document = openApiDocument(defaultLimits, false);
  await writeFile(join(out, "assets", "openapi.json"), JSON.stringify(document));
  const manifest: ManifestModel[] = [];
  const written = new Map<string, ManifestFile>();
  for (const model of models) manifest.push(await writeModel(join(out, "assets"), model, written));
  await writeFile(join(out, "assets", "models.json"), JSON.stringify({ models: manifest }));
}

// --- internal ---

/** The app, its binaries, and what Workers import them through. */
async function writeCode(out: string): Promise<void> {
  const entry = new URL("../entries/bundled/app.ts", import.meta.url);
  const kernels = kernelsBinary();
  await writeFile(join(out, "app.js"), await bundle({ entry, takesModules: kernels !== undefined }));
  await writeFile(join(out, "tfjs.wasm"), await slimTfjsBinary());
  if (kernels !== undefined) await cp(kernels, join(out, "kernels.wasm"));
  const both = `import tfjs from "./tfjs.wasm";\nimport kernels from "./kernels.wasm";\nexport { kernels, tfjs };\n`;
  const one = `import tfjs from "./tfjs.wasm";\nexport { tfjs };\nexport const kernels = undefined;\n`;
  await writeFile(join(out, "wasm.js"), kernels === undefined ? one : both);
}

async function writePage(assets: string): Promise<void> {
  const folder = new URL("../page/", import.meta.url);
  const page = folderPage(folder);
  for (const name of await readdir(fileURLToPath(folder))) {
    if (/\.(?:test|d)\.ts$|\.map$/.test(name)) continue;
    const served = name.replace(/\.ts$/, ".js");
    const file = await page(served);
    if (file !== undefined) await writeFile(join(assets, "page", served), file.body);
  }
  await cp(join(assets, "..", "tfjs.wasm"), join(assets, "page", "tfjs.wasm")); // for the models that the browser runs
}

/** @param written The files so far by where they come from: what two models share is deployed once. */
async function writeModel(
  assets: string,
  { id, folder, shared }: DeployedModel,
  written: Map<string, ManifestFile>,
): Promise<ManifestModel> {
  const files: Record<string, ManifestFile> = {};
  const sharesWeights = !(await readdir(folder)).some((name) => /^model.*\.safetensors$/.test(name));
  for (const from of shared === undefined || shared === folder ? [folder] : [shared, folder]) {
    for (const name of await readdir(from)) {
      const isTokenizer = /^(?:tokenizer\.json|vocab\.txt|tokenizer_config\.json)$/.test(name);
      const isWeights = /^model.*\.(?:safetensors|json)$/.test(name) && (from === folder || sharesWeights);
      const isOwn = from === folder && /^(?:config\.json|overlay.*\.safetensors)$/.test(name);
      if (!isTokenizer && !isWeights && !isOwn) continue;
      const path = join(from, name);
      const file = written.get(path) ?? (await writeParts(assets, `models/${id}/${name}`, path));
      written.set(path, file);
      files[name] = file;
    }
  }
  const hashes = Object.values(files).map(({ sha256 }) => sha256);
  const revision = (await sha256(new TextEncoder().encode(hashes.join()))).slice(0, 16);
  return { id, revision, files };
}

async function writeParts(assets: string, path: string, from: string): Promise<ManifestFile> {
  const bytes = await readFile(from);
  await mkdir(dirname(join(assets, path)), { recursive: true });
  const parts: string[] = [];
  for (let start = 0; start < bytes.length || start === 0; start += partBytes) {
    const part = bytes.length <= partBytes ? path : `${path}.${parts.length}`;
    await writeFile(join(assets, part), bytes.subarray(start, start + partBytes));
    parts.push(part);
  }
  return { size: bytes.length, sha256: await sha256(bytes), parts };
}
