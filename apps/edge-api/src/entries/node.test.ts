import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { readEvents } from "../page/read_events.ts";
import { appendEvents, recordedRun } from "../testing/recorded_run.ts";
import { temporaryFolder } from "../testing/temporary_folder.ts";
import { tinyModel, writeFolder, type Files } from "../testing/tiny_model.ts";

let files: Files;
beforeAll(async () => {
  files = await tinyModel(1);
});

const program = join(import.meta.dirname, "node.ts");
const ask: RequestInit = {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ inputs: "오늘 영화 정말 [MASK]" }),
};

/** Start the server as a user does. */
function start(...args: string[]): ChildProcess {
  const child = spawn(process.execPath, ["--conditions=@kcbert/source", program, ...args]);
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

/** Its first line. */
async function addressOf(child: ChildProcess): Promise<string> {
  const [line] = await once(createInterface({ input: child.stdout! }), "line");
  return line;
}

/** How it ended, and all it said. */
async function ended(child: ChildProcess) {
  const exit = once(child, "exit");
  const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
  const [code] = await exit;
  return { code, stdout, stderr };
}

/** Take a port, until the test is over. */
async function occupy(port: number): Promise<number> {
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

describe("the server on Node", () => {
  test("prints its address first, answers, and ends cleanly on SIGINT", async () => {
    const folder = join(await temporaryFolder(), "tiny");
    await writeFolder(folder, files);
    const child = start("--model", folder, "--port", "0");
    const address = await addressOf(child);
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    const answer = await fetch(`${address}models/tiny`, ask);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toHaveLength(5);
    const health = await fetch(`${address}health`);
    expect(await health.json()).toMatchObject({ status: "ready", training: null });
    const end = ended(child);
    child.kill("SIGINT");
    expect(await end).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  test("serves the page from this folder, with nothing else beside it", async () => {
    const address = await addressOf(start("--port", "0"));
    const page = await fetch(address);
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    const html = await page.text();
    const assets = [...html.matchAll(/(?:src|href)="(\/page\/[^"]+)"/g)].map(([, path]) => path!);
    expect(assets).toContain("/page/main.js");
    const seen = new Set(assets);
    for (const path of seen) {
      const response = await fetch(new URL(path, address));
      expect(response.status, path).toBe(200);
      const source = await response.text();
      for (const [, name] of source.matchAll(/from "\.\/([^"]+)"/g)) seen.add(`/page/${name}`);
    }
    expect(seen.size).toBeGreaterThan(12);
    const tag = page.headers.get("etag")!;
    expect((await fetch(address, { headers: { "if-none-match": tag } })).status).toBe(304);
    for (const path of [
      "page/../app.ts",
      "page/..%2fapp.ts",
      "page/app.ts",
      "page/.env",
      "page/%00",
      "page/index",
    ]) {
      expect((await fetch(address + path)).status, path).toBe(404);
    }
  });

  test("follows a run that begins later, and ends its streams when it is stopped", async () => {
    const folder = join(await temporaryFolder(), "run");
    const child = start("--training", folder, "--model", folder, "--port", "0");
    const address = await addressOf(child);
    const waiting = await fetch(`${address}models/run`, ask);
    expect(waiting.status).toBe(429);
    const events = readEvents(await fetch(`${address}training/events`));
    expect((await events.next()).value).toMatchObject({ event: "model", data: null });
    await writeFolder(folder, new Map());
    await appendEvents(join(folder, "metrics.jsonl"), [...recordedRun(20)].slice(0, 3));
    expect((await events.next()).value).toMatchObject({ event: "start" });
    expect((await events.next()).value).toMatchObject({ event: "step", data: { step: 1 } });
    await writeFolder(join(folder, "checkpoint-2"), files);
    await events.next();
    expect((await events.next()).value).toMatchObject({
      event: "model",
      data: { state: "checkpoint", step: 2 },
    });
    const answer = await fetch(`${address}models/run`, ask);
    expect(answer.headers.get("x-model-state")).toBe("checkpoint; step=2");
    const end = ended(child);
    child.kill("SIGTERM");
    expect((await events.next()).done).toBe(true);
    expect((await end).code).toBe(0);
  });

  test("finishes the requests at work before it ends", async () => {
    const folder = join(await temporaryFolder(), "tiny");
    await writeFolder(folder, files);
    const child = start("--model", folder, "--port", "0");
    const address = await addressOf(child);
    const answers = Array.from({ length: 8 }, () => fetch(`${address}models/tiny`, ask));
    await Promise.race(answers);
    const end = ended(child);
    child.kill("SIGTERM");
    for (const answer of await Promise.all(answers)) {
      expect(answer.status).toBe(200);
      expect(await answer.json()).toHaveLength(5);
    }
    expect((await end).code).toBe(0);
  });

  test("serves with several processes on one port, as one server", async () => {
    const folder = join(await temporaryFolder(), "tiny");
    await writeFolder(folder, files);
    const child = start("--model", folder, "--port", "0", "--workers", "2");
    const address = await addressOf(child);
    const processes = (): number[] =>
      execFileSync("ps", ["-o", "pid=", "--ppid", String(child.pid)], { encoding: "utf8" })
        .trim()
        .split(/\s+/)
        .map(Number);
    const before = processes();
    expect(before).toHaveLength(2);
    const headers = { "content-type": "application/json", connection: "close" };
    const asked = { ...ask, headers }; // another connection each, and so another process
    for (let i = 0; i < 6; i++) {
      const answer = await fetch(`${address}models/tiny`, asked);
      expect(answer.status).toBe(200);
      expect(await answer.json()).toHaveLength(5);
    }
    const metrics = await (await fetch(`${address}metrics`)).text();
    expect(metrics).toContain('te_request_count{method="single"} 6\n');
    expect(metrics).toContain("kcbert_models_loaded 2\n");

    const log = createInterface({ input: child.stderr! });
    process.kill(before[0]!, "SIGKILL");
    const [line] = await once(log, "line");
    expect(JSON.parse(line)).toMatchObject({ level: "warning", message: expect.stringContaining("SIGKILL") });
    for (let i = 0; i < 4; i++) expect((await fetch(`${address}models/tiny`, asked)).status).toBe(200);
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    expect((await exit)[0]).toBe(0);
    for (const pid of before) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });

  test("several processes that cannot begin say so once, and end", async () => {
    const end = ended(start("--model", join(await temporaryFolder(), "none"), "--workers", "2"));
    const { code, stderr, stdout } = await end;
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^Cannot serve .*none as it must hold config\.json/);
  });

  test("says in a sentence that a port is in use, and takes the next one when none was named", async () => {
    const taken = await occupy(0);
    const named = await ended(start("--port", String(taken)));
    expect(named).toEqual({
      code: 1,
      stdout: "",
      stderr: `Cannot listen on 127.0.0.1 as port ${taken} is in use: name a free one with --port\n`,
    });
    await occupy(8787).catch(() => {}); // somebody may have it already
    const address = await addressOf(start());
    const port = Number(new URL(address).port);
    expect(port).toBeGreaterThan(8_787);
    expect(port).toBeLessThan(8_807);
  });

  test("says in a sentence what is wrong with its command line or its folder", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "config.json"), "{}");
    for (const [args, sentence] of [
      [
        ["--port", "99999"],
        /^Cannot read --port as it must be a whole number from 0 to 65535: it is "99999"\n$/,
      ],
      [["--prot", "1"], /^Cannot read the command line: Unknown option '--prot'\n$/],
      [["--model", ""], /^Cannot read --model as it must name a folder: it is empty\n$/],
      [["--model", folder], /^Cannot serve .* as it must hold config\.json.*one is missing or not whole\n$/],
      [["--model", "/no/such/folder"], /^Cannot serve \/no\/such\/folder as /],
      [
        ["--host", "192.0.2.1", "--port", "0"],
        /^Cannot listen on 192\.0\.2\.1 as it is no address of this machine/,
      ],
    ] as const) {
      const { code, stdout, stderr } = await ended(start(...args));
      expect(stderr).toMatch(sentence);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    }
  });

  test("explains itself", async () => {
    const { code, stdout } = await ended(start("--help"));
    expect(code).toBe(0);
    expect(stdout).toMatch(/--training DIR/);
  });
});
