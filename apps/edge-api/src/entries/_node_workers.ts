/**
 * Several processes on one port, each with the whole server and models of its own: a model computes on one core.
 *
 * The first process computes nothing: it starts the others, hands them connections in turn, replaces one that dies, adds up
 * their metrics, and tells them to stop.
 *
 * @module
 */
import cluster, { type Worker } from "node:cluster";
import { joinedMetrics } from "../metrics.ts";

/** Milliseconds that a process has to tell its metrics; one that computes for longer is left out. */
const tellMs = 2_000;

/** What the processes tell one another. */
type Message =
  | { readonly stop: true }
  /** Asks a process for its metrics, or the first one for those of all. */
  | { readonly wanted: number }
  /** Tells them. */
  | { readonly told: number; readonly text: string };

/** Whether this process is one of several that serve together. */
export function isWorker(): boolean {
  return cluster.isWorker;
}

/**
 * Start `count` processes of this program and look after them until they are told to stop.
 *
 * @param onListening Told the address once all of them listen.
 * @param onDeath Told when one of them died and another takes its place.
 */
export function superviseWorkers(
  count: number,
  onListening: (address: string) => void,
  onDeath: (sentence: string) => void,
): void {
  const listening = new Set<Worker>();
  let [isStopping, isKnown] = [false, false];
  cluster.on("listening", (worker, { address, port }) => {
    listening.add(worker);
    if (isKnown || listening.size < count) return;
    isKnown = true;
    onListening(`http://${address?.includes(":") ? `[${address}]` : (address ?? "127.0.0.1")}:${port}/`);
  });
  cluster.on("exit", (worker, code, signal) => {
    const hasListened = listening.delete(worker);
    if (isStopping || !hasListened) {
      process.exitCode ||= isStopping ? 0 : code || 1; // it has said why it could not begin
      if (!isStopping) stop();
      return;
    }
    onDeath(`A process that serves ended (${signal ?? code}): another takes its place`);
    cluster.fork();
  });
  cluster.on("message", (worker, message: Message) => {
    if ("wanted" in message) void tellAll(worker, message.wanted);
  });
  const stop = (): void => {
    if (isStopping) {
      for (const worker of workers()) worker.process.kill("SIGKILL");
      process.exit(130);
    }
    isStopping = true;
    for (const worker of workers()) {
      if (listening.has(worker)) send(worker, { stop: true });
      else worker.process.kill("SIGKILL"); // it serves nothing yet, and would not hear
    }
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stop);
  for (let i = 0; i < count; i++) cluster.fork();
}

/**
 * In one of the processes: obey the first one.
 *
 * @param metrics Its own metrics.
 * @param stop Ends it.
 * @returns Gives the metrics of all.
 */
export function obeySupervisor(metrics: () => string, stop: () => void): () => Promise<string> {
  const waiting = new Map<number, (text: string) => void>();
  let asked = 0;
  process.on("message", (message: Message) => {
    if ("stop" in message) stop();
    else if ("wanted" in message) process.send!({ told: message.wanted, text: metrics() } satisfies Message);
    else {
      waiting.get(message.told)?.(message.text);
      waiting.delete(message.told);
    }
  });
  // In a terminal Ctrl-C reaches every process; the first one says when to end.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
  return () =>
    new Promise((resolve) => {
      waiting.set(++asked, resolve);
      process.send!({ wanted: asked } satisfies Message);
    });
}

// --- internal ---

let questions = 0;

function workers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}

function send(worker: Worker, message: Message): void {
  if (worker.isConnected()) worker.send(message);
}

/** Collect the metrics of all for one of them. */
async function tellAll(asker: Worker, number: number): Promise<void> {
  const texts = await Promise.all(workers().map(metricsOf));
  send(asker, { told: number, text: joinedMetrics(texts.filter((text) => text !== undefined)) });
}

function metricsOf(worker: Worker): Promise<string | undefined> {
  const question = ++questions;
  return new Promise((resolve) => {
    const end = (text?: string): void => {
      clearTimeout(timer);
      worker.off("message", hear);
      resolve(text);
    };
    const hear = (message: Message): void => {
      if ("told" in message && message.told === question) end(message.text);
    };
    const timer = setTimeout(end, tellMs);
    worker.on("message", hear);
    send(worker, { wanted: question });
  });
}
