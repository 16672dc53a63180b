/** The app on Node, without node_modules: `node node.mjs`. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import process from "node:process";
import { createServer } from "./app.js";
import { getRequestListener } from "./listener.js";

const bytesOf = (path) =>
  readFile(new URL(path, import.meta.url)).catch((error) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
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
  clientOf: (_, { incoming }) => incoming.socket.remoteAddress,
  shutdown: stopping.signal,
});

const server = createHttpServer(getRequestListener(app.fetch));
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
