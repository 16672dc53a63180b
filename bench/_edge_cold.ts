/** For `edge.ts`: milliseconds from the start of a process or an isolate of the bundle to its first answer. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { Miniflare } from "miniflare";
import { median, send } from "./_edge_client.ts";

const times = 9;

/**
 * A new process of Node each time; what the operating system has read before is in its cache.
 *
 * @param compiled Whether the server was started and stopped here before: Node then keeps what it compiled.
 */
export async function coldNode(
  bundle: string,
  path: string,
  body: string,
  compiled: boolean,
): Promise<number> {
  const taken: number[] = [];
  const cache = compiled
    ? { NODE_COMPILE_CACHE: join(bundle, "compiled") }
    : { NODE_DISABLE_COMPILE_CACHE: "1" };
  for (let i = 0; i < times + 1; i++) {
    const start = performance.now();
    const env = { ...process.env, ...cache, PORT: "0", HOST: "127.0.0.1" };
    const child = spawn(process.execPath, ["node.mjs"], {
      cwd: bundle,
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [address] = (await once(createInterface({ input: child.stdout! }), "line")) as [string];
    const { status } = await send(new URL(path, address), body);
    if (i > 0) taken.push(performance.now() - start);
    assert.equal(status, 200);
    child.kill("SIGTERM");
    await once(child, "exit");
  }
  return median(taken);
}

/** A new isolate of workerd each time; its process runs already, as on Cloudflare's machines. */
export async function coldWorker(bundle: string, path: string, body: string): Promise<number> {
  const code = (file: string) => ({
    type: "ESModule" as const,
    path: file,
    contents: readFileSync(join(bundle, file), "utf8"),
  });
  const wasm = (file: string) => ({
    type: "CompiledWasm" as const,
    path: file,
    contents: readFileSync(join(bundle, file)),
  });
  const taken: number[] = [];
  for (let i = 0; i < times; i++) {
    const worker = new Miniflare({
      modules: [code("worker.mjs"), code("app.js"), code("wasm.js"), wasm("tfjs.wasm"), wasm("kernels.wasm")],
      serviceBindings: {
        ASSETS: (asked: Request) =>
          new Response(readFileSync(join(bundle, "assets", new URL(asked.url).pathname))) as never,
      },
      compatibilityDate: "2026-07-01",
    });
    await worker.ready;
    const start = performance.now();
    const response = await worker.dispatchFetch(`http://worker/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    assert.equal(response.status, 200, await response.text());
    taken.push(performance.now() - start);
    await worker.dispose();
  }
  return median(taken);
}
