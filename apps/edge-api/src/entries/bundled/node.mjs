/** The app on Node, without node_modules: `node node.mjs`. */
import { once } from "node:events";
import { open } from "node:fs/promises";
import { enableCompileCache } from "node:module";

const { process } = globalThis; // what is imported by that name is slower to come
enableCompileCache(); // from the second start on; written when the server is stopped

/** A file beside this one, in one piece: it arrives while the app is compiled. */
const bytesOf = async (path) => {
  const file = await open(new URL(path, import.meta.url)).catch((error) => {
    if (error.code !== "ENOENT") throw error;
  });
  try {
    const bytes = file && new Uint8Array((await file.stat()).size);
    let filled = 0;
    while (filled < bytes?.length) {
      const { bytesRead } = await file.read(bytes, filled, bytes.length - filled);
      if (bytesRead === 0) throw new Error(`Cannot read ${path} as it became shorter`);
      filled += bytesRead;
    }
    return bytes;
  } finally {
    await file?.close();
  }
};
const compiled = async (name) => {
  const bytes = await bytesOf(name);
  return bytes && WebAssembly.compile(bytes);
};
const [tfjs, kernels] = [compiled("tfjs.wasm"), compiled("kernels.wasm")];
const { createServer } = await import("./app.js");
const { createServer: createHttpServer } = await import("node:http");
const { getRequestListener, withReason } = await import("./listener.js");

const stopping = new AbortController();
const app = await createServer({
  tfjs,
  kernels,
  read: (path) => bytesOf(`assets/${path}`),
  env: process.env,
  clientOf: (_, { incoming }) => incoming.socket.remoteAddress,
  preload: true,
  shutdown: stopping.signal,
});

const server = createHttpServer(getRequestListener(withReason(app.fetch)));
server.keepAliveTimeout = 75_000; // longer than clients and balancers keep theirs, who else meet a closed one
server.listen(Number(process.env.PORT ?? 8787), process.env.HOST ?? "0.0.0.0");
await once(server, "listening");
process.stdout.write(`http://127.0.0.1:${server.address().port}/\n`);
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    stopping.abort();
    server.close(() => process.exit(0));
    setInterval(() => server.closeIdleConnections(), 100).unref();
    setTimeout(() => server.closeAllConnections(), 10_000).unref();
  });
}
