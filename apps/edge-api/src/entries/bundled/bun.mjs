/** The app on Bun: `bun bun.mjs`. */
const beside = (path) => Bun.file(new URL(path, import.meta.url));
const bytesOf = async (path) => {
  const file = beside(path);
  return (await file.exists()) ? new Uint8Array(await file.arrayBuffer()) : undefined;
};
const compiled = async (name) => {
  const bytes = await bytesOf(name);
  return bytes && WebAssembly.compile(bytes);
};

const [tfjs, kernels] = [compiled("tfjs.wasm"), compiled("kernels.wasm")]; // while the app is
const { createServer } = await import("./app.js");

const stopping = new AbortController();
const app = await createServer({
  tfjs,
  kernels,
  read: (path) => bytesOf(`assets/${path}`),
  env: process.env,
  clientOf: (request) => server.requestIP(request)?.address,
  preload: true,
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
