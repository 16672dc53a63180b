/**
 * The app inside a worker of the browser: the same routes, models and kernels as on the server, with files from it. What is
 * typed stays in the browser.
 */
import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs-core";
import { createApp } from "../app.ts";
import { setWebPlatform } from "../bundling/web_platform.ts";
import type { ModelVersion, ServedModel } from "../models.ts";
import type { LocalMessage, LocalModel } from "./local_client.ts";

let app: ReturnType<typeof createApp> | undefined;
const leaving = new Map<number, AbortController>();

addEventListener("message", ({ data }: MessageEvent<LocalMessage>) => {
  if ("models" in data)
    app = createApp({ models: data.models.map((model) => served(model, data.key)), backend });
  else if ("leave" in data) leaving.get(data.leave)?.abort();
  else void answer(data);
});

// --- internal ---

async function answer({ number, path, body }: { number: number; path: string; body: string }): Promise<void> {
  const leave = new AbortController();
  leaving.set(number, leave);
  const headers = { "content-type": "application/json" };
  const request = new Request(new URL(path, location.href), {
    method: "POST",
    headers,
    body,
    signal: leave.signal,
  });
  const response = await app!.fetch(request);
  leaving.delete(number);
  if (!leave.signal.aborted) postMessage({ number, status: response.status, json: await response.json() });
}

async function backend(): Promise<void> {
  setWebPlatform();
  await createWasmBackend({ tfjs: new URL("/page/tfjs.wasm", location.href) });
  await tf.setBackend("wasm");
}

/** A model whose files the server gives. */
function served({ id, shares_weights_with: other }: LocalModel, key: string): ServedModel {
  const headers = key === "" ? {} : { authorization: `Bearer ${key}` };
  const version: ModelVersion = {
    revision: "browser",
    state: "final",
    step: null,
    weights: other ?? id,
    async source(name, { range, signal } = {}) {
      const owner = /^model.*\.safetensors$/.test(name) ? (other ?? id) : id; // one address, so that it is fetched once
      const response = await fetch(addressOf(owner, name), { headers, ...(signal ? { signal } : {}) });
      if (response.status === 204) return undefined;
      if (!response.ok) throw new Error((await response.json()).error ?? response.statusText);
      const bytes = new Uint8Array(await response.arrayBuffer());
      return range === undefined ? bytes : bytes.subarray(range[0], range[1]);
    },
  };
  return { id, current: async () => version };
}

function addressOf(id: string, name: string): string {
  return `/models/${id.split("/").map(encodeURIComponent).join("/")}/files/${name}`;
}
