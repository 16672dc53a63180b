#!/usr/bin/env node
/**
 * The server on Node: `node node.ts --model DIR --training DIR --port 8787`.
 *
 * Answers the three questions that differ between runtimes: where TensorFlow.js's binary is, where a model's bytes are,
 * and how to serve.
 */
import { createAdaptorServer, type HttpBindings } from "@hono/node-server";
import type { Server } from "node:http";
import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";
import { createApp } from "../app.ts";
import { cachedFor, systemClock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { ServedModel } from "../models.ts";
import { runModel } from "../run_model.ts";
import { TrainingRun } from "../training_run.ts";
import { parseNodeArguments, usage, type NodeArguments } from "./_node_arguments.ts";
import { readModel, trainingFolder } from "./_node_folder.ts";
import { listen } from "./_node_listen.ts";
import { withReason } from "./_node_reason.ts";
import { type ShippedModel, shippedModels } from "./_node_shipped.ts";
import { folderPage } from "./_node_page.ts";
import { isWorker, obeySupervisor, superviseWorkers } from "./_node_workers.ts";

/** How long a connection may lie idle, in milliseconds: longer than clients and balancers keep theirs, who else meet a closed one. */
const keepAliveMs = 75_000;

/** How long requests at work may take to end, in milliseconds, after the server was asked to stop. */
const drainMs = 10_000;

try {
  const args = parseNodeArguments(process.argv.slice(2), process.env);
  if (args.help) process.stdout.write(usage);
  else if (args.workers > 1 && !isWorker()) supervise(args);
  else await serve(args);
} catch (error) {
  if (!(error instanceof RangeError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
  if (isWorker()) process.exit(); // its tie to the first process would keep it
}

// --- internal ---

function supervise({ workers, verbose }: NodeArguments): void {
  const log = logTo(process.stderr, verbose);
  superviseWorkers(
    workers,
    (address) => process.stdout.write(`${address}\n`),
    (message) => log({ level: "warning", message }),
  );
}

async function serve(args: NodeArguments): Promise<void> {
  const stopping = new AbortController();
  const log = logTo(process.stderr, args.verbose);
  const run =
    args.training === undefined
      ? undefined
      : new TrainingRun(trainingFolder(args.training), { clock: systemClock, log });
  const shipped = args.models.size === 0 ? shippedModels() : [];
  const named = [...args.models].map(([id, folder]): ShippedModel => ({ id, folder }));
  const app = createApp({
    models: await Promise.all([...named, ...shipped].map((model) => servedFrom(model, args, run))),
    backend: startWasm,
    preload: true,
    ...(run && { training: run }),
    page: folderPage(new URL("../page/", import.meta.url)),
    shareModels: args.shareModels,
    auth: { keys: args.keys },
    limits: { requestsPerMinute: args.requestsPerMinute, modelBytes: args.modelBytes },
    clientOf: (c) => c.req.header("authorization") ?? (c.env as HttpBindings).incoming.socket.remoteAddress,
    log,
    logBodies: args.logBodies,
    shutdown: stopping.signal,
    ...(isWorker() && {
      metrics: (own: () => string) => obeySupervisor(own, () => stop(server, stopping)),
    }),
  });
  const server = createAdaptorServer({ fetch: withReason(app.fetch) as typeof app.fetch }) as Server;
  server.keepAliveTimeout = keepAliveMs;
  const address = await listen(server, args.host, args.port, args.isPortGiven);
  if (isWorker()) return; // the first process says where, and when to stop
  process.stdout.write(`${address}\n`);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop(server, stopping));
}

/** A folder's model; the run's folder may still be empty, any other must hold its model now. */
async function servedFrom(
  { id, folder, shared }: ShippedModel,
  { training }: NodeArguments,
  run: TrainingRun | undefined,
): Promise<ServedModel> {
  if (run !== undefined && folder === training) return runModel(id, run);
  const read = (): ReturnType<typeof readModel> => readModel(folder, { shared });
  if ((await read()) === undefined) {
    throw new RangeError(
      `Cannot serve ${folder} as it must hold config.json, tokenizer.json or vocab.txt, and model.safetensors: one is missing or not whole`,
    );
  }
  return { id, current: cachedFor(1_000, systemClock, read) };
}

async function startWasm(): Promise<void> {
  const [{ createWasmBackend }, tf] = await Promise.all([
    import("@kcbert/kernels"),
    import("@tensorflow/tfjs-core"),
  ]);
  const { resolve } = createRequire(import.meta.url);
  const binary = resolve("@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm");
  await createWasmBackend({ tfjs: await readFile(binary) });
  await tf.setBackend("wasm");
}

/** End streams, take no new request, finish those at work; asked twice, end at once. */
function stop(server: Server, stopping: AbortController): void {
  if (stopping.signal.aborted) process.exit(130);
  stopping.abort();
  server.close(() => process.exit(0));
  setInterval(() => server.closeIdleConnections(), 100).unref(); // a client that keeps its connection would be waited for
  setTimeout(() => server.closeAllConnections(), drainMs).unref();
}

/** One JSON object a line; requests only when asked for. */
function logTo(stream: NodeJS.WritableStream, verbose: boolean): Log {
  return (record) => {
    if (record.level === "info" && !verbose) return;
    stream.write(`${JSON.stringify({ time: new Date().toISOString(), ...record })}\n`);
  };
}
