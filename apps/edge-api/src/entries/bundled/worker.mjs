/** The app on Cloudflare Workers: WebAssembly as modules, files from static assets or R2. */
import { env } from "cloudflare:workers";
import { createServer } from "./app.js";
import { kernels, tfjs } from "./wasm.js";

/** A file from the R2 bucket bound as MODELS, if there is one and it has it, else from the static assets. */
const read = async (path, signal) => {
  const object = await env.MODELS?.get(path);
  if (object) return object.body;
  const response = await env.ASSETS.fetch(new URL(path, "https://assets.local/"), { signal });
  return response.ok ? response.body : undefined;
};

/** 128 MB hold JavaScript, WebAssembly and everything at work. */
const limits = {
  modelBytes: 48 * 1024 * 1024,
  concurrentRequests: 64,
  batchTokens: 1_024,
  queuedTokens: 32_768,
};
const clientOf = (request) => request.headers.get("cf-connecting-ip") ?? undefined;

let server;

export default {
  async fetch(request, env, context) {
    server ??= createServer({ tfjs, kernels, read, env, limits, clientOf, mixesRequests: false });
    server.catch(() => (server = undefined));
    // A request may wait for what another one does, and must not be left alone when that one's client leaves.
    const response = server.then((app) => app.fetch(request, env, context));
    context.waitUntil(response.catch(() => {}));
    return response;
  },
};
