/**
 * What the bundle is: the whole app as one file, for every runtime. An entry beside it answers three questions: where the
 * compiled WebAssembly is, where a file's bytes are, and how to serve.
 *
 * @module
 */
import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs-core";
import type { Hono } from "hono";
import { createApp, type AppEnv } from "../../app.ts";
import { bundledModels, type ReadFile } from "../../bundling/bundled_models.ts";
import { setWebPlatform } from "../../bundling/web_platform.ts";
import type { Limits } from "../../limits.ts";
import type { LogRecord } from "../../log.ts";
import type { PageFile } from "../../routes/page.ts";

/** What an entry brings along. */
export interface BundleParts {
  /** TensorFlow.js's binary, compiled, or being so. */
  readonly tfjs: WebAssembly.Module | Promise<WebAssembly.Module>;
  /** The binary of `@kcbert/kernels`, likewise, where it has one. */
  readonly kernels?: WebAssembly.Module | Promise<WebAssembly.Module | undefined> | undefined;
  /** Gives the files beside the bundle, by their path there: `models.json`, `models/…`, `page/…`. */
  readonly read: ReadFile;
  /** `KCBERT_API_KEYS`, `KCBERT_RATE`, `KCBERT_SHARE_MODELS`, `KCBERT_LOG`. */
  readonly env: Readonly<Record<string, unknown>>;
  /** Limits that differ from the usual ones: what the runtime has less of. */
  readonly limits?: Partial<Limits>;
  /** Names the client of a request, for `KCBERT_RATE`. */
  readonly clientOf?: (request: Request, env: unknown) => string | undefined;
  /** Whether requests may share batches; default true. */
  readonly mixesRequests?: boolean;
  /** Load the first model at once: where a process begins for many requests. Default false. */
  readonly preload?: boolean;
  /** Aborts when the server stops. */
  readonly shutdown?: AbortSignal;
}

/**
 * The app, of the models that lie beside the bundle.
 *
 * @throws {Error} If `models.json` is not there, or says nothing.
 */
export async function createServer(parts: BundleParts): Promise<Hono<AppEnv>> {
  const { read, env, clientOf } = parts;
  const setting = (name: string): string => (typeof env[name] === "string" ? (env[name] as string) : "");
  const rate = Number(setting("KCBERT_RATE") || Infinity);
  return createApp({
    models: await bundledModels(read),
    async backend() {
      setWebPlatform();
      const [tfjs, kernels] = await Promise.all([parts.tfjs, parts.kernels]);
      const binaries = kernels === undefined ? { tfjs } : { tfjs, kernels };
      await createWasmBackend(binaries);
      await tf.setBackend("wasm");
    },
    page: (name) => pageFile(read, name),
    openApi: async () => JSON.parse(await textOf(read, "openapi.json")),
    shareModels: setting("KCBERT_SHARE_MODELS") !== "0",
    auth: {
      keys: setting("KCBERT_API_KEYS")
        .split(",")
        .map((key) => key.trim())
        .filter((key) => key !== ""),
    },
    limits: { requestsPerMinute: rate, ...parts.limits },
    clientOf: (c) => c.req.header("authorization") ?? clientOf?.(c.req.raw, c.env),
    log: logTo(setting("KCBERT_LOG")),
    mixesRequests: parts.mixesRequests ?? true,
    preload: parts.preload ?? false,
    ...(parts.shutdown ? { shutdown: parts.shutdown } : {}),
  });
}

// --- internal ---

/** One JSON object a line, where the platform collects them: by default errors and warnings, with `requests` all. */
function logTo(level: string): (record: LogRecord) => void {
  return (record) => {
    if (record.level === "info" && level !== "requests") return;
    console.log(JSON.stringify(record)); // oxlint-disable-line no-console -- the platform's log
  };
}

const types: Record<string, string> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
  wasm: "application/wasm",
};

async function textOf(read: ReadFile, path: string): Promise<string> {
  const file = await read(path);
  if (file === undefined) throw new Error(`Cannot read ${path}: it is missing beside the bundle`);
  return new Response(file as Uint8Array<ArrayBuffer>).text();
}

async function pageFile(read: ReadFile, name: string): Promise<PageFile | undefined> {
  const type = types[/\.([a-z]+)$/.exec(name)?.[1] ?? ""];
  const file = type === undefined ? undefined : await read(`page/${name}`);
  if (type === undefined || file === undefined) return undefined;
  return { type, body: new Uint8Array(await new Response(file as Uint8Array<ArrayBuffer>).arrayBuffer()) };
}
