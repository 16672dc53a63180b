/** The app on Deno, also on Deno Deploy: `deno run --allow-read --allow-net --allow-env deno.mjs`. */
const beside = (path) => new URL(path, import.meta.url);
const orUndefined = (error) => {
  if (error instanceof Deno.errors.NotFound) return undefined;
  throw error;
};
const compiled = async (name) => {
  const bytes = await Deno.readFile(beside(name)).catch(orUndefined);
  return bytes && WebAssembly.compile(bytes);
};

const [tfjs, kernels] = [compiled("tfjs.wasm"), compiled("kernels.wasm")]; // while the app is
const { createServer } = await import("./app.js");

const stopping = new AbortController();
const app = await createServer({
  tfjs,
  kernels,
  read: (path) => Deno.readFile(beside(`assets/${path}`)).catch(orUndefined),
  env: Deno.env.toObject(),
  clientOf: (_, { remoteAddr }) => remoteAddr.hostname,
  preload: true,
  shutdown: stopping.signal,
});

const port = Number(Deno.env.get("PORT") ?? 8787);
const hostname = Deno.env.get("HOST") ?? "0.0.0.0";
const onListen = ({ port }) => console.log(`http://127.0.0.1:${port}/`); // oxlint-disable-line no-console -- where it is
const server = Deno.serve({ port, hostname, onListen }, (request, { remoteAddr }) =>
  app.fetch(request, { remoteAddr }),
);
for (const signal of ["SIGINT", "SIGTERM"]) {
  try {
    Deno.addSignalListener(signal, () => {
      stopping.abort();
      server.shutdown();
    });
  } catch {
    // Deno Deploy sends none
  }
}
