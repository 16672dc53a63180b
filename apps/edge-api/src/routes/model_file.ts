import { ApiError } from "../api_error.ts";
import type { Models } from "../models.ts";
import type { AppHandler } from "../service.ts";

/** The files of a model's folder that a browser needs to run it. */
const shared: ReadonlySet<string> = new Set([
  "config.json",
  "vocab.txt",
  "tokenizer.json",
  "tokenizer_config.json",
  "model.safetensors",
  "model.int8.safetensors",
  "model.int4.safetensors",
  "overlay.int8.safetensors",
  "model.safetensors.index.json",
  "model.int8.safetensors.index.json",
  "model.int4.safetensors.index.json",
]);

/** `GET /models/{id}/files/{name}`: a file of a model, for a page that runs the model itself. */
export function modelFileRoute(models: Models): AppHandler {
  return async (c) => {
    const path = decodeURIComponent(new URL(c.req.url).pathname.slice("/models/".length));
    const [, id = path, name = ""] = /^(.+)\/files\/([\w.-]+)$/.exec(path) ?? [];
    const version = await models.require(id).current();
    const isShared = shared.has(name) || /^model(?:\.int[48])?-\d{5}-of-\d{5}\.safetensors$/.test(name);
    if (!isShared) throw new ApiError(404, `The model "${id}" shares no file "${name.slice(0, 100)}"`);
    const file = await version?.source(name, { signal: c.req.raw.signal });
    if (file === undefined) return c.body(null, 204); // a browser complains of 404, and the folder need not have it
    c.header(
      "Content-Type",
      /\.(?:json|txt)$/.test(name) ? "text/plain; charset=utf-8" : "application/octet-stream",
    );
    c.header("Cache-Control", "no-cache");
    c.header("X-Model-Revision", version!.revision);
    return c.body(file as Uint8Array<ArrayBuffer>);
  };
}
