/** The app on Bun: `bun bun.mjs`. */
import { createServer } from "./app.js";

const beside = (path) => Bun.file(new URL(path, import.meta.url));
const bytesOf = async (path) => {
  const file = beside(path);
  return (await file.exists()) ? new Uint8Array(await file.arrayBuffer()) : undefined;
};
const compiled = async (name) => {
  const bytes = await bytesOf(name);
  return bytes && WebAssembly.compile(bytes);
};

const stopping = new AbortController();
const app = await createServer({
  tfjs: await compiled("tfjs.wasm"),
  kernels: await compiled("kernels.wasm"),
  read: (path) => bytesOf(`assets/${path}`),
  env: process.env,
  clientOf: (request) => server.requestIP(request)?.address,
  shutdown: stopping.signal,
});

const port = Number(process.env.PORT ?? 8787);
const server = Bun.serve({
  port,
  hostname: process.env.HOST ?? "0.0.0.0",
  idleTimeout: 60,
  fetch: (request) => app.fetch(request),
});
process.stdout.write(`http://127.0.0.1:${server.port}/\n`);
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, async () => {
    stopping.abort();
    await server.stop();
    process.exit(0);
  });
}
