/**
 * The server under load, single comments of real lengths to a classifier: ours on Node, fp32 and int8, against a Hono server around
 * transformers.js, which computes natively with ONNX Runtime, on both cores and on one; same geometry, same weights, same
 * comments, one after the other. The client is a process of its own on the same machine. Three questions:
 *
 * - at a fixed rate, however long each request takes: what is answered, when, and what it costs;
 * - by more and more clients at once, each of which asks again when it is answered: how many requests a second a server
 *   answers with 99 % of them within 50 ms;
 * - how long a new process or isolate of the bundle takes to its first answer.
 *
 * Every answer is compared with what the server says when it has nothing else to do. `SECONDS=30 npm run bench -- edge`; 3 by
 * default. `KCBERT_MODEL` names a folder of another geometry. `PARTS=rates,clients,cold` names the questions.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import {
  busily,
  comments,
  type Expected,
  median,
  type Run,
  send,
  bodies,
  singly,
  steadily,
} from "./_edge_client.ts";
import { writeModels } from "./_edge_models.ts";

const seconds = Number(process.env["SECONDS"] ?? 3);
const parts = (process.env["PARTS"] ?? "rates,clients,cold").split(",");
const root = mkdtempSync(join(tmpdir(), "bench-edge-"));
process.on("exit", () => rmSync(root, { recursive: true, force: true }));

const { fp32, int8 } = await writeModels(root);
const ours = join(import.meta.dirname, "../apps/edge-api/src/entries/node.ts");
const peer = [join(import.meta.dirname, "_edge_peer.ts"), fp32];
const servers: Record<string, string[]> = {
  "ours, fp32, one thread": [ours, "--port", "0", "--model", `model=${fp32}`],
  "ours, int8, one thread": [ours, "--port", "0", "--model", `model=${int8}`],
  "ours, int8, --workers 2": [ours, "--port", "0", "--workers", "2", "--model", `model=${int8}`],
  "transformers.js 4.3.1 in Hono, fp32": peer,
  "transformers.js 4.3.1 in Hono, fp32, one thread": [...peer, "1"],
};

console.log(
  `${seconds} s a measurement; Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? "?"}`,
);
console.log(
  `${comments.length} comments, real ones of ${median(comments.map(({ length }) => length))} characters in the middle\n`,
);
if (parts.includes("rates")) await measureRates();
if (parts.includes("clients")) await measureClients();
if (parts.includes("cold")) await measureCold();
process.exit(0);

// --- internal ---

interface Served {
  readonly url: URL;
  readonly child: ChildProcess;
  readonly expected: Expected;
}

/** Start a server, ask it everything once, and end it after `work`. */
async function serving(args: string[], work: (served: Served, cold: number) => Promise<void>): Promise<void> {
  const begun = performance.now();
  const child = spawn(process.execPath, ["--conditions=@kcbert/source", ...args], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [address] = (await once(createInterface({ input: child.stdout! }), "line")) as [string];
  const url = new URL("models/model", address);
  await send(url, bodies[0]!);
  const cold = performance.now() - begun;
  await work({ url, child, expected: await singly(url) }, cold);
  child.kill("SIGTERM");
  await once(child, "exit");
}

async function measureRates(): Promise<void> {
  row(
    "server",
    "first answer from source, ms",
    "requests/s",
    "200",
    "429",
    "other",
    "wrong",
    "p50, ms",
    "p99, ms",
    "processor, ms a request",
    "memory, MB",
  );
  row("---", ...Array.from({ length: 10 }, () => "---:"));
  for (const [name, args] of Object.entries(servers)) {
    await serving(args, async ({ url, child, expected }, cold) => {
      for (const rate of [50, 200]) {
        const before = cpuMs(child);
        const run = await steadily(url, rate, seconds, expected);
        const cpu = cpuMs(child) - before;
        row(
          name,
          cold.toFixed(0),
          rate,
          ...sharesOf(run),
          run.wrong,
          run.p50.toFixed(1),
          run.p99.toFixed(1),
          (cpu / allOf(run)).toFixed(2),
          memoryOf(child).toFixed(0),
        );
      }
    });
  }
  console.log();
}

async function measureClients(): Promise<void> {
  const best = new Map<string, number>();
  row("server", "clients", "requests/s", "not 200", "wrong", "p50, ms", "p99, ms", "processor, ms a request");
  row("---", ...Array.from({ length: 7 }, () => "---:"));
  for (const [name, args] of Object.entries(servers)) {
    await serving(args, async ({ url, child, expected }) => {
      for (const clients of [1, 2, 4, 8, 16, 32, 64]) {
        const before = cpuMs(child);
        const run = await busily(url, clients, seconds, expected);
        const cpu = cpuMs(child) - before;
        row(
          name,
          clients,
          run.perSecond.toFixed(0),
          run.busy + run.other,
          run.wrong,
          run.p50.toFixed(1),
          run.p99.toFixed(1),
          (cpu / allOf(run)).toFixed(2),
        );
        if (run.p99 <= 50 && run.busy + run.other === 0)
          best.set(name, Math.max(best.get(name) ?? 0, run.perSecond));
      }
    });
  }
  console.log();
  const peers = [...best].filter(([name]) => name.startsWith("transformers.js"));
  row("server", "requests/s, 99 % within 50 ms", ...peers.map(([name]) => `times ${name}`));
  row("---", "---:", ...peers.map(() => "---:"));
  for (const [name, rate] of best) {
    row(name, rate.toFixed(0), ...peers.map(([, other]) => (rate / other).toFixed(2)));
  }
  console.log();
}

async function measureCold(): Promise<void> {
  const { writeBundle } = await import("../apps/edge-api/src/bundling/write_bundle.ts");
  const { coldNode, coldWorker } = await import("./_edge_cold.ts");
  const mini = join(import.meta.dirname, "../packages/model-mini");
  const mask = JSON.stringify({ inputs: "오늘 영화 정말 [MASK]" });
  const asked: [name: string, path: string, body: string][] = [
    ["@kcbert/model-mini, a comment's sentiment", "models/sentiment", bodies[0]!],
    ["@kcbert/model-mini, a mask filled", "models/mini", mask],
    ["the model of the load, int8", "models/model", bodies[0]!],
  ];
  console.log("The bundle's first answer, median of nine, its process or isolate started for it:\n");
  row("", "Node, first start, ms", "Node, later, ms", "workerd, ms");
  row("---", "---:", "---:", "---:");
  for (const [name, path, body] of asked) {
    const bundle = join(root, "bundle");
    const models =
      path === "models/model"
        ? [{ id: "model", folder: int8 }]
        : path === "models/mini"
          ? [{ id: "mini", folder: mini }]
          : [{ id: "sentiment", folder: join(mini, "sentiment"), shared: mini }];
    await writeBundle(bundle, models);
    const times = [
      await coldNode(bundle, path, body, false),
      await coldNode(bundle, path, body, true),
      await coldWorker(bundle, path, body),
    ];
    row(name, ...times.map((ms) => ms.toFixed(0)));
  }
}

function row(...cells: (string | number)[]): void {
  console.log(`| ${cells.join(" | ")} |`);
}

function allOf({ ok, busy, other }: Run): number {
  return ok + busy + other;
}

function sharesOf(run: Run): string[] {
  const all = allOf(run);
  return [run.ok, run.busy, run.other].map(
    (count) => `${((100 * count) / all).toFixed(count === all || count === 0 ? 0 : 1)} %`,
  );
}

/** Megabytes that a server's processes have in memory. */
function memoryOf({ pid }: ChildProcess): number {
  const resident = (pid: number): number =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1_000;
  return processesOf(pid!).reduce((sum, pid) => sum + resident(pid), 0);
}

/** Milliseconds of processor time that they have taken, on all cores: what others do on the machine is not in it. */
function cpuMs({ pid }: ChildProcess): number {
  const taken = (pid: number): number => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    return 10 * (Number(fields[11]) + Number(fields[12])); // user and system, in hundredths of a second
  };
  return processesOf(pid!).reduce((sum, pid) => sum + taken(pid), 0);
}

function processesOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return [pid, ...(children === "" ? [] : children.split(" ").map(Number))];
}
